//! Whether the rows of a game follow from each other: who has the ball decides who can do something with it next.
//!
//! Sources that print no figure but the score say nothing that a lost miss, rebound or turnover would contradict, except this: behind a
//! miss somebody gets the ball, behind a turnover or a field goal the other side has it, and free throws come as many as were given. In
//! the two of 40 real games whose texts lack a turnover of the official box, this is where it shows.

use crate::event::{Event, EventKind, Rebound, ShotResult, Side};
use crate::log::{Ball, BallMark, GameLog};

/// Acts of one moment that are tried in another order. Real moments have fewer than this; longer ones are taken as they stand.
const MAX_MOMENT: usize = 24;

/// An event that cannot follow the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Break {
    /// Index of the event in the log.
    pub(crate) event: usize,
    /// What does not fit.
    pub(crate) what: &'static str,
}

/// What an event does with the ball.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Try {
        side: Side,
        made: bool,
    },
    FreeThrow {
        side: Side,
        made: bool,
        number: u8,
        of: u8,
        keeps: bool,
    },
    Rebound {
        side: Side,
        which: Rebound,
        of_team: bool,
    },
    Turnover {
        side: Side,
    },
    /// A free throw of a technical foul goes wrong: the ball is dead.
    DeadMiss,
    /// A jump ball, or a start: anybody may have it next.
    Open,
    /// A period is over.
    End,
    /// A try that counts for nobody.
    Heave {
        side: Side,
    },
}

/// Where the ball is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Anywhere,
    With(Side),
    /// Behind a miss of this side.
    Loose(Side),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    ball: Where,
    /// The last act was a field goal of this side.
    field_goal: Option<Side>,
    /// Free throws under way: whose, how many were shot, of how many.
    trip: Option<(Side, u8, u8)>,
    /// Behind a miss nobody plays on after; sources have a rebound of the team there all the same.
    dead: bool,
}

impl State {
    const OPEN: Self = Self {
        ball: Where::Anywhere,
        field_goal: None,
        trip: None,
        dead: false,
    };

    /// The state behind an act, or what is wrong with it.
    fn after(self, act: Act) -> Result<Self, &'static str> {
        let with = |side| Self {
            ball: Where::With(side),
            ..Self::OPEN
        };
        let loose = |side| Self {
            ball: Where::Loose(side),
            ..Self::OPEN
        };
        if let Some((_, shot, of)) = self.trip
            && shot < of
        {
            match act {
                // A violation at the line takes the rest of them.
                Act::FreeThrow { .. } | Act::Open | Act::DeadMiss | Act::Turnover { .. } => {}
                // The team gets the ball behind every miss, also where it is dead.
                Act::Rebound { of_team: true, .. } => return Ok(self),
                _ => return Err("there are fewer free throws than were given"),
            }
        }
        match act {
            Act::End if matches!(self.ball, Where::Loose(_)) => Err("nobody got the last miss"),
            Act::Open | Act::End => Ok(Self::OPEN),
            Act::DeadMiss => Ok(Self { dead: true, ..self }),
            Act::Try { side, .. } | Act::Turnover { side } | Act::Heave { side } => {
                match self.ball {
                    Where::Loose(_) => return Err("nobody got the last miss"),
                    Where::With(holder) if holder != side => {
                        return Err("the other side has the ball");
                    }
                    _ => {}
                }
                Ok(match act {
                    Act::Try { made: true, .. } => Self {
                        field_goal: Some(side),
                        ..with(side.other())
                    },
                    Act::Turnover { .. } => with(side.other()),
                    _ => loose(side),
                })
            }
            Act::FreeThrow {
                side,
                made,
                number,
                of,
                keeps,
            } => {
                if matches!(self.ball, Where::Loose(_)) {
                    return Err("nobody got the last miss");
                }
                let expected = match self.trip {
                    Some((shooting, shot, of)) if shot < of => (shooting, shot + 1, of),
                    _ => (side, 1, of),
                };
                if (side, number, of) != expected {
                    return Err("there are fewer free throws than were given");
                }
                let of_a_field_goal = of == 1 && self.field_goal == Some(side);
                // Who has no ball is given free throws for a flagrant foul, and for a foul in his own shot.
                if number == 1
                    && !keeps
                    && !of_a_field_goal
                    && self.ball == Where::With(side.other())
                {
                    return Err("the other side has the ball");
                }
                let behind = if number < of {
                    with(side)
                } else if keeps || (of == 1 && !of_a_field_goal) {
                    // Away from the play, or to stop a break: the ball stays.
                    Self {
                        dead: !made,
                        ..with(side)
                    }
                } else if made {
                    with(side.other())
                } else {
                    loose(side)
                };
                Ok(Self {
                    trip: Some((side, number, of)),
                    ..behind
                })
            }
            Act::Rebound {
                side,
                which,
                of_team,
            } => match self.ball {
                Where::Loose(missed) if (missed == side) == (which == Rebound::Offensive) => {
                    Ok(with(side))
                }
                Where::Loose(_) => Err("a rebound of the wrong kind"),
                _ if of_team && self.dead => Ok(Self {
                    dead: false,
                    ..self
                }),
                _ => Err("a rebound without a miss"),
            },
        }
    }
}

/// Events of a log that cannot follow the ones before. Rows of one moment may stand in any order that makes sense: each of them is tried
/// in each place.
pub(crate) fn breaks(log: &GameLog) -> Vec<Break> {
    let mut found = Vec::new();
    let mut state = State::OPEN;
    let mut index = 0;
    while index < log.events.len() {
        let first = &log.events[index];
        let length = log.events[index..]
            .iter()
            .take_while(|event| {
                (event.period, event.clock_tenths) == (first.period, first.clock_tenths)
            })
            .count();
        let moment = index..index + length;
        let mut acts: Vec<(usize, Act)> = Vec::with_capacity(length);
        for at in moment.clone() {
            let Some(act) = act(&log.events[at], marks_of(log, at)) else {
                continue;
            };
            // The team's rebound behind a free throw that is not the last: the ball is dead, and it settles no other miss.
            let dead = matches!(
                (acts.last(), act),
                (
                    Some((_, Act::FreeThrow { made: false, number, of, .. })),
                    Act::Rebound { of_team: true, .. }
                ) if number < of
            );
            if !dead {
                acts.push((at, act));
            }
        }
        // Only a shot of this moment can have a free throw of its own.
        state.field_goal = None;
        unfouled(log, moment.clone(), &acts, &mut found);
        state = match run(state, &acts) {
            Ok(state) => state,
            Err(stopped) => reordered(state, &acts).unwrap_or_else(|| {
                found.push(stopped);
                // What follows is judged on its own.
                acts.iter().fold(State::OPEN, |state, (_, act)| {
                    state
                        .after(*act)
                        .unwrap_or_else(|_| State::OPEN.after(*act).unwrap_or(State::OPEN))
                })
            }),
        };
        index += length;
    }
    found
}

/// Free throws come of a foul of the other side.
fn unfouled(
    log: &GameLog,
    moment: std::ops::Range<usize>,
    acts: &[(usize, Act)],
    found: &mut Vec<Break>,
) {
    for (at, act) in acts {
        let Act::FreeThrow {
            side, number: 1, ..
        } = act
        else {
            continue;
        };
        let fouled = moment.clone().any(|index| match log.events[index].kind {
            EventKind::PersonalFoul { offender } => offender.side != *side,
            EventKind::TechnicalFoul { side: of, .. } => of != *side,
            _ => false,
        });
        if !fouled {
            found.push(Break {
                event: *at,
                what: "free throws without a foul",
            });
        }
    }
}

fn run(mut state: State, acts: &[(usize, Act)]) -> Result<State, Break> {
    for (event, act) in acts {
        state = state.after(*act).map_err(|what| Break {
            event: *event,
            what,
        })?;
    }
    Ok(state)
}

/// The state behind a moment in which one row stands in another place.
fn reordered(state: State, acts: &[(usize, Act)]) -> Option<State> {
    if acts.len() > MAX_MOMENT {
        return None;
    }
    let mut order = acts.to_vec();
    // Nothing happens behind the end of a period.
    let movable = acts.iter().take_while(|(_, act)| *act != Act::End).count();
    for from in 0..movable {
        for to in (0..movable).filter(|to| *to != from) {
            order.clear();
            order.extend_from_slice(acts);
            let moved = order.remove(from);
            order.insert(to, moved);
            if let Ok(state) = run(state, &order) {
                return Some(state);
            }
        }
    }
    None
}

/// The marks of an event; they stand in the order of their events.
fn marks_of(log: &GameLog, event: usize) -> &[BallMark] {
    let at = |mark: &BallMark| usize::try_from(mark.event).unwrap_or(usize::MAX);
    let first = log.marks.partition_point(|mark| at(mark) < event);
    let rest = &log.marks[first..];
    let count = rest.iter().take_while(|mark| at(mark) == event).count();
    &rest[..count]
}

fn act(event: &Event, marks: &[BallMark]) -> Option<Act> {
    match event.kind {
        EventKind::Shot(shot) => Some(Act::Try {
            side: shot.shooter.side,
            made: matches!(shot.result, ShotResult::Made { .. }),
        }),
        EventKind::FreeThrow {
            technical: true,
            made,
            ..
        } => (!made).then_some(Act::DeadMiss),
        EventKind::FreeThrow { shooter, made, .. } => {
            let place = marks.iter().find_map(|mark| match mark.ball {
                Ball::FreeThrow { number, of, keeps } => Some((number, of, keeps)),
                _ => None,
            });
            let (number, of, keeps) = place.unwrap_or((1, 1, false));
            Some(Act::FreeThrow {
                side: shooter.side,
                made,
                number,
                of,
                keeps,
            })
        }
        EventKind::Rebound {
            side,
            player,
            which,
        } => Some(Act::Rebound {
            side,
            which,
            of_team: player.is_none(),
        }),
        EventKind::Turnover { side, .. } => Some(Act::Turnover { side }),
        EventKind::PeriodStart { .. } => Some(Act::Open),
        EventKind::PeriodEnd => Some(Act::End),
        _ => marks.iter().find_map(|mark| match mark.ball {
            Ball::Jump => Some(Act::Open),
            Ball::Heave(side) => Some(Act::Heave { side }),
            Ball::FreeThrow { .. } => None,
        }),
    }
}
