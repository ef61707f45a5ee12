//! A test suite for what the ledger relies on in a storage engine. Any engine can run it.
//!
//! The same SQL runs on the storage of a Durable Object and on bundled SQLite. Native tests are meaningful for
//! production only if both behave alike, which this suite verifies.

use core::fmt::Debug;

use crate::sql::{MAX_INTEGER, Sql, SqlError, Value};

/// Runs the suite in its own tables (`conformance_…`), which it leaves empty.
///
/// # Errors
/// One line with the name of the behaviour and the actual result.
pub fn conformance(sql: &impl Sql) -> Result<(), String> {
    macro_rules! run {
        ($($behaviour:ident),* $(,)?) => { $(
            prepare(sql)
                .and_then(|()| $behaviour(sql))
                .map_err(|Failure(failure)| format!("{}: {failure}", stringify!($behaviour)))?;
        )* };
    }
    run![
        values_round_trip,
        integers_keep_their_type_in_columns,
        integers_beyond_range_are_never_changed,
        values_are_returned_by_position,
        numbered_parameter_can_be_reused,
        multiple_statements_return_last_rows,
        conflicting_inserts_can_be_skipped,
        upsert_can_be_conditional,
        constraints_are_enforced,
        returning_clause_returns_changed_rows,
        failed_statement_changes_nothing,
        failed_transaction_changes_nothing,
        transaction_continues_after_failed_statement,
        nested_transaction_rolls_back_alone,
        schema_changes_are_rolled_back,
        text_is_compared_bytewise,
        like_patterns_support_escape,
        row_values_are_compared_as_tuples,
        full_text_index_finds_trigrams_and_forgets_them,
        partial_and_expression_indices_are_used,
        aggregates_without_rows_are_null,
        json_lists_are_joined_and_summed,
        recursive_query_counts,
        triggers_can_reject_changes,
        triggers_save_old_rows_for_views,
        autoincrement_numbers_are_not_reused,
        platform_limits_are_enforced,
        size_follows_stored_data,
    ];
    prepare(sql).map_err(|Failure(failure)| failure)
}

/// The actual result.
struct Failure(String);

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self(error.to_string())
    }
}

type Outcome = Result<(), Failure>;

fn expect<T: PartialEq + Debug>(found: T, wanted: T) -> Outcome {
    if found == wanted { Ok(()) } else { Err(Failure(format!("{found:?} where {wanted:?} was expected"))) }
}

fn expect_error<T: Debug>(outcome: Result<T, SqlError>) -> Outcome {
    match outcome {
        Err(_) => Ok(()),
        Ok(value) => Err(Failure(format!("{value:?} where an error was expected"))),
    }
}

/// All rows, each as its values.
fn query(sql: &impl Sql, statement: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
    Ok(sql.exec(statement, parameters)?.into_iter().map(|row| row.rest().collect()).collect())
}

fn text(text: &str) -> Value {
    text.into()
}

fn int(integer: i64) -> Value {
    Value::Integer(integer)
}

fn prepare(sql: &impl Sql) -> Outcome {
    sql.exec(
        "DROP TABLE IF EXISTS conformance_child; DROP TABLE IF EXISTS conformance; DROP TABLE IF EXISTS conformance_log;
         CREATE TABLE conformance (
             id INTEGER PRIMARY KEY, word TEXT UNIQUE, number INTEGER, bytes BLOB, version INTEGER NOT NULL DEFAULT 0
         ) STRICT;
         CREATE TABLE conformance_child (parent INTEGER NOT NULL REFERENCES conformance (id)) STRICT;
         CREATE TABLE conformance_log (seq INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL) STRICT;",
        &[],
    )?;
    Ok(())
}

fn add(sql: &impl Sql, id: i64, word: &str) -> Result<(), SqlError> {
    sql.exec("INSERT INTO conformance (id, word) VALUES (?, ?)", &[int(id), text(word)]).map(drop)
}

fn count(sql: &impl Sql) -> Result<Vec<Vec<Value>>, SqlError> {
    query(sql, "SELECT count(*) FROM conformance", &[])
}

fn values_round_trip(sql: &impl Sql) -> Outcome {
    let most = MAX_INTEGER as i64;
    let all_bytes: Vec<u8> = (0..=u8::MAX).collect();
    let values = [
        Value::Null,
        int(0),
        int(1),
        int(-1),
        int(1 << 31),
        int(1 << 32),
        int(most),
        int(-most),
        Value::Real(1.5),
        Value::Real(-0.1),
        Value::Real(1e300),
        text(""),
        text("it's \"quoted\""),
        text("a\0b"),
        text("ünïcödé 例え 🎫 \u{10FFFF}"),
        text("\u{FEFF}begins with a byte order mark"),
        text(&"x".repeat(100_000)),
        Value::Blob(Vec::new()),
        Value::Blob(all_bytes),
        Value::Blob(vec![0; 100_000]),
    ];
    for value in values {
        let back = query(sql, "SELECT ?", std::slice::from_ref(&value))?;
        expect(back, vec![vec![value]])?;
    }
    // Whole floats may be returned as integers, but never as another number.
    let whole = query(sql, "SELECT 3.0", &[])?;
    if whole != [[Value::Real(3.0)]] { expect(whole, vec![vec![int(3)]]) } else { Ok(()) }
}

fn integers_keep_their_type_in_columns(sql: &impl Sql) -> Outcome {
    let most = MAX_INTEGER as i64;
    let insert = "INSERT INTO conformance (id, word, number, bytes) VALUES (?, ?, ?, ?)";
    sql.exec(insert, &[int(most), text("1"), int(-most), Value::Blob(vec![7])])?;
    let types = "SELECT id, number, typeof(id), typeof(number), typeof(word), typeof(bytes) FROM conformance";
    let row = vec![int(most), int(-most), text("integer"), text("integer"), text("text"), text("blob")];
    expect(query(sql, types, &[])?, vec![row])?;
    let found = "SELECT number + 1 FROM conformance WHERE id = ? AND number < ? ORDER BY id LIMIT ?";
    expect(query(sql, found, &[int(most), int(0), int(10)])?, vec![vec![int(1 - most)]])?;
    // A strict column accepts no other type.
    expect_error(sql.exec(insert, &[int(1), text("2"), text("three"), Value::Null]))?;
    expect_error(sql.exec(insert, &[int(1), text("2"), Value::Real(0.5), Value::Null]))
}

fn integers_beyond_range_are_never_changed(sql: &impl Sql) -> Outcome {
    let beyond = MAX_INTEGER as i64 + 1;
    for value in [int(beyond), int(-beyond), int(i64::MAX), int(i64::MIN), Value::from(u64::MAX)] {
        expect_error(sql.exec("SELECT ?", &[value]))?;
    }
    // An integer that the engine computed may be returned, but not as a different integer.
    match query(sql, "SELECT 9223372036854775807", &[]) {
        Err(_) => Ok(()),
        Ok(rows) => expect(rows.iter().flatten().any(|value| matches!(value, Value::Integer(_))), false),
    }
}

fn values_are_returned_by_position(sql: &impl Sql) -> Outcome {
    expect(query(sql, "SELECT 1 AS same, 2 AS same, 3 AS same", &[])?, vec![vec![int(1), int(2), int(3)]])
}

fn numbered_parameter_can_be_reused(sql: &impl Sql) -> Outcome {
    let twice = query(sql, "SELECT ?1, ?2, ?1", &[text("a"), text("b")])?;
    expect(twice, vec![vec![text("a"), text("b"), text("a")]])
}

fn multiple_statements_return_last_rows(sql: &impl Sql) -> Outcome {
    let script = "INSERT INTO conformance (id, word) VALUES (1, 'a;b'); -- a comment; with a semicolon
        INSERT INTO conformance (id, word) VALUES (2, 'c'); SELECT id, word FROM conformance ORDER BY id";
    expect(query(sql, script, &[])?, vec![vec![int(1), text("a;b")], vec![int(2), text("c")]])
}

fn conflicting_inserts_can_be_skipped(sql: &impl Sql) -> Outcome {
    let insert = "INSERT INTO conformance (id, word) VALUES (?, ?) ON CONFLICT (word) DO NOTHING RETURNING id";
    expect(query(sql, insert, &[int(1), text("taken")])?, vec![vec![int(1)]])?;
    expect(query(sql, insert, &[int(2), text("taken")])?, Vec::<Vec<Value>>::new())?;
    expect(count(sql)?, vec![vec![int(1)]])
}

fn upsert_can_be_conditional(sql: &impl Sql) -> Outcome {
    let put = "INSERT INTO conformance (id, word, version) VALUES (1, ?, ?) ON CONFLICT (id)
        DO UPDATE SET word = excluded.word, version = excluded.version WHERE excluded.version > conformance.version";
    for (word, version) in [("second", 2), ("first", 1), ("third", 3), ("third again", 3)] {
        sql.exec(put, &[text(word), int(version)])?;
    }
    expect(query(sql, "SELECT word, version FROM conformance", &[])?, vec![vec![text("third"), int(3)]])
}

fn constraints_are_enforced(sql: &impl Sql) -> Outcome {
    add(sql, 1, "one")?;
    expect_error(add(sql, 1, "other"))?;
    expect_error(add(sql, 2, "one"))?;
    expect_error(sql.exec("INSERT INTO conformance (id, version) VALUES (3, NULL)", &[]))?;
    sql.exec("INSERT INTO conformance_child (parent) VALUES (1)", &[])?;
    expect_error(sql.exec("INSERT INTO conformance_child (parent) VALUES (9)", &[]))?;
    expect_error(sql.exec("DELETE FROM conformance WHERE id = 1", &[]))?;
    expect(count(sql)?, vec![vec![int(1)]])
}

fn returning_clause_returns_changed_rows(sql: &impl Sql) -> Outcome {
    add(sql, 1, "one")?;
    add(sql, 2, "two")?;
    let raise = "UPDATE conformance SET version = version + 1 WHERE id <= ? RETURNING version";
    expect(query(sql, raise, &[int(1)])?, vec![vec![int(1)]])?;
    expect(query(sql, raise, &[int(0)])?, Vec::<Vec<Value>>::new())?;
    let gone = query(sql, "DELETE FROM conformance WHERE version = ? RETURNING id, word", &[int(1)])?;
    expect(gone, vec![vec![int(1), text("one")]])?;
    expect(count(sql)?, vec![vec![int(1)]])
}

fn failed_statement_changes_nothing(sql: &impl Sql) -> Outcome {
    expect_error(sql.exec("INSERT INTO conformance (id, word) VALUES (1, 'a'), (2, 'b'), (3, 'a')", &[]))?;
    expect(count(sql)?, vec![vec![int(0)]])
}

fn failed_transaction_changes_nothing(sql: &impl Sql) -> Outcome {
    add(sql, 1, "before")?;
    let on_purpose: Result<(), SqlError> = sql.transaction(|| {
        add(sql, 2, "within")?;
        sql.exec("UPDATE conformance SET word = 'changed' WHERE id = 1", &[])?;
        expect_inside(count(sql)?, 2)?;
        Err(SqlError::new("on purpose"))
    });
    expect(on_purpose, Err(SqlError::new("on purpose")))?;
    expect_error(sql.transaction(|| {
        add(sql, 3, "within")?;
        add(sql, 3, "a conflict")
    }))?;
    let all = "SELECT id, word FROM conformance";
    expect(query(sql, all, &[])?, vec![vec![int(1), text("before")]])?;
    sql.transaction(|| add(sql, 4, "kept"))?;
    expect(query(sql, all, &[])?, vec![vec![int(1), text("before")], vec![int(4), text("kept")]])
}

fn expect_inside(found: Vec<Vec<Value>>, wanted: i64) -> Result<(), SqlError> {
    if found == [[int(wanted)]] { Ok(()) } else { Err(SqlError::new(format!("{found:?} rows inside"))) }
}

fn transaction_continues_after_failed_statement(sql: &impl Sql) -> Outcome {
    sql.transaction(|| {
        add(sql, 1, "one")?;
        if add(sql, 1, "a conflict").is_ok() {
            return Err(SqlError::new("a conflict was let pass"));
        }
        add(sql, 2, "two")
    })?;
    expect(count(sql)?, vec![vec![int(2)]])
}

fn nested_transaction_rolls_back_alone(sql: &impl Sql) -> Outcome {
    sql.transaction(|| {
        add(sql, 1, "outer")?;
        let inner: Result<(), SqlError> = sql.transaction(|| {
            add(sql, 2, "inner")?;
            Err(SqlError::new("on purpose"))
        });
        if inner.is_ok() {
            return Err(SqlError::new("the inner transaction did not fail"));
        }
        sql.transaction(|| add(sql, 3, "second inner"))
    })?;
    let words = query(sql, "SELECT word FROM conformance ORDER BY id", &[])?;
    expect(words, vec![vec![text("outer")], vec![text("second inner")]])?;
    let whole: Result<(), SqlError> = sql.transaction(|| {
        sql.transaction(|| add(sql, 4, "kept by the inner"))?;
        Err(SqlError::new("on purpose"))
    });
    expect_error(whole)?;
    expect(count(sql)?, vec![vec![int(2)]])
}

fn schema_changes_are_rolled_back(sql: &impl Sql) -> Outcome {
    let outcome: Result<(), SqlError> = sql.transaction(|| {
        sql.exec("CREATE TABLE conformance_new (id INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID", &[])?;
        sql.exec("INSERT INTO conformance_new (id) VALUES (1)", &[])?;
        Err(SqlError::new("on purpose"))
    });
    expect(outcome, Err(SqlError::new("on purpose")))?;
    expect_error(sql.exec("SELECT id FROM conformance_new", &[]))
}

fn text_is_compared_bytewise(sql: &impl Sql) -> Outcome {
    for (id, word) in [(1, "b"), (2, "B"), (3, "a"), (4, "é"), (5, "0")] {
        add(sql, id, word)?;
    }
    let ordered = vec![vec![text("0")], vec![text("B")], vec![text("a")], vec![text("b")], vec![text("é")]];
    expect(query(sql, "SELECT word FROM conformance ORDER BY word", &[])?, ordered.clone())?;
    expect(query(sql, "SELECT word FROM conformance ORDER BY word COLLATE BINARY", &[])?, ordered)?;
    expect(query(sql, "SELECT id FROM conformance WHERE word = ?", &[text("b")])?, vec![vec![int(1)]])
}

fn like_patterns_support_escape(sql: &impl Sql) -> Outcome {
    for (id, word) in [(1, "50%"), (2, "50 euro"), (3, "a_b"), (4, "aXb"), (5, "AXB")] {
        add(sql, id, word)?;
    }
    let like = "SELECT id FROM conformance WHERE word LIKE ? ESCAPE '\\' ORDER BY id";
    expect(query(sql, like, &[text("%0\\%")])?, vec![vec![int(1)]])?;
    expect(query(sql, like, &[text("a\\_b")])?, vec![vec![int(3)]])?;
    expect(query(sql, like, &[text("axb")])?, vec![vec![int(4)], vec![int(5)]])
}

fn row_values_are_compared_as_tuples(sql: &impl Sql) -> Outcome {
    for (id, word, number) in [(1, "a", 1), (2, "b", 1), (3, "c", 2), (4, "d", 2)] {
        let insert = "INSERT INTO conformance (id, word, number) VALUES (?, ?, ?)";
        sql.exec(insert, &[int(id), text(word), int(number)])?;
    }
    let after = "SELECT id FROM conformance WHERE (number, id) > (?, ?) ORDER BY number, id LIMIT ?";
    expect(query(sql, after, &[int(1), int(1), int(2)])?, vec![vec![int(2)], vec![int(3)]])?;
    expect(query(sql, after, &[int(2), int(4), int(2)])?, Vec::<Vec<Value>>::new())
}

fn full_text_index_finds_trigrams_and_forgets_them(sql: &impl Sql) -> Outcome {
    sql.exec(
        "CREATE VIRTUAL TABLE conformance_text USING fts5 (
             one, two, content = '', columnsize = 0, detail = none, tokenize = 'trigram');
         INSERT INTO conformance_text (conformance_text, rank) VALUES ('secure-delete', 1)",
        &[],
    )?;
    let add = "INSERT INTO conformance_text (rowid, one, two) VALUES (?, ?, ?)";
    sql.exec(add, &[int(1), text("Nightly ǂʘǃ"), text("a \"note\"")])?;
    sql.exec(add, &[int(2), text("nightly build"), Value::Null])?;
    sql.exec(add, &[int(3), text("other"), text("NIGHTLY")])?;
    let find =
        "SELECT rowid FROM conformance_text WHERE conformance_text MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?";
    let found = |query: &str, before: i64| self::query(sql, find, &[text(query), int(before), int(9)]);
    expect(found("\"nig\" AND \"tly\"", 9)?, vec![vec![int(3)], vec![int(2)], vec![int(1)]])?;
    expect(found("\"nig\" AND \"tly\"", 3)?, vec![vec![int(2)], vec![int(1)]])?;
    expect(found("\"nig\" AND \"bui\"", 9)?, vec![vec![int(2)]])?;
    expect(found("\"\"\"no\"", 9)?, vec![vec![int(1)]])?;
    // The index is written at the latest when a transaction begins or ends.
    let traces = || {
        sql.transaction(|| Ok::<_, SqlError>(()))?;
        let traces = "SELECT count(*) FROM conformance_text_data WHERE instr(block, CAST(? AS BLOB))";
        self::query(sql, traces, &[text("ʘǃ")])
    };
    expect(traces()?, vec![vec![int(1)]])?;
    let remove = "INSERT INTO conformance_text (conformance_text, rowid, one, two) VALUES ('delete', ?, ?, ?)";
    sql.exec(remove, &[int(1), text("Nightly ǂʘǃ"), text("a \"note\"")])?;
    expect(found("\"nig\" AND \"tly\"", 9)?, vec![vec![int(3)], vec![int(2)]])?;
    expect(traces()?, vec![vec![int(0)]])?;
    sql.exec("INSERT INTO conformance_text (conformance_text) VALUES ('delete-all')", &[])?;
    expect(found("\"nig\"", 9)?, Vec::<Vec<Value>>::new())?;
    sql.exec("DROP TABLE conformance_text", &[]).map(drop)?;
    Ok(())
}

fn partial_and_expression_indices_are_used(sql: &impl Sql) -> Outcome {
    // `INDEXED BY` is an error if the index cannot be used.
    sql.exec("CREATE INDEX conformance_partial ON conformance (id) WHERE number IS NULL", &[])?;
    sql.exec("CREATE INDEX conformance_json ON conformance (json_extract(word, '$.of'))", &[])?;
    add(sql, 1, r#"{"of":7}"#)?;
    let partial =
        "SELECT id FROM conformance INDEXED BY conformance_partial WHERE number IS NULL AND id BETWEEN ? AND ?";
    expect(query(sql, partial, &[int(0), int(9)])?, vec![vec![int(1)]])?;
    let json = "SELECT id FROM conformance INDEXED BY conformance_json WHERE json_extract(word, '$.of') = ?";
    expect(query(sql, json, &[int(7)])?, vec![vec![int(1)]])
}

fn aggregates_without_rows_are_null(sql: &impl Sql) -> Outcome {
    let nothing = query(sql, "SELECT max(id), min(id), count(*) FROM conformance", &[])?;
    expect(nothing, vec![vec![Value::Null, Value::Null, int(0)]])?;
    expect(query(sql, "SELECT max(2, ?), ? IS NULL", &[int(3), Value::Null])?, vec![vec![int(3), int(1)]])
}

fn json_lists_are_joined_and_summed(sql: &impl Sql) -> Outcome {
    let insert = "INSERT INTO conformance (id, bytes, number) VALUES (?, ?, ?)";
    sql.exec(insert, &[int(1), Value::Blob(vec![0xAB, 0xCD]), int(40)])?;
    sql.exec(insert, &[int(2), Value::Blob(vec![0xEF]), Value::Null])?;
    let listed = "WITH listed AS (
        SELECT conformance.id AS id, value ->> 1 AS number
        FROM json_each(?) LEFT JOIN conformance ON conformance.bytes = unhex(value ->> 0))";
    let list = text(r#"[["abcd",1],["ef",7],["abcd",1],["0123",9]]"#);
    let add = format!(
        "{listed} INSERT INTO conformance (id, number) SELECT id, sum(number) FROM listed WHERE id IS NOT NULL GROUP BY id
         ON CONFLICT (id) DO UPDATE SET number = coalesce(conformance.number, 0) + excluded.number"
    );
    sql.exec(&add, std::slice::from_ref(&list))?;
    let numbers = "SELECT id, number, version FROM conformance ORDER BY id";
    expect(query(sql, numbers, &[])?, vec![vec![int(1), int(42), int(0)], vec![int(2), int(7), int(0)]])?;
    let set = format!(
        "{listed} UPDATE conformance SET version = latest.number
         FROM (SELECT id, max(number) AS number FROM listed GROUP BY id) AS latest
         WHERE conformance.id = latest.id AND coalesce(conformance.version < latest.number, true)"
    );
    sql.exec(&set, &[list])?;
    expect(query(sql, numbers, &[])?, vec![vec![int(1), int(42), int(1)], vec![int(2), int(7), int(7)]])
}

fn recursive_query_counts(sql: &impl Sql) -> Outcome {
    add(sql, 8, "there")?;
    let each = "WITH RECURSIVE up (n) AS (SELECT CAST(? AS INTEGER) UNION ALL SELECT n + 1 FROM up WHERE n < ?)
        SELECT n, word FROM up LEFT JOIN conformance ON id = n ORDER BY n";
    let counted = vec![vec![int(7), Value::Null], vec![int(8), text("there")], vec![int(9), Value::Null]];
    expect(query(sql, each, &[int(7), int(9)])?, counted)
}

fn triggers_can_reject_changes(sql: &impl Sql) -> Outcome {
    sql.exec(
        "CREATE TRIGGER conformance_log_is_kept BEFORE UPDATE ON conformance_log
         BEGIN SELECT RAISE(ABORT, 'kept'); END; INSERT INTO conformance_log (line) VALUES ('as written')",
        &[],
    )?;
    expect_error(sql.exec("UPDATE conformance_log SET line = 'changed'", &[]))?;
    expect(query(sql, "SELECT line FROM conformance_log", &[])?, vec![vec![text("as written")]])
}

fn triggers_save_old_rows_for_views(sql: &impl Sql) -> Outcome {
    sql.exec(
        "CREATE TRIGGER conformance_keep BEFORE UPDATE OF version ON conformance
         WHEN OLD.version <= (SELECT min(seq) FROM conformance_log) AND NEW.version > (SELECT min(seq) FROM conformance_log)
         BEGIN INSERT OR IGNORE INTO conformance_log (line) VALUES (OLD.id || ' was ' || OLD.version); END;
         DROP VIEW IF EXISTS conformance_all;
         CREATE VIEW conformance_all AS SELECT id, word FROM conformance
             WHERE version <= (SELECT min(seq) FROM conformance_log)
         UNION ALL SELECT seq, line FROM conformance_log",
        &[],
    )?;
    add(sql, 1, "one")?;
    add(sql, 5, "five")?;
    sql.exec("UPDATE conformance SET version = 9 WHERE id = 1", &[])?;
    let all = "SELECT id, word FROM conformance_all WHERE id > ? ORDER BY id LIMIT ?";
    expect(query(sql, all, &[int(0), int(9)])?, Vec::<Vec<Value>>::new())?;
    sql.exec("INSERT INTO conformance_log (seq, line) VALUES (2, 'up to here')", &[])?;
    expect(query(sql, all, &[int(2), int(9)])?, vec![vec![int(5), text("five")]])?;
    sql.exec("UPDATE conformance SET word = 'the fifth' WHERE id = 5", &[])?;
    sql.exec("UPDATE conformance SET version = version + 3 WHERE id = 5", &[])?;
    sql.exec("UPDATE conformance SET version = version + 3 WHERE id = 5", &[])?;
    let shown = vec![vec![int(2), text("up to here")], vec![int(3), text("5 was 0")]];
    expect(query(sql, all, &[int(0), int(9)])?, shown)?;
    sql.exec("DROP VIEW conformance_all", &[])?;
    Ok(())
}

fn autoincrement_numbers_are_not_reused(sql: &impl Sql) -> Outcome {
    let append = "INSERT INTO conformance_log (line) VALUES (?) RETURNING seq";
    expect(query(sql, append, &[text("a")])?, vec![vec![int(1)]])?;
    sql.exec("DELETE FROM conformance_log", &[])?;
    expect(query(sql, append, &[text("b")])?, vec![vec![int(2)]])
}

/// The ledger never comes near these limits. Equal limits in both engines make its native tests show that.
fn platform_limits_are_enforced(sql: &impl Sql) -> Outcome {
    let (many, values) = (format!("SELECT 1 WHERE 1 IN ({})", vec!["?"; 101].join(",")), vec![int(1); 101]);
    expect_error(query(sql, &many, &values))?;
    let (most, values) = (format!("SELECT 1 WHERE 1 IN ({})", vec!["?"; 100].join(",")), vec![int(1); 100]);
    expect(query(sql, &most, &values)?, vec![vec![int(1)]])?;
    for matches in ["LIKE", "GLOB"] {
        let pattern = format!("SELECT 'a' {matches} ?");
        expect(query(sql, &pattern, &[text(&"a".repeat(50))])?, vec![vec![int(0)]])?;
        expect_error(query(sql, &pattern, &[text(&"a".repeat(51))]))?;
    }
    expect(query(sql, "SELECT instr(?, ?)", &[text(&"a".repeat(500)), text(&"a".repeat(400))])?, vec![vec![int(1)]])?;
    let add = "INSERT INTO conformance (id, bytes) VALUES (1, ?)";
    expect_error(query(sql, add, &[Value::Blob(vec![1; 2_300_000])]))?;
    query(sql, add, &[Value::Blob(vec![1; 1_900_000])])?;
    expect_error(query(sql, "SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6", &[]))
}

fn size_follows_stored_data(sql: &impl Sql) -> Outcome {
    let before = sql.used()?;
    for id in 0..10 {
        query(sql, "INSERT INTO conformance (id, bytes) VALUES (?, zeroblob(100000))", &[int(id)])?;
    }
    let grown = sql.used()?.saturating_sub(before);
    if !(1_000_000..1_200_000).contains(&grown) {
        return Err(Failure(format!("a megabyte more took {grown} bytes")));
    }
    sql.exec("DELETE FROM conformance", &[])?;
    let left = sql.used()?.saturating_sub(before);
    if left > 50_000 {
        return Err(Failure(format!("{left} bytes stayed of what was deleted")));
    }
    Ok(())
}
