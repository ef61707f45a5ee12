//! The API over real ledgers, with everything around it in memory.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cost;
mod deployment;
mod founding;
mod life;
mod noise;
mod outage;
mod refusals;
mod routes;
mod shapes;
mod story;
mod token_life;
mod tokens;
mod world;
