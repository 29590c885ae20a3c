//! Who stands on court: no feed says who starts a period after the first, so it is worked out from what happens in it.

use serde::Serialize;

use crate::event::{Event, EventKind, Lineup, PlayerRef, Side};
use crate::log::{GameLog, MAX_PLAYERS, Note};

/// How well the five of a period's start are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The period's own events leave no other five.
    Certain,
    /// Somebody among them does nothing all period; that he played follows from the periods around it.
    Inferred,
    /// There is no answer, or the events contradict each other.
    Unknown,
}

/// The five of one side at the start of one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PeriodStart {
    /// The period.
    pub period: u8,
    /// The side.
    pub side: Side,
    /// Roster positions, when there is an answer.
    pub five: Option<[u8; 5]>,
    /// How well it is known.
    pub confidence: Confidence,
    /// Those of the five whom no event of the period proves, most likely first.
    pub inferred: Vec<u8>,
    /// Who else might have been there instead of the inferred, most likely first.
    pub candidates: Vec<u8>,
}

/// A game with its lineups.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Solution {
    /// The log's events with lineups at the period starts; substitutions that fit nobody are neutral. Same indices as in the log.
    pub events: Vec<Event>,
    /// What was found, by period and side.
    pub starts: Vec<PeriodStart>,
    /// What does not fit.
    pub notes: Vec<Note>,
}

/// What the events of one period say about one player.
#[derive(Debug, Clone, Copy, Default)]
struct Trace {
    /// His first piece of evidence puts him on court.
    starts: bool,
    /// His first piece of evidence is that he comes in.
    comes_in: bool,
    /// Clock of evidence that he was on court before anything else was known.
    acted_at: u16,
}

impl Trace {
    const fn seen(self) -> bool {
        self.starts || self.comes_in
    }
}

/// Works out the lineups of a whole game.
#[must_use]
pub fn solve(log: &GameLog) -> Solution {
    let mut solver = Solver {
        log,
        events: log.events.clone(),
        starts: Vec::with_capacity(8),
        notes: Vec::new(),
        closing: [None; 2],
        history: [[History::default(); MAX_PLAYERS]; 2],
        mention: 0,
    };
    solver.count_appearances();
    let mut from = 0;
    while from < log.events.len() {
        let period = log.events[from].period;
        let length = log.events[from..]
            .iter()
            .take_while(|event| event.period == period)
            .count();
        solver.period(period, from, from + length);
        from += length;
    }
    Solution {
        events: solver.events,
        starts: solver.starts,
        notes: solver.notes,
    }
}

/// What is known of a player from other periods.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    /// Bit per period he started.
    started: u32,
    /// Events of the whole game that have him on court.
    appearances: u16,
}

struct Solver<'l> {
    log: &'l GameLog,
    events: Vec<Event>,
    starts: Vec<PeriodStart>,
    notes: Vec<Note>,
    /// The five at the end of the period before.
    closing: [Option<Lineup>; 2],
    history: [[History; MAX_PLAYERS]; 2],
    /// First mention that belongs to the period under work or a later one.
    mention: usize,
}

impl Solver<'_> {
    fn count_appearances(&mut self) {
        for event in &self.log.events {
            event.on_court(|PlayerRef { side, slot }| {
                if let Some(player) = self.history[side.index()].get_mut(usize::from(slot)) {
                    player.appearances = player.appearances.saturating_add(1);
                }
            });
        }
    }

    fn period(&mut self, period: u8, from: usize, to: usize) {
        let mut traces = [[Trace::default(); MAX_PLAYERS]; 2];
        let mentions = self.mentions_until(to);
        let mut next = mentions.start;
        for index in from..to {
            let event = &self.log.events[index];
            let clock = event.clock_tenths;
            if let EventKind::Substitution {
                side,
                enters,
                leaves,
            } = event.kind
            {
                leave(&mut traces, side, leaves, clock);
                enter(&mut traces, side, enters, clock);
            } else {
                event.on_court(|player| act(&mut traces, player, clock));
            }
            while next < mentions.end
                && usize::try_from(self.log.mentions[next].event).is_ok_and(|event| event <= index)
            {
                act(&mut traces, self.log.mentions[next].player, clock);
                next += 1;
            }
        }
        let mut lineups = [None; 2];
        for side in Side::BOTH {
            let start = self.start(period, side, &traces[side.index()]);
            lineups[side.index()] = start.five.and_then(|five| Lineup::new(five).ok());
            if let Some(five) = start.five {
                for slot in five {
                    self.history[side.index()][usize::from(slot)].started |=
                        1u32.checked_shl(u32::from(period)).unwrap_or(0);
                }
            }
            self.starts.push(start);
        }
        for event in &mut self.events[from..to] {
            if let EventKind::PeriodStart { lineups: known } = &mut event.kind {
                *known = lineups;
            }
        }
        for side in Side::BOTH {
            self.closing[side.index()] =
                lineups[side.index()].and_then(|five| self.substitute(side, five, from, to));
        }
    }

    /// The mentions of the events up to here.
    fn mentions_until(&mut self, to: usize) -> std::ops::Range<usize> {
        let start = self.mention;
        let count = self.log.mentions[start..]
            .iter()
            .take_while(|mention| usize::try_from(mention.event).is_ok_and(|event| event < to))
            .count();
        self.mention = start + count;
        start..self.mention
    }

    fn start(&self, period: u8, side: Side, traces: &[Trace; MAX_PLAYERS]) -> PeriodStart {
        let roster = self.log.teams[side.index()].players.len();
        let slots = 0u8..u8::try_from(roster.min(MAX_PLAYERS)).unwrap_or(u8::MAX);
        let trace = |slot: u8| traces[usize::from(slot)];
        let mut five: Vec<u8> = slots.clone().filter(|&slot| trace(slot).starts).collect();
        let proven = five.len();
        if proven > 5 {
            // Somebody came in without a row. Who was seen last is the likeliest: minutes and plus/minus stay near the truth, and no
            // verdict rests on it.
            five.sort_by_key(|&slot| std::cmp::Reverse(trace(slot).acted_at));
            five.truncate(5);
            return PeriodStart {
                period,
                side,
                five: five.try_into().ok(),
                confidence: Confidence::Unknown,
                inferred: Vec::new(),
                candidates: Vec::new(),
            };
        }
        let mut candidates: Vec<u8> = slots.filter(|&slot| !trace(slot).seen()).collect();
        candidates.sort_by_key(|&slot| std::cmp::Reverse(self.likelihood(period, side, slot)));
        let missing = 5usize.saturating_sub(proven);
        let inferred: Vec<u8> = candidates.drain(..missing.min(candidates.len())).collect();
        five.extend(&inferred);
        let found: Option<[u8; 5]> = five.try_into().ok();
        let confidence = match found {
            None => Confidence::Unknown,
            Some(_) if inferred.is_empty() || candidates.is_empty() => Confidence::Certain,
            Some(_) => Confidence::Inferred,
        };
        PeriodStart {
            period,
            side,
            five: found,
            confidence,
            inferred,
            candidates,
        }
    }

    /// How likely somebody who does nothing all period was on court in it; only the order counts.
    fn likelihood(&self, period: u8, side: Side, slot: u8) -> (u32, u16) {
        let history = self.history[side.index()][usize::from(slot)];
        let started =
            |period: u8| history.started & 1u32.checked_shl(u32::from(period)).unwrap_or(0) != 0;
        let closed = self.closing[side.index()].is_some_and(|five| five.contains(slot));
        let twin = match period {
            3 => started(1),
            4 => started(2),
            _ => false,
        };
        let weight = 4 * u32::from(closed)
            + 3 * u32::from(twin)
            + u32::from(started(1))
            + history.started.count_ones();
        (weight, history.appearances)
    }

    /// Runs the substitutions of a period; those of one moment may be written in the wrong order. The five at the end.
    fn substitute(&mut self, side: Side, start: Lineup, from: usize, to: usize) -> Option<Lineup> {
        let mut five = start;
        for index in from..to {
            let Some((enters, leaves)) = substitution(&self.events[index], side) else {
                continue;
            };
            if five.replace(enters, leaves) {
                continue;
            }
            // Another one of this moment may have to come first.
            let moment = self.events[index].clock_tenths;
            let other = (index + 1..to)
                .take_while(|&later| self.events[later].clock_tenths == moment)
                .find(|&later| {
                    let mut after = five;
                    substitution(&self.events[later], side)
                        .is_some_and(|(enters, leaves)| after.replace(enters, leaves))
                });
            if let Some(other) = other {
                let kind = self.events[other].kind;
                self.events[other].kind = self.events[index].kind;
                self.events[index].kind = kind;
                if let Some((enters, leaves)) = substitution(&self.events[index], side) {
                    five.replace(enters, leaves);
                }
                continue;
            }
            self.events[index].kind = EventKind::Neutral;
            self.notes.push(Note::SubstitutionUnfit {
                row: self.log.origins.get(index).map_or(0, |origin| origin.row),
                entering: PlayerRef { side, slot: enters },
                leaving: PlayerRef { side, slot: leaves },
            });
        }
        Some(five)
    }
}

fn substitution(event: &Event, of: Side) -> Option<(u8, u8)> {
    match event.kind {
        EventKind::Substitution {
            side,
            enters,
            leaves,
        } if side == of => Some((enters, leaves)),
        _ => None,
    }
}

fn act(traces: &mut [[Trace; MAX_PLAYERS]; 2], player: PlayerRef, clock: u16) {
    let Some(trace) = traces[player.side.index()].get_mut(usize::from(player.slot)) else {
        return;
    };
    if !trace.seen() {
        trace.starts = true;
        trace.acted_at = clock;
    }
}

fn leave(traces: &mut [[Trace; MAX_PLAYERS]; 2], side: Side, slot: u8, clock: u16) {
    let Some(trace) = traces[side.index()].get_mut(usize::from(slot)) else {
        return;
    };
    if !trace.seen() {
        trace.starts = true;
        // Nothing that follows can take it back.
        trace.acted_at = u16::MAX;
    }
    let _ = clock;
}

fn enter(traces: &mut [[Trace; MAX_PLAYERS]; 2], side: Side, slot: u8, clock: u16) {
    let Some(trace) = traces[side.index()].get_mut(usize::from(slot)) else {
        return;
    };
    if !trace.seen() {
        trace.comes_in = true;
    } else if trace.starts && trace.acted_at == clock {
        // What he did stands before his entry, but in the same moment.
        trace.starts = false;
        trace.comes_in = true;
    }
}
