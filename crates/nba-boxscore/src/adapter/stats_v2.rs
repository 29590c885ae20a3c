//! NBA Stats `playbyplayv2`: 34 columns a row (box score dossier 3.5); data.nba.com's codes are the same.
//!
//! Every rule here was checked against the official boxes of 1,664 real games.

use super::text::{self, Figures};
use crate::event::{Event, EventKind, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side};
use crate::log::{Ball, GameLog, LogBuilder, LogError, Note, Origin, Stat};

/// Ids from here on are teams, not players.
pub const FIRST_TEAM_ID: u64 = 1_610_612_737;

/// One of the three people a row can name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Person<'a> {
    /// `PERSONnTYPE`: 2 and 3 the home and the visiting team, 4 and 5 a player of theirs, 6 and 7 their coach, 0 and 1 nobody.
    pub kind: Option<i64>,
    /// `PLAYERn_ID`; 0 is nobody.
    pub id: Option<i64>,
    /// `PLAYERn_NAME`.
    pub name: &'a str,
    /// `PLAYERn_TEAM_ID`.
    pub team: Option<i64>,
    /// `PLAYERn_TEAM_ABBREVIATION`.
    pub team_name: &'a str,
}

/// One row, borrowed; absent texts are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// `EVENTNUM`.
    pub number: Option<i64>,
    /// `EVENTMSGTYPE`.
    pub kind: i64,
    /// `EVENTMSGACTIONTYPE`.
    pub action: i64,
    /// `PERIOD`.
    pub period: i64,
    /// `PCTIMESTRING`.
    pub clock: &'a str,
    /// `HOMEDESCRIPTION`.
    pub home: &'a str,
    /// `NEUTRALDESCRIPTION`.
    pub neutral: &'a str,
    /// `VISITORDESCRIPTION`.
    pub visitor: &'a str,
    /// `SCORE`, the visitors' first.
    pub score: &'a str,
    /// The people.
    pub people: [Person<'a>; 3],
}

/// Technical and other fouls that are no personal ones: technical, non-unsportsmanlike, hanging, double technical, defensive
/// three seconds, delay, taunting, excess time-out, too many players, flopping. 32 and 33 came in 2023-24.
pub(crate) const NO_PERSONAL_FOUL: [i64; 11] = [11, 12, 13, 16, 17, 18, 19, 25, 30, 32, 33];
const DOUBLE_PERSONAL: i64 = 10;
const DOUBLE_TECHNICAL: i64 = 16;

/// Free throws of a technical foul: one, and the first and second of two.
const TECHNICAL_FREE_THROW: [i64; 3] = [16, 21, 22];

/// Reads the rows of one game, in the order of their file.
///
/// Rows whose number was there before are dropped. The score is read where it is printed and checked by whoever counts.
///
/// # Errors
///
/// When a clock, a period or a score cannot be read, or the rows are those of no single game.
pub fn read<'a>(id: &str, rows: impl IntoIterator<Item = Row<'a>>) -> Result<GameLog, LogError> {
    let mut reader = Reader::new(id);
    for row in rows {
        reader.row(&row)?;
    }
    Ok(reader.finish())
}

/// Takes the rows of one game one by one, for callers that do not have them all at once.
#[derive(Debug)]
pub struct Reader {
    builder: LogBuilder,
    /// By event number, a digest of the row that had it first.
    seen: Vec<Option<u64>>,
    last_miss: Option<Side>,
    /// The score printed last, `[home, away]`.
    printed: [u16; 2],
    rows: u32,
    /// Whether the printed fouls are the personal ones.
    personal_fouls_printed: bool,
    /// Whether a person without an id is the player of this name.
    names_count: bool,
}

/// A person with his side, when he is a player.
#[derive(Clone, Copy)]
enum Who {
    Player(PlayerRef),
    Team(Side),
    Nobody,
}

impl Reader {
    /// A reader for the game with this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            builder: LogBuilder::new(id),
            seen: Vec::with_capacity(1_024),
            last_miss: None,
            printed: [0; 2],
            rows: 0,
            personal_fouls_printed: true,
            names_count: false,
        }
    }

    /// A reader for a feed whose printed fouls contain technical ones.
    pub(crate) fn without_foul_figures(id: &str) -> Self {
        Self {
            personal_fouls_printed: false,
            ..Self::new(id)
        }
    }

    /// A reader for a feed that names the second person of a row in its text alone.
    pub(crate) fn with_names(id: &str) -> Self {
        Self {
            names_count: true,
            ..Self::new(id)
        }
    }

    /// Puts on record what a caller had to decide.
    pub(crate) fn note(&mut self, note: Note) {
        self.builder.note(note);
    }

    /// Number of events so far.
    pub(crate) fn events(&self) -> usize {
        self.builder.log.events.len()
    }

    /// Says of the last event what it does with the ball.
    pub(crate) fn mark_last(&mut self, ball: Ball) {
        if let Some(Ok(last)) = self.events().checked_sub(1).map(u32::try_from) {
            self.builder.mark(last, ball);
        }
    }

    /// The log of all rows so far.
    #[must_use]
    pub fn finish(self) -> GameLog {
        // data.nba.com, which is never corrected, lacks rows in a third of its games.
        if self.personal_fouls_printed {
            self.builder.finish_in_chain()
        } else {
            self.builder.finish()
        }
    }

    /// Takes the next row.
    ///
    /// # Errors
    ///
    /// When a clock, a period or a score cannot be read, or a third team appears.
    pub fn row(&mut self, row: &Row<'_>) -> Result<(), LogError> {
        self.row_at(self.rows, row, None)
    }

    /// Takes a row that stands at `index` of its source, with the place of its shot.
    pub(crate) fn row_at(
        &mut self,
        index: u32,
        row: &Row<'_>,
        place_of_shot: Option<[i64; 2]>,
    ) -> Result<(), LogError> {
        self.rows = index.saturating_add(1);
        let number = row.number.and_then(|number| u32::try_from(number).ok());
        match number {
            Some(number) if self.repeated(index, number, row) => return Ok(()),
            Some(_) => {}
            None => self.builder.note(Note::Unnumbered { row: index }),
        }
        let period = text::period(index, row.period)?;
        let clock = text::clock_in(index, period, row.clock)?;
        // A review prints the score of when it was entered.
        let score = if row.kind == 18 {
            None
        } else {
            score(index, row.score)?
        };
        let mut figures = Figures::default();
        figures.read(row.home);
        figures.read(row.visitor);
        let [one, two, three] = [0, 1, 2].map(|place: usize| &row.people[place]);
        let (one, two, three) = (
            self.who(index, one)?,
            self.who(index, two)?,
            self.who(index, three)?,
        );
        let origin = Origin { row: index, number };
        let event = |kind| Event {
            sequence: 0,
            period,
            clock_tenths: clock,
            score,
            kind,
        };
        let gain = score.map(|score| {
            let before = std::mem::replace(&mut self.printed, score);
            [0, 1].map(|side: usize| score[side].saturating_sub(before[side]))
        });
        self.figures_of_nobody(index, row, &figures, [one, two, three]);
        let kind = self.kind(index, row, &figures, [one, two, three], gain);
        let place = self.builder.push(event(kind), origin)?;
        if let Some(ball) = ball(row) {
            self.builder.mark(place, ball);
        }
        if matches!(kind, EventKind::Shot(_)) {
            self.builder.shot_place(place, place_of_shot);
        }
        if row.kind == 6
            && row.action == DOUBLE_PERSONAL
            && let Who::Player(offender) = two
        {
            let kind = EventKind::PersonalFoul { offender };
            self.builder.push(event(kind), origin)?;
        }
        self.figures(place, row, &figures, one, two, three);
        Ok(())
    }

    fn kind(
        &mut self,
        index: u32,
        row: &Row<'_>,
        figures: &Figures,
        [one, two, three]: [Who; 3],
        gain: Option<[u16; 2]>,
    ) -> EventKind {
        let slot = |who: Who| match who {
            Who::Player(player) => Some(player.slot),
            _ => None,
        };
        let nobody = |what| Note::Nobody { row: index, what };
        // The text of a block stands beside that of the miss, and does not replace it.
        let says = |text: &str| !text.is_empty() && !text.contains(" BLOCK (");
        let textless = !says(row.home) && !says(row.visitor);
        if matches!(row.kind, 1..=3) && textless {
            // Two or three points, made or missed: the text says it, and what the score gains is all there is without one.
            self.builder.note(Note::TextMissing { row: index });
        }
        let gained = |side: Side| {
            gain.filter(|_| textless)
                .map_or(0, |gain| gain[side.index()])
        };
        match row.kind {
            1 | 2 => {
                let Who::Player(shooter) = one else {
                    self.builder.note(nobody("shot"));
                    return EventKind::Neutral;
                };
                let three_points = [row.home, row.visitor]
                    .iter()
                    .any(|text| text.contains("3PT") || text.contains("3pt"))
                    || gained(shooter.side) == 3;
                let same = |who: Who, side: Side| match who {
                    Who::Player(player) if player.side == side => Some(player.slot),
                    _ => None,
                };
                let result = if row.kind == 1 {
                    ShotResult::Made {
                        assist: same(two, shooter.side),
                    }
                } else {
                    self.last_miss = Some(shooter.side);
                    ShotResult::Missed {
                        block: same(three, shooter.side.other()),
                    }
                };
                EventKind::Shot(Shot {
                    shooter,
                    value: if three_points {
                        ShotValue::Three
                    } else {
                        ShotValue::Two
                    },
                    result,
                })
            }
            3 => {
                let Who::Player(shooter) = one else {
                    self.builder.note(nobody("free throw"));
                    return EventKind::Neutral;
                };
                // A text without `MISS` and without points is a try that a violation cancelled: it counts as tried.
                let made = figures.points.is_some() || gained(shooter.side) == 1;
                if !made {
                    self.last_miss = Some(shooter.side);
                }
                EventKind::FreeThrow {
                    shooter,
                    made,
                    technical: TECHNICAL_FREE_THROW.contains(&row.action),
                }
            }
            4 => {
                let (side, player) = match one {
                    Who::Player(player) => (player.side, Some(player.slot)),
                    Who::Team(side) => (side, None),
                    // A rebound of nobody belongs to nobody.
                    Who::Nobody => return EventKind::Neutral,
                };
                let which = match self.last_miss {
                    Some(shooting) if shooting == side => Rebound::Offensive,
                    _ => Rebound::Defensive,
                };
                if player.is_some() && figures.rebounds.is_none() {
                    self.builder.note(Note::ReboundGuessed { row: index });
                }
                EventKind::Rebound {
                    side,
                    player,
                    which,
                }
            }
            5 => {
                let (side, player) = match one {
                    Who::Player(player) => (player.side, Some(player.slot)),
                    Who::Team(side) => (side, None),
                    Who::Nobody => {
                        self.builder.note(nobody("turnover"));
                        return EventKind::Neutral;
                    }
                };
                let steal = match two {
                    Who::Player(thief) if thief.side != side => Some(thief.slot),
                    _ => None,
                };
                EventKind::Turnover {
                    side,
                    player,
                    steal,
                }
            }
            6 if NO_PERSONAL_FOUL.contains(&row.action) => {
                let side = match one {
                    Who::Player(player) => player.side,
                    Who::Team(side) => side,
                    Who::Nobody => match coach_side(&row.people[0]) {
                        Some(side) => side,
                        None => return EventKind::Neutral,
                    },
                };
                EventKind::TechnicalFoul {
                    side,
                    offender: slot(one),
                }
            }
            6 => match one {
                Who::Player(offender) => {
                    let says_none = |text: &str| text.contains("No Foul");
                    if row.action == 0 && !says_none(row.home) && !says_none(row.visitor) {
                        // One of the six, or a technical one: nothing says it.
                        self.builder.note(Note::UnknownKind {
                            row: index,
                            kind: "foul".to_owned(),
                        });
                    }
                    EventKind::PersonalFoul { offender }
                }
                _ => {
                    self.builder.note(nobody("foul"));
                    EventKind::Neutral
                }
            },
            8 => match (one, two) {
                (Who::Player(leaving), Who::Player(entering)) if leaving.side == entering.side => {
                    EventKind::Substitution {
                        side: leaving.side,
                        enters: entering.slot,
                        leaves: leaving.slot,
                    }
                }
                _ => {
                    self.builder
                        .note(Note::SubstitutionIncomplete { row: index });
                    EventKind::Neutral
                }
            },
            12 => EventKind::PeriodStart { lineups: [None; 2] },
            13 => EventKind::PeriodEnd,
            7 | 9 | 10 | 11 | 18 | 20 | 21 => EventKind::Neutral,
            other => {
                self.builder.note(Note::UnknownKind {
                    row: index,
                    kind: other.to_string(),
                });
                EventKind::Neutral
            }
        }
    }

    /// Puts on record figures of somebody whom the row does not name.
    fn figures_of_nobody(&mut self, index: u32, row: &Row<'_>, figures: &Figures, who: [Who; 3]) {
        let [one, two, three] = who.map(|who| matches!(who, Who::Player(_)));
        let lacks = match row.kind {
            1 => (figures.assists.is_some() && !two).then_some("assist"),
            2 => (figures.blocks.is_some() && !three).then_some("block"),
            4 => (figures.rebounds.is_some() && !one).then_some("rebound"),
            5 if figures.steals.is_some() && !two => Some("steal"),
            5 => (figures.personal.is_some() && !one).then_some("turnover"),
            _ => None,
        };
        if let Some(what) = lacks {
            self.builder.note(Note::Nobody { row: index, what });
        }
    }

    /// Running figures, and who else was on court.
    fn figures(
        &mut self,
        event: u32,
        row: &Row<'_>,
        figures: &Figures,
        one: Who,
        two: Who,
        three: Who,
    ) {
        let mut claim = |who: Who, stat, value: Option<u16>| {
            if let (Who::Player(player), Some(value)) = (who, value) {
                self.builder.claim(event, player, stat, value);
            }
        };
        match row.kind {
            1 => {
                claim(one, Stat::Pts, figures.points);
                claim(two, Stat::Ast, figures.assists);
            }
            2 => claim(three, Stat::Blk, figures.blocks),
            3 => claim(one, Stat::Pts, figures.points),
            4 => {
                if let (Who::Player(player), Some((offensive, defensive))) = (one, figures.rebounds)
                {
                    self.builder
                        .stated_rebound(event, player, offensive, defensive);
                }
            }
            5 => {
                claim(one, Stat::Tov, figures.personal);
                claim(two, Stat::Stl, figures.steals);
            }
            6 => {
                if self.personal_fouls_printed
                    && row.action != DOUBLE_PERSONAL
                    && row.action != DOUBLE_TECHNICAL
                {
                    claim(one, Stat::Pf, figures.personal);
                }
                // Whoever was fouled was on court; the partner of a double technical foul may sit on the bench.
                if let Who::Player(fouled) = two
                    && !NO_PERSONAL_FOUL.contains(&row.action)
                {
                    self.builder.mention(event, fouled);
                }
            }
            7 | 10 => {
                for who in [one, two, three] {
                    if let Who::Player(player) = who {
                        self.builder.mention(event, player);
                    }
                }
            }
            _ => {}
        }
    }

    fn who(&mut self, row: u32, person: &Person<'_>) -> Result<Who, LogError> {
        let Some(id) = person
            .id
            .and_then(|id| u64::try_from(id).ok())
            .filter(|id| *id > 0)
        else {
            let side = match person.kind {
                Some(4) => Side::Home,
                Some(5) => Side::Away,
                _ => return Ok(Who::Nobody),
            };
            if !self.names_count || person.name.is_empty() {
                return Ok(Who::Nobody);
            }
            return self
                .builder
                .by_name(row, side, person.name)
                .map(Who::Player);
        };
        if id >= FIRST_TEAM_ID {
            // The kind of a team is wrong now and then; its id is not.
            let side = self.side_of(id).or(match person.kind {
                Some(2) => Some(Side::Home),
                Some(3) => Some(Side::Away),
                _ => None,
            });
            return Ok(side.map_or(Who::Nobody, Who::Team));
        }
        let side = match person.kind {
            Some(4) => Side::Home,
            Some(5) => Side::Away,
            // A team that is not named further.
            Some(2) => return Ok(Who::Team(Side::Home)),
            Some(3) => return Ok(Who::Team(Side::Away)),
            _ => return Ok(Who::Nobody),
        };
        if let Some(team) = person.team.and_then(|team| u64::try_from(team).ok()) {
            self.team(row, side, team, person.team_name)?;
        }
        self.builder
            .by_id(row, side, id, person.name)
            .map(Who::Player)
    }

    fn team(&mut self, row: u32, side: Side, id: u64, name: &str) -> Result<(), LogError> {
        let team = &mut self.builder.log.teams[side.index()];
        match team.id {
            Some(known) if known == id => {}
            Some(_) => return Err(LogError::ThirdTeam { row, team: id }),
            None => team.id = Some(id),
        }
        if team.name.is_empty() && !name.is_empty() {
            name.clone_into(&mut team.name);
        }
        Ok(())
    }

    fn side_of(&self, team: u64) -> Option<Side> {
        Side::BOTH
            .into_iter()
            .find(|side| self.builder.log.teams[side.index()].id == Some(team))
    }

    /// Whether the number was there before; a second row with another content is put on record.
    fn repeated(&mut self, index: u32, number: u32, row: &Row<'_>) -> bool {
        let Ok(place) = usize::try_from(number) else {
            return false;
        };
        // Numbers are small; one that is not is taken for what it is, a row of its own.
        if place >= crate::log::MAX_ROWS {
            return false;
        }
        if place >= self.seen.len() {
            self.seen.resize(place + 1, None);
        }
        let digest = digest(row);
        match self.seen[place] {
            None => {
                self.seen[place] = Some(digest);
                false
            }
            Some(first) => {
                self.builder.note(if first == digest {
                    Note::Duplicate { row: index, number }
                } else {
                    Note::Conflict { row: index, number }
                });
                true
            }
        }
    }
}

/// What a row says about the ball beside its event.
fn ball(row: &Row<'_>) -> Option<Ball> {
    let free_throw = |number, of, keeps| Some(Ball::FreeThrow { number, of, keeps });
    match (row.kind, row.action) {
        (3, 10) => free_throw(1, 1, false),
        (3, 11) => free_throw(1, 2, false),
        (3, 12) => free_throw(2, 2, false),
        (3, 13) => free_throw(1, 3, false),
        (3, 14) => free_throw(2, 3, false),
        (3, 15) => free_throw(3, 3, false),
        (3, 18 | 25) => free_throw(1, 2, true),
        (3, 19 | 26) => free_throw(2, 2, true),
        (3, 20) => free_throw(1, 1, true),
        (3, 27) => free_throw(1, 3, true),
        (3, 28) => free_throw(2, 3, true),
        (3, 29) => free_throw(3, 3, true),
        (10, _) => Some(Ball::Jump),
        _ => None,
    }
}

/// Tells rows apart that share a number.
fn digest(row: &Row<'_>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    let mut mix = |value: u64| hash = (hash ^ value).wrapping_mul(0x0100_0000_01b3);
    for value in [row.kind, row.action, row.period] {
        mix(value.unsigned_abs());
    }
    for text in [row.clock, row.home, row.visitor] {
        mix(u64::try_from(text.len()).unwrap_or(u64::MAX));
        mix(text.bytes().next_back().map_or(0, u64::from));
    }
    for person in &row.people {
        mix(person.id.map_or(0, i64::unsigned_abs));
    }
    hash
}

fn coach_side(person: &Person<'_>) -> Option<Side> {
    match person.kind {
        Some(2 | 4 | 6) => Some(Side::Home),
        Some(3 | 5 | 7) => Some(Side::Away),
        _ => None,
    }
}

/// `visitors - home`.
fn score(row: u32, text: &str) -> Result<Option<[u16; 2]>, LogError> {
    if text.is_empty() {
        return Ok(None);
    }
    let parts = text.split_once('-');
    parts
        .and_then(|(away, home)| text::count(home.trim()).zip(text::count(away.trim())))
        .map(|(home, away)| Some([home, away]))
        .ok_or_else(|| LogError::Score {
            row,
            text: text.to_owned(),
        })
}
