//! The sources of one crate: for each module, what it defines, re-exports and imports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The path of a module from the crate's root; empty for the root itself.
pub(super) type Module = Vec<String>;

/// A path in a file, as written: `["super", "rows", "TokenRow"]`.
pub(super) type Named = Vec<String>;

/// The content of one file.
#[derive(Default)]
pub(super) struct File {
    /// The items that it defines.
    pub(super) defines: BTreeSet<String>,
    /// Its `pub use` lines: the exported name and the path. The name of a glob import is `*`.
    pub(super) exports: Vec<(String, Named)>,
    /// Every path that it names.
    pub(super) names: BTreeSet<Named>,
    /// The local names of its imports: `use crate::rows;` adds `rows`.
    pub(super) aliases: BTreeMap<String, Named>,
    /// The number of inline modules around the current position: they belong to the same file.
    depth: usize,
}

/// One crate.
pub(super) struct Source {
    pub(super) files: BTreeMap<Module, File>,
    /// The modules that the root declares, each with the number of its group, counted from the top of the file.
    pub(super) groups: BTreeMap<String, usize>,
}

impl Source {
    /// Reads all files below a crate's `src`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is not valid Rust.
    pub(super) fn read(src: &Path) -> Result<Self> {
        let mut source = Self { files: BTreeMap::new(), groups: BTreeMap::new() };
        source.read_folder(src, &[])?;
        Ok(source)
    }

    fn read_folder(&mut self, folder: &Path, module: &[String]) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            let Some(name) = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            let mut inner = module.to_vec();
            if path.is_dir() {
                inner.push(name);
                self.read_folder(&path, &inner)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let is_root = module.is_empty() && matches!(&*name, "lib" | "main");
                if !is_root && name != "mod" {
                    inner.push(name);
                }
                let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                self.read_file(inner, &text).with_context(|| format!("cannot parse {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Parses the file of a module.
    ///
    /// # Errors
    ///
    /// If it is not valid Rust.
    pub(super) fn read_file(&mut self, module: Module, text: &str) -> Result<()> {
        let parsed = syn::parse_file(text)?;
        if module.is_empty() {
            self.groups.extend(groups(&parsed.items, text));
        }
        let mut file = File::default();
        file.visit_file(&parsed);
        self.files.insert(module, file);
        Ok(())
    }
}

/// The modules that are declared without a body, each with the number of its group. A blank line starts a new group.
fn groups(items: &[Item], text: &str) -> Vec<(String, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut groups = Vec::new();
    let (mut group, mut last) = (0, 0);
    for item in items {
        let Item::Mod(ItemMod { ident, content: None, .. }) = item else { continue };
        let (first, end) = (item.span().start().line, item.span().end().line);
        let is_apart = lines
            .get(last..first.saturating_sub(1))
            .is_some_and(|between| between.iter().any(|line| line.trim().is_empty()));
        if is_apart {
            group += 1;
        }
        groups.push((ident.to_string(), group));
        last = end;
    }
    groups
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

impl File {
    /// A path as it would be written outside of inline modules.
    fn outside(&self, mut path: Named) -> Named {
        let steps = path.iter().take(self.depth).take_while(|step| *step == "super").count();
        if steps == self.depth && steps > 0 {
            path.splice(..steps, ["self".to_owned()]);
        }
        path
    }
}

impl<'ast> Visit<'ast> for File {
    fn visit_item(&mut self, item: &'ast Item) {
        let (name, attributes) = match item {
            Item::Const(item) => (Some(&item.ident), &item.attrs),
            Item::Enum(item) => (Some(&item.ident), &item.attrs),
            Item::Fn(item) => (Some(&item.sig.ident), &item.attrs),
            Item::Macro(item) => (item.ident.as_ref(), &item.attrs),
            Item::Static(item) => (Some(&item.ident), &item.attrs),
            Item::Struct(item) => (Some(&item.ident), &item.attrs),
            Item::Trait(item) => (Some(&item.ident), &item.attrs),
            Item::Type(item) => (Some(&item.ident), &item.attrs),
            Item::Union(item) => (Some(&item.ident), &item.attrs),
            Item::Mod(item) => (None, &item.attrs),
            Item::Impl(item) => (None, &item.attrs),
            _ => (None, &Vec::new()),
        };
        if is_for_tests(attributes) {
            return;
        }
        self.defines.extend(name.map(ToString::to_string));
        let is_inner = matches!(item, Item::Mod(ItemMod { content: Some(_), .. }));
        self.depth += usize::from(is_inner);
        visit::visit_item(self, item);
        self.depth -= usize::from(is_inner);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let mut imports = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut imports);
        let is_exported = !matches!(item.vis, Visibility::Inherited);
        for (name, path) in imports {
            let path = self.outside(path);
            if is_exported {
                self.exports.push((name.clone(), path.clone()));
            }
            self.aliases.insert(name, path.clone());
            self.names.insert(path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let path_named: Named = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path_named.len() > 1 {
            self.names.insert(self.outside(path_named));
        }
        visit::visit_path(self, path);
    }
}

/// The paths of a `use` line, each with its local name.
fn flatten(tree: &UseTree, before: &mut Named, imports: &mut Vec<(String, Named)>) {
    let mut take = |name: String, last: Option<String>| {
        imports.push((name, before.iter().cloned().chain(last).collect()));
    };
    match tree {
        UseTree::Name(name) if name.ident == "self" => take(before.last().cloned().unwrap_or_default(), None),
        UseTree::Name(name) => take(name.ident.to_string(), Some(name.ident.to_string())),
        UseTree::Rename(rename) => take(rename.rename.to_string(), Some(rename.ident.to_string())),
        UseTree::Glob(_) => take("*".to_owned(), None),
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, imports);
            before.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, imports)),
    }
}
