//! Who does the work: the old script or the port, per capability, decided by evidence and taken back at once.
//!
//! A capability (`etl.espn.pbp`) is `legacy`, `shadow` (the port runs beside and is compared), `canary` (the port does a share of the
//! units), `native` or `off`. Up it goes one step at a time and only on evidence in the ledger; down it goes at once, always. Every
//! change is a record with an *epoch*: a worker that started under an older epoch may not write any more, and [`permit`] lets only one
//! write a unit at a time, so that old and new never both write it. Modes are read from the ledger, nothing else.
//!
//! ```
//! use nba_migration::ledger::Ledger;
//! use nba_migration::switch::{Side, Switchboard};
//!
//! let folder = tempfile::tempdir()?;
//! let board = Switchboard::read(&Ledger::in_folder(folder.path()))?;
//! let route = board.route("etl.espn.pbp", "401234567");
//! assert_eq!(route.writer, Some(Side::Legacy), "nothing was ever switched");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod permit;
mod queue;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use nba_utils::{Digest, Hint, Verdict};
use serde::{Deserialize, Serialize};

pub use self::permit::{Claim, Extent, Permit, Withheld, permit};
pub(crate) use self::queue::WAIVER as TURN_WAIVER;
pub use self::queue::{Class, Turn, set_queue};
pub use self::rules::{Refusal, allowed, is_demotion};
use crate::ledger::{Entry, Ledger, LedgerError, Receipt, Record};

/// Subject of the records.
const SUBJECT: &str = "switch";
/// Subject of the records of a comparison of old and new; the figure `capability` says of which.
pub const SHADOW_SUBJECT: &str = "shadow run";
/// Proven comparisons a promotion needs, none refuted after them.
pub const NEEDED_RUNS: usize = 3;
/// Capabilities that may be in `canary` at once: not everything at once (monitoring dossier 6.13, SN7).
pub const MOST_CANARIES: usize = 3;

/// Who does the work of a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Mode {
    /// The old script. The mode of everything that was never switched.
    #[default]
    Legacy,
    /// The old script; the port runs beside it and writes nothing that counts.
    Shadow,
    /// The port does this many per cent of the units, 1 to 99; the old script does the others.
    Canary(u8),
    /// The port.
    Native,
    /// Nobody.
    Off,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Legacy => f.write_str("legacy"),
            Self::Shadow => f.write_str("shadow"),
            Self::Canary(share) => write!(f, "canary {share}%"),
            Self::Native => f.write_str("native"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

impl TryFrom<String> for Mode {
    type Error = BadMode;

    fn try_from(text: String) -> Result<Self, BadMode> {
        text.parse()
    }
}

/// A text that is no [`Mode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of legacy, shadow, canary N% (1 to 99), native, off")]
pub struct BadMode(String);

impl FromStr for Mode {
    type Err = BadMode;

    fn from_str(text: &str) -> Result<Self, BadMode> {
        let bad = || BadMode(text.to_owned());
        match text.trim() {
            "legacy" => Ok(Self::Legacy),
            "shadow" => Ok(Self::Shadow),
            "native" => Ok(Self::Native),
            "off" => Ok(Self::Off),
            other => {
                let share = other.strip_prefix("canary").ok_or_else(bad)?;
                let share: u8 = share
                    .trim_matches([' ', ':', '%', '='])
                    .parse()
                    .map_err(|_| bad())?;
                if (1..=99).contains(&share) {
                    Ok(Self::Canary(share))
                } else {
                    Err(bad())
                }
            }
        }
    }
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The old script.
    Legacy,
    /// The port.
    Native,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "the old script",
            Self::Native => "the port",
        })
    }
}

/// Who does one unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The side whose result counts; `None` when nobody's does.
    pub writer: Option<Side>,
    /// Whether the port runs beside it for comparison.
    pub shadow: bool,
    /// Keep it, and ask [`Switchboard::may_write`] with it before every write.
    pub epoch: u64,
}

impl Mode {
    /// The side whose result counts for a unit with this share number (0 to 99).
    #[must_use]
    pub fn writer(self, bucket: u8) -> Option<Side> {
        match self {
            Self::Off => None,
            Self::Legacy | Self::Shadow => Some(Side::Legacy),
            Self::Canary(share) if bucket < share => Some(Side::Native),
            Self::Canary(_) => Some(Side::Legacy),
            Self::Native => Some(Side::Native),
        }
    }
}

/// The share number of a unit: the same on every machine and for ever, another one per capability.
#[must_use]
pub fn bucket(capability: &str, unit: &str) -> u8 {
    let digest = Digest::of(format!("{capability}\0{unit}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u8::try_from(u64::from_le_bytes(first) % 100).unwrap_or(0)
}

/// What a capability is switched to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// The mode.
    pub mode: Mode,
    /// Number of its changes so far.
    pub epoch: u64,
    /// When it was switched, UTC.
    pub since: DateTime<Utc>,
    /// Who did.
    pub by: String,
    /// Why.
    pub why: String,
    /// Number of the record.
    pub sequence: u64,
}

/// All switches, as the ledger has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Switchboard {
    /// Whether the ledger holds; a damaged one leaves every capability at `legacy`.
    pub ledger: Verdict,
    /// Each capability that was ever switched.
    pub settings: BTreeMap<String, Setting>,
    /// The order on record in which capabilities move; empty where the order of their classes counts.
    pub queue: Vec<String>,
    /// The present phase of the plan: some capabilities are locked until all are done.
    pub phase: usize,
    #[serde(skip)]
    runs: Vec<(u64, String, Verdict)>,
    #[serde(skip)]
    waived: Vec<(String, NaiveDate)>,
}

/// Why a capability was not switched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SwitchError {
    /// A rule or missing evidence.
    #[error("`{capability}` stays {from}: {refusal}")]
    Refused {
        /// The capability.
        capability: String,
        /// Its mode.
        from: Mode,
        /// Why.
        refusal: Refusal,
    },
    /// Not the name of a capability.
    #[error("`{0}` is no name of a capability: words of a-z, 0-9, `_`, joined by dots")]
    BadName(String),
    /// A writer asked and may not write.
    #[error("{side} may not write `{capability}` now: {}", withheld(*why, *mode))]
    Withheld {
        /// The capability.
        capability: String,
        /// Who asked.
        side: Side,
        /// Its mode now.
        mode: Mode,
        /// Why not.
        why: Withheld,
    },
    /// The lock of a unit's share cannot be used.
    #[error("could not lock `{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The ledger could not be read or written.
    #[error("the switches could not be read or recorded")]
    Ledger(#[from] LedgerError),
}

fn withheld(why: Withheld, mode: Mode) -> String {
    match why {
        Withheld::Busy => "somebody else is writing it".to_owned(),
        Withheld::Stale => format!("it is {mode}, by a switch that came first or since it began"),
    }
}

impl Hint for SwitchError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { refusal, .. } => refusal.hint(),
            Self::BadName(_) => Some("for example `etl.espn.pbp`".to_owned()),
            Self::Ledger(error) => error.hint(),
            Self::Withheld {
                why: Withheld::Busy,
                ..
            } => Some("wait until the other run has ended".to_owned()),
            Self::Withheld {
                capability,
                mode: Mode::Canary(_),
                ..
            } => Some(format!(
                "in canary each unit has its own writer: `nba switch get {capability} --unit KEY` says which"
            )),
            Self::Withheld { capability, .. } => Some(format!(
                "`nba switch get {capability}` says who may; `nba switch list` since when and why"
            )),
            Self::Lock { .. } => None,
        }
    }
}

/// A wanted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Of what.
    pub capability: String,
    /// To what.
    pub to: Mode,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Switchboard {
    /// Reads the ledger and checks its chain.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(ledger: &Ledger) -> Result<Self, LedgerError> {
        Ok(Self::of(ledger.verify()?.verdict, &ledger.records()?))
    }

    /// The switches according to these records.
    #[must_use]
    pub fn of(ledger: Verdict, records: &[Record]) -> Self {
        let mut board = Self {
            ledger,
            settings: BTreeMap::new(),
            queue: Vec::new(),
            phase: 0,
            runs: Vec::new(),
            waived: Vec::new(),
        };
        // Nobody may be moved to a port by edited evidence.
        if board.ledger.is_refuted() {
            return board;
        }
        board.phase = crate::phase::position(records).0;
        board.waived = crate::phase::waivers(records, Utc::now())
            .into_iter()
            .map(|waiver| (waiver.gate, waiver.until))
            .collect();
        for record in records {
            let text = |name: &str| {
                let figure = record
                    .entry
                    .figures
                    .get(name)
                    .and_then(|value| value.as_str());
                figure.unwrap_or_default().to_owned()
            };
            let capability = text("capability");
            match record.entry.subject.as_str() {
                SUBJECT => {
                    if let Ok(mode) = text("to").parse() {
                        let epoch = board.settings.get(&capability).map_or(0, |old| old.epoch) + 1;
                        let setting = Setting {
                            mode,
                            epoch,
                            since: record.time,
                            by: text("by"),
                            why: text("why"),
                            sequence: record.sequence,
                        };
                        board.settings.insert(capability, setting);
                    }
                }
                queue::SUBJECT => {
                    let order = record
                        .entry
                        .figures
                        .get("order")
                        .and_then(|value| value.as_array());
                    board.queue = order
                        .into_iter()
                        .flatten()
                        .filter_map(|name| name.as_str().map(str::to_owned))
                        .collect();
                }
                SHADOW_SUBJECT => {
                    board
                        .runs
                        .push((record.sequence, capability, record.entry.verdict.clone()));
                }
                _ => {}
            }
        }
        board
    }

    /// The setting of `etl.espn.pbp`: its own, else that of `etl.espn`, else that of `etl`.
    fn setting(&self, capability: &str) -> Option<&Setting> {
        let mut name = capability;
        loop {
            if let Some(setting) = self.settings.get(name) {
                return Some(setting);
            }
            name = name.rsplit_once('.')?.0;
        }
    }

    /// The mode of a capability; `legacy` when it was never switched.
    #[must_use]
    pub fn mode(&self, capability: &str) -> Mode {
        self.setting(capability)
            .map_or(Mode::Legacy, |setting| setting.mode)
    }

    /// The sum of the epochs that decide over a capability; grows with every change of it or of what it inherits from.
    #[must_use]
    pub fn epoch(&self, capability: &str) -> u64 {
        let mut sum = 0;
        let mut name = Some(capability);
        while let Some(this) = name {
            sum += self.settings.get(this).map_or(0, |setting| setting.epoch);
            name = this.rsplit_once('.').map(|(parent, _)| parent);
        }
        sum
    }

    /// Who does one unit of work, such as a game or a day.
    #[must_use]
    pub fn route(&self, capability: &str, unit: &str) -> Route {
        let mode = self.mode(capability);
        Route {
            writer: mode.writer(bucket(capability, unit)),
            shadow: matches!(mode, Mode::Shadow | Mode::Canary(_)),
            epoch: self.epoch(capability),
        }
    }

    /// Whether `side`, which was given `epoch` when it began, may still write this unit. Ask a freshly read board, before each write;
    /// where both sides may be at work, [`permit`] also keeps it so until the write has ended.
    #[must_use]
    pub fn may_write(&self, capability: &str, unit: &str, side: Side, epoch: u64) -> bool {
        let route = self.route(capability, unit);
        route.epoch == epoch && route.writer == Some(side)
    }

    /// Whether the comparisons since the last change speak for the port.
    #[must_use]
    pub fn evidence(&self, capability: &str) -> Verdict {
        let since = self
            .setting(capability)
            .map_or(0, |setting| setting.sequence);
        let runs: Vec<&Verdict> = self
            .runs
            .iter()
            .filter(|(sequence, name, _)| *sequence > since && name == capability)
            .map(|(_, _, verdict)| verdict)
            .collect();
        // One that was refuted and repaired counts as long ago once enough proven ones follow.
        let last: Vec<&&Verdict> = runs.iter().rev().take(NEEDED_RUNS).collect();
        if let Some(bad) = last.iter().find(|verdict| verdict.is_refuted()) {
            return Verdict::refuted(format!("one of the last {NEEDED_RUNS} comparisons: {bad}"));
        }
        let proven = last.iter().filter(|verdict| verdict.is_proven()).count();
        if proven < NEEDED_RUNS {
            return Verdict::not_proven(format!(
                "{proven} of {NEEDED_RUNS} proven comparisons since the last change"
            ));
        }
        Verdict::Proven
    }

    /// Names that are in `canary`.
    pub fn canaries(&self) -> impl Iterator<Item = &str> {
        self.settings
            .iter()
            .filter(|(_, setting)| matches!(setting.mode, Mode::Canary(_)))
            .map(|(name, _)| name.as_str())
    }
}

/// Words of a-z, 0-9 and `_`, joined by dots.
pub(crate) fn is_name(capability: &str) -> bool {
    let good = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    capability.split('.').all(good)
}

/// Switches a capability, if rules and evidence allow it; what it was before is in the history for ever.
///
/// # Errors
///
/// [`SwitchError::Refused`] with the reason. Going down is never refused.
pub fn switch(ledger: &Ledger, wish: &Wish) -> Result<Receipt, SwitchError> {
    if !is_name(&wish.capability) {
        return Err(SwitchError::BadName(wish.capability.clone()));
    }
    let board = Switchboard::read(ledger)?;
    let from = board.mode(&wish.capability);
    let refused = |refusal| SwitchError::Refused {
        capability: wish.capability.clone(),
        from,
        refusal,
    };
    allowed(from, wish.to).map_err(refused)?;
    if !is_demotion(from, wish.to) {
        if board.ledger.is_refuted() {
            return Err(refused(Refusal::Ledger));
        }
        if board.locked(&wish.capability) {
            return Err(refused(Refusal::Locked));
        }
        let needs_evidence = matches!(wish.to, Mode::Canary(_) | Mode::Native);
        let evidence = board.evidence(&wish.capability);
        if needs_evidence && !evidence.is_proven() {
            return Err(refused(Refusal::Evidence(evidence)));
        }
        let first = board.first(&wish.capability);
        if needs_evidence && !first.is_empty() && !board.out_of_turn(&wish.capability, Utc::now()) {
            return Err(refused(Refusal::Turn { first }));
        }
        let others = board
            .canaries()
            .filter(|name| *name != wish.capability)
            .count();
        if matches!(wish.to, Mode::Canary(_)) && others >= MOST_CANARIES {
            return Err(refused(Refusal::TooMany));
        }
    }
    let entry = Entry::new(SUBJECT, Verdict::Proven)
        .figure("capability", wish.capability.as_str())
        .figure("from", from.to_string())
        .figure("to", wish.to.to_string())
        .figure("epoch", board.epoch(&wish.capability) + 1)
        .figure("by", wish.by.as_str())
        .figure("why", wish.why.as_str());
    Ok(ledger.append(&entry)?)
}

/// Takes everything that is not `legacy` or `off` back to `legacy`, at once.
///
/// # Errors
///
/// When the ledger cannot be written; those already taken back stay so.
pub fn all_to_legacy(ledger: &Ledger, by: &str, why: &str) -> Result<Vec<String>, SwitchError> {
    let board = Switchboard::read(ledger)?;
    let mut moved = Vec::new();
    for (capability, setting) in &board.settings {
        if !matches!(setting.mode, Mode::Legacy | Mode::Off) {
            switch(
                ledger,
                &Wish {
                    capability: capability.clone(),
                    to: Mode::Legacy,
                    by: by.to_owned(),
                    why: why.to_owned(),
                },
            )?;
            moved.push(capability.clone());
        }
    }
    Ok(moved)
}
