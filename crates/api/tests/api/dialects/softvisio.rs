//! The dialect of softvisio.
