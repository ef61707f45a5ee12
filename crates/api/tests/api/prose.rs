//! Every text that a caller reads is written alike: complete sentences, few of them, in plain words. Each answer that any
//! test gets is held to this (see `deployment.rs`), and so is the table of codes.

use std::sync::LazyLock;

use counterfoil_api::{codes, refused};
use counterfoil_verify::Code;
use serde_json::Value;

/// The most sentences of one text.
const MOST_SENTENCES: usize = 3;

/// The page whose last table lists phrases to avoid. `cargo xtask lint` searches the source code for them; a response is searched
/// because some texts are put together at run time.
const GLOSSARY: &str = include_str!("../../../../docs/glossary.md");

/// Standard words that have a better one in a message: `text` is a token value, a string or a name.
const ONLY_IN_MESSAGES: [&str; 4] = ["text", "texts", "pinned", "whichever"];

/// All phrases that no text for callers may contain.
static BANNED: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let (_, section) = GLOSSARY.split_once("\n## Phrases to avoid\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let listed: Vec<_> = rows.skip(1).flat_map(|(phrases, _)| phrases.split(", ")).collect();
    assert!(listed.len() > 50, "the table was read");
    listed.into_iter().chain(ONLY_IN_MESSAGES).collect()
});

/// Panics if the text is not written as all of them are.
#[track_caller]
pub(crate) fn check(text: &str) {
    if let Some(fault) = fault(text) {
        panic!("{fault}: {text}");
    }
}

/// The same for what a JSON answer says in `detail`, and in the `detail` of each of its items.
#[track_caller]
pub(crate) fn check_answer(body: &Value) {
    let items = body["items"].as_array().into_iter().flatten();
    for detail in items.chain([body]).filter_map(|told| told["detail"].as_str()) {
        check(detail);
    }
}

fn fault(text: &str) -> Option<String> {
    let plain = without_code(text);
    if !plain.starts_with(char::is_uppercase) {
        return Some("does not start with a capital".to_owned());
    }
    if !text.ends_with('.') {
        return Some("does not end with a full stop".to_owned());
    }
    let sentences = sentences(&plain);
    if sentences > MOST_SENTENCES {
        return Some(format!("has {sentences} sentences, and {MOST_SENTENCES} are allowed"));
    }
    // Between spaces, so that only whole words match.
    let letters = plain.to_lowercase().replace(|letter: char| !letter.is_alphanumeric() && letter != '\'', " ");
    let words = format!(" {} ", letters.split_whitespace().collect::<Vec<_>>().join(" "));
    let banned = BANNED.iter().find(|banned| words.contains(&format!(" {banned} ")));
    banned.map(|banned| format!("says \"{banned}\""))
}

/// The text with each code span as one word: names and examples are no prose. Texts that quote a span's start but not its end
/// are taken as they are.
fn without_code(text: &str) -> String {
    let pieces: Vec<_> = text.split('`').collect();
    if pieces.len() % 2 == 0 {
        return text.to_owned();
    }
    pieces.iter().enumerate().map(|(at, piece)| if at % 2 == 0 { *piece } else { "x" }).collect()
}

/// A sentence ends with a full stop, a question mark or an exclamation mark, and then a space or nothing follows.
fn sentences(plain: &str) -> usize {
    let ends =
        |at: usize| plain.get(at + 1..).is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    plain.match_indices(['.', '?', '!']).filter(|(at, _)| ends(*at)).count()
}

#[test]
fn every_code_is_explained_in_plain_sentences() {
    for section in codes::SECTIONS {
        check(section.about);
        for meaning in section.codes {
            check(meaning.means);
            check(meaning.remedy);
        }
    }
}

#[test]
fn every_refusal_of_a_credential_is_in_plain_sentences() {
    let of_codes = Code::ALL.into_iter().filter_map(refused::of);
    refused::CREDENTIAL.into_iter().chain(of_codes).for_each(|refused| check(refused.detail));
    let templates = [
        refused::MALFORMED,
        refused::LACKS_SCOPE,
        refused::LACKS_SCOPES,
        refused::HAS_NONE,
        refused::LACKS_AND_HAS_NONE,
    ];
    templates.into_iter().for_each(check);
}

#[test]
fn a_text_in_other_words_is_found() {
    let fine = "The token `a. b. c.` is unknown. Try it. Why? ";
    for (text, why) in [
        ("the token is unknown.", "does not start with a capital"),
        ("`limit` must be 1.", "does not start with a capital"),
        ("The token is unknown", "does not end with a full stop"),
        (&*format!("{fine}No. Yes."), "has 5 sentences"),
        ("The key is gone for\u{a0}good.", "says \"for"),
        ("Its text is shown once.", "says \"text\""),
    ] {
        assert!(fault(text).is_some_and(|fault| fault.starts_with(why)), "{text}: {:?}", fault(text));
    }
    assert_eq!(fault("The token `text` is unknown. Use 1.5 of `a. b. c.` instead."), None);
    assert_eq!(fault("The context is unknown."), None, "only whole words are found");
}
