//! Token lists: filters, order, and consistent pages.

use counterfoil_protocol::{
    CommandError,
    command::{
        Actor, CreateToken, Lifetime, ListTokens, Listing, Page, RevokeToken, RotateToken, State, TokenColumn,
        TokenFilter, TokenSort, TokenView,
    },
    command_error::InvalidCode,
};
use counterfoil_token::Digest;
use counterfoil_verify::ScopePattern;
use proptest::prelude::*;

use crate::support::*;

const NEWEST: TokenSort = TokenSort { by: TokenColumn::Number, descending: true };

fn list(
    world: &mut World,
    actor: Actor,
    filter: &TokenFilter,
    sort: TokenSort,
    page: Page,
) -> Result<Listing<TokenView>, CommandError> {
    world.attempt(actor, ListTokens { filter: filter.clone(), sort, page, usage: None })
}

fn numbers(listing: &Listing<TokenView>) -> Vec<u64> {
    listing.items.iter().map(|token| token.number).collect()
}

fn filter() -> TokenFilter {
    TokenFilter::default()
}

/// The numbers of the tokens that root finds, oldest first.
#[track_caller]
fn find(world: &mut World, filter: TokenFilter) -> Vec<u64> {
    let sort = TokenSort { by: TokenColumn::Number, descending: false };
    let listing = list(world, Actor::Root, &filter, sort, Page::default()).unwrap();
    assert_eq!(listing.total, listing.items.len() as u64);
    numbers(&listing)
}

/// Revokes all tokens of a member.
fn revoke_all_of(world: &mut World, id: &str, generation: u64) {
    world.meddle(&format!(
        "UPDATE members SET revoked_before = {generation} WHERE id = '{id}';
         UPDATE tokens SET revoked_at = 1 WHERE owner = (SELECT number FROM members WHERE id = '{id}')"
    ));
}

#[test]
fn tokens_are_filtered_by_state() {
    let (mut world, admin) = World::founded();
    let mut issue = |ask| world.issue(admin.actor, ask).unwrap();
    let ending = || CreateToken { lifetime: Lifetime::Seconds(1), ..token(&[]) };
    issue(CreateToken { not_before: Some(START.plus(DAY)), ..token(&[]) });
    issue(ending());
    issue(CreateToken { enabled: false, ..ending() });
    let gone = issue(token(&[]));
    world.call(admin.actor, RevokeToken { id: gone.id.clone(), reason: None }).unwrap();
    let cut = world.join("ann", &[]);
    let generation = world.number("SELECT generation FROM workspace") + 1;
    revoke_all_of(&mut world, "ann", generation);
    world.wait(1_000);
    for (state, expected) in [
        (State::Active, vec![1]),
        (State::Pending, vec![2]),
        (State::Expired, vec![3]),
        (State::Disabled, vec![4]),
        (State::Revoked, vec![gone.number, cut.number]),
    ] {
        let found = find(&mut world, TokenFilter { state: Some(state), ..filter() });
        assert_eq!(found, expected, "{state:?}");
        let listing =
            list(&mut world, Actor::Root, &TokenFilter { state: Some(state), ..filter() }, NEWEST, Page::default());
        assert!(listing.unwrap().items.iter().all(|token| token.state == state), "the filter and the view agree");
    }
}

#[test]
fn tokens_are_filtered_by_number_member_and_liveness() {
    let (mut world, admin) = World::founded();
    let mut issue = |ask| world.issue(admin.actor, ask).unwrap();
    issue(CreateToken { lifetime: Lifetime::Seconds(1), ..token(&[]) });
    issue(CreateToken { enabled: false, ..token(&[]) });
    issue(CreateToken { not_before: Some(START.plus(DAY)), ..token(&[]) });
    let gone = issue(token(&[]));
    world.call(admin.actor, RevokeToken { id: gone.id.clone(), reason: None }).unwrap();
    let ann = world.join("ann", &["tokens:read"]);
    let live = || TokenFilter { live: true, ..filter() };
    assert_eq!(find(&mut world, live()), [1, 2, 3, 4, 6], "disabled tokens and tokens that are not valid yet are live");
    world.wait(1_000);
    assert_eq!(find(&mut world, live()), [1, 3, 4, 6], "an expired token is not live");

    let mine = || TokenFilter { mine: true, ..filter() };
    let of = |world: &mut World, actor| numbers(&list(world, actor, &mine(), NEWEST, Page::default()).unwrap());
    assert_eq!(of(&mut world, admin.actor), [5, 4, 3, 2, 1], "only the admin's own tokens");
    assert_eq!(of(&mut world, ann.actor), [6]);
    assert_eq!(find(&mut world, mine()), [0; 0], "root owns none");

    let numbered = |number| TokenFilter { number: Some(number), ..filter() };
    assert_eq!(find(&mut world, numbered(3)), [3]);
    assert_eq!(find(&mut world, TokenFilter { live: true, ..numbered(5) }), [0; 0], "filters are combined with AND");
    for none in [0, 7, 1 << 53, u64::MAX] {
        assert_eq!(find(&mut world, numbered(none)), [0; 0]);
    }
    let identified = |id: &str| TokenFilter { id: Some(id.to_owned()), ..filter() };
    assert_eq!(find(&mut world, identified(&gone.id)), [gone.number]);
    assert_eq!(find(&mut world, TokenFilter { live: true, ..identified(&gone.id) }), [0; 0]);
    assert_eq!(find(&mut world, identified("tok_0")), [0; 0]);
    let others = list(&mut world, ann.actor, &identified(&gone.id), NEWEST, Page::default()).unwrap();
    assert_eq!(others.total, 0, "neither is an id");
    let others = list(&mut world, ann.actor, &numbered(3), NEWEST, Page::default()).unwrap();
    assert_eq!(others.total, 0, "others' tokens have no number that a member could find");

    let generation = world.number("SELECT generation FROM workspace") + 1;
    revoke_all_of(&mut world, "ann", generation);
    assert_eq!(find(&mut world, live()), [1, 3, 4], "revoked with all tokens of its owner");
}

#[test]
fn tokens_are_filtered_by_owner_scope_client_and_digest() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["orders:*", "read"]);
    world.meddle("UPDATE tokens SET client_id = 'console' WHERE number = 2");
    let by_scope = |text: &str| TokenFilter { scope: ScopePattern::parse(text).ok(), ..filter() };
    assert_eq!(find(&mut world, TokenFilter { owner: Some("ann".to_owned()), ..filter() }), [2]);
    assert_eq!(find(&mut world, TokenFilter { owner: Some("nobody".to_owned()), ..filter() }), [0; 0]);
    // The scope filter is literal: scopes covered by a wildcard do not match.
    assert_eq!(find(&mut world, by_scope("orders:*")), [2]);
    assert_eq!(find(&mut world, by_scope("read")), [2]);
    assert_eq!(find(&mut world, by_scope("*")), [1]);
    assert_eq!(find(&mut world, by_scope("orders:read")), [0; 0]);
    assert_eq!(find(&mut world, TokenFilter { client_id: Some("console".to_owned()), ..filter() }), [2]);
    assert_eq!(find(&mut world, TokenFilter { digest: Some(ann.digest), ..filter() }), [2]);
    assert_eq!(find(&mut world, TokenFilter { digest: Some(Digest::of(b"")), ..filter() }), [0; 0]);
    // A replaced value finds its token too.
    let rotated =
        world.call(admin.actor, RotateToken { id: ann.id.clone(), grace_seconds: 0, end_previous: false }).unwrap();
    world.held(rotated);
    assert_eq!(find(&mut world, TokenFilter { digest: Some(ann.digest), ..filter() }), [2]);
    // Filters are combined with AND.
    assert_eq!(find(&mut world, TokenFilter { owner: Some("admin".to_owned()), ..by_scope("read") }), [0; 0]);
}

#[test]
fn tokens_are_searched_by_name_note_hint_and_id() {
    let (mut world, admin) = World::founded();
    let mut issue = |name: &str, note: Option<&str>| {
        let ask = CreateToken { name: name.to_owned(), note: note.map(str::to_owned), ..token(&[]) };
        world.issue(admin.actor, ask).unwrap()
    };
    issue("Nightly 100%", None);
    let second = issue("a_b", Some("Für die Nacht\\"));
    issue("", None);
    let text = |text: &str| TokenFilter { text: Some(text.to_owned()), ..filter() };
    assert_eq!(find(&mut world, text("nightLY")), [2]);
    assert_eq!(find(&mut world, text("für DIE")), [3]);
    // Characters with a special meaning in LIKE patterns are literal.
    assert_eq!(find(&mut world, text("%")), [2]);
    assert_eq!(find(&mut world, text("_b")), [3]);
    assert_eq!(find(&mut world, text("a%b")), [0; 0]);
    assert_eq!(find(&mut world, text("\\")), [3]);
    assert_eq!(find(&mut world, text("' OR 1 --")), [0; 0]);
    assert_eq!(find(&mut world, text(&second.id.to_uppercase())), [3]);
    assert_eq!(find(&mut world, text(&second.hint)), [3]);
    assert_eq!(find(&mut world, text(&"x".repeat(200))), [0; 0]);
    for wrong in [String::new(), "x".repeat(201)] {
        let outcome = list(&mut world, Actor::Root, &text(&wrong), NEWEST, Page::default());
        assert_invalid_value(outcome, "/q");
    }
}

#[test]
fn token_filters_find_only_visible_tokens() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:read"]);
    let looks = [
        TokenFilter { owner: Some("admin".to_owned()), ..filter() },
        TokenFilter { digest: Some(admin.digest), ..filter() },
        TokenFilter { text: Some(admin.id.clone()), ..filter() },
        TokenFilter { scope: ScopePattern::parse("*").ok(), ..filter() },
    ];
    for look in looks {
        let listing = list(&mut world, ann.actor, &look, NEWEST, Page::default()).unwrap();
        assert_eq!((listing.items.len(), listing.total, listing.next_cursor), (0, 0, None));
        assert_eq!(find(&mut world, look).len(), 1);
    }
}

/// A workspace with tokens whose names, expirations and uses are in no order, partly missing and partly equal.
fn assorted() -> (World, Held) {
    let (mut world, admin) = World::founded();
    let long = "ä".repeat(200);
    for (n, name) in ["b", "", "a", "b", "é", "B", &long, "\u{1}\"", "a", ""].into_iter().enumerate() {
        world.wait(u64::from(n % 3 == 0));
        let lifetime =
            if n % 4 == 0 { Lifetime::Longest } else { Lifetime::Until(START.plus(DAY * (n as u64 % 3 + 1))) };
        world.issue(admin.actor, CreateToken { name: name.to_owned(), lifetime, ..token(&[]) }).unwrap();
    }
    world.meddle("UPDATE tokens SET last_used_at = 1 + number % 3 WHERE number % 2");
    (world, admin)
}

/// Every order of a list of tokens.
pub(crate) fn sorts() -> Vec<TokenSort> {
    let columns = [
        TokenColumn::Number,
        TokenColumn::Name,
        TokenColumn::CreatedAt,
        TokenColumn::ExpiresAt,
        TokenColumn::LastUsedAt,
    ];
    columns.into_iter().flat_map(|by| [false, true].map(|descending| TokenSort { by, descending })).collect()
}

#[test]
fn token_pages_of_any_size_and_order_form_the_list() {
    let (mut world, _) = assorted();
    for sort in sorts() {
        let whole = list(&mut world, Actor::Root, &filter(), sort, Page::default()).unwrap();
        let mut expected: Vec<TokenView> = whole.items.clone();
        expected.sort_by(|a, b| {
            let by = |token: &TokenView| match sort.by {
                TokenColumn::Number => (false, String::new(), token.number),
                TokenColumn::Name => (false, token.name.clone(), 0),
                TokenColumn::CreatedAt => (false, String::new(), token.created_at.0),
                TokenColumn::ExpiresAt => {
                    (token.expires_at.is_none(), String::new(), token.expires_at.map_or(0, |t| t.0))
                }
                TokenColumn::LastUsedAt => {
                    (token.last_used_at.is_none(), String::new(), token.last_used_at.map_or(0, |t| t.0))
                }
            };
            let ((no_a, text_a, key_a), (no_b, text_b, key_b)) = (by(a), by(b));
            let order = (text_a, key_a, a.number).cmp(&(text_b, key_b, b.number));
            no_a.cmp(&no_b).then(if sort.descending { order.reverse() } else { order })
        });
        assert_eq!(whole.items, expected, "{sort:?}");
        for limit in 1..=4 {
            let (mut pieces, mut cursor) = (Vec::new(), None);
            loop {
                let page = Page { limit: Some(limit), cursor: cursor.clone() };
                let listing = list(&mut world, Actor::Root, &filter(), sort, page).unwrap();
                assert_eq!(listing.total, 11);
                pieces.extend(listing.items);
                cursor = listing.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(pieces, whole.items, "{sort:?} by {limit}");
        }
    }
}

#[test]
fn cursor_is_valid_only_for_same_filter_and_order() {
    let (mut world, _) = assorted();
    let first = Page { limit: Some(2), cursor: None };
    let cursor =
        |world: &mut World, sort| list(world, Actor::Root, &filter(), sort, first.clone()).unwrap().next_cursor;
    for sort in sorts() {
        let page = Page { limit: None, cursor: cursor(&mut world, sort) };
        for other in sorts().into_iter().filter(|other| *other != sort) {
            let outcome = list(&mut world, Actor::Root, &filter(), other, page.clone());
            assert_invalid(outcome, InvalidCode::InvalidCursor, "/cursor");
        }
        let filtered = TokenFilter { text: Some("b".to_owned()), ..filter() };
        let outcome = list(&mut world, Actor::Root, &filtered, sort, page);
        assert_invalid(outcome, InvalidCode::InvalidCursor, "/cursor");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// For any modified cursor, the ledger returns an error or a page.
    #[test]
    fn cursors_are_hostile(at in any::<prop::sample::Index>(), byte in any::<u8>(), sort in prop::sample::select(sorts())) {
        use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
        let (mut world, admin) = World::founded();
        world.issue(admin.actor, token(&[])).unwrap();
        let page = Page { limit: Some(1), cursor: None };
        let cursor = list(&mut world, Actor::Root, &filter(), sort, page).unwrap().next_cursor.unwrap();
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let page = Page { limit: Some(1), cursor: Some(BASE64_URL_SAFE_NO_PAD.encode(bytes)) };
        match list(&mut world, Actor::Root, &filter(), sort, page) {
            Ok(_) | Err(CommandError::Invalid { code: InvalidCode::InvalidCursor, .. }) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
