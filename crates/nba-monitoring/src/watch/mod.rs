//! State over time: since when is something so, and is it worth waking somebody?
//!
//! One bad look is no alarm. A check is *in alarm* after three bad looks in a row, the last of them confirmed by a second look at
//! once, and leaves it after two good ones; what is bad but not yet in alarm is *suspect*, and not green. During a maintenance
//! window everything is recorded and nothing is raised. [`Monitor`] keeps all of it in `.nba/monitor/`: `state.json` is replaced
//! atomically at each tick, `events.jsonl` grows by whole lines and `history.db` by transactions, so that a monitor that was killed
//! goes on where it stopped.

mod event;
mod export;
mod history;
mod level;
mod maintenance;
mod monitor;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub use self::event::{Event, EventKind, read_events};
pub use self::history::{History, HistoryError, LOOK_MS, Point, Series};
pub use self::level::{Level, Standing};
pub use self::maintenance::Maintenance;
pub use self::monitor::{Monitor, ReadState, Tick, WatchError, read_state};
pub use self::request::Request;
pub use self::state::{Acknowledgement, CheckState, Policy, STATE_VERSION, State, Streak};
