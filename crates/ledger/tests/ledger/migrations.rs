//! Migrations only add, from the first one that an older program may encounter: `src/schema.rs` says why.

use std::{collections::BTreeSet, fs, path::Path};

/// The newest migration that predates the rule.
const LEDGER: u32 = 11;
const DIRECTORY: u32 = 2;

/// A statement as tokens: words in upper case, quoted names and strings unchanged, and single characters.
type Statement = Vec<String>;

#[test]
fn migrations_only_add() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema");
    let (mut held, mut looked_at) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (number, last) = match name.strip_prefix("directory") {
            Some("") => (1, DIRECTORY),
            Some(rest) => (rest.trim_start_matches('_').parse().unwrap(), DIRECTORY),
            None => (name.parse::<u32>().unwrap(), LEDGER),
        };
        looked_at += 1;
        if number > last {
            assert_eq!(misdeeds(&fs::read_to_string(&path).unwrap()), [""; 0], "{name}.sql");
            held += 1;
        }
    }
    assert_eq!(looked_at - held, LEDGER + DIRECTORY);
}

#[test]
fn non_additive_migrations_are_detected() {
    for refused in [
        "DROP TABLE tokens",
        "drop /* ; */ trigger t",
        "ALTER TABLE tokens RENAME TO t",
        "ALTER TABLE tokens RENAME COLUMN a TO b",
        "ALTER TABLE tokens DROP COLUMN a",
        "ALTER TABLE tokens ADD COLUMN a INTEGER NOT NULL",
        "ALTER TABLE tokens ADD a INTEGER NOT NULL -- DEFAULT 0",
        "ALTER TABLE tokens ADD COLUMN a INTEGER DEFAULT 0 CHECK (a < b)",
        "ALTER TABLE tokens ADD COLUMN a INTEGER REFERENCES members",
        "CREATE UNIQUE INDEX i ON tokens (name)",
        "CREATE TABLE new (a INTEGER REFERENCES tokens)",
        "CREATE TABLE new (a INTEGER); CREATE TRIGGER t BEFORE INSERT ON tokens BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER t AFTER INSERT ON tokens BEGIN INSERT INTO audit SELECT 1 WHERE NOT EXISTS (SELECT 1); END",
        "CREATE TRIGGER t AFTER INSERT ON tokens BEGIN DELETE FROM tokens; END",
        "CREATE TRIGGER t AFTER INSERT ON tokens BEGIN DELETE FROM audit; END",
        "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
        "UPDATE tokens SET name = ''",
        "ALTER TABLE tokens ADD COLUMN a TEXT; UPDATE tokens SET a = (SELECT 1, 2), name = ''",
        "ALTER TABLE members ADD COLUMN a TEXT; UPDATE tokens SET a = 1",
        "INSERT INTO tokens (a) VALUES (1)",
        "DELETE FROM tokens",
        "REPLACE INTO tokens VALUES (1)",
        "PRAGMA foreign_keys = off",
        "WITH a AS (SELECT 1) DELETE FROM tokens",
        "CREATE TABLE tokens2 AS SELECT 1; VACUUM",
    ] {
        assert_eq!(misdeeds(refused).len(), 1, "{refused}: {:?}", misdeeds(refused));
    }
    let allowed = "
        -- DROP TABLE tokens; is only said.
        CREATE TABLE IF NOT EXISTS new (a INTEGER PRIMARY KEY, b TEXT REFERENCES tokens ON DELETE CASCADE) STRICT;
        CREATE UNIQUE INDEX i ON new (b);
        CREATE VIRTUAL TABLE found USING fts5 (a, content = '');
        INSERT INTO found (found, rank) VALUES ('secure-delete', 1);
        CREATE INDEX j ON tokens (name);
        CREATE VIEW v AS SELECT 'DROP;' FROM tokens;
        ALTER TABLE tokens ADD COLUMN c TEXT;
        ALTER TABLE tokens ADD COLUMN d INTEGER NOT NULL DEFAULT 0;
        UPDATE tokens SET c = coalesce(name, ''), d = CASE WHEN weak THEN 1 ELSE 0 END WHERE number > 1;
        INSERT INTO new (a) SELECT 1 FROM tokens;
        DELETE FROM new; UPDATE new SET a = 2;
        CREATE TRIGGER t AFTER INSERT ON tokens WHEN NEW.d = 0
        BEGIN
            UPDATE members SET texts = CASE WHEN 1 THEN 2 END;
            INSERT OR IGNORE INTO new (a) VALUES (1);
            INSERT INTO new (a) VALUES (1) ON CONFLICT DO NOTHING;
            INSERT INTO new (a) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM new);
            DELETE FROM tokens WHERE digest = NEW.digest;
            DELETE FROM new;
        END;";
    assert_eq!(misdeeds(allowed), [""; 0]);
    assert!(!misdeeds(include_str!("../../src/schema/009.sql")).is_empty(), "some older migrations are not additive");
}

/// The statements of a migration that do more than add.
fn misdeeds(sql: &str) -> Vec<String> {
    let mut made = Made::default();
    let verdicts = statements(sql).into_iter().map(|statement| made.verdict(&statement).map(|why| (why, statement)));
    verdicts.flatten().map(|(why, statement)| format!("{why}: {}", statement.join(" "))).collect()
}

/// The objects that the migration has created so far, which it may also change.
#[derive(Default)]
struct Made {
    tables: BTreeSet<String>,
    columns: BTreeSet<(String, String)>,
}

impl Made {
    fn verdict(&mut self, statement: &[String]) -> Option<&'static str> {
        let words: Vec<&str> =
            statement.iter().map(String::as_str).filter(|word| !["IF", "NOT", "EXISTS"].contains(word)).collect();
        let has = |word: &str| statement.iter().any(|other| other == word);
        let points_back = has("REFERENCES") && !has("CASCADE");
        match *words.first_chunk().unwrap_or(&["", "", ""]) {
            ["CREATE", "VIRTUAL", "TABLE"] => {
                self.tables.extend(words.get(3).map(|table| (*table).to_owned()));
                None
            }
            ["CREATE", "TABLE", table] => {
                self.tables.insert(table.to_owned());
                points_back.then_some("a row that points to an older one must go with it: ON DELETE CASCADE")
            }
            ["CREATE", "UNIQUE", "INDEX"] => {
                let on = words.iter().skip_while(|word| **word != "ON").nth(1);
                on.is_none_or(|table| !self.tables.contains(*table))
                    .then_some("older programs write rows that are alike")
            }
            ["CREATE", "INDEX" | "VIEW", _] => None,
            ["CREATE", "TRIGGER", _] => self.of_trigger(statement),
            ["ALTER", "TABLE", table] => {
                let (Some(&"ADD"), rest) = (words.get(3), &words[4..]) else {
                    return Some("a table only gets columns");
                };
                let column = rest.iter().find(|word| **word != "COLUMN").copied().unwrap_or_default();
                self.columns.insert((table.to_owned(), column.to_owned()));
                match (has("NULL") && has("NOT") && !has("DEFAULT"), has("CHECK"), points_back) {
                    (true, ..) => Some("older programs leave the column out: it needs a default, or may be NULL"),
                    (_, true, _) => Some("older programs do not know what is checked"),
                    (.., true) => Some("a row that points to an older one must go with it: ON DELETE CASCADE"),
                    _ => None,
                }
            }
            ["INSERT", "INTO", table] | ["DELETE", "FROM", table] if self.tables.contains(table) => None,
            ["UPDATE", table, "SET"] => {
                let set = assigned(&words[3..]);
                let may = |column: &&str| {
                    self.tables.contains(table) || self.columns.contains(&(table.to_owned(), (*column).to_owned()))
                };
                (!set.iter().all(may)).then_some("what is there already stays as it is")
            }
            _ => Some("a migration only adds"),
        }
    }

    /// A trigger also runs for older programs: it must not make their statements fail, or delete their data.
    fn of_trigger(&self, statement: &[String]) -> Option<&'static str> {
        let body: Vec<_> = statement.iter().map(String::as_str).skip_while(|word| *word != "BEGIN").skip(1).collect();
        if statement.iter().any(|word| word == "RAISE" || word == "INSTEAD") {
            return Some("older programs do not know what the trigger refuses");
        }
        let on = statement.iter().skip_while(|word| *word != "ON").nth(1).map(String::as_str);
        let is_harmless = |step: &[&str]| match step {
            ["INSERT", "INTO", table, ..] => {
                self.tables.contains(*table)
                    && step.windows(2).any(|two| [["ON", "CONFLICT"], ["NOT", "EXISTS"]].contains(&[two[0], two[1]]))
            }
            ["INSERT", "OR", "IGNORE" | "REPLACE", "INTO", table, ..] => self.tables.contains(*table),
            ["UPDATE" | "SELECT" | "END", ..] | [] => true,
            // Deleting rows that would conflict with a new row is allowed.
            ["DELETE", "FROM", table, ..] => {
                self.tables.contains(*table) || (on == Some(table) && step.contains(&"NEW"))
            }
            _ => false,
        };
        let all = body.split(|word| *word == ";").all(is_harmless);
        (!all).then_some("the trigger may fail what older programs write, or take away what is theirs")
    }
}

/// The columns that are set, up to the condition.
fn assigned<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let (mut depth, mut names, mut is_next) = (0, Vec::new(), true);
    for word in words {
        match *word {
            "WHERE" | "FROM" if depth == 0 => break,
            "(" | "CASE" => depth += 1,
            ")" | "END" => depth -= 1,
            "," if depth == 0 => {
                is_next = true;
                continue;
            }
            _ => {}
        }
        if is_next {
            names.push(*word);
        }
        is_next = false;
    }
    names
}

/// The statements without comments. Semicolons within the body of a trigger do not end a statement.
fn statements(sql: &str) -> Vec<Statement> {
    let (mut all, mut statement, mut depth) = (Vec::new(), Statement::new(), 0);
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' || first == '"' {
            1 + rest[1..].find(first).map_or(rest.len() - 1, |end| end + 1)
        } else if first.is_alphanumeric() || first == '_' {
            rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (piece, after) = rest.split_at(length);
        rest = after.trim_start();
        let piece = if first == '\'' { piece.to_owned() } else { piece.to_uppercase() };
        match &*piece {
            comment if comment.starts_with("--") || comment.starts_with("/*") => continue,
            "BEGIN" | "CASE" => depth += 1,
            "END" => depth -= 1,
            ";" if depth == 0 => {
                all.push(std::mem::take(&mut statement));
                continue;
            }
            _ => {}
        }
        statement.push(piece);
    }
    all.push(statement);
    all.retain(|statement| !statement.is_empty());
    all
}
