//! The dialects, each over real ledgers: response formats and rejections.

mod databricks;
mod logilica;
mod parcellab;
mod softvisio;
mod tachi;
