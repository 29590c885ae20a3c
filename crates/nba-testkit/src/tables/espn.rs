//! Rows of the tables that the ESPN loaders fill: `games`, `play_by_play`, `temporal_events`, `box_score_*` (database dossier 2.1–2.9).

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::{Entry, row::Rows};
use crate::{
    quirks::{Oddity, scramble},
    sim::{Game, Play, PlayKind, Side, StatLine, Team, TeamBox, Wording, text},
};

/// When the loaders ran (database dossier 1.3: early October 2025).
const LOADED: &str = "2025-10-02 14:05:00";
/// When a corrected box score was loaded over the first one.
const CORRECTED: &str = "2025-10-09 14:05:00";
/// Seconds the temporal loader adds for a break between periods, and for half-time.
const BREAK: i64 = 150;
const HALF_TIME: i64 = 900;

/// One row of `games`: the 58 columns in order.
pub(super) fn games(rows: &mut Rows, entry: &Entry<'_>) {
    let game = entry.game;
    let header = &game.header;
    let score = game.final_score();
    let stale = Oddity::StaleGame.hits(header);
    rows.text(entry.id)
        .date(header.tipoff.date_naive())
        .text(&season_by_utc_month(header.tipoff));
    rows.int(header.home.espn_id)
        .int(header.away.espn_id)
        .int(score[0])
        .int(score[1]);
    rows.text(header.home.venue)
        .null()
        .text("Final")
        .text(LOADED)
        .text(LOADED)
        .timestamp(header.tipoff);
    for side in Side::BOTH {
        let team = entry.team(side);
        let won = score[side.index()] > score[side.other().index()];
        let unknown = side == Side::Home && Oddity::UnknownTeam.hits(header);
        rows.text(team.abbrev);
        if unknown {
            rows.text("Unknown");
        } else {
            rows.part(team.location).part(" ").text(team.name);
        }
        rows.text(team.name).text(team.location);
        logo(rows, team);
        rows.text(team.color)
            .text(team.alt_color)
            .part("s:40~l:46~t:")
            .int(team.espn_id);
        let strength =
            scramble(u64::from(header.season_start) << 16 | u64::from(team.espn_id)) % 30;
        let wins = i64::try_from(strength).unwrap_or(0) + 10;
        rows.digits(wins).part("-").int(50 - wins).null();
        if stale {
            rows.null().null().null();
        } else {
            let (name, points) = leader(game, side);
            rows.boolean(won)
                .text(name)
                .digits(points)
                .part(" PTS")
                .field();
        }
    }
    rows.digits(u32::from(header.home.espn_id) + 1800).field();
    rows.text(header.home.city)
        .text(header.home.state)
        .text("USA")
        .boolean(true);
    if stale {
        rows.text("1").text("pre").text("Scheduled");
    } else {
        rows.text("3").text("post").text(if game.periods > 4 {
            "Final/OT"
        } else {
            "Final"
        });
    }
    rows.text(if header.index.is_multiple_of(9) {
        "ESPN"
    } else {
        "NBA League Pass"
    })
    .text("national")
    .text("TV")
    .int(1);
    rows.boolean(true)
        .boolean(false)
        .int(game.periods)
        .boolean(true)
        .boolean(false);
    rows.part("https://www.espn.com/nba/game/_/gameId/")
        .text(entry.id)
        .null();
    rows.end();
}

/// Rows of `play_by_play`.
pub(super) fn play_by_play(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    for play in &entry.game.plays {
        rows.part(entry.id)
            .int(play.sequence)
            .text(entry.id)
            .int(play.period)
            .text(period_display(play.period));
        // The loader keeps an absent clock as empty text.
        if clock_missing(entry, play) {
            rows.text("");
        } else {
            espn_clock(rows, play.clock_tenths, header.wording).field();
        }
        rows.text(&play.text)
            .opt_text(play.side.map(Side::as_str))
            .boolean(play.points > 0);
        rows.int(play.score[1])
            .int(play.score[0])
            .text(LOADED)
            .text(LOADED);
        rows.end();
    }
}

/// Rows of `temporal_events`, with the loader's faults: invented wall clock, overtime 28 minutes early, no player.
pub(super) fn temporal_events(rows: &mut Rows, entry: &Entry<'_>, first_event_id: u64) {
    let header = &entry.game.header;
    let mut json = String::new();
    for (play, event_id) in entry.game.plays.iter().zip(first_event_id..) {
        let seconds_only = play.clock_tenths < 600 && header.wording == Wording::Modern;
        rows.int(i64::try_from(event_id).unwrap_or(i64::MAX))
            .text(entry.id)
            .null();
        rows.opt_int(play.side.map(|side| entry.team(side).espn_id));
        let remaining = i64::from(play.clock_tenths / 10);
        rows.timestamp(invented_wall_clock(header.tipoff, play.period, remaining))
            .null();
        // The loader does not understand a clock without colon.
        rows.opt_int((!seconds_only).then_some(remaining))
            .int(play.period)
            .text("minute")
            .text("play");
        json.clear();
        espn_json(&mut json, entry, play);
        rows.text(&json).text("espn").text(LOADED).text(LOADED);
        rows.end();
    }
}

/// Rows of `box_score_players`.
pub(super) fn box_score_players(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    let stale_game = Oddity::StaleBox.hits(header);
    let mut nameless = Oddity::NamelessPlayer.hits(header);
    for side in Side::BOTH {
        let team = entry.team(side);
        for (player, line) in entry.game.rosters[side.index()]
            .iter()
            .zip(&entry.game.boxes[side.index()].players)
        {
            let now = &line.line;
            // The first starter's rebounds and assists are those of an earlier upload.
            let stale = stale_game && line.starter && side == Side::Home && now.dreb > 0;
            let stale_game_row = stale_game && stale;
            rows.text(entry.id);
            if nameless && line.did_not_play {
                nameless = false;
                rows.text("");
            } else {
                rows.int(player.espn_id);
            }
            let dreb = if stale_game_row {
                now.dreb - 1
            } else {
                now.dreb
            };
            rows.int(team.espn_id)
                .text(team.abbrev)
                .boolean(line.starter)
                .int(now.seconds / 60);
            pair(rows, now.fgm, now.fga);
            pair(rows, now.fg3m, now.fg3a);
            pair(rows, now.ftm, now.fta);
            rows.int(now.oreb)
                .int(dreb)
                .int(now.oreb + dreb)
                .int(now.ast)
                .int(now.stl)
                .int(now.blk)
                .int(now.tov);
            rows.int(now.pf).int(now.plus_minus).int(now.pts);
            rows.text(LOADED)
                .text(if stale_game_row { CORRECTED } else { LOADED });
            rows.end();
        }
    }
}

/// The one row of `box_score_teams`.
pub(super) fn box_score_teams(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    let score = entry.game.final_score();
    rows.text(entry.id);
    if Oddity::UnparsedDate.hits(header) {
        rows.null();
    } else {
        rows.timestamp(header.tipoff);
    }
    for side in Side::BOTH {
        let team = entry.team(side);
        rows.int(team.espn_id)
            .text(team.abbrev)
            .int(score[side.index()]);
    }
    let missing = Oddity::MissingTeamStats.hits(header);
    for side in Side::BOTH {
        let total = if missing {
            StatLine::default()
        } else {
            players_total(&entry.game.boxes[side.index()])
        };
        for (made, attempted) in [
            (total.fgm, total.fga),
            (total.fg3m, total.fg3a),
            (total.ftm, total.fta),
        ] {
            pair(rows, made, attempted);
            percent(rows, made, attempted);
        }
        rows.int(total.oreb)
            .int(total.dreb)
            .int(total.oreb + total.dreb)
            .int(total.ast)
            .int(total.stl);
        rows.int(total.blk).int(total.tov).int(total.pf);
    }
    rows.int(header.attendance).text("Final");
    for (number, referee) in header.referees.iter().enumerate() {
        if number == 2 && Oddity::MissingReferee.hits(header) {
            rows.text("").text("");
        } else {
            rows.text(referee).text("Referee");
        }
    }
    rows.text(LOADED).text(LOADED);
    rows.end();
}

/// What the players of a team add up to: ESPN's team lines leave team rebounds and team turnovers out.
pub(super) fn players_total(team: &TeamBox) -> StatLine {
    let mut total = team.total;
    total.oreb -= team.team_oreb;
    total.dreb -= team.team_dreb;
    total.tov -= team.team_tov;
    total
}

/// Text such as `2004-05`, from the UTC month: the season turns in October, also in 2020 (database dossier 7.2).
fn season_by_utc_month(tipoff: DateTime<Utc>) -> String {
    let start = if tipoff.month() >= 10 {
        tipoff.year()
    } else {
        tipoff.year() - 1
    };
    format!("{start}-{:02}", (start + 1) % 100)
}

pub(super) fn logo(rows: &mut Rows, team: &Team) {
    rows.part("https://a.espncdn.com/i/teamlogos/nba/500/");
    for letter in team.abbrev.chars() {
        rows.part(letter.to_ascii_lowercase().encode_utf8(&mut [0; 4]));
    }
    rows.part(".png").field();
}

fn leader(game: &Game, side: Side) -> (&str, u16) {
    game.rosters[side.index()]
        .iter()
        .zip(&game.boxes[side.index()].players)
        .map(|(player, line)| (player.name.as_str(), line.line.pts))
        .max_by_key(|(_, points)| *points)
        .unwrap_or(("", 0))
}

fn pair(rows: &mut Rows, made: u16, attempted: u16) {
    rows.digits(made).part("-").int(attempted);
}

/// Percentage from 0 to 100 with one decimal, rounded half up.
pub(super) fn percent(rows: &mut Rows, made: u16, attempted: u16) {
    let tenths = (u32::from(made) * 2_000 + u32::from(attempted))
        .checked_div(2 * u32::from(attempted))
        .unwrap_or(0);
    rows.digits(tenths / 10).part(".").int(tenths % 10);
}

/// About one neutral row in 300 has no clock.
pub(super) fn clock_missing(entry: &Entry<'_>, play: &Play) -> bool {
    play.side.is_none()
        && scramble(u64::from(entry.game.header.index) << 16 | u64::from(play.sequence))
            .is_multiple_of(300)
}

/// The feed's clock: `M:SS`, or seconds and tenths in the last minute of modern feeds (see [`text::clock_display`]).
fn espn_clock(rows: &mut Rows, tenths: u16, wording: Wording) -> &mut Rows {
    if tenths < 600 && wording == Wording::Modern {
        rows.digits(tenths / 10).part(".").digits(tenths % 10)
    } else {
        rows.digits(tenths / 600)
            .part(":")
            .two_digits(u32::from(tenths % 600 / 10))
    }
}

pub(super) fn period_display(period: u8) -> &'static str {
    match period {
        ..=1 => "1st Quarter",
        2 => "2nd Quarter",
        3 => "3rd Quarter",
        4 => "4th Quarter",
        5 => "OT",
        6 => "2OT",
        7 => "3OT",
        _ => "4OT",
    }
}

/// The temporal loader's time of a play: start, plus nominal time played and breaks; in overtime it counts the four
/// regulation periods as five minutes each (database dossier 2.9).
fn invented_wall_clock(tipoff: DateTime<Utc>, period: u8, remaining: i64) -> DateTime<Utc> {
    let before = i64::from(period) - 1;
    let (length, played_before) = if period <= 4 {
        (720, before * 720)
    } else {
        (300, before * 300)
    };
    let breaks = before * BREAK + if period > 2 { HALF_TIME } else { 0 };
    tipoff + TimeDelta::seconds(played_before + breaks + length - remaining)
}

/// A play as ESPN's document has it.
pub(super) fn espn_json(json: &mut String, entry: &Entry<'_>, play: &Play) {
    let (type_id, type_text) = text::espn_type(play);
    // Writing into a string cannot fail.
    let _ = write!(
        json,
        r#"{{"id": "{}{}", "sequenceNumber": "{}", "type": {{"id": "{type_id}", "text": {}}}, "text": {}, "awayScore": {}, "homeScore": {}, "period": {{"number": {}, "displayValue": "{}"}}, "clock": {{"displayValue": "{}"}}, "scoringPlay": {}, "scoreValue": {}"#,
        entry.id,
        play.sequence,
        play.sequence,
        Json(type_text),
        Json(&play.text),
        play.score[1],
        play.score[0],
        play.period,
        period_display(play.period),
        text::clock_display(play.clock_tenths, entry.game.header.wording),
        play.points > 0,
        play.points,
    );
    if let Some(side) = play.side {
        let _ = write!(
            json,
            r#", "team": {{"id": "{}"}}"#,
            entry.team(side).espn_id
        );
    }
    if matches!(play.kind, PlayKind::MadeShot | PlayKind::MissedShot) {
        json.push_str(r#", "shootingPlay": true"#);
    }
    json.push('}');
}

/// A JSON string literal.
pub(super) struct Json<'a>(pub(super) &'a str);

impl std::fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                _ => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}
