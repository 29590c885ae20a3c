//! What the end-to-end and the production suite share.

pub mod integrity;
