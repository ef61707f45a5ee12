//! The dialect of parcelLab.
