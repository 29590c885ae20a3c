//! NBA Stats `playbyplayv3`, as its server sends it and as the pages of nba.com and wnba.com hold it.
//!
//! The texts are those of v2, but a row has one person. Who blocked or stole stands in a second row of the same number; who assisted,
//! who comes in and whom a jumper faces stand in the text alone, by surname. Names are looked up among the people of the same side; one
//! that fits two of them is put on record, never guessed.

use std::collections::{HashMap, HashSet};

use super::stats_v2::{FIRST_TEAM_ID, Person, Reader, Row};
use super::text::{self, fold};
use crate::event::Side;
use crate::log::{Ball, GameLog, LogError, Note};

/// One element of `actions`, borrowed; absent texts are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Action<'a> {
    /// `actionNumber`; a block or steal has that of the miss or turnover it belongs to.
    pub number: Option<u32>,
    /// `period`.
    pub period: i64,
    /// `clock`, such as `PT11M38.00S`.
    pub clock: &'a str,
    /// `actionType`: `Made Shot`, `Foul`, …; empty for a block or a steal.
    pub kind: &'a str,
    /// `subType`: `Technical`, `start`, …
    pub sub_kind: &'a str,
    /// `description`.
    pub text: &'a str,
    /// `teamId`; 0 in rows of a team.
    pub team: Option<u64>,
    /// `teamTricode`.
    pub team_name: &'a str,
    /// `personId`: a player, a coach, or the team itself.
    pub person: Option<u64>,
    /// `playerName`: the surname.
    pub surname: &'a str,
    /// `playerNameI`: initial and surname.
    pub name: &'a str,
    /// `location`: `h` or `v`.
    pub side: Option<Side>,
    /// `scoreHome` and `scoreAway`, where they are printed.
    pub score: Option<[u16; 2]>,
    /// `xLegacy` and `yLegacy` of a shot: tenths of a foot from the hoop.
    pub place: Option<[i64; 2]>,
}

/// A player whom the document lists beside the actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// His team.
    pub side: Side,
    /// `personId`.
    pub id: u64,
    /// `firstName`.
    pub first: &'a str,
    /// `familyName`.
    pub surname: &'a str,
}

/// Reads the actions of one game, in the order of the document. `members` may be empty: then names are known from the actions alone.
///
/// # Errors
///
/// When a clock or a period cannot be read, or there is a third team.
pub fn read(id: &str, actions: &[Action<'_>], members: &[Member<'_>]) -> Result<GameLog, LogError> {
    let people = People::new(actions, members);
    let (twins, orphans) = twins(actions);
    let mut reader = Reader::with_names(id);
    for (index, action) in (0u32..).zip(actions) {
        if action.kind.is_empty() {
            if orphans.contains(&index) {
                reader.note(Note::UnknownKind {
                    row: index,
                    kind: action.text.to_owned(),
                });
            }
            continue;
        }
        let twin = action
            .number
            .and_then(|number| twins.get(&(number, twin_word(action.kind)?)))
            .copied();
        people.row(&mut reader, index, action, twin)?;
    }
    let mut log = reader.finish();
    // The document's own list has the whole names.
    for player in log.teams.iter_mut().flat_map(|team| &mut team.players) {
        if let Some(member) = members.iter().find(|one| player.id == Some(one.id)) {
            player.name = format!("{} {}", member.first, member.surname)
                .trim()
                .to_owned();
        }
    }
    Ok(log)
}

/// The word of the second row that belongs to a kind of row.
fn twin_word(kind: &str) -> Option<&'static str> {
    match kind {
        "Missed Shot" => Some("BLOCK"),
        "Turnover" => Some("STEAL"),
        _ => None,
    }
}

type Twins<'a, 'b> = HashMap<(u32, &'static str), &'b Action<'a>>;

/// Rows of blocks and steals by the number of the row they belong to, and those that belong to none.
fn twins<'a, 'b>(actions: &'b [Action<'a>]) -> (Twins<'a, 'b>, HashSet<u32>) {
    let mut twins: Twins<'a, 'b> = HashMap::new();
    let mut orphans = HashSet::new();
    let owners: HashSet<(u32, &str)> = actions
        .iter()
        .filter_map(|action| Some((action.number?, twin_word(action.kind)?)))
        .collect();
    for (index, action) in (0u32..).zip(actions) {
        if !action.kind.is_empty() {
            continue;
        }
        let word = ["BLOCK", "STEAL"]
            .into_iter()
            .find(|word| action.text.split(' ').any(|one| one == *word));
        let owner = action
            .number
            .zip(word)
            .filter(|owner| owners.contains(owner));
        let Some(owner) = owner else {
            orphans.insert(index);
            continue;
        };
        match twins.get(&owner) {
            None => {
                twins.insert(owner, action);
            }
            // The same row twice says nothing new; another one contradicts it.
            Some(first) if **first == *action => {}
            Some(_) => {
                orphans.insert(index);
            }
        }
    }
    (twins, orphans)
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// One player.
    One(u64),
    /// More than one.
    Several,
    /// Nobody who does anything himself.
    Nobody,
}

/// Who plays for whom, and what they are called.
struct People<'a> {
    /// Side, id, and his names as they are compared.
    known: Vec<(Side, u64, Vec<String>)>,
    teams: Vec<(u64, Side)>,
    /// Side, id and text of the rows that begin with a player's name.
    texts: Vec<(Side, u64, &'a str)>,
}

impl<'a> People<'a> {
    fn new(actions: &[Action<'a>], members: &[Member<'_>]) -> Self {
        let mut people = Self {
            known: Vec::with_capacity(32),
            teams: Vec::with_capacity(2),
            texts: Vec::with_capacity(actions.len()),
        };
        for action in actions {
            if let (Some(team), Some(side)) = (action.team, action.side)
                && people.teams.iter().all(|(known, _)| *known != team)
            {
                people.teams.push((team, side));
            }
        }
        for member in members {
            people.learn(member.side, member.id, member.surname);
            people.learn(
                member.side,
                member.id,
                &format!("{} {}", member.first, member.surname),
            );
            if let Some(initial) = member.first.chars().next() {
                people.learn(
                    member.side,
                    member.id,
                    &format!("{initial}. {}", member.surname),
                );
            }
        }
        for action in actions {
            let (Some(side), Some(id)) = (people.side(action), player_of(action)) else {
                continue;
            };
            people.learn(side, id, action.surname);
            people.learn(side, id, action.name);
            let text = action.text.trim_start_matches("MISS ");
            people.texts.push((side, id, text));
        }
        people
    }

    fn side(&self, action: &Action<'_>) -> Option<Side> {
        action.side.or_else(|| {
            let team = action.team?;
            self.teams
                .iter()
                .find(|(known, _)| *known == team)
                .map(|(_, side)| *side)
        })
    }

    fn learn(&mut self, side: Side, id: u64, name: &str) {
        let name = fold(name);
        if name.is_empty() {
            return;
        }
        match self
            .known
            .iter_mut()
            .find(|(of, known, _)| *of == side && *known == id)
        {
            Some((_, _, names)) if names.contains(&name) => {}
            Some((_, _, names)) => names.push(name),
            None => self.known.push((side, id, vec![name])),
        }
    }

    /// Whom a name in a text means.
    fn find(&self, side: Side, name: &str) -> Found {
        let folded = fold(name);
        let by_name = only(
            self.known
                .iter()
                .filter(|(of, _, names)| *of == side && names.contains(&folded))
                .map(|(_, id, _)| *id),
        );
        match by_name {
            Found::One(_) => by_name,
            // His own rows begin with the name the texts use for him.
            Found::Several => match self.by_text(side, name) {
                Found::One(id) => Found::One(id),
                _ => Found::Several,
            },
            // `Boston Jr.` in the texts is Boston in the lists.
            Found::Nobody => self.by_text(side, name),
        }
    }

    fn by_text(&self, side: Side, name: &str) -> Found {
        /// What goes on with a longer name: somebody else's.
        const LONGER: [&str; 5] = ["Jr.", "Sr.", "II", "III", "IV"];
        let fits = |text: &str| {
            text.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|rest| {
                    let next = rest.split(' ').next().unwrap_or_default();
                    !LONGER.contains(&next)
                })
        };
        only(
            self.texts
                .iter()
                .filter(|(of, _, text)| *of == side && fits(text))
                .map(|(_, id, _)| *id),
        )
    }

    /// A person whom a text names; who fits two is put on record and left out.
    fn person(&self, reader: &mut Reader, row: u32, side: Side, name: &'a str) -> Person<'a> {
        let kind = Some(kind_of_player(side));
        match self.find(side, name) {
            Found::One(id) => Person {
                kind,
                id: i64::try_from(id).ok(),
                name: "",
                ..Person::default()
            },
            Found::Nobody => Person {
                kind,
                name,
                ..Person::default()
            },
            Found::Several => {
                reader.note(Note::AmbiguousName {
                    row,
                    name: name.to_owned(),
                });
                Person::default()
            }
        }
    }

    fn row(
        &self,
        reader: &mut Reader,
        index: u32,
        action: &Action<'a>,
        twin: Option<&Action<'a>>,
    ) -> Result<(), LogError> {
        let Some((kind, code)) = codes(action) else {
            reader.note(Note::UnknownKind {
                row: index,
                kind: format!("{} {}", action.kind, action.sub_kind)
                    .trim()
                    .to_owned(),
            });
            return plain(reader, index, action, 20);
        };
        if kind == 2 && action.text.to_ascii_lowercase().contains("heave") {
            // Since 2025-26 a miss from afar at the end of a period is the team's alone.
            if player_of(action).is_none() {
                let before = reader.events();
                plain(reader, index, action, 20)?;
                if let Some(side) = self.side(action).filter(|_| reader.events() > before) {
                    reader.mark_last(Ball::Heave(side));
                }
                return Ok(());
            }
        }
        let side = self.side(action);
        let mut people = [
            self.first(action, side),
            Person::default(),
            Person::default(),
        ];
        match (kind, side) {
            (1, Some(side)) => {
                if let Some(name) = assistant(action.text) {
                    people[1] = self.person(reader, index, side, name);
                }
            }
            (8, Some(side)) => {
                if let Some(name) = entering(action.text) {
                    people[1] = self.person(reader, index, side, name);
                }
            }
            (10, Some(side)) => {
                let (other, winner) = jumpers(action.text);
                for (place, side, name) in [(1, side.other(), other), (2, side, winner)] {
                    // He only has to be on court; a name that is not clear is left out without harm.
                    if let Some(Found::One(id)) = name.map(|name| self.find(side, name)) {
                        people[place] = Person {
                            kind: Some(kind_of_player(side)),
                            id: i64::try_from(id).ok(),
                            ..Person::default()
                        };
                    }
                }
            }
            (6, _) if code == 10 => {
                // The second of two has no row and no id.
                reader.note(Note::Nobody {
                    row: index,
                    what: "second foul of a double foul",
                });
            }
            _ => {}
        }
        if let Some(twin) = twin {
            let place = if kind == 2 { 2 } else { 1 };
            people[place] = self.first(twin, self.side(twin));
        }
        // A team's rows have the team for their person, a coach's technical foul has him: nobody is nobody's.
        let counts = matches!(kind, 1..=5) || (kind == 6 && !matches!(code, 11 | 16));
        let nobody = |action: &Action<'_>| action.person.is_none() || self.side(action).is_none();
        if counts && (nobody(action) || twin.is_some_and(nobody)) {
            reader.note(Note::Nobody {
                row: index,
                what: "action",
            });
        }
        let score = match (kind, action.score) {
            (1 | 3 | 13, Some([home, away])) => format!("{away} - {home}"),
            _ => String::new(),
        };
        let row = Row {
            number: action.number.map(i64::from),
            kind,
            action: code,
            period: action.period,
            clock: action.clock,
            home: action.text,
            neutral: "",
            visitor: twin.map_or("", |twin| twin.text),
            score: &score,
            people,
        };
        reader.row_at(index, &row, action.place)
    }

    /// Whose row it is.
    fn first(&self, action: &Action<'a>, side: Option<Side>) -> Person<'a> {
        let id = action.person.and_then(|id| i64::try_from(id).ok());
        let Some(side) = side else {
            return Person::default();
        };
        if player_of(action).is_none() {
            return Person {
                kind: Some(if side == Side::Home { 2 } else { 3 }),
                id,
                ..Person::default()
            };
        }
        Person {
            kind: Some(kind_of_player(side)),
            id,
            name: if action.name.is_empty() {
                action.surname
            } else {
                action.name
            },
            team: action.team.and_then(|team| i64::try_from(team).ok()),
            team_name: action.team_name,
        }
    }
}

/// A row that counts for nobody.
fn plain(reader: &mut Reader, index: u32, action: &Action<'_>, kind: i64) -> Result<(), LogError> {
    let row = Row {
        number: action.number.map(i64::from),
        kind,
        period: action.period,
        clock: action.clock,
        home: action.text,
        ..Row::default()
    };
    reader.row_at(index, &row, None)
}

fn only(ids: impl Iterator<Item = u64>) -> Found {
    let mut found = Found::Nobody;
    for id in ids {
        found = match found {
            Found::Nobody => Found::One(id),
            Found::One(known) if known == id => Found::One(id),
            _ => return Found::Several,
        };
    }
    found
}

const fn kind_of_player(side: Side) -> i64 {
    match side {
        Side::Home => 4,
        Side::Away => 5,
    }
}

/// The player of a row; coaches and officials have neither a team nor a side.
fn player_of(action: &Action<'_>) -> Option<u64> {
    let belongs = action.team.is_some() || action.side.is_some();
    action
        .person
        .filter(|id| (1..FIRST_TEAM_ID).contains(id) && belongs)
}

/// Codes of v2 that mean the same: `EVENTMSGTYPE` and `EVENTMSGACTIONTYPE`.
fn codes(action: &Action<'_>) -> Option<(i64, i64)> {
    let sub = action.sub_kind.to_ascii_lowercase();
    Some(match action.kind {
        "Made Shot" => (1, 0),
        "Missed Shot" | "Heave" => (2, 0),
        "Free Throw" if sub.contains("technical") => (3, 16),
        "Free Throw" => (3, free_throw(&sub)),
        "Rebound" => (4, 0),
        "Turnover" => (5, 0),
        "Foul" => (6, foul(&sub, action.text)?),
        "Violation" => (7, 0),
        "Substitution" => (8, 0),
        "Timeout" => (9, 0),
        "Jump Ball" => (10, 0),
        "Ejection" => (11, 0),
        "period" if sub == "start" => (12, 0),
        "period" if sub == "end" => (13, 0),
        "Instant Replay" | "game" | "Game" | "Stoppage" => (18, 0),
        _ => return None,
    })
}

/// Which one of how many; 0 when nothing says it.
fn free_throw(sub: &str) -> i64 {
    let Some(Ball::FreeThrow { number, of, keeps }) = text::free_throw(sub) else {
        return 0;
    };
    match (number, of, keeps) {
        (1, 1, false) => 10,
        (1, 2, false) => 11,
        (2, 2, false) => 12,
        (1, 3, false) => 13,
        (2, 3, false) => 14,
        (3, 3, false) => 15,
        (1, 1, true) => 20,
        (1, 2, true) => 18,
        (2, 2, true) => 19,
        (1, 3, true) => 27,
        (2, 3, true) => 28,
        (3, 3, true) => 29,
        _ => 0,
    }
}

/// Whether a foul counts towards the six; none when nothing says what kind it is.
fn foul(sub: &str, text: &str) -> Option<i64> {
    const TECHNICAL: [&str; 10] = [
        "technical",
        "defensive 3",
        "3 second",
        "delay",
        "taunting",
        "flop",
        "hanging",
        "too many players",
        "excess timeout",
        "unsportsmanlike",
    ];
    Some(if sub.is_empty() {
        // Of the texts only these say it: `P.FOUL (P1.T1)` and its like.
        let personal = ["P.FOUL", "S.FOUL", "L.B.FOUL", "OFF.Foul"];
        if !personal.iter().any(|word| text.contains(word)) {
            return None;
        }
        1
    } else if sub.contains("double technical") {
        16
    } else if TECHNICAL.iter().any(|word| sub.contains(word)) {
        11
    } else if sub.contains("double personal") {
        10
    } else {
        1
    })
}

/// The name in `(Brunson 7 AST)`.
fn assistant(text: &str) -> Option<&str> {
    text::brackets(text).find_map(|inside| {
        let name = inside.strip_suffix(" AST")?;
        let (name, count) = name.rsplit_once(' ')?;
        text::count(count)?;
        Some(name.trim())
    })
}

/// The first name in `SUB: McConnell FOR Nembhard`.
fn entering(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("SUB:")?;
    let (enters, _) = rest.split_once(" FOR ")?;
    let enters = enters.trim();
    (!enters.is_empty()).then_some(enters)
}

/// The second and third name in `Jump Ball A vs. B: Tip to C`.
fn jumpers(text: &str) -> (Option<&str>, Option<&str>) {
    let Some((_, rest)) = text.split_once(" vs. ") else {
        return (None, None);
    };
    match rest.split_once(": Tip to ") {
        Some((other, winner)) => (Some(other.trim()), Some(winner.trim())),
        None => (Some(rest.trim_end_matches(':').trim()), None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Member, read};
    use crate::event::{EventKind, Side};
    use crate::log::{Note, Stat};
    use crate::verify::{count, verify};

    /// Home players 1 and 2 are both called Brown; the visitors' 11 is Matković.
    fn action<'a>(
        number: u32,
        kind: &'a str,
        sub_kind: &'a str,
        text: &'a str,
        who: (u64, &'a str, Side),
    ) -> Action<'a> {
        let home = who.2 == Side::Home;
        Action {
            number: Some(number),
            period: 1,
            clock: "PT11M00.00S",
            kind,
            sub_kind,
            text,
            team: Some(if home { 1_610_612_763 } else { 1_610_612_754 }),
            team_name: if home { "MEM" } else { "IND" },
            person: Some(who.0),
            surname: who.1,
            name: who.1,
            side: Some(who.2),
            ..Action::default()
        }
    }

    const HOME: (u64, &str, Side) = (1, "Brown", Side::Home);
    const TWIN: (u64, &str, Side) = (2, "Brown", Side::Home);
    const AWAY: (u64, &str, Side) = (11, "Matković", Side::Away);

    /// What is doubted besides the order and the end: a few rows are no game.
    fn doubts(log: &crate::GameLog) -> Vec<Note> {
        let doubts = log.notes.iter().filter(|note| {
            note.is_doubt() && !matches!(note, Note::BreaksOff { .. } | Note::OutOfChain { .. })
        });
        doubts.cloned().collect()
    }

    #[test]
    fn blocks_and_steals_come_from_the_second_row() {
        let actions = [
            action(1, "Missed Shot", "Layup", "MISS Brown 2' Layup", HOME),
            action(1, "", "", "Matkovic BLOCK (1 BLK)", AWAY),
            action(
                2,
                "Turnover",
                "Bad Pass",
                "Brown Bad Pass Turnover (P1.T1)",
                HOME,
            ),
            action(2, "", "", "Matkovic STEAL (1 STL)", AWAY),
        ];
        let log = read("1", &actions, &[]).unwrap();
        let game = verify(&log);
        let visitor = &game.score.teams[1].players[0];
        assert_eq!(
            (count(visitor, Stat::Blk), count(visitor, Stat::Stl)),
            (1, 1)
        );
        // The order of the two rows does not matter, and a repeat counts once.
        let again = [actions[1], actions[3], actions[0], actions[2], actions[3]];
        let swapped = verify(&read("1", &again, &[]).unwrap());
        assert_eq!(&swapped.score.teams[1].players[0], visitor);
    }

    #[test]
    fn a_block_without_its_miss_is_a_doubt() {
        let actions = [action(1, "", "", "Matkovic BLOCK (1 BLK)", AWAY)];
        let log = read("1", &actions, &[]).unwrap();
        assert!(matches!(
            doubts(&log)[..],
            [Note::UnknownKind { row: 0, .. }]
        ));
        assert!(doubts(&log)[0].is_doubt());
    }

    #[test]
    fn a_row_that_may_be_another_one_once_more_is_a_doubt() {
        let foul = action(1, "Foul", "Personal", "Brown P.FOUL (P1.T1)", HOME);
        let unnumbered = Action {
            number: None,
            ..foul
        };
        let log = read("1", &[foul, foul], &[]).unwrap();
        assert_eq!(doubts(&log), []);
        let log = read("1", &[foul, unnumbered], &[]).unwrap();
        assert_eq!(doubts(&log), [Note::Unnumbered { row: 1 }]);
    }

    #[test]
    fn a_name_of_two_players_is_not_guessed() {
        let actions = [
            action(
                1,
                "Made Shot",
                "Jump Shot",
                "Brown 15' Jump Shot (2 PTS)",
                HOME,
            ),
            action(
                2,
                "Made Shot",
                "Jump Shot",
                "Brown 15' Jump Shot (2 PTS)",
                TWIN,
            ),
            action(
                3,
                "Made Shot",
                "Dunk",
                "Smith Dunk (2 PTS) (Brown 1 AST)",
                (3, "Smith", Side::Home),
            ),
        ];
        let log = read("1", &actions, &[]).unwrap();
        let name = "Brown".to_owned();
        assert_eq!(
            doubts(&log),
            [
                Note::AmbiguousName { row: 2, name },
                Note::Nobody {
                    row: 2,
                    what: "assist"
                }
            ]
        );
        // With an initial, or when the rows of one of them use another name, it is clear.
        let mut clear = actions;
        clear[0].text = "M. Brown 15' Jump Shot (2 PTS)";
        clear[2].text = "Smith Dunk (2 PTS) (M. Brown 1 AST)";
        let log = read("1", &clear, &[]).unwrap();
        assert_eq!(doubts(&log), []);
        let members = [
            Member {
                side: Side::Home,
                id: 1,
                first: "Moses",
                surname: "Brown",
            },
            Member {
                side: Side::Home,
                id: 2,
                first: "Jaylen",
                surname: "Brown",
            },
        ];
        let mut initial = actions;
        initial[2].text = "Smith Dunk (2 PTS) (J. Brown 1 AST)";
        let log = read("1", &initial, &members).unwrap();
        assert_eq!(doubts(&log), []);
        assert_eq!(log.teams[0].players[1].name, "Jaylen Brown");
        assert_eq!(count(&verify(&log).score.teams[0].players[1], Stat::Ast), 1);
    }

    #[test]
    fn a_suffix_belongs_to_the_name_of_the_texts() {
        let boston = (1, "Boston", Side::Home);
        let jackson = (2, "Jackson Jr.", Side::Home);
        let smith = (3, "Smith", Side::Home);
        let actions = [
            action(
                1,
                "Rebound",
                "Unknown",
                "Boston Jr. REBOUND (Off:0 Def:1)",
                boston,
            ),
            action(
                2,
                "Rebound",
                "Unknown",
                "Jackson Jr. REBOUND (Off:0 Def:1)",
                jackson,
            ),
            action(
                3,
                "Made Shot",
                "Dunk",
                "Smith Dunk (2 PTS) (Boston Jr. 1 AST)",
                smith,
            ),
            action(
                4,
                "Made Shot",
                "Dunk",
                "Smith Dunk (4 PTS) (Jackson 1 AST)",
                smith,
            ),
        ];
        let log = read("1", &actions, &[]).unwrap();
        let players = &log.teams[0].players;
        assert_eq!(players[0].name, "Boston");
        assert_eq!(count(&verify(&log).score.teams[0].players[0], Stat::Ast), 1);
        // Jackson is another one, who does nothing himself.
        let last = players.last().unwrap();
        assert_eq!((last.id, last.name.as_str()), (None, "Jackson"));
    }

    #[test]
    fn who_only_comes_in_is_known_by_his_name() {
        let actions = [
            action(1, "Substitution", "", "SUB: Matkovic FOR Brown", HOME),
            action(2, "Substitution", "", "SUB: Missi FOR Matkovic", AWAY),
        ];
        let log = read("1", &actions, &[]).unwrap();
        let comes = |index: usize| match log.events[index].kind {
            EventKind::Substitution { side, enters, .. } => {
                log.teams[side.index()].players[usize::from(enters)].clone()
            }
            _ => panic!("no substitution: {:?}", log.events[index]),
        };
        // The period's start was added before them.
        assert_eq!((comes(1).id, comes(1).name.as_str()), (None, "Matkovic"));
        assert_eq!((comes(2).id, comes(2).name.as_str()), (None, "Missi"));
    }

    #[test]
    fn technical_fouls_are_no_personal_ones() {
        for (sub, personal) in [
            ("Personal", 1),
            ("Offensive Charge", 1),
            ("Transition Take", 1),
            ("Flagrant Type 1", 1),
            ("Technical", 0),
            ("Double Technical", 0),
            ("Defensive 3 Second", 0),
            ("Delay Technical", 0),
            ("Taunting", 0),
            ("Flopping", 0),
        ] {
            let log = read("1", &[action(1, "Foul", sub, "Brown", HOME)], &[]).unwrap();
            let line = verify(&log).score.teams[0].players[0];
            assert_eq!(count(&line, Stat::Pf), personal, "{sub}");
        }
    }
}
