//! The vocabulary every crate of the nba suite shares.
//!
//! ```
//! use nba_utils::{Season, Verdict};
//!
//! let season: Season = "2004-05".parse()?;
//! assert_eq!(season, Season::from_end_year(2005)?);
//!
//! let verdict = Verdict::all([Verdict::Proven, Verdict::refuted("games: 1 row is missing")]);
//! assert_eq!(verdict.exit_code(), 1);
//! # Ok::<(), nba_utils::season::SeasonError>(())
//! ```
//!
//! Nothing here talks to a network or a database, prints, exits or reads the environment.
//! Rules that reproduce a fault of the legacy platform carry `legacy` in their name; everything else is right.

pub mod atomic;
pub mod clock;
pub mod digest;
pub mod errors;
pub mod format;
pub mod ids;
pub mod logging;
pub mod minutes;
pub mod numbers;
pub mod redact;
pub mod retry;
pub mod season;
pub mod tree;
pub mod verdict;

#[cfg(test)]
mod test_locks;

pub use clock::{Clock, Period};
pub use digest::Digest;
pub use errors::{ErrorReport, Hint, exit_code};
pub use ids::{BbrefGameId, EspnGameId, GameId, NbaGameId, PlayId};
pub use minutes::PlayedTime;
pub use redact::Redactor;
pub use season::Season;
pub use tree::TreeFingerprint;
pub use verdict::{Reasons, Verdict};
