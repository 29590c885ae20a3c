//! The right to write one unit, held while it is written.
//!
//! Asking [`Switchboard::may_write`] and writing afterwards leaves a gap: a capability that is switched in between is written by the
//! old side while the new one begins. A permit closes it. It is an exclusive lock on the unit's share of the capability, asked for
//! first and judged by the ledger second, so that between the answer and the last byte nobody else holds it. Going back to `legacy`
//! does not wait for anybody: the record is written at once, no permit is given to the port from then on, and only the legacy side's
//! next write of that share waits until a write that was under way has ended.
//!
//! A writer that cannot be held to one unit, such as an old script, asks for the whole capability ([`Extent::Whole`]): it gets it only
//! where every unit is its side's, and alone. A writer that works for a while keeps a [`Claim`] and asks with it before each write.
//!
//! Locks are those of one machine (`flock`), and end with the process that holds them. Writers on several machines need one place
//! that does the writing, or the database's own locks beside this.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Mode, Route, Side, SwitchError, Switchboard, bucket};
use crate::ledger::Ledger;

/// Folder of the locks, beside the ledger.
const FOLDER: &str = "switch";
/// Between two looks at a lock that somebody has.
const POLL: Duration = Duration::from_millis(20);

/// The right to write one unit; it ends when this is dropped.
#[derive(Debug)]
pub struct Permit {
    route: Route,
    #[expect(dead_code, reason = "the open files are the locks")]
    locks: Vec<File>,
}

impl Permit {
    /// The route it was given for.
    #[must_use]
    pub fn route(&self) -> Route {
        self.route
    }
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Withheld {
    /// The capability was switched since `epoch` was given, or the unit is the other side's: ask for a new route.
    Stale,
    /// Somebody writes units of this share, for longer than was waited.
    Busy,
}

/// How much a writer is about to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent<'a> {
    /// One unit, such as a game.
    Unit(&'a str),
    /// Whatever it likes: in `canary` that is nobody's, because some units are the other side's.
    Whole,
}

impl Extent<'_> {
    /// The only side that may write all of it.
    fn writer(self, capability: &str, mode: Mode) -> Option<Side> {
        match self {
            Self::Unit(unit) => mode.writer(bucket(capability, unit)),
            // Shares run from 0 to 99: where both ends are one side's, all are.
            Self::Whole => mode.writer(0).filter(|side| mode.writer(99) == Some(*side)),
        }
    }
}

/// What a writer was given when it began: it asks with it before each write, and is refused once anything was switched.
///
/// ```
/// use nba_migration::ledger::Ledger;
/// use nba_migration::switch::{Claim, Extent, Mode, Side, Wish, switch};
/// use std::time::Duration;
///
/// let folder = tempfile::tempdir()?;
/// let ledger = Ledger::in_folder(folder.path());
/// let script = Claim::take(&ledger, "etl.espn.pbp", Side::Legacy)?;
/// script.permit(Extent::Whole, Duration::ZERO)?;
/// switch(&ledger, &Wish { capability: "etl.espn.pbp".into(), to: Mode::Off, by: "me".into(), why: "a stop".into() })?;
/// assert!(script.permit(Extent::Whole, Duration::ZERO).is_err(), "the next write is refused");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Claim {
    ledger: Ledger,
    capability: String,
    side: Side,
    epoch: u64,
}

impl Claim {
    /// Notes the present epoch; nothing is locked yet.
    ///
    /// # Errors
    ///
    /// [`SwitchError::BadName`], or when the ledger cannot be read.
    pub fn take(ledger: &Ledger, capability: &str, side: Side) -> Result<Self, SwitchError> {
        if !super::is_name(capability) {
            return Err(SwitchError::BadName(capability.to_owned()));
        }
        Ok(Self {
            ledger: ledger.clone(),
            capability: capability.to_owned(),
            side,
            epoch: Switchboard::read(ledger)?.epoch(capability),
        })
    }

    /// The epoch it was given.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The capability it acts for.
    #[must_use]
    pub fn capability(&self) -> &str {
        &self.capability
    }

    /// The right to write now; keep it until the write has ended. Blocks for at most `wait` while somebody else writes.
    ///
    /// # Errors
    ///
    /// [`SwitchError::Withheld`]: nothing may be written. Otherwise as [`permit`].
    pub fn permit(&self, extent: Extent<'_>, wait: Duration) -> Result<Permit, SwitchError> {
        let (ledger, name) = (&self.ledger, self.capability.as_str());
        hold(ledger, name, extent, self.side, self.epoch, wait)?.map_err(|why| {
            SwitchError::Withheld {
                capability: self.capability.clone(),
                side: self.side,
                // It was readable a moment ago; what it says now is only told.
                mode: Switchboard::read(&self.ledger)
                    .map_or(Mode::Legacy, |board| board.mode(name)),
                why,
            }
        })
    }
}

/// Asks for the right that `side`, which was given `epoch` when it began, writes this unit now. Blocks for at most `wait` while
/// another write of the same share (a hundredth of the capability's units) is under way.
///
/// ```
/// use nba_migration::ledger::Ledger;
/// use nba_migration::switch::{Side, Switchboard, Withheld, permit};
/// use std::time::Duration;
///
/// let folder = tempfile::tempdir()?;
/// let ledger = Ledger::in_folder(folder.path());
/// let route = Switchboard::read(&ledger)?.route("etl.espn.pbp", "401234567");
/// let ask = |side| permit(&ledger, "etl.espn.pbp", "401234567", side, route.epoch, Duration::ZERO);
/// let held = ask(Side::Legacy)?;
/// assert!(held.is_ok(), "nothing was switched: the old script writes");
/// assert_eq!(ask(Side::Legacy)?.unwrap_err(), Withheld::Busy);
/// drop(held);
/// assert_eq!(ask(Side::Native)?.unwrap_err(), Withheld::Stale);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the ledger or the lock cannot be read: nobody may write then.
pub fn permit(
    ledger: &Ledger,
    capability: &str,
    unit: &str,
    side: Side,
    epoch: u64,
    wait: Duration,
) -> Result<Result<Permit, Withheld>, SwitchError> {
    hold(ledger, capability, Extent::Unit(unit), side, epoch, wait)
}

/// Locks first, the ledger second.
fn hold(
    ledger: &Ledger,
    capability: &str,
    extent: Extent<'_>,
    side: Side,
    epoch: u64,
    wait: Duration,
) -> Result<Result<Permit, Withheld>, SwitchError> {
    if !super::is_name(capability) {
        return Err(SwitchError::BadName(capability.to_owned()));
    }
    let folder = ledger.folder().join(FOLDER);
    fs::create_dir_all(&folder).map_err(|source| SwitchError::Lock {
        path: folder.clone(),
        source,
    })?;
    let deadline = Instant::now() + wait;
    // Writers of units share the first lock; who writes the whole has it alone. Always in this order, so nobody waits in a circle.
    let whole = folder.join(format!("{capability}-all"));
    let mut locks = Vec::new();
    let got = match extent {
        Extent::Whole => lock(&whole, File::try_lock, deadline)?,
        Extent::Unit(_) => lock(&whole, File::try_lock_shared, deadline)?,
    };
    let Some(file) = got else {
        return Ok(Err(Withheld::Busy));
    };
    locks.push(file);
    if let Extent::Unit(unit) = extent {
        let share = folder.join(format!("{capability}-{:02}", bucket(capability, unit)));
        let Some(file) = lock(&share, File::try_lock, deadline)? else {
            return Ok(Err(Withheld::Busy));
        };
        locks.push(file);
    }
    // Only now: what was so before the locks may have changed while they were waited for.
    let board = Switchboard::read(ledger)?;
    let mode = board.mode(capability);
    let route = Route {
        writer: extent.writer(capability, mode),
        shadow: matches!(mode, Mode::Shadow | Mode::Canary(_)),
        epoch: board.epoch(capability),
    };
    if route.epoch != epoch || route.writer != Some(side) {
        return Ok(Err(Withheld::Stale));
    }
    Ok(Ok(Permit { route, locks }))
}

/// The locked file, or nothing when somebody else has it until the deadline.
fn lock(
    path: &Path,
    attempt: fn(&File) -> Result<(), TryLockError>,
    deadline: Instant,
) -> Result<Option<File>, SwitchError> {
    let failed = |source| SwitchError::Lock {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    loop {
        match attempt(&file) {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}
