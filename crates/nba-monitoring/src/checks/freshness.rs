//! Is data still coming? Judged by what the data says, never by the times of files (monitoring dossier 7.1 rule 19).
//!
//! hoopR once had a hole of eleven months while the inventory reported no gap (monitoring dossier 4.2, F30), and the ESPN
//! scraper ended with 0 for 24 days without writing anything (F16). So every day on which `games` knows a game is looked up in
//! every source, and `games` itself is held against the calendar of the NBA.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use nba_db::ident::TableName;

use super::run::{Found, Look, LookError};
use super::server::count;
use super::settings::{Limits, Source};

type Outcome = Result<Found, LookError>;

/// A look-up without an index would read the whole table once for every day.
const LARGEST_WITHOUT_INDEX: f64 = 50_000.0;

/// Game days have dates of the American east; 5 hours behind UTC in winter, and an hour more or less decides nothing here.
pub(super) fn today(now: DateTime<Utc>) -> NaiveDate {
    (now - TimeDelta::hours(5)).date_naive()
}

/// Whether the NBA plays on such days every year: the season starts in the last days of October at the latest and its
/// play-offs reach into June. Shortened seasons (1998, 2011, 2020) are in the past.
pub(super) fn in_season(day: NaiveDate) -> bool {
    match day.month() {
        11 | 12 | 1..=5 => true,
        10 => day.day() > 25,
        6 => day.day() < 10,
        _ => false,
    }
}

/// The last day that had to have a game, going by the calendar.
fn last_season_day(mut day: NaiveDate) -> NaiveDate {
    while !in_season(day) {
        let Some(before) = day.pred_opt() else {
            return day;
        };
        day = before;
    }
    day
}

const HAS_GAMES_SQL: &str = "select count(*) = 2 from pg_attribute where attrelid = to_regclass('public.games') \
     and attnum > 0 and not attisdropped and attname in ('game_id', 'game_date')";
const NEWEST_SQL: &str =
    "select max(game_date)::date from public.games where game_date::date <= $1";

pub(super) async fn games(look: &Look<'_>) -> Outcome {
    if !look.row(HAS_GAMES_SQL).await?.get::<_, bool>(0) {
        return Ok(Found::not_applicable(
            "there is no table `public.games` with `game_id` and `game_date`",
        ));
    }
    let today = today(look.now);
    let rows = look.session.query_rows(NEWEST_SQL, &[&today]).await?;
    let newest: Option<NaiveDate> = rows.first().and_then(|row| row.get(0));
    let Some(newest) = newest else {
        return Ok(Found {
            verdict: nba_utils::Verdict::refuted("`games` has no game up to today"),
            value: None,
            message: None,
        });
    };
    let age = (today - newest).num_days();
    let value = f64::from(i32::try_from(age).unwrap_or(i32::MAX));
    // Out of season the newest game has to be one of the last days of the season.
    let due = last_season_day(today - TimeDelta::days(look.settings.limits.season_gap_days));
    let sentence = format!("the newest game is of {newest}, {age} days ago");
    let late = (newest < due)
        .then(|| format!("{sentence}; by the calendar there must be one since {due}"));
    Ok(Found::judged(late.into_iter().collect(), value, sentence))
}

const COLUMN_SQL: &str = "select c.reltuples::float8, pg_relation_size(c.oid)::float8, \
     exists (select from pg_index i where i.indrelid = c.oid and i.indisvalid and i.indkey[0] = a.attnum and i.indpred is null), \
     format_type(a.atttypid, null)::text \
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attname = $2 \
     where c.oid = to_regclass($1)";

pub(super) async fn sources(look: &Look<'_>) -> Outcome {
    if !look.row(HAS_GAMES_SQL).await?.get::<_, bool>(0) {
        return Ok(Found::not_applicable(
            "there is no table `public.games` with `game_id` and `game_date`",
        ));
    }
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    let mut fine = Vec::new();
    let mut worst = 0_usize;
    for source in &look.settings.sources {
        match one(look, source).await? {
            Seen::Missing(why) => {
                // A documented source that this platform never had is none of its troubles; one that is configured is.
                if source.since.is_some() {
                    findings.push(format!("{}: {why}", source.name));
                }
            }
            Seen::Unknown(why) => unknown.push(format!("{}: {why}", source.name)),
            Seen::Days(days) => {
                let gaps = gaps(&days, source, &look.settings.limits, today(look.now));
                worst = worst.max(gaps.iter().map(|gap| gap.days).max().unwrap_or(0));
                if gaps.is_empty() {
                    fine.push(source.name.clone());
                }
                findings.extend(gaps.iter().map(|gap| format!("{}: {gap}", source.name)));
            }
        }
    }
    if findings.is_empty() {
        if !unknown.is_empty() {
            return Ok(Found::not_proven(unknown.join("; ")));
        }
        if fine.is_empty() {
            return Ok(Found::not_applicable(
                "none of the sources has a table here",
            ));
        }
    }
    let sentence = format!("no hole in {}", fine.join(", "));
    Ok(Found::judged(findings, count(worst), sentence))
}

enum Seen {
    Missing(String),
    Unknown(String),
    Days(Vec<Day>),
}

/// A day with games.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) day: NaiveDate,
    pub(super) games: i64,
    /// Whether the source has a row of it.
    pub(super) covered: bool,
}

async fn one(look: &Look<'_>, source: &Source) -> Result<Seen, LookError> {
    let table = TableName::parse(&source.table);
    let (column, by_date) = match (&source.game_id, &source.game_date) {
        (_, Some(column)) => (column, true),
        (Some(column), None) => (column, false),
        (None, None) => return Ok(Seen::Unknown("no column is configured".to_owned())),
    };
    let rows = look
        .session
        .query_rows(COLUMN_SQL, &[&table.sql(), column])
        .await?;
    let Some(shape) = rows.first() else {
        return Ok(Seen::Missing(format!(
            "there is no `{}.{column}`",
            source.table
        )));
    };
    let (estimate, bytes, indexed): (f64, f64, bool) = (shape.get(0), shape.get(1), shape.get(2));
    // A table that was never analysed says -1: its size has to do.
    let large = estimate > LARGEST_WITHOUT_INDEX || (estimate < 0.0 && bytes > 16_777_216.0);
    if large && !indexed {
        return Ok(Seen::Unknown(format!(
            "`{}.{column}` has no index, and the table is too large to be read for this",
            source.table
        )));
    }
    let column = nba_db::ident::Ident::new(column.clone());
    let kind: String = shape.get(3);
    let sql = if by_date {
        let day = match kind.as_str() {
            "date" => "d.day".to_owned(),
            other => format!("d.day::{other}"),
        };
        format!(
            "select d.day, d.games, exists (select from {table} s where s.{column} >= {day} and s.{column} < {day} + interval '1 day') \
             from (select game_date::date as day, count(*) as games from public.games where game_date::date <= $1 group by 1) d order by 1",
            table = table.sql(),
        )
    } else {
        // One pass over the games, each looked up by the id in the type of the source's own column, so that its index is used.
        format!(
            "select g.game_date::date, count(*), bool_or(coalesce((select true from {table} s where s.{column} = g.game_id::text::{kind} limit 1), false)) \
             from public.games g where g.game_date::date <= $1 group by 1 order by 1",
            table = table.sql(),
        )
    };
    if indexed {
        // Where one id fills the table, statistics make a scan for each game look cheap.
        look.session
            .batch_execute("set local enable_seqscan = off")
            .await?;
    }
    let rows = look.session.query_rows(&sql, &[&today(look.now)]).await?;
    let days = rows.iter().map(|row| Day {
        day: row.get(0),
        games: row.get(1),
        covered: row.get(2),
    });
    Ok(Seen::Days(days.collect()))
}

/// A run of game days without a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    from: NaiveDate,
    to: NaiveDate,
    pub(super) days: usize,
    games: i64,
    /// Nothing has come since.
    open: bool,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            from,
            to,
            days,
            games,
            ..
        } = self;
        if self.open {
            write!(f, "nothing since {from}: {games} games on {days} days")
        } else {
            write!(
                f,
                "nothing from {from} to {to}: {games} games on {days} days"
            )
        }
    }
}

/// The holes of a source: between its first day and the last that it must have by now.
pub(super) fn gaps(days: &[Day], source: &Source, limits: &Limits, today: NaiveDate) -> Vec<Gap> {
    let last = today - TimeDelta::days(limits.source_delay_days);
    let first = source
        .since
        .or_else(|| days.iter().find(|day| day.covered).map(|day| day.day));
    let Some(first) = first else {
        // Not one row of any game: the whole of it is a hole, if there is anything to have.
        return run_of(days.iter().filter(|day| day.day <= last), true)
            .into_iter()
            .collect();
    };
    let known = |day: NaiveDate| {
        let mut holes = source.known_holes.iter();
        holes.any(|hole| hole.from <= day && day <= hole.to)
    };
    let due: Vec<&Day> = days
        .iter()
        .filter(|day| first <= day.day && day.day <= last && !known(day.day))
        .collect();
    let least = usize::try_from(limits.source_gap_days.max(1)).unwrap_or(usize::MAX);
    let mut found: Vec<Gap> = due
        .chunk_by(|left, right| left.covered == right.covered)
        .filter(|run| run.len() >= least && run.iter().all(|day| !day.covered))
        .filter_map(|run| run_of(run.iter().copied(), false))
        .collect();
    if let (Some(gap), Some(day)) = (found.last_mut(), due.last()) {
        gap.open = gap.to == day.day;
    }
    found
}

fn run_of<'a>(days: impl Iterator<Item = &'a Day> + Clone, open: bool) -> Option<Gap> {
    Some(Gap {
        from: days.clone().next()?.day,
        to: days.clone().last()?.day,
        days: days.clone().count(),
        games: days.map(|day| day.games).sum(),
        open,
    })
}
