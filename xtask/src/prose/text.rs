//! What of a file is prose: the file with spaces in place of everything else, so that places stay the same.

use std::ops::Range;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use pulldown_cmark::{Event, Options, Parser, Tag};

/// Markdown without its code.
pub(super) fn markdown(page: &str) -> String {
    let parser = Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter();
    let code = parser.filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))));
    blank(page, code.map(|(_, range)| range))
}

/// The comments of a Rust file and its texts: string literals with a space in them.
///
/// # Errors
///
/// If the file is not Rust.
pub(super) fn rust(file: &str) -> Result<String> {
    let tokens: TokenStream = file.parse().map_err(|error| anyhow!("{error}"))?;
    let mut code = Vec::new();
    add_code(tokens, file, &mut code);
    Ok(without_spans(&blank(file, code.into_iter())))
}

/// Collects the ranges of the tokens that are not prose.
fn add_code(tokens: TokenStream, file: &str, code: &mut Vec<Range<usize>>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                if group.delimiter() != Delimiter::None && !is_comment(group.span(), file) {
                    code.extend([group.span_open().byte_range(), group.span_close().byte_range()]);
                }
                add_code(group.stream(), file, code);
            }
            TokenTree::Literal(literal) => {
                let written = literal.to_string();
                let is_text = written.contains(' ') && (written.ends_with('"') || written.ends_with("\"#"));
                if !is_text && !is_comment(literal.span(), file) {
                    code.push(literal.span().byte_range());
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {
                if !is_comment(token.span(), file) {
                    code.push(token.span().byte_range());
                }
            }
        }
    }
}

/// A documentation comment is parsed to the tokens of an attribute, each of which spans the whole comment.
fn is_comment(span: Span, file: &str) -> bool {
    let comment = file.get(span.byte_range()).unwrap_or_default();
    comment.starts_with("//") || comment.starts_with("/*")
}

/// The text without its code spans, which start and end in one paragraph.
fn without_spans(text: &str) -> String {
    let mut spans = Vec::new();
    let mut open: Option<usize> = None;
    let mut line_is_empty = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '`' => match open.take() {
                Some(start) => spans.push(start..at + 1),
                None => open = Some(at),
            },
            '\n' if line_is_empty => open = None,
            '\n' => line_is_empty = true,
            _ if letter.is_whitespace() || letter == '/' || letter == '!' => {}
            _ => line_is_empty = false,
        }
    }
    blank(text, spans.into_iter())
}

/// The text with a space for each byte of the ranges. Line breaks stay.
fn blank(text: &str, ranges: impl Iterator<Item = Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        for byte in bytes.get_mut(range).unwrap_or_default() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_markdown_is_left_out_and_the_rest_keeps_its_place() {
        let page = "a `code` b\n\n```sh\ncode\n```\n| c | `code` |\n|---|---|\n| d | e |\n";
        let expected = page.replace("`code`", "      ").replace("```sh\ncode\n```", "     \n    \n   ");
        assert_eq!(markdown(page), expected);
    }

    #[test]
    fn comments_and_texts_of_rust_are_kept_and_its_names_are_not() -> Result<()> {
        let file = "//! one `code` ä\n/// two\nfn code<'a>() { // three\n    let code = \"code\"; /* four */ say(\"five six {code}\");\n}\n";
        let prose = rust(file)?;
        assert_eq!(prose.len(), file.len());
        let kept: Vec<&str> = prose.split_whitespace().collect();
        let expected = "//! one ä /// two // three /* four */ \"five six {code}\"";
        assert_eq!(kept.join(" "), expected);
        Ok(())
    }
}
