//! What happened in each stretch of a game: quarters, halves, overtimes, and stretches of six minutes down to a tenth of a second.
//!
//! Grids and labels are the platform's, and so is the rule: an event belongs to the stretch `(from, until]` its time falls into
//! (box score dossier 9). Two things are set right. Bounds are tenths, so that the stretches of a tenth are not empty (540 of 600
//! are in the legacy calculator); and what happens before the clock of a period runs belongs to that period, not to the one that
//! ended at the same time, nor, at the tip-off, to none.

use crate::event::period_tenths;
use crate::line::Line;
use crate::timeline::{Point, Standing, Timeline};

/// How a game is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Grid {
    /// Each period.
    Periods,
    /// Periods 1 and 2, 3 and 4, and each overtime.
    Halves,
    /// Six minutes; overtimes in halves.
    SixMinutes,
    /// Three minutes; overtimes in halves.
    ThreeMinutes,
    /// 90 seconds; overtimes by the minute.
    NinetySeconds,
    /// One minute.
    Minutes,
    /// One second.
    Seconds,
    /// A tenth of a second.
    Tenths,
}

impl Grid {
    /// All of them, coarsest first.
    pub const ALL: [Grid; 8] = [
        Grid::Periods,
        Grid::Halves,
        Grid::SixMinutes,
        Grid::ThreeMinutes,
        Grid::NinetySeconds,
        Grid::Minutes,
        Grid::Seconds,
        Grid::Tenths,
    ];

    /// Its name in tables and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Grid::Periods => "period",
            Grid::Halves => "half",
            Grid::SixMinutes => "6min",
            Grid::ThreeMinutes => "3min",
            Grid::NinetySeconds => "90s",
            Grid::Minutes => "1min",
            Grid::Seconds => "1s",
            Grid::Tenths => "0.1s",
        }
    }

    /// Tenths of a second of a stretch in regulation and in overtime.
    const fn steps(self) -> (u32, u32) {
        match self {
            Grid::Periods => (7_200, 3_000),
            Grid::Halves => (14_400, 3_000),
            Grid::SixMinutes => (3_600, 1_500),
            Grid::ThreeMinutes => (1_800, 1_500),
            Grid::NinetySeconds => (900, 600),
            Grid::Minutes => (600, 600),
            Grid::Seconds => (10, 10),
            Grid::Tenths => (1, 1),
        }
    }

    /// The stretches of a game with so many periods, in order.
    ///
    /// ```
    /// use nba_boxscore::Grid;
    /// let labels: Vec<String> = Grid::SixMinutes.spans(5).map(|span| span.label()).collect();
    /// assert_eq!(labels[0], "0.0-6.0min");
    /// assert_eq!(labels[8], "OT1 0.0-2.5min");
    /// assert_eq!(Grid::Tenths.spans(4).count(), 28_800);
    /// ```
    pub fn spans(self, periods: u8) -> impl Iterator<Item = Span> {
        let (regular, overtime) = self.steps();
        let end = u32::from(periods.min(4)) * 7_200;
        let first = (0..end.div_ceil(regular)).map(move |number| Span {
            grid: self,
            overtime: 0,
            from: number * regular,
            until: ((number + 1) * regular).min(end),
        });
        let rest = (1..=u32::from(periods.saturating_sub(4))).flat_map(move |number| {
            let start = 28_800 + (number - 1) * 3_000;
            (0..3_000 / overtime).map(move |step| Span {
                grid: self,
                overtime: number,
                from: start + step * overtime,
                until: start + (step + 1) * overtime,
            })
        });
        first.chain(rest)
    }
}

/// One stretch of a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    grid: Grid,
    /// Number of the overtime, 0 in regulation.
    overtime: u32,
    /// Tenths of a second since the tip-off; events at this very moment belong to the stretch before.
    pub from: u32,
    /// Tenths of a second since the tip-off, included.
    pub until: u32,
}

impl Span {
    /// Its name, as the platform writes it: `0.0-6.0min`, `OT1 0.0-2.5min`, `OT1 0-1min`, `0s-1s`; `Q1`, `H1` and `OT1` for whole
    /// periods.
    #[must_use]
    pub fn label(&self) -> String {
        let start = match self.overtime {
            0 => 0,
            number => 28_800 + (number - 1) * 3_000,
        };
        let (from, until) = (self.from - start, self.until - start);
        let over = match self.overtime {
            0 => String::new(),
            number => format!("OT{number} "),
        };
        let one =
            |tenths: u32, unit: u32| format!("{}.{}", tenths / unit, tenths % unit * 10 / unit);
        match self.grid {
            Grid::Periods | Grid::Halves if self.overtime > 0 => over.trim_end().to_owned(),
            Grid::Periods => format!("Q{}", from / 7_200 + 1),
            Grid::Halves => format!("H{}", from / 14_400 + 1),
            Grid::NinetySeconds | Grid::Minutes if from % 600 == 0 && until % 600 == 0 => {
                format!("{over}{}-{}min", from / 600, until / 600)
            }
            Grid::SixMinutes | Grid::ThreeMinutes | Grid::NinetySeconds | Grid::Minutes => {
                format!("{over}{}-{}min", one(from, 600), one(until, 600))
            }
            Grid::Seconds => format!("{over}{}s-{}s", from / 10, until / 10),
            Grid::Tenths => format!("{over}{}s-{}s", one(from, 10), one(until, 10)),
        }
    }
}

/// What one stretch adds to every line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The stretch.
    pub span: Span,
    /// The events in it.
    pub events: std::ops::Range<usize>,
    /// One per line, in the order of [`Timeline::holders`].
    pub lines: Vec<Line>,
}

impl Timeline {
    /// Cuts the game; the splits of one grid add up to the game. One sweep, whatever the grid.
    pub fn splits(&self, grid: Grid) -> impl Iterator<Item = Split> {
        let periods = self.points().last().map_or(0, |point| point.period);
        let end = self
            .points()
            .iter()
            .map(Point::elapsed_tenths)
            .max()
            .unwrap_or(0);
        let mut state = self.after(0);
        let mut next = 0;
        let mut before: Vec<Line> = state.iter().map(|standing| standing.line_at(0)).collect();
        grid.spans(periods).map(move |span| {
            let first = next;
            while let Some(point) = self
                .points()
                .get(next)
                .filter(|point| within(point, span.until))
            {
                let _ = point;
                for change in self.changes_of(next) {
                    self.add(&mut state, change);
                }
                next += 1;
            }
            let until = span.until.min(end);
            let mut lines = Vec::with_capacity(state.len());
            for (standing, before) in state.iter().zip(&mut before) {
                let now = Standing::line_at(standing, until);
                lines.push(now.since(before));
                *before = now;
            }
            Split {
                span,
                events: first..next,
                lines,
            }
        })
    }
}

/// Whether an event is over at this time. Before its clock runs, a period has no time of its own.
fn within(point: &Point, until: u32) -> bool {
    let elapsed = point.elapsed_tenths();
    elapsed < until || (elapsed == until && point.clock_tenths != period_tenths(point.period))
}
