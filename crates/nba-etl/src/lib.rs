//! Legacy script runner, data lake access and native loaders for the nba suite.
//!
//! - [`lake`] lists and reads the raw documents, from a folder or from S3.
//! - `plays` reads play-by-play documents as [`nba_boxscore::GameLog`](https://docs.rs/nba-boxscore)s.
//! - [`shape`] tells which of the three document shapes a file has.
//! - `runner` runs a legacy script with a deadline and a clean environment, and leaves nothing behind. An exit status
//!   proves nothing there: only an effect that was checked does.
//!
//! | feature | gives |
//! |---|---|
//! | `legacy` (default) | `runner` |
//! | `plays` (default) | `plays` |
//! | `s3` (default) | lakes in S3; without it a lake is a local folder |

pub mod lake;
#[cfg(feature = "plays")]
pub mod plays;
#[cfg(feature = "legacy")]
pub mod runner;
pub mod shape;

pub use lake::{Inventory, Lake, LakeError};
pub use shape::EspnShape;
