//! Counts events one by one.

use crate::event::{
    Event, EventKind, Lineup, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side, period_tenths,
};
use crate::line::{GameBox, Line, TeamBox};

/// Why an event cannot be counted; the tally is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} in period {period}: {kind}")]
pub struct TallyError {
    /// The event's place in the game.
    pub sequence: u32,
    /// The event's period.
    pub period: u8,
    /// What is wrong with it.
    pub kind: TallyErrorKind,
}

impl TallyError {
    /// What is wrong with the event.
    #[must_use]
    pub const fn kind(&self) -> TallyErrorKind {
        self.kind
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(
            match self.kind {
                TallyErrorKind::BeforeFirstPeriod => {
                    "begin with the start of the first period and its lineups"
                }
                TallyErrorKind::UnknownPlayer(_) => {
                    "check the roster sizes against the feed's list of players"
                }
                TallyErrorKind::NotOnCourt(_) | TallyErrorKind::AlreadyOnCourt(_) => {
                    "check the order of the events and the lineup at the start of the period"
                }
                TallyErrorKind::ClockOutOfRange(_) => {
                    "check the unit of the clock: tenths of a second left in the period"
                }
            }
            .to_owned(),
        )
    }
}

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TallyErrorKind {
    /// Something is counted while nobody is on court.
    #[error("no period has started")]
    BeforeFirstPeriod,
    /// The roster has no such position.
    #[error("{0} is not in the roster")]
    UnknownPlayer(PlayerRef),
    /// He is to leave the court without being there.
    #[error("{0} leaves without being on court")]
    NotOnCourt(PlayerRef),
    /// He is to enter the court and is there already.
    #[error("{0} enters while on court")]
    AlreadyOnCourt(PlayerRef),
    /// More time is left than the period has.
    #[error("{0} tenths of a second left is more than the period has")]
    ClockOutOfRange(u16),
}

/// The box score while the game goes on.
///
/// Points of field goals count in the plus/minus of the ten on court, points of free throws in that of the ten who were on
/// court when the foul was called. Where the foul has no event at the moment of the free throw, those count who were on court
/// when the clock stopped; and whoever shoots for a player he replaced (an injured or ejected one) stands in his place. These
/// rules give the official plus/minus in 1,040 of 1,049 real games. Time on court is measured from the event that brings a
/// player in to the one that takes him out.
#[derive(Debug, Clone)]
pub struct Tally {
    teams: [TeamBox; 2],
    floor: Option<Floor>,
}

/// Who is on court.
#[derive(Debug, Clone, Copy)]
struct Floor {
    period: u8,
    clock: u16,
    on: [Option<Lineup>; 2],
    /// Clock reading at which each of the five, in lineup order, came in.
    since: [[u16; 5]; 2],
    /// The ten when the clock last stood at another reading.
    settled: [Option<Lineup>; 2],
    foul: Whistle,
    technical: Whistle,
}

/// A foul that free throws can follow.
#[derive(Debug, Clone, Copy)]
struct Whistle {
    clock: u16,
    ten: [Option<Lineup>; 2],
}

impl Whistle {
    /// No foul yet: no clock shows this.
    const NONE: Self = Self {
        clock: u16::MAX,
        ten: [None; 2],
    };
}

impl Floor {
    const fn whistle(&self) -> Whistle {
        Whistle {
            clock: self.clock,
            ten: self.on,
        }
    }

    /// Whom a point of this free throw counts for and against.
    fn ten_of_free_throw(&self, shooter: PlayerRef, technical: bool) -> [Option<Lineup>; 2] {
        let whistle = if technical {
            &self.technical
        } else {
            &self.foul
        };
        let mut ten = if whistle.clock == self.clock {
            whistle.ten
        } else {
            self.settled
        };
        let side = shooter.side.index();
        if let (Some(five), Some(on)) = (&mut ten[side], &self.on[side])
            && !five.contains(shooter.slot)
            && let Some(place) = on.place(shooter.slot)
        {
            five.put(place, shooter.slot);
        }
        ten
    }
}

impl Tally {
    /// A game that has not begun, with this many players in the rosters of `[home, away]`.
    #[must_use]
    pub fn new(roster_sizes: [u8; 2]) -> Self {
        let teams = roster_sizes.map(|size| TeamBox {
            players: vec![Line::default(); usize::from(size)],
            team: Line::default(),
            technical_fouls: 0,
            line_score: Vec::with_capacity(8),
            unknown_periods: 0,
        });
        Self { teams, floor: None }
    }

    /// Counts one event.
    ///
    /// # Errors
    ///
    /// When it names a player who is not in the roster, or does not fit who is on court.
    pub fn apply(&mut self, event: &Event) -> Result<(), TallyError> {
        self.count(event).map_err(|kind| TallyError {
            sequence: event.sequence,
            period: event.period,
            kind,
        })
    }

    /// Both sides so far; time on court is that of finished stints.
    pub(crate) const fn teams(&self) -> &[TeamBox; 2] {
        &self.teams
    }

    /// Tenths of a second from the tip-off to the last event that moved the clock.
    pub(crate) fn elapsed_tenths(&self) -> u32 {
        self.floor.as_ref().map_or(0, |floor| {
            crate::timeline::elapsed_tenths(floor.period, floor.clock)
        })
    }

    /// Players on court, `[home, away]`; none before the first period and where it is not known.
    #[must_use]
    pub fn on_court(&self) -> [Option<Lineup>; 2] {
        self.floor.as_ref().map_or([None; 2], |floor| floor.on)
    }

    /// Points so far, `[home, away]`.
    #[must_use]
    pub fn points(&self) -> [u16; 2] {
        [0, 1].map(|side: usize| self.teams[side].line_score.iter().sum())
    }

    /// Counts so far, of one player; time on court is that of finished stints.
    #[must_use]
    pub fn line(&self, player: PlayerRef) -> Option<&Line> {
        self.teams[player.side.index()]
            .players
            .get(usize::from(player.slot))
    }

    /// The box score at this moment, with the time of those who are on court up to the last event.
    #[must_use]
    pub fn snapshot(&self) -> GameBox {
        let mut copy = self.clone();
        copy.close_stints();
        GameBox { teams: copy.teams }
    }

    /// The box score after the last event.
    #[must_use]
    pub fn finish(mut self) -> GameBox {
        self.close_stints();
        GameBox { teams: self.teams }
    }

    fn count(&mut self, event: &Event) -> Result<(), TallyErrorKind> {
        if event.clock_tenths > period_tenths(event.period) {
            return Err(TallyErrorKind::ClockOutOfRange(event.clock_tenths));
        }
        self.validate(event)?;
        if let EventKind::PeriodStart { lineups } = event.kind {
            self.close_stints();
            self.floor = Some(Floor {
                period: event.period,
                clock: event.clock_tenths,
                on: lineups,
                since: [[event.clock_tenths; 5]; 2],
                settled: lineups,
                foul: Whistle::NONE,
                technical: Whistle::NONE,
            });
            for (team, five) in self.teams.iter_mut().zip(lineups) {
                team.line_score.push(0);
                team.unknown_periods = team
                    .unknown_periods
                    .saturating_add(u8::from(five.is_none()));
            }
            return Ok(());
        }
        let Some(mut floor) = self.floor else {
            return if event.kind == EventKind::Neutral {
                Ok(())
            } else {
                Err(TallyErrorKind::BeforeFirstPeriod)
            };
        };
        if event.period == floor.period && event.clock_tenths < floor.clock {
            floor.clock = event.clock_tenths;
            floor.settled = floor.on;
        }
        match event.kind {
            EventKind::Shot(shot) => self.shot(&shot, &floor.on),
            EventKind::FreeThrow {
                shooter,
                made,
                technical,
            } => {
                let line = self.player(shooter);
                line.fta += 1;
                if made {
                    line.ftm += 1;
                    let ten = floor.ten_of_free_throw(shooter, technical);
                    self.score(shooter, 1, &ten);
                }
            }
            EventKind::Rebound {
                side,
                player,
                which,
            } => {
                let line = self.player_or_team(side, player);
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
                self.player_or_team(side, player).tov += 1;
                if let Some(slot) = steal {
                    self.player(PlayerRef {
                        side: side.other(),
                        slot,
                    })
                    .stl += 1;
                }
            }
            EventKind::PersonalFoul { offender } => {
                self.player(offender).pf += 1;
                floor.foul = floor.whistle();
            }
            EventKind::TechnicalFoul { side, .. } => {
                self.teams[side.index()].technical_fouls += 1;
                floor.technical = floor.whistle();
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => self.substitute(&mut floor, side, enters, leaves)?,
            EventKind::PeriodEnd | EventKind::Neutral | EventKind::PeriodStart { .. } => {}
        }
        self.floor = Some(floor);
        Ok(())
    }

    /// Every player an event names exists; checked before anything is counted.
    fn validate(&self, event: &Event) -> Result<(), TallyErrorKind> {
        let known = |side: Side, slot: Option<u8>| match slot {
            Some(slot) if usize::from(slot) >= self.teams[side.index()].players.len() => {
                Err(TallyErrorKind::UnknownPlayer(PlayerRef { side, slot }))
            }
            _ => Ok(()),
        };
        match event.kind {
            EventKind::PeriodStart { lineups } => {
                for side in Side::BOTH {
                    for &slot in lineups[side.index()].iter().flat_map(Lineup::slots) {
                        known(side, Some(slot))?;
                    }
                }
                Ok(())
            }
            EventKind::Shot(Shot {
                shooter, result, ..
            }) => {
                known(shooter.side, Some(shooter.slot))?;
                match result {
                    ShotResult::Made { assist } => known(shooter.side, assist),
                    ShotResult::Missed { block } => known(shooter.side.other(), block),
                }
            }
            EventKind::FreeThrow {
                shooter: player, ..
            }
            | EventKind::PersonalFoul { offender: player } => known(player.side, Some(player.slot)),
            EventKind::Rebound { side, player, .. }
            | EventKind::TechnicalFoul {
                side,
                offender: player,
            } => known(side, player),
            EventKind::Turnover {
                side,
                player,
                steal,
            } => {
                known(side, player)?;
                known(side.other(), steal)
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => {
                known(side, Some(enters))?;
                known(side, Some(leaves))
            }
            EventKind::PeriodEnd | EventKind::Neutral => Ok(()),
        }
    }

    fn shot(&mut self, shot: &Shot, on_court: &[Option<Lineup>; 2]) {
        let Shot {
            shooter,
            value,
            result,
        } = *shot;
        let three = value == ShotValue::Three;
        let line = self.player(shooter);
        line.fga += 1;
        line.fg3a += u16::from(three);
        match result {
            ShotResult::Made { assist } => {
                line.fgm += 1;
                line.fg3m += u16::from(three);
                if let Some(slot) = assist {
                    self.player(PlayerRef {
                        side: shooter.side,
                        slot,
                    })
                    .ast += 1;
                }
                self.score(shooter, value.points(), on_court);
            }
            ShotResult::Missed { block } => {
                if let Some(slot) = block {
                    self.player(PlayerRef {
                        side: shooter.side.other(),
                        slot,
                    })
                    .blk += 1;
                }
            }
        }
    }

    fn score(&mut self, scorer: PlayerRef, points: u8, ten: &[Option<Lineup>; 2]) {
        self.player(scorer).pts += u16::from(points);
        if let Some(period) = self.teams[scorer.side.index()].line_score.last_mut() {
            *period += u16::from(points);
        }
        let points = i16::from(points);
        for side in Side::BOTH {
            let change = if side == scorer.side { points } else { -points };
            for &slot in ten[side.index()].iter().flat_map(Lineup::slots) {
                self.player(PlayerRef { side, slot }).plus_minus += change;
            }
        }
    }

    fn substitute(
        &mut self,
        floor: &mut Floor,
        side: Side,
        enters: u8,
        leaves: u8,
    ) -> Result<(), TallyErrorKind> {
        let Some(five) = &mut floor.on[side.index()] else {
            return Ok(());
        };
        if five.contains(enters) {
            return Err(TallyErrorKind::AlreadyOnCourt(PlayerRef {
                side,
                slot: enters,
            }));
        }
        let place = five.slots().iter().position(|&slot| slot == leaves);
        let Some(place) = place.filter(|_| five.replace(enters, leaves)) else {
            return Err(TallyErrorKind::NotOnCourt(PlayerRef { side, slot: leaves }));
        };
        let since = std::mem::replace(&mut floor.since[side.index()][place], floor.clock);
        self.player(PlayerRef { side, slot: leaves }).tenths += u32::from(since - floor.clock);
        Ok(())
    }

    /// Gives the ten on court their time up to the last event.
    fn close_stints(&mut self) {
        let Some(mut floor) = self.floor else { return };
        for side in Side::BOTH {
            let Some(five) = floor.on[side.index()] else {
                continue;
            };
            for (&slot, since) in five.slots().iter().zip(&mut floor.since[side.index()]) {
                let stint = u32::from(*since - floor.clock);
                *since = floor.clock;
                self.player(PlayerRef { side, slot }).tenths += stint;
            }
        }
        self.floor = Some(floor);
    }

    fn player(&mut self, player: PlayerRef) -> &mut Line {
        &mut self.teams[player.side.index()].players[usize::from(player.slot)]
    }

    fn player_or_team(&mut self, side: Side, player: Option<u8>) -> &mut Line {
        match player {
            Some(slot) => self.player(PlayerRef { side, slot }),
            None => &mut self.teams[side.index()].team,
        }
    }
}

/// Counts a whole game.
///
/// # Errors
///
/// With the first event that cannot be counted.
pub fn tally<'e>(
    roster_sizes: [u8; 2],
    events: impl IntoIterator<Item = &'e Event>,
) -> Result<GameBox, TallyError> {
    let mut tally = Tally::new(roster_sizes);
    for event in events {
        tally.apply(event)?;
    }
    Ok(tally.finish())
}
