//! A whole game as what each event changed, with whole states in between: deltas and keyframes.
//!
//! Changes add up: the state after any number of events is the sum of the changes so far, whoever adds them. That makes the
//! representation fit for files and tables, where SQL can rebuild a moment with `sum`, and it is what is stored by default: full
//! states per event take about a thousand times the room (box score dossier 12.3).

use crate::event::{Event, EventKind, PlayerRef, Side, period_tenths};
use crate::line::{GameBox, Line, TeamBox};
use crate::log::Stat;
use crate::tally::{Tally, TallyError};
use crate::verify::count;

/// Events between two keyframes: a rebuild adds the changes of at most this many events.
pub const KEYFRAME_EVERY: usize = 64;

/// What one event changed about one line.
///
/// Time on court needs no row while nobody comes or goes: at `e` tenths since the tip-off, a line has been on court for the sum
/// of `court_tenths` plus `e` times the sum of `court`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Number of the event, from 0.
    pub event: u32,
    /// Whose.
    pub side: Side,
    /// Roster position; none for what belongs to the team alone.
    pub slot: Option<u8>,
    /// What is added to the 14 counts, in the order of [`Stat::ALL`].
    pub counts: [u8; 14],
    /// What is added to plus/minus.
    pub plus_minus: i8,
    /// Technical fouls, of the team alone.
    pub technical_fouls: u8,
    /// Periods that start without a known five, of the team alone.
    pub unknown_periods: u8,
    /// 1 for coming in, -1 for going out.
    pub court: i8,
    /// Minus the time since the tip-off when coming in, plus it when going out, in tenths of a second.
    pub court_tenths: i32,
}

impl Change {
    /// No change.
    #[must_use]
    pub const fn none(event: u32, side: Side, slot: Option<u8>) -> Self {
        Self {
            event,
            side,
            slot,
            counts: [0; 14],
            plus_minus: 0,
            technical_fouls: 0,
            unknown_periods: 0,
            court: 0,
            court_tenths: 0,
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::none(self.event, self.side, self.slot)
    }
}

/// The sum of the changes of one line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Counts and plus/minus; its time on court is that of finished stints and of no use alone, see [`Standing::line_at`].
    pub line: Line,
    /// Technical fouls, of the team alone.
    pub technical_fouls: u16,
    /// Periods that started without a known five, of the team alone.
    pub unknown_periods: u8,
    /// 1 while on court.
    pub court: i8,
    /// See [`Change::court_tenths`].
    pub court_tenths: i32,
}

impl Standing {
    /// Adds a change; none when a figure would leave its range, which no true game does.
    #[must_use]
    fn plus(mut self, change: &Change) -> Option<Self> {
        for (stat, more) in Stat::ALL.into_iter().zip(change.counts) {
            let figure = figure(&mut self.line, stat);
            *figure = figure.checked_add(u16::from(more))?;
        }
        self.line.plus_minus = self
            .line
            .plus_minus
            .checked_add(i16::from(change.plus_minus))?;
        self.technical_fouls = self
            .technical_fouls
            .checked_add(u16::from(change.technical_fouls))?;
        self.unknown_periods = self.unknown_periods.checked_add(change.unknown_periods)?;
        self.court = self.court.checked_add(change.court)?;
        self.court_tenths = self.court_tenths.checked_add(change.court_tenths)?;
        Some(self)
    }

    /// The line at a moment, time on court included.
    #[must_use]
    pub fn line_at(&self, elapsed_tenths: u32) -> Line {
        let time = i64::from(self.court_tenths) + i64::from(self.court) * i64::from(elapsed_tenths);
        Line {
            tenths: u32::try_from(time).unwrap_or(0),
            ..self.line
        }
    }
}

/// One of the 14 counts of a line, to change it.
fn figure(line: &mut Line, stat: Stat) -> &mut u16 {
    match stat {
        Stat::Pts => &mut line.pts,
        Stat::Fgm => &mut line.fgm,
        Stat::Fga => &mut line.fga,
        Stat::Fg3m => &mut line.fg3m,
        Stat::Fg3a => &mut line.fg3a,
        Stat::Ftm => &mut line.ftm,
        Stat::Fta => &mut line.fta,
        Stat::Oreb => &mut line.oreb,
        Stat::Dreb => &mut line.dreb,
        Stat::Ast => &mut line.ast,
        Stat::Stl => &mut line.stl,
        Stat::Blk => &mut line.blk,
        Stat::Tov => &mut line.tov,
        Stat::Pf => &mut line.pf,
    }
}

/// Where one event stands in the game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// 1–4, 5 and above are overtime.
    pub period: u8,
    /// Time left in the period, in tenths of a second.
    pub clock_tenths: u16,
    /// Points when the event is over, `[home, away]`.
    pub points: [u16; 2],
}

impl Point {
    /// Tenths of a second since the tip-off.
    #[must_use]
    pub fn elapsed_tenths(&self) -> u32 {
        elapsed_tenths(self.period, self.clock_tenths)
    }
}

/// Tenths of a second since the tip-off: quarters of twelve minutes, overtimes of five (box score dossier 6).
///
/// ```
/// use nba_boxscore::elapsed_tenths;
/// assert_eq!(elapsed_tenths(1, 7_200), 0);
/// assert_eq!(elapsed_tenths(5, 588), 31_212); // overtime, 0:58.8 left: where the legacy clock goes back 420 seconds (BX-02)
/// ```
#[must_use]
pub fn elapsed_tenths(period: u8, clock_tenths: u16) -> u32 {
    let before = match period {
        0 => 0,
        1..=5 => u32::from(period - 1) * 7_200,
        _ => 28_800 + u32::from(period - 5) * 3_000,
    };
    before + u32::from(period_tenths(period).saturating_sub(clock_tenths))
}

/// Changes that make no game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in the messages")]
pub enum TimelineError {
    /// A change of an event or a player that is not there, or out of order.
    #[error("change {change} belongs to no event or to no player of the game")]
    Stray { change: usize },
    /// A sum leaves its range.
    #[error("change {change} makes a figure larger than any game has")]
    Range { change: usize },
    /// The points of the changes are not those of the event.
    #[error("after event {event} the changes make {summed:?} points, the event says {stated:?}")]
    Points {
        event: usize,
        summed: [u16; 2],
        stated: [u16; 2],
    },
}

/// A whole game as changes and keyframes.
///
/// ```
/// use nba_boxscore::{Event, EventKind, Lineup, PlayerRef, Shot, ShotResult, ShotValue, Side, Timeline};
///
/// let five = Some(Lineup::new([0, 1, 2, 3, 4])?);
/// let shot = Shot {
///     shooter: PlayerRef { side: Side::Home, slot: 0 },
///     value: ShotValue::Two,
///     result: ShotResult::Made { assist: Some(1) },
/// };
/// let events = [
///     Event::new(1, 1, 7_200, EventKind::PeriodStart { lineups: [five, five] }),
///     Event::new(2, 1, 7_000, EventKind::Shot(shot)),
/// ];
/// let timeline = Timeline::new([8, 8], &events)?;
/// assert_eq!(timeline.at(1, 7_001).points(), [0, 0]);
/// assert_eq!(timeline.at(1, 7_000).points(), [2, 0]);
/// // Ten come in; then ten lines get their plus/minus.
/// assert_eq!(timeline.changes().len(), 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    sizes: [u8; 2],
    points: Vec<Point>,
    changes: Vec<Change>,
    /// Index of the first change of each event, and one behind the last.
    offsets: Vec<u32>,
    /// States before every [`KEYFRAME_EVERY`]th event, one after the other.
    frames: Vec<Standing>,
}

impl Timeline {
    /// Counts the events once.
    ///
    /// # Errors
    ///
    /// With the first event that cannot be counted.
    pub fn new(sizes: [u8; 2], events: &[Event]) -> Result<Self, TallyError> {
        let mut tally = Tally::new(sizes);
        let mut points = Vec::with_capacity(events.len());
        let mut changes = Vec::with_capacity(events.len() * 2);
        let mut before: [TeamBox; 2] = tally.teams().clone();
        for (number, event) in (0u32..).zip(events) {
            let was = tally.on_court();
            let left = tally.elapsed_tenths();
            tally.apply(event)?;
            let starts = matches!(event.kind, EventKind::PeriodStart { .. });
            let (now, elapsed) = (tally.on_court(), tally.elapsed_tenths());
            for side in Side::BOTH {
                let place = side.index();
                let mut one = |slot: Option<u8>, old: &Line, new: &Line, team: [u8; 2]| {
                    let mut change = Change::none(number, side, slot);
                    for (stat, more) in Stat::ALL.into_iter().zip(&mut change.counts) {
                        *more = small(count(new, stat).saturating_sub(count(old, stat)));
                    }
                    change.plus_minus = i8::try_from(new.plus_minus - old.plus_minus).unwrap_or(0);
                    [change.technical_fouls, change.unknown_periods] = team;
                    if let Some(slot) = slot {
                        let on = |five: &Option<crate::event::Lineup>| {
                            five.is_some_and(|five| five.contains(slot))
                        };
                        let (went, came) = (on(&was[place]), on(&now[place]));
                        if went && (starts || !came) {
                            let then = if starts { left } else { elapsed };
                            change.court -= 1;
                            change.court_tenths += whole(then);
                        }
                        if came && (starts || !went) {
                            change.court += 1;
                            change.court_tenths -= whole(elapsed);
                        }
                    }
                    if !change.is_none() {
                        changes.push(change);
                    }
                };
                let (old, new) = (&before[place], &tally.teams()[place]);
                for (slot, (old, new)) in (0u8..).zip(old.players.iter().zip(&new.players)) {
                    one(Some(slot), old, new, [0; 2]);
                }
                let team = [
                    small(new.technical_fouls - old.technical_fouls),
                    new.unknown_periods.saturating_sub(old.unknown_periods),
                ];
                one(None, &old.team, &new.team, team);
            }
            for (old, new) in before.iter_mut().zip(tally.teams()) {
                old.players.clone_from(&new.players);
                old.team = new.team;
                old.technical_fouls = new.technical_fouls;
                old.unknown_periods = new.unknown_periods;
            }
            points.push(Point {
                period: event.period,
                clock_tenths: event.clock_tenths,
                points: tally.points(),
            });
        }
        let frames = Self::of(sizes, points, changes);
        debug_assert!(frames.is_ok(), "{frames:?}");
        // What was counted adds up; an empty game is the answer to what cannot be.
        Ok(frames.unwrap_or_else(|_| Self::empty(sizes)))
    }

    /// A game in which nothing has happened.
    #[must_use]
    pub fn empty(sizes: [u8; 2]) -> Self {
        Self {
            sizes,
            points: Vec::new(),
            changes: Vec::new(),
            offsets: vec![0],
            frames: vec![Standing::default(); width(sizes)],
        }
    }

    /// A game from its stored parts. Changes stand in the order of their events.
    ///
    /// # Errors
    ///
    /// When a change belongs to nobody, a sum leaves its range, or the points do not add up to those of the events.
    pub fn from_parts(
        sizes: [u8; 2],
        points: Vec<Point>,
        changes: Vec<Change>,
    ) -> Result<Self, TimelineError> {
        Self::of(sizes, points, changes)
    }

    fn of(sizes: [u8; 2], points: Vec<Point>, changes: Vec<Change>) -> Result<Self, TimelineError> {
        let mut state = vec![Standing::default(); width(sizes)];
        let mut frames = Vec::with_capacity(state.len() * (points.len() / KEYFRAME_EVERY + 1));
        let mut offsets = Vec::with_capacity(points.len() + 1);
        let mut next = 0usize;
        let mut summed = [0u16; 2];
        for (number, point) in points.iter().enumerate() {
            if number % KEYFRAME_EVERY == 0 {
                frames.extend_from_slice(&state);
            }
            offsets.push(u32::try_from(next).unwrap_or(u32::MAX));
            while let Some(change) = changes
                .get(next)
                .filter(|change| usize::try_from(change.event) == Ok(number))
            {
                let place = place(sizes, change.side, change.slot)
                    .ok_or(TimelineError::Stray { change: next })?;
                let range = TimelineError::Range { change: next };
                state[place] = state[place].plus(change).ok_or(range)?;
                let side = change.side.index();
                summed[side] = summed[side]
                    .checked_add(u16::from(change.counts[0]))
                    .ok_or(range)?;
                next += 1;
            }
            if summed != point.points {
                return Err(TimelineError::Points {
                    event: number,
                    summed,
                    stated: point.points,
                });
            }
        }
        if next < changes.len() {
            return Err(TimelineError::Stray { change: next });
        }
        offsets.push(u32::try_from(next).unwrap_or(u32::MAX));
        if frames.is_empty() {
            frames = state;
        }
        Ok(Self {
            sizes,
            points,
            changes,
            offsets,
            frames,
        })
    }

    /// Players of each side.
    #[must_use]
    pub const fn roster_sizes(&self) -> [u8; 2] {
        self.sizes
    }

    /// Where each event stands.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// All changes, in the order of their events.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The changes of one event.
    #[must_use]
    pub fn changes_of(&self, event: usize) -> &[Change] {
        let offset = |at: usize| {
            self.offsets
                .get(at)
                .and_then(|at| usize::try_from(*at).ok())
        };
        match (offset(event), offset(event + 1)) {
            (Some(from), Some(to)) => &self.changes[from..to],
            _ => &[],
        }
    }

    /// The kept states: number of events before each, and the state of every line in [`Timeline::holders`]' order.
    pub fn keyframes(&self) -> impl Iterator<Item = (usize, &[Standing])> {
        self.frames
            .chunks_exact(width(self.sizes))
            .enumerate()
            .map(|(number, state)| (number * KEYFRAME_EVERY, state))
    }

    /// Whose lines there are, in order: players and team of the home side, then of the visitors.
    pub fn holders(&self) -> impl Iterator<Item = (Side, Option<u8>)> + use<> {
        let sizes = self.sizes;
        Side::BOTH.into_iter().flat_map(move |side| {
            (0..sizes[side.index()])
                .map(Some)
                .chain([None])
                .map(move |slot| (side, slot))
        })
    }

    /// The state of every line when the first `count` events are over, in [`Timeline::holders`]' order.
    #[must_use]
    pub fn after(&self, count: usize) -> Vec<Standing> {
        let count = count.min(self.points.len());
        let width = width(self.sizes);
        let frame = (count / KEYFRAME_EVERY).min(self.frames.len() / width - 1);
        let mut state = self.frames[frame * width..(frame + 1) * width].to_vec();
        for event in frame * KEYFRAME_EVERY..count {
            for change in self.changes_of(event) {
                self.add(&mut state, change);
            }
        }
        state
    }

    /// Adds a change of this game to a state.
    pub(crate) fn add(&self, state: &mut [Standing], change: &Change) {
        // Added once in `of`, it can be added again.
        if let Some(standing) =
            place(self.sizes, change.side, change.slot).and_then(|place| state.get_mut(place))
        {
            *standing = standing.plus(change).unwrap_or(*standing);
        }
    }

    /// How many events there are up to this moment, it included.
    #[must_use]
    pub fn events_until(&self, period: u8, clock_tenths: u16) -> usize {
        self.points.partition_point(|point| {
            point.period < period || (point.period == period && point.clock_tenths >= clock_tenths)
        })
    }

    /// The box score when the first `count` events are over.
    #[must_use]
    pub fn box_after(&self, count: usize) -> GameBox {
        let count = count.min(self.points.len());
        let elapsed = self.points[..count].last().map_or(0, Point::elapsed_tenths);
        self.game_box(&self.after(count), count, elapsed)
    }

    /// The box score when the clock of a period shows this, everything of that moment included.
    #[must_use]
    pub fn at(&self, period: u8, clock_tenths: u16) -> GameBox {
        let count = self.events_until(period, clock_tenths);
        let last = self.points[..count].last();
        let elapsed = match last {
            // The start of a later period is not over before it has begun.
            Some(point) if point.period == period => {
                elapsed_tenths(period, clock_tenths.min(period_tenths(period)))
            }
            Some(point) => point.elapsed_tenths(),
            None => 0,
        };
        self.game_box(&self.after(count), count, elapsed)
    }

    /// Points by period up to an event.
    #[must_use]
    pub fn line_score(&self, count: usize) -> [Vec<u16>; 2] {
        let mut score = [Vec::new(), Vec::new()];
        let mut last = [0u16; 2];
        let played = &self.points[..count.min(self.points.len())];
        for period in played.chunk_by(|a, b| a.period == b.period) {
            let Some(end) = period.last() else { continue };
            for side in [0, 1] {
                score[side].push(end.points[side].saturating_sub(last[side]));
            }
            last = end.points;
        }
        score
    }

    fn game_box(&self, state: &[Standing], count: usize, elapsed: u32) -> GameBox {
        let line_score = self.line_score(count);
        let mut lines = state.iter();
        let teams = Side::BOTH.map(|side| {
            let size = usize::from(self.sizes[side.index()]);
            let players = lines
                .by_ref()
                .take(size)
                .map(|standing| standing.line_at(elapsed))
                .collect();
            let team = lines.next().copied().unwrap_or_default();
            TeamBox {
                players,
                team: team.line,
                technical_fouls: team.technical_fouls,
                line_score: line_score[side.index()].clone(),
                unknown_periods: team.unknown_periods,
            }
        });
        GameBox { teams }
    }

    /// When each player was on court, in tenths of a second since the tip-off; stints that touch are one.
    #[must_use]
    pub fn stints(&self) -> Vec<Stint> {
        let mut open: Vec<(PlayerRef, u32)> = Vec::new();
        let mut found: Vec<Stint> = Vec::new();
        let mut elapsed = 0;
        for (number, point) in self.points.iter().enumerate() {
            let before = elapsed;
            elapsed = elapsed.max(point.elapsed_tenths());
            for change in self.changes_of(number) {
                let Some(slot) = change.slot else { continue };
                let player = PlayerRef {
                    side: change.side,
                    slot,
                };
                if change.court < 0 {
                    // Who does not come back for a period leaves when the one before has ended.
                    let until = u32::try_from(change.court_tenths).unwrap_or(before);
                    if let Some(at) = open.iter().position(|(one, _)| *one == player) {
                        let (_, from) = open.swap_remove(at);
                        found.push(Stint {
                            player,
                            from,
                            until,
                        });
                    }
                } else if change.court > 0 {
                    let from = u32::try_from(-change.court_tenths).unwrap_or(elapsed);
                    open.push((player, from));
                }
            }
        }
        found.extend(open.into_iter().map(|(player, from)| Stint {
            player,
            from,
            until: elapsed,
        }));
        found.sort_by_key(|stint| (stint.player, stint.from));
        let mut joined: Vec<Stint> = Vec::with_capacity(found.len());
        for stint in found {
            match joined.last_mut() {
                Some(last) if last.player == stint.player && last.until == stint.from => {
                    last.until = stint.until;
                }
                _ => joined.push(stint),
            }
        }
        joined
    }
}

/// Time a player spends on court without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stint {
    /// Who.
    pub player: PlayerRef,
    /// Tenths of a second since the tip-off.
    pub from: u32,
    /// The same.
    pub until: u32,
}

/// Lines of a game: players and team of both sides.
fn width(sizes: [u8; 2]) -> usize {
    usize::from(sizes[0]) + usize::from(sizes[1]) + 2
}

/// Where a line stands in a state.
fn place(sizes: [u8; 2], side: Side, slot: Option<u8>) -> Option<usize> {
    let size = sizes[side.index()];
    let within = match slot {
        Some(slot) if slot < size => slot,
        Some(_) => return None,
        None => size,
    };
    let before = match side {
        Side::Home => 0,
        Side::Away => usize::from(sizes[0]) + 1,
    };
    Some(before + usize::from(within))
}

/// What one event adds to a count: never more than three.
fn small(value: u16) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// 255 periods have fewer than a million tenths.
fn whole(tenths: u32) -> i32 {
    i32::try_from(tenths).unwrap_or(i32::MAX)
}
