//! The dialect of Databricks.
