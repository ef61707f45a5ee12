//! Lists and pagination.

use std::collections::BTreeSet;

use counterfoil_protocol::{
    CommandError,
    command::{Actor, CreateToken, ListMembers, Listing, Page, ReadToken, RevokeToken, State, TokenView},
    command_error::InvalidCode,
};

use crate::support::*;

fn page(limit: u32, cursor: Option<&str>) -> Page {
    Page { limit: Some(limit), cursor: cursor.map(str::to_owned) }
}

fn tokens(world: &mut World, actor: Actor, page: Page) -> Result<Listing<TokenView>, CommandError> {
    world.call(actor, all_tokens(page))
}

fn numbers(listing: &Listing<TokenView>) -> Vec<u64> {
    listing.items.iter().map(|token| token.number).collect()
}

#[test]
fn tokens_are_listed_newest_first_in_pages() {
    let (mut world, admin) = World::founded();
    for _ in 0..4 {
        world.issue(admin.actor, token(&[])).unwrap();
    }
    let first = tokens(&mut world, admin.actor, page(2, None)).unwrap();
    assert_eq!((numbers(&first), first.total), (vec![5, 4], 5));
    let second = tokens(&mut world, admin.actor, page(2, first.next_cursor.as_deref())).unwrap();
    assert_eq!((numbers(&second), second.total), (vec![3, 2], 5));
    let last = tokens(&mut world, admin.actor, page(2, second.next_cursor.as_deref())).unwrap();
    assert_eq!((numbers(&last), last.next_cursor), (vec![1], None));
    // A page that ends with the last item has no next page.
    let whole = tokens(&mut world, admin.actor, page(5, None)).unwrap();
    assert_eq!((whole.items.len(), whole.next_cursor), (5, None));
    let most = tokens(&mut world, admin.actor, page(4, None)).unwrap();
    assert!(most.next_cursor.is_some());
}

#[test]
fn default_page_size_is_fifty() {
    let (mut world, admin) = World::founded();
    for _ in 0..50 {
        world.attempt(admin.actor, token(&[])).unwrap();
    }
    let listing = tokens(&mut world, admin.actor, Page::default()).unwrap();
    assert_eq!((listing.items.len(), listing.total), (50, 51));
    assert_eq!(tokens(&mut world, admin.actor, page(100, None)).unwrap().items.len(), 51);
    for limit in [0, 101, u32::MAX] {
        assert_invalid_value(tokens(&mut world, admin.actor, page(limit, None)), "/limit");
        assert_invalid_value(world.call(admin.actor, ListMembers { page: page(limit, None) }), "/limit");
    }
}

#[test]
fn token_pagination_is_stable_while_tokens_change() {
    let (mut world, admin) = World::founded();
    for _ in 0..9 {
        world.issue(admin.actor, token(&[])).unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let listing = tokens(&mut world, admin.actor, page(3, cursor.as_deref())).unwrap();
        seen.extend(numbers(&listing));
        assert!(seen.len() <= 10, "the pages never end: {seen:?}");
        // Between pages, one token is added, the last one shown is deleted, and another is revoked.
        world.issue(admin.actor, token(&[])).unwrap();
        let last = listing.items.last().unwrap();
        world.meddle(&format!("DELETE FROM tokens WHERE number = {} AND number > 1", last.number));
        let shown = listing.items[0].id.clone();
        if listing.items[0].number > 1 {
            world.call(admin.actor, RevokeToken { id: shown, reason: None }).unwrap();
        }
        cursor = listing.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>());
}

#[test]
fn members_are_listed_by_number() {
    let (mut world, admin) = World::founded();
    for (id, number) in [("c", 30), ("a", 20), ("b", 10)] {
        let ask = counterfoil_protocol::command::CreateMember { number: Some(number), ..member(id, &[]) };
        world.call(admin.actor, ask).unwrap();
    }
    let first = world.call(admin.actor, ListMembers { page: page(3, None) }).unwrap();
    assert_eq!(first.items.iter().map(|member| member.number).collect::<Vec<_>>(), [1, 10, 20]);
    let rest = world.call(admin.actor, ListMembers { page: page(3, first.next_cursor.as_deref()) }).unwrap();
    assert_eq!(rest.items.iter().map(|member| member.number).collect::<Vec<_>>(), [30]);
    assert_eq!((rest.total, rest.next_cursor), (4, None));
}

#[test]
fn cursor_of_another_list_is_refused() {
    let (mut world, admin) = World::founded();
    world.issue(admin.actor, token(&[])).unwrap();
    world.call(admin.actor, member("ann", &[])).unwrap();
    let of_tokens = tokens(&mut world, admin.actor, page(1, None)).unwrap().next_cursor.unwrap();
    let of_members = world.call(admin.actor, ListMembers { page: page(1, None) }).unwrap().next_cursor.unwrap();
    let misused = world.call(admin.actor, ListMembers { page: page(1, Some(&of_tokens)) });
    assert_invalid(misused, InvalidCode::InvalidCursor, "/cursor");
    let long = "A".repeat(10_000);
    let tampered = format!("B{}", &of_tokens[1..]);
    let padded = format!("{of_tokens}==");
    for garbage in
        ["", "1", "!", "AXQAAAAAAAAA", "AXT//////////w", &of_members, &tampered, &padded, &long, "AXT_________8"]
    {
        let outcome = tokens(&mut world, admin.actor, page(1, Some(garbage)));
        assert_invalid(outcome, InvalidCode::InvalidCursor, "/cursor");
    }
}

#[test]
fn admins_list_all_tokens_and_members_their_own() {
    let (mut world, admin) = World::founded();
    let ann = world.join("ann", &["tokens:read", "tokens:write"]);
    let bob = world.join("bob", &["tokens:read"]);
    let anns = world.issue(ann.actor, token(&[])).unwrap();
    let listing = tokens(&mut world, ann.actor, Page::default()).unwrap();
    assert_eq!((numbers(&listing), listing.total), (vec![anns.number, ann.number], 2));
    assert_eq!(listing.items, [anns.view.clone(), ann.view.clone()]);
    for actor in [admin.actor, Actor::Root] {
        assert_eq!(numbers(&tokens(&mut world, actor, Page::default()).unwrap()), [4, 3, 2, 1]);
        assert_eq!(world.call(actor, ReadToken { id: anns.id.clone() }).unwrap(), anns.view);
    }
    // A token that the actor cannot see does not exist for it.
    for id in [&anns.id, &admin.id, "tok_0000000000000000000000", ""] {
        assert_no_such(world.call(bob.actor, ReadToken { id: id.to_owned() }), "token");
    }
}

#[test]
fn ended_tokens_are_listed_with_their_state() {
    let (mut world, admin) = World::founded();
    let gone = world.issue(admin.actor, token(&[])).unwrap();
    world.call(admin.actor, RevokeToken { id: gone.id.clone(), reason: None }).unwrap();
    let off = world.issue(admin.actor, CreateToken { enabled: false, ..token(&[]) }).unwrap();
    let states: BTreeSet<_> = tokens(&mut world, admin.actor, Page::default())
        .unwrap()
        .items
        .into_iter()
        .map(|token| (token.number, token.state == State::Active, token.revoked_at.is_some()))
        .collect();
    assert_eq!(states, BTreeSet::from([(1, true, false), (gone.number, false, true), (off.number, false, false)]));
}
