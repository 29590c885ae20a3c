//! Possessions: who had the ball from which event to which, and what came of it.
//!
//! A possession is one team's control of the ball until the other team has it or the period is over. An offensive rebound goes on with
//! it, as do free throws after which the ball stays with the shooters (flagrant fouls, fouls away from the play). Free throws of a
//! technical foul belong to nobody's possession. The platform cuts the events into blocks of ten instead and lets the sides take turns
//! (box score dossier 5, BX-36).

use serde::{Deserialize, Serialize};

use crate::event::{Event, EventKind, ShotResult, ShotValue, Side};
use crate::timeline::elapsed_tenths;

/// How a possession ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A field goal, also one with a free throw behind it.
    MadeShot,
    /// A field-goal try that the other side got, or nobody before the period was over.
    MissedShot,
    /// The ball was lost, by a player or by the team.
    Turnover,
    /// The last of the free throws, made or not.
    FreeThrows,
    /// Time ran out before a try.
    EndOfPeriod,
    /// No event says it: the other side goes on with the ball.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 6] = [
        Outcome::MadeShot,
        Outcome::MissedShot,
        Outcome::Turnover,
        Outcome::FreeThrows,
        Outcome::EndOfPeriod,
        Outcome::Unknown,
    ];

    /// The value of the platform's column `possession_result`; none where no event says it.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Outcome::MadeShot => Some("made_shot"),
            Outcome::MissedShot => Some("missed_shot"),
            Outcome::Turnover => Some("turnover"),
            Outcome::FreeThrows => Some("foul_shooting"),
            Outcome::EndOfPeriod => Some("end_period"),
            Outcome::Unknown => None,
        }
    }
}

/// One possession. Possessions of a period follow each other without a gap from its first event on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Possession {
    /// 1–4, 5 and above are overtime.
    pub period: u8,
    /// Who had the ball.
    pub side: Side,
    /// Index of the first event, the one behind the last of the possession before.
    pub first: u32,
    /// Index of the last event.
    pub last: u32,
    /// Tenths of a second from the tip-off to where the possession before ended.
    pub start_tenths: u32,
    /// The same, to the last event.
    pub end_tenths: u32,
    /// Points of this possession; free throws of technical fouls are in none.
    pub points: u8,
    /// How it ended.
    pub outcome: Outcome,
    /// What the last field-goal try was worth.
    pub shot: Option<ShotValue>,
    /// Whether it had free throws.
    pub free_throws: bool,
    /// Own misses that the same side got again.
    pub offensive_rebounds: u8,
    /// Whether the other side got the last miss.
    pub defensive_rebound: bool,
    /// Whether the ball was stolen.
    pub stolen: bool,
    /// Whether a try was blocked.
    pub blocked: bool,
    /// Own points minus the other side's when it began.
    pub margin: i16,
}

/// The possessions of a game, in order.
///
/// ```
/// use nba_boxscore::{Event, EventKind, Outcome, PlayerRef, Shot, ShotResult, ShotValue, Side, possessions};
///
/// let shooter = PlayerRef { side: Side::Home, slot: 0 };
/// let shot = Shot { shooter, value: ShotValue::Two, result: ShotResult::Made { assist: None } };
/// let events = [
///     Event::new(1, 1, 7_200, EventKind::PeriodStart { lineups: [None; 2] }),
///     Event::new(2, 1, 7_000, EventKind::Shot(shot)),
///     Event::new(3, 1, 6_900, EventKind::Turnover { side: Side::Away, player: None, steal: None }),
/// ];
/// let found = possessions(&events);
/// assert_eq!(found.len(), 2);
/// assert_eq!((found[0].side, found[0].points, found[0].outcome), (Side::Home, 2, Outcome::MadeShot));
/// assert_eq!((found[1].side, found[1].start_tenths, found[1].outcome), (Side::Away, 200, Outcome::Turnover));
/// ```
#[must_use]
pub fn possessions(events: &[Event]) -> Vec<Possession> {
    let mut walk = Walk {
        events,
        found: Vec::with_capacity(events.len() / 2),
        open: None,
        begin: Begin::default(),
        score: [0; 2],
        period: 0,
    };
    for index in 0..events.len() {
        walk.event(index);
    }
    walk.end_of_period(events.len().saturating_sub(1));
    walk.found
}

/// Where the next possession begins.
#[derive(Debug, Clone, Copy, Default)]
struct Begin {
    first: usize,
    tenths: u32,
    score: [u16; 2],
}

/// The possession under way.
#[derive(Debug, Clone, Copy)]
struct Open {
    side: Side,
    begin: Begin,
    /// Whether the side has done anything with the ball.
    acted: bool,
    /// Index of its last act.
    last: usize,
    /// The ball is in the air behind a miss.
    loose: bool,
    /// It is over if the other side comes next: a field goal, or a free throw that went in.
    over: bool,
    /// Where it ended, if it is over.
    until: Begin,
    points: u8,
    outcome: Outcome,
    shot: Option<ShotValue>,
    free_throws: bool,
    offensive_rebounds: u8,
    defensive_rebound: bool,
    stolen: bool,
    blocked: bool,
}

struct Walk<'e> {
    events: &'e [Event],
    found: Vec<Possession>,
    open: Option<Open>,
    begin: Begin,
    score: [u16; 2],
    period: u8,
}

impl Walk<'_> {
    fn event(&mut self, index: usize) {
        let event = &self.events[index];
        if event.period != self.period || matches!(event.kind, EventKind::PeriodStart { .. }) {
            self.end_of_period(index.saturating_sub(1));
            self.period = event.period;
            self.begin = Begin {
                first: index,
                tenths: elapsed_tenths(event.period, crate::event::period_tenths(event.period)),
                score: self.score,
            };
        }
        match event.kind {
            EventKind::Shot(shot) => {
                let side = shot.shooter.side;
                self.ball_to(side, index, false);
                let points = shot.value.points();
                let made = matches!(shot.result, ShotResult::Made { .. });
                if made {
                    let score = &mut self.score[side.index()];
                    *score = score.saturating_add(u16::from(points));
                }
                self.act(index, |open| {
                    open.shot = Some(shot.value);
                    open.blocked |= matches!(shot.result, ShotResult::Missed { block: Some(_) });
                    open.loose = !made;
                    open.over = made;
                    if made {
                        open.points = open.points.saturating_add(points);
                        open.outcome = Outcome::MadeShot;
                    } else {
                        open.outcome = Outcome::MissedShot;
                    }
                });
            }
            EventKind::FreeThrow {
                shooter,
                made,
                technical,
            } => {
                if !technical {
                    self.ball_to(shooter.side, index, true);
                }
                let score = &mut self.score[shooter.side.index()];
                *score = score.saturating_add(u16::from(made));
                if !technical {
                    self.act(index, |open| {
                        open.free_throws = true;
                        open.loose = !made;
                        open.over = made;
                        open.points = open.points.saturating_add(u8::from(made));
                        // The free throw of a field goal changes nothing about how the possession ended.
                        if open.outcome != Outcome::MadeShot {
                            open.outcome = Outcome::FreeThrows;
                        }
                    });
                }
            }
            EventKind::Turnover { side, steal, .. } => {
                self.ball_to(side, index, false);
                self.act(index, |open| {
                    open.stolen = steal.is_some();
                    open.outcome = Outcome::Turnover;
                    open.loose = false;
                    open.over = true;
                });
                self.close();
                self.open(side.other());
            }
            EventKind::Rebound { side, player, .. } => self.rebound(index, side, player.is_none()),
            EventKind::PeriodEnd => self.end_of_period(index),
            _ => {}
        }
    }

    /// A side does something that only who has the ball can do.
    fn ball_to(&mut self, side: Side, index: usize, free_throw: bool) {
        let Some(open) = self.open else {
            self.open(side);
            return;
        };
        if open.side == side {
            // Behind a field goal the ball was the other side's, whether an event says so or not, unless this is its free throw.
            let of_the_shot = free_throw && self.same_moment(open.last, index);
            if open.over && open.outcome == Outcome::MadeShot && !of_the_shot {
                self.close();
                self.open(side);
            }
        } else if open.acted {
            self.close();
            self.open(side);
        } else {
            // Nothing was done with it: the possession begins here for the side that does.
            self.open(side);
        }
    }

    fn same_moment(&self, one: usize, other: usize) -> bool {
        let place = |index: usize| (self.events[index].period, self.events[index].clock_tenths);
        place(one) == place(other)
    }

    fn act(&mut self, index: usize, change: impl FnOnce(&mut Open)) {
        let until = self.behind(index);
        if let Some(open) = &mut self.open {
            open.acted = true;
            open.last = index;
            open.until = until;
            change(open);
        }
    }

    /// Where a possession begins that follows one whose last event this is.
    fn behind(&self, index: usize) -> Begin {
        let event = &self.events[index];
        Begin {
            first: index + 1,
            tenths: elapsed_tenths(event.period, event.clock_tenths),
            score: self.score,
        }
    }

    fn rebound(&mut self, index: usize, side: Side, of_team: bool) {
        let Some(open) = self.open else {
            return;
        };
        // A rebound without a miss settles nothing, nor does the team's behind a free throw that another one follows.
        if !open.loose || (of_team && self.free_throw_follows(index, open.side)) {
            return;
        }
        self.act(index, |open| {
            open.loose = false;
            if open.side == side {
                open.offensive_rebounds = open.offensive_rebounds.saturating_add(1);
                open.outcome = Outcome::Unknown;
            } else {
                open.defensive_rebound = true;
            }
        });
        if open.side != side {
            self.close();
            self.open(side);
        }
    }

    /// Whether this side has another free throw in the moment of an event.
    fn free_throw_follows(&self, index: usize, side: Side) -> bool {
        (index + 1..self.events.len())
            .take_while(|later| self.same_moment(index, *later))
            .any(|later| {
                matches!(self.events[later].kind, EventKind::FreeThrow { shooter, technical: false, .. } if shooter.side == side)
            })
    }

    fn open(&mut self, side: Side) {
        self.open = Some(Open {
            side,
            begin: self.begin,
            acted: false,
            last: self.begin.first,
            loose: false,
            over: false,
            until: self.begin,
            points: 0,
            outcome: Outcome::Unknown,
            shot: None,
            free_throws: false,
            offensive_rebounds: 0,
            defensive_rebound: false,
            stolen: false,
            blocked: false,
        });
    }

    /// The possession under way ends with its last act.
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.push(open, open.last, open.until.tenths);
            self.begin = open.until;
        }
    }

    fn end_of_period(&mut self, index: usize) {
        let Some(open) = self.open else {
            return;
        };
        let Some(event) = self.events.get(index) else {
            return;
        };
        if open.acted && (open.over || open.loose) {
            self.close();
        } else {
            let now = elapsed_tenths(event.period, event.clock_tenths);
            self.open = None;
            // Who gets the ball when no time is left does not have it.
            if open.acted || now > open.begin.tenths {
                let outcome = Outcome::EndOfPeriod;
                self.push(Open { outcome, ..open }, index, now);
                self.begin = self.behind(index);
            }
        }
        self.open = None;
    }

    fn push(&mut self, open: Open, last: usize, end_tenths: u32) {
        let whole = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let [own, other] =
            [open.side, open.side.other()].map(|side| open.begin.score[side.index()]);
        let margin = i32::from(own) - i32::from(other);
        self.found.push(Possession {
            period: self.period,
            side: open.side,
            first: whole(open.begin.first),
            last: whole(last.max(open.begin.first)),
            start_tenths: open.begin.tenths,
            end_tenths: end_tenths.max(open.begin.tenths),
            points: open.points,
            outcome: open.outcome,
            shot: open.shot,
            free_throws: open.free_throws,
            offensive_rebounds: open.offensive_rebounds,
            defensive_rebound: open.defensive_rebound,
            stolen: open.stolen,
            blocked: open.blocked,
            margin: i16::try_from(margin).unwrap_or(0),
        });
    }
}
