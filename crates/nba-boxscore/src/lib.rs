//! Play-by-play events to exact box scores: pure, no input or output.
//!
//! A [`Tally`] takes one [`Event`] after the other and knows the box score at every moment: the 14 counts, plus/minus and
//! time on court of every player, what belongs to the team alone, and the line score. It allocates when it is made and
//! when a period starts, never per event. [`check`] runs the events through a tally and lists what cannot be true.
//!
//! ```
//! use nba_boxscore::{Event, EventKind, Lineup, PlayerRef, Shot, ShotResult, ShotValue, Side, tally};
//!
//! let five = Lineup::new([0, 1, 2, 3, 4])?;
//! let shot = Shot {
//!     shooter: PlayerRef { side: Side::Away, slot: 1 },
//!     value: ShotValue::Three,
//!     result: ShotResult::Made { assist: Some(0) },
//! };
//! let events = [
//!     Event::new(1, 1, 7_200, EventKind::PeriodStart { lineups: [Some(five), Some(five)] }),
//!     Event::new(2, 1, 7_030, EventKind::Shot(shot)),
//! ];
//! let score = tally([10, 10], &events)?;
//! assert_eq!(score.points(), [0, 3]);
//! assert_eq!(score.teams[1].players[1].seconds(), 17);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod adapter;
mod chain;
mod chart;
mod check;
mod drawing;
mod event;
mod grade;
mod interval;
mod line;
mod lineup;
mod log;
pub mod metrics;
mod moment;
mod order;
mod possession;
mod tally;
mod timeline;
mod verify;

pub use chart::{Chart, Panel};
pub use check::{MAX_VIOLATIONS, Report, Violation, check, check_box};
pub use drawing::{Anchor, Drawing, Ink, Mark, Spot};
pub use event::{
    Event, EventKind, Lineup, LineupError, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side,
    period_tenths,
};
pub use grade::{ActualBox, Discrepancy, Figures, Grade, MeanErrors, Record, Rules, compare_boxes};
pub use interval::{Grid, Span, Split};
pub use line::{GameBox, Line, TeamBox};
pub use lineup::{Confidence, PeriodStart, Solution, solve};
pub use log::{
    Ball, BallMark, Claim, GameLog, LogError, LogPlayer, LogTeam, MAX_PLAYERS, MAX_ROWS, Mention,
    Note, Origin, ShotPlace, Stat,
};
pub use moment::{Moments, difference};
pub use possession::{Outcome, Possession, possessions};
pub use tally::{Tally, TallyError, TallyErrorKind, tally};
pub use timeline::{
    Change, KEYFRAME_EVERY, Point, Standing, Stint, Timeline, TimelineError, elapsed_tenths,
};
pub use verify::{Explanation, Mismatch, Verification, count, verify};
