//! Generated games in every form of play-by-play: what is counted is what was played.

use nba_boxscore::adapter::{espn, live, stats_v2};
use nba_boxscore::{
    Event, EventKind, GameBox, GameLog, Line, PlayerRef, Rebound, ShotResult, ShotValue, Side,
    Tally, Verification, verify,
};
use nba_testkit::sim::{self, Game, SimOptions, Universe, simulate, text};
use nba_utils::Verdict;

/// Games spread over all seasons; a step that is prime to most things.
const GAMES: u32 = 60;

fn games() -> impl Iterator<Item = Game> {
    let universe = Universe::new(1946);
    let step = universe.len() / GAMES;
    (0..GAMES).map(move |number| {
        simulate(&universe.header(number * step), &SimOptions::default()).unwrap()
    })
}

/// What counts for a player, whatever his place in the roster.
fn lines(log: &GameLog, score: &GameBox) -> Vec<(u64, Line)> {
    let mut found: Vec<(u64, Line)> = Side::BOTH
        .into_iter()
        .flat_map(|side| {
            log.teams[side.index()]
                .players
                .iter()
                .zip(&score.teams[side.index()].players)
                .map(|(player, line)| (player.id.unwrap(), *line))
                .collect::<Vec<_>>()
        })
        .filter(|(_, line)| *line != Line::default())
        .collect();
    found.sort_by_key(|(id, _)| *id);
    found
}

fn truth(game: &Game) -> Vec<(u64, Line)> {
    let score = sim::events::game_box(game);
    let mut found: Vec<(u64, Line)> = [0, 1]
        .into_iter()
        .flat_map(|side: usize| {
            game.rosters[side]
                .iter()
                .zip(score.teams[side].players.clone())
                .map(|(player, line)| (u64::from(player.espn_id), line))
                .collect::<Vec<_>>()
        })
        .filter(|(_, line)| *line != Line::default())
        .collect();
    found.sort_by_key(|(id, _)| *id);
    found
}

/// The lines with their counts alone.
fn counts(lines: &[(u64, Line)]) -> Vec<(u64, Line)> {
    lines
        .iter()
        .map(|(id, line)| {
            let only = Line {
                plus_minus: 0,
                tenths: 0,
                ..*line
            };
            (*id, only)
        })
        .filter(|(_, line)| *line != Line::default())
        .collect()
}

/// Counts must be right; time and plus/minus wherever the lineups are called proven.
fn right(form: &str, game: &Game, log: &GameLog) -> Verification {
    let found = verify(log);
    let (ours, played) = (lines(log, &found.score), truth(game));
    let id = &game.header.game_id;
    assert_eq!(counts(&ours), counts(&played), "{form} {id}");
    if found.court() == Verdict::Proven {
        assert_eq!(ours, played, "{form} {id}: time on court and plus/minus");
    }
    assert!(
        !matches!(found.counts(), Verdict::Refuted { .. }),
        "{form} {id}: {}",
        found.counts()
    );
    found
}

fn id(game: &Game, player: PlayerRef) -> u64 {
    u64::from(game.rosters[player.side.index()][usize::from(player.slot)].espn_id)
}

// ---- ESPN --------------------------------------------------------------------------------------------------------

fn espn_plays(game: &Game) -> Vec<(espn::Play<'_>, String)> {
    game.plays
        .iter()
        .map(|play| {
            let mut athletes = [None; 3];
            for (place, actor) in athletes.iter_mut().zip(play.actors.iter().flatten()) {
                let side = if actor.side == sim::Side::Home { 0 } else { 1 };
                *place = Some(u64::from(
                    game.rosters[side][usize::from(actor.player)].espn_id,
                ));
            }
            let play_text = text::clock_display(play.clock_tenths, game.header.wording);
            let team = play.side.map(|side| match side {
                sim::Side::Home => u64::from(game.header.home.espn_id),
                sim::Side::Away => u64::from(game.header.away.espn_id),
            });
            (
                espn::Play {
                    place: None,
                    number: Some(play.sequence),
                    period: i64::from(play.period),
                    clock: "",
                    kind: text::espn_type(play).1,
                    text: &play.text,
                    team,
                    scoring: play.points > 0,
                    score_value: i64::from(play.points),
                    shooting: None,
                    attempted: None,
                    score: Some(play.score),
                    athletes,
                },
                play_text,
            )
        })
        .collect()
}

fn espn_log(game: &Game) -> GameLog {
    let teams = espn::Teams {
        ids: [
            u64::from(game.header.home.espn_id),
            u64::from(game.header.away.espn_id),
        ],
        names: [game.header.home.abbrev, game.header.away.abbrev],
    };
    let plays = espn_plays(game);
    espn::read(
        &game.header.game_id,
        teams,
        plays
            .iter()
            .map(|(play, clock)| espn::Play { clock, ..*play }),
    )
    .unwrap()
}

#[test]
fn espn_plays_come_out_exact() {
    let mut proven = 0;
    for game in games() {
        let found = right("espn", &game, &espn_log(&game));
        proven += usize::from(found.counts() == Verdict::Proven);
    }
    assert!(proven > 50, "only {proven} games proven");
}

// ---- NBA Stats v2 ------------------------------------------------------------------------------------------------

/// A row with texts of its own.
#[derive(Clone, Default)]
struct StatsRow {
    number: i64,
    kind: i64,
    action: i64,
    period: i64,
    clock: String,
    home: String,
    visitor: String,
    score: String,
    people: [(i64, i64); 3],
}

impl StatsRow {
    fn borrow(&self) -> stats_v2::Row<'_> {
        stats_v2::Row {
            number: Some(self.number),
            kind: self.kind,
            action: self.action,
            period: self.period,
            clock: &self.clock,
            home: &self.home,
            neutral: "",
            visitor: &self.visitor,
            score: &self.score,
            people: self.people.map(|(kind, id)| stats_v2::Person {
                kind: Some(kind),
                id: Some(id),
                ..stats_v2::Person::default()
            }),
        }
    }
}

/// For each event that is a free throw of no technical foul, which one it is of how many that were given together, and whether the shooters
/// keep the ball: behind a flagrant foul, of which the events themselves say nothing.
pub(crate) fn free_throw_places(events: &[Event]) -> Vec<Option<(usize, usize, bool)>> {
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

/// Whether a play is a jump ball, which counts for nobody; plays count from 1.
fn jumps(game: &Game, number: i64) -> bool {
    let place = usize::try_from(number - 1).unwrap();
    game.plays[place].kind == sim::PlayKind::JumpBall
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

fn person(game: &Game, player: PlayerRef) -> (i64, i64) {
    let kind = if player.side == Side::Home { 4 } else { 5 };
    (kind, i64::try_from(id(game, player)).unwrap())
}

/// The game as rows with the running figures the NBA prints.
fn stats_rows(game: &Game) -> Vec<StatsRow> {
    let mut tally = Tally::new(sim::events::roster_sizes(game));
    let mut rows = Vec::new();
    let events = sim::events::events(game);
    let places = free_throw_places(&events);
    // Whatever a row says of nobody in particular, its team is named.
    let team = |side: Side| match side {
        Side::Home => (2, 1_610_612_737),
        Side::Away => (3, 1_610_612_738),
    };
    for ((number, event), place) in (1i64..).zip(events).zip(places) {
        tally.apply(&event).unwrap();
        let line = |side: Side, slot: u8| *tally.line(PlayerRef { side, slot }).unwrap();
        let mut row = StatsRow {
            number,
            period: i64::from(event.period),
            clock: format!(
                "{}:{:02}",
                event.clock_tenths / 600,
                event.clock_tenths % 600 / 10
            ),
            ..StatsRow::default()
        };
        let mut texts = [String::new(), String::new()];
        match event.kind {
            EventKind::PeriodStart { .. } => row.kind = 12,
            EventKind::PeriodEnd => row.kind = 13,
            EventKind::Shot(shot) => {
                let shooter = shot.shooter;
                row.people[0] = person(game, shooter);
                let three = if shot.value == ShotValue::Three {
                    "3PT "
                } else {
                    ""
                };
                let own = shooter.side.index();
                match shot.result {
                    ShotResult::Made { assist } => {
                        row.kind = 1;
                        texts[own] = format!(
                            "A {three}Jump Shot ({} PTS)",
                            line(shooter.side, shooter.slot).pts
                        );
                        if let Some(slot) = assist {
                            let helper = PlayerRef { slot, ..shooter };
                            row.people[1] = person(game, helper);
                            let assists = line(shooter.side, slot).ast;
                            texts[own].push_str(&format!(" (B {assists} AST)"));
                        }
                    }
                    ShotResult::Missed { block } => {
                        row.kind = 2;
                        texts[own] = format!("MISS A {three}Jump Shot");
                        if let Some(slot) = block {
                            let side = shooter.side.other();
                            row.people[2] = person(game, PlayerRef { side, slot });
                            texts[side.index()] = format!("C BLOCK ({} BLK)", line(side, slot).blk);
                        }
                    }
                }
            }
            EventKind::FreeThrow {
                shooter,
                made,
                technical,
            } => {
                row.kind = 3;
                row.action = match place {
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
                assert_eq!(technical, place.is_none());
                row.people[0] = person(game, shooter);
                texts[shooter.side.index()] = if made {
                    format!(
                        "A Free Throw ({} PTS)",
                        line(shooter.side, shooter.slot).pts
                    )
                } else {
                    "MISS A Free Throw".to_owned()
                };
            }
            EventKind::Rebound {
                side,
                player: Some(slot),
                ..
            } => {
                row.kind = 4;
                row.people[0] = person(game, PlayerRef { side, slot });
                let line = line(side, slot);
                texts[side.index()] = format!("A REBOUND (Off:{} Def:{})", line.oreb, line.dreb);
            }
            EventKind::Turnover {
                side,
                player: Some(slot),
                steal,
            } => {
                row.kind = 5;
                row.action = 1;
                row.people[0] = person(game, PlayerRef { side, slot });
                texts[side.index()] = format!("A Bad Pass Turnover (P{}.T1)", line(side, slot).tov);
                if let Some(slot) = steal {
                    let side = side.other();
                    row.people[1] = person(game, PlayerRef { side, slot });
                    texts[side.index()] = format!("B STEAL ({} STL)", line(side, slot).stl);
                }
            }
            EventKind::PersonalFoul { offender } => {
                row.kind = 6;
                row.action = 1;
                row.people[0] = person(game, offender);
                texts[offender.side.index()] =
                    format!("A P.FOUL (P{}.T1)", line(offender.side, offender.slot).pf);
            }
            EventKind::TechnicalFoul {
                side,
                offender: Some(slot),
            } => {
                row.kind = 6;
                row.action = 11;
                row.people[0] = person(game, PlayerRef { side, slot });
            }
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => {
                row.kind = 8;
                row.people[0] = person(game, PlayerRef { side, slot: leaves });
                row.people[1] = person(game, PlayerRef { side, slot: enters });
            }
            EventKind::Rebound {
                side, player: None, ..
            } => {
                row.kind = 4;
                row.people[0] = team(side);
            }
            EventKind::Turnover {
                side, player: None, ..
            } => {
                row.kind = 5;
                row.people[0] = team(side);
            }
            EventKind::TechnicalFoul {
                side,
                offender: None,
            } => {
                row.kind = 6;
                row.action = 11;
                row.people[0] = team(side);
            }
            EventKind::Neutral => {
                row.kind = if jumps(game, number) { 10 } else { 18 };
            }
        }
        let scored = texts.iter().any(|text| text.contains("PTS"));
        if scored && let Some([home, away]) = event.score {
            row.score = format!("{away} - {home}");
        }
        [row.home, row.visitor] = texts;
        rows.push(row);
    }
    rows
}

fn stats_log(rows: &[StatsRow]) -> GameLog {
    stats_v2::read("1", rows.iter().map(StatsRow::borrow)).unwrap()
}

#[test]
fn stats_rows_come_out_exact_and_proven() {
    for game in games() {
        let found = right("stats", &game, &stats_log(&stats_rows(&game)));
        assert_eq!(found.counts(), Verdict::Proven, "{}", game.header.game_id);
    }
}

// ---- the live feed -----------------------------------------------------------------------------------------------

fn live_log(game: &Game) -> GameLog {
    let teams = [10, 20];
    let events: Vec<Event> = sim::events::events(game);
    let mut clocks = Vec::new();
    for event in &events {
        clocks.push(format!(
            "PT{:02}M{:02}.{}0S",
            event.clock_tenths / 600,
            event.clock_tenths % 600 / 10,
            event.clock_tenths % 10
        ));
    }
    let mut actions = Vec::new();
    let places = free_throw_places(&events);
    for (number, ((event, clock), place)) in (1i64..).zip(events.iter().zip(&clocks).zip(places)) {
        let action = live::Action {
            period: i64::from(event.period),
            clock,
            score: event.score,
            ..live::Action::default()
        };
        let by = |player: PlayerRef| live::Action {
            team: Some(teams[player.side.index()]),
            person: id(game, player),
            ..action
        };
        let of = |side: Side, player: Option<u8>| match player {
            Some(slot) => by(PlayerRef { side, slot }),
            None => live::Action {
                team: Some(teams[side.index()]),
                ..action
            },
        };
        let other =
            |side: Side, slot: Option<u8>| slot.map(|slot| id(game, PlayerRef { side, slot }));
        match event.kind {
            EventKind::PeriodStart { .. } => actions.push(live::Action {
                kind: "period",
                sub_kind: "start",
                ..action
            }),
            EventKind::PeriodEnd => actions.push(live::Action {
                kind: "period",
                sub_kind: "end",
                ..action
            }),
            EventKind::Shot(shot) => {
                let mut one = live::Action {
                    kind: if shot.value == ShotValue::Three {
                        "3pt"
                    } else {
                        "2pt"
                    },
                    ..by(shot.shooter)
                };
                match shot.result {
                    ShotResult::Made { assist } => {
                        one.made = true;
                        one.assist = other(shot.shooter.side, assist);
                    }
                    ShotResult::Missed { block } => {
                        one.block = other(shot.shooter.side.other(), block);
                    }
                }
                actions.push(one);
            }
            EventKind::FreeThrow { shooter, made, .. } => actions.push(live::Action {
                kind: "freethrow",
                sub_kind: match place {
                    Some((1, 1, _)) => "1 of 1",
                    Some((1, 2, _)) => "1 of 2",
                    Some((2, 2, _)) => "2 of 2",
                    Some((1, _, _)) => "1 of 3",
                    Some((2, _, _)) => "2 of 3",
                    Some(_) => "3 of 3",
                    None => "",
                },
                descriptor: match place {
                    None => "technical",
                    Some((_, _, true)) => "flagrant",
                    Some(_) => "",
                },
                made,
                ..by(shooter)
            }),
            EventKind::Rebound {
                side,
                player,
                which,
            } => actions.push(live::Action {
                kind: "rebound",
                sub_kind: if which == Rebound::Offensive {
                    "offensive"
                } else {
                    "defensive"
                },
                ..of(side, player)
            }),
            EventKind::Turnover {
                side,
                player,
                steal,
            } => actions.push(live::Action {
                kind: "turnover",
                steal: other(side.other(), steal),
                ..of(side, player)
            }),
            EventKind::PersonalFoul { offender } => actions.push(live::Action {
                kind: "foul",
                sub_kind: "personal",
                ..by(offender)
            }),
            EventKind::TechnicalFoul { side, offender } => actions.push(live::Action {
                kind: "foul",
                sub_kind: "technical",
                ..of(side, offender)
            }),
            EventKind::Substitution {
                side,
                enters,
                leaves,
            } => {
                for (sub_kind, slot) in [("out", leaves), ("in", enters)] {
                    actions.push(live::Action {
                        kind: "substitution",
                        sub_kind,
                        ..of(side, Some(slot))
                    });
                }
            }
            EventKind::Neutral => actions.push(live::Action {
                kind: if jumps(game, number) {
                    "jumpball"
                } else {
                    "timeout"
                },
                ..action
            }),
        }
    }
    for (number, action) in (1..).zip(&mut actions) {
        action.number = Some(number);
    }
    live::read("1", &actions, None).unwrap()
}

#[test]
fn live_actions_come_out_exact_and_proven() {
    for game in games() {
        let found = right("live", &game, &live_log(&game));
        assert_eq!(found.counts(), Verdict::Proven, "{}", game.header.game_id);
    }
}

// ---- damage ------------------------------------------------------------------------------------------------------

/// A number from a number: no clock, no chance.
fn scramble(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 40).unwrap()
}

/// Rows of one moment in another order, rows twice, figures and scores left out: whatever is called proven is right.
#[test]
fn damage_never_makes_a_wrong_game_proven() {
    let mut state = 7;
    let (mut proven, mut tried) = (0, 0);
    for game in games().take(20) {
        let whole = stats_rows(&game);
        let played = counts(&truth(&game));
        for round in 0..12 {
            let mut rows = whole.clone();
            for _ in 0..=scramble(&mut state) % 12 {
                let at = scramble(&mut state) % (rows.len() - 1);
                match round % 4 {
                    // Another order within a moment.
                    0 => {
                        if rows[at].clock == rows[at + 1].clock
                            && rows[at].period == rows[at + 1].period
                        {
                            rows.swap(at, at + 1);
                        }
                    }
                    // The same row again, there or later.
                    1 => {
                        let again = rows[at].clone();
                        let to = at + scramble(&mut state) % (rows.len() - at);
                        rows.insert(to + 1, again);
                    }
                    // Optional fields.
                    2 => {
                        rows[at].score.clear();
                        if rows[at].kind != 1 && rows[at].kind != 3 {
                            rows[at].home.clear();
                            rows[at].visitor.clear();
                        }
                    }
                    // A row that counted something is gone.
                    _ => {
                        if matches!(rows[at].kind, 1 | 3) && !rows[at].score.is_empty() {
                            rows.remove(at);
                        }
                    }
                }
            }
            tried += 1;
            let log = stats_log(&rows);
            let found = verify(&log);
            if found.counts() == Verdict::Proven {
                proven += 1;
                assert_eq!(
                    counts(&lines(&log, &found.score)),
                    played,
                    "{} round {round}",
                    game.header.game_id
                );
            }
        }
    }
    assert!(proven > tried / 4, "{proven} of {tried} proven");
}
