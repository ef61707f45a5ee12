//! Applies an executed command to the model, and checks that the actor was allowed to execute it.

use counterfoil_protocol::command::*;
use counterfoil_verify::{ScopeSet, Timestamp};
use serde_json::Value as Json;

use super::{
    Life, Person, Text, Token,
    ceiling::{Ceiling, places, probe},
    parsed,
};

impl Life {
    /// Returns the number of audit rows that the command must have written.
    pub(super) fn apply(&mut self, ceiling: &Ceiling, command: &Json, reply: &Json) -> u64 {
        let before = self.generation;
        self.generation = self.world.number("SELECT generation FROM workspace");
        let changes = self.generation - before;
        assert!(changes <= 1, "one command made two changes");
        let command = parsed(command);
        let itself = |text| matches!(&command, Command::RevokeText(ask) if ask.digest == text);
        assert!(ceiling.replaced.is_none_or(itself), "a replaced token value did more than revoke itself");
        if let Some(scope) = self.needed(ceiling, &command) {
            assert!(ceiling.holds(scope), "executed without {scope}");
        }
        // A value that is already as requested is no change; a new object always is.
        let mut rows = changes;
        match command {
            Command::CreateToken(ask) => rows = self.created(ceiling, ask, parsed(reply)),
            Command::ImportTokens(ask) => rows = self.imported(ceiling, ask, parsed(reply)),
            Command::UpdateToken(_) => self.updated(ceiling, parsed(reply)),
            Command::RotateToken(ask) => rows = self.rotated(ceiling, ask.end_previous, parsed(reply)),
            Command::RevokeToken(ask) => rows = self.revoked(ceiling, &ask.id),
            Command::RevokeText(ask) => rows = self.text_revoked(ceiling, &ask, parsed(reply)),
            Command::RevokeTokens(_) => rows = self.revoked_many(ceiling, parsed(reply)),
            Command::CreateMember(ask) => rows = self.member_created(ceiling, &ask, parsed(reply)),
            Command::UpdateMember(ask) => {
                self.member_updated(ceiling, &ask, parsed(reply));
                rows = rows.max(ask.revoke_all.into());
            }
            Command::EraseMember(ask) => rows = self.member_erased(ceiling, &ask.id),
            Command::CreateClient(_) | Command::DeleteClient(_) => rows = 1,
            Command::PutScopes(ask) => {
                let reserved = ask.scopes.iter().any(|entry| entry.grantable_by == Role::Admin);
                ceiling.check_admin(self.reserved && !reserved, "a scope given free");
                self.reserved = reserved;
            }
            Command::UpdateWorkspace(_) => {
                let workspace: Workspace = parsed(reply);
                let (quota, retention) = (workspace.settings.default_quota, workspace.settings.audit_retention);
                ceiling.check_admin(quota > self.default_quota, "the quota raised");
                let is_kept = retention.is_none() || self.retention.is_some_and(|days| retention >= Some(days));
                ceiling.check_admin(!is_kept, "the audit cut");
                self.default_quota = workspace.settings.default_quota;
                self.retention = workspace.settings.audit_retention;
            }
            Command::SuspendWorkspace(ask) => {
                assert!(ceiling.acts_as.is_none(), "the workspace was suspended without root");
                self.suspended = ask.suspended;
            }
            other => panic!("{other:?} is not in the model"),
        }
        assert_eq!(changes, rows.min(1), "a change did not raise the generation");
        rows
    }

    /// The scope that the command requires.
    fn needed(&self, ceiling: &Ceiling, command: &Command) -> Option<&'static str> {
        match command {
            Command::SuspendWorkspace(_) => None,
            Command::RevokeToken(ask) if ceiling.is_own(self.at(&ask.id)) => None,
            Command::RevokeText(ask) if ceiling.is_own(self.text(ask).token) => None,
            Command::CreateToken(_)
            | Command::RevokeText(_)
            | Command::ImportTokens(_)
            | Command::UpdateToken(_)
            | Command::RotateToken(_)
            | Command::RevokeToken(_)
            | Command::RevokeTokens(_) => Some("tokens:write"),
            _ => Some("workspace:manage"),
        }
    }

    fn created(&mut self, ceiling: &Ceiling, ask: CreateToken, issued: Issued) -> u64 {
        let held = self.world.held(issued);
        self.check_new(ceiling, &ask, &held.view);
        self.add(&held.view, ask.client_id);
        1
    }

    fn imported(&mut self, ceiling: &Ceiling, ask: ImportTokens, imported: Imported) -> u64 {
        let mut count = 0;
        for (line, outcome) in ask.lines.into_iter().zip(imported.lines) {
            let Ok(id) = outcome else { continue };
            let view = self.world.attempt(Actor::Root, ReadToken { id }).unwrap();
            assert!(self.texts.iter().all(|text| text.digest != line.digest), "a digest was taken twice");
            self.check_new(ceiling, &line.token, &view);
            self.add(&view, line.token.client_id);
            count += 1;
        }
        count
    }

    fn updated(&mut self, ceiling: &Ceiling, view: TokenView) {
        let at = self.at(&view.id);
        let token = &self.tokens[at];
        ceiling.check_reach(token.owner);
        let (was, is) = (places(&token.addresses), places(&view.allowed_addresses));
        let told = (view.name, view.metadata);
        if ceiling.is_own(at) {
            assert_eq!(
                (&view.scopes, view.expires_at),
                (&token.scopes, token.expires_at),
                "a token changed its own scopes or expiration"
            );
            assert_eq!(view.allowed_addresses, token.addresses, "a token changed its own addresses");
        } else {
            let can = |scopes: &ScopeSet| probe(|scope| scopes.covers(scope));
            let begins = |start: Option<Timestamp>| start.unwrap_or_default().max(self.world.now);
            let ends = |end: Option<Timestamp>| end.unwrap_or(Timestamp(u64::MAX));
            let reaches = !can(&view.scopes).is_subset(&can(&token.scopes))
                || !is.is_subset(&was)
                || view.enabled && !token.enabled
                || begins(view.not_before) < begins(token.not_before)
                || ends(view.expires_at) > ends(token.expires_at);
            if reaches || told != token.told {
                self.check_result(ceiling, view.expires_at, &view.allowed_addresses, &view.scopes);
            }
            if reaches {
                self.check_owner(token.owner, &view.scopes);
            }
        }
        let token = &mut self.tokens[at];
        token.not_before = view.not_before;
        token.addresses = view.allowed_addresses;
        token.told = told;
        token.scopes = view.scopes;
        token.enabled = view.enabled;
        token.expires_at = view.expires_at;
    }

    fn rotated(&mut self, ceiling: &Ceiling, end_previous: bool, rotated: Issued) -> u64 {
        let previous_valid_until = rotated.previous_valid_until.unwrap();
        let held = self.world.held(rotated);
        let at = self.at(&held.id);
        let token = &self.tokens[at];
        ceiling.check_reach(token.owner);
        if !ceiling.is_own(at) {
            self.check_result(ceiling, token.expires_at, &token.addresses, &token.scopes);
        }
        let now = self.world.now;
        for text in self.texts.iter_mut().filter(|text| text.token == at) {
            // A promised grace period is kept unless the request explicitly ends it.
            let left = |until: Timestamp| if end_previous { until.min(now) } else { until };
            text.until = Some(text.until.map_or(previous_valid_until, left));
        }
        self.texts.push(Text { digest: held.digest, token: at, until: None });
        let works = |text: &&Text| text.token == at && text.until.is_none_or(|until| now < until);
        assert!(self.texts.iter().filter(works).count() <= 8, "too many values of one token are valid");
        1
    }

    fn text(&self, ask: &RevokeText) -> &Text {
        self.texts.iter().find(|text| text.digest == ask.digest).unwrap()
    }

    fn text_revoked(&mut self, ceiling: &Ceiling, ask: &RevokeText, RevokedText { ended }: RevokedText) -> u64 {
        let now = self.world.now;
        let (at, until) = (self.text(ask).token, self.text(ask).until);
        if ended == Ended::Nothing {
            return 0;
        }
        ceiling.check_reach(self.tokens[at].owner);
        assert!(!self.tokens[at].revoked, "revoked twice");
        match until {
            None => {
                assert_eq!(ended, Ended::Token);
                self.tokens[at].revoked = true;
            }
            Some(until) => {
                assert!(ended == Ended::Text && now < until, "it was invalid already, or more than it was revoked");
                self.texts.iter_mut().filter(|text| text.digest == ask.digest).for_each(|text| text.until = Some(now));
            }
        }
        1
    }

    fn revoked(&mut self, ceiling: &Ceiling, id: &str) -> u64 {
        let at = self.at(id);
        ceiling.check_reach(self.tokens[at].owner);
        u64::from(!core::mem::replace(&mut self.tokens[at].revoked, true))
    }

    fn revoked_many(&mut self, ceiling: &Ceiling, revoked: RevokedTokens) -> u64 {
        let mut count = 0;
        for item in revoked.items {
            let ended = self.revoked(ceiling, &item.id);
            assert_eq!(item.result == RevokeResult::Revoked, ended == 1);
            count += ended;
        }
        count
    }

    fn member_created(&mut self, ceiling: &Ceiling, ask: &CreateMember, member: Member) -> u64 {
        let admin = member.role == Role::Admin;
        ceiling.check_admin(admin, "an admin made");
        ceiling.check_admin(member.quota > self.default_quota, "a quota given");
        self.check_gain(ceiling, &ScopeSet::default(), &member.grants);
        let person = Person { admin, quota: ask.quota, ..Person::new(&member.id, member.grants) };
        assert!(self.people.insert(member.number, person).is_none(), "a number was reused");
        1
    }

    fn member_updated(&mut self, ceiling: &Ceiling, ask: &UpdateMember, member: Member) {
        let person = &self.people[&member.number];
        ceiling.check_admin(person.admin, "an admin changed");
        let reactivated = person.suspended && !member.suspended;
        let promoted = !person.admin && member.role == Role::Admin;
        let raised = member.quota > person.quota.unwrap_or(self.default_quota);
        ceiling.check_admin(promoted || raised, "a role or a quota given");
        ceiling.check_admin(reactivated && person.suspended_by_admin, "an admin's suspension undone");
        // Everything that a reactivation enables counts as gained.
        let had = if reactivated || promoted || raised { ScopeSet::default() } else { person.grants.clone() };
        let widened = self.check_gain(ceiling, &had, &member.grants);
        if self.lives(member.number) && (reactivated || promoted || !raised && widened) {
            ceiling.check_unbound();
        }
        let by_admin = person.suspended_by_admin || ask.suspended == Some(true) && ceiling.admin;
        let person = self.people.get_mut(&member.number).unwrap();
        person.grants = member.grants;
        person.admin = member.role == Role::Admin;
        person.suspended = member.suspended;
        person.suspended_by_admin = member.suspended && by_admin;
        match ask.quota {
            Patch::Keep => {}
            Patch::Clear => person.quota = None,
            Patch::Set(quota) => person.quota = Some(quota),
        }
        if ask.revoke_all {
            self.revoke_all_of(member.number);
        }
    }

    fn member_erased(&mut self, ceiling: &Ceiling, id: &str) -> u64 {
        let (number, person) = self.people.iter_mut().find(|(_, person)| person.id == id && !person.erased).unwrap();
        ceiling.check_admin(person.admin || person.suspended_by_admin, "an admin, or whom one suspended, erased");
        *person = Person { erased: true, suspended: true, ..Person::new(id, ScopeSet::default()) };
        let number = *number;
        self.revoke_all_of(number);
        // User-written text about its tokens is removed, and their addresses.
        for token in self.tokens.iter_mut().filter(|token| token.owner == number) {
            token.addresses.clear();
            token.told = (String::new(), None);
        }
        self.kept.values_mut().for_each(|kept| kept.sure = false);
        1
    }

    /// Whether the member has live tokens.
    fn lives(&self, owner: u64) -> bool {
        let now = self.world.now;
        let is_live = |token: &Token| !token.revoked && token.expires_at.is_none_or(|end| end > now);
        self.tokens.iter().any(|token| token.owner == owner && is_live(token))
    }

    fn revoke_all_of(&mut self, owner: u64) {
        self.tokens.iter_mut().filter(|token| token.owner == owner).for_each(|token| token.revoked = true);
    }
}
