//! One game must be there once: the natural key of `games`.
//!
//! ESPN knows some games under two ids (database dossier 7.1), so a unique `game_id` proves nothing. Two rows are the same
//! game when the same teams play on the same date, or within a day of it with the same final score (one source gives the UTC
//! date, another the US date; the same teams do meet on consecutive days, but hardly ever with the same score).

use nba_db::fingerprint::FingerprintError;
use nba_db::tokio_postgres::Client;
use serde::{Deserialize, Serialize};

/// Two rows that are one game.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TwinGames {
    /// The ids of both rows, the smaller text first.
    pub ids: [String; 2],
    /// Their dates.
    pub dates: [String; 2],
    /// Team ids: home, away.
    pub teams: [String; 2],
}

/// The columns the check needs; any table of this shape will do.
const COLUMNS: [&str; 6] = [
    "game_id",
    "game_date",
    "home_team_id",
    "away_team_id",
    "home_score",
    "away_score",
];

const SHAPE_SQL: &str = "\
select count(*) from pg_attribute \
where attrelid = to_regclass('public.games') and attnum > 0 and not attisdropped and attname = any($1::text[])";

const TWINS_SQL: &str = "\
select a.game_id::text, b.game_id::text, a.game_date::date::text, b.game_date::date::text, a.home_team_id::text, a.away_team_id::text \
from public.games a join public.games b \
  on a.home_team_id = b.home_team_id and a.away_team_id = b.away_team_id and a.game_id::text < b.game_id::text \
where a.game_date::date = b.game_date::date \
   or (abs(a.game_date::date - b.game_date::date) = 1 and a.home_score = b.home_score and a.away_score = b.away_score) \
order by 3, 1, 2";

impl TwinGames {
    /// All pairs; `None` when there is no `public.games` of the known shape.
    pub(crate) async fn find(client: &Client) -> Result<Option<Vec<Self>>, FingerprintError> {
        let failed = |source: nba_db::tokio_postgres::Error| {
            FingerprintError::query("look for games that are there twice", source)
        };
        let present: i64 = client
            .query_one(SHAPE_SQL, &[&COLUMNS.as_slice()])
            .await
            .map_err(failed)?
            .get(0);
        if usize::try_from(present).ok() != Some(COLUMNS.len()) {
            return Ok(None);
        }
        let rows = client.query(TWINS_SQL, &[]).await.map_err(failed)?;
        let twins = rows.iter().map(|row| Self {
            ids: [row.get(0), row.get(1)],
            dates: [row.get(2), row.get(3)],
            teams: [row.get(4), row.get(5)],
        });
        Ok(Some(twins.collect()))
    }
}
