//! The dialects, each over real ledgers: the shapes that it sends, and what it answers to whom.

mod databricks;
mod logilica;
mod parcellab;
mod softvisio;
mod tachi;
