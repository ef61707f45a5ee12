//! The links and anchors of Markdown, as GitHub reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};

/// A link or an image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The bytes of the whole link.
    pub(crate) whole: Range<usize>,
    /// The bytes of the text that is shown, or of an image's description. Empty if there is none.
    pub(crate) shown: Range<usize>,
    /// The address, as it is written.
    pub(crate) to: String,
}

/// A fenced code block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CodeBlock {
    /// The bytes from the opening fence to the closing one.
    pub(crate) whole: Range<usize>,
    pub(crate) language: String,
    pub(crate) code: String,
}

/// What a page consists of, as far as links are concerned.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// In the order of the text. An image within a link comes after that link.
    pub(crate) links: Vec<Link>,
    /// The names that a link can have after `#`.
    pub(crate) anchors: BTreeSet<String>,
    pub(crate) code_blocks: Vec<CodeBlock>,
    /// References without a definition: `[text][name]`. GitHub shows them as text.
    pub(crate) undefined: Vec<String>,
}

/// Reads a page.
pub(crate) fn read(text: &str) -> Page {
    let mut page = Page::default();
    let mut undefined = Vec::new();
    let mut note = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
        if link.link_type == LinkType::Reference {
            undefined.push(link.reference.to_string());
        }
        None
    };
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut open: Vec<Link> = Vec::new();
    let mut heading: Option<String> = None;
    let mut code: Option<CodeBlock> = None;
    let mut anchors = Anchors::default();
    for (event, range) in Parser::new_with_broken_link_callback(text, options, Some(&mut note)).into_offset_iter() {
        let is_link = matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. }));
        if let Some(link) = open.last_mut().filter(|link| range.start >= link.whole.start && range != link.whole) {
            link.shown.start = link.shown.start.min(range.start);
            link.shown.end = link.shown.end.max(range.end);
        }
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) if is_link => {
                // The shown text grows with the events inside of the link.
                let shown = range.end..range.start;
                open.push(Link { whole: range, shown, to: dest_url.into_string() });
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if let Some(mut link) = open.pop() {
                    if link.shown.start > link.shown.end {
                        link.shown = link.whole.end..link.whole.end;
                    }
                    page.links.push(link);
                }
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                if let Some(text) = heading.take() {
                    page.anchors.insert(anchors.of(&text));
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
                if let Some(block) = &mut code {
                    block.code.push_str(&text);
                }
            }
            Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Fenced(language))) => {
                code = Some(CodeBlock { whole: range, language: language.into_string(), code: String::new() });
            }
            Event::End(TagEnd::CodeBlock) => page.code_blocks.extend(code.take()),
            Event::Html(html) | Event::InlineHtml(html) => {
                page.anchors.extend(attributes(&html, &["id", "name"]).into_iter().map(|(_, value)| value));
            }
            _ => {}
        }
    }
    page.links.sort_by_key(|link| link.whole.start);
    page.undefined = undefined;
    page
}

/// Gives headings their anchors. Headings of the same text are numbered.
#[derive(Default)]
struct Anchors(BTreeMap<String, usize>);

impl Anchors {
    /// GitHub's rule: lower case, without punctuation other than `-` and `_`, with `-` for each space.
    fn of(&mut self, heading: &str) -> String {
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect();
        let count = self.0.entry(anchor.clone()).or_default();
        *count += 1;
        if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
    }
}

/// The attributes of these names in HTML, with the text between the double quotes.
pub(crate) fn attributes<'a>(html: &str, names: &[&'a str]) -> Vec<(&'a str, String)> {
    let mut found = Vec::new();
    for name in names {
        let start = format!("{name}=\"");
        for (at, _) in html.match_indices(&start) {
            let is_whole_name = html.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace));
            let value = html.get(at + start.len()..).and_then(|rest| rest.split_once('"'));
            found.extend(value.filter(|_| is_whole_name).map(|(value, _)| (*name, value.to_owned())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, String)> {
        let page = read(text);
        page.links.into_iter().map(|link| (text.get(link.shown).unwrap_or_default(), link.to)).collect()
    }

    #[test]
    fn links_and_images_are_found_and_code_is_not_searched() {
        let text = "[a `b`](c.md#d) ![e](f.png) [g][h] <https://i.example>\n\n`[j](k)` \\[l](m)\n\n```\n[n](o)\n```\n\n[h]: p.md\n";
        let links = shown(text);
        let expected = [("a `b`", "c.md#d"), ("e", "f.png"), ("g", "p.md"), ("https://i.example", "https://i.example")];
        assert_eq!(links, expected.map(|(shown, to)| (shown, to.to_owned())));
        assert_eq!(shown("| a |\n|---|\n| [x \\| `y`](z.md) |\n"), [("x \\| `y`", "z.md".to_owned())]);
        assert_eq!(shown("[![a](b.png)](c.md)"), [("![a](b.png)", "c.md".to_owned()), ("a", "b.png".to_owned())]);
        assert_eq!(shown("[](a.md)"), [("", "a.md".to_owned())]);
    }

    #[test]
    fn a_reference_without_a_definition_is_reported() {
        assert_eq!(read("[a][b] and [c]\n").undefined, ["b"]);
    }

    #[test]
    fn anchors_are_those_of_github() {
        let text = "# The `code`, and *more*\n## A & B\n## A & B\n### `POST /v1/x`: ü?\n<a id=\"own\"></a>\n";
        let expected = ["the-code-and-more", "a--b", "a--b-1", "post-v1x-ü", "own"].map(str::to_owned);
        assert_eq!(read(text).anchors, BTreeSet::from(expected));
    }

    #[test]
    fn code_blocks_have_their_language_and_their_place() {
        let text = "a\n\n```mermaid\nflowchart TD\n```\nb\n";
        let blocks = read(text).code_blocks;
        assert_eq!(blocks.len(), 1);
        assert_eq!((&*blocks[0].language, &*blocks[0].code), ("mermaid", "flowchart TD\n"));
        assert_eq!(text.get(blocks[0].whole.clone()), Some("```mermaid\nflowchart TD\n```"));
    }

    #[test]
    fn attributes_are_read_by_their_whole_name() {
        let html = r#"<a href="x" data-href="y"><img src="z">"#;
        assert_eq!(attributes(html, &["href", "src"]), [("href", "x".to_owned()), ("src", "z".to_owned())]);
    }
}
