//! The catalogue of live checks: cheap questions to the running server, the freshness of each source, signs of work.
//!
//! A check has a stable id, says what it proves, what it costs and what to do when it is refuted ([`CATALOGUE`]). [`run`] asks
//! all of them, or those named, over one read-only session and gives one [`Observation`] each; what cannot be asked is
//! *not proven*, never zero. Whether a bad observation is an alarm is decided by [`watch`](crate::watch).

mod answers;
mod catalogue;
mod cost;
mod evidence;
mod freshness;
mod health;
mod phase8;
mod prefixes;
mod progress;
mod reads;
mod run;
mod server;
mod settings;
mod space;
#[cfg(test)]
mod tests;
mod volume;

pub use self::catalogue::{CATALOGUE, CheckSpec, Cost, Group, find, markdown};
#[cfg(feature = "web")]
pub(crate) use self::cost::{DB_MS, PAGES, figure};
pub use self::cost::{LookCost, Spending};
pub use self::evidence::{Evidence, JobEvidence, LastBackup, LastRun, observe_evidence};
pub use self::health::observe_health;
pub use self::prefixes::{LakeMemory, PrefixMark, observe_lake};
pub use self::progress::{Progress, ProgressMark};
pub use self::run::{Memory, Observation, RunOptions, run, unreachable};
#[cfg(feature = "web")]
pub(crate) use self::server::size;
pub(crate) use self::server::whole;
pub(crate) use self::settings::matches;
pub use self::settings::{
    Budget, Heartbeat, Job, KnownHole, Limits, Off, Prefix, Settings, SettingsError, Source,
};
pub use self::space::Growth;
pub use self::volume::{TableVolume, Volumes};
