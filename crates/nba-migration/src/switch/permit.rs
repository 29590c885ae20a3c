//! The right to write one unit, held while it is written.
//!
//! Asking [`Switchboard::may_write`] and writing afterwards leaves a gap: a capability that is switched in between is written by the
//! old side while the new one begins. A permit closes it. It is an exclusive lock on the unit's share of the capability, asked for
//! first and judged by the ledger second, so that between the answer and the last byte nobody else holds it. Going back to `legacy`
//! does not wait for anybody: the record is written at once, no permit is given to the port from then on, and only the legacy side's
//! next write of that share waits until a write that was under way has ended.
//!
//! Locks are those of one machine (`flock`), and end with the process that holds them. Writers on several machines need one place
//! that does the writing, or the database's own locks beside this.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use super::{Route, Side, SwitchError, Switchboard, bucket};
use crate::ledger::Ledger;

/// Folder of the locks, beside the ledger.
const FOLDER: &str = "switch";
/// Between two looks at a lock that somebody has.
const POLL: Duration = Duration::from_millis(20);

/// The right to write one unit; it ends when this is dropped.
#[derive(Debug)]
pub struct Permit {
    route: Route,
    #[expect(dead_code, reason = "the open file is the lock")]
    lock: File,
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
    if !super::is_name(capability) {
        return Err(SwitchError::BadName(capability.to_owned()));
    }
    let folder = ledger.folder().join(FOLDER);
    let path = folder.join(format!("{capability}-{:02}", bucket(capability, unit)));
    let failed = |source| SwitchError::Lock {
        path: path.clone(),
        source,
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let deadline = Instant::now() + wait;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Ok(Err(Withheld::Busy)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    // Only now: what was so before the lock may have changed while it was waited for.
    let board = Switchboard::read(ledger)?;
    let route = board.route(capability, unit);
    if route.epoch != epoch || route.writer != Some(side) {
        return Ok(Err(Withheld::Stale));
    }
    Ok(Ok(Permit { route, lock }))
}
