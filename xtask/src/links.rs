//! Every link of the documentation leads somewhere: relative links to a committed file and an anchor in it, links of the served
//! pages to a served file. Links to other hosts are checked for their form only: this check needs no network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::markdown::{self, Page, attributes};
use crate::process;
use crate::project::Project;

/// The navigation of the docs site, which also is an index on GitHub.
pub(crate) const SUMMARY: &str = "docs/SUMMARY.md";

/// Paths that are served and are no file of `www`.
const SERVED: [&str; 1] = ["/openapi.json"];

/// Checks all committed Markdown files and the pages of `www`.
///
/// # Errors
///
/// Names each link that leads nowhere, with its file.
pub(crate) fn check(project: &Project) -> Result<()> {
    let listed =
        process::output(project.command("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut files = Files::new();
    for name in listed.lines().filter(|name| project.root.join(name).exists()) {
        let is_page = has_extension(name, "md") || (name.starts_with("www/") && has_extension(name, "html"));
        let text =
            if is_page { fs::read_to_string(project.root.join(name)).context(name.to_owned())? } else { String::new() };
        files.insert(name.to_owned(), text);
    }
    let wrong = wrong(&files);
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("\n")) }
}

/// The files of the repository by their paths from its root, with their text if it is needed.
type Files = BTreeMap<String, String>;

/// One line for each link that leads nowhere.
fn wrong(files: &Files) -> Vec<String> {
    let pages: BTreeMap<&str, Page> = files
        .iter()
        .filter(|(name, _)| has_extension(name, "md"))
        .map(|(name, text)| (name.as_str(), markdown::read(text)))
        .collect();
    let mut wrong = Vec::new();
    for (name, page) in &pages {
        for link in &page.links {
            let line = files
                .get(*name)
                .and_then(|text| text.get(..link.whole.start))
                .map_or(0, |text| text.matches('\n').count());
            if let Err(why) = lead(name, &link.to, files, &pages) {
                wrong.push(format!("{name}:{}: {}: {why}", line + 1, link.to));
            }
        }
        wrong.extend(page.undefined.iter().map(|name_of| format!("{name}: [{name_of}] is not defined")));
    }
    for (name, html) in files.iter().filter(|(name, _)| has_extension(name, "html") && name.starts_with("www/")) {
        wrong.extend(wrong_in_html(name, html, files));
    }
    wrong.extend(not_in_summary(files, &pages));
    wrong
}

/// Whether a link of the page `from` leads somewhere; else, why not.
fn lead(from: &str, to: &str, files: &Files, pages: &BTreeMap<&str, Page>) -> Result<(), String> {
    if let Some(checked) = other_host(to) {
        return checked;
    }
    let (path, anchor) = to.split_once('#').map_or((to, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { from.to_owned() } else { resolve(from, path)? };
    if !files.contains_key(&target) {
        let folder = format!("{target}/");
        let is_folder = target.is_empty() || files.keys().any(|file| file.starts_with(&folder));
        return match anchor {
            None if is_folder => Ok(()),
            _ => Err(format!("there is no committed file {target}")),
        };
    }
    match (anchor, pages.get(&*target)) {
        (None, _) => Ok(()),
        (Some(anchor), Some(page)) if page.anchors.contains(anchor) => Ok(()),
        (Some(anchor), Some(_)) => Err(format!("{target} has no heading with the anchor #{anchor}")),
        (Some(_), None) => Err(format!("{target} is not Markdown and has no anchors")),
    }
}

/// The check of a link that names a scheme. `None` for a relative link.
fn other_host(to: &str) -> Option<Result<(), String>> {
    let (scheme, rest) = to.split_once(':')?;
    if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let name = host.unwrap_or_default().split(':').next().unwrap_or_default();
    let is_example = matches!(name, "127.0.0.1" | "localhost") || name.ends_with(".example");
    let is_name = name.split('.').count() > 1
        && name
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    Some(match scheme {
        _ if to.contains(char::is_whitespace) => Err("a URL contains no spaces".to_owned()),
        "https" if is_name || is_example => Ok(()),
        "https" => Err("this is not a host name".to_owned()),
        "http" if is_example => Ok(()),
        "http" => Err("use https".to_owned()),
        _ => Err(format!("the scheme {scheme} is not allowed")),
    })
}

/// The path from the root of what `path` names in the file `from`.
pub(crate) fn resolve(from: &str, path: &str) -> Result<String, String> {
    if path.starts_with('/') {
        return Err("use a relative path: an absolute one leads elsewhere outside of GitHub".to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Err("this leads out of the repository".to_owned()),
            ".." => {}
            _ => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The links of a served page that lead nowhere.
fn wrong_in_html(name: &str, html: &str, files: &Files) -> Vec<String> {
    let ids: BTreeSet<String> = attributes(html, &["id"]).into_iter().map(|(_, id)| id).collect();
    let is_there = |to: &str| {
        let path = to.split(['#', '?']).next().unwrap_or_default();
        let file = match path.strip_prefix('/') {
            Some(path) => Ok(format!("www/{path}")),
            None => resolve(name, path),
        };
        file.is_ok_and(|file| {
            let places = [file.clone(), format!("{file}.html"), format!("{}/index.html", file.trim_end_matches('/'))];
            places.iter().any(|place| files.contains_key(place))
        })
    };
    let leads = |to: &str| match to.strip_prefix('#') {
        Some(id) => ids.contains(id),
        // Built from the npm package: `xtask/src/assets.rs`.
        None if to.starts_with("verify/") || to.starts_with("data:") || SERVED.contains(&to) => true,
        None => other_host(to).map_or_else(|| is_there(to), |checked| checked.is_ok()),
    };
    let links = attributes(html, &["href", "src"]).into_iter().map(|(_, to)| to);
    links.filter(|to| !leads(to)).map(|to| format!("{name}: {to}: nothing is served there")).collect()
}

/// Pages of `docs` that the site's navigation lacks.
fn not_in_summary(files: &Files, pages: &BTreeMap<&str, Page>) -> Vec<String> {
    let Some(summary) = pages.get(SUMMARY) else { return Vec::new() };
    let listed: BTreeSet<String> = summary.links.iter().filter_map(|link| resolve(SUMMARY, &link.to).ok()).collect();
    let pages = files.keys().filter(|name| name.starts_with("docs/") && has_extension(name, "md") && *name != SUMMARY);
    pages.filter(|name| !listed.contains(*name)).map(|name| format!("{SUMMARY} does not list {name}")).collect()
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong_of(files: &[(&str, &str)]) -> Vec<String> {
        wrong(&files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn every_link_of_this_repository_leads_somewhere() -> Result<()> {
        check(&Project::new()?)
    }

    #[test]
    fn links_that_lead_somewhere_are_accepted() {
        let page = "# One\n[a](#one) [b](docs/b.md#two-words) [c](docs/) ![d](docs/d.png) [e](https://e.example/f) \
                    [g](http://127.0.0.1:8787) [h](LICENSE)";
        let files = [
            ("README.md", page),
            ("docs/b.md", "## Two words\n[up](../README.md#one)"),
            ("docs/d.png", ""),
            ("LICENSE", ""),
        ];
        assert_eq!(wrong_of(&files), [""; 0]);
    }

    #[test]
    fn each_kind_of_broken_link_is_found() {
        for (text, expected) in [
            ("[a](gone.md)", "README.md:1: gone.md: there is no committed file gone.md"),
            ("\n\n[a](#gone)", "README.md:3: #gone: README.md has no heading with the anchor #gone"),
            ("[a](b.md#One)", "README.md:1: b.md#One: b.md has no heading with the anchor #One"),
            ("[a](B.md)", "README.md:1: B.md: there is no committed file B.md"),
            ("![a](b.png)", "README.md:1: b.png: there is no committed file b.png"),
            ("[a](LICENSE#x)", "README.md:1: LICENSE#x: LICENSE is not Markdown and has no anchors"),
            ("[a](../b.md)", "README.md:1: ../b.md: this leads out of the repository"),
            (
                "[a](/b.md)",
                "README.md:1: /b.md: use a relative path: an absolute one leads elsewhere outside of GitHub",
            ),
            ("[a](http://b.com)", "README.md:1: http://b.com: use https"),
            ("[a](https://b)", "README.md:1: https://b: this is not a host name"),
            ("[a](ftp://b.com)", "README.md:1: ftp://b.com: the scheme ftp is not allowed"),
            ("[a][b]", "README.md: [b] is not defined"),
        ] {
            let files = [("README.md", text), ("b.md", "# one"), ("LICENSE", "")];
            assert_eq!(wrong_of(&files), [expected]);
        }
    }

    #[test]
    fn links_of_served_pages_are_checked() {
        let page = r##"<a href="#gone"></a><a id="here" href="#here"></a><link href="/style.css"><a href="/docs/errors"></a>
            <img src="gone.svg"><a href="/openapi.json"></a><a href="http://example.com"></a>"##;
        let wrong = wrong_of(&[("www/docs/errors.html", page), ("www/style.css", "")]);
        let places = ["#gone", "http://example.com", "gone.svg"];
        assert_eq!(wrong, places.map(|to| format!("www/docs/errors.html: {to}: nothing is served there")));
    }

    #[test]
    fn a_page_that_the_navigation_lacks_is_found() {
        let wrong = wrong_of(&[("docs/SUMMARY.md", "[a](a.md)"), ("docs/a.md", ""), ("docs/b/c.md", "")]);
        assert_eq!(wrong, ["docs/SUMMARY.md does not list docs/b/c.md"]);
    }
}
