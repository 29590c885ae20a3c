//! What can happen in a game, as far as the box score is concerned.

use serde::{Deserialize, Serialize};

/// Which bench a thing belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The team whose arena it is.
    Home,
    /// The visitors.
    Away,
}

impl Side {
    /// Both sides, home first.
    pub const BOTH: [Side; 2] = [Side::Home, Side::Away];

    /// Position in a `[home, away]` pair.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Side::Home => 0,
            Side::Away => 1,
        }
    }

    /// The opponent.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Home => Side::Away,
            Side::Away => Side::Home,
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Side::Home => "home",
            Side::Away => "away",
        })
    }
}

/// A player by his place in the roster of his side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlayerRef {
    /// His team.
    pub side: Side,
    /// Position in that team's roster, counted from 0.
    pub slot: u8,
}

impl std::fmt::Display for PlayerRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} player {}", self.side, self.slot)
    }
}

/// Five different roster positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineup([u8; 5]);

/// A player is named twice in a lineup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("lineup {lineup:?} names player {slot} twice")]
pub struct LineupError {
    /// What was offered.
    pub lineup: [u8; 5],
    /// The position that repeats.
    pub slot: u8,
}

impl Lineup {
    /// Five players on court.
    ///
    /// # Errors
    ///
    /// When a player is named twice.
    pub fn new(slots: [u8; 5]) -> Result<Self, LineupError> {
        for (position, &slot) in slots.iter().enumerate() {
            if slots[..position].contains(&slot) {
                return Err(LineupError {
                    lineup: slots,
                    slot,
                });
            }
        }
        Ok(Self(slots))
    }

    /// The roster positions.
    #[must_use]
    pub const fn slots(&self) -> &[u8; 5] {
        &self.0
    }

    /// Whether he is one of the five.
    #[must_use]
    pub fn contains(&self, slot: u8) -> bool {
        self.0.contains(&slot)
    }

    /// Where among the five he stands. A substitute takes the place of the one he replaces.
    pub(crate) fn place(&self, slot: u8) -> Option<usize> {
        self.0.iter().position(|&one| one == slot)
    }

    /// Puts somebody who is not among the five in a place.
    pub(crate) const fn put(&mut self, place: usize, slot: u8) {
        if place < self.0.len() {
            self.0[place] = slot;
        }
    }

    /// Puts `enters` in the place of `leaves`; false, and no change, unless exactly the latter is one of the five.
    pub fn replace(&mut self, enters: u8, leaves: u8) -> bool {
        if self.contains(enters) {
            return false;
        }
        match self.0.iter_mut().find(|slot| **slot == leaves) {
            Some(slot) => {
                *slot = enters;
                true
            }
            None => false,
        }
    }
}

/// What a field goal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShotValue {
    /// Inside the arc.
    Two,
    /// Beyond the arc.
    Three,
}

impl ShotValue {
    /// Points when made.
    #[must_use]
    pub const fn points(self) -> u8 {
        match self {
            ShotValue::Two => 2,
            ShotValue::Three => 3,
        }
    }
}

/// A field-goal try. Assisters are of the shooter's team, blockers of the other: only their slot is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shot {
    /// Who shot.
    pub shooter: PlayerRef,
    /// What it was worth.
    pub value: ShotValue,
    /// How it ended.
    pub result: ShotResult,
}

/// How a field-goal try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShotResult {
    /// It counts.
    Made {
        /// Slot of the assisting team-mate.
        assist: Option<u8>,
    },
    /// It does not.
    Missed {
        /// Slot of the blocking opponent.
        block: Option<u8>,
    },
}

/// Which end of the court a rebound was on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rebound {
    /// Of an own miss.
    Offensive,
    /// Of the opponent's miss.
    Defensive,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A period starts with these players; changes since the last one have no event of their own.
    PeriodStart {
        /// `[home, away]`; none when it is not known who stands there.
        lineups: [Option<Lineup>; 2],
    },
    /// A period ends.
    PeriodEnd,
    /// A field-goal try.
    Shot(Shot),
    /// A free throw.
    FreeThrow {
        /// Who shot.
        shooter: PlayerRef,
        /// Whether it counts.
        made: bool,
        /// Awarded for a technical foul.
        technical: bool,
    },
    /// A rebound of a player, or of the team when it has no player.
    Rebound {
        /// Who has the ball now.
        side: Side,
        /// Slot of the player.
        player: Option<u8>,
        /// Which kind.
        which: Rebound,
    },
    /// A turnover of a player, or of the team when it has no player.
    Turnover {
        /// Who lost the ball.
        side: Side,
        /// Slot of the player.
        player: Option<u8>,
        /// Slot of the opponent who stole it.
        steal: Option<u8>,
    },
    /// A foul that counts towards the six, offensive ones included; the turnover is an event of its own.
    PersonalFoul {
        /// Who committed it.
        offender: PlayerRef,
    },
    /// A technical foul, which does not.
    TechnicalFoul {
        /// Whose.
        side: Side,
        /// Slot of the player; none for the bench.
        offender: Option<u8>,
    },
    /// One player for another.
    Substitution {
        /// Whose.
        side: Side,
        /// Slot of the one who comes.
        enters: u8,
        /// Slot of the one who goes.
        leaves: u8,
    },
    /// Anything that counts for nobody.
    Neutral,
}

/// One event with its place in the game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Order within the game; gaps are usual.
    pub sequence: u32,
    /// 1–4, 5 and above are overtime.
    pub period: u8,
    /// Time left in the period, in tenths of a second.
    pub clock_tenths: u16,
    /// Score after the event as the feed prints it, `[home, away]`, when it does.
    pub score: Option<[u16; 2]>,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// An event whose feed prints no score.
    #[must_use]
    pub const fn new(sequence: u32, period: u8, clock_tenths: u16, kind: EventKind) -> Self {
        Self {
            sequence,
            period,
            clock_tenths,
            score: None,
            kind,
        }
    }

    /// Names everybody who must be on court for the event; technical fouls happen on the bench too.
    pub(crate) fn on_court(&self, mut seen: impl FnMut(PlayerRef)) {
        let mut one = |side: Side, slot: Option<u8>| {
            if let Some(slot) = slot {
                seen(PlayerRef { side, slot });
            }
        };
        match self.kind {
            EventKind::Shot(Shot {
                shooter, result, ..
            }) => {
                one(shooter.side, Some(shooter.slot));
                match result {
                    ShotResult::Made { assist } => one(shooter.side, assist),
                    ShotResult::Missed { block } => one(shooter.side.other(), block),
                }
            }
            EventKind::FreeThrow {
                shooter: player, ..
            }
            | EventKind::PersonalFoul { offender: player } => one(player.side, Some(player.slot)),
            EventKind::Rebound { side, player, .. } => one(side, player),
            EventKind::Turnover {
                side,
                player,
                steal,
            } => {
                one(side, player);
                one(side.other(), steal);
            }
            EventKind::PeriodStart { .. }
            | EventKind::PeriodEnd
            | EventKind::TechnicalFoul { .. }
            | EventKind::Substitution { .. }
            | EventKind::Neutral => {}
        }
    }
}

/// Length of a period in tenths of a second: twelve minutes, overtime five (database dossier 7.6).
#[must_use]
pub const fn period_tenths(period: u8) -> u16 {
    if period <= 4 { 7_200 } else { 3_000 }
}
