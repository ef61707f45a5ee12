//! The state that all requests to one isolate share.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use counterfoil_verify::{Limits, Verifier};

use crate::{
    cache::{
        admission::Admission,
        names::NameCache,
        providers::{self, Providers, WorkspaceProvidersCache},
        uses::Counter,
    },
    config::Config,
    ports::Ports,
};

/// The state that all requests to one isolate share. Cheap to clone.
pub struct App<P>(Arc<Shared<P>>);

/// The contents of an [`App`].
pub struct Shared<P> {
    /// Everything outside the API.
    pub(crate) ports: P,
    config: Config,
    verifier: Mutex<Verifier>,
    counter: Mutex<Counter>,
    names: Mutex<NameCache>,
    admission: Mutex<Admission>,
    known_providers: Mutex<WorkspaceProvidersCache>,
    providers: Mutex<Providers>,
}

// Not derived: that would require ports that implement `Clone`.
impl<P> Clone for App<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Deref for App<P> {
    type Target = Shared<P>;

    fn deref(&self) -> &Shared<P> {
        &self.0
    }
}

impl<P: Ports> App<P> {
    /// The application of one isolate.
    pub fn new(ports: P, config: Config) -> Self {
        let verifier = Mutex::new(Verifier::new(Limits::default()));
        let (counter, names, admission, providers) = Default::default();
        let known_providers = Mutex::new(providers::empty());
        Self(Arc::new(Shared { ports, config, verifier, counter, names, admission, known_providers, providers }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The isolate's verifier. Never held across an await. If a thread panics while it holds the lock, each record is
    /// still complete, so the cache stays usable.
    pub(crate) fn verifier(&self) -> MutexGuard<'_, Verifier> {
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cache of slugs and hosts. Never held across an await.
    pub(crate) fn names(&self) -> MutexGuard<'_, NameCache> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cache of each workspace's identity providers. Never held across an await.
    pub(crate) fn known_providers(&self) -> MutexGuard<'_, WorkspaceProvidersCache> {
        self.known_providers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the isolate knows about credentials: rejected, admitted, rate limited. Never held across an await.
    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cache of the identity providers' documents. Never held across an await.
    pub(crate) fn providers(&self) -> MutexGuard<'_, Providers> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses of tokens that were counted and not yet reported. Never held across an await.
    pub(crate) fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
