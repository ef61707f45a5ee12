//! Lists and searches by means of indices: they find what comparing every token finds, whatever the search index lacks.

use std::collections::BTreeSet;

use counterfoil_ledger::{Upkeep, sql::Sql as _};
use counterfoil_protocol::command::{
    Actor, CreateMember, CreateToken, DeleteWorkspace, EraseMember, ImportLine, ImportTokens, ListTokens, Listing,
    Page, Patch, RotateToken, State, TokenColumn, TokenFilter, TokenSort, TokenView, UpdateToken,
};
use counterfoil_token::Digest;
use proptest::prelude::*;

use crate::{changes::of_token, filters::sorts, support::*, upgrade::before_search_index};

/// Names with all that a search could get wrong: case, quotes, NUL, characters of several bytes, and common parts.
const NAMES: [&str; 9] = [
    "Nightly build",
    "nightly\0deploy \"blue\"",
    "İstanbul GROẞ straße",
    "a_b%c",
    "例え🎫日本語",
    "tok_",
    "",
    "deploy AND OR NOT *",
    "xx\u{1}yy",
];

/// Texts that are in some tokens, in none, or too short for the index.
const TEXTS: [&str; 14] = [
    "nightly",
    "BUILD",
    "y\0d",
    "\0",
    "\"blue\"",
    "straße",
    "STRASSE",
    "i̇st",
    "例え🎫",
    "語",
    "tok_0",
    "…",
    "AND OR",
    "no such text",
];

/// Imports tokens of the member `many`, which is created first.
pub(crate) fn import(world: &mut World, admin: &Held, tokens: impl Iterator<Item = CreateToken>) {
    let owner = CreateMember { quota: Some(1_000_000), ..member("many", &["read", "write", "orders:read"]) };
    let _ = world.call(admin.actor, owner);
    let lines = tokens.enumerate().map(|(number, token)| ImportLine {
        digest: Digest::of(format!("imported {number}").as_bytes()),
        weak: false,
        length: None,
        token: CreateToken { owner: Some("many".to_owned()), ..token },
    });
    let imported = world.attempt(admin.actor, ImportTokens { lines: lines.collect() }).unwrap();
    assert!(imported.lines.iter().all(Result::is_ok), "{:?}", imported.lines.first());
}

pub(crate) fn catch_up(world: &mut World) {
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
}

/// 450 tokens that differ in all respects. Of these the index has 400, and 60 have changed since.
fn assorted() -> (World, Held) {
    let (mut world, admin) = World::founded();
    import(&mut world, &admin, (0..449).map(varied));
    world.meddle(
        "UPDATE tokens SET revoked_at = 5 WHERE number % 7 = 0;
         UPDATE tokens SET enabled = 0 WHERE number % 11 = 0;
         UPDATE tokens SET expires_at = 1000 + number % 5 WHERE number % 3 = 0;
         UPDATE tokens SET expires_at = 1863000000000 WHERE number % 13 = 0;
         UPDATE tokens SET not_before = 1863000000000 WHERE number % 17 = 0;
         UPDATE tokens SET last_used_at = number % 4 WHERE number % 2 = 0;
         UPDATE tokens SET created_at = created_at - number % 6;
         UPDATE tokens SET client_id = 'app' WHERE number % 10 = 0;
         UPDATE tokens SET owner = 1 WHERE number % 8 = 0",
    );
    catch_up(&mut world);
    assert_eq!(world.number("SELECT indexed FROM workspace"), 400);
    world.meddle(
        "UPDATE tokens SET name = 'Renamed ' || number, note = NULL WHERE number % 20 = 1;
         UPDATE tokens SET scopes = '[\"write\"]' WHERE number % 20 = 2;
         UPDATE tokens SET hint = 'cft_…new' || number WHERE number % 20 = 3",
    );
    assert_eq!(world.number("SELECT count(*) FROM tokens_to_index"), 60, "the tail of the index is not among them");
    (world, admin)
}

fn varied(number: usize) -> CreateToken {
    let scopes: [&[&str]; 4] = [&[], &["read"], &["read", "write"], &["orders:read"]];
    CreateToken {
        name: NAMES[number % NAMES.len()].to_owned(),
        note: number.is_multiple_of(4).then(|| format!("note {number} {}", NAMES[(number / 9) % NAMES.len()])),
        ..token(scopes[number % 4])
    }
}

/// All pages of a list, and its total.
fn pages(world: &mut World, filter: &TokenFilter, sort: TokenSort, limit: u32) -> (Vec<TokenView>, Option<u64>) {
    let (mut all, mut cursor, mut total) = (Vec::new(), None, None);
    loop {
        let page = Page { limit: Some(limit), cursor };
        let list = ListTokens { filter: filter.clone(), sort, page, usage: None };
        let Listing { items, next_cursor, total: number, total_is_exact } = world.attempt(Actor::Root, list).unwrap();
        assert!(total.is_none_or(|total| total == number), "every page has the same total");
        total = Some(number).filter(|_| total_is_exact);
        all.extend(items);
        cursor = next_cursor;
        if cursor.is_none() {
            return (all, total);
        }
    }
}

fn matches(token: &TokenView, filter: &TokenFilter) -> bool {
    let texts = [Some(&token.name), token.note.as_ref(), Some(&token.hint), Some(&token.id)];
    let has = |part: &str| texts.iter().flatten().any(|text| text.to_ascii_lowercase().contains(part));
    let is_live = matches!(token.state, State::Active | State::Pending)
        || token.state == State::Disabled && token.expires_at.is_none_or(|end| end > START);
    filter.owner.as_ref().is_none_or(|owner| token.owner.id == *owner)
        && filter.state.is_none_or(|state| token.state == state)
        && filter.scope.as_ref().is_none_or(|scope| token.scopes.iter().any(|own| own == scope))
        && filter.client_id.as_ref().is_none_or(|client| token.client_id.as_ref() == Some(client))
        && filter.text.as_ref().is_none_or(|text| has(&text.to_ascii_lowercase()))
        && (!filter.live || is_live)
}

fn some_filter() -> impl Strategy<Value = TokenFilter> {
    let some = |texts: &'static [&'static str]| prop::option::weighted(0.3, prop::sample::select(texts));
    let states = [State::Active, State::Disabled, State::Expired, State::Revoked, State::Pending];
    let parts = (
        some(&["many", "admin", "nobody"]),
        prop::option::weighted(0.3, prop::sample::select(states.to_vec())),
        some(&["read", "write", "orders:read", "*", "none"]),
        some(&["app", "web"]),
        prop::option::weighted(0.4, prop::sample::select(TEXTS.to_vec())),
        prop::bool::weighted(0.2),
    );
    parts.prop_map(|(owner, state, scope, client, text, live)| TokenFilter {
        owner: owner.map(str::to_owned),
        state,
        scope: scope.and_then(|scope| patterns(&[scope]).pop()),
        client_id: client.map(str::to_owned),
        text: text.map(str::to_owned),
        live,
        ..TokenFilter::default()
    })
}

#[test]
fn filtered_lists_equal_comparison_of_every_token() {
    let (mut world, _) = assorted();
    let by_number = TokenSort { by: TokenColumn::Number, descending: false };
    let orders: Vec<_> = sorts().into_iter().map(|sort| (sort, every(&mut world, sort))).collect();
    assert_eq!(orders[0].1.len(), 450);
    assert_eq!(orders[0].0, by_number);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    });
    let world = std::cell::RefCell::new(world);
    let found_something = std::cell::Cell::new(0);
    let cases = (some_filter(), prop::sample::select(orders), prop::sample::select(vec![3_u32, 40, 100]));
    runner
        .run(&cases, |(filter, (sort, all), limit)| {
            let expected: Vec<_> = all.into_iter().filter(|token| matches(token, &filter)).collect();
            let (found, total) = pages(&mut world.borrow_mut(), &filter, sort, limit);
            let numbers = |tokens: &[TokenView]| tokens.iter().map(|token| token.number).collect::<Vec<_>>();
            prop_assert_eq!(numbers(&found), numbers(&expected), "{:?} {:?}", filter, sort);
            prop_assert_eq!(total, Some(expected.len() as u64));
            found_something.set(found_something.get() + usize::from(!found.is_empty()));
            Ok(())
        })
        .unwrap();
    assert!(found_something.get() > 100, "{}", found_something.get());
}

/// Every token in this order, read without a filter.
fn every(world: &mut World, sort: TokenSort) -> Vec<TokenView> {
    pages(world, &TokenFilter::default(), sort, 100).0
}

fn text(text: &str) -> TokenFilter {
    TokenFilter { text: Some(text.to_owned()), ..TokenFilter::default() }
}

const NEWEST: TokenSort = TokenSort { by: TokenColumn::Number, descending: true };

/// The names of the tokens with this text.
fn named(world: &mut World, part: &str) -> Vec<String> {
    pages(world, &text(part), NEWEST, 100).0.into_iter().map(|token| token.name).collect()
}

#[test]
fn changed_tokens_are_found_before_and_after_they_are_indexed() {
    let (mut world, admin) = World::founded();
    import(&mut world, &admin, (0..250).map(varied));
    catch_up(&mut world);
    let (tokens, _) = pages(&mut world, &TokenFilter::default(), NEWEST, 100);
    let id = tokens.last().unwrap().id.clone();
    let rename = |world: &mut World, name: &str| {
        world.call(admin.actor, UpdateToken { name: Some(name.to_owned()), ..of_token(&id) }).unwrap();
    };
    rename(&mut world, "first name");
    rename(&mut world, "second name");
    let held = world.call(admin.actor, RotateToken { id: id.clone(), grace_seconds: 0, end_previous: false }).unwrap();
    let hint = held.token.hint.clone();
    for _ in 0..2 {
        assert_eq!(named(&mut world, "first name"), [""; 0]);
        assert_eq!(named(&mut world, "first admin"), [""; 0], "the name at its creation");
        assert_eq!(named(&mut world, "second name"), ["second name"]);
        assert_eq!(named(&mut world, &hint), ["second name"]);
        catch_up(&mut world);
        assert_eq!(world.number("SELECT count(*) FROM tokens_to_index"), 0);
    }
    let lookup = r#"SELECT count(*) FROM tokens_text WHERE tokens_text MATCH '"sec" AND "nam"'"#;
    assert_eq!(world.number(lookup), 1, "it is the index that finds it");
}

#[test]
fn erased_text_leaves_search_index() {
    let (mut world, admin) = World::founded();
    import(&mut world, &admin, (0..230).map(varied));
    world.meddle("UPDATE tokens SET name = 'ǂʘǃ', note = 'ʭʬʩ' WHERE number = 9");
    catch_up(&mut world);
    let traces = |world: &World| {
        let bytes = |text: &str| text.as_bytes().escape_ascii().to_string();
        let dump = world.dump();
        ["ʘǃ", "ʬʩ"].iter().filter(|text| dump.contains(**text) || dump.contains(&bytes(text))).count()
    };
    let is_indexed = "SELECT count(*) FROM tokens_text WHERE tokens_text MATCH '\"ǂʘǃ\"'";
    assert_eq!((world.number(is_indexed), traces(&world)), (1, 2));
    world.call(admin.actor, EraseMember { id: "many".to_owned() }).unwrap();
    assert_eq!(pages(&mut world, &text("ǂʘǃ"), NEWEST, 100).1, Some(0), "no search finds it from now on");
    catch_up(&mut world);
    assert_eq!((world.number(is_indexed), traces(&world)), (0, 0));
}

#[test]
fn workspace_deletion_clears_search_index() {
    let (mut world, admin) = World::founded();
    import(&mut world, &admin, (0..230).map(varied));
    catch_up(&mut world);
    let rows = "SELECT count(*) FROM tokens_text_idx";
    assert!(world.number(rows) > 0);
    world.call(Actor::Root, DeleteWorkspace {}).unwrap();
    assert_eq!(world.number(rows), 0);
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {}
    assert_eq!(world.number("SELECT count(*) FROM token_scopes"), 0);
}

#[test]
fn search_index_of_earlier_database_is_built_in_steps() {
    let mut world = World::over(before_search_index(650));
    let every_text = |world: &mut World| {
        ["nightly", "tok_", "例え🎫", "note 4", "zz"].map(|part| pages(world, &text(part), NEWEST, 100).0)
    };
    let read = TokenFilter { scope: patterns(&["read"]).pop(), ..TokenFilter::default() };
    let before = every_text(&mut world);
    let with_scope = pages(&mut world, &read, NEWEST, 100).0;
    assert!(before[0].len() > 100 && with_scope.len() > 100);
    let mut indexed = vec![world.number("SELECT indexed FROM workspace")];
    while world.ledger.upkeep(world.now).unwrap() == Upkeep::More {
        indexed.push(world.number("SELECT indexed FROM workspace"));
        assert_eq!(every_text(&mut world), before);
        assert_eq!(pages(&mut world, &read, NEWEST, 100).0, with_scope);
    }
    assert_eq!(indexed, [0, 200, 400, 600]);
}

/// A list examines 10,000 tokens at most. What it does not reach is on a later page.
#[test]
fn pages_and_totals_of_large_workspace_are_bounded() {
    let (mut world, admin) = World::founded();
    let named = |number: usize| CreateToken {
        name: if number < 2 { "§§".to_owned() } else { "many alike".to_owned() },
        ..token(if number < 3 { &["write"] } else { &["read"] })
    };
    import(&mut world, &admin, (0..10_000).map(named));
    let other = |number: usize| ImportLine {
        digest: Digest::of(format!("other {number}").as_bytes()),
        weak: false,
        length: None,
        token: CreateToken { owner: Some("many".to_owned()), ..named(number + 3) },
    };
    world.attempt(admin.actor, ImportTokens { lines: (0..500).map(other).collect() }).unwrap();
    let mut ask = |filter: &TokenFilter, sort, cursor| {
        let page = Page { limit: Some(50), cursor };
        world.attempt(Actor::Root, ListTokens { filter: filter.clone(), sort, page, usage: None }).unwrap()
    };
    let counted = |list: &Listing<TokenView>| (list.items.len(), list.total, list.total_is_exact);

    let all = ask(&TokenFilter::default(), NEWEST, None);
    assert_eq!(counted(&all), (50, 10_501, true), "the number of all tokens is known");
    let read = TokenFilter { scope: patterns(&["read"]).pop(), ..TokenFilter::default() };
    assert_eq!(counted(&ask(&read, NEWEST, None)), (50, 996, false), "of the oldest 1,000 tokens");
    let active = TokenFilter { state: Some(State::Active), ..TokenFilter::default() };
    assert_eq!(counted(&ask(&active, NEWEST, None)), (50, 1_000, false));
    let of_many = TokenFilter { owner: Some("many".to_owned()), ..TokenFilter::default() };
    assert_eq!(counted(&ask(&of_many, NEWEST, None)), (50, 10_000, false), "by the index alone");
    let revoked = TokenFilter { state: Some(State::Revoked), ..TokenFilter::default() };
    assert_eq!(counted(&ask(&revoked, NEWEST, None)), (0, 0, true));

    // Two characters are too few for the index, and the tokens that have them are the oldest.
    for by in [TokenColumn::Number, TokenColumn::CreatedAt, TokenColumn::LastUsedAt] {
        let sort = TokenSort { by, descending: true };
        let first = ask(&text("§§"), sort, None);
        assert_eq!((first.items.len(), first.total_is_exact), (0, false), "{by:?}");
        let second = ask(&text("§§"), sort, first.next_cursor.clone());
        assert_eq!((second.items.len(), second.next_cursor), (2, None), "{by:?}");
        let oldest = ask(&text("§§"), TokenSort { by, descending: false }, None);
        assert_eq!(oldest.items.len(), 2, "{by:?}");
    }
    let numbers = |list: &Listing<TokenView>| list.items.iter().map(|token| token.number).collect::<BTreeSet<_>>();
    let by_name = TokenSort { by: TokenColumn::Name, descending: true };
    assert_eq!(numbers(&ask(&text("§§"), by_name, None)), [2, 3].into(), "the last names of all");
}

#[test]
fn note_is_searched_after_it_was_removed_and_set_again() {
    let (mut world, admin) = World::founded();
    import(&mut world, &admin, (0..220).map(varied));
    catch_up(&mut world);
    let (tokens, _) = pages(&mut world, &text("note 8 "), NEWEST, 100);
    let id = tokens[0].id.clone();
    for (note, found) in [(Patch::Clear, 0), (Patch::Set("note 8 again".to_owned()), 1), (Patch::Clear, 0)] {
        world.call(admin.actor, UpdateToken { note, ..of_token(&id) }).unwrap();
        for _ in 0..2 {
            assert_eq!(pages(&mut world, &text("note 8 "), NEWEST, 100).1, Some(found));
            catch_up(&mut world);
        }
    }
    for table in ["tokens_text", "tokens_ids"] {
        world.ledger.sql().exec(&format!("INSERT INTO {table} ({table}) VALUES ('integrity-check')"), &[]).unwrap();
    }
}
