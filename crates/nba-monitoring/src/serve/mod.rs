//! The web dashboard: what the watch knows, as pages, JSON and Prometheus text. It only reads the files of
//! [`watch`](crate::watch) and never touches the database, so that a hundred viewers cost the database nothing.
//!
//! Pages are complete without JavaScript; with it they follow the watch by server-sent events. Nothing is loaded from elsewhere.
//! Listening on anything but this machine needs a token, or a proxy that has people log in and knows a secret.

mod api;
mod chart;
mod html;
mod metrics;
mod pages;
mod proxy;
pub mod report;
mod router;
mod site;
#[cfg(test)]
mod tests;

pub use self::proxy::{Proxy, SECRET_HEADER};
pub use self::router::{ServeError, serve};
pub use self::site::{ChapterSource, EvidenceSource, ServeOptions, Token};
pub use crate::evidence::EvidenceRow;
