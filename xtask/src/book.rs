//! `cargo xtask docs --build`: the documentation as a website, built by mdBook from the Markdown files of the repository.
//!
//! The files stay where they are, with links that work on GitHub. A copy of each page that `docs/SUMMARY.md` lists is put
//! into a source folder; links that lead out of it are changed there. The site loads nothing from other hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::built;
use crate::files::{copy, remove};
use crate::links::{self, SUMMARY};
use crate::markdown::{self, attributes};
use crate::process;
use crate::project::Project;
use crate::tools;

/// The settings, styles and scripts of the site.
const SETTINGS: &str = "xtask/book";

/// Draws the diagrams.
const MERMAID: &str = "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js";

/// Files besides pages that the site has if a page links to them. Images are always copied.
const FILES: [&str; 3] = ["openapi.json", "LICENSE-APACHE", "LICENSE-MIT"];

/// Builds the site and serves it on `port` until it is stopped.
///
/// # Errors
///
/// If the port is in use, or the site cannot be built.
pub(crate) fn serve(project: &Project, port: u16) -> Result<()> {
    // Reported now rather than after the build.
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} on 127.0.0.1 is not available; choose another with --port N"))?;
    let site = build(project)?;
    let mut node = project.command("node");
    process::replace(node.arg("xtask/js/docs.mjs").arg(site).arg(port.to_string()))
}

/// Builds the site into `build/docs` and returns that folder.
///
/// # Errors
///
/// If a tool or a page is missing, or a link of the site leads nowhere.
pub(crate) fn build(project: &Project) -> Result<PathBuf> {
    tools::ensure_npm(project)?;
    let mdbook = tools::mdbook(project)?;
    let _lock = built::lock(project, built::DOCS)?;
    let source = project.target.join("xtask/docs");
    assemble(project, &source)?;
    let (folder, partial) = (project.root.join(built::DOCS), project.root.join(format!("{}.partial", built::DOCS)));
    remove(&partial)?;
    let said =
        process::output_with_errors(project.command(mdbook).arg("build").arg(&source).arg("--dest-dir").arg(&partial))?;
    // mdBook builds in spite of what it warns of, such as HTML that it cannot read.
    ensure!(!said.contains("WARN") && !said.contains("ERROR"), "mdbook reports problems:\n{said}");
    check(&partial)?;
    remove(&folder)?;
    fs::rename(&partial, &folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Puts everything that mdBook reads into `source`.
fn assemble(project: &Project, source: &Path) -> Result<()> {
    remove(source)?;
    copy(&project.root.join(SETTINGS), source)?;
    copy(&project.root.join(MERMAID), &source.join("mermaid.tiny.js"))?;
    let read = |name: &str| fs::read_to_string(project.root.join(name)).with_context(|| format!("cannot read {name}"));
    let write = |name: &str, text: &str| {
        let path = source.join("src").join(name);
        fs::create_dir_all(path.parent().unwrap_or(source)).context("cannot create the source folder")?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let summary = read(SUMMARY)?;
    let links = markdown::read(&summary).links;
    let pages = links.iter().filter_map(|link| links::resolve(SUMMARY, &link.to).ok()).collect::<BTreeSet<_>>();
    write("SUMMARY.md", &summary_of_site(&summary))?;
    for page in &pages {
        let Prepared { text, files } = prepare(page, &read(page)?, &pages);
        write(&name_on_site(page), &text)?;
        for file in files {
            write(&file, "")?;
            copy(&project.root.join(&file), &source.join("src").join(&file))?;
        }
    }
    Ok(())
}

/// mdBook reads the navigation at the root of the source folder, and its headings of the first level as parts.
fn summary_of_site(summary: &str) -> String {
    let links = markdown::read(summary).links;
    let edits = links.into_iter().filter_map(|link| {
        let shown = summary.get(link.shown)?;
        let page = name_on_site(&links::resolve(SUMMARY, &link.to).ok()?);
        Some((link.whole, format!("[{shown}]({page})")))
    });
    edited(summary, edits.collect())
}

/// A page as the site has it.
struct Prepared {
    text: String,
    /// The files that it links to or shows, besides pages.
    files: BTreeSet<String>,
}

/// Changes a page for the site, which has `pages` and no other file of the repository: a link to another file becomes plain
/// text.
fn prepare(name: &str, text: &str, pages: &BTreeSet<String>) -> Prepared {
    let page = markdown::read(text);
    let mut files = BTreeSet::new();
    let mut edits = Vec::new();
    for link in page.links {
        let (path, anchor) = link.to.split_once('#').map_or((&*link.to, ""), |(path, anchor)| (path, anchor));
        if path.is_empty() || path.contains(':') {
            continue;
        }
        let Ok(target) = links::resolve(name, path) else { continue };
        let shown = text.get(link.shown).unwrap_or_default();
        if pages.contains(&target) {
            let to = name_on_site(path);
            if to != path {
                let anchor = if anchor.is_empty() { String::new() } else { format!("#{anchor}") };
                edits.push((link.whole, format!("[{shown}]({to}{anchor})")));
            }
        } else if FILES.contains(&&*target) || is_image(&target) {
            files.insert(target);
        } else {
            edits.push((link.whole, shown.to_owned()));
        }
    }
    for block in page.code_blocks.into_iter().filter(|block| block.language == "mermaid") {
        // An empty line would end the HTML.
        let lines = block.code.lines().filter(|line| !line.trim().is_empty()).map(escaped);
        let diagram = lines.collect::<Vec<_>>().join("\n");
        edits.push((block.whole, format!("<pre class=\"mermaid\">{diagram}</pre>")));
    }
    Prepared { text: edited(text, edits), files }
}

/// A README is the page of its folder.
fn name_on_site(page: &str) -> String {
    match page.strip_suffix("README.md") {
        Some(folder) => format!("{folder}index.md"),
        None => page.to_owned(),
    }
}

fn is_image(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ["png", "jpg", "svg", "webp", "gif"].contains(&extension))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The text with some ranges of bytes replaced. Of ranges that overlap, the first is replaced.
fn edited(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::new(), 0);
    for (range, replacement) in edits.into_iter() {
        if range.start < at {
            continue;
        }
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&replacement);
        at = range.end;
    }
    out + text.get(at..).unwrap_or_default()
}

/// Checks that every link of the built site leads to a file and an anchor of the site, and that no page loads anything from
/// another host.
fn check(site: &Path) -> Result<()> {
    let mut pages = BTreeMap::new();
    html_files(site, &mut pages)?;
    let anchors: BTreeMap<&PathBuf, BTreeSet<String>> = pages
        .iter()
        .map(|(path, html)| (path, attributes(html, &["id"]).into_iter().map(|(_, id)| id).collect()))
        .collect();
    let mut wrong = Vec::new();
    for (page, html) in &pages {
        let folder = page.parent().unwrap_or(site);
        let tags = html.split('<').filter(|tag| !tag.starts_with('/'));
        for (tag, (_, to)) in
            tags.flat_map(|tag| attributes(tag, &["href", "src"]).into_iter().map(move |found| (tag, found)))
        {
            let is_ours = !to.contains(':') && !to.starts_with("//");
            let (path, anchor) = to.split_once('#').map_or((&*to, ""), |(path, anchor)| (path, anchor));
            let target = if path.is_empty() { page.clone() } else { plain(&folder.join(path)) };
            let leads = if is_ours {
                target.is_file() && (anchor.is_empty() || anchors.get(&target).is_some_and(|ids| ids.contains(anchor)))
            } else {
                // A link may lead to another host. A script, a style or an image may not come from one.
                tag.starts_with("a ") || to.starts_with("data:")
            };
            // The 404 page is shown at any path, so its links are relative to the root.
            if !leads && !to.is_empty() && !(tag.starts_with("base ")) {
                wrong.push(format!("{}: {to}", page.strip_prefix(site).unwrap_or(page).display()));
            }
        }
    }
    ensure!(!pages.is_empty(), "the site has no pages");
    if wrong.is_empty() { Ok(()) } else { bail!("links of the docs site that lead nowhere:\n{}", wrong.join("\n")) }
}

fn html_files(folder: &Path, pages: &mut BTreeMap<PathBuf, String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            html_files(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            let html = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            pages.insert(path, html);
        }
    }
    Ok(())
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> BTreeSet<String> {
        ["README.md", "docs/api.md", "crates/js/README.md"].map(str::to_owned).into()
    }

    #[test]
    fn links_that_leave_the_site_become_text() {
        let text = "[the code](../xtask/src/main.rs), [b](api.md#c), [d](../README.md#e), [f](../crates/js/README.md), \
                    [g](https://h.example), [i](../docs/), ![j](k.png), [l](#m), [n](../LICENSE-MIT)";
        let Prepared { text, files } = prepare("docs/api.md", text, &pages());
        let expected = "the code, [b](api.md#c), [d](../index.md#e), [f](../crates/js/index.md), \
                        [g](https://h.example), i, ![j](k.png), [l](#m), [n](../LICENSE-MIT)";
        assert_eq!(text, expected);
        assert_eq!(files, ["LICENSE-MIT", "docs/k.png"].map(str::to_owned).into());
    }

    #[test]
    fn diagrams_become_html_that_holds_their_source() {
        let text = "a\n\n```mermaid\nflowchart TD\n\n  a[\"<b>x</b>\"] --> b & c\n```\n\nb\n";
        let expected =
            "a\n\n<pre class=\"mermaid\">flowchart TD\n  a[\"&lt;b&gt;x&lt;/b&gt;\"] --&gt; b &amp; c</pre>\n\nb\n";
        assert_eq!(prepare("README.md", text, &pages()).text, expected);
    }

    #[test]
    fn the_navigation_moves_to_the_root() {
        let summary = "# A\n\n- [b](../README.md)\n  - [c](api.md)\n";
        assert_eq!(summary_of_site(summary), "# A\n\n- [b](index.md)\n  - [c](docs/api.md)\n");
    }

    #[test]
    fn broken_links_of_the_site_are_found() -> Result<()> {
        let site = std::env::temp_dir().join(format!("counterfoil-docs-{}", std::process::id()));
        fs::create_dir_all(site.join("a"))?;
        let index =
            r##"<h1 id="here"></h1><a href="#here"></a><a href="a/b.html#there"></a><a href="https://x.example"></a>"##;
        fs::write(site.join("index.html"), index)?;
        fs::write(site.join("a/b.html"), r#"<p id="there"></p><a class="x" href="../index.html"></a>"#)?;
        check(&site)?;
        let broken = r##"<a href="#gone"></a><a href="gone.html"></a><script src="https://x.example/y.js"></script><a href="../index.html#no"></a>"##;
        fs::write(site.join("a/c.html"), broken)?;
        let error = check(&site).map_err(|error| error.to_string());
        let expected = "links of the docs site that lead nowhere:\na/c.html: #gone\na/c.html: gone.html\n\
                        a/c.html: https://x.example/y.js\na/c.html: ../index.html#no";
        assert_eq!(error, Err(expected.to_owned()));
        Ok(fs::remove_dir_all(site)?)
    }
}
