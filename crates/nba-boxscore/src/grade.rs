//! Generated boxes against actual ones: the platform's verification record and its grades (box score dossier 8.2).
//!
//! Thresholds are the platform's. Set right is what they are applied to (BX-28): all 14 counts instead of six, players whom one
//! side lacks count with all they have, means are over every compared player, and without an actual box there is no grade instead of
//! an F. [`Rules::Legacy`] keeps the old way, for comparing with it.

use std::collections::BTreeMap;

use nba_utils::Verdict;
use serde::Serialize;

use crate::event::{PlayerRef, Side};
use crate::line::GameBox;
use crate::log::{GameLog, Stat};
use crate::verify::{Verification, count};

/// What the grade is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Grade {
    /// No discrepancy.
    A,
    /// 1 to 5.
    B,
    /// 6 to 15.
    C,
    /// 16 to 30.
    D,
    /// More, or another final score.
    F,
}

impl Grade {
    /// The grade of a game whose final score agrees or not, and whose figures differ by so much in all.
    ///
    /// ```
    /// use nba_boxscore::Grade;
    /// assert_eq!(Grade::of(true, 0), Grade::A);
    /// assert_eq!(Grade::of(true, 16), Grade::D);
    /// assert_eq!(Grade::of(false, 0), Grade::F);
    /// ```
    #[must_use]
    pub const fn of(final_score_match: bool, discrepancies: u32) -> Self {
        if !final_score_match {
            return Grade::F;
        }
        match discrepancies {
            0 => Grade::A,
            1..=5 => Grade::B,
            6..=15 => Grade::C,
            16..=30 => Grade::D,
            _ => Grade::F,
        }
    }

    /// A, B and C pass.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Grade::A | Grade::B | Grade::C)
    }

    /// The letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Grade::A => 'A',
            Grade::B => 'B',
            Grade::C => 'C',
            Grade::D => 'D',
            Grade::F => 'F',
        }
    }
}

/// How boxes are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rules {
    /// All 14 counts of every player either box has.
    Complete,
    /// As the legacy verification does: points, rebounds, assists, steals, blocks and turnovers of players both boxes have; means
    /// over those that differ.
    Legacy,
}

/// The 14 counts of a player in the order of [`Stat::ALL`]; none where a box does not have one.
pub type Figures = [Option<u16>; 14];

/// A box score to compare with. Figures it does not have are not compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActualBox {
    /// Final score, `[home, away]`.
    pub score: Option<[u16; 2]>,
    /// By player, the 14 counts in the order of [`Stat::ALL`].
    pub players: BTreeMap<PlayerRef, Figures>,
    /// Whether a player it lacks did nothing; otherwise nothing is known of him.
    pub complete: bool,
}

impl ActualBox {
    /// What the source itself prints last: the final score and every player's last running figures.
    #[must_use]
    pub fn printed(log: &GameLog) -> Self {
        let score = log.events.iter().filter_map(|event| event.score);
        let mut found = Self {
            score: score.max_by_key(|score| u32::from(score[0]) + u32::from(score[1])),
            ..Self::default()
        };
        for claim in &log.claims {
            let place = Stat::ALL.iter().position(|stat| *stat == claim.stat);
            let figures = found.players.entry(claim.player).or_default();
            if let Some(figure) = place.and_then(|place| figures.get_mut(place)) {
                *figure = (*figure).max(Some(claim.value));
            }
        }
        found
    }
}

/// A figure that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Discrepancy {
    /// Whose.
    pub player: PlayerRef,
    /// Of what; rebounds are one figure under [`Rules::Legacy`], given as defensive ones.
    pub stat: Stat,
    /// What was generated.
    pub generated: u16,
    /// What it is.
    pub actual: u16,
}

/// Mean absolute errors, over all compared players.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are basketball's own")]
pub struct MeanErrors {
    pub points: f64,
    pub rebounds: f64,
    pub assists: f64,
    pub steals: f64,
    pub blocks: f64,
    pub turnovers: f64,
}

/// One row of `box_score_verification`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// Whether both final scores agree; none without an actual one.
    pub final_score_match: Option<bool>,
    /// `[home, away]`.
    pub generated_score: [u16; 2],
    /// `[home, away]`.
    pub actual_score: Option<[u16; 2]>,
    /// Sum of the absolute differences of the compared figures.
    pub total_discrepancies: u32,
    /// Figures compared.
    pub compared: u32,
    /// Those that differ.
    pub discrepancies: Vec<Discrepancy>,
    /// Mean errors.
    pub mean_errors: MeanErrors,
    /// The grade; none when there is nothing to compare with.
    pub grade: Option<Grade>,
    /// What the grade rests on.
    pub notes: String,
}

impl Record {
    /// Proven only by an A; any difference refutes, and nothing to compare with proves nothing.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.grade {
            None => Verdict::not_proven(self.notes.clone()),
            Some(Grade::A) => Verdict::Proven,
            Some(grade) => Verdict::refuted(format!(
                "grade {}: {} in {} figures",
                grade.letter(),
                self.total_discrepancies,
                self.discrepancies.len()
            )),
        }
    }
}

/// A figure of the six (or 14) that are compared: where it comes from and into which mean it goes.
struct Column {
    stat: Stat,
    of: fn(&Figures) -> Option<u16>,
}

const LEGACY: [Column; 6] = [
    Column {
        stat: Stat::Pts,
        of: |one| one[0],
    },
    Column {
        stat: Stat::Dreb,
        of: rebounds,
    },
    Column {
        stat: Stat::Ast,
        of: |one| one[9],
    },
    Column {
        stat: Stat::Stl,
        of: |one| one[10],
    },
    Column {
        stat: Stat::Blk,
        of: |one| one[11],
    },
    Column {
        stat: Stat::Tov,
        of: |one| one[12],
    },
];

fn rebounds(one: &Figures) -> Option<u16> {
    one[7]?.checked_add(one[8]?)
}

/// Compares a generated box with an actual one.
#[must_use]
pub fn compare_boxes(generated: &GameBox, actual: &ActualBox, rules: Rules) -> Record {
    let points = generated.points();
    let final_score_match = actual.score.map(|score| score == points);
    let mut players: BTreeMap<PlayerRef, [Option<Figures>; 2]> = BTreeMap::new();
    for side in Side::BOTH {
        for (slot, line) in (0u8..).zip(&generated.teams[side.index()].players) {
            let figures = Stat::ALL.map(|stat| Some(count(line, stat)));
            players.entry(PlayerRef { side, slot }).or_default()[0] = Some(figures);
        }
    }
    for (player, figures) in &actual.players {
        players.entry(*player).or_default()[1] = Some(*figures);
    }
    let nothing = [Some(0); 14];
    let mut discrepancies = Vec::new();
    let (mut total, mut compared) = (0u32, 0u32);
    // Sum and number of differences by mean: points, rebounds, assists, steals, blocks, turnovers.
    let mut sums = [(0u32, 0u32); 6];
    for (player, [own, other]) in players {
        let (own, other) = match (own, other, rules) {
            (Some(own), Some(other), _) => (own, other),
            (Some(own), None, Rules::Complete) if actual.complete => (own, nothing),
            (None, Some(other), Rules::Complete) => (nothing, other),
            _ => continue,
        };
        for (column, sum) in LEGACY.iter().zip(&mut sums) {
            if let (Some(own), Some(other)) = ((column.of)(&own), (column.of)(&other)) {
                let off = u32::from(own.abs_diff(other));
                if off > 0 || rules == Rules::Complete {
                    *sum = (sum.0 + off, sum.1 + 1);
                }
                if rules == Rules::Legacy {
                    compared += 1;
                    total += off;
                    if off > 0 {
                        discrepancies.push(Discrepancy {
                            player,
                            stat: column.stat,
                            generated: own,
                            actual: other,
                        });
                    }
                }
            }
        }
        if rules == Rules::Complete {
            for ((stat, own), other) in Stat::ALL.into_iter().zip(own).zip(other) {
                let (Some(own), Some(other)) = (own, other) else {
                    continue;
                };
                compared += 1;
                total += u32::from(own.abs_diff(other));
                if own != other {
                    discrepancies.push(Discrepancy {
                        player,
                        stat,
                        generated: own,
                        actual: other,
                    });
                }
            }
        }
    }
    let mean = |place: usize| {
        let (sum, number): (u32, u32) = sums[place];
        if number == 0 {
            0.0
        } else {
            f64::from(sum) / f64::from(number)
        }
    };
    let grade = match (final_score_match, rules) {
        (Some(same), _) => Some(Grade::of(same, total)),
        (None, Rules::Legacy) => Some(Grade::F),
        (None, Rules::Complete) => None,
    };
    let notes = if final_score_match.is_none() {
        "there is no actual score to compare with".to_owned()
    } else if compared == 0 {
        "the final score alone was compared".to_owned()
    } else {
        format!("{compared} figures compared")
    };
    Record {
        final_score_match,
        generated_score: points,
        actual_score: actual.score,
        total_discrepancies: total,
        compared,
        discrepancies,
        mean_errors: MeanErrors {
            points: mean(0),
            rebounds: mean(1),
            assists: mean(2),
            steals: mean(3),
            blocks: mean(4),
            turnovers: mean(5),
        },
        grade,
        notes,
    }
}

impl Verification {
    /// The record of a game held against what its own source prints last. A game whose counts are refuted inside has no better grade
    /// than its findings allow: each counts as one discrepancy.
    #[must_use]
    pub fn record(&self, log: &GameLog) -> Record {
        let mut record = compare_boxes(&self.score, &ActualBox::printed(log), Rules::Complete);
        let inside = match self.counts() {
            Verdict::Refuted { reasons } => {
                u32::try_from(reasons.as_slice().len()).unwrap_or(u32::MAX)
            }
            _ => 0,
        };
        if inside > 0 {
            record.total_discrepancies = record.total_discrepancies.max(inside);
            record.grade = record
                .final_score_match
                .map(|same| Grade::of(same, record.total_discrepancies));
            record.notes = format!("{}; {inside} contradictions inside the game", record.notes);
        }
        record
    }
}
