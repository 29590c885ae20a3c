//! The box score at any moment of a game, rebuilt from the nearest kept state and the events since.

use crate::event::{Event, EventKind, period_tenths};
use crate::line::{GameBox, Line, TeamBox};
use crate::tally::{Tally, TallyError};

/// Events between two kept states: a rebuild counts at most this many, and a game of 480 keeps eight.
const KEYFRAME_EVERY: usize = 64;

/// A whole game, ready to show any of its moments.
///
/// The events are the deltas; every 64th state is kept whole. A moment is rebuilt in about a microsecond, and
/// the whole takes some 20 KB a game where a full state per event would take megabytes.
///
/// ```
/// use nba_boxscore::{Event, EventKind, Lineup, Moments, PlayerRef, Shot, ShotResult, ShotValue, Side};
///
/// let five = Some(Lineup::new([0, 1, 2, 3, 4])?);
/// let shot = Shot {
///     shooter: PlayerRef { side: Side::Home, slot: 0 },
///     value: ShotValue::Two,
///     result: ShotResult::Made { assist: None },
/// };
/// let events = [
///     Event::new(1, 1, 7_200, EventKind::PeriodStart { lineups: [five, five] }),
///     Event::new(2, 1, 7_000, EventKind::Shot(shot)),
///     Event::new(3, 1, 0, EventKind::PeriodEnd),
/// ];
/// let moments = Moments::new([8, 8], &events)?;
/// assert_eq!(moments.at(1, 7_001).points(), [0, 0]);
/// assert_eq!(moments.at(1, 7_000).points(), [2, 0]);
/// assert_eq!(moments.at(1, 6_000).teams[0].players[0].seconds(), 120);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Moments<'e> {
    events: &'e [Event],
    /// State before the event with this number times [`KEYFRAME_EVERY`].
    keyframes: Vec<Tally>,
}

impl<'e> Moments<'e> {
    /// Counts the events once and keeps the states to start from.
    ///
    /// # Errors
    ///
    /// With the first event that cannot be counted.
    pub fn new(roster_sizes: [u8; 2], events: &'e [Event]) -> Result<Self, TallyError> {
        let mut tally = Tally::new(roster_sizes);
        let mut keyframes = Vec::with_capacity(events.len() / KEYFRAME_EVERY + 1);
        for (index, event) in events.iter().enumerate() {
            if index % KEYFRAME_EVERY == 0 {
                keyframes.push(tally.clone());
            }
            tally.apply(event)?;
        }
        if keyframes.is_empty() {
            keyframes.push(tally);
        }
        Ok(Self { events, keyframes })
    }

    /// The events.
    #[must_use]
    pub const fn events(&self) -> &'e [Event] {
        self.events
    }

    /// The state when the first `count` events are over.
    #[must_use]
    pub fn after(&self, count: usize) -> Tally {
        let count = count.min(self.events.len());
        let frame = (count / KEYFRAME_EVERY).min(self.keyframes.len() - 1);
        let mut tally = self.keyframes[frame].clone();
        for event in &self.events[frame * KEYFRAME_EVERY..count] {
            // Counted once in `new`, it can be counted again.
            let _ = tally.apply(event);
        }
        tally
    }

    /// The box score when the clock of a period shows this, everything of that moment included. Time on court counts up to
    /// the moment itself.
    #[must_use]
    pub fn at(&self, period: u8, clock_tenths: u16) -> GameBox {
        let count = self.events_until(period, clock_tenths);
        let mut tally = self.after(count);
        // The start of a later period is not over before it has begun.
        if self.events[..count]
            .last()
            .is_some_and(|event| event.period == period)
        {
            let pause = Event::new(
                0,
                period,
                clock_tenths.min(period_tenths(period)),
                EventKind::Neutral,
            );
            let _ = tally.apply(&pause);
        }
        tally.finish()
    }

    /// How many events there are up to this moment, it included.
    #[must_use]
    pub fn events_until(&self, period: u8, clock_tenths: u16) -> usize {
        self.events.partition_point(|event| {
            event.period < period || (event.period == period && event.clock_tenths >= clock_tenths)
        })
    }

    /// What happened in each period alone.
    #[must_use]
    pub fn periods(&self) -> Vec<GameBox> {
        let last = self.events.last().map_or(0, |event| event.period);
        let mut before = self.after(0).finish();
        (1..=last)
            .map(|period| {
                let until = self.at(period, 0);
                let alone = difference(&until, &before);
                before = until;
                alone
            })
            .collect()
    }

    /// What happened after one moment up to another, the latter included: the platform's rule for intervals.
    #[must_use]
    pub fn between(&self, from: (u8, u16), to: (u8, u16)) -> GameBox {
        difference(&self.at(to.0, to.1), &self.at(from.0, from.1))
    }
}

/// What the later box has more than the earlier one of the same game.
#[must_use]
pub fn difference(later: &GameBox, earlier: &GameBox) -> GameBox {
    let teams = [0, 1].map(|side: usize| {
        let (later, earlier) = (&later.teams[side], &earlier.teams[side]);
        let none = Line::default();
        TeamBox {
            players: later
                .players
                .iter()
                .enumerate()
                .map(|(slot, line)| line.since(earlier.players.get(slot).unwrap_or(&none)))
                .collect(),
            team: later.team.since(&earlier.team),
            technical_fouls: later
                .technical_fouls
                .saturating_sub(earlier.technical_fouls),
            line_score: later
                .line_score
                .iter()
                .enumerate()
                .map(|(period, points)| {
                    points.saturating_sub(earlier.line_score.get(period).copied().unwrap_or(0))
                })
                .collect(),
            unknown_periods: later
                .unknown_periods
                .saturating_sub(earlier.unknown_periods),
        }
    });
    GameBox { teams }
}
