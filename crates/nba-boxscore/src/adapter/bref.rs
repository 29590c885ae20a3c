//! Basketball-Reference play-by-play: text alone, an initial and a surname for everybody.
//!
//! Two players of one team can share such a name. Nothing in a row tells them apart, so a name that comes in while it is on court, goes
//! while it is not, or acts from the bench is put on record.
//!
//! The texts print no figure but the score. What confirms the other counts is that the rows follow from each other: a lost miss, rebound
//! or turnover leaves somebody with a ball he did not get. That tells the two of 40 real games in which a turnover of the official box has
//! no row. Assists, steals, blocks and fouls without free throws have nothing beside their own row. Time on court is never proven: of 848
//! players 152 have an official time that differs by more than a second from that of their substitutions.

use super::text;
use crate::event::{Event, EventKind, PlayerRef, Rebound, Shot, ShotResult, ShotValue, Side};
use crate::log::{Ball, GameLog, LogBuilder, LogError, MAX_PLAYERS, Note, Origin};

/// One row, borrowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// 1–4, 5 and above are overtime; rows do not say it, the headings between them do.
    pub period: i64,
    /// First column, such as `11:45.0`.
    pub clock: &'a str,
    /// What happened.
    pub text: &'a str,
    /// Whose column it stands in; none when it spans both. A foul stands in that of the team it was committed against, unless it is an
    /// offensive, a loose-ball or a technical one.
    pub column: Option<Side>,
    /// `[home, away]`; the page prints the visitors first.
    pub score: Option<[u16; 2]>,
}

/// What a row says, with the names in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said<'a> {
    Shot {
        shooter: &'a str,
        value: ShotValue,
        made: bool,
        /// Who assisted or blocked.
        other: Option<&'a str>,
    },
    FreeThrow {
        shooter: &'a str,
        made: bool,
        technical: bool,
    },
    Rebound {
        player: Option<&'a str>,
        which: Rebound,
    },
    Turnover {
        player: Option<&'a str>,
        steal: Option<&'a str>,
    },
    Foul {
        player: Option<&'a str>,
        second: Option<&'a str>,
        drawn: Option<&'a str>,
        /// It stands in the column of the team that committed it.
        own: bool,
    },
    Technical {
        player: Option<&'a str>,
    },
    Substitution {
        enters: &'a str,
        leaves: &'a str,
    },
    /// A try from afar that counts for the team, and who blocked it.
    Heave {
        block: Option<&'a str>,
    },
    PeriodStart,
    PeriodEnd,
    Nothing,
    Unknown,
}

/// A name, unless it is empty or the team's.
fn named(name: &str) -> Option<&str> {
    let name = name.trim();
    (!name.is_empty() && name != "Team").then_some(name)
}

/// The name behind a word inside the brackets: `assist by X`, also the second of `bad pass; steal by X`.
fn behind<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text::brackets(text)
        .flat_map(|inside| inside.split(';'))
        .find_map(|part| part.trim().strip_prefix(word))
        .and_then(named)
}

/// What stands before the first bracket.
fn plain(text: &str) -> &str {
    text.split('(').next().unwrap_or(text).trim()
}

fn read_text(text: &str) -> Said<'_> {
    let text = text.trim();
    if text.is_empty() {
        return Said::Nothing;
    }
    for (word, made) in [("makes ", true), ("misses ", false)] {
        let Some((shooter, rest)) = text
            .strip_prefix(word)
            .map(|rest| ("", rest))
            .or_else(|| text.split_once(&format!(" {word}")))
        else {
            continue;
        };
        let other = behind(rest, if made { "assist by " } else { "block by " });
        if rest.starts_with("heave") {
            return Said::Heave { block: other };
        }
        if rest.contains("free throw") {
            return Said::FreeThrow {
                shooter: shooter.trim(),
                made,
                technical: rest.contains("technical"),
            };
        }
        let value = match rest {
            _ if rest.starts_with("2-pt") => ShotValue::Two,
            _ if rest.starts_with("3-pt") => ShotValue::Three,
            _ => return Said::Unknown,
        };
        return Said::Shot {
            shooter: shooter.trim(),
            value,
            made,
            other,
        };
    }
    if let Some((enters, leaves)) = text.split_once(" enters the game for ") {
        return Said::Substitution {
            enters: enters.trim(),
            leaves: leaves.trim(),
        };
    }
    for (words, which) in [
        ("Offensive rebound by ", Rebound::Offensive),
        ("Defensive rebound by ", Rebound::Defensive),
    ] {
        if let Some(player) = text.strip_prefix(words) {
            return Said::Rebound {
                player: named(player),
                which,
            };
        }
    }
    if let Some(player) = text.strip_prefix("Turnover by") {
        return Said::Turnover {
            player: named(plain(player)),
            steal: behind(text, "steal by "),
        };
    }
    foul_or_nothing(text)
}

fn foul_or_nothing(text: &str) -> Said<'_> {
    const TECHNICAL: [&str; 7] = [
        "technical",
        "tech foul",
        "three seconds",
        "taunting",
        "flopping",
        "delay",
        "hanging",
    ];
    const NOTHING: [&str; 8] = [
        "timeout",
        "instant replay",
        "violation",
        "ejected",
        "jump ball",
        "review",
        "challenge",
        "rescinded",
    ];
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("start of") {
        return Said::PeriodStart;
    }
    if lower.starts_with("end of") {
        return Said::PeriodEnd;
    }
    if NOTHING.iter().any(|word| lower.contains(word)) {
        return Said::Nothing;
    }
    let head = plain(text);
    let (what, who) = match head.split_once(" by ") {
        Some((what, who)) => (what.to_ascii_lowercase(), who),
        None => (head.to_ascii_lowercase(), ""),
    };
    if TECHNICAL.iter().any(|word| what.contains(word)) {
        return Said::Technical { player: named(who) };
    }
    if !what.contains("foul") {
        return Said::Unknown;
    }
    let (player, second) = match who.split_once(" and ") {
        Some((player, second)) => (player, named(second)),
        None => (who, None),
    };
    Said::Foul {
        player: named(player),
        second,
        drawn: behind(text, "drawn by "),
        own: ["offensive", "loose ball", "double"]
            .iter()
            .any(|word| what.contains(word)),
    }
}

/// Reads the rows of one game, in the order of the page; `teams` are the names in its heading, `[home, away]`.
///
/// # Errors
///
/// When a clock or a period cannot be read.
pub fn read(id: &str, teams: [&str; 2], rows: &[Row<'_>]) -> Result<GameLog, LogError> {
    let mut reader = Reader {
        builder: LogBuilder::new(id),
        names: Vec::with_capacity(32),
    };
    for (team, name) in reader.builder.log.teams.iter_mut().zip(teams) {
        name.clone_into(&mut team.name);
    }
    // Whose side a name is on is told by everything but fouls.
    for (index, row) in (0u32..).zip(rows) {
        reader.learn(index, row)?;
    }
    for (place, row) in rows.iter().enumerate() {
        let index = u32::try_from(place).map_err(|_| LogError::TooManyRows)?;
        if let Some(adjacent) = repeat(rows, place) {
            reader.builder.note(Note::Repeated { row: index });
            if adjacent {
                continue;
            }
        }
        if row.text.trim().is_empty() {
            reader.builder.note(Note::TextMissing { row: index });
        }
        reader.row(index, row, teams)?;
    }
    reader.end_of_game()?;
    let mut log = reader.builder.finish_in_chain();
    shared_names(&mut log);
    log.notes.push(Note::ScoreOnly);
    Ok(log)
}

/// Whether a row stands in its moment already, and right before: rows have no number, so nothing else tells a row that is there twice.
///
/// A player who rebounds his own misses at the rim has equal rows in one moment, with a row of the other kind between them.
fn repeat(rows: &[Row<'_>], place: usize) -> Option<bool> {
    let row = &rows[place];
    let said = read_text(row.text);
    let team_only = matches!(
        said,
        Said::Nothing | Said::Unknown | Said::Rebound { player: None, .. } | Said::Technical { .. }
    );
    for (between, before) in rows[..place].iter().rev().enumerate() {
        if (before.period, before.clock) != (row.period, row.clock) {
            return None;
        }
        let scores_fit = before.score == row.score || before.score.is_none() || row.score.is_none();
        if scores_fit && (before.text, before.column) == (row.text, row.column) {
            return match between {
                0 if !matches!(said, Said::Nothing | Said::Unknown) => Some(true),
                1.. if !team_only && !alternates(said, &rows[place - between..place]) => {
                    Some(false)
                }
                _ => None,
            };
        }
    }
    None
}

/// What a row says about the ball beside its event.
fn ball(row: &Row<'_>, said: Said<'_>, kind: EventKind) -> Option<Ball> {
    match said {
        Said::FreeThrow { .. } => text::free_throw(row.text),
        Said::Heave { block: None } => row.column.map(Ball::Heave),
        Said::Nothing if row.text.to_ascii_lowercase().contains("jump ball") => Some(Ball::Jump),
        // Nobody knows what it was, or whose; that is on record, and what follows is judged on its own.
        Said::Unknown | Said::Heave { .. } => Some(Ball::Jump),
        Said::Shot { .. } | Said::Rebound { .. } | Said::Turnover { .. }
            if kind == EventKind::Neutral =>
        {
            Some(Ball::Jump)
        }
        _ => None,
    }
}

/// Whether two equal rows can both be true because of what stands between them.
fn alternates(said: Said<'_>, between: &[Row<'_>]) -> bool {
    between.iter().any(|row| match (said, read_text(row.text)) {
        (
            Said::Rebound { .. },
            Said::Shot { made: false, .. } | Said::FreeThrow { made: false, .. },
        )
        | (Said::Shot { made: false, .. }, Said::Rebound { .. }) => true,
        // He comes back in the same moment.
        (Said::Substitution { leaves, .. }, Said::Substitution { enters, .. }) => leaves == enters,
        _ => false,
    })
}

struct Reader<'a> {
    builder: LogBuilder,
    names: Vec<(Side, &'a str, PlayerRef)>,
}

impl<'a> Reader<'a> {
    fn learn(&mut self, index: u32, row: &Row<'a>) -> Result<(), LogError> {
        let Some(side) = row.column else {
            return Ok(());
        };
        let (own, other) = match read_text(row.text) {
            Said::Shot {
                shooter,
                made,
                other,
                ..
            } => {
                let (helper, blocker) = if made { (other, None) } else { (None, other) };
                ([named(shooter), helper], blocker)
            }
            Said::FreeThrow { shooter, .. } => ([named(shooter), None], None),
            Said::Rebound { player, .. } => ([player, None], None),
            Said::Turnover { player, steal } => ([player, None], steal),
            Said::Substitution { enters, leaves } => ([named(enters), named(leaves)], None),
            _ => ([None; 2], None),
        };
        for name in own.into_iter().flatten() {
            self.player(index, side, name)?;
        }
        if let Some(name) = other {
            self.player(index, side.other(), name)?;
        }
        Ok(())
    }

    /// The page does not say that the game is over. Where the last row of the fourth or a later period stands within a shot clock of its
    /// end, and one side leads, nothing else can have happened but that time ran out.
    fn end_of_game(&mut self) -> Result<(), LogError> {
        const SHOT_CLOCK: u16 = 240;
        let events = &self.builder.log.events;
        let last = events.iter().map(|event| event.period).max().unwrap_or(0);
        let own = || events.iter().filter(|event| event.period == last);
        let left = own().map(|event| event.clock_tenths).min();
        let ended = own().any(|event| event.kind == EventKind::PeriodEnd);
        let score = events.iter().rev().find_map(|event| event.score);
        let leads = score.is_some_and(|[home, away]| home != away);
        if last < 4 || ended || !leads || left.is_none_or(|left| left > SHOT_CLOCK) {
            return Ok(());
        }
        let origin = self.builder.log.origins.last().copied().unwrap_or_default();
        let end = Event::new(0, last, 0, EventKind::PeriodEnd);
        self.builder.push(end, origin).map(|_| ())
    }

    fn row(&mut self, index: u32, row: &Row<'a>, teams: [&str; 2]) -> Result<(), LogError> {
        let period = text::period(index, row.period)?;
        let clock = text::clock_in(index, period, row.clock)?;
        let said = match read_text(row.text) {
            // A timeout that names the team alone.
            Said::Unknown if teams.contains(&row.text.trim()) => Said::Nothing,
            said => said,
        };
        let mut mention = None;
        let mut second = None;
        let kind = match (row.column, said) {
            (_, Said::PeriodStart) => EventKind::PeriodStart { lineups: [None; 2] },
            (_, Said::PeriodEnd) => EventKind::PeriodEnd,
            (_, Said::Nothing) => EventKind::Neutral,
            (_, Said::Unknown) => {
                self.builder.note(Note::UnknownKind {
                    row: index,
                    kind: row.text.to_owned(),
                });
                EventKind::Neutral
            }
            (Some(side), said) => self.kind(index, side, said, &mut mention, &mut second)?,
            (None, _) => self.nobody(index, "play"),
        };
        let event = |kind| Event {
            sequence: 0,
            period,
            clock_tenths: clock,
            // Rows that count for nobody print whatever score was there when they were written.
            score: row.score.filter(|_| kind != EventKind::Neutral),
            kind,
        };
        let origin = Origin {
            row: index,
            number: None,
        };
        let place = self.builder.push(event(kind), origin)?;
        if let Some(ball) = ball(row, said, kind) {
            self.builder.mark(place, ball);
        }
        if let Some(player) = mention {
            self.builder.mention(place, player);
        }
        if let Some(offender) = second {
            self.builder
                .push(event(EventKind::PersonalFoul { offender }), origin)?;
        }
        Ok(())
    }

    fn kind(
        &mut self,
        index: u32,
        side: Side,
        said: Said<'a>,
        mention: &mut Option<PlayerRef>,
        second_foul: &mut Option<PlayerRef>,
    ) -> Result<EventKind, LogError> {
        Ok(match said {
            Said::Shot {
                shooter,
                value,
                made,
                other,
            } => {
                let Some(shooter) = named(shooter) else {
                    return Ok(self.nobody(index, "shot"));
                };
                let shooter = self.player(index, side, shooter)?;
                let result = if made {
                    ShotResult::Made {
                        assist: self.slot(index, side, other)?,
                    }
                } else {
                    ShotResult::Missed {
                        block: self.slot(index, side.other(), other)?,
                    }
                };
                EventKind::Shot(Shot {
                    shooter,
                    value,
                    result,
                })
            }
            Said::FreeThrow {
                shooter,
                made,
                technical,
            } => match named(shooter) {
                Some(shooter) => EventKind::FreeThrow {
                    shooter: self.player(index, side, shooter)?,
                    made,
                    technical,
                },
                None => self.nobody(index, "free throw"),
            },
            Said::Rebound { player, which } => EventKind::Rebound {
                side,
                player: self.slot(index, side, player)?,
                which,
            },
            Said::Turnover { player, steal } => EventKind::Turnover {
                side,
                player: self.slot(index, side, player)?,
                steal: self.slot(index, side.other(), steal)?,
            },
            Said::Foul {
                player,
                second,
                drawn,
                own,
            } => {
                let Some(name) = player else {
                    return Ok(self.nobody(index, "foul"));
                };
                let side = self.side_of(name, if own { side } else { side.other() });
                let offender = self.player(index, side, name)?;
                if let Some(name) = drawn {
                    *mention = Some(self.player(index, side.other(), name)?);
                }
                if let Some(name) = second {
                    let other = self.side_of(name, side.other());
                    *second_foul = Some(self.player(index, other, name)?);
                }
                EventKind::PersonalFoul { offender }
            }
            Said::Technical { player } => EventKind::TechnicalFoul {
                side: player.map_or(side, |name| self.side_of(name, side)),
                // It may be a coach's.
                offender: None,
            },
            Said::Substitution { enters, leaves } => match (named(enters), named(leaves)) {
                (Some(enters), Some(leaves)) => {
                    let enters = self.player(index, side, enters)?;
                    let leaves = self.player(index, side, leaves)?;
                    if enters == leaves {
                        let name = self.builder.log.name(enters);
                        self.builder.note(Note::AmbiguousName { row: index, name });
                        return Ok(EventKind::Neutral);
                    }
                    EventKind::Substitution {
                        side,
                        enters: enters.slot,
                        leaves: leaves.slot,
                    }
                }
                _ => {
                    self.builder
                        .note(Note::SubstitutionIncomplete { row: index });
                    EventKind::Neutral
                }
            },
            Said::Heave { block } => {
                if block.is_some() {
                    // A block without a shooter's miss: who gets it is not settled by the row.
                    return Ok(self.nobody(index, "blocked heave"));
                }
                EventKind::Neutral
            }
            Said::PeriodStart | Said::PeriodEnd | Said::Nothing | Said::Unknown => {
                EventKind::Neutral
            }
        })
    }

    fn nobody(&mut self, row: u32, what: &'static str) -> EventKind {
        self.builder.note(Note::Nobody { row, what });
        EventKind::Neutral
    }

    /// The side a name is known on; the likely one when it is known on both or on none.
    fn side_of(&self, name: &str, likely: Side) -> Side {
        let on = |side: Side| {
            self.names
                .iter()
                .any(|(of, known, _)| *of == side && *known == name)
        };
        if !on(likely) && on(likely.other()) {
            likely.other()
        } else {
            likely
        }
    }

    fn slot(
        &mut self,
        index: u32,
        side: Side,
        name: Option<&'a str>,
    ) -> Result<Option<u8>, LogError> {
        match name {
            Some(name) => self
                .player(index, side, name)
                .map(|player| Some(player.slot)),
            None => Ok(None),
        }
    }

    fn player(&mut self, index: u32, side: Side, name: &'a str) -> Result<PlayerRef, LogError> {
        let known = self
            .names
            .iter()
            .find(|(of, known, _)| *of == side && *known == name);
        if let Some((_, _, player)) = known {
            return Ok(*player);
        }
        let player = self.builder.enter(index, side, None, name)?;
        self.names.push((side, name, player));
        Ok(player)
    }
}

/// Where a name is within a period, as far as the rows tell, and the clock of the row that told it.
#[derive(Debug, Clone, Copy, Default)]
struct Whereabouts {
    on_court: Option<bool>,
    since: u16,
}

/// Puts names on record that are on court and on the bench at once: they stand for two players.
fn shared_names(log: &mut GameLog) {
    let mut found: Vec<(usize, PlayerRef)> = Vec::new();
    let mut now = [[Whereabouts::default(); MAX_PLAYERS]; 2];
    let mut period = 0;
    for (index, event) in log.events.iter().enumerate() {
        if event.period != period {
            period = event.period;
            now = [[Whereabouts::default(); MAX_PLAYERS]; 2];
        }
        let clock = event.clock_tenths;
        let mut seen = |player: PlayerRef, before: bool, after: bool| {
            let Some(one) = now[player.side.index()].get_mut(usize::from(player.slot)) else {
                return;
            };
            // Rows of one moment are written in any order.
            let contradicts = one.on_court.is_some_and(|on| on != before) && one.since != clock;
            if contradicts && found.iter().all(|(_, known)| *known != player) {
                found.push((index, player));
            }
            if one.on_court != Some(after) {
                *one = Whereabouts {
                    on_court: Some(after),
                    since: clock,
                };
            }
        };
        if let EventKind::Substitution {
            side,
            enters,
            leaves,
        } = event.kind
        {
            let player = |slot| PlayerRef { side, slot };
            seen(player(enters), false, true);
            seen(player(leaves), true, false);
        } else {
            event.on_court(|player| seen(player, true, true));
        }
    }
    for (index, player) in found {
        let row = log.origins.get(index).map_or(0, |origin| origin.row);
        let name = log.name(player);
        log.notes.push(Note::AmbiguousName { row, name });
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Said, read, read_text};
    use crate::event::{EventKind, Rebound, ShotValue, Side};
    use crate::log::Note;

    /// What leaves the log in doubt, but for what a few rows out of a game always do.
    fn doubts(log: &crate::GameLog) -> Vec<Note> {
        let of_pieces =
            |note: &Note| matches!(note, Note::OutOfChain { .. } | Note::BreaksOff { .. });
        let doubts = log
            .notes
            .iter()
            .filter(|note| note.is_doubt() && !of_pieces(note));
        doubts.cloned().collect()
    }

    #[test]
    fn wordings() {
        let shot = |shooter, value, made, other| Said::Shot {
            shooter,
            value,
            made,
            other,
        };
        let foul = |player, drawn, own| Said::Foul {
            player: Some(player),
            second: None,
            drawn,
            own,
        };
        let cases = [
            (
                "B. Ingram misses 2-pt jump shot from 18 ft",
                shot("B. Ingram", ShotValue::Two, false, None),
            ),
            (
                "T. Young makes 3-pt jump shot from 25 ft (assist by T. Salaün )",
                shot("T. Young", ShotValue::Three, true, Some("T. Salaün")),
            ),
            (
                "D. Barlow misses 2-pt dunk at rim (block by H. González Peña)",
                shot("D. Barlow", ShotValue::Two, false, Some("H. González Peña")),
            ),
            (
                "misses 2-pt jump shot from 2 ft",
                shot("", ShotValue::Two, false, None),
            ),
            (
                "Team misses heave shot (block by J. Embiid)",
                Said::Heave {
                    block: Some("J. Embiid"),
                },
            ),
            (
                "L. Kennard makes technical free throw",
                Said::FreeThrow {
                    shooter: "L. Kennard",
                    made: true,
                    technical: true,
                },
            ),
            (
                "C. Holmgren misses flagrant free throw 1 of 2",
                Said::FreeThrow {
                    shooter: "C. Holmgren",
                    made: false,
                    technical: false,
                },
            ),
            (
                "Offensive rebound by Team",
                Said::Rebound {
                    player: None,
                    which: Rebound::Offensive,
                },
            ),
            (
                "Turnover by S. Barnes (bad pass; steal by D. Mitchell)",
                Said::Turnover {
                    player: Some("S. Barnes"),
                    steal: Some("D. Mitchell"),
                },
            ),
            (
                "Turnover by (8 sec)",
                Said::Turnover {
                    player: None,
                    steal: None,
                },
            ),
            (
                "Shooting foul by R. Barrett (drawn by J. Harden)",
                foul("R. Barrett", Some("J. Harden"), false),
            ),
            (
                "Loose ball foul by E. Mobley (drawn by J. Poeltl)",
                foul("E. Mobley", Some("J. Poeltl"), true),
            ),
            (
                "Clear path foul by R. O'Neale",
                foul("R. O'Neale", None, false),
            ),
            (
                "Double personal foul by A. Davis and K. Martin",
                Said::Foul {
                    player: Some("A. Davis"),
                    second: Some("K. Martin"),
                    drawn: None,
                    own: true,
                },
            ),
            (
                "Def 3 sec tech foul by Team",
                Said::Technical { player: None },
            ),
            (
                "Defensive three seconds by A. Mourning",
                Said::Technical {
                    player: Some("A. Mourning"),
                },
            ),
            ("Rescinded technical foul by D. Brooks", Said::Nothing),
            ("Violation by Team (delay of game)", Said::Nothing),
            ("Instant Replay (Challenge: Ruling Stands)", Said::Nothing),
            ("LA Lakers full timeout", Said::Nothing),
            ("D. Ayton ejected from game", Said::Nothing),
            ("something else entirely", Said::Unknown),
        ];
        for (text, said) in cases {
            assert_eq!(read_text(text), said, "{text}");
        }
    }

    fn row<'a>(clock: &'a str, column: Side, text: &'a str) -> Row<'a> {
        Row {
            period: 1,
            clock,
            text,
            column: Some(column),
            score: None,
        }
    }

    #[test]
    fn a_foul_belongs_to_the_side_its_offender_is_on() {
        let rows = [
            row("11:00.0", Side::Home, "Defensive rebound by A. Ho"),
            row("10:50.0", Side::Away, "Defensive rebound by V. Is"),
            // In the column of the fouled team, and of the offender's.
            row(
                "10:00.0",
                Side::Home,
                "Shooting foul by V. Is (drawn by A. Ho)",
            ),
            row(
                "9:00.0",
                Side::Home,
                "Clear path foul by A. Ho (drawn by V. Is)",
            ),
        ];
        let log = read("1", ["Here", "There"], &rows).unwrap();
        let offenders: Vec<Side> = log
            .events
            .iter()
            .filter_map(|event| match event.kind {
                EventKind::PersonalFoul { offender } => Some(offender.side),
                _ => None,
            })
            .collect();
        assert_eq!(offenders, [Side::Away, Side::Home]);
        assert_eq!(doubts(&log), []);
    }

    #[test]
    fn a_row_that_is_there_twice_is_noticed() {
        let miss = row("1:00.0", Side::Home, "A. Ho misses 2-pt layup from 1 ft");
        let board = row("1:00.0", Side::Home, "Offensive rebound by A. Ho");
        let tips = [miss, board, miss, board];
        let log = read("1", ["Here", "There"], &tips).unwrap();
        assert_eq!(doubts(&log), []);
        let log = read("1", ["Here", "There"], &[miss, board, board]).unwrap();
        assert_eq!(doubts(&log), [Note::Repeated { row: 2 }]);
        let rebounds = |log: &crate::GameLog| crate::verify(log).score.teams[0].players[0].oreb;
        assert_eq!(rebounds(&log), 1);
        let foul = row("1:00.0", Side::Away, "Personal foul by A. Ho");
        let log = read("1", ["Here", "There"], &[foul, miss, foul]).unwrap();
        assert_eq!(doubts(&log), [Note::Repeated { row: 2 }]);
        assert!(doubts(&log)[0].is_doubt());
    }

    /// Rows of the end of a game, with everything that hands the ball over.
    fn chain() -> Vec<Row<'static>> {
        use Side::{Away, Home};
        let mut score = [0u16; 2];
        [
            (
                "9:00.0",
                None,
                "Jump ball: A. Ho vs. V. Is (B. Ho gains possession)",
                0,
            ),
            (
                "8:50.0",
                Some(Home),
                "B. Ho misses 2-pt layup from 1 ft (block by V. Is)",
                0,
            ),
            ("8:49.0", Some(Home), "Offensive rebound by Team", 0),
            (
                "8:40.0",
                Some(Home),
                "B. Ho misses 3-pt jump shot from 25 ft",
                0,
            ),
            ("8:38.0", Some(Away), "Defensive rebound by V. Is", 0),
            ("8:20.0", Some(Away), "V. Is makes 2-pt layup from 1 ft", 2),
            (
                "8:20.0",
                Some(Away),
                "Shooting foul by A. Ho (drawn by V. Is)",
                0,
            ),
            ("8:20.0", Some(Away), "V. Is misses free throw 1 of 1", 0),
            ("8:18.0", Some(Home), "Defensive rebound by A. Ho", 0),
            (
                "8:00.0",
                Some(Home),
                "Turnover by A. Ho (bad pass; steal by W. Is)",
                0,
            ),
            (
                "7:50.0",
                Some(Home),
                "Personal foul by A. Ho (drawn by W. Is)",
                0,
            ),
            ("7:50.0", Some(Away), "W. Is misses free throw 1 of 2", 0),
            ("7:50.0", Some(Away), "Offensive rebound by Team", 0),
            ("7:50.0", Some(Away), "W. Is makes free throw 2 of 2", 1),
            (
                "7:40.0",
                Some(Home),
                "Flagrant foul type 1 by V. Is (drawn by A. Ho)",
                0,
            ),
            (
                "7:40.0",
                Some(Home),
                "A. Ho makes flagrant free throw 1 of 2",
                1,
            ),
            (
                "7:40.0",
                Some(Home),
                "A. Ho makes flagrant free throw 2 of 2",
                1,
            ),
            (
                "7:30.0",
                Some(Home),
                "B. Ho makes 3-pt jump shot from 25 ft (assist by A. Ho)",
                3,
            ),
            ("7:20.0", Some(Away), "Technical foul by V. Is", 0),
            ("7:20.0", Some(Home), "B. Ho makes technical free throw", 1),
            (
                "7:10.0",
                Some(Away),
                "W. Is misses 2-pt hook shot from 9 ft",
                0,
            ),
            ("7:08.0", Some(Away), "Offensive rebound by V. Is", 0),
            ("7:08.0", Some(Away), "V. Is misses 2-pt layup from 1 ft", 0),
            ("7:08.0", Some(Home), "Defensive rebound by B. Ho", 0),
            ("7:00.0", Some(Home), "B. Ho makes 2-pt layup from 1 ft", 2),
        ]
        .into_iter()
        .map(|(clock, column, text, points)| {
            if let Some(side) = column {
                score[side.index()] += points;
            }
            Row {
                period: 1,
                clock,
                text,
                column,
                score: Some(score),
            }
        })
        .collect()
    }

    /// What is noticed of rows: a score that is not that of the shots, or a ball that nobody can have.
    fn noticed(rows: &[Row<'_>]) -> bool {
        let log = read("1", ["Here", "There"], rows).unwrap();
        let broken = log
            .notes
            .iter()
            .any(|note| matches!(note, Note::OutOfChain { .. }));
        broken || !crate::verify(&log).mismatches.is_empty()
    }

    #[test]
    fn a_row_that_is_lost_or_made_up_is_noticed() {
        let rows = chain();
        assert!(!noticed(&rows), "{:?}", read("1", ["Here", "There"], &rows));
        // Nothing hands over the ball that is a foul or a jump ball, and the team's rebound of a dead ball is none.
        let silent = ["Jump ball", "Technical foul", "Offensive rebound by Team"];
        let mut lost = 0;
        for place in 0..rows.len() - 1 {
            let mut fewer = rows.clone();
            let row = fewer.remove(place);
            let expected =
                !silent.iter().any(|words| row.text.starts_with(words)) || row.clock == "8:49.0";
            assert_eq!(noticed(&fewer), expected, "without `{}`", row.text);
            lost += usize::from(expected);
        }
        assert_eq!(lost, 21);
        for text in [
            "V. Is misses 2-pt layup from 1 ft",
            "Defensive rebound by V. Is",
            "Turnover by V. Is (traveling)",
            "V. Is makes free throw 2 of 2",
        ] {
            let mut more = rows.clone();
            more.insert(
                10,
                Row {
                    period: 1,
                    clock: "7:55.0",
                    text,
                    column: Some(Side::Away),
                    score: rows[9].score,
                },
            );
            assert!(noticed(&more), "with `{text}`");
        }
    }

    /// Rows of one moment are written in any order, and that is no contradiction.
    #[test]
    fn rows_of_one_moment_may_be_swapped() {
        let mut rows = chain();
        let place = rows.iter().position(|row| row.clock == "7:08.0").unwrap();
        rows.swap(place, place + 1);
        assert!(!noticed(&rows));
    }

    #[test]
    fn a_name_of_two_players_is_noticed() {
        let both = [
            row(
                "11:00.0",
                Side::Home,
                "J. Williams enters the game for A. Ho",
            ),
            row(
                "10:00.0",
                Side::Home,
                "J. Williams enters the game for B. Ho",
            ),
        ];
        let log = read("1", ["Here", "There"], &both).unwrap();
        assert!(
            matches!(&doubts(&log)[..], [Note::AmbiguousName { row: 1, name }] if name == "J. Williams")
        );
        // Coming and going and coming again is no contradiction, nor are rows of one moment in another order.
        let one = [
            row("11:00.0", Side::Home, "J. Williams makes free throw 1 of 1"),
            row(
                "11:00.0",
                Side::Home,
                "J. Williams enters the game for A. Ho",
            ),
            row(
                "10:00.0",
                Side::Home,
                "A. Ho enters the game for J. Williams",
            ),
            row(
                "9:00.0",
                Side::Home,
                "J. Williams enters the game for B. Ho",
            ),
        ];
        let log = read("1", ["Here", "There"], &one).unwrap();
        assert!(
            doubts(&log)
                .iter()
                .all(|note| !matches!(note, Note::AmbiguousName { .. }))
        );
    }
}
