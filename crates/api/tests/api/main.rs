//! The API over real ledgers, with everything else in memory.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

// Test support.
mod arbitrary;
mod deployment;
mod matrix;
mod prose;
mod routes;
mod tokens;
mod world;

// The tests.
mod authorize;
mod bodies;
mod conventions;
mod cost;
mod credentials;
mod dialects;
mod founding;
mod full;
mod gateways;
mod hosts;
mod identity;
mod leases;
mod life;
mod noise;
mod oauth;
mod outage;
mod paths;
mod providers;
mod reference;
mod rules;
mod sessions;
mod shapes;
mod snapshots;
mod story;
mod strangers;
mod token_life;
mod usage;
