//! The error reference: every code, as Markdown (`docs/errors.md`) and as HTML, which the service serves.

use std::fmt::Write as _;

pub use crate::http::codes::{Meaning, SECTIONS, Section, all, meaning};

const TITLE: &str = "Codes";

const INTRODUCTION: &[&str] = &[
    "The response to a rejected request is a problem (RFC 9457, `application/problem+json`). Its `code` is stable: programs \
     decide by it. Its `detail` is for people and may change.",
    "If a field is wrong, `pointer` names it as a JSON pointer. `request_id`, also in the header `X-Request-Id`, is the id \
     under which the request was logged; report it when you ask for help.",
];

/// The page as Markdown: `docs/errors.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = format!("# {TITLE}\n");
    for paragraph in INTRODUCTION {
        push(&mut page, format_args!("\n{paragraph}\n"));
    }
    for section in SECTIONS {
        push(&mut page, format_args!("\n## {}\n\n{}\n", section.title, section.about));
        for meaning in section.codes {
            let Meaning { code, means, remedy, .. } = meaning;
            let statuses = statuses(meaning);
            let anchor = format!("<a id=\"{code}\"></a>");
            push(&mut page, format_args!("\n### {anchor}`{code}`{statuses}\n\n{means}\\\n→ {remedy}\n"));
        }
    }
    page
}

/// The page as HTML: `www/docs/errors.html`. A problem's `type` links to its anchors.
#[must_use]
pub fn html() -> String {
    let mut page = format!(
        r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{TITLE} · Counterfoil</title>
    <link rel="stylesheet" href="/style.css">
    <link rel="stylesheet" href="/docs/style.css">
    <link rel="icon" href="data:,">
  </head>
  <body>
    <main>
      <h1>{TITLE}</h1>
"#
    );
    for paragraph in INTRODUCTION {
        push(&mut page, format_args!("      <p>{}</p>\n", inline(paragraph)));
    }
    for section in SECTIONS {
        push(&mut page, format_args!("      <h2>{}</h2>\n      <p>{}</p>\n", section.title, inline(section.about)));
        page.push_str("      <dl>\n");
        for meaning in section.codes {
            let Meaning { code, means, remedy, .. } = meaning;
            let statuses = statuses(meaning);
            push(
                &mut page,
                format_args!("        <dt id=\"{code}\"><a href=\"#{code}\"><code>{code}</code></a>{statuses}</dt>\n"),
            );
            push(&mut page, format_args!("        <dd>{}</dd>\n        <dd>{}</dd>\n", inline(means), inline(remedy)));
        }
        page.push_str("      </dl>\n");
    }
    page.push_str("    </main>\n  </body>\n</html>\n");
    page
}

/// ` · 401`; empty for a code that is never a problem.
fn statuses(meaning: &Meaning) -> String {
    meaning.statuses.iter().map(|status| format!(" · {status}")).collect()
}

/// A sentence as HTML. Text between backticks becomes `<code>`.
fn inline(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let pieces = escaped.split('`').enumerate();
    pieces.map(|(at, piece)| if at % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() }).collect()
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string never fails.
    let _ = page.write_fmt(text);
}
