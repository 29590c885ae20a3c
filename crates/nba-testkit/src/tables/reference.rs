//! Rows that belong to no game: teams, people, metrics, odds, NBA API documents, staged JSON (database dossier 1.3, 2.8, 2.12–2.17).

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::{
    Entry,
    espn::{Json, espn_json},
    row::Rows,
};
use crate::{
    plan::{Feeds, Plan},
    quirks::scramble,
    sim::{
        SimError, SimOptions, Team, Universe,
        roster::squad,
        schedule::{FIRST_SEASON, LAST_SEASON},
        simulate, special_teams, teams,
    },
};

/// When the batch loaders ran.
const LOADED: &str = "2025-10-11 09:30:00";

const BOOKMAKERS: [&str; 21] = [
    "draftkings",
    "fanduel",
    "betmgm",
    "caesars",
    "pointsbetus",
    "betrivers",
    "bovada",
    "betonlineag",
    "mybookieag",
    "lowvig",
    "williamhill_us",
    "unibet_us",
    "wynnbet",
    "superbook",
    "barstool",
    "betus",
    "fanatics",
    "espnbet",
    "hardrockbet",
    "ballybet",
    "betparx",
];
const MARKETS: [&str; 36] = [
    "h2h",
    "spreads",
    "totals",
    "outrights",
    "h2h_lay",
    "alternate_spreads",
    "alternate_totals",
    "team_totals",
    "alternate_team_totals",
    "h2h_q1",
    "h2h_q2",
    "h2h_q3",
    "h2h_q4",
    "h2h_h1",
    "h2h_h2",
    "spreads_q1",
    "spreads_q2",
    "spreads_q3",
    "spreads_q4",
    "spreads_h1",
    "spreads_h2",
    "totals_q1",
    "totals_q2",
    "totals_q3",
    "totals_q4",
    "totals_h1",
    "totals_h2",
    "player_points",
    "player_rebounds",
    "player_assists",
    "player_threes",
    "player_blocks",
    "player_steals",
    "player_turnovers",
    "player_double_double",
    "player_triple_double",
];

/// Adds every planned row of a table that is not made from games, in a fixed order; nothing for any other table.
///
/// # Errors
///
/// [`SimError`] when a game whose document is staged cannot be simulated.
pub fn write(
    rows: &mut Rows,
    table: &str,
    universe: &Universe,
    plan: &Plan,
) -> Result<(), SimError> {
    let count = plan.rows(table);
    match table {
        "public.teams" => all_teams(rows),
        "public.team_seasons" => team_seasons(rows, count),
        "public.player_biographical" => biographies(rows, universe, count),
        "public.box_score_snapshots" => test_snapshot(rows, universe, plan),
        "public.dims_config" => dims_config(rows),
        "public.dims_metrics_history" => dims_history(rows, count),
        "public.dims_verification_runs" => dims_runs(rows, count),
        "public.nba_api_comprehensive" => nba_api_comprehensive(rows, count),
        "public.nba_api_player_dashboards" => dashboards(rows, count, 1_628_000),
        "public.nba_api_team_dashboards" => team_dashboards(rows, count),
        "odds.bookmakers" => named(rows, &BOOKMAKERS, None),
        "odds.market_types" => named(rows, &MARKETS, Some(4)),
        "odds.events" => odds_events(rows, count),
        "odds.odds_snapshots" => odds_snapshots(rows, count, plan.rows("odds.events")),
        "raw_data.nba_games" => return staged_games(rows, universe, plan, count),
        "raw_data.schema_version" => rows
            .text("0.10.0")
            .text("2025-10-24 20:00:00")
            .text("raw data tables")
            .end(),
        _ => {}
    }
    Ok(())
}

fn everyone() -> impl Iterator<Item = &'static Team> {
    teams().iter().chain(special_teams())
}

/// The franchises have names; the special teams are what the schedule loader made of their ids.
fn all_teams(rows: &mut Rows) {
    for team in teams() {
        rows.int(team.espn_id)
            .part(team.location)
            .part(" ")
            .text(team.name)
            .text(team.abbrev);
        rows.null().null().text(LOADED).text(LOADED).end();
    }
    for team in special_teams() {
        rows.int(team.espn_id)
            .part("Team ")
            .int(team.espn_id)
            .null()
            .null()
            .null()
            .text(LOADED)
            .text(LOADED)
            .end();
    }
}

fn team_seasons(rows: &mut Rows, count: u64) {
    let all = (FIRST_SEASON..=LAST_SEASON)
        .rev()
        .flat_map(|season| teams().iter().map(move |team| (season, team)));
    for ((season, team), _) in all.zip(0..count) {
        let wins = draw(
            "season",
            u64::from(season) << 8 | u64::from(team.espn_id),
            50,
        ) + 16;
        rows.int(team.espn_id)
            .digits(season)
            .part("-")
            .two_digits(u32::from((season + 1) % 100))
            .field();
        rows.int(wins).int(82 - wins).text(LOADED).end();
    }
}

fn biographies(rows: &mut Rows, universe: &Universe, count: u64) {
    let mut seen = BTreeSet::new();
    for season in FIRST_SEASON..=LAST_SEASON {
        for team in everyone() {
            for player in squad(universe.seed(), team, season) {
                if u64::try_from(seen.len()).unwrap_or(u64::MAX) >= count {
                    return;
                }
                if !seen.insert(player.espn_id) {
                    continue;
                }
                let id = u64::from(player.espn_id);
                let born = i32::from(season) - 21;
                let birth = NaiveDate::from_ymd_opt(born, 1, 1)
                    .map(|day| day + Days::new(draw_u64("birth", id, 365)));
                rows.int(player.espn_id);
                match birth {
                    // Some dates are known to the year only and stored as the first of January.
                    Some(day) if draw("precision", id, 40) > 0 => rows.date(day).text("day"),
                    _ => rows.digits(born).text("-01-01").text("year"),
                };
                rows.text(team.city)
                    .opt_text((team.nba_id > 0).then_some(team.state))
                    .null();
                rows.int(draw("height", id, 16) + 72)
                    .int(draw("weight", id, 100) + 170)
                    .null();
                rows.digits(season)
                    .text("-10-30")
                    .null()
                    .int(season)
                    .int(draw("round", id, 2) + 1);
                rows.int(draw("pick", id, 30) + 1)
                    .int(team.espn_id)
                    .null()
                    .null()
                    .null()
                    .text(player.position);
                // The column is an integer: 00 became 0.
                rows.opt_int(player.jersey.parse::<i64>().ok())
                    .text("espn")
                    .text(LOADED)
                    .text(LOADED)
                    .end();
            }
        }
    }
}

/// The one row left by the paused snapshot feature.
fn test_snapshot(rows: &mut Rows, universe: &Universe, plan: &Plan) {
    let Some(game) = plan
        .games
        .iter()
        .find(|game| game.feeds.has(Feeds::PLAY_BY_PLAY))
    else {
        return;
    };
    rows.int(1)
        .text(&universe.header(game.index).game_id)
        .int(1)
        .text("test")
        .int(1)
        .text("12:00")
        .int(0)
        .int(0)
        .int(0);
    rows.text(r#"{"test": true, "players": {}}"#)
        .text("2025-10-14 21:00:00")
        .text("2025-10-14 21:00:00")
        .end();
}

fn dims_config(rows: &mut Rows) {
    for (key, value, kind) in [
        ("schema_version", "1.0.0", "string"),
        ("retention_history_days", "365", "integer"),
        ("retention_snapshots_days", "90", "integer"),
        ("auto_cleanup_enabled", "true", "boolean"),
    ] {
        rows.text(key)
            .text(value)
            .text(kind)
            .null()
            .text("2025-10-21 18:00:00")
            .end();
    }
}

fn dims_history(rows: &mut Rows, count: u64) {
    let metrics = [
        ("s3_storage", "total_objects", 146_115),
        ("code_base", "python_files", 1_308),
        ("documentation", "markdown_files", 2_018),
    ];
    for n in 0..count {
        let at = usize::try_from(n % 3).unwrap_or(0);
        let (category, name, base) = metrics[at];
        let value = base + i64::try_from(n / 3 * 7).unwrap_or(0);
        let when = october(21) + hours(n * 2);
        rows.int(id(n))
            .text(category)
            .text(name)
            .int(value)
            .text("integer")
            .int(value)
            .timestamp(when);
        rows.text("automated")
            .text("dims_cli")
            .boolean(false)
            .null()
            .null()
            .timestamp(when)
            .end();
    }
}

fn dims_runs(rows: &mut Rows, count: u64) {
    for n in 0..count {
        let when = october(21) + TimeDelta::minutes(i64::try_from(n * 72).unwrap_or(0));
        let drift = n % 6 == 0;
        rows.int(id(n))
            .timestamp(when)
            .int(25)
            .int(if drift { 24 } else { 25 })
            .boolean(drift)
            .boolean(false);
        rows.text(if drift {
            r#"[{"metric": "s3_storage.total_objects"}]"#
        } else {
            "[]"
        })
        .null();
        rows.int(draw("run", n, 4_000) + 800)
            .text("post-commit")
            .null()
            .timestamp(when)
            .end();
    }
}

/// Seasons are texts, one file in fifty has none; rows without entity escape the unique key and are there twice.
fn nba_api_comprehensive(rows: &mut Rows, count: u64) {
    let mut document = String::new();
    for n in 0..count {
        // Both of a doubled pair have the same key.
        let key = if n % 100 == 51 { n - 1 } else { n };
        let without_entity = key % 100 == 50;
        let data_type =
            ["shot_chart", "game_log", "hustle", "clutch"][usize::try_from(key % 4).unwrap_or(0)];
        rows.int(id(n)).text(data_type);
        api_season(rows, key);
        if without_entity {
            rows.null()
        } else {
            rows.digits(i64::try_from(key).unwrap_or(0) + 200_000)
                .field()
        };
        document.clear();
        api_document(&mut document, key);
        rows.text(&document)
            .text("2025-10-06 02:00:00")
            .text("2025-10-29 20:00:00");
        rows.part("nba_api_comprehensive/")
            .part(data_type)
            .part("/")
            .digits(i64::try_from(key).unwrap_or(0))
            .text(".json");
        rows.null().null().boolean(false).null().end();
    }
}

fn dashboards(rows: &mut Rows, count: u64, first_player: i64) {
    let kinds = [
        "general_splits",
        "shooting_splits",
        "clutch",
        "last_n_games",
        "opponent",
        "year_over_year",
    ];
    let mut document = String::new();
    for n in 0..count {
        let kind = kinds[usize::try_from(n % 6).unwrap_or(0)];
        rows.int(id(n))
            .int(first_player + i64::try_from(n / 6).unwrap_or(0));
        api_season(rows, n);
        document.clear();
        api_document(&mut document, n);
        rows.text(kind)
            .text(&document)
            .text("2025-10-06 02:00:00")
            .text("2025-10-29 20:00:00");
        rows.null().null().boolean(false).null().end();
    }
}

fn team_dashboards(rows: &mut Rows, count: u64) {
    let mut document = String::new();
    let all = (0u64..).flat_map(|year| teams().iter().map(move |team| (year, team)));
    for (n, (year, team)) in (0..count).zip(all) {
        rows.int(id(n)).int(team.nba_id);
        api_year(rows, year);
        document.clear();
        api_document(&mut document, n);
        rows.text("general_splits")
            .text(&document)
            .text("2025-10-06 02:00:00")
            .text("2025-10-29 20:00:00");
        rows.null().null().boolean(false).null().end();
    }
}

fn api_season(rows: &mut Rows, n: u64) {
    if n % 50 == 7 {
        rows.text("unknown");
    } else {
        api_year(rows, n / 6);
    }
}

fn api_year(rows: &mut Rows, n: u64) {
    let start = 2024 - u32::try_from(n % 10).unwrap_or(0);
    rows.digits(start)
        .part("-")
        .two_digits((start + 1) % 100)
        .field();
}

fn api_document(document: &mut String, n: u64) {
    let _ = write!(
        document,
        r#"{{"resource": "dashboard", "parameters": {{"PerMode": "Totals", "LastNGames": 0}}, "rows": ["#
    );
    for row in 0..3 {
        let separator = if row == 0 { "" } else { ", " };
        let points = draw("api", n * 8 + row, 2_000);
        let _ = write!(
            document,
            r#"{separator}{{"GROUP_VALUE": "{row}", "GP": {}, "PTS": {points}, "FG_PCT": 0.{:03}}}"#,
            points % 82,
            points % 600
        );
    }
    document.push_str("]}");
}

/// A key and a title; the direct fetcher stored the time of its last update as the title of every `time_every`th market.
fn named(rows: &mut Rows, names: &[&str], time_every: Option<usize>) {
    for (position, (name, n)) in names.iter().zip(0u64..).enumerate() {
        rows.int(id(n)).text(name);
        if time_every.is_some_and(|every| position % every == 3) {
            rows.text("2025-10-22T18:05:11Z");
        } else {
            rows.text(&name.replace('_', " "));
        }
        rows.timestamp(october(20)).end();
    }
}

fn event_id(n: u64) -> String {
    format!("{:016x}{:016x}", scramble(n), scramble(n ^ 0x0dd5))
}

fn odds_events(rows: &mut Rows, count: u64) {
    for n in 0..count {
        let pair = scramble(n);
        let home = &teams()[usize::try_from(pair % 30).unwrap_or(0)];
        let away = &teams()[usize::try_from((pair % 30 + 1 + pair / 30 % 29) % 30).unwrap_or(0)];
        rows.text(&event_id(n))
            .text("basketball_nba")
            .text("NBA")
            .timestamp(october(22) + hours(n * 3));
        for team in [home, away] {
            rows.part(team.location).part(" ").text(team.name);
        }
        rows.timestamp(october(21)).timestamp(october(31)).end();
    }
}

/// Append-only: the last fetch of every event is the latest one.
fn odds_snapshots(rows: &mut Rows, count: u64, events: u64) {
    let per_event = (count / events.max(1)).max(1);
    for n in 0..count {
        let event = (n / per_event).min(events.saturating_sub(1));
        let nth = n - event * per_event;
        let fetched = october(22) + TimeDelta::minutes(i64::try_from(nth * 5).unwrap_or(0));
        let latest = n + 1 == count || (event < events.saturating_sub(1) && nth + 1 == per_event);
        let price = draw("price", n, 400) - 200;
        let price = if price >= 0 { price + 100 } else { price - 100 };
        rows.int(id(n))
            .text(&event_id(event))
            .int(id(n % 21))
            .int(id(n % 3));
        rows.text(if n % 2 == 0 { "Over" } else { "Under" })
            .digits(price)
            .text(".00");
        rows.digits(draw("point", n, 60) + 190)
            .text(".50")
            .timestamp(fetched)
            .timestamp(fetched)
            .boolean(latest)
            .end();
    }
}

/// Documents of whole games, each about 100 KB; some scores are objects (database dossier 2.15).
fn staged_games(
    rows: &mut Rows,
    universe: &Universe,
    plan: &Plan,
    count: u64,
) -> Result<(), SimError> {
    let with_plays: Vec<_> = plan
        .games
        .iter()
        .filter(|game| game.feeds.has(Feeds::ESPN_PLAYS))
        .collect();
    let mut document = String::new();
    for n in 0..count {
        // The smallest replicas have fewer games than documents: the rest are documents of games they do not have.
        let index = match with_plays.get(usize::try_from(n).unwrap_or(usize::MAX)) {
            Some(game) => game.index,
            None => universe.len() - 1 - u32::try_from(n).unwrap_or(0),
        };
        let game = simulate(&universe.header(index), &SimOptions::default())?;
        let header = &game.header;
        let entry = Entry {
            game: &game,
            id: &header.game_id,
            planned: with_plays[0],
        };
        document.clear();
        let score = game.final_score();
        let _ = write!(
            document,
            r#"{{"game_id": "{}", "teams": {{"#,
            header.game_id
        );
        for (number, (name, team)) in [("home", header.home), ("away", header.away)]
            .into_iter()
            .enumerate()
        {
            let separator = if number == 0 { "" } else { ", " };
            let full = format!("{} {}", team.location, team.name);
            let points = Score {
                points: score[number],
                object: n % 3 == 0,
            };
            let _ = write!(
                document,
                r#"{separator}"{name}": {{"id": "{}", "name": {}, "score": {points}}}"#,
                team.espn_id,
                Json(&full)
            );
        }
        document.push_str(r#"}, "plays": ["#);
        for (number, play) in game.plays.iter().enumerate() {
            if number > 0 {
                document.push_str(", ");
            }
            espn_json(&mut document, &entry, play);
        }
        document.push_str("]}");
        rows.int(id(n))
            .text(&header.game_id)
            .text("espn")
            .int(header.season_start)
            .date(header.tipoff.date_naive());
        rows.text("2025-10-25 03:00:00")
            .text("2025-10-25 03:00:00")
            .text(&document)
            .text(r#"{"migration": "0.10"}"#);
        rows.end();
    }
    Ok(())
}

struct Score {
    points: u16,
    object: bool,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.object {
            write!(f, r#"{{"final": {}}}"#, self.points)
        } else {
            write!(f, "{}", self.points)
        }
    }
}

/// A value of a serial column: 1 for the first row.
fn id(n: u64) -> i64 {
    i64::try_from(n + 1).unwrap_or(i64::MAX)
}

/// Midnight of a day in October 2025.
fn october(day: u32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2025, 10, day)
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .unwrap_or_default()
        .and_utc()
}

fn hours(n: u64) -> TimeDelta {
    TimeDelta::hours(i64::try_from(n).unwrap_or(0))
}

/// A fixed number below `bound` for a purpose and a key.
fn draw(purpose: &str, key: u64, bound: u64) -> i64 {
    i64::try_from(draw_u64(purpose, key, bound)).unwrap_or(0)
}

fn draw_u64(purpose: &str, key: u64, bound: u64) -> u64 {
    let purpose = purpose
        .bytes()
        .fold(0, |hash, byte| scramble(hash ^ u64::from(byte)));
    scramble(purpose ^ key) % bound
}
