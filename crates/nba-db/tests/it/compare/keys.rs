//! Keys of all sorts.
