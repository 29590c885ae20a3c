//! What is kept about a game beside its changes.

use nba_boxscore::{
    EventKind, GameLog, Outcome, Possession, Record, Shot, ShotPlace, ShotResult, ShotValue, Side,
    Timeline, Verification, possessions,
};
use nba_utils::{Digest, Verdict};
use serde::{Deserialize, Serialize};

use crate::plays::Form;

/// A player of a stored game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerCard {
    /// The source's id; none in sources that only have names.
    pub id: Option<u64>,
    /// His name as the source writes it.
    pub name: String,
}

/// A team of a stored game.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamCard {
    /// The source's id.
    pub id: Option<u64>,
    /// Abbreviation or name.
    pub name: String,
    /// In roster order.
    pub players: Vec<PlayerCard>,
}

/// The verification record of a stored game: a row of `box_score_verification`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GradeCard {
    /// `A` to `F`; none when there was nothing to compare with.
    pub grade: Option<char>,
    /// Whether the final score is the printed one.
    pub final_score_match: Option<bool>,
    /// Counted, `[home, away]`.
    pub generated_score: [u16; 2],
    /// Printed.
    pub actual_score: Option<[u16; 2]>,
    /// Sum of the differences.
    pub total_discrepancies: u32,
    /// Figures that differ, the first few, in words.
    pub discrepancies: Vec<String>,
    /// Mean errors: points, rebounds, assists, steals, blocks, turnovers.
    pub mean_errors: [f64; 6],
    /// What the grade rests on.
    pub notes: String,
}

/// Differences named in a record; more of them are counted, not named.
const MAX_NAMED: usize = 20;

impl GradeCard {
    fn new(log: &GameLog, record: &Record) -> Self {
        let errors = &record.mean_errors;
        Self {
            grade: record.grade.map(nba_boxscore::Grade::letter),
            final_score_match: record.final_score_match,
            generated_score: record.generated_score,
            actual_score: record.actual_score,
            total_discrepancies: record.total_discrepancies,
            discrepancies: record
                .discrepancies
                .iter()
                .take(MAX_NAMED)
                .map(|one| {
                    format!(
                        "{}, {}: generated {}, actual {}",
                        log.name(one.player),
                        one.stat,
                        one.generated,
                        one.actual
                    )
                })
                .collect(),
            mean_errors: [
                errors.points,
                errors.rebounds,
                errors.assists,
                errors.steals,
                errors.blocks,
                errors.turnovers,
            ],
            notes: record.notes.clone(),
        }
    }
}

/// Everything about a stored game but its changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GameCard {
    /// The source's id of the game.
    pub id: String,
    /// Which feed it is from; with the id, the key of a game.
    pub source: String,
    /// `[home, away]`.
    pub teams: [TeamCard; 2],
    /// Whether the 14 counts are proven.
    pub counts: Verdict,
    /// Whether time on court and plus/minus are.
    pub court: Verdict,
    /// Printed figures compared.
    pub figures: u64,
    /// The verification record.
    pub record: GradeCard,
    /// Of points and changes: equal digests are equal games.
    pub digest: Digest,
    /// Of the places of shots; none in stores that were written before places were kept.
    #[serde(default)]
    pub shots_digest: Option<Digest>,
    /// Of the possessions; none in stores that were written before possessions were kept.
    #[serde(default)]
    pub possessions_digest: Option<Digest>,
}

/// A game as it is stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredGame {
    /// Who and how good.
    pub card: GameCard,
    /// What happened.
    pub timeline: Timeline,
    /// Shots whose place the source says, in the order of their events; who assisted or blocked is in the changes alone.
    pub shots: Vec<(ShotPlace, Shot)>,
    /// Who had the ball from when to when, in order.
    pub possessions: Vec<Possession>,
}

impl StoredGame {
    /// A verified game as it is stored; a game that cannot be counted to its end is stored without changes, and its verdict says so.
    #[must_use]
    pub fn new(form: Form, log: &GameLog, game: &Verification) -> Self {
        let timeline = Timeline::new(log.roster_sizes(), &game.events);
        let (timeline, counts) = match timeline {
            Ok(timeline) => (timeline, game.counts()),
            Err(error) => {
                let none = Timeline::empty(log.roster_sizes());
                (
                    none,
                    Verdict::all([game.counts(), Verdict::not_proven(error.to_string())]),
                )
            }
        };
        let digest = digest(&timeline);
        let shots = shots(log, game, timeline.points().len());
        let possessions = if timeline.points().is_empty() {
            Vec::new()
        } else {
            possessions(&game.events)
        };
        let teams = [0, 1].map(|side: usize| TeamCard {
            id: log.teams[side].id,
            name: log.teams[side].name.clone(),
            players: log.teams[side]
                .players
                .iter()
                .map(|player| PlayerCard {
                    id: player.id,
                    name: player.name.clone(),
                })
                .collect(),
        });
        Self {
            card: GameCard {
                id: log.id.clone(),
                source: form.feed().to_owned(),
                teams,
                counts,
                court: game.court(),
                figures: u64::try_from(game.figures).unwrap_or(u64::MAX),
                record: GradeCard::new(log, &game.record(log)),
                digest,
                shots_digest: Some(shots_digest(&shots)),
                possessions_digest: Some(possessions_digest(&possessions)),
            },
            timeline,
            shots,
            possessions,
        }
    }
}

/// The shots with a place among the events that are stored.
fn shots(log: &GameLog, game: &Verification, events: usize) -> Vec<(ShotPlace, Shot)> {
    let mut shots: Vec<(ShotPlace, Shot)> = log
        .shots
        .iter()
        .filter_map(|place| {
            let event = usize::try_from(place.event)
                .ok()
                .filter(|at| *at < events)?;
            let EventKind::Shot(shot) = game.events.get(event)?.kind else {
                return None;
            };
            let result = match shot.result {
                ShotResult::Made { .. } => ShotResult::Made { assist: None },
                ShotResult::Missed { .. } => ShotResult::Missed { block: None },
            };
            Some((*place, Shot { result, ..shot }))
        })
        .collect();
    shots.sort_by_key(|(place, _)| place.event);
    shots
}

/// A shot as a row of its table: event, side, slot, worth, made, across, out.
pub(super) fn shot_row((place, shot): &(ShotPlace, Shot)) -> [i32; 7] {
    [
        i32::try_from(place.event).unwrap_or(i32::MAX),
        i32::from(shot.shooter.side == nba_boxscore::Side::Away),
        i32::from(shot.shooter.slot),
        if shot.value == ShotValue::Three { 3 } else { 2 },
        i32::from(matches!(shot.result, ShotResult::Made { .. })),
        i32::from(place.across),
        i32::from(place.out),
    ]
}

/// Over everything the tables say of a game's shots.
pub(super) fn shots_digest(shots: &[(ShotPlace, Shot)]) -> Digest {
    let bytes: Vec<u8> = shots
        .iter()
        .flat_map(shot_row)
        .flat_map(i32::to_le_bytes)
        .collect();
    Digest::of(&bytes)
}

/// A possession as a row of its table: first and last event, period, side, start and end, points, outcome, worth of the last try,
/// free throws, offensive rebounds, defensive rebound, stolen, blocked, margin.
pub(super) fn possession_row(one: &Possession) -> [i32; 15] {
    let whole = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let outcome = Outcome::ALL.iter().position(|known| *known == one.outcome);
    [
        whole(one.first),
        whole(one.last),
        i32::from(one.period),
        i32::from(one.side == Side::Away),
        whole(one.start_tenths),
        whole(one.end_tenths),
        i32::from(one.points),
        outcome
            .and_then(|place| i32::try_from(place).ok())
            .unwrap_or(-1),
        one.shot.map_or(0, |value| i32::from(value.points())),
        i32::from(one.free_throws),
        i32::from(one.offensive_rebounds),
        i32::from(one.defensive_rebound),
        i32::from(one.stolen),
        i32::from(one.blocked),
        i32::from(one.margin),
    ]
}

/// The possession of a row; none where it is no such row.
pub(super) fn possession_of(row: [i32; 15]) -> Option<Possession> {
    let [
        first,
        last,
        period,
        side,
        start,
        end,
        points,
        outcome,
        worth,
        free_throws,
        offensive_rebounds,
        defensive_rebound,
        stolen,
        blocked,
        margin,
    ] = row;
    let flag = |value: i32| match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    Some(Possession {
        period: u8::try_from(period).ok()?,
        side: if flag(side)? { Side::Away } else { Side::Home },
        first: u32::try_from(first).ok()?,
        last: u32::try_from(last).ok()?,
        start_tenths: u32::try_from(start).ok()?,
        end_tenths: u32::try_from(end).ok()?,
        points: u8::try_from(points).ok()?,
        outcome: *Outcome::ALL.get(usize::try_from(outcome).ok()?)?,
        shot: match worth {
            0 => None,
            2 => Some(ShotValue::Two),
            3 => Some(ShotValue::Three),
            _ => return None,
        },
        free_throws: flag(free_throws)?,
        offensive_rebounds: u8::try_from(offensive_rebounds).ok()?,
        defensive_rebound: flag(defensive_rebound)?,
        stolen: flag(stolen)?,
        blocked: flag(blocked)?,
        margin: i16::try_from(margin).ok()?,
    })
}

/// Over everything the tables say of a game's possessions.
pub(super) fn possessions_digest(possessions: &[Possession]) -> Digest {
    let bytes: Vec<u8> = possessions
        .iter()
        .flat_map(possession_row)
        .flat_map(i32::to_le_bytes)
        .collect();
    Digest::of(&bytes)
}

/// Over everything the tables say of a game's events.
pub(super) fn digest(timeline: &Timeline) -> Digest {
    let mut bytes = Vec::with_capacity(timeline.changes().len() * 32);
    for point in timeline.points() {
        bytes.push(point.period);
        bytes.extend(point.clock_tenths.to_le_bytes());
        bytes.extend(point.points.into_iter().flat_map(u16::to_le_bytes));
    }
    for change in timeline.changes() {
        bytes.extend(change.event.to_le_bytes());
        bytes.push(u8::from(change.side == nba_boxscore::Side::Away));
        bytes.push(change.slot.unwrap_or(u8::MAX));
        bytes.extend(change.counts);
        bytes.extend(change.plus_minus.to_le_bytes());
        bytes.extend([change.technical_fouls, change.unknown_periods]);
        bytes.extend(change.court.to_le_bytes());
        bytes.extend(change.court_tenths.to_le_bytes());
    }
    Digest::of(&bytes)
}
