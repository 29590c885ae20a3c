//! Integration tests: real servers, one module per subject.

mod agreement;
mod defects;
mod replica;
mod support;
