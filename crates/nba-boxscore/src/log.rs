//! One game as a source tells it: who plays, what happened in which order, and what the source itself counted.

use crate::event::{Event, EventKind, PlayerRef, Rebound, Side};

/// Players one side can have; far more than any roster, it bounds what a broken source can make us hold.
pub const MAX_PLAYERS: usize = 64;

/// A count of the box score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are basketball's own")]
pub enum Stat {
    Pts,
    Fgm,
    Fga,
    Fg3m,
    Fg3a,
    Ftm,
    Fta,
    Oreb,
    Dreb,
    Ast,
    Stl,
    Blk,
    Tov,
    Pf,
}

impl Stat {
    /// All 14, in the order of a box score.
    pub const ALL: [Stat; 14] = [
        Stat::Pts,
        Stat::Fgm,
        Stat::Fga,
        Stat::Fg3m,
        Stat::Fg3a,
        Stat::Ftm,
        Stat::Fta,
        Stat::Oreb,
        Stat::Dreb,
        Stat::Ast,
        Stat::Stl,
        Stat::Blk,
        Stat::Tov,
        Stat::Pf,
    ];

    /// The name of the column that holds it in the platform's tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Stat::Pts => "points",
            Stat::Fgm => "fgm",
            Stat::Fga => "fga",
            Stat::Fg3m => "fg3m",
            Stat::Fg3a => "fg3a",
            Stat::Ftm => "ftm",
            Stat::Fta => "fta",
            Stat::Oreb => "oreb",
            Stat::Dreb => "dreb",
            Stat::Ast => "ast",
            Stat::Stl => "stl",
            Stat::Blk => "blk",
            Stat::Tov => "tov",
            Stat::Pf => "pf",
        }
    }
}

impl std::fmt::Display for Stat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A running figure the source prints with an event: what it has counted for a player when the event is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Index of the event in [`GameLog::events`].
    pub event: u32,
    /// Whose figure.
    pub player: PlayerRef,
    /// Of what.
    pub stat: Stat,
    /// The figure.
    pub value: u16,
}

/// Somebody who was on court when an event happened, though it counts nothing for him: a fouled player, a jumper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention {
    /// Index of the event in [`GameLog::events`].
    pub event: u32,
    /// Who.
    pub player: PlayerRef,
}

/// Where a shot was taken, seen from the middle of the hoop towards the other half: the NBA's own coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShotPlace {
    /// Index of the event in [`GameLog::events`].
    pub event: u32,
    /// Tenths of a foot to the right.
    pub across: i16,
    /// Tenths of a foot away from the end line.
    pub out: i16,
}

/// What an event says about the ball that no count tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ball {
    /// Anybody may have it next: a jump ball.
    Jump,
    /// A free throw by its place among those given together.
    FreeThrow {
        /// Which one, from 1.
        number: u8,
        /// Of how many.
        of: u8,
        /// Whether the shooters keep the ball behind the last of them.
        keeps: bool,
    },
    /// A miss that counts for nobody.
    Heave(Side),
}

/// [`Ball`] of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BallMark {
    /// Index of the event in [`GameLog::events`].
    pub event: u32,
    /// What it says.
    pub ball: Ball,
}

/// Where an event stands in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// Position among the rows the reader was given, from 0.
    pub row: u32,
    /// The source's own number of the event, when it has one.
    pub number: Option<u32>,
}

/// One player of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlayer {
    /// The source's id; none in sources that only have names.
    pub id: Option<u64>,
    /// His name as the source writes it.
    pub name: String,
}

/// One team of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTeam {
    /// The source's id; none in sources that only have names.
    pub id: Option<u64>,
    /// Abbreviation or name as the source writes it.
    pub name: String,
    /// In order of first appearance; [`PlayerRef::slot`] points here.
    pub players: Vec<LogPlayer>,
}

/// Something about the source that a reader had to decide, or could not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in the messages")]
pub enum Note {
    /// The event number was there before.
    #[error("row {row}: event {number} is there already, dropped")]
    Duplicate { row: u32, number: u32 },
    /// The same event number, but another content.
    #[error("row {row}: event {number} is there already with another content")]
    Conflict { row: u32, number: u32 },
    /// The row stands where its clock or its score does not belong.
    #[error("row {row}: moved to where its clock and score belong")]
    Moved { row: u32 },
    /// A kind of row the reader does not know.
    #[error("row {row}: unknown kind of event `{kind}`")]
    UnknownKind { row: u32, kind: String },
    /// Nobody can be credited with the event.
    #[error("row {row}: `{what}` names no player and no team")]
    Nobody { row: u32, what: &'static str },
    /// The kind of a rebound is not stated and had to be taken from the miss before it.
    #[error("row {row}: kind of rebound taken from the last miss")]
    ReboundGuessed { row: u32 },
    /// A try without its text, which alone says what it was worth and whether it went in.
    #[error("row {row}: a try without text")]
    TextMissing { row: u32 },
    /// Nothing says whether a missed shot was worth two points or three.
    #[error("row {row}: two points or three was taken from the distance")]
    ValueGuessed { row: u32 },
    /// The running figures say that an event is missing before this one.
    #[error("row {row}: the printed figures of {player} grow by {printed} in {rows} row(s)")]
    ReboundsMissing {
        row: u32,
        printed: usize,
        rows: usize,
        player: PlayerRef,
    },
    /// Half a substitution: nobody comes, or nobody goes.
    #[error("row {row}: substitution without its other half")]
    SubstitutionIncomplete { row: u32 },
    /// A substitution of somebody who cannot take part in it.
    #[error("row {row}: substitution {entering} for {leaving} does not fit who is on court")]
    SubstitutionUnfit {
        row: u32,
        entering: PlayerRef,
        leaving: PlayerRef,
    },
    /// The source prints no running figures, so some counts have nothing beside their rows.
    #[error(
        "the source prints no figure but the score: assists, steals, blocks and fouls stand on their own rows alone"
    )]
    ScoreOnly,
    /// Rows that do not follow from each other.
    #[error("row {row}: {what}: a row is missing or out of place")]
    OutOfChain { row: u32, what: &'static str },
    /// The last period has no end.
    #[error("row {row}: the source breaks off before the end of period {period}")]
    BreaksOff { row: u32, period: u8 },
    /// A row without its event number: nobody can say whether it is another one once more.
    #[error("row {row}: no event number, by which rows that are there twice are known")]
    Unnumbered { row: u32 },
    /// A row without a number that says what another one of its moment says.
    #[error("row {row}: an equal row stands in the same moment")]
    Repeated { row: u32 },
    /// The name fits more than one player.
    #[error("row {row}: `{name}` may be several players")]
    AmbiguousName { row: u32, name: String },
}

impl Note {
    /// Whether it concerns who was on court, and no count.
    #[must_use]
    pub const fn is_about_court(&self) -> bool {
        matches!(
            self,
            Note::SubstitutionUnfit { .. } | Note::SubstitutionIncomplete { .. }
        )
    }

    /// Whether it leaves time on court and plus/minus in doubt: what concerns the court, and what leaves everything in doubt.
    #[must_use]
    pub const fn unsettles_court(&self) -> bool {
        self.is_about_court() || matches!(self, Note::ScoreOnly | Note::BreaksOff { .. })
    }

    /// Whether the log cannot be called complete because of it.
    #[must_use]
    pub const fn is_doubt(&self) -> bool {
        !matches!(
            self,
            Note::Duplicate { .. } | Note::Moved { .. } | Note::ScoreOnly
        )
    }
}

/// Why a log cannot be made of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named in the messages")]
pub enum LogError {
    /// A clock nobody can read.
    #[error("row {row}: `{text}` is not a game clock")]
    Clock { row: u32, text: String },
    /// A period that no game has.
    #[error("row {row}: {period} is not a period")]
    Period { row: u32, period: i64 },
    /// Two numbers were expected.
    #[error("row {row}: `{text}` is not a score")]
    Score { row: u32, text: String },
    /// A side with more players than any roster has.
    #[error("row {row}: the {side} team has more than {MAX_PLAYERS} players")]
    TooManyPlayers { row: u32, side: Side },
    /// Rows of more than two teams.
    #[error("row {row}: team {team} does not play in this game")]
    ThirdTeam { row: u32, team: u64 },
    /// Rows of more than one game.
    #[error("row {row}: belongs to game `{found}`, not to `{expected}`")]
    OtherGame {
        row: u32,
        found: String,
        expected: String,
    },
    /// More rows than any game has.
    #[error("more than {MAX_ROWS} rows in one game")]
    TooManyRows,
    /// Something that must be there is not.
    #[error("`{what}` is missing")]
    Missing { what: &'static str },
}

impl nba_utils::Hint for LogError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                LogError::Clock { .. } => "clocks read `M:SS`, `SS.s` or `PT11M38.00S`",
                LogError::Period { .. } => "periods count from 1; overtime is 5 and above",
                LogError::Score { .. } => "scores read `visitors - home`",
                LogError::TooManyPlayers { .. } | LogError::TooManyRows => {
                    "check that the rows are those of one game"
                }
                LogError::ThirdTeam { .. } | LogError::OtherGame { .. } => {
                    "split the rows by game first"
                }
                LogError::Missing { .. } => "check the form of the document",
            }
            .to_owned(),
        )
    }
}

/// Rows one game can have; the longest real games have fewer than 1,000.
pub const MAX_ROWS: usize = 20_000;

/// One game as its source tells it, in the order it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GameLog {
    /// The source's id of the game.
    pub id: String,
    /// The season, where the source or the id says it.
    pub season: Option<nba_utils::Season>,
    /// `[home, away]`.
    pub teams: [LogTeam; 2],
    /// What happened; period starts without lineups, which no source states.
    pub events: Vec<Event>,
    /// Where each event stands in the source, one per event.
    pub origins: Vec<Origin>,
    /// Who else was on court, by event.
    pub mentions: Vec<Mention>,
    /// The source's own running figures, by event.
    pub claims: Vec<Claim>,
    /// What events say about the ball, in the order of the events; only readers whose sources print nothing else need it.
    pub marks: Vec<BallMark>,
    /// Where shots were taken, by event; empty where the source does not say.
    pub shots: Vec<ShotPlace>,
    /// What the reader had to decide.
    pub notes: Vec<Note>,
}

impl GameLog {
    /// How many players each side has.
    #[must_use]
    pub fn roster_sizes(&self) -> [u8; 2] {
        [0, 1].map(|side: usize| u8::try_from(self.teams[side].players.len()).unwrap_or(u8::MAX))
    }

    /// The entry of a player.
    #[must_use]
    pub fn player(&self, player: PlayerRef) -> Option<&LogPlayer> {
        self.teams[player.side.index()]
            .players
            .get(usize::from(player.slot))
    }

    /// His name, or his place when he has none.
    #[must_use]
    pub fn name(&self, player: PlayerRef) -> String {
        match self.player(player) {
            Some(entry) if !entry.name.is_empty() => entry.name.clone(),
            Some(LogPlayer { id: Some(id), .. }) => format!("player {id}"),
            _ => player.to_string(),
        }
    }
}

/// Collects the rows of one game. It is what every reader is written on.
#[derive(Debug, Default)]
pub(crate) struct LogBuilder {
    pub(crate) log: GameLog,
    ids: Vec<(u64, PlayerRef)>,
    rebounds: Vec<StatedRebound>,
}

/// A rebound with the split its text prints.
#[derive(Debug, Clone, Copy)]
struct StatedRebound {
    player: PlayerRef,
    offensive: u16,
    defensive: u16,
    event: u32,
}

impl LogBuilder {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            log: GameLog {
                id: id.to_owned(),
                events: Vec::with_capacity(512),
                origins: Vec::with_capacity(512),
                mentions: Vec::with_capacity(128),
                claims: Vec::with_capacity(512),
                ..GameLog::default()
            },
            ids: Vec::with_capacity(32),
            rebounds: Vec::with_capacity(128),
        }
    }

    /// The player with this id, entered when he is new.
    pub(crate) fn by_id(
        &mut self,
        row: u32,
        side: Side,
        id: u64,
        name: &str,
    ) -> Result<PlayerRef, LogError> {
        let known = self
            .ids
            .iter()
            .find(|(known, player)| *known == id && player.side == side);
        if let Some(&(_, player)) = known {
            let players = &mut self.log.teams[side.index()].players;
            // Who was first named by his id alone gets his name when a row has it.
            if !name.is_empty()
                && let Some(entry) = players.get_mut(usize::from(player.slot))
                && entry.name.is_empty()
            {
                name.clone_into(&mut entry.name);
            }
            return Ok(player);
        }
        let player = self.enter(row, side, Some(id), name)?;
        self.ids.push((id, player));
        Ok(player)
    }

    /// The player of a side who has this name and no id, entered when he is new.
    pub(crate) fn by_name(
        &mut self,
        row: u32,
        side: Side,
        name: &str,
    ) -> Result<PlayerRef, LogError> {
        let players = &self.log.teams[side.index()].players;
        let known = (0u8..)
            .zip(players)
            .find(|(_, player)| player.id.is_none() && player.name == name);
        match known {
            Some((slot, _)) => Ok(PlayerRef { side, slot }),
            None => self.enter(row, side, None, name),
        }
    }

    /// A player who is not in the roster yet.
    pub(crate) fn enter(
        &mut self,
        row: u32,
        side: Side,
        id: Option<u64>,
        name: &str,
    ) -> Result<PlayerRef, LogError> {
        let players = &mut self.log.teams[side.index()].players;
        let slot = u8::try_from(players.len())
            .ok()
            .filter(|_| players.len() < MAX_PLAYERS)
            .ok_or(LogError::TooManyPlayers { row, side })?;
        players.push(LogPlayer {
            id,
            name: name.to_owned(),
        });
        Ok(PlayerRef { side, slot })
    }

    /// Adds an event; its index.
    pub(crate) fn push(&mut self, event: Event, origin: Origin) -> Result<u32, LogError> {
        if self.log.events.len() >= MAX_ROWS {
            return Err(LogError::TooManyRows);
        }
        let index = u32::try_from(self.log.events.len()).map_err(|_| LogError::TooManyRows)?;
        self.log.events.push(event);
        self.log.origins.push(origin);
        Ok(index)
    }

    pub(crate) fn claim(&mut self, event: u32, player: PlayerRef, stat: Stat, value: u16) {
        self.log.claims.push(Claim {
            event,
            player,
            stat,
            value,
        });
    }

    pub(crate) fn mention(&mut self, event: u32, player: PlayerRef) {
        self.log.mentions.push(Mention { event, player });
    }

    pub(crate) fn mark(&mut self, event: u32, ball: Ball) {
        self.log.marks.push(BallMark { event, ball });
    }

    /// Where the shot of an event was taken; places outside every court are left out.
    pub(crate) fn shot_place(&mut self, event: u32, place: Option<[i64; 2]>) {
        /// A court is 94 feet long.
        const FARTHEST: u64 = 1_000;
        if let Some(place) = place
            && place.iter().all(|one| one.unsigned_abs() <= FARTHEST)
            && let [Ok(across), Ok(out)] = place.map(i16::try_from)
        {
            self.log.shots.push(ShotPlace { event, across, out });
        }
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.log.notes.push(note);
    }

    /// A rebound whose text prints the player's split after it; its kind is settled by [`LogBuilder::finish`].
    pub(crate) fn stated_rebound(
        &mut self,
        event: u32,
        player: PlayerRef,
        offensive: u16,
        defensive: u16,
    ) {
        self.rebounds.push(StatedRebound {
            player,
            offensive,
            defensive,
            event,
        });
    }

    /// The same, for sources whose events say enough about the ball to tell whether they follow from each other.
    pub(crate) fn finish_in_chain(self) -> GameLog {
        let mut log = self.finish();
        for one in crate::chain::breaks(&log) {
            let row = log.origins.get(one.event).map_or(0, |origin| origin.row);
            let what = one.what;
            log.notes.push(Note::OutOfChain { row, what });
        }
        log
    }

    /// Settles the kinds of rebounds and the order of the events.
    pub(crate) fn finish(mut self) -> GameLog {
        self.settle_rebounds();
        crate::order::settle(&mut self.log);
        self.log
    }

    /// Which kind each rebound is follows from how the printed split grows. Rows can be swapped, so the order of the split
    /// counts, not that of the rows (the last miss is wrong in about one game of a hundred).
    fn settle_rebounds(&mut self) {
        self.rebounds.sort_by_key(|one| {
            (
                one.player,
                one.offensive.saturating_add(one.defensive),
                one.event,
            )
        });
        // Rows that print the same split (both rows the split after the second of them) are settled together.
        let same = |a: &StatedRebound, b: &StatedRebound| {
            a.player == b.player && a.offensive == b.offensive && a.defensive == b.defensive
        };
        let mut last: Option<StatedRebound> = None;
        for rows in self.rebounds.chunk_by(same) {
            let one = rows[0];
            let (offensive, defensive) = match last {
                Some(last) if last.player == one.player => (last.offensive, last.defensive),
                _ => (0, 0),
            };
            let mut more = [
                one.offensive.saturating_sub(offensive),
                one.defensive.saturating_sub(defensive),
            ];
            let steps = usize::from(more[0]) + usize::from(more[1]);
            if steps != rows.len() {
                let index = usize::try_from(one.event).unwrap_or(usize::MAX);
                self.log.notes.push(Note::ReboundsMissing {
                    row: self.log.origins.get(index).map_or(0, |origin| origin.row),
                    printed: steps,
                    rows: rows.len(),
                    player: one.player,
                });
            }
            for row in rows {
                let index = usize::try_from(row.event).unwrap_or(usize::MAX);
                let Some(event) = self.log.events.get_mut(index) else {
                    continue;
                };
                let EventKind::Rebound { which, .. } = &mut event.kind else {
                    continue;
                };
                // What the last miss suggests stays where the split leaves a choice.
                if more == [0, 0] {
                    event.kind = EventKind::Neutral;
                    continue;
                }
                let wanted = usize::from(*which == Rebound::Defensive);
                let given = if more[wanted] > 0 { wanted } else { 1 - wanted };
                more[given] -= 1;
                *which = if given == 0 {
                    Rebound::Offensive
                } else {
                    Rebound::Defensive
                };
                for (stat, value) in [(Stat::Oreb, row.offensive), (Stat::Dreb, row.defensive)] {
                    self.log.claims.push(Claim {
                        event: row.event,
                        player: row.player,
                        stat,
                        value,
                    });
                }
            }
            last = Some(StatedRebound {
                offensive: offensive.max(one.offensive),
                defensive: defensive.max(one.defensive),
                ..one
            });
        }
    }
}
