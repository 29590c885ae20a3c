//! ESPN plays with athlete ids: the site API's summary and hoopR's `play_by_play` have the same ones in other wrappings.
//!
//! People are credited by their id, never by the text. Outcomes come from `scoringPlay` and `scoreValue`, since made and
//! missed free throws share one type (box score dossier 14.3 and 14.4).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::espn_text::{self, Worth};
use super::text;
use crate::event::{Event, EventKind, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side};
use crate::log::{Ball, GameLog, LogBuilder, LogError, Note, Origin};

/// One play, borrowed; absent texts are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Play<'a> {
    /// `sequenceNumber`, for people; it is no order.
    pub number: Option<u32>,
    /// `period.number`.
    pub period: i64,
    /// `clock.displayValue`: `11:42`, and `52.1` in the last minute.
    pub clock: &'a str,
    /// `type.text`; it may hold a line break.
    pub kind: &'a str,
    /// `text`.
    pub text: &'a str,
    /// `team.id`.
    pub team: Option<u64>,
    /// `scoringPlay`.
    pub scoring: bool,
    /// `scoreValue`.
    pub score_value: i64,
    /// `shootingPlay`; the type tells where it is absent.
    pub shooting: Option<bool>,
    /// `pointsAttempted`; the text tells where it is absent.
    pub attempted: Option<i64>,
    /// `homeScore` and `awayScore`.
    pub score: Option<[u16; 2]>,
    /// `coordinate.x` and `coordinate.y`: feet from the left side line and from the hoop.
    pub place: Option<[i64; 2]>,
    /// Ids of the participants, in order: who acts, then who assists, blocks, steals or leaves.
    pub athletes: [Option<u64>; 3],
}

/// The teams of a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teams<'a> {
    /// Ids of `[home, away]`.
    pub ids: [u64; 2],
    /// Their abbreviations.
    pub names: [&'a str; 2],
}

/// What a play type means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shot,
    FreeThrow { technical: bool },
    Rebound(Rebound),
    Turnover,
    PersonalFoul,
    TechnicalFoul,
    Substitution,
    PeriodEnd,
    Nothing,
    Unknown,
}

/// Turnovers whose type does not say `turnover`.
const TURNOVERS: [&str; 10] = [
    "traveling",
    "double dribble",
    "palming",
    "back court",
    "backcourt",
    "disc dribble",
    "discontinue",
    "offensive goaltending",
    "3-second",
    "too many players",
];

const SHOTS: [&str; 6] = ["shot", "layup", "dunk", "hook", "jumper", "finger roll"];

const NOTHING: [&str; 12] = [
    "timeout",
    "challenge",
    "review",
    "jumpball",
    "jump ball",
    "violation",
    "goaltending",
    "kicked ball",
    "delay",
    "ejection",
    "lane",
    "start",
];

fn kind(play: &Play<'_>) -> Kind {
    let kind = play.kind.replace('\n', " ").to_lowercase();
    let has = |part: &str| kind.contains(part);
    if has("substitution") {
        return Kind::Substitution;
    }
    if has("free throw") {
        return Kind::FreeThrow {
            technical: has("technical"),
        };
    }
    if has("rebound") {
        return Kind::Rebound(if has("offensive") {
            Rebound::Offensive
        } else {
            Rebound::Defensive
        });
    }
    if has("no turnover") {
        return Kind::Nothing;
    }
    if has("turnover") {
        return Kind::Turnover;
    }
    if has("technical") || has("flopping") || has("taunting") || has("unsportsmanlike") {
        return Kind::TechnicalFoul;
    }
    if has("illegal defense") {
        return Kind::TechnicalFoul;
    }
    if has("foul") || has("offensive charge") || has("flagrant") {
        return Kind::PersonalFoul;
    }
    if TURNOVERS.iter().any(|part| has(part)) || has("shot clock") {
        return Kind::Turnover;
    }
    if play.shooting == Some(true) || SHOTS.iter().any(|part| has(part)) {
        return Kind::Shot;
    }
    if has("end") && (has("period") || has("game") || has("quarter") || has("half")) {
        return Kind::PeriodEnd;
    }
    if kind.trim().is_empty() {
        // A row without its type is nothing only where its text says so.
        return if espn_text::counts_for_nobody(play.text) {
            Kind::Nothing
        } else {
            Kind::Unknown
        };
    }
    if NOTHING.iter().any(|part| has(part)) {
        return Kind::Nothing;
    }
    Kind::Unknown
}

/// Reads the plays of one game, in the order of the document or of their numeric sequence.
///
/// # Errors
///
/// When a clock or a period cannot be read, or a third team appears.
pub fn read<'a>(
    id: &str,
    teams: Teams<'_>,
    plays: impl IntoIterator<Item = Play<'a>>,
) -> Result<GameLog, LogError> {
    let mut reader = Reader {
        builder: LogBuilder::new(id),
        teams: teams.ids,
        seen: HashMap::with_capacity(512),
        named: Vec::with_capacity(512),
        nameless: Vec::new(),
    };
    for side in Side::BOTH {
        let team = &mut reader.builder.log.teams[side.index()];
        team.id = Some(teams.ids[side.index()]);
        teams.names[side.index()].clone_into(&mut team.name);
    }
    for (row, play) in (0u32..).zip(plays) {
        reader.play(row, &play)?;
    }
    reader.lost_ids();
    Ok(reader.builder.finish_in_chain())
}

struct Reader<'a> {
    builder: LogBuilder,
    teams: [u64; 2],
    /// The event that had a number first, to know repeats.
    seen: HashMap<u32, Event>,
    /// Texts of rows whose first participant has an id.
    named: Vec<&'a str>,
    /// Rows without one whose text begins with a name: a team's, or that of somebody whose id is lost.
    nameless: Vec<(u32, &'static str, &'a str)>,
}

impl<'a> Reader<'a> {
    /// Whose id is lost in one row has it in others.
    fn lost_ids(&mut self) {
        for (row, what, name) in std::mem::take(&mut self.nameless) {
            let begins = |text: &&str| {
                text.strip_prefix(name)
                    .is_some_and(|rest| rest.starts_with(' '))
            };
            if self.named.iter().any(begins) {
                self.builder.note(Note::Nobody { row, what });
            }
        }
    }

    fn play(&mut self, row: u32, play: &Play<'a>) -> Result<(), LogError> {
        let period = text::period(row, play.period)?;
        let clock = text::clock_in(row, period, play.clock)?;
        let side = match play.team {
            Some(team) => Some(self.side(row, team)?),
            None => None,
        };
        let event = |kind, score| Event {
            sequence: 0,
            period,
            clock_tenths: clock,
            score,
            kind,
        };
        let meaning = kind(play);
        let (kind, score) = match side {
            Some(side) => (self.kind(row, play, meaning, side)?, play.score),
            None if meaning == Kind::PeriodEnd => (EventKind::PeriodEnd, play.score),
            None => {
                let is_somebodys = play.athletes.iter().any(Option::is_some);
                match meaning {
                    Kind::Nothing => {}
                    Kind::Unknown if !is_somebodys && !play.kind.trim().is_empty() => {}
                    _ => self.builder.note(Note::Nobody { row, what: "play" }),
                }
                (EventKind::Neutral, None)
            }
        };
        let origin = Origin {
            row,
            number: play.number,
        };
        let event = event(kind, score);
        if self.repeated(row, play.number, event) {
            return Ok(());
        }
        let index = self.builder.push(event, origin)?;
        let ball = match meaning {
            Kind::FreeThrow { .. } => {
                text::free_throw(play.kind).or_else(|| text::free_throw(play.text))
            }
            Kind::Nothing if play.kind.to_ascii_lowercase().contains("jump") => Some(Ball::Jump),
            _ => None,
        };
        if let Some(ball) = ball {
            self.builder.mark(index, ball);
        }
        if matches!(event.kind, EventKind::Shot(_)) {
            let place = play
                .place
                .and_then(|[x, y]| Some([x.checked_sub(25)?.checked_mul(10)?, y.checked_mul(10)?]));
            self.builder.shot_place(index, place);
        }
        Ok(())
    }

    /// Whether the event was there before. What shares its number with another one is counted, and so is what counts without a number: nobody
    /// can say which of them holds.
    fn repeated(&mut self, row: u32, number: Option<u32>, event: Event) -> bool {
        let Some(number) = number else {
            if event.kind != EventKind::Neutral {
                self.builder.note(Note::Unnumbered { row });
            }
            return false;
        };
        match self.seen.entry(number) {
            Entry::Vacant(place) => {
                place.insert(event);
                false
            }
            Entry::Occupied(first) if *first.get() == event => {
                self.builder.note(Note::Duplicate { row, number });
                true
            }
            Entry::Occupied(_) => {
                self.builder.note(Note::Conflict { row, number });
                false
            }
        }
    }

    /// Puts on record what the text of a row has and its participants have not.
    fn complete(&mut self, row: u32, play: &Play<'a>, meaning: Kind) {
        let [one, two, _] = play.athletes.map(|id| id.is_some_and(|id| id > 0));
        if one && !play.text.is_empty() {
            self.named.push(play.text);
        }
        let second = match meaning {
            Kind::Shot if play.scoring => "assist",
            Kind::Shot => "block",
            Kind::Turnover => "steal",
            _ => "",
        };
        let one_lacks = !one && matches!(meaning, Kind::Rebound(_) | Kind::Turnover);
        let two_lacks = !two && !second.is_empty();
        if play.text.trim().is_empty() {
            // Whether somebody had a part in it nothing says.
            if one_lacks || two_lacks {
                self.builder.note(Note::TextMissing { row });
            }
            return;
        }
        if one_lacks && let Some((name, what)) = espn_text::who_acts(play.text) {
            self.nameless.push((row, what, name));
        }
        if two_lacks && espn_text::has_second(play.text) {
            self.builder.note(Note::Nobody { row, what: second });
        }
    }

    fn kind(
        &mut self,
        row: u32,
        play: &Play<'a>,
        meaning: Kind,
        side: Side,
    ) -> Result<EventKind, LogError> {
        let [one, two, _] = play.athletes;
        let first = self.player(row, side, one)?;
        self.complete(row, play, meaning);
        let nobody = |reader: &mut Self, what| {
            reader.builder.note(Note::Nobody { row, what });
            EventKind::Neutral
        };
        Ok(match meaning {
            Kind::Shot => {
                let Some(shooter) = first else {
                    return Ok(nobody(self, "shot"));
                };
                let three = match play.attempted {
                    Some(points) if points > 0 => points == 3,
                    _ if play.scoring => play.score_value == 3,
                    _ => self.missed_three(row, play.text),
                };
                let result = if play.scoring {
                    let assist = self.player(row, side, two)?;
                    ShotResult::Made {
                        assist: assist.map(|player| player.slot),
                    }
                } else {
                    let block = self.player(row, side.other(), two)?;
                    ShotResult::Missed {
                        block: block.map(|player| player.slot),
                    }
                };
                EventKind::Shot(Shot {
                    shooter,
                    value: if three {
                        ShotValue::Three
                    } else {
                        ShotValue::Two
                    },
                    result,
                })
            }
            Kind::FreeThrow { technical } => match first {
                Some(shooter) => EventKind::FreeThrow {
                    shooter,
                    made: play.scoring,
                    technical,
                },
                None => nobody(self, "free throw"),
            },
            Kind::Rebound(which) => EventKind::Rebound {
                side,
                player: first.map(|player| player.slot),
                which,
            },
            Kind::Turnover => {
                let steal = self.player(row, side.other(), two)?;
                EventKind::Turnover {
                    side,
                    player: first.map(|player| player.slot),
                    steal: steal.map(|player| player.slot),
                }
            }
            Kind::PersonalFoul => match first {
                Some(offender) => EventKind::PersonalFoul { offender },
                None => nobody(self, "foul"),
            },
            Kind::TechnicalFoul => EventKind::TechnicalFoul {
                side,
                offender: first.map(|player| player.slot),
            },
            Kind::Substitution => match (first, self.player(row, side, two)?) {
                (Some(entering), Some(leaving)) => EventKind::Substitution {
                    side,
                    enters: entering.slot,
                    leaves: leaving.slot,
                },
                _ => {
                    self.builder.note(Note::SubstitutionIncomplete { row });
                    EventKind::Neutral
                }
            },
            Kind::PeriodEnd => EventKind::PeriodEnd,
            Kind::Nothing => EventKind::Neutral,
            Kind::Unknown => {
                self.builder.note(Note::UnknownKind {
                    row,
                    kind: play.kind.to_owned(),
                });
                EventKind::Neutral
            }
        })
    }

    /// What a miss was worth where no field says it: the text does, now and then by its distance alone.
    fn missed_three(&mut self, row: u32, text: &str) -> bool {
        match espn_text::worth(text) {
            Worth::Two => false,
            Worth::Three => true,
            Worth::Either { likely } => {
                self.builder.note(Note::ValueGuessed { row });
                likely
            }
        }
    }

    fn player(
        &mut self,
        row: u32,
        side: Side,
        id: Option<u64>,
    ) -> Result<Option<PlayerRef>, LogError> {
        match id {
            Some(id) if id > 0 => self.builder.by_id(row, side, id, "").map(Some),
            _ => Ok(None),
        }
    }

    fn side(&self, row: u32, team: u64) -> Result<Side, LogError> {
        if team == self.teams[0] {
            Ok(Side::Home)
        } else if team == self.teams[1] {
            Ok(Side::Away)
        } else {
            Err(LogError::ThirdTeam { row, team })
        }
    }
}
