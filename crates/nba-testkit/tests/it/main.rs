//! Integration tests: real servers, one module per subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod agreement;
mod defects;
mod memory;
mod replica;
mod support;
