//! The graph of imports between files.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{File, Module, Source};

/// How many re-exports and aliases are followed. No crate chains more.
const DEPTH: usize = 8;

/// For each file, the files that it imports, except itself.
pub(super) struct Graph(BTreeMap<Module, BTreeSet<Module>>);

impl Graph {
    /// Follows every path that a file names to the file that defines the item.
    pub(super) fn of(source: &Source) -> Self {
        let edges = source.files.iter().map(|(module, file)| {
            let named = file.names.iter().filter_map(|path| resolve(source, module, path, DEPTH));
            (module.clone(), named.filter(|target| target != module).collect())
        });
        Self(edges.collect())
    }

    /// The cycles: sets of files of which each imports each other, directly or indirectly.
    pub(super) fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.0.keys().map(|module| (module, self.reached_from(module))).collect();
        let reaches = |from: &Module, to: &Module| reached.get(from).is_some_and(|reached| reached.contains(to));
        let mut circles = Vec::new();
        let mut seen: BTreeSet<&Module> = BTreeSet::new();
        for (module, from_here) in &reached {
            if !seen.contains(module) && from_here.contains(module) {
                let circle: Vec<_> = from_here.iter().copied().filter(|other| reaches(other, module)).collect();
                circles.push(circle.iter().map(|module| shown(module)).collect());
                seen.extend(circle);
            }
        }
        circles
    }

    /// Imports from modules that the root declares in a later group than the importing module.
    pub(super) fn upward(&self, source: &Source) -> Vec<String> {
        let group = |module: &Module| source.groups.get(module.first()?).copied();
        let mut upward = Vec::new();
        for (module, imports) in &self.0 {
            let above = imports.iter().filter(|import| group(module) < group(import) && group(module).is_some());
            upward
                .extend(above.map(|import| format!("{} imports {}, which is above it", shown(module), shown(import))));
        }
        upward
    }

    fn reached_from(&self, module: &Module) -> BTreeSet<&Module> {
        let mut reached = BTreeSet::new();
        let mut left: Vec<_> = self.0.get(module).into_iter().flatten().collect();
        while let Some(next) = left.pop() {
            if reached.insert(next) {
                left.extend(self.0.get(next).into_iter().flatten());
            }
        }
        reached
    }
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "the root".to_owned() } else { module.join("::") }
}

/// The file that defines the item that a path names in a module. `None` if another crate defines it.
fn resolve(source: &Source, module: &Module, path: &[String], depth: usize) -> Option<Module> {
    let depth = depth.checked_sub(1)?;
    let (first, rest) = path.split_first()?;
    let file = source.files.get(module)?;
    match first.as_str() {
        "crate" => within(source, Vec::new(), rest, depth),
        "self" => within(source, module.clone(), rest, depth),
        "super" => within(source, module.split_last()?.1.to_vec(), rest, depth),
        name if source.files.contains_key(&child(module, name)) => within(source, child(module, name), rest, depth),
        name => {
            let alias = file.aliases.get(name).filter(|alias| alias.first() != Some(first))?;
            let whole: Vec<_> = alias.iter().chain(rest).cloned().collect();
            resolve(source, module, &whole, depth)
        }
    }
}

/// The same for a path that starts in a module.
fn within(source: &Source, module: Module, path: &[String], depth: usize) -> Option<Module> {
    let depth = depth.checked_sub(1)?;
    let Some((first, rest)) = path.split_first() else { return Some(module) };
    if first == "super" {
        return within(source, module.split_last()?.1.to_vec(), rest, depth);
    }
    let inner = child(&module, first);
    if source.files.contains_key(&inner) {
        return within(source, inner, rest, depth);
    }
    let file = source.files.get(&module)?;
    if file.defines.contains(first) {
        return Some(module);
    }
    exported(source, &module, file, path, depth).or(Some(module))
}

/// The file from which a module re-exports the path's first name, which it does not define itself.
fn exported(source: &Source, module: &Module, file: &File, path: &[String], depth: usize) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    if let Some((_, origin)) = file.exports.iter().find(|(name, _)| name == first) {
        let whole: Vec<_> = origin.iter().chain(rest).cloned().collect();
        return resolve(source, module, &whole, depth);
    }
    let globs = file.exports.iter().filter(|(name, _)| name == "*");
    let mut origins = globs.filter_map(|(_, origin)| resolve(source, module, origin, depth));
    origins.find(|origin| {
        source
            .files
            .get(origin)
            .is_some_and(|file| file.defines.contains(first) || file.exports.iter().any(|(name, _)| name == first))
    })
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(files: &[(&str, &str)]) -> Source {
        let mut source = Source { files: BTreeMap::new(), groups: BTreeMap::new() };
        for (module, text) in files {
            let module = module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
            source.read_file(module, text).unwrap();
        }
        source
    }

    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        Graph::of(&source(files)).circles()
    }

    #[test]
    fn a_circle_is_found_whichever_way_it_is_written() {
        let root = ("", "mod a; mod b; pub use b::B;");
        let b = ("b", "use crate::a::A; pub struct B(A);");
        for a in [
            "use crate::b::B; pub struct A(B);",
            "use super::b::B; pub struct A(B);",
            "use crate::B; pub struct A(B);",
            "use crate::b; pub struct A(b::B);",
            "pub struct A(crate::b::B);",
            "pub struct A; fn f() { let _ = crate::b::B::default(); }",
        ] {
            assert_eq!(circles(&[root, b, ("a", a)]), [["a", "b"]], "{a}");
        }
    }

    #[test]
    fn a_parent_and_its_child_are_files_like_any_other() {
        let child = "use super::Shared; pub struct Child(Shared);";
        let parent = "mod child; pub struct Shared; pub fn f(_: child::Child) {}";
        assert_eq!(
            circles(&[("", "mod parent;"), ("parent", parent), ("parent::child", child)]),
            [["parent", "parent::child"]]
        );
        let parent = "mod child; mod shared; pub use self::shared::*; pub fn f(_: child::Child) {}";
        let files = [
            ("", "mod parent;"),
            ("parent", parent),
            ("parent::child", child),
            ("parent::shared", "pub struct Shared;"),
        ];
        assert_eq!(circles(&files), [[""; 0]; 0], "a re-export counts as an import of the defining file");
    }

    #[test]
    fn tests_within_a_file_import_what_they_like() {
        let a = "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }";
        assert_eq!(
            circles(&[("", "mod a; mod b;"), ("a", a), ("b", "use crate::a::A; pub struct B(A);")]),
            [[""; 0]; 0]
        );
    }

    #[test]
    fn no_module_imports_from_a_group_below_its_own() {
        let root = ("", "// Low.\nmod a;\nmod b;\n\n// High.\nmod c;\n");
        let files =
            [root, ("a", "use crate::c::C;"), ("b", "use crate::a::A;"), ("c", "use crate::b::B; pub struct C;")];
        let source = source(&files);
        assert_eq!(Graph::of(&source).upward(&source), ["a imports c, which is above it"]);
    }
}
