//! The dialect of Tachi.
