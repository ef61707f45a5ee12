//! Everything around the API, in memory: real ledgers on SQLite, a real directory, and a registry that the ledgers'
//! outboxes fill. Each can be made to fail. Time stands still until a test advances it; randomness is deterministic.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn, ready},
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use counterfoil_api::{
    Claims, Class, CutOff, Description, IdentityProviderError, IdentityToken, Keys, LogEvent, LogLine, LostUses, Ports,
    Redemption, Told, Unreachable, parse_seal_secrets, parse_session_secrets, parse_snapshot_keys,
};
use counterfoil_ledger::{
    Context, Ledger,
    directory::Directory,
    editions::Step,
    native::{NativeSql, Seeded},
};
use counterfoil_protocol::WebAddress;
use counterfoil_token::{SealSecret, WorkspaceKey};
use counterfoil_verify::{RegistryKey, Timestamp};
use futures_util::future::BoxFuture;
use serde_json::json;

/// The deployment secret `SEAL_SECRETS`.
pub(crate) const SEAL_SECRETS: &str = r#"["c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"]"#;

/// The deployment secret `SESSION_SECRETS`: a replaced secret is still accepted.
pub(crate) const SESSION_SECRETS: &str = r#"["5e55105e55105e55105e55105e55105e55105e55105e55105e55105e55105e55","01d001d001d001d001d001d001d001d001d001d001d001d001d001d001d001d0"]"#;

/// The deployment secret `SNAPSHOT_KEYS`: a replaced key signs no more.
pub(crate) const SNAPSHOT_KEYS: &str = r#"["5a955a955a955a955a955a955a955a955a955a955a955a955a955a955a955a95","0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb0adb"]"#;

/// The deployment secret `OIDC_CLIENT_SECRETS`.
pub(crate) const CLIENT_SECRETS: &str = r#"{"https://accounts.example":{"console":"the-secret-of-the-console"}}"#;

/// The start of every world: 2027-01-15T08:00:00Z.
const BEGINNING: Timestamp = Timestamp(1_800_000_000_000);

/// See the module. A clone is the same world.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inside>>);

/// How a call fails. The caller cannot distinguish the first two, so both must be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing was done.
    Before,
    /// It was done, and the response was lost.
    After,
    /// It was done, and the response is garbled.
    Garbled,
    /// The object runs an older version that does not know the request: nothing was done.
    Older,
    /// The object runs a newer version, with an error that is unknown to the API: nothing was done.
    Newer,
}

impl Fault {
    /// The reply of an object of another version.
    const fn reply(self) -> Option<&'static str> {
        match self {
            Self::Older => {
                Some(r#"{"refused":{"not_understood":{"detail":"not a request: a wrong field at /command"}}}"#)
            }
            Self::Newer => Some(r#"{"hint":["later"],"refused":{"gone_fishing":{"until":5}}}"#),
            Self::Before | Self::After | Self::Garbled => None,
        }
    }
}

/// How often each part of the world was queried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) ledgers: u32,
    pub(crate) directory: u32,
    /// Keys, not read operations.
    pub(crate) registry: u32,
}

pub(crate) struct Inside {
    pub(crate) now: Timestamp,
    /// When sleeping requests wake.
    alarms: BTreeSet<Timestamp>,
    random: Seeded,
    seal_secrets: Vec<SealSecret>,
    session_secrets: Vec<SealSecret>,
    pub(crate) snapshot_secrets: Vec<SealSecret>,
    pub(crate) ledgers: BTreeMap<WorkspaceKey, Ledger<NativeSql>>,
    directory: Directory<NativeSql>,
    pub(crate) registry: BTreeMap<String, Vec<u8>>,
    pub(crate) asked: Asked,
    pub(crate) log: Vec<LogLine>,
    pub(crate) lost_uses: Vec<LostUses>,
    pub(crate) cut_off: Vec<CutOff>,
    /// How long a ledger takes to respond, in milliseconds.
    pub(crate) ledger_takes: u64,
    /// For how many milliseconds its responses are in transit, while other requests proceed.
    pub(crate) responses_take: u64,
    /// Whether requests wait for other requests.
    pub(crate) requests_wait: bool,
    /// Every call of a ledger or of the directory fails.
    pub(crate) objects_fail: Option<Fault>,
    /// The call after so many others fails.
    pub(crate) one_object_fails: Option<(u32, Fault)>,
    /// The replies of ledgers and directory, also those that were lost.
    pub(crate) replies: Vec<Vec<u8>>,
    pub(crate) registry_fails: bool,
    pub(crate) puts_fail: Option<Fault>,
    pub(crate) providers: Providers,
    /// How many of a class are allowed per key; unlimited if absent.
    pub(crate) limits: BTreeMap<Class, u32>,
    pub(crate) counted: BTreeMap<(Class, String), u32>,
    /// The deployment variable `PRIVATE_PROVIDERS`.
    pub(crate) private_providers: &'static str,
}

impl World {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inside {
            now: BEGINNING,
            alarms: BTreeSet::new(),
            random: Seeded(1),
            seal_secrets: parse_seal_secrets(SEAL_SECRETS).unwrap(),
            session_secrets: parse_session_secrets(SESSION_SECRETS).unwrap(),
            snapshot_secrets: parse_snapshot_keys(SNAPSHOT_KEYS).unwrap(),
            ledgers: BTreeMap::new(),
            directory: Directory::open(NativeSql::in_memory().unwrap()).unwrap(),
            registry: BTreeMap::new(),
            asked: Asked::default(),
            log: Vec::new(),
            lost_uses: Vec::new(),
            cut_off: Vec::new(),
            ledger_takes: 0,
            responses_take: 0,
            requests_wait: false,
            objects_fail: None,
            one_object_fails: None,
            replies: Vec::new(),
            registry_fails: false,
            puts_fail: None,
            providers: Providers::default(),
            limits: BTreeMap::new(),
            counted: BTreeMap::new(),
            private_providers: "",
        })))
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    pub(crate) fn pass(&self, milliseconds: u64) {
        let mut inside = self.inside();
        inside.now = inside.now.plus(milliseconds);
    }

    /// Advances the time until the next sleeping request wakes.
    pub(crate) fn pass_until_next_alarm(&self) {
        let mut inside = self.inside();
        let now = inside.now;
        inside.alarms.retain(|alarm| *alarm > now);
        inside.now = inside.alarms.pop_first().unwrap_or_else(|| panic!("it waits for what never comes"));
    }

    /// How many ledgers were ever started. A Durable Object exists from its first request, and costs from then on.
    pub(crate) fn ledgers_alive(&self) -> usize {
        self.inside().ledgers.len()
    }

    /// Everything in all databases: equal dumps are equal worlds.
    pub(crate) fn dump(&self) -> String {
        let inside = self.inside();
        let databases = inside.ledgers.values().map(Ledger::sql).chain([inside.directory.sql()]);
        databases.map(|sql| sql.dump().unwrap()).collect()
    }

    /// A request to the directory that does not pass through the API: an alarm's.
    pub(crate) fn send_to_directory(&self, request: &[u8]) {
        let inside = self.inside();
        inside.directory.handle(request, inside.now);
    }

    /// How many records wait in the outboxes.
    pub(crate) fn waiting(&self) -> usize {
        let (end_of_time, all) = (Timestamp(u64::MAX >> 12), 1_000);
        self.inside().ledgers.values().map(|ledger| ledger.outbox().due(end_of_time, all).unwrap().len()).sum()
    }

    /// One alarm of every ledger: puts what is due into the registry.
    pub(crate) fn drain(&self) {
        let mut inside = self.inside();
        let Inside { now, ledgers, registry, puts_fail, .. } = &mut *inside;
        for outbox in ledgers.values().map(Ledger::outbox) {
            for put in outbox.due(*now, 1_000).unwrap() {
                if *puts_fail != Some(Fault::Before) {
                    match &put.value {
                        Some(value) => drop(registry.insert(put.key.clone(), value.clone())),
                        None => drop(registry.remove(&put.key)),
                    }
                }
                let outcome = if puts_fail.is_none() { outbox.done(&put, *now) } else { outbox.failed(&put, *now) };
                outcome.unwrap();
            }
        }
    }
}

impl World {
    /// Builds a snapshot of every workspace, as if one had been requested.
    pub(crate) fn make_snapshots(&self) {
        let inside = self.inside();
        inside.ledgers.values().for_each(|ledger| ledger.want_snapshots(inside.now).unwrap());
        drop(inside);
        self.make_editions();
    }

    /// Runs the alarms' work on editions: puts all files that are due.
    pub(crate) fn make_editions(&self) {
        self.make_editions_of(8_192);
    }

    /// The same, with segments of at most so many token values, on average.
    pub(crate) fn make_editions_of(&self, texts: u64) {
        let mut inside = self.inside();
        let Inside { now, ledgers, registry, .. } = &mut *inside;
        for ledger in ledgers.values() {
            loop {
                let step = ledger.edition_step_of(texts, *now).unwrap();
                match &step {
                    Step::More => continue,
                    Step::Wait(_) => break,
                    Step::Put { key, value, .. } => drop(registry.insert(key.clone(), value.clone())),
                    Step::Delete { key, .. } => drop(registry.remove(key)),
                }
                ledger.edition_done(&step, *now).unwrap();
            }
        }
    }
}

impl World {
    /// A provider's response, after the configured delay.
    fn tell<T: Send + 'static>(
        &self,
        address: &WebAddress,
        find: impl FnOnce(&mut Providers) -> Option<T>,
    ) -> BoxFuture<'static, Result<Told<T>, IdentityProviderError>> {
        let mut inside = self.inside();
        let (now, takes) = (inside.now, inside.providers.take);
        inside.providers.asked.push((address.to_string(), now));
        let told = inside.providers.call(|providers| {
            let what = find(providers).filter(|_| !providers.fail);
            what.ok_or_else(|| IdentityProviderError::Unreachable("no provider has this address".to_owned()))
        });
        let world = self.clone();
        Box::pin(async move {
            if takes > 0 {
                world.sleep(takes).await;
            }
            told.map(|what| Told { what, max_age: None })
        })
    }
}

/// The identity providers, and the identities that they assert.
#[derive(Default)]
pub(crate) struct Providers {
    /// The discovery document of each, by its issuer.
    pub(crate) descriptions: BTreeMap<String, Description>,
    /// The claims of the tokens that they signed.
    pub(crate) tokens: BTreeMap<String, Claims>,
    /// The identity token of each valid code.
    pub(crate) codes: BTreeMap<String, String>,
    pub(crate) redeemed: Vec<Redemption>,
    /// The ids of their keys; by default there is one key without an id.
    pub(crate) keys: Option<Vec<&'static str>>,
    /// The addresses of requested documents, oldest first, with the times.
    pub(crate) asked: Vec<(String, Timestamp)>,
    /// How long they take to respond, in milliseconds.
    pub(crate) take: u64,
    /// Whether requests for their documents fail.
    pub(crate) fail: bool,
    pub(crate) identified: Vec<IdentityToken>,
    /// How many requests they got.
    pub(crate) calls: u32,
    /// The call after so many others fails.
    pub(crate) one_fails: Option<(u32, Fault)>,
}

impl Providers {
    fn call<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, IdentityProviderError>,
    ) -> Result<T, IdentityProviderError> {
        self.calls += 1;
        let fault = self.one_fails.take_if(|(calls, _)| *calls == 0).map(|(_, fault)| fault);
        self.one_fails = self.one_fails.map(|(calls, fault)| (calls - 1, fault));
        let unreachable =
            || IdentityProviderError::Unreachable("the test keeps the provider from answering".to_owned());
        match fault {
            None => run(self),
            Some(Fault::Before | Fault::Older | Fault::Newer) => Err(unreachable()),
            Some(Fault::After | Fault::Garbled) => run(self).and_then(|_| Err(unreachable())),
        }
    }
}

impl Inside {
    /// Runs a call of an object, subject to the faults.
    fn call(&mut self, run: impl FnOnce(&mut Self) -> Vec<u8>) -> Result<Vec<u8>, Unreachable> {
        let now = self.one_object_fails.take_if(|(calls, _)| *calls == 0).map(|(_, fault)| fault);
        self.one_object_fails = self.one_object_fails.map(|(calls, fault)| (calls - 1, fault));
        let fault = now.or(self.objects_fail);
        if fault == Some(Fault::Before) {
            return Err(Unreachable("the test keeps the object from being reached".to_owned()));
        }
        if let Some(reply) = fault.and_then(Fault::reply) {
            return Ok(reply.into());
        }
        let reply = run(self);
        self.replies.push(reply.clone());
        match fault {
            None | Some(Fault::Before | Fault::Older | Fault::Newer) => Ok(reply),
            Some(Fault::After) => Err(Unreachable("the test loses the object's answer".to_owned())),
            Some(Fault::Garbled) => Ok(b"nonsense".to_vec()),
        }
    }
}

impl Ports for World {
    fn now(&self) -> Timestamp {
        self.inside().now
    }

    fn random(&self, bytes: &mut [u8]) {
        self.inside().random.fill(bytes);
    }

    fn ledger(
        &self,
        workspace: WorkspaceKey,
        request: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send {
        let mut inside = self.inside();
        inside.asked.ledgers += 1;
        inside.now = inside.now.plus(inside.ledger_takes);
        let answered =
            inside.call(|Inside { now, random, seal_secrets, session_secrets, snapshot_secrets, ledgers, .. }| {
                let born = || Ledger::open(NativeSql::in_memory().unwrap()).unwrap();
                let ledger = ledgers.entry(workspace).or_insert_with(born);
                let random = &mut |bytes: &mut [u8]| random.fill(bytes);
                ledger.handle(&request, Context { now: *now, random, seal_secrets, session_secrets, snapshot_secrets })
            });
        let takes = inside.responses_take;
        drop(inside);
        let world = self.clone();
        async move {
            if takes > 0 {
                world.sleep(takes).await;
            }
            answered
        }
    }

    fn directory(&self, request: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Unreachable>> + Send {
        let mut inside = self.inside();
        inside.asked.directory += 1;
        ready(inside.call(|Inside { now, directory, .. }| directory.handle(&request, *now)))
    }

    fn registry(&self, keys: &[RegistryKey]) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Unreachable>> + Send {
        let mut inside = self.inside();
        inside.asked.registry += u32::try_from(keys.len()).unwrap();
        ready(if inside.registry_fails {
            Err(Unreachable("the test keeps the registry from being read".to_owned()))
        } else {
            Ok(keys.iter().map(|key| inside.registry.get(&key.path()).cloned()).collect())
        })
    }

    fn limit(&self, class: Class, key: &str) -> impl Future<Output = bool> + Send {
        let mut inside = self.inside();
        let allowed = inside.limits.get(&class).copied().unwrap_or(u32::MAX);
        let counted = inside.counted.entry((class, key.to_owned())).or_default();
        *counted += 1;
        ready(*counted <= allowed)
    }

    fn describe(
        &self,
        issuer: &WebAddress,
    ) -> impl Future<Output = Result<Told<Description>, IdentityProviderError>> + Send {
        self.tell(issuer, |providers| providers.descriptions.get(issuer.as_str()).cloned())
    }

    fn keys(&self, jwks_uri: &WebAddress) -> impl Future<Output = Result<Told<Keys>, IdentityProviderError>> + Send {
        self.tell(jwks_uri, |providers| {
            let named = |names: &Vec<_>| names.iter().map(|name| json!({ "kid": name })).collect();
            Some(Keys(providers.keys.as_ref().map_or_else(|| vec![json!({})], named)))
        })
    }

    fn redeem(&self, code: &Redemption) -> impl Future<Output = Result<String, IdentityProviderError>> + Send {
        ready(self.inside().providers.call(|providers| {
            providers.redeemed.push(code.clone());
            // A code is valid once.
            let token = providers.codes.remove(&code.code);
            token.ok_or_else(|| IdentityProviderError::Refused("the provider does not know the code".to_owned()))
        }))
    }

    fn identify(&self, token: &IdentityToken) -> impl Future<Output = Result<Claims, IdentityProviderError>> + Send {
        ready(self.inside().providers.call(|providers| {
            providers.identified.push(token.clone());
            let claims = providers.tokens.get(&token.token).cloned();
            claims.ok_or_else(|| IdentityProviderError::Refused("the provider did not sign that".to_owned()))
        }))
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + Send {
        let (world, end) = (self.clone(), self.now().plus(milliseconds));
        self.inside().alarms.insert(end);
        // A test that advances the clock polls again, so no wake-up is needed.
        poll_fn(move |_| if world.now() < end { Poll::Pending } else { Poll::Ready(()) })
    }

    fn log(&self, event: &LogEvent) {
        let mut inside = self.inside();
        match event.clone() {
            LogEvent::Answered(line) => inside.log.push(line),
            LogEvent::UsesLost(line) => inside.lost_uses.push(line),
            LogEvent::CutOff(line) => inside.cut_off.push(line),
        }
    }
}
