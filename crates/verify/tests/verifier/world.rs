//! The environment of a verifier.

use counterfoil_token::{Digest, Prefix, SealKey, SealSecret, Token, WorkspaceKey};
use counterfoil_verify::{
    Answer, Code, Decision, Demand, Edition, Encoded, Freshness, Grant, LeaseQuestion, Limits, Need, OwnerRecord,
    Pending, Progress, Question, RegistryKey, Renewal, Scope, ScopePattern, ScopeSet, Supply, Timestamp, TokenRecord,
    Use, Verifier, WorkspaceRecord,
};
use std::collections::{BTreeMap, HashMap};

/// The time at which every test begins: 2027-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_798_761_600_000);

/// One workspace's ledger.
pub(crate) struct Ledger {
    pub(crate) workspace: WorkspaceRecord,
    pub(crate) tokens: HashMap<Digest, TokenRecord>,
    pub(crate) owners: BTreeMap<u64, OwnerRecord>,
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    /// How many changes it lists; a verifier that missed more starts again.
    pub(crate) tells: usize,
    /// The uses that were reported to it.
    pub(crate) uses: Vec<Use>,
    /// The edition that it has published.
    pub(crate) edition: Option<Edition>,
}

/// Everything outside the verifier, with counts of requests.
pub(crate) struct World {
    pub(crate) verifier: Verifier,
    pub(crate) ledgers: HashMap<WorkspaceKey, Ledger>,
    pub(crate) registry: HashMap<String, Vec<u8>>,
    pub(crate) ledger_up: bool,
    pub(crate) registry_up: bool,
    pub(crate) ledger_calls: usize,
    pub(crate) registry_reads: usize,
    /// How often leases were renewed in the background.
    pub(crate) renewals: usize,
    /// How long leases last, in milliseconds.
    pub(crate) term: u64,
    limits: Limits,
    secret: SealSecret,
    drawn: u64,
}

pub(crate) fn home() -> WorkspaceKey {
    WorkspaceKey::parse("0Home1").unwrap()
}

pub(crate) fn elsewhere() -> WorkspaceKey {
    WorkspaceKey::parse("0Else1").unwrap()
}

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(crate) fn demand(freshness: Freshness) -> Demand {
    let mut demand = Demand::of(home());
    demand.all_of = vec![scope("orders:read")];
    demand.freshness = freshness;
    demand
}

/// `later(5)` is five seconds after the start.
pub(crate) fn later(seconds: u64) -> Timestamp {
    START.plus(seconds * 1000)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Two workspaces, each with the members 1 and 2, whose records the registry has.
    pub(crate) fn with_limits(limits: Limits) -> Self {
        let mut world = Self {
            verifier: Verifier::new(limits),
            ledgers: HashMap::new(),
            registry: HashMap::new(),
            ledger_up: true,
            registry_up: true,
            ledger_calls: 0,
            registry_reads: 0,
            renewals: 0,
            term: 10_000,
            limits,
            secret: SealSecret::new(&[9; 32]).unwrap(),
            drawn: 0,
        };
        for key in [home(), elsewhere()] {
            let slug = key.as_str().into();
            let freshness = vec![];
            let workspace = WorkspaceRecord { version: 1, key, slug, suspended: false, has_imports: false, freshness };
            let owner = |number| OwnerRecord {
                version: 1,
                number,
                id: format!("member{number}").into(),
                suspended: false,
                grants: ScopeSet::everything(),
                revoked_before: 0,
            };
            let owners = BTreeMap::from([(1, owner(1)), (2, owner(2))]);
            let ledger = Ledger {
                workspace,
                tokens: HashMap::new(),
                owners,
                epoch: 1,
                generation: 1,
                tells: 100,
                uses: Vec::new(),
                edition: None,
            };
            world.ledgers.insert(key, ledger);
            world.publish_workspace(key);
            world.publish_owner(key, 1);
            world.publish_owner(key, 2);
        }
        world
    }

    /// Another isolate, whose cache is empty.
    pub(crate) fn restart(&mut self) {
        self.verifier = Verifier::new(self.limits);
    }

    pub(crate) fn seal_key(&self) -> SealKey {
        self.secret.key_for(home())
    }

    pub(crate) fn home(&mut self) -> &mut Ledger {
        self.ledgers.get_mut(&home()).unwrap()
    }

    /// A token value with a right tag that no ledger knows.
    pub(crate) fn mint(&mut self, workspace: WorkspaceKey) -> String {
        self.mint_with(workspace, &self.secret.key_for(workspace))
    }

    /// A token value with a tag by an unknown key.
    pub(crate) fn forge(&mut self, workspace: WorkspaceKey) -> String {
        self.mint_with(workspace, &SealKey::from_bytes([1; 32]))
    }

    fn mint_with(&mut self, workspace: WorkspaceKey, key: &SealKey) -> String {
        self.drawn += 1;
        // Each byte selects one of 62 characters.
        let mut bytes = [0, 1, 2, 3].map(|place| (self.drawn / 62_u64.pow(place) % 62) as u8).into_iter().cycle();
        let mut random = |slice: &mut [u8]| slice.fill_with(|| bytes.next().unwrap());
        Token::mint(&Prefix::default(), workspace, key, &mut random).unwrap().as_ref().expose().to_owned()
    }

    /// Creates a token of member 1 in the home workspace. The registry does not have it yet.
    pub(crate) fn issue(&mut self) -> String {
        let text = self.mint(home());
        self.adopt(home(), &text);
        text
    }

    /// Makes any value, ours or third-party, a token of member 1.
    pub(crate) fn adopt(&mut self, workspace: WorkspaceKey, text: &str) {
        let ledger = self.ledgers.get_mut(&workspace).unwrap();
        ledger.generation += 1;
        let number = ledger.tokens.len() as u64 + 1;
        let record = TokenRecord {
            version: ledger.generation,
            id: format!("tok_{number}").into(),
            number,
            owner: 1,
            name: "a token".into(),
            client_id: None,
            metadata: None,
            scopes: ScopeSet::from(vec![ScopePattern::parse("orders:*").unwrap()]),
            issued: ledger.generation,
            revoked: false,
            enabled: true,
            not_before: None,
            expires_at: None,
            replaced_until: None,
            addresses: vec![],
            rate_class: None,
        };
        ledger.tokens.insert(Digest::of(text.as_bytes()), record);
    }

    /// Changes a token in the ledger.
    pub(crate) fn change(&mut self, text: &str, change: impl FnOnce(&mut TokenRecord)) {
        let ledger = self.home();
        ledger.generation += 1;
        let generation = ledger.generation;
        let record = ledger.tokens.get_mut(&Digest::of(text.as_bytes())).unwrap();
        change(record);
        record.version = generation;
    }

    /// Changes a member in the ledger.
    pub(crate) fn change_owner(&mut self, number: u64, change: impl FnOnce(&mut OwnerRecord, u64)) {
        let ledger = self.home();
        ledger.generation += 1;
        let generation = ledger.generation;
        let owner = ledger.owners.get_mut(&number).unwrap();
        change(owner, generation);
        owner.version = generation;
    }

    pub(crate) fn publish(&mut self, text: &str) {
        let digest = Digest::of(text.as_bytes());
        let bytes = self.home().tokens[&digest].encode();
        self.registry.insert(RegistryKey::Token(home(), digest).path(), bytes);
    }

    pub(crate) fn publish_owner(&mut self, key: WorkspaceKey, number: u64) {
        let bytes = self.ledgers[&key].owners[&number].encode();
        self.registry.insert(RegistryKey::Owner(key, number).path(), bytes);
    }

    pub(crate) fn publish_workspace(&mut self, key: WorkspaceKey) {
        let bytes = self.ledgers[&key].workspace.encode();
        self.registry.insert(RegistryKey::Workspace(key).path(), bytes);
    }

    /// The ledger's response now.
    pub(crate) fn answer(&self, question: &Question) -> Answer {
        let Question { workspace, digests } = question;
        let ledger = self.ledgers.get(workspace);
        let tokens: Vec<_> = digests
            .iter()
            .map(|digest| (*digest, ledger.and_then(|ledger| ledger.tokens.get(digest).cloned())))
            .collect();
        let owners = tokens.iter().filter_map(|(_, token)| Some(token.as_ref()?.owner));
        Answer {
            key: *workspace,
            as_of: START,
            generation: ledger.map_or(0, |ledger| ledger.generation),
            workspace: ledger.map(|ledger| ledger.workspace.clone()),
            seal_keys: vec![self.secret.key_for(*workspace)],
            owners: owners.map(|owner| ledger.unwrap().owners[&owner].clone()).collect(),
            tokens,
        }
    }

    /// The ledger's grant now.
    pub(crate) fn grant(&self, question: &LeaseQuestion, now: Timestamp) -> Grant {
        let LeaseQuestion { workspace, since, digests, segments, .. } = question.clone();
        let mut answer = self.answer(&Question { workspace, digests });
        answer.as_of = now;
        let nothing = (Vec::new(), Vec::new());
        let Some(ledger) = self.ledgers.get(&workspace) else {
            let (texts, owners) = nothing;
            return Grant { epoch: 0, since: None, term: 0, answer, texts, owners, edition: None };
        };
        let known = since.filter(|since| since.epoch == ledger.epoch && since.generation <= ledger.generation);
        let mut since = known.map(|since| since.generation);
        let edition = segments.and(ledger.edition);
        if let Some(edition) = edition
            && (since.is_none() || segments.and_then(|held| held.manifest) != Some(edition.manifest))
        {
            since = Some(since.unwrap_or(u64::MAX).min(edition.generation));
        }
        let generation = since.unwrap_or(u64::MAX);
        let is_told =
            |record: &TokenRecord| record.version > generation && (edition.is_some() || record.version > record.issued);
        let texts: Vec<_> =
            ledger.tokens.iter().filter(|(_, record)| is_told(record)).map(|(digest, _)| *digest).collect();
        let owners = ledger.owners.values().filter(|owner| owner.version > generation).map(|owner| owner.number);
        let since = since.filter(|_| texts.len() <= ledger.tells);
        let (texts, owners) = if since.is_some() { (texts, owners.collect()) } else { nothing };
        let edition = edition.filter(|_| since.is_some());
        Grant { epoch: ledger.epoch, since, term: self.term, answer, texts, owners, edition }
    }

    /// Runs a check to its decision with all sources that are up, and then the due work in the background.
    pub(crate) fn check(&mut self, text: &str, demand: &Demand, now: Timestamp) -> Decision {
        let mut progress = self.verifier.check(text.as_bytes(), demand, now);
        for _ in 0..10 {
            match progress {
                Progress::Decided(mut decision) => {
                    self.verifier.complete(&mut decision);
                    if decision.renewal_due {
                        self.renew(now);
                    }
                    return decision;
                }
                Progress::Fetch(pending) => progress = self.fetch(pending, demand, now),
            }
        }
        panic!("the verifier never decides");
    }

    /// Renews the home workspace's lease.
    pub(crate) fn renew(&mut self, now: Timestamp) {
        let renewal = self.verifier.renewal(home(), now);
        self.finish_renewal(&renewal, now);
    }

    pub(crate) fn finish_renewal(&mut self, renewal: &Renewal, now: Timestamp) {
        self.renewals += 1;
        let grant = self.grant(renewal.question(), now);
        self.take_uses(renewal.question());
        self.verifier.renew(renewal, self.ledger_up.then_some(&grant), now);
    }

    fn take_uses(&mut self, question: &LeaseQuestion) {
        if self.ledger_up
            && let Some(ledger) = self.ledgers.get_mut(&question.workspace)
        {
            ledger.uses.extend(&question.uses);
        }
    }

    /// One step of a check.
    pub(crate) fn fetch(&mut self, mut pending: Pending, demand: &Demand, now: Timestamp) -> Progress {
        self.verifier.asking(&mut pending, 1);
        self.fetch_asked(pending, demand, now)
    }

    /// The same, if the verifier was told already that the query is sent.
    pub(crate) fn fetch_asked(&mut self, pending: Pending, demand: &Demand, now: Timestamp) -> Progress {
        match pending.need().clone() {
            Need::Ledger(question) => {
                self.ledger_calls += 1;
                let mut answer = self.answer(&question);
                answer.as_of = now;
                let supply = if self.ledger_up { Supply::Ledger(&answer) } else { Supply::Unavailable };
                self.verifier.supply(pending, demand, supply, now)
            }
            Need::Lease(question) => {
                self.ledger_calls += 1;
                let grant = self.grant(&question, now);
                self.take_uses(&question);
                let supply = if self.ledger_up { Supply::Lease(&grant) } else { Supply::Unavailable };
                self.verifier.supply(pending, demand, supply, now)
            }
            Need::Wait(..) => self.verifier.supply(pending, demand, Supply::Waited, now),
            Need::Registry(keys) => {
                self.registry_reads += keys.len();
                let values: Vec<_> = keys.iter().map(|key| self.registry.get(&key.path()).cloned()).collect();
                let supply = if self.registry_up { Supply::Registry(&values) } else { Supply::Unavailable };
                self.verifier.supply(pending, demand, supply, now)
            }
        }
    }

    /// The code and the cost: queries to the ledger and reads of the registry.
    pub(crate) fn cost(&mut self, text: &str, demand: &Demand, now: Timestamp) -> (Code, usize, usize) {
        let before = (self.ledger_calls, self.registry_reads);
        let code = self.check(text, demand, now).code;
        (code, self.ledger_calls - before.0, self.registry_reads - before.1)
    }
}
