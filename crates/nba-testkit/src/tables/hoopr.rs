//! Rows of the four hoopR tables in their RDS generation (database dossier 2.4): truth values are numbers, dates are US dates, seasons
//! are end years, and no text is empty because the loader turned empty texts into NULL.

use std::fmt::Write as _;

use chrono::TimeDelta;

use super::{
    Entry,
    espn::{logo, percent, period_display, players_total},
    row::Rows,
};
use crate::{
    plan::Feeds,
    quirks::{Oddity, scramble},
    sim::{GameHeader, Play, PlayKind, Side, Team, text},
};

/// What ESPN puts where a play has no coordinates.
const NO_COORDINATE: [&str; 2] = ["-214748340", "-214748365"];

/// Rows of `hoopr_play_by_play`: 63 columns.
pub(super) fn play_by_play(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    let plays = &entry.game.plays;
    let game_fields = Rows::fragment(|fields| {
        fields.text(entry.id);
        season(fields, header);
        fields.int(header.season_type.code());
        for side in Side::BOTH {
            let team = entry.team(side);
            fields
                .int(team.espn_id)
                .text(team.location)
                .text(team.name)
                .text(team.abbrev)
                .text(team.location);
        }
        let spread = home_spread(header);
        fields
            .digits(spread.abs() / 2)
            .part(if spread % 2 == 0 { ".0" } else { ".5" })
            .field();
        fields.bit(spread > 0).bit(true);
        fields
            .part(if spread < 0 { "" } else { "-" })
            .digits(spread.abs() / 2);
        fields
            .part(if spread % 2 == 0 { ".0" } else { ".5" })
            .field();
    });
    let date_fields = Rows::fragment(|fields| {
        dates(fields, header);
    });
    let clocks: Vec<Clock> = plays.iter().map(Clock::of).collect();
    for (at, play) in plays.iter().enumerate() {
        let (type_id, type_text) = text::espn_type(play);
        let clock = &clocks[at];
        let next = clocks.get(at + 1);
        let previous = at.checked_sub(1).map(|at| &clocks[at]);
        rows.int(play.sequence)
            .part(entry.id)
            .int(play.sequence)
            .int(play.sequence);
        rows.int(type_id)
            .text(type_text)
            .text(&play.text)
            .int(play.score[1])
            .int(play.score[0]);
        rows.int(play.period).text(period_display(play.period));
        clock_with_tenths(rows, play.clock_tenths);
        rows.bit(play.points > 0)
            .int(play.points)
            .opt_int(play.side.map(|side| entry.team(side).espn_id));
        for actor in play.actors {
            let player = actor
                .map(|actor| &entry.game.rosters[actor.side.index()][usize::from(actor.player)]);
            rows.opt_int(player.map(|player| player.espn_id));
        }
        rows.instant(play.wallclock, b'T').text("Z");
        rows.bit(matches!(
            play.kind,
            PlayKind::MadeShot | PlayKind::MissedShot | PlayKind::FreeThrow { .. }
        ));
        match play.coordinate {
            Some((x, y)) => rows.int(x).int(y),
            None => rows.text(NO_COORDINATE[0]).text(NO_COORDINATE[1]),
        };
        rows.encoded(&game_fields).int(play.period);
        minutes_seconds(rows, play.clock_tenths);
        rows.int(play.clock_tenths / 600)
            .int(play.clock_tenths % 600 / 10);
        let timeout = play.kind == PlayKind::Timeout;
        rows.bit(timeout && play.side == Some(Side::Home))
            .bit(timeout && play.side == Some(Side::Away));
        rows.text(clock.half)
            .text(clock.half)
            .opt_int(next.map(|next| next.period))
            .opt_text(next.map(|next| next.half));
        rows.int(clock.quarter).int(clock.half_left).int(clock.game);
        rows.opt_int(next.map(|next| next.quarter))
            .opt_int(next.map(|next| next.half_left));
        rows.opt_int(next.map(|next| next.game)).int(play.period);
        rows.opt_int(previous.map(|previous| previous.period))
            .opt_text(previous.map(|previous| previous.half));
        match play.coordinate {
            Some((x, y)) => rows
                .int(i64::from(y) * 10 - 418)
                .int(i64::from(x) * 10 - 250),
            None => rows.null().null(),
        };
        rows.encoded(&date_fields)
            .opt_text(abbreviation(play))
            .opt_text(next.map(|next| next.half));
        rows.end();
    }
}

/// Rows of `hoopr_player_box`: 56 columns; who did not play has no counts.
pub(super) fn player_box(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    let score = entry.game.final_score();
    let game_fields = Rows::fragment(|fields| {
        fields.text(entry.id);
        season(fields, header);
        fields.int(header.season_type.code());
        dates(fields, header);
    });
    for side in Side::BOTH {
        let team = entry.team(side);
        let opponent = entry.team(side.other());
        let [own, other] = [score[side.index()], score[side.other().index()]];
        let team_fields = Rows::fragment(|fields| {
            fields
                .part(team.location)
                .part(" ")
                .text(team.name)
                .part("s:40~l:46~t:")
                .int(team.espn_id);
            slug(fields, team);
            logo(fields, team);
            fields
                .text(team.abbrev)
                .text(team.color)
                .text(team.alt_color)
                .text(side.as_str())
                .bit(own > other)
                .int(own);
            fields
                .int(opponent.espn_id)
                .text(opponent.name)
                .text(opponent.location);
            fields
                .part(opponent.location)
                .part(" ")
                .text(opponent.name)
                .text(opponent.abbrev);
            logo(fields, opponent);
            fields
                .text(opponent.color)
                .text(opponent.alt_color)
                .int(other);
        });
        for (player, line) in entry.game.rosters[side.index()]
            .iter()
            .zip(&entry.game.boxes[side.index()].players)
        {
            rows.encoded(&game_fields)
                .int(player.espn_id)
                .text(&player.name);
            rows.int(team.espn_id)
                .text(team.name)
                .text(team.location)
                .text(team.name);
            if line.did_not_play {
                for _ in 0..17 {
                    rows.null();
                }
            } else {
                let s = &line.line;
                rows.digits(s.seconds / 60)
                    .part(":")
                    .two_digits(u32::from(s.seconds % 60))
                    .field();
                rows.int(s.fgm)
                    .int(s.fga)
                    .int(s.fg3m)
                    .int(s.fg3a)
                    .int(s.ftm)
                    .int(s.fta)
                    .int(s.oreb)
                    .int(s.dreb);
                rows.int(s.oreb + s.dreb)
                    .int(s.ast)
                    .int(s.stl)
                    .int(s.blk)
                    .int(s.tov)
                    .int(s.pf);
                rows.part(if s.plus_minus > 0 { "+" } else { "" })
                    .int(s.plus_minus)
                    .int(s.pts);
            }
            rows.bit(line.starter)
                .bit(line.ejected)
                .bit(line.did_not_play);
            rows.opt_text(line.did_not_play.then_some("COACH'S DECISION"));
            rows.text(&player.jersey).text(&player.short_name);
            rows.part("https://a.espncdn.com/i/headshots/nba/players/full/")
                .digits(player.espn_id)
                .text(".png");
            rows.text(match player.position {
                "G" => "Guard",
                "F" => "Forward",
                _ => "Center",
            });
            rows.text(player.position).encoded(&team_fields);
            rows.end();
        }
    }
}

/// The two rows of `hoopr_team_box`: 56 columns.
pub(super) fn team_box(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    let score = entry.game.final_score();
    for side in Side::BOTH {
        let team = entry.team(side);
        let opponent = entry.team(side.other());
        let [own, other] = [score[side.index()], score[side.other().index()]];
        let team_stats = &entry.game.boxes[side.index()];
        let s = players_total(team_stats);
        let draw = scramble(u64::from(header.index) << 1 | u64::from(side == Side::Home));
        rows.text(entry.id);
        season(rows, header);
        rows.int(header.season_type.code());
        dates(rows, header);
        rows.int(team.espn_id)
            .part("s:40~l:46~t:")
            .int(team.espn_id);
        slug(rows, team);
        rows.text(team.location)
            .text(team.name)
            .text(team.abbrev)
            .part(team.location)
            .part(" ")
            .text(team.name);
        rows.text(team.name).text(team.color).text(team.alt_color);
        logo(rows, team);
        rows.text(side.as_str())
            .int(own)
            .bit(own > other)
            .int(s.ast)
            .int(s.blk)
            .int(s.dreb);
        rows.int(small(draw, 24));
        percent(rows, s.fgm, s.fga);
        rows.int(s.fgm).int(s.fga).int(0).int(s.pf);
        percent(rows, s.ftm, s.fta);
        rows.int(s.ftm)
            .int(s.fta)
            .int(small(draw >> 8, 20) + i64::from(own.saturating_sub(other)));
        rows.int(s.oreb)
            .int(small(draw >> 16, 30) + 30)
            .int(s.stl)
            .int(team_stats.team_tov);
        rows.int(team_stats.technical_fouls);
        percent(rows, s.fg3m, s.fg3a);
        rows.int(s.fg3m)
            .int(s.fg3a)
            .int(s.oreb + s.dreb)
            .int(team_stats.technical_fouls);
        rows.int(s.tov + team_stats.team_tov)
            .int(small(draw >> 24, 25))
            .int(s.tov);
        rows.int(opponent.espn_id);
        slug(rows, opponent);
        rows.text(opponent.location)
            .text(opponent.name)
            .text(opponent.abbrev);
        rows.part(opponent.location)
            .part(" ")
            .text(opponent.name)
            .text(opponent.name);
        rows.text(opponent.color).text(opponent.alt_color);
        logo(rows, opponent);
        rows.int(other);
        rows.end();
    }
}

/// The row of `hoopr_schedule`: 77 columns.
pub(super) fn schedule(rows: &mut Rows, entry: &Entry<'_>) {
    let header = &entry.game.header;
    let score = entry.game.final_score();
    let has_plays = entry.planned.feeds.has(Feeds::HOOPR_PLAYS);
    let has_box = entry.planned.feeds.has(Feeds::HOOPR_BOX);
    let dashes = Oddity::DashText.hits(header);
    rows.text(entry.id)
        .part("s:40~l:46~e:")
        .part(entry.id)
        .part("~c:")
        .text(entry.id);
    minute_instant(rows, header);
    rows.int(header.attendance)
        .bit(true)
        .bit(false)
        .bit(false)
        .bit(has_plays)
        .bit(false);
    minute_instant(rows, header);
    rows.null().null().null();
    rows.opt_text(dashes.then_some("NA"))
        .text(if dashes { "--" } else { "national" });
    rows.opt_text((header.index.is_multiple_of(9)).then_some("ESPN"))
        .int(1)
        .text("STD");
    rows.int(i64::from(header.home.espn_id) + 1800)
        .text(header.home.venue)
        .text(header.home.city)
        .text(header.home.state);
    rows.bit(true)
        .int(0)
        .text("0:00")
        .int(entry.game.periods)
        .int(3)
        .text("STATUS_FINAL")
        .text("post")
        .bit(true);
    rows.text("Final");
    let overtime = if entry.game.periods > 4 {
        "Final/OT"
    } else {
        "Final"
    };
    rows.text(overtime).text(overtime).null().int(4);
    let mut scores = String::new();
    for side in Side::BOTH {
        let team = entry.team(side);
        rows.int(team.espn_id)
            .part("s:40~l:46~t:")
            .int(team.espn_id)
            .text(team.location)
            .text(team.name)
            .text(team.abbrev);
        rows.part(team.location)
            .part(" ")
            .text(team.name)
            .text(team.name)
            .text(team.color)
            .text(team.alt_color)
            .bit(true);
        rows.int(i64::from(team.espn_id) + 1800);
        logo(rows, team);
        rows.int(score[side.index()])
            .bit(score[side.index()] > score[side.other().index()]);
        // A Python list, floats as pandas writes them.
        scores.clear();
        for (period, points) in entry.game.boxes[side.index()].line_score.iter().enumerate() {
            let separator = if period == 0 { "[" } else { ", " };
            // Writing into a string cannot fail.
            let _ = write!(scores, "{separator}{{'value': {points}.0}}");
        }
        scores.push(']');
        rows.text(&scores)
            .text("[{'name': 'overall', 'abbreviation': 'Game', 'type': 'total'}]");
    }
    rows.text(entry.id)
        .int(header.season_start + 1)
        .int(header.season_type.code())
        .bit(has_plays);
    rows.part(
        "https://raw.githubusercontent.com/sportsdataverse/hoopR-nba-raw/main/nba/json/final/",
    )
    .part(entry.id)
    .text(".json");
    rows.timestamp(header.tipoff - TimeDelta::hours(EASTERN_HOURS))
        .date(header.us_date)
        .bit(has_plays)
        .bit(has_box)
        .bit(has_box);
    rows.end();
}

/// US Eastern standard time; hoopR's date times ignore summer time here.
const EASTERN_HOURS: i64 = 5;

fn season(rows: &mut Rows, header: &GameHeader) {
    if Oddity::NullSeason.hits(header) {
        rows.null();
    } else {
        rows.int(header.season_start + 1);
    }
}

fn dates(rows: &mut Rows, header: &GameHeader) {
    rows.date(header.us_date)
        .timestamp(header.tipoff - TimeDelta::hours(EASTERN_HOURS));
}

/// `2024-01-20T00:30Z`.
fn minute_instant(rows: &mut Rows, header: &GameHeader) {
    let time = header.tipoff.time();
    use chrono::Timelike;
    rows.day(header.tipoff.date_naive())
        .part("T")
        .two_digits(time.hour())
        .part(":")
        .two_digits(time.minute())
        .text("Z");
}

fn slug(rows: &mut Rows, team: &Team) {
    for letter in team.location.chars().chain([' ']).chain(team.name.chars()) {
        let letter = if letter == ' ' {
            '-'
        } else {
            letter.to_ascii_lowercase()
        };
        rows.part(letter.encode_utf8(&mut [0; 4]));
    }
    rows.field();
}

/// Points the home team is ahead by in the bookmakers' eyes, in halves; between −12 and 12.
fn home_spread(header: &GameHeader) -> i64 {
    small(scramble(header.seed ^ u64::from(header.index)), 48) - 24 + 4
}

fn small(draw: u64, bound: u64) -> i64 {
    i64::try_from(draw % bound).unwrap_or(0)
}

/// `12:00.0`.
fn clock_with_tenths(rows: &mut Rows, tenths: u16) {
    rows.digits(tenths / 600)
        .part(":")
        .two_digits(u32::from(tenths % 600 / 10))
        .part(".")
        .int(tenths % 10);
}

/// `12:00`.
fn minutes_seconds(rows: &mut Rows, tenths: u16) {
    rows.digits(tenths / 600)
        .part(":")
        .two_digits(u32::from(tenths % 600 / 10))
        .field();
}

fn abbreviation(play: &Play) -> Option<&'static str> {
    match play.kind {
        PlayKind::MadeShot | PlayKind::MissedShot => {
            Some(if play.value == 3 { "3PT" } else { "2PT" })
        }
        PlayKind::FreeThrow { .. } => Some("FT"),
        PlayKind::Timeout => Some("TO"),
        _ => None,
    }
}

/// Seconds left when a play happens.
struct Clock {
    period: u8,
    half: &'static str,
    quarter: u16,
    half_left: u16,
    game: u16,
}

impl Clock {
    fn of(play: &Play) -> Self {
        let quarter = play.clock_tenths / 10;
        let (half, half_left, game) = match play.period {
            ..=1 => ("1", quarter + 720, quarter + 2160),
            2 => ("1", quarter, quarter + 1440),
            3 => ("2", quarter + 720, quarter + 720),
            4 => ("2", quarter, quarter),
            _ => ("OT", quarter, quarter),
        };
        Self {
            period: play.period,
            half,
            quarter,
            half_left,
            game,
        }
    }
}
