//! The NBA's own forms.

use nba_boxscore::adapter::stats_v2;
use nba_boxscore::{
    Event, EventKind, GameLog, PlayerRef, Rebound, ShotResult, ShotValue, Side, Tally,
};
use nba_testkit::sim::{self, Game};
use serde_json::{Value, json};

use super::truth::Names;

const COLUMNS: [&str; 25] = [
    "GAME_ID",
    "EVENTNUM",
    "EVENTMSGTYPE",
    "EVENTMSGACTIONTYPE",
    "PERIOD",
    "PCTIMESTRING",
    "HOMEDESCRIPTION",
    "NEUTRALDESCRIPTION",
    "VISITORDESCRIPTION",
    "SCORE",
    "PERSON1TYPE",
    "PLAYER1_ID",
    "PLAYER1_NAME",
    "PLAYER1_TEAM_ID",
    "PLAYER1_TEAM_ABBREVIATION",
    "PERSON2TYPE",
    "PLAYER2_ID",
    "PLAYER2_NAME",
    "PLAYER2_TEAM_ID",
    "PLAYER2_TEAM_ABBREVIATION",
    "PERSON3TYPE",
    "PLAYER3_ID",
    "PLAYER3_NAME",
    "PLAYER3_TEAM_ID",
    "PLAYER3_TEAM_ABBREVIATION",
];

fn team(game: &Game, side: Side) -> &'static sim::Team {
    match side {
        Side::Home => game.header.home,
        Side::Away => game.header.away,
    }
}

fn player(game: &Game, player: PlayerRef) -> &sim::Player {
    &game.rosters[player.side.index()][usize::from(player.slot)]
}

fn id(game: &Game, of: PlayerRef) -> u64 {
    u64::from(player(game, of).espn_id)
}

/// Whether a play is a jump ball, which counts for nobody; plays count from 1.
fn jumps(game: &Game, number: usize) -> bool {
    game.plays[number - 1].kind == sim::PlayKind::JumpBall
}

/// For each event that is a free throw of no technical foul, which one it is of how many that were given together, and whether the shooters
/// keep the ball: behind a flagrant foul, of which the events themselves say nothing.
pub(super) fn free_throw_places(events: &[Event]) -> Vec<Option<(usize, usize, bool)>> {
    let mut places = vec![None; events.len()];
    let mut trip: Vec<usize> = Vec::new();
    let mut settle = |trip: &mut Vec<usize>| {
        let keeps = trip.last().is_some_and(|last| keeps_ball(events, *last));
        for (number, event) in (1..).zip(trip.iter()) {
            places[*event] = Some((number, trip.len(), keeps));
        }
        trip.clear();
    };
    for (index, event) in events.iter().enumerate() {
        let goes_on = trip.first().is_none_or(|first| {
            let first = &events[*first];
            (first.period, first.clock_tenths) == (event.period, event.clock_tenths)
        });
        if !goes_on {
            settle(&mut trip);
        }
        match event.kind {
            EventKind::FreeThrow {
                shooter,
                technical: false,
                ..
            } => {
                let same = trip.last().is_none_or(|last| {
                    matches!(events[*last].kind, EventKind::FreeThrow { shooter: other, .. } if other == shooter)
                });
                if !same {
                    settle(&mut trip);
                }
                trip.push(index);
            }
            EventKind::PersonalFoul { .. } | EventKind::Shot(_) | EventKind::Turnover { .. } => {
                settle(&mut trip);
            }
            _ => {}
        }
    }
    settle(&mut trip);
    places
}

/// Whether the side of a free throw that went in is the next to do something with the ball.
fn keeps_ball(events: &[Event], last: usize) -> bool {
    let EventKind::FreeThrow {
        shooter,
        made: true,
        ..
    } = events[last].kind
    else {
        return false;
    };
    let next = events[last + 1..]
        .iter()
        .take_while(|event| event.period == events[last].period)
        .find_map(|event| match event.kind {
            EventKind::Shot(shot) => Some(shot.shooter.side),
            EventKind::Turnover { side, .. } => Some(side),
            EventKind::FreeThrow {
                shooter,
                technical: false,
                ..
            } => Some(shooter.side),
            _ => None,
        });
    next == Some(shooter.side)
}

// ---- NBA Stats v2 ------------------------------------------------------------------------------------------------

/// The game as rows of `playbyplayv2`, by column, with the running figures the NBA prints.
pub(super) fn v2_rows(game: &Game) -> Vec<Value> {
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut rows = Vec::new();
    let events = sim::events::events(game);
    let places = free_throw_places(&events);
    for ((number, event), place) in (1usize..).zip(events).zip(places) {
        tally.apply(&event).unwrap();
        let line = |side: Side, slot: u8| *tally.line(PlayerRef { side, slot }).unwrap();
        let mut texts = [String::new(), String::new()];
        let mut people: [Option<PlayerRef>; 3] = [None; 3];
        let mut of_team = None;
        let mut action = 0;
        let kind = match event.kind {
            EventKind::PeriodStart { .. } => 12,
            EventKind::PeriodEnd => 13,
            EventKind::Shot(shot) => {
                let shooter = shot.shooter;
                people[0] = Some(shooter);
                let three = if shot.value == ShotValue::Three {
                    "3PT "
                } else {
                    ""
                };
                let own = shooter.side.index();
                match shot.result {
                    ShotResult::Made { assist } => {
                        let points = line(shooter.side, shooter.slot).pts;
                        texts[own] = format!("A {three}Jump Shot ({points} PTS)");
                        if let Some(slot) = assist {
                            people[1] = Some(PlayerRef { slot, ..shooter });
                            let assists = line(shooter.side, slot).ast;
                            texts[own].push_str(&format!(" (B {assists} AST)"));
                        }
                        1
                    }
                    ShotResult::Missed { block } => {
                        texts[own] = format!("MISS A {three}Jump Shot");
                        if let Some(slot) = block {
                            let side = shooter.side.other();
                            people[2] = Some(PlayerRef { side, slot });
                            texts[side.index()] = format!("C BLOCK ({} BLK)", line(side, slot).blk);
                        }
                        2
                    }
                }
            }
            EventKind::FreeThrow { shooter, made, .. } => {
                action = match place {
                    Some((1, 1, false)) => 10,
                    Some((1, 2, false)) => 11,
                    Some((2, 2, false)) => 12,
                    Some((1, _, false)) => 13,
                    Some((2, _, false)) => 14,
                    Some((_, _, false)) => 15,
                    Some((1, 1, true)) => 20,
                    Some((1, 2, true)) => 18,
                    Some((2, 2, true)) => 19,
                    Some((1, _, true)) => 27,
                    Some((2, _, true)) => 28,
                    Some((_, _, true)) => 29,
                    None => 16,
                };
                people[0] = Some(shooter);
                texts[shooter.side.index()] = if made {
                    let points = line(shooter.side, shooter.slot).pts;
                    format!("A Free Throw ({points} PTS)")
                } else {
                    "MISS A Free Throw".to_owned()
                };
                3
            }
            EventKind::Rebound { side, player, .. } => {
                match player {
                    Some(slot) => {
                        people[0] = Some(PlayerRef { side, slot });
                        let line = line(side, slot);
                        texts[side.index()] =
                            format!("A REBOUND (Off:{} Def:{})", line.oreb, line.dreb);
                    }
                    None => {
                        of_team = Some(side);
                        texts[side.index()] = "TEAM Rebound".to_owned();
                    }
                }
                4
            }
            EventKind::Turnover {
                side,
                player,
                steal,
            } => {
                action = 1;
                match player {
                    Some(slot) => {
                        people[0] = Some(PlayerRef { side, slot });
                        let turnovers = line(side, slot).tov;
                        texts[side.index()] = format!("A Bad Pass Turnover (P{turnovers}.T1)");
                    }
                    None => {
                        of_team = Some(side);
                        texts[side.index()] = "TEAM Turnover: Shot Clock (T#1)".to_owned();
                    }
                }
                if let Some(slot) = steal {
                    let side = side.other();
                    people[1] = Some(PlayerRef { side, slot });
                    texts[side.index()] = format!("B STEAL ({} STL)", line(side, slot).stl);
                }
                5
            }
            EventKind::PersonalFoul { offender } => {
                action = 1;
                people[0] = Some(offender);
                let fouls = line(offender.side, offender.slot).pf;
                texts[offender.side.index()] = format!("A P.FOUL (P{fouls}.T1)");
                6
            }
            EventKind::TechnicalFoul { side, offender } => {
                action = 11;
                // The printed fouls are the personal ones, and one more technical changes nothing.
                let fouls = offender.map_or(0, |slot| line(side, slot).pf);
                match offender {
                    Some(slot) => people[0] = Some(PlayerRef { side, slot }),
                    None => of_team = Some(side),
                }
                texts[side.index()] = format!("A T.FOUL (P{fouls}.T1)");
                6
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => {
                people[0] = Some(PlayerRef { side, slot: leaves });
                people[1] = Some(PlayerRef { side, slot: enters });
                texts[side.index()] = "SUB: A FOR B".to_owned();
                8
            }
            EventKind::Neutral if jumps(game, number) => 10,
            EventKind::Neutral => 18,
        };
        let or_null = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let clock = event.clock_tenths;
        let mut row = json!({
            "GAME_ID": game.header.game_id,
            "EVENTNUM": number,
            "EVENTMSGTYPE": kind,
            "EVENTMSGACTIONTYPE": action,
            "PERIOD": event.period,
            "PCTIMESTRING": format!("{}:{:02}", clock / 600, clock % 600 / 10),
            "HOMEDESCRIPTION": or_null(&texts[0]),
            "NEUTRALDESCRIPTION": null,
            "VISITORDESCRIPTION": or_null(&texts[1]),
            "SCORE": null,
        });
        if texts.iter().any(|text| text.contains("PTS"))
            && let Some([home, away]) = event.score
        {
            row["SCORE"] = json!(format!("{away} - {home}"));
        }
        for (place, who) in (1..).zip(people) {
            let of = |side: Side| if side == Side::Home { 4 } else { 5 };
            row[format!("PERSON{place}TYPE")] = json!(who.map_or(0, |who| of(who.side)));
            row[format!("PLAYER{place}_ID")] = json!(who.map_or(0, |who| id(game, who)));
            if let Some(who) = who {
                let team = team(game, who.side);
                row[format!("PLAYER{place}_NAME")] = json!(player(game, who).name);
                row[format!("PLAYER{place}_TEAM_ID")] = json!(team.nba_id);
                row[format!("PLAYER{place}_TEAM_ABBREVIATION")] = json!(team.abbrev);
            }
        }
        if let Some(side) = of_team {
            row["PERSON1TYPE"] = json!(if side == Side::Home { 2 } else { 3 });
            row["PLAYER1_ID"] = json!(team(game, side).nba_id);
        }
        rows.push(row);
    }
    rows
}

/// The rows as a caller of the crate hands them over.
pub(super) fn read_v2_rows(game: &Game, rows: &[Value]) -> Result<GameLog, String> {
    let rows = rows.iter().map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or("");
        let whole = |name: &str| row.get(name).and_then(Value::as_i64);
        let person = |place: u8| stats_v2::Person {
            kind: whole(&format!("PERSON{place}TYPE")),
            id: whole(&format!("PLAYER{place}_ID")),
            name: text(&format!("PLAYER{place}_NAME")),
            team: whole(&format!("PLAYER{place}_TEAM_ID")),
            team_name: text(&format!("PLAYER{place}_TEAM_ABBREVIATION")),
        };
        stats_v2::Row {
            number: whole("EVENTNUM"),
            kind: whole("EVENTMSGTYPE").unwrap_or(0),
            action: whole("EVENTMSGACTIONTYPE").unwrap_or(0),
            period: whole("PERIOD").unwrap_or(0),
            clock: text("PCTIMESTRING"),
            home: text("HOMEDESCRIPTION"),
            neutral: text("NEUTRALDESCRIPTION"),
            visitor: text("VISITORDESCRIPTION"),
            score: text("SCORE"),
            people: [person(1), person(2), person(3)],
        }
    });
    stats_v2::read(&game.header.game_id, rows).map_err(|error| error.to_string())
}

pub(super) fn v2_json_document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let set: Vec<Vec<&Value>> = rows
        .iter()
        .map(|row| {
            COLUMNS
                .iter()
                .map(|column| row.get(column).unwrap_or(&Value::Null))
                .collect()
        })
        .collect();
    let document = json!({
        "resource": "playbyplay",
        "resultSets": [{"name": "PlayByPlay", "headers": COLUMNS, "rowSet": set}],
    });
    serde_json::to_vec(&document).unwrap()
}

pub(super) fn v2_parquet_document(_: &Game, rows: &[Value]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.parquet");
    super::parquet_rows::write(&path, &COLUMNS.map(str::to_owned), rows);
    std::fs::read(&path).unwrap()
}

// ---- data.nba.com ------------------------------------------------------------------------------------------------

/// The game as plays of the mobile feed, whose text is one and whose ids stand in other places; `p` is the block's.
pub(super) fn data_rows(game: &Game) -> Vec<Value> {
    let plays = v2_rows(game).into_iter().zip(sim::events::events(game));
    let row = |(row, event): (Value, Event)| {
        let text = |name: &str| row[name].as_str().unwrap_or("");
        let text = format!("{} {}", text("HOMEDESCRIPTION"), text("VISITORDESCRIPTION"));
        let text = text
            .replace("C BLOCK (", "Block: C (")
            .replace(" BLOCK", " Block")
            .replace("B STEAL (", "Steal:B (")
            .replace(" STL)", " ST)")
            .replace("3PT", "3pt");
        let kind = row["EVENTMSGTYPE"].as_i64().unwrap();
        let id = |place: u8| row[format!("PLAYER{place}_ID")].as_u64().unwrap_or(0);
        let is_team = [2, 3].map(|kind| json!(kind)).contains(&row["PERSON1TYPE"]);
        let tid = match &row["PLAYER1_TEAM_ID"] {
            Value::Null if is_team => id(1),
            Value::Null => 0,
            team => team.as_u64().unwrap(),
        };
        let (opponent, helper) = match kind {
            2 => (id(3), 0),
            5 => (id(2), 0),
            1 | 8 => (0, id(2)),
            _ => (0, 0),
        };
        let or_text = |id: u64| {
            if id == 0 {
                json!("")
            } else {
                json!(id.to_string())
            }
        };
        let [home, away] = event.score.unwrap();
        json!({
            "p": row["PERIOD"],
            "evt": row["EVENTNUM"],
            "cl": row["PCTIMESTRING"],
            "de": text.trim(),
            "etype": kind,
            "mtype": row["EVENTMSGACTIONTYPE"],
            "tid": tid,
            "pid": if is_team { 0 } else { id(1) },
            "opid": or_text(opponent),
            "epid": or_text(helper),
            "hs": home,
            "vs": away,
        })
    };
    plays.map(row).collect()
}

pub(super) fn data_document(game: &Game, rows: &[Value]) -> Vec<u8> {
    let mut blocks: Vec<Value> = Vec::new();
    for row in rows {
        if blocks.last().is_none_or(|block| block["p"] != row["p"]) {
            blocks.push(json!({"p": row["p"], "pla": []}));
        }
        let block = blocks.last_mut().unwrap();
        block["pla"].as_array_mut().unwrap().push(row.clone());
    }
    let document = json!({"g": {"mid": 1, "gid": game.header.game_id, "pd": blocks}});
    serde_json::to_vec(&document).unwrap()
}

// ---- the live feed -----------------------------------------------------------------------------------------------

/// The game as actions of cdn.nba.com; steals and blocks have rows of their own, substitutions two.
pub(super) fn live_rows(game: &Game) -> Vec<Value> {
    let events: Vec<Event> = sim::events::events(game);
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut actions: Vec<Value> = Vec::new();
    let places = free_throw_places(&events);
    for ((number, event), place) in (1usize..).zip(&events).zip(places) {
        tally.apply(event).unwrap();
        let line = |of: PlayerRef| *tally.line(of).unwrap();
        let [home, away] = event.score.unwrap();
        let clock = event.clock_tenths;
        let blank = |kind: &str, sub: &str| {
            json!({
                "clock": format!("PT{:02}M{:02}.{}0S", clock / 600, clock % 600 / 10, clock % 10),
                "period": event.period,
                "actionType": kind,
                "subType": sub,
                "personId": 0,
                "scoreHome": home.to_string(),
                "scoreAway": away.to_string(),
            })
        };
        let of = |side: Side, slot: Option<u8>, kind: &str, sub: &str| {
            let mut action = blank(kind, sub);
            action["teamId"] = json!(team(game, side).nba_id);
            action["teamTricode"] = json!(team(game, side).abbrev);
            if let Some(slot) = slot {
                let who = PlayerRef { side, slot };
                action["personId"] = json!(id(game, who));
                action["playerNameI"] = json!(player(game, who).short_name);
            }
            action
        };
        let mut taken = None;
        match event.kind {
            EventKind::PeriodStart { .. } => actions.push(blank("period", "start")),
            EventKind::PeriodEnd => actions.push(blank("period", "end")),
            EventKind::Shot(shot) => {
                let PlayerRef { side, slot } = shot.shooter;
                let kind = if shot.value == ShotValue::Three {
                    "3pt"
                } else {
                    "2pt"
                };
                let mut action = of(side, Some(slot), kind, "Jump Shot");
                match shot.result {
                    ShotResult::Made { assist } => {
                        action["shotResult"] = json!("Made");
                        action["pointsTotal"] = json!(line(shot.shooter).pts);
                        if let Some(slot) = assist {
                            let helper = PlayerRef { side, slot };
                            action["assistPersonId"] = json!(id(game, helper));
                            action["assistTotal"] = json!(line(helper).ast);
                        }
                    }
                    ShotResult::Missed { block } => {
                        action["shotResult"] = json!("Missed");
                        if let Some(slot) = block {
                            let side = side.other();
                            action["blockPersonId"] = json!(id(game, PlayerRef { side, slot }));
                            taken = Some((side, slot, "block"));
                        }
                    }
                }
                actions.push(action);
            }
            EventKind::FreeThrow { shooter, made, .. } => {
                let sub = place.map_or("1 of 1".to_owned(), |(number, of, _)| {
                    format!("{number} of {of}")
                });
                let mut action = of(shooter.side, Some(shooter.slot), "freethrow", &sub);
                action["shotResult"] = json!(if made { "Made" } else { "Missed" });
                match place {
                    None => action["descriptor"] = json!("technical"),
                    Some((_, _, true)) => action["descriptor"] = json!("flagrant"),
                    Some(_) => {}
                }
                if made {
                    action["pointsTotal"] = json!(line(shooter).pts);
                }
                actions.push(action);
            }
            EventKind::Rebound {
                side,
                player,
                which,
            } => {
                let sub = if which == Rebound::Offensive {
                    "offensive"
                } else {
                    "defensive"
                };
                let mut action = of(side, player, "rebound", sub);
                if let Some(slot) = player {
                    let line = line(PlayerRef { side, slot });
                    action["reboundOffensiveTotal"] = json!(line.oreb);
                    action["reboundDefensiveTotal"] = json!(line.dreb);
                }
                actions.push(action);
            }
            EventKind::Turnover {
                side,
                player,
                steal,
            } => {
                let mut action = of(side, player, "turnover", "bad pass");
                if let Some(slot) = player {
                    action["turnoverTotal"] = json!(line(PlayerRef { side, slot }).tov);
                }
                if let Some(slot) = steal {
                    let side = side.other();
                    action["stealPersonId"] = json!(id(game, PlayerRef { side, slot }));
                    taken = Some((side, slot, "steal"));
                }
                actions.push(action);
            }
            EventKind::PersonalFoul { offender } => {
                let mut action = of(offender.side, Some(offender.slot), "foul", "personal");
                action["foulPersonalTotal"] = json!(line(offender).pf);
                actions.push(action);
            }
            EventKind::TechnicalFoul { side, offender } => {
                actions.push(of(side, offender, "foul", "technical"));
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => {
                actions.push(of(side, Some(leaves), "substitution", "out"));
                actions.push(of(side, Some(enters), "substitution", "in"));
            }
            EventKind::Neutral if jumps(game, number) => {
                actions.push(blank("jumpball", "recovered"));
            }
            EventKind::Neutral => actions.push(blank("timeout", "full")),
        }
        if let Some((side, slot, what)) = taken {
            actions.push(of(side, Some(slot), what, ""));
        }
    }
    for (number, action) in (1u32..).zip(&mut actions) {
        action["actionNumber"] = json!(number);
    }
    actions
}

/// The frame of the live feed and of NBA Stats v3.
pub(super) fn actions_document(game: &Game, rows: &[Value]) -> Vec<u8> {
    let document =
        json!({"meta": {"version": 1}, "game": {"gameId": game.header.game_id, "actions": rows}});
    serde_json::to_vec(&document).unwrap()
}

// ---- NBA Stats v3 ------------------------------------------------------------------------------------------------

/// The game as `playbyplayv3` prints it.
pub(super) fn v3_rows(game: &Game) -> Vec<Value> {
    let names = Names::new(game);
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut actions: Vec<Value> = Vec::new();
    let events = sim::events::events(game);
    let places = free_throw_places(&events);
    for ((number, event), place) in (1usize..).zip(events).zip(places) {
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
                    action["teamId"] = team(game, side).nba_id.into();
                    action["teamTricode"] = team(game, side).abbrev.into();
                    action["personId"] = id(game, PlayerRef { side, slot }).into();
                    let short = names.short(side, slot);
                    action["playerNameI"] = short.into();
                    let surname = short.split_once(' ').map_or(short, |(_, last)| last);
                    action["playerName"] = surname.into();
                }
                None => action["personId"] = team(game, side).nba_id.into(),
            }
            action
        };
        let scored = |mut action: Value| {
            action["scoreHome"] = home.to_string().into();
            action["scoreAway"] = away.to_string().into();
            action
        };
        let named = |side: Side, slot: u8| names.text(side, slot);
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
                let name = named(side, slot);
                let three = if shot.value == ShotValue::Three {
                    "3PT "
                } else {
                    ""
                };
                match shot.result {
                    ShotResult::Made { assist } => {
                        let points = line(side, slot).pts;
                        let mut text = format!("{name} 25' {three}Jump Shot ({points} PTS)");
                        if let Some(helper) = assist {
                            let assists = line(side, helper).ast;
                            text += &format!(" ({} {assists} AST)", named(side, helper));
                        }
                        actions.push(scored(of(side, Some(slot), "Made Shot", "Jump Shot", text)));
                    }
                    ShotResult::Missed { block } => {
                        let text = format!("MISS {name} 25' {three}Jump Shot");
                        actions.push(of(side, Some(slot), "Missed Shot", "Jump Shot", text));
                        if let Some(blocker) = block {
                            let side = side.other();
                            let blocks = line(side, blocker).blk;
                            let text = format!("{} BLOCK ({blocks} BLK)", named(side, blocker));
                            actions.push(of(side, Some(blocker), "", "", text));
                        }
                    }
                }
            }
            EventKind::FreeThrow {
                shooter: PlayerRef { side, slot },
                made,
                ..
            } => {
                let sub = match place {
                    None => "Free Throw Technical".to_owned(),
                    Some((number, of, false)) => format!("Free Throw {number} of {of}"),
                    Some((number, of, true)) => format!("Free Throw Flagrant {number} of {of}"),
                };
                let name = named(side, slot);
                actions.push(if made {
                    let text = format!("{name} {sub} ({} PTS)", line(side, slot).pts);
                    scored(of(side, Some(slot), "Free Throw", &sub, text))
                } else {
                    let text = format!("MISS {name} {sub}");
                    of(side, Some(slot), "Free Throw", &sub, text)
                });
            }
            EventKind::Rebound { side, player, .. } => {
                let text = match player {
                    Some(slot) => {
                        let one = line(side, slot);
                        let name = named(side, slot);
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
                    Some(slot) => {
                        let turnovers = line(side, slot).tov;
                        format!("{} Turnover (P{turnovers}.T1)", named(side, slot))
                    }
                    None => "TEAM Turnover: Shot Clock (T#1)".to_owned(),
                };
                actions.push(of(side, player, "Turnover", "Bad Pass", text));
                if let Some(thief) = steal {
                    let side = side.other();
                    let steals = line(side, thief).stl;
                    let text = format!("{} STEAL ({steals} STL)", named(side, thief));
                    actions.push(of(side, Some(thief), "", "", text));
                }
            }
            EventKind::PersonalFoul {
                offender: PlayerRef { side, slot },
            } => {
                let text = format!("{} P.FOUL (P{}.T1)", named(side, slot), line(side, slot).pf);
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
                let text = format!("SUB: {} FOR {}", named(side, enters), named(side, leaves));
                actions.push(of(side, Some(leaves), "Substitution", "", text));
            }
            EventKind::Neutral if jumps(game, number) => {
                let mut action = blank();
                action["actionType"] = "Jump Ball".into();
                actions.push(action);
            }
            EventKind::Neutral => {}
        }
    }
    for (id, action) in (1u32..).zip(&mut actions) {
        action["actionId"] = id.into();
    }
    actions
}
