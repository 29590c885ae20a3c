//! Box-score snapshots, which the platform calls Phase 8: paused, with one row of a self-test in it, and to be watched from the
//! day it runs again.

use super::run::{Found, Look, LookError};
use super::server::whole;

/// The newest rows that are looked at.
const LOOKED_AT: &str = "1000";

const SHAPE_SQL: &str = "select (select count(*) from pg_attribute where attrelid = to_regclass('public.box_score_snapshots') \
     and not attisdropped and attname in ('id', 'game_id', 'event_num', 'data_source')) = 4, \
     (select count(*) from pg_attribute where attrelid = to_regclass('public.games') and not attisdropped and attname = 'game_id') = 1";

fn newest_sql() -> String {
    format!(
        "with newest as (select game_id::text as game_id, event_num::text as event_num, data_source::text as data_source \
             from public.box_score_snapshots order by id desc limit {LOOKED_AT}), \
         real as (select * from newest where game_id !~ '^test'), \
         foreign_games as (select distinct game_id from real where not exists (select from public.games g where g.game_id::text = real.game_id)), \
         doubled as (select game_id, event_num from real group by game_id, event_num, data_source having count(*) > 1) \
         select (select count(*)::float8 from newest), (select count(*)::float8 from real), \
             (select count(*)::float8 from foreign_games), (select min(game_id) from foreign_games), \
             (select count(*)::float8 from doubled), (select min(game_id || ' event ' || event_num) from doubled)"
    )
}

pub(super) async fn snapshots(look: &Look<'_>) -> Result<Found, LookError> {
    let shape = look.row(SHAPE_SQL).await?;
    if !shape.get::<_, bool>(0) || !shape.get::<_, bool>(1) {
        return Ok(Found::not_applicable(
            "there is no `public.box_score_snapshots` with game, event and source",
        ));
    }
    let row = look.row(&newest_sql()).await?;
    let (all, real): (f64, f64) = (row.get(0), row.get(1));
    if real == 0.0 {
        return Ok(Found::not_applicable(format!(
            "Phase 8 is paused: {} rows, all of its self-test",
            whole(all)
        )));
    }
    let (strange, doubled): (f64, f64) = (row.get(2), row.get(4));
    let example = |column: usize| row.get::<_, Option<String>>(column).unwrap_or_default();
    let mut findings = Vec::new();
    if strange > 0.0 {
        findings.push(format!(
            "{} games of the newest snapshots are not in `games`, such as `{}`",
            whole(strange),
            example(3)
        ));
    }
    if doubled > 0.0 {
        findings.push(format!(
            "{} moments of the newest snapshots are there more than once, such as {}",
            whole(doubled),
            example(5)
        ));
    }
    Ok(Found::judged(
        findings,
        real,
        format!("the newest {} snapshots are of known games", whole(real)),
    ))
}
