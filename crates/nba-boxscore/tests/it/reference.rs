//! The engine beside an implementation that is slow and obviously right.

use std::collections::BTreeMap;

use nba_boxscore::{
    Event, EventKind, GameBox, Line, Lineup, Moments, PlayerRef, Rebound, Shot, ShotResult,
    ShotValue, Side, period_tenths, tally,
};
use proptest::prelude::*;

const ROSTER: u8 = 9;

/// Ten players on court.
type Ten = Vec<PlayerRef>;

/// Counts by looking at the whole list of events again for every question.
struct Reference<'e> {
    events: &'e [Event],
}

impl Reference<'_> {
    /// Who is on court when this many events are over.
    fn court_after(&self, count: usize) -> Ten {
        let mut ten = Ten::new();
        for event in &self.events[..count] {
            match event.kind {
                EventKind::PeriodStart { lineups } => {
                    ten = Side::BOTH
                        .into_iter()
                        .flat_map(|side| {
                            lineups[side.index()]
                                .unwrap()
                                .slots()
                                .map(|slot| PlayerRef { side, slot })
                        })
                        .collect();
                }
                EventKind::Substitution {
                    side,
                    enters,
                    leaves,
                } => {
                    let place = ten
                        .iter()
                        .position(|player| *player == PlayerRef { side, slot: leaves })
                        .unwrap();
                    ten[place] = PlayerRef { side, slot: enters };
                }
                _ => {}
            }
        }
        ten
    }

    /// Whom the points of an event count for.
    fn ten_of(&self, index: usize) -> Ten {
        let event = &self.events[index];
        let EventKind::FreeThrow {
            shooter, technical, ..
        } = event.kind
        else {
            return self.court_after(index);
        };
        // The last foul of its kind in this moment of the game; else who was there when the clock stopped.
        let moment = |other: &Event| {
            other.period == event.period && other.clock_tenths == event.clock_tenths
        };
        let foul = (0..index).rev().find(|&at| {
            moment(&self.events[at])
                && match self.events[at].kind {
                    EventKind::PersonalFoul { .. } => !technical,
                    EventKind::TechnicalFoul { .. } => technical,
                    _ => false,
                }
        });
        let stopped = (0..=index)
            .find(|&at| moment(&self.events[at]))
            .map(|first| {
                // The start of a period is part of its first moment.
                if matches!(self.events[first].kind, EventKind::PeriodStart { .. }) {
                    first + 1
                } else {
                    first
                }
            })
            .unwrap();
        let before = foul.unwrap_or(stopped);
        let mut ten = self.court_after(before);
        if !ten.contains(&shooter) {
            // Follow the places through the substitutions since.
            let now = self.court_after(index);
            if let Some(place) = now.iter().position(|player| *player == shooter) {
                ten[place] = shooter;
            }
        }
        ten
    }

    fn count(&self) -> BTreeMap<PlayerRef, Line> {
        let mut lines: BTreeMap<PlayerRef, Line> = BTreeMap::new();
        for (index, event) in self.events.iter().enumerate() {
            let same = |player: PlayerRef, slot: u8| PlayerRef { slot, ..player };
            let other = |player: PlayerRef, slot: u8| PlayerRef {
                side: player.side.other(),
                slot,
            };
            let mut points = None;
            match event.kind {
                EventKind::Shot(Shot {
                    shooter,
                    value,
                    result,
                }) => {
                    let line = lines.entry(shooter).or_default();
                    line.fga += 1;
                    if value == ShotValue::Three {
                        line.fg3a += 1;
                    }
                    match result {
                        ShotResult::Made { assist } => {
                            line.fgm += 1;
                            if value == ShotValue::Three {
                                line.fg3m += 1;
                            }
                            points = Some((shooter, value.points()));
                            if let Some(slot) = assist {
                                lines.entry(same(shooter, slot)).or_default().ast += 1;
                            }
                        }
                        ShotResult::Missed { block: Some(slot) } => {
                            lines.entry(other(shooter, slot)).or_default().blk += 1;
                        }
                        ShotResult::Missed { block: None } => {}
                    }
                }
                EventKind::FreeThrow { shooter, made, .. } => {
                    let line = lines.entry(shooter).or_default();
                    line.fta += 1;
                    if made {
                        line.ftm += 1;
                        points = Some((shooter, 1));
                    }
                }
                EventKind::Rebound {
                    side,
                    player: Some(slot),
                    which,
                } => {
                    let line = lines.entry(PlayerRef { side, slot }).or_default();
                    match which {
                        Rebound::Offensive => line.oreb += 1,
                        Rebound::Defensive => line.dreb += 1,
                    }
                }
                EventKind::Turnover {
                    side,
                    player,
                    steal,
                } => {
                    if let Some(slot) = player {
                        lines.entry(PlayerRef { side, slot }).or_default().tov += 1;
                    }
                    if let Some(slot) = steal {
                        let side = side.other();
                        lines.entry(PlayerRef { side, slot }).or_default().stl += 1;
                    }
                }
                EventKind::PersonalFoul { offender } => lines.entry(offender).or_default().pf += 1,
                _ => {}
            }
            if let Some((scorer, points)) = points {
                lines.entry(scorer).or_default().pts += u16::from(points);
                for player in self.ten_of(index) {
                    let change = i16::from(points);
                    lines.entry(player).or_default().plus_minus += if player.side == scorer.side {
                        change
                    } else {
                        -change
                    };
                }
            }
            // From this event to the next of the period, everybody on court plays.
            if let Some(next) = self.events.get(index + 1)
                && next.period == event.period
            {
                for player in self.court_after(index + 1) {
                    lines.entry(player).or_default().tenths +=
                        u32::from(event.clock_tenths - next.clock_tenths);
                }
            }
        }
        lines
    }
}

/// One step of a game, to be made legal by whoever plays it.
type Step = (u8, u8, u8, u8, u16);

/// Plays the steps as a legal game of four periods.
fn game(steps: &[Step]) -> Vec<Event> {
    let mut events = Vec::new();
    let length = steps.len().div_ceil(4).max(1);
    for (period, steps) in (1u8..=4).zip(steps.chunks(length).chain(std::iter::repeat(&[][..]))) {
        let rotate = |by: u8| {
            Lineup::new(std::array::from_fn(|place| {
                (u8::try_from(place).unwrap() + by) % ROSTER
            }))
        };
        let mut on = [rotate(period).unwrap(), rotate(2 * period).unwrap()];
        let mut clock = period_tenths(period);
        let mut add = |clock, kind| {
            let sequence = u32::try_from(events.len()).unwrap() + 1;
            events.push(Event::new(sequence, period, clock, kind));
        };
        add(
            clock,
            EventKind::PeriodStart {
                lineups: on.map(Some),
            },
        );
        for &(what, a, b, c, pause) in steps {
            // Half of the steps happen in the moment of the one before.
            clock -= clock.min(pause.saturating_sub(60));
            let side = if a % 2 == 0 { Side::Home } else { Side::Away };
            let slot = |on: &[Lineup; 2], side: Side, pick: u8| {
                on[side.index()].slots()[usize::from(pick % 5)]
            };
            let player = PlayerRef {
                side,
                slot: slot(&on, side, b),
            };
            let second = (c % 3 == 0).then(|| slot(&on, side, b.wrapping_add(c).wrapping_add(1)));
            let opponent = (c % 3 == 0).then(|| slot(&on, side.other(), c));
            let value = if c % 2 == 0 {
                ShotValue::Two
            } else {
                ShotValue::Three
            };
            let kind = match what % 10 {
                0 | 1 => EventKind::Shot(Shot {
                    shooter: player,
                    value,
                    result: ShotResult::Made {
                        assist: second.filter(|slot| *slot != player.slot),
                    },
                }),
                2 => EventKind::Shot(Shot {
                    shooter: player,
                    value,
                    result: ShotResult::Missed { block: opponent },
                }),
                3 | 4 => EventKind::FreeThrow {
                    shooter: player,
                    made: c % 4 > 0,
                    technical: c % 7 == 0,
                },
                5 => EventKind::Rebound {
                    side,
                    player: (c % 5 > 0).then_some(player.slot),
                    which: if c % 2 == 0 {
                        Rebound::Offensive
                    } else {
                        Rebound::Defensive
                    },
                },
                6 => EventKind::Turnover {
                    side,
                    player: (c % 5 > 0).then_some(player.slot),
                    steal: opponent,
                },
                7 if c % 5 == 0 => EventKind::TechnicalFoul {
                    side,
                    offender: Some(player.slot),
                },
                7 => EventKind::PersonalFoul { offender: player },
                _ => {
                    let enters = (0..ROSTER)
                        .cycle()
                        .skip(usize::from(c))
                        .find(|slot| !on[side.index()].contains(*slot))
                        .unwrap();
                    assert!(on[side.index()].replace(enters, player.slot));
                    EventKind::Substitution {
                        side,
                        enters,
                        leaves: player.slot,
                    }
                }
            };
            add(clock, kind);
        }
        add(0, EventKind::PeriodEnd);
    }
    events
}

fn lines(score: &GameBox) -> BTreeMap<PlayerRef, Line> {
    Side::BOTH
        .into_iter()
        .flat_map(|side| {
            (0u8..)
                .zip(&score.teams[side.index()].players)
                .map(move |(slot, line)| (PlayerRef { side, slot }, *line))
        })
        .filter(|(_, line)| *line != Line::default())
        .collect()
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(
        (
            any::<u8>(),
            any::<u8>(),
            any::<u8>(),
            any::<u8>(),
            0u16..120,
        ),
        0..most,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Every count, every second and every plus/minus of every player.
    #[test]
    fn the_engine_counts_what_the_reference_counts(steps in steps(160)) {
        let events = game(&steps);
        let counted = tally([ROSTER; 2], &events).unwrap();
        let mut expected = Reference { events: &events }.count();
        expected.retain(|_, line| *line != Line::default());
        prop_assert_eq!(lines(&counted), expected);
    }

    /// A moment is the count of the events up to it, wherever the kept states lie.
    #[test]
    fn a_moment_is_the_count_so_far(steps in steps(400), at in any::<prop::sample::Index>()) {
        let events = game(&steps);
        let moments = Moments::new([ROSTER; 2], &events).unwrap();
        let count = at.index(events.len() + 1);
        let expected = tally([ROSTER; 2], &events[..count]).unwrap();
        prop_assert_eq!(moments.after(count).finish(), expected);
        // All periods together are the game.
        let whole = tally([ROSTER; 2], &events).unwrap();
        let mut sum: BTreeMap<PlayerRef, (u16, u32)> = BTreeMap::new();
        for period in moments.periods() {
            for (player, line) in lines(&period) {
                let entry = sum.entry(player).or_default();
                entry.0 += line.pts;
                entry.1 += line.tenths;
            }
        }
        let expected: BTreeMap<_, _> = lines(&whole)
            .into_iter()
            .map(|(player, line)| (player, (line.pts, line.tenths)))
            .filter(|(_, one)| *one != (0, 0))
            .collect();
        sum.retain(|_, one| *one != (0, 0));
        prop_assert_eq!(sum, expected);
    }
}
