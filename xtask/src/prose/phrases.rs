//! The table of phrases to avoid, and the search for them.

use anyhow::{Result, ensure};

/// The heading above the table.
const HEADING: &str = "\n## Phrases to avoid\n";

/// The phrases, each with what to write instead.
pub(super) struct Phrases(Vec<Phrase>);

struct Phrase {
    /// In lower case.
    words: Vec<String>,
    instead: String,
}

/// The page without the section that lists the phrases, which is its last.
pub(super) fn without_table(page: &str) -> &str {
    page.split_once(HEADING).map_or(page, |(before, _)| before)
}

impl Phrases {
    /// Reads the table: phrases, separated by commas, and what to write instead.
    ///
    /// # Errors
    ///
    /// If the page has no such table.
    pub(super) fn of(page: &str) -> Result<Self> {
        let section = page.split_once(HEADING).map_or("", |(_, section)| section);
        let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        let phrases: Vec<Phrase> = rows
            .skip(1)
            .flat_map(|(avoid, instead)| avoid.split(", ").map(move |phrase| (phrase, instead)))
            .map(|(phrase, instead)| Phrase {
                words: words(phrase).into_iter().map(|(_, word)| word).collect(),
                instead: instead.to_owned(),
            })
            .collect();
        ensure!(!phrases.is_empty(), "no table follows the heading \"{}\"", HEADING.trim());
        Ok(Self(phrases))
    }

    /// Where the prose has which phrase: `line: phrase: what to write instead`, in the order of the text.
    pub(super) fn find(&self, prose: &str) -> Vec<String> {
        let said = words(prose);
        let mut found = Vec::new();
        for at in 0..said.len() {
            let rest = said.get(at..).unwrap_or_default();
            for phrase in &self.0 {
                if !is_at_start(&phrase.words, rest, prose) {
                    continue;
                }
                let start = rest.first().map_or(0, |(start, _)| *start);
                let line = prose.get(..start).map_or(0, |before| before.matches('\n').count()) + 1;
                found.push(format!("{line}: \"{}\": {}", phrase.words.join(" "), phrase.instead));
            }
        }
        found
    }
}

/// Whether the words come first, with nothing between them but spaces, line breaks and the marks of comments.
fn is_at_start(words: &[String], said: &[(usize, String)], prose: &str) -> bool {
    let Some(said) = said.get(..words.len()) else { return false };
    let are_same = words.iter().zip(said).all(|(word, (_, found))| word == found);
    are_same
        && said.windows(2).all(|pair| {
            let [(first, word), (second, _)] = pair else { return false };
            prose.get(first + word.len()..*second).is_some_and(|between| {
                between.chars().all(|letter| letter.is_whitespace() || matches!(letter, '/' | '!' | '*' | '>'))
            })
        })
}

/// The words in lower case, with the byte at which each starts. An apostrophe is part of its word.
fn words(prose: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut is_within = false;
    for (at, letter) in prose.char_indices() {
        let is_letter = letter.is_alphanumeric() || matches!(letter, '\'' | '_');
        match words.last_mut().filter(|_| is_within) {
            Some((_, word)) if is_letter => word.push(letter.to_ascii_lowercase()),
            None if is_letter => words.push((at, letter.to_ascii_lowercase().to_string())),
            _ => {}
        }
        is_within = is_letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# Glossary\nsooner\n\n## Phrases to avoid\n\n| avoid | write |\n|---|---|\n| sooner, every other | a word |\n";

    #[test]
    fn phrases_are_found_as_whole_words_over_line_breaks_with_their_lines() -> Result<()> {
        let phrases = Phrases::of(PAGE)?;
        let prose = "Sooner\nit is, ends\n/// every\n/// other. Sooners, every. other, every-other";
        assert_eq!(phrases.find(prose), ["1: \"sooner\": a word", "3: \"every other\": a word"]);
        Ok(())
    }

    #[test]
    fn the_table_itself_is_not_searched_and_has_to_be_there() {
        assert_eq!(without_table(PAGE), "# Glossary\nsooner\n");
        assert!(Phrases::of("# Glossary\n").is_err());
    }
}
