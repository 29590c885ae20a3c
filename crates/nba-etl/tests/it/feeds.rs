//! Generated games as the documents of the forms that name people by text alone, read from files: what is counted is what was played,
//! and whatever is done to the rows, nothing wrong is called proven.

use std::collections::BTreeMap;
use std::io::Write as _;

use nba_boxscore::{
    Event, EventKind, GameLog, Note, PlayerRef, Rebound, ShotResult, ShotValue, Side, Stat, Tally,
    count, verify,
};
use nba_etl::plays::{Form, read_file};
use nba_testkit::sim::{self, Game, SimOptions, Universe, simulate};
use nba_utils::Verdict;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Games spread over all seasons.
const GAMES: u32 = 12;

fn games() -> Vec<Game> {
    let universe = Universe::new(1946);
    let step = universe.len() / GAMES;
    (0..GAMES)
        .map(|number| {
            simulate(&universe.header(number * step + 7), &SimOptions::default()).unwrap()
        })
        .collect()
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<(Form, GameLog)>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
    let mut found = Vec::new();
    read_file(&path, |form, log| found.push((form, log)))
        .map(|()| found)
        .map_err(|error| error.to_string())
}

/// Names of both rosters as a feed writes them: the surname, an initial as well where two share it, all of it where that is not enough.
struct Names {
    surname: [Vec<String>; 2],
    initial: [Vec<String>; 2],
}

impl Names {
    fn new(game: &Game) -> Self {
        let initial = [0, 1].map(|side: usize| {
            game.rosters[side]
                .iter()
                .map(|player| player.short_name.clone())
                .collect::<Vec<_>>()
        });
        let surname = [0, 1].map(|side: usize| {
            let last = |name: &str| {
                name.split_once(' ')
                    .map_or(name, |(_, last)| last)
                    .to_owned()
            };
            let all: Vec<String> = initial[side].iter().map(|name| last(name)).collect();
            (0..all.len())
                .map(|slot| {
                    if all.iter().filter(|name| **name == all[slot]).count() == 1 {
                        all[slot].clone()
                    } else {
                        initial[side][slot].clone()
                    }
                })
                .collect::<Vec<_>>()
        });
        Self { surname, initial }
    }

    fn text(&self, side: Side, slot: u8) -> &str {
        &self.surname[side.index()][usize::from(slot)]
    }

    fn short(&self, side: Side, slot: u8) -> &str {
        &self.initial[side.index()][usize::from(slot)]
    }

    /// Whether every name is one player's.
    fn are_clear(&self) -> bool {
        self.initial.iter().all(|names| {
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            sorted.len() == names.len()
        })
    }
}

/// The 14 counts by side and a key of the player.
type Counts = BTreeMap<(Side, String), [u16; 14]>;

fn truth(game: &Game, key: impl Fn(Side, u8) -> String) -> Counts {
    let score = sim::events::game_box(game);
    let mut counts = Counts::new();
    for side in Side::BOTH {
        for (slot, line) in (0u8..).zip(&score.teams[side.index()].players) {
            let one = Stat::ALL.map(|stat| count(line, stat));
            let sum = counts.entry((side, key(side, slot))).or_default();
            for (sum, more) in sum.iter_mut().zip(one) {
                *sum += more;
            }
        }
    }
    counts.retain(|_, counts| counts.iter().any(|count| *count > 0));
    counts
}

fn counted(log: &GameLog, key: impl Fn(&nba_boxscore::LogPlayer) -> String) -> (Counts, Verdict) {
    let game = verify(log);
    let mut counts = Counts::new();
    for side in Side::BOTH {
        let players = &log.teams[side.index()].players;
        for (player, line) in players.iter().zip(&game.score.teams[side.index()].players) {
            let one = Stat::ALL.map(|stat| count(line, stat));
            if one.iter().any(|count| *count > 0) {
                counts.insert((side, key(player)), one);
            }
        }
    }
    let verdict = game.counts();
    (counts, verdict)
}

// ---- NBA Stats v3 ------------------------------------------------------------------------------------------------

const TEAMS: [u64; 2] = [1_610_612_737, 1_610_612_738];

/// The game as `playbyplayv3` prints it.
fn v3_actions(game: &Game) -> Vec<Value> {
    let names = Names::new(game);
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut actions: Vec<Value> = Vec::new();
    for (number, event) in (1u32..).zip(sim::events::events(game)) {
        tally.apply(&event).unwrap();
        let line = |side: Side, slot: u8| *tally.line(PlayerRef { side, slot }).unwrap();
        let [home, away] = tally.points();
        let clock = event.clock_tenths;
        let blank = || {
            json!({
                "actionNumber": number,
                "clock": format!("PT{:02}M{:02}.{}0S", clock / 600, clock % 600 / 10, clock % 10),
                "period": event.period, "teamId": 0, "teamTricode": "", "personId": 0,
                "playerName": "", "playerNameI": "", "xLegacy": 0, "yLegacy": 0, "shotResult": "",
                "scoreHome": "", "scoreAway": "", "location": "", "description": "",
                "actionType": "", "subType": "", "actionId": 0,
            })
        };
        let of = |side: Side, slot: Option<u8>, kind: &str, sub: &str, text: String| {
            let mut action = blank();
            action["location"] = if side == Side::Home { "h" } else { "v" }.into();
            action["actionType"] = kind.into();
            action["subType"] = sub.into();
            action["description"] = text.into();
            match slot {
                Some(slot) => {
                    let place = usize::from(slot);
                    action["teamId"] = TEAMS[side.index()].into();
                    action["teamTricode"] = if side == Side::Home { "HOM" } else { "VIS" }.into();
                    action["personId"] = game.rosters[side.index()][place].espn_id.into();
                    let short = names.short(side, slot);
                    action["playerNameI"] = short.into();
                    let surname = short.split_once(' ').map_or(short, |(_, last)| last);
                    action["playerName"] = surname.into();
                }
                None => action["personId"] = TEAMS[side.index()].into(),
            }
            action
        };
        let scored = |mut action: Value| {
            action["scoreHome"] = home.to_string().into();
            action["scoreAway"] = away.to_string().into();
            action
        };
        let personal = |side: Side, slot: u8, count: u16| {
            format!("{} Turnover (P{count}.T1)", names.text(side, slot))
        };
        match event.kind {
            EventKind::PeriodStart { .. } | EventKind::PeriodEnd => {
                let mut action = scored(blank());
                action["actionType"] = "period".into();
                let start = matches!(event.kind, EventKind::PeriodStart { .. });
                action["subType"] = if start { "start" } else { "end" }.into();
                actions.push(action);
            }
            EventKind::Shot(shot) => {
                let PlayerRef { side, slot } = shot.shooter;
                let name = names.text(side, slot);
                let three = if shot.value == ShotValue::Three {
                    "3PT "
                } else {
                    ""
                };
                match shot.result {
                    ShotResult::Made { assist } => {
                        let mut text =
                            format!("{name} 25' {three}Jump Shot ({} PTS)", line(side, slot).pts);
                        if let Some(helper) = assist {
                            let assists = line(side, helper).ast;
                            text += &format!(" ({} {assists} AST)", names.text(side, helper));
                        }
                        actions.push(scored(of(side, Some(slot), "Made Shot", "Jump Shot", text)));
                    }
                    ShotResult::Missed { block } => {
                        let text = format!("MISS {name} 25' {three}Jump Shot");
                        actions.push(of(side, Some(slot), "Missed Shot", "Jump Shot", text));
                        if let Some(blocker) = block {
                            let side = side.other();
                            let blocks = line(side, blocker).blk;
                            let text =
                                format!("{} BLOCK ({blocks} BLK)", names.text(side, blocker));
                            actions.push(of(side, Some(blocker), "", "", text));
                        }
                    }
                }
            }
            EventKind::FreeThrow {
                shooter: PlayerRef { side, slot },
                made,
                technical,
            } => {
                let sub = if technical {
                    "Free Throw Technical"
                } else {
                    "Free Throw 1 of 2"
                };
                let name = names.text(side, slot);
                actions.push(if made {
                    let text = format!("{name} {sub} ({} PTS)", line(side, slot).pts);
                    scored(of(side, Some(slot), "Free Throw", sub, text))
                } else {
                    let text = format!("MISS {name} {sub}");
                    of(side, Some(slot), "Free Throw", sub, text)
                });
            }
            EventKind::Rebound { side, player, .. } => {
                let text = match player {
                    Some(slot) => {
                        let one = line(side, slot);
                        let name = names.text(side, slot);
                        format!("{name} REBOUND (Off:{} Def:{})", one.oreb, one.dreb)
                    }
                    None => "TEAM Rebound".to_owned(),
                };
                actions.push(of(side, player, "Rebound", "Unknown", text));
            }
            EventKind::Turnover {
                side,
                player,
                steal,
            } => {
                let text = match player {
                    Some(slot) => personal(side, slot, line(side, slot).tov),
                    None => "TEAM Turnover: Shot Clock (T#1)".to_owned(),
                };
                actions.push(of(side, player, "Turnover", "Bad Pass", text));
                if let Some(thief) = steal {
                    let side = side.other();
                    let steals = line(side, thief).stl;
                    let text = format!("{} STEAL ({steals} STL)", names.text(side, thief));
                    actions.push(of(side, Some(thief), "", "", text));
                }
            }
            EventKind::PersonalFoul { offender } => {
                let PlayerRef { side, slot } = offender;
                let text = format!(
                    "{} P.FOUL (P{}.T1)",
                    names.text(side, slot),
                    line(side, slot).pf
                );
                actions.push(of(side, Some(slot), "Foul", "Personal", text));
            }
            EventKind::TechnicalFoul { side, offender } => {
                actions.push(of(side, offender, "Foul", "Technical", "T.FOUL".to_owned()));
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => {
                let text = format!(
                    "SUB: {} FOR {}",
                    names.text(side, enters),
                    names.text(side, leaves)
                );
                actions.push(of(side, Some(leaves), "Substitution", "", text));
            }
            EventKind::Neutral => {}
        }
    }
    for (id, action) in (1u32..).zip(&mut actions) {
        action["actionId"] = id.into();
    }
    actions
}

fn v3_document(id: &str, actions: &[Value]) -> Vec<u8> {
    serde_json::to_vec(&json!({"game": {"gameId": id, "actions": actions}})).unwrap()
}

/// Players by id; who only ever is named in texts keeps his name.
fn by_id(player: &nba_boxscore::LogPlayer) -> String {
    player
        .id
        .map_or_else(|| player.name.clone(), |id| id.to_string())
}

fn id_of(game: &Game) -> impl Fn(Side, u8) -> String {
    |side: Side, slot: u8| {
        game.rosters[side.index()][usize::from(slot)]
            .espn_id
            .to_string()
    }
}

#[test]
fn stats_v3_comes_out_exact() {
    let (mut exact, mut court) = (0, 0);
    for game in games() {
        let id = &game.header.game_id;
        let found = read("game.json", &v3_document(id, &v3_actions(&game))).unwrap();
        let [(form, log)] = &found[..] else {
            panic!("{id}: {} games", found.len())
        };
        assert_eq!((*form, &log.id), (Form::NbaStatsV3, id));
        let (ours, verdict) = counted(log, by_id);
        if Names::new(&game).are_clear() {
            assert_eq!(ours, truth(&game, id_of(&game)), "{id}");
            assert_eq!(verdict, Verdict::Proven, "{id}: {:?}", log.notes);
            exact += 1;
        } else if verdict == Verdict::Proven {
            assert_eq!(ours, truth(&game, id_of(&game)), "{id}");
        }
        let played = sim::events::game_box(&game);
        let game = verify(log);
        if game.court() == Verdict::Proven {
            court += 1;
            let tenths = |score: &nba_boxscore::GameBox| {
                let mut all: Vec<u32> = score
                    .teams
                    .iter()
                    .flat_map(|team| &team.players)
                    .map(|line| line.tenths)
                    .filter(|tenths| *tenths > 0)
                    .collect();
                all.sort_unstable();
                all
            };
            assert_eq!(tenths(&game.score), tenths(&played), "{id}: time on court");
        }
    }
    assert!(exact >= 6, "only {exact} games have clear names");
    assert!(court >= 6, "who was on court is proven in {court} games");
}

// ---- Basketball-Reference ----------------------------------------------------------------------------------------

/// The game as Basketball-Reference prints it: rows of six cells.
fn bref_rows(game: &Game) -> Vec<Vec<String>> {
    let names = Names::new(game);
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut rows = Vec::new();
    let events: Vec<Event> = sim::events::events(game);
    let places = crate::boxscore::free_throw_places(&events);
    for (event, place) in events.iter().zip(places) {
        tally.apply(event).unwrap();
        let [home, away] = tally.points();
        let clock = event.clock_tenths;
        let clock = format!("{}:{:02}.{}", clock / 600, clock % 600 / 10, clock % 10);
        let name = |side: Side, slot: Option<u8>| match slot {
            Some(slot) => names.short(side, slot).to_owned(),
            None => "Team".to_owned(),
        };
        let (column, text) = match event.kind {
            EventKind::PeriodStart { .. } => {
                rows.push(
                    ["Time", "Visitors", "", "Score", "", "Hosts"]
                        .map(str::to_owned)
                        .to_vec(),
                );
                continue;
            }
            EventKind::PeriodEnd | EventKind::Neutral => continue,
            EventKind::Shot(shot) => {
                let side = shot.shooter.side;
                let worth = if shot.value == ShotValue::Three { 3 } else { 2 };
                let who = name(side, Some(shot.shooter.slot));
                let text = match shot.result {
                    ShotResult::Made { assist: None } => {
                        format!("{who} makes {worth}-pt layup at rim")
                    }
                    ShotResult::Made { assist } => {
                        format!(
                            "{who} makes {worth}-pt jump shot from 5 ft (assist by {})",
                            name(side, assist)
                        )
                    }
                    ShotResult::Missed { block: None } => {
                        format!("{who} misses {worth}-pt layup at rim")
                    }
                    ShotResult::Missed { block } => format!(
                        "{who} misses {worth}-pt layup at rim (block by {})",
                        name(side.other(), block)
                    ),
                };
                (side, text)
            }
            EventKind::FreeThrow {
                shooter: PlayerRef { side, slot },
                made,
                technical,
            } => {
                let how = match (technical, place) {
                    (false, Some((number, of, true))) => {
                        format!("flagrant free throw {number} of {of}")
                    }
                    (false, Some((number, of, false))) => format!("free throw {number} of {of}"),
                    _ => "technical free throw".to_owned(),
                };
                let does = if made { "makes" } else { "misses" };
                (side, format!("{} {does} {how}", name(side, Some(slot))))
            }
            EventKind::Rebound {
                side,
                player,
                which,
            } => {
                let which = if which == Rebound::Offensive {
                    "Offensive"
                } else {
                    "Defensive"
                };
                (side, format!("{which} rebound by {}", name(side, player)))
            }
            EventKind::Turnover {
                side,
                player,
                steal,
            } => {
                let stolen = steal.map_or_else(String::new, |thief| {
                    format!("; steal by {}", name(side.other(), Some(thief)))
                });
                (
                    side,
                    format!("Turnover by {} (bad pass{stolen})", name(side, player)),
                )
            }
            EventKind::PersonalFoul { offender } => (
                offender.side.other(),
                format!(
                    "Personal foul by {}",
                    name(offender.side, Some(offender.slot))
                ),
            ),
            EventKind::TechnicalFoul { side, offender } => {
                (side, format!("Technical foul by {}", name(side, offender)))
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => (
                side,
                format!(
                    "{} enters the game for {}",
                    name(side, Some(enters)),
                    name(side, Some(leaves))
                ),
            ),
        };
        let mut row = vec![
            clock,
            String::new(),
            String::new(),
            format!("{away}-{home}"),
            String::new(),
            String::new(),
        ];
        row[if column == Side::Away { 1 } else { 5 }] = text;
        rows.push(row);
    }
    rows
}

fn bref_document(rows: &[Vec<String>]) -> Vec<u8> {
    let rows: Vec<Value> = rows
        .iter()
        .map(|cells| json!({"row": 1, "cells": cells}))
        .collect();
    serde_json::to_vec(&json!({"bref_file": "202601010HOM_pbp.json", "rows": rows})).unwrap()
}

fn bref_page(rows: &[Vec<String>]) -> Vec<u8> {
    let mut page = String::from("<!DOCTYPE html><html><body><table id=\"pbp\">\n");
    for cells in rows {
        let kind = if cells[0] == "Time" { "th" } else { "td" };
        page.push_str("<tr>");
        for cell in cells {
            page.push_str(&format!("<{kind}>{}</{kind}>", cell.replace('\'', "&#39;")));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></body></html>");
    page.into_bytes()
}

fn short_of(game: &Game) -> impl Fn(Side, u8) -> String {
    |side: Side, slot: u8| {
        game.rosters[side.index()][usize::from(slot)]
            .short_name
            .clone()
    }
}

#[test]
fn basketball_reference_comes_out_exact() {
    let (mut exact, mut noticed) = (0, 0);
    for game in games() {
        let id = &game.header.game_id;
        let rows = bref_rows(&game);
        for document in [bref_document(&rows), bref_page(&rows)] {
            let found = read("game", &document).unwrap();
            let (form, log) = &found[0];
            assert_eq!((*form, found.len()), (Form::Bref, 1), "{id}");
            let (ours, verdict) = counted(log, |player| player.name.clone());
            // Players who share a name are one line, and that is all that can be known of them.
            assert_eq!(ours, truth(&game, short_of(&game)), "{id}");
            let other = log.notes.iter().any(Note::is_doubt);
            if Names::new(&game).are_clear() {
                assert!(!other, "{id}: {:?}", log.notes);
                assert_eq!(verdict, Verdict::Proven, "{id}");
                exact += 1;
            } else {
                noticed += usize::from(other);
            }
        }
    }
    assert!(exact >= 8, "only {exact} documents have clear names");
    eprintln!("{exact} exact, {noticed} with shared names noticed");
}

#[test]
fn a_game_a_line_and_a_line_that_breaks_off() {
    let mut lines = Vec::new();
    for game in &games()[..3] {
        lines.extend(bref_document(&bref_rows(game)));
        lines.push(b'\n');
    }
    assert_eq!(read("games.jsonl", &lines).unwrap().len(), 3);
    let error = read("games.jsonl", &lines[..lines.len() - 100]).unwrap_err();
    assert!(error.contains("games.jsonl"), "{error}");
}

// ---- ESPN's pages of 2010 ----------------------------------------------------------------------------------------

#[test]
fn espn_pages_of_2010_come_out_as_their_texts() {
    let mut exact = 0;
    for game in games() {
        let mut page = String::from("<html><table>");
        let mut period = 0;
        for play in &game.plays {
            if play.period != period {
                period = play.period;
                page.push_str("<tr><td colspan=4>Summary</td></tr><tr><th>TIME</b></th><th>VISITORS</th><th>SCORE</th><th>HOSTS</th></tr>");
            }
            let clock = sim::text::clock_display(play.clock_tenths, game.header.wording);
            let text = play.text.replace('&', "&amp;");
            let [home, away] = play.score;
            let cells = match play.side {
                Some(sim::Side::Home) => {
                    format!("<td>&nbsp;</td><td>{away}-{home}</td><td><B>{text}</B></td>")
                }
                Some(sim::Side::Away) => {
                    format!("<td>{text}</td><td>{away}-{home}</td><td>&nbsp;</td>")
                }
                None => format!("<td colspan=3><b>{text}</b></td>"),
            };
            page.push_str(&format!("<tr><td>{clock}</td>{cells}</tr>\n"));
        }
        page.push_str("</table>");
        let found = read("game.html", page.as_bytes()).unwrap();
        let (form, log) = &found[0];
        assert_eq!(*form, Form::EspnHtml);
        let (ours, verdict) = counted(log, |player| player.name.clone());
        let name =
            |side: Side, slot: u8| game.rosters[side.index()][usize::from(slot)].name.clone();
        let played = truth(&game, name);
        if ours == played {
            exact += 1;
        } else {
            let differs: Vec<_> = played
                .iter()
                .map(|(key, counts)| (key, counts, ours.get(key)))
                .filter(|(_, counts, ours)| Some(*counts) != *ours)
                .collect();
            assert_ne!(
                verdict,
                Verdict::Proven,
                "{}: {differs:?}",
                game.header.game_id
            );
        }
        // Points are those of the score in any case.
        assert_eq!(verify(log).score.points(), game.plays.last().unwrap().score);
    }
    assert!(exact >= 6, "only {exact} games are exact");
}

// ---- Whatever is done to the rows --------------------------------------------------------------------------------

/// One change of a document.
#[derive(Debug, Clone)]
enum Harm {
    /// A row once more, right behind itself.
    Twice(prop::sample::Index),
    /// Two neighbours of one moment in the other order.
    Swap(prop::sample::Index),
    /// A field that a row may lack.
    Without(prop::sample::Index, usize),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let one = prop_oneof![
        any::<prop::sample::Index>().prop_map(Harm::Twice),
        any::<prop::sample::Index>().prop_map(Harm::Swap),
        (any::<prop::sample::Index>(), 0usize..13).prop_map(|(at, field)| Harm::Without(at, field)),
    ];
    prop::collection::vec(one, 1..40)
}

/// Fields of a v3 row that may be missing.
const FIELDS: [&str; 13] = [
    "actionNumber",
    "teamId",
    "teamTricode",
    "personId",
    "playerName",
    "playerNameI",
    "description",
    "actionType",
    "subType",
    "location",
    "scoreHome",
    "shotResult",
    "actionId",
];

fn generated() -> &'static Game {
    static GAME: std::sync::OnceLock<Game> = std::sync::OnceLock::new();
    GAME.get_or_init(|| {
        games()
            .into_iter()
            .find(|game| Names::new(game).are_clear())
            .expect("most generated games have clear names")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_harmed_v3_document_is_never_wrongly_proven(harms in harms()) {
        let game = generated();
        let mut actions = v3_actions(game);
        for harm in harms {
            match harm {
                Harm::Twice(at) => {
                    let at = at.index(actions.len());
                    actions.insert(at, actions[at].clone());
                }
                Harm::Swap(at) => {
                    let at = at.index(actions.len() - 1);
                    if actions[at]["clock"] == actions[at + 1]["clock"] && actions[at]["period"] == actions[at + 1]["period"] {
                        actions.swap(at, at + 1);
                    }
                }
                Harm::Without(at, field) => {
                    let at = at.index(actions.len());
                    if let Some(action) = actions[at].as_object_mut() {
                        action.remove(FIELDS[field]);
                    }
                }
            }
        }
        // Refusing the document is an answer, too.
        if let Ok(found) = read("game.json", &v3_document("1", &actions)) {
            let (ours, verdict) = counted(&found[0].1, by_id);
            if verdict == Verdict::Proven {
                prop_assert_eq!(ours, truth(game, id_of(game)));
            }
        }
    }

    #[test]
    fn harmed_rows_of_basketball_reference_are_never_wrongly_proven(harms in harms()) {
        let game = generated();
        let mut rows = bref_rows(game);
        for harm in harms {
            match harm {
                Harm::Twice(at) => {
                    let at = at.index(rows.len());
                    // A heading twice is a period without rows.
                    if rows[at][0] != "Time" {
                        rows.insert(at, rows[at].clone());
                    }
                }
                Harm::Swap(at) => {
                    let at = at.index(rows.len() - 1);
                    if rows[at][0] == rows[at + 1][0] {
                        rows.swap(at, at + 1);
                    }
                }
                Harm::Without(at, _) => {
                    // Points and score of a row.
                    let at = at.index(rows.len());
                    if rows[at][0] != "Time" {
                        rows[at][3].clear();
                    }
                }
            }
        }
        for document in [bref_document(&rows), bref_page(&rows)] {
            if let Ok(found) = read("game", &document) {
                let (ours, verdict) = counted(&found[0].1, |player| player.name.clone());
                if verdict == Verdict::Proven {
                    prop_assert_eq!(ours, truth(game, short_of(game)));
                }
            }
        }
    }
}
