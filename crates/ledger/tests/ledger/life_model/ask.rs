//! Random actions as commands.

use counterfoil_protocol::command::*;
use counterfoil_token::Digest;
use counterfoil_verify::{AddressBlock, ScopePattern};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::{
    Life,
    ceiling::RESERVED,
    json_of,
    steps::{ADDRESSES, Act, CLIENTS, MEMBERS, Plan},
};
use crate::{
    changes::{of_member, of_token, of_workspace},
    support::*,
};

impl Life {
    pub(super) fn command(&self, act: &Act) -> Json {
        let id = |token: &prop::sample::Index| token.get(&self.tokens).id.clone();
        let name = |member: &usize| MEMBERS[*member].to_owned();
        match act {
            Act::Create(plan) => json_of(self.ask(plan)),
            Act::Import(lines) => {
                let line = |(text, plan): &(u8, Plan)| ImportLine {
                    digest: Digest::of(&[*text]),
                    weak: text % 2 == 0,
                    length: None,
                    token: self.ask(plan),
                };
                json_of(ImportTokens { lines: lines.iter().map(line).collect() })
            }
            Act::Update { token, name, enabled, lifetime, delay, addresses, metadata } => json_of(UpdateToken {
                name: name.map(|name| format!("name {name}")),
                enabled: *enabled,
                lifetime: patch(lifetime.map(|lifetime| lifetime.map(Lifetime::Seconds))),
                not_before: patch(delay.map(|delay| delay.map(|seconds| self.world.now.plus(seconds * 1_000)))),
                allowed_addresses: addresses.map(blocks),
                metadata: patch(
                    metadata.map(|metadata| metadata.map(|nth| [("nth".to_owned(), nth.into())].into_iter().collect())),
                ),
                ..of_token(&id(token))
            }),
            Act::Replace { token, scopes } => {
                json_of(UpdateToken { scopes: Some(ScopeChange::Replace(patterns(scopes))), ..of_token(&id(token)) })
            }
            Act::Merge { token, scopes } => {
                let scopes =
                    scopes.iter().map(|(scope, wanted)| (ScopePattern::parse(scope).unwrap(), *wanted)).collect();
                json_of(UpdateToken { scopes: Some(ScopeChange::Merge(scopes)), ..of_token(&id(token)) })
            }
            Act::Rotate { token, grace, end } => {
                json_of(RotateToken { id: id(token), grace_seconds: *grace, end_previous: *end })
            }
            Act::RevokeText { text } => json_of(RevokeText { digest: text.get(&self.texts).digest, reason: None }),
            Act::Revoke { token } => json_of(RevokeToken { id: id(token), reason: None }),
            Act::RevokeSome { tokens, unknown } => {
                let ids = tokens.iter().map(id).chain(unknown.then(|| "tok_none".to_owned())).collect();
                json_of(RevokeTokens { select: Selection::Ids(ids), reason: None })
            }
            Act::RevokeOf { member } => {
                let filter = TokenFilter { owner: Some(name(member)), ..TokenFilter::default() };
                json_of(RevokeTokens { select: Selection::Filter(filter), reason: None })
            }
            Act::AddMember { member: of, admin, grants, quota } => {
                let role = if *admin { Role::Admin } else { Role::Member };
                json_of(CreateMember { role, quota: *quota, ..member(MEMBERS[*of], grants) })
            }
            Act::Grant { member, grants } => {
                json_of(UpdateMember { grants: Some(patterns(grants)), ..of_member(MEMBERS[*member]) })
            }
            Act::ChangeMember { member, quota, suspended, admin, revoke_all } => json_of(UpdateMember {
                quota: patch(*quota),
                suspended: *suspended,
                role: admin.map(|admin| if admin { Role::Admin } else { Role::Member }),
                revoke_all: *revoke_all,
                ..of_member(MEMBERS[*member])
            }),
            Act::Erase { member } => json_of(EraseMember { id: name(member) }),
            Act::AddClient { client } => json_of(CreateClient {
                id: CLIENTS[*client].to_owned(),
                name: "a client".to_owned(),
                permissions: Vec::new(),
            }),
            Act::RemoveClient { client } => json_of(DeleteClient { id: CLIENTS[*client].to_owned() }),
            Act::PutScopes { reserved, more } => {
                let mut scopes: Vec<_> = ["orders:read", "orders:write", "read"].map(entry).into();
                scopes.extend(more.then(|| entry("write")));
                let grantable_by = if *reserved { Role::Admin } else { Role::Member };
                scopes.push(ScopeEntry { grantable_by, ..entry(RESERVED) });
                json_of(PutScopes { scopes })
            }
            Act::Settings { quota, max_lifetime, retention } => json_of(UpdateWorkspace {
                default_quota: *quota,
                max_lifetime: patch(*max_lifetime),
                audit_retention: patch(*retention),
                ..of_workspace()
            }),
            Act::Suspend { suspended } => json_of(SuspendWorkspace { suspended: *suspended }),
            other => panic!("{other:?} is no command"),
        }
    }

    fn ask(&self, plan: &Plan) -> CreateToken {
        CreateToken {
            owner: plan.owner.map(|member| MEMBERS[member].to_owned()),
            lifetime: plan.seconds.map_or(Lifetime::Longest, Lifetime::Seconds),
            not_before: plan.delay.map(|seconds| self.world.now.plus(seconds * 1_000)),
            enabled: plan.enabled,
            allowed_addresses: blocks(plan.addresses),
            client_id: plan.client.map(|client| CLIENTS[client].to_owned()),
            ..token(&plan.scopes)
        }
    }
}

fn blocks(nth: usize) -> Vec<AddressBlock> {
    ADDRESSES[nth].iter().map(|block| block.parse().unwrap()).collect()
}

fn patch<T>(change: Option<Option<T>>) -> Patch<T> {
    change.map_or(Patch::Keep, |value| value.map_or(Patch::Clear, Patch::Set))
}
