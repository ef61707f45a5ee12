//! What all requests to one isolate share.

use std::{
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use counterfoil_verify::{Limits, Verifier};

use crate::{
    config::Config,
    memory::{
        admission::Admission,
        names::Names,
        providers::{self, KnownProviders, Providers},
        uses::Counter,
    },
    ports::Ports,
};

/// What all requests to one isolate share. Cheap to clone.
pub struct App<P>(Arc<Shared<P>>);

/// What an [`App`] is made of.
pub struct Shared<P> {
    /// The world around.
    pub(crate) ports: P,
    config: Config,
    verifier: Mutex<Verifier>,
    counter: Mutex<Counter>,
    names: Mutex<Names>,
    admission: Mutex<Admission>,
    known_providers: Mutex<KnownProviders>,
    providers: Mutex<Providers>,
}

// Not derived: that would call for ports that can be cloned.
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
        let known_providers = Mutex::new(providers::no_known_providers());
        Self(Arc::new(Shared { ports, config, verifier, counter, names, admission, known_providers, providers }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The isolate's verifier. Never held across an await. A thread that panicked with it leaves records that are each
    /// whole, so its memory stays usable.
    pub(crate) fn verifier(&self) -> MutexGuard<'_, Verifier> {
        self.verifier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the isolate knows of slugs and hosts. Never held across an await, likewise.
    pub(crate) fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it knows of who may vouch for the members of workspaces, likewise.
    pub(crate) fn known_providers(&self) -> MutexGuard<'_, KnownProviders> {
        self.known_providers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it knows of credentials, likewise.
    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the isolate knows of identity providers. Never held across an await, likewise.
    pub(crate) fn providers(&self) -> MutexGuard<'_, Providers> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the isolate has counted and not reported. Never held across an await, likewise.
    pub(crate) fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
