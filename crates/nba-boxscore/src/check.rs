//! What cannot be true of a game, whoever counted it.

use nba_utils::Verdict;

use crate::event::{Event, EventKind, PlayerRef, Shot, ShotResult, Side, period_tenths};
use crate::line::{GameBox, Line};
use crate::tally::{Tally, TallyError};

/// Violations kept of one game; a game that is wrong throughout is known to be so after this many.
pub const MAX_VIOLATIONS: usize = 200;

/// Personal fouls after which a player is out.
const FOUL_LIMIT: u16 = 6;

/// One thing that cannot be true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in the messages")]
pub enum Violation {
    /// An event could not be counted at all.
    #[error("{0}")]
    NotCountable(TallyError),
    /// The order numbers do not rise.
    #[error("event {sequence} follows event {previous}")]
    OutOfOrder { sequence: u32, previous: u32 },
    /// Time left rises within a period, or periods go back or are left out.
    #[error(
        "event {sequence}: period {period} with {clock} tenths left follows period {last_period} with {last_clock}"
    )]
    ClockRunsBack {
        sequence: u32,
        period: u8,
        clock: u16,
        last_period: u8,
        last_clock: u16,
    },
    /// The feed's score is not the sum of the shots.
    #[error("event {sequence}: printed score {printed:?}, counted {counted:?}")]
    Score {
        sequence: u32,
        printed: [u16; 2],
        counted: [u16; 2],
    },
    /// Somebody acts who is on the bench.
    #[error("event {sequence}: {player} acts without being on court")]
    NotOnCourt { sequence: u32, player: PlayerRef },
    /// More fouls than a player can have.
    #[error("{player} has {fouls} fouls")]
    Fouls { player: PlayerRef, fouls: u16 },
    /// More made than tried, or more threes than field goals.
    #[error("{subject} made more than tried")]
    MadeExceedsTried { subject: String },
    /// Points are not those of the made shots.
    #[error("{subject} has {points} points, made shots are worth {worth}")]
    Points {
        subject: String,
        points: u16,
        worth: u32,
    },
    /// The periods do not add up to the total.
    #[error("{side}: periods add up to {periods} points, the total is {total}")]
    LineScore {
        side: Side,
        periods: u16,
        total: u16,
    },
    /// Time on court does not add up to five times the length of the game.
    #[error("{side}: {tenths} tenths of a second on court, {expected} expected")]
    Minutes {
        side: Side,
        tenths: u32,
        expected: u32,
    },
    /// Plus/minus does not add up to five times the margin.
    #[error("{side}: plus/minus adds up to {sum}, five times the margin is {expected}")]
    PlusMinus { side: Side, sum: i32, expected: i32 },
    /// More of one count than its cause allows.
    #[error("{side}: {count} {what}, at most {most} possible")]
    TooMany {
        side: Side,
        what: &'static str,
        count: u16,
        most: u16,
    },
    /// The game ends level.
    #[error("the game ends level at {points}")]
    Level { points: u16 },
    /// Too few periods.
    #[error("the game has {periods} periods")]
    Periods { periods: usize },
}

/// Box score and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What could be counted.
    pub score: GameBox,
    /// What cannot be true, at most [`MAX_VIOLATIONS`].
    pub violations: Vec<Violation>,
    /// Events seen.
    pub events: usize,
}

impl Report {
    /// Proven when events were seen and nothing is wrong with them.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.events == 0 {
            return Verdict::not_proven("the game has no events");
        }
        Verdict::from_findings(self.violations.iter().map(ToString::to_string))
    }
}

/// Counts a whole finished game and checks it event by event and as a whole.
///
/// An event that cannot be counted is a violation and is left out.
#[must_use]
pub fn check<'e>(roster_sizes: [u8; 2], events: impl IntoIterator<Item = &'e Event>) -> Report {
    let mut tally = Tally::new(roster_sizes);
    let mut violations = Vec::new();
    let mut scores = Vec::new();
    let mut last: Option<&Event> = None;
    let mut seen = 0;
    for event in events {
        seen += 1;
        if let Some(last) = last {
            in_order(last, event, &mut violations);
        }
        last = Some(event);
        on_court(&tally, event, &mut violations);
        match tally.apply(event) {
            Ok(()) => score(&tally, event, &mut scores),
            Err(error) => violations.push(Violation::NotCountable(error)),
        }
        // Enough is named; what follows is counted all the same, the box has to be whole.
        violations.truncate(MAX_VIOLATIONS);
        scores.truncate(MAX_VIOLATIONS);
    }
    let score = tally.finish();
    if seen > 0 {
        violations.extend(check_box(&score));
    }
    // Last, so that many of them hide nothing else.
    violations.extend(scores);
    violations.truncate(MAX_VIOLATIONS);
    Report {
        score,
        violations,
        events: seen,
    }
}

/// Checks the finished box score of a whole game, wherever it comes from.
#[must_use]
pub fn check_box(score: &GameBox) -> Vec<Violation> {
    let mut found = Vec::new();
    let periods = score.teams[0].line_score.len();
    if periods < 4 || score.teams[1].line_score.len() != periods {
        found.push(Violation::Periods {
            periods: periods.min(score.teams[1].line_score.len()),
        });
    }
    let points = score.points();
    if points[0] == points[1] {
        found.push(Violation::Level { points: points[0] });
    }
    let totals = [score.teams[0].total(), score.teams[1].total()];
    for side in Side::BOTH {
        let team = &score.teams[side.index()];
        for (slot, line) in (0u8..).zip(&team.players) {
            let player = PlayerRef { side, slot };
            plausible(line, || player.to_string(), &mut found);
            if line.pf > FOUL_LIMIT {
                found.push(Violation::Fouls {
                    player,
                    fouls: line.pf,
                });
            }
        }
        let total = totals[side.index()];
        let opponent = totals[side.other().index()];
        plausible(&total, || side.to_string(), &mut found);
        let periods: u16 = team.line_score.iter().sum();
        if periods != total.pts {
            found.push(Violation::LineScore {
                side,
                periods,
                total: total.pts,
            });
        }
        let length: u32 = (1u8..=u8::MAX)
            .zip(&team.line_score)
            .map(|(period, _)| u32::from(period_tenths(period)))
            .sum();
        if team.unknown_periods == 0 && total.tenths != 5 * length {
            found.push(Violation::Minutes {
                side,
                tenths: total.tenths,
                expected: 5 * length,
            });
        }
        let sum: i32 = team
            .players
            .iter()
            .map(|line| i32::from(line.plus_minus))
            .sum();
        let expected = 5 * (i32::from(total.pts) - i32::from(opponent.pts));
        if team.unknown_periods == 0 && sum != expected {
            found.push(Violation::PlusMinus {
                side,
                sum,
                expected,
            });
        }
        let own_misses = misses(&total);
        let other_misses = misses(&opponent);
        for (what, count, most) in [
            ("assists", total.ast, total.fgm),
            ("steals", total.stl, opponent.tov),
            (
                "blocks",
                total.blk,
                opponent.fga.saturating_sub(opponent.fgm),
            ),
            ("offensive rebounds", total.oreb, own_misses),
            ("defensive rebounds", total.dreb, other_misses),
        ] {
            if count > most {
                found.push(Violation::TooMany {
                    side,
                    what,
                    count,
                    most,
                });
            }
        }
    }
    found
}

fn misses(line: &Line) -> u16 {
    line.fga.saturating_sub(line.fgm) + line.fta.saturating_sub(line.ftm)
}

fn plausible(line: &Line, subject: impl Fn() -> String, found: &mut Vec<Violation>) {
    let more_threes = line.fg3m > line.fgm || line.fg3a > line.fga;
    if line.fgm > line.fga || line.fg3m > line.fg3a || line.ftm > line.fta || more_threes {
        found.push(Violation::MadeExceedsTried { subject: subject() });
    }
    if u32::from(line.pts) != line.points_of_shots() {
        found.push(Violation::Points {
            subject: subject(),
            points: line.pts,
            worth: line.points_of_shots(),
        });
    }
}

fn in_order(last: &Event, event: &Event, found: &mut Vec<Violation>) {
    if event.sequence <= last.sequence {
        found.push(Violation::OutOfOrder {
            sequence: event.sequence,
            previous: last.sequence,
        });
    }
    let fits = match event.period.checked_sub(last.period) {
        Some(0) => event.clock_tenths <= last.clock_tenths,
        Some(1) => true,
        _ => false,
    };
    if !fits {
        found.push(Violation::ClockRunsBack {
            sequence: event.sequence,
            period: event.period,
            clock: event.clock_tenths,
            last_period: last.period,
            last_clock: last.clock_tenths,
        });
    }
}

fn score(tally: &Tally, event: &Event, found: &mut Vec<Violation>) {
    let counted = tally.points();
    if let Some(printed) = event.score.filter(|printed| *printed != counted) {
        found.push(Violation::Score {
            sequence: event.sequence,
            printed,
            counted,
        });
    }
}

/// Shooters, rebounders, losers of the ball and fouling players are on court; technical fouls happen on the bench too.
fn on_court(tally: &Tally, event: &Event, found: &mut Vec<Violation>) {
    let lineups = tally.on_court();
    let mut require = |side: Side, slot: Option<u8>| {
        let Some(five) = lineups[side.index()] else {
            return;
        };
        if let Some(slot) = slot.filter(|slot| !five.contains(*slot)) {
            found.push(Violation::NotOnCourt {
                sequence: event.sequence,
                player: PlayerRef { side, slot },
            });
        }
    };
    match event.kind {
        EventKind::Shot(Shot {
            shooter, result, ..
        }) => {
            require(shooter.side, Some(shooter.slot));
            match result {
                ShotResult::Made { assist } => require(shooter.side, assist),
                ShotResult::Missed { block } => require(shooter.side.other(), block),
            }
        }
        EventKind::FreeThrow {
            shooter: player, ..
        }
        | EventKind::PersonalFoul { offender: player } => {
            require(player.side, Some(player.slot));
        }
        EventKind::Rebound { side, player, .. } => require(side, player),
        EventKind::Turnover {
            side,
            player,
            steal,
        } => {
            require(side, player);
            require(side.other(), steal);
        }
        EventKind::PeriodStart { .. }
        | EventKind::PeriodEnd
        | EventKind::TechnicalFoul { .. }
        | EventKind::Substitution { .. }
        | EventKind::Neutral => {}
    }
}
