//! A registry for the ledger's files, and a verifier's view of it.

use std::collections::{BTreeMap, BTreeSet};

use counterfoil_ledger::{
    editions::{Current, Kind, Step},
    sql::{Row, Sql as _},
};
use counterfoil_token::Digest;
use counterfoil_verify::{
    ContentHash, DigestPrefix, Encoded as _, Manifest, OwnerRecord, OwnerSegment, Segment, Timestamp, TokenRecord,
    WorkspaceRecord,
};

use crate::support::*;

/// The keys that the ledger has written and not deleted.
#[derive(Default)]
pub(crate) struct Registry {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Every key that was written, in order.
    pub(super) puts: Vec<String>,
}

impl Registry {
    /// Takes one step and executes its action.
    pub(super) fn step(&mut self, world: &World, texts: u64) -> Step {
        let step = world.ledger.edition_step_of(texts, world.now).unwrap();
        self.carry_out(&step);
        world.ledger.edition_done(&step, world.now).unwrap();
        self.check(world);
        step
    }

    pub(super) fn carry_out(&mut self, step: &Step) {
        match step {
            Step::Put { key, value, .. } => {
                self.puts.push(key.clone());
                self.files.insert(key.clone(), value.clone());
            }
            Step::Delete { key, .. } => drop(self.files.remove(key)),
            Step::More | Step::Wait(_) => {}
        }
    }

    /// Asserts that the registry holds only files that the ledger knows.
    pub(super) fn check(&self, world: &World) {
        let known: BTreeSet<_> = known(world).into_iter().collect();
        assert!(self.files.keys().all(|key| known.contains(key)), "the registry holds a file unknown to the ledger");
    }

    /// Takes all steps that are due and returns when the next one is.
    pub(super) fn settle(&mut self, world: &World, texts: u64) -> Option<Timestamp> {
        for _ in 0..100_000 {
            if let Step::Wait(next) = self.step(world, texts) {
                return next;
            }
        }
        panic!("it does not terminate");
    }

    /// The same, waiting as needed, until the current edition is up to date.
    pub(crate) fn catch_up(&mut self, world: &mut World, texts: u64) -> Published {
        for _ in 0..100 {
            let next = self.settle(world, texts);
            let current = world.ledger.current_edition(Kind::Leases).unwrap();
            if current.is_some_and(|current| current.generation == generation(world)) {
                return self.published(world, Kind::Leases);
            }
            world.now = world.now.max(next.unwrap());
        }
        panic!("no edition becomes current");
    }

    /// The current edition as a verifier reads it.
    pub(super) fn published(&self, world: &World, kind: Kind) -> Published {
        let current = world.ledger.current_edition(kind).unwrap().unwrap();
        let file = |name: ContentHash| self.files[&name.path(key())].clone();
        let manifest = file(current.manifest);
        assert_eq!(ContentHash::of(&manifest), current.manifest);
        let manifest = Manifest::decode(&manifest).unwrap();
        let header = manifest.header();
        assert_eq!((header.epoch, header.generation), (current.epoch, current.generation));
        let prefixes = DigestPrefix::all(manifest.bits());
        let segments = prefixes
            .zip(manifest.segments())
            .map(|(prefix, named)| manifest.open_segment(prefix, file(named.name)).unwrap());
        let owners = manifest.owners().iter().map(|named| manifest.open_owners(named.first, file(named.name)).unwrap());
        let named = manifest.segments().iter().map(|named| named.name);
        let named: Vec<_> = named.chain(manifest.owners().iter().map(|named| named.name)).collect();
        assert_eq!(world.ledger.edition_files(kind).unwrap(), named);
        Published { segments: segments.collect(), owners: owners.collect(), current, manifest }
    }
}

/// A current edition, opened.
pub(crate) struct Published {
    pub(super) current: Current,
    pub(super) manifest: Manifest,
    pub(super) segments: Vec<Segment>,
    pub(super) owners: Vec<OwnerSegment>,
}

impl Published {
    pub(super) fn workspace(&self) -> &WorkspaceRecord {
        &self.manifest.header().workspace
    }

    pub(crate) fn token(&self, digest: &Digest) -> Option<TokenRecord> {
        self.segments[usize::from(self.manifest.prefix_of(digest).value())].find(digest)
    }

    pub(crate) fn owner(&self, number: u64) -> Option<OwnerRecord> {
        self.owners.iter().find(|owners| owners.covers(number)).unwrap().find(number)
    }

    pub(crate) fn tokens(&self) -> usize {
        self.segments.iter().map(Segment::len).sum()
    }
}

/// The registry keys of all files that the ledger knows.
pub(super) fn known(world: &World) -> Vec<String> {
    let mut rows = world.ledger.sql().exec("SELECT name FROM files", &[]).unwrap();
    let path = |row: &mut Row| row.take::<ContentHash>().unwrap().path(key());
    rows.iter_mut().map(path).collect()
}

pub(super) fn generation(world: &World) -> u64 {
    world.number("SELECT generation FROM workspace")
}
