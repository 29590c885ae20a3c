//! Legacy script runner, data lake access and native loaders for the nba suite.
//!
//! - [`lake`] lists and reads the raw documents, from a folder or from S3.
//! - `registry` reads the scripts of a legacy checkout: options, tables, calls, schedules, dangers.
//! - `native` loads documents itself, as the legacy scripts do or as it is right.
//! - `plays` reads play-by-play documents as [`nba_boxscore::GameLog`](https://docs.rs/nba-boxscore)s.
//! - `boxscore` keeps the box scores of many games as parquet files and as tables of PostgreSQL.
//! - [`shape`] tells which of the three document shapes a file has.
//! - `runner` runs a legacy script with a deadline and a clean environment, and leaves nothing behind. An exit status
//!   proves nothing there: only an effect that was checked does.
//! - `effect` measures what a run brought about: rows, objects, files.
//! - `history` remembers every run.
//! - `sqlite` opens files of the state folder that hold tables.
//!
//! | feature | gives |
//! |---|---|
//! | `legacy` (default) | `registry`, `runner`, `effect` |
//! | `history` (default) | `history`, in an SQLite file |
//! | `sqlite` | `sqlite`; part of `history` |
//! | `manifest` (default) | `lake::Manifest`: listings kept in parquet files |
//! | `native-espn` (default) | `native`: ESPN documents |
//! | `native-hoopr` (default) | `native::hoopr`: hoopR's season files |
//! | `plays` (default) | `plays` |
//! | `boxscore-db` (default) | `boxscore::tables`: box scores into PostgreSQL |
//! | `s3` (default) | lakes in S3; without it a lake is a local folder |

#[cfg(feature = "plays")]
pub mod boxscore;
#[cfg(feature = "legacy")]
pub mod effect;
#[cfg(feature = "history")]
pub mod history;
pub mod lake;
#[cfg(any(feature = "native-espn", feature = "native-hoopr"))]
pub mod native;
#[cfg(any(feature = "plays", feature = "manifest"))]
mod parquet_file;
#[cfg(feature = "plays")]
pub mod plays;
#[cfg(feature = "legacy")]
pub mod registry;
#[cfg(feature = "legacy")]
pub mod runner;
pub mod shape;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use lake::{Inventory, Lake, LakeError};
pub use shape::EspnShape;
