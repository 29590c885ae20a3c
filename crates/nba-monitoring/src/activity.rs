//! Signs of life: when snapshots and DIMS records were last written.
//!
//! The legacy dashboard counts both over a window ending now (monitoring dossier 2.1). A platform that was already quiet when
//! its baseline was taken is not ill because it is still quiet, so both are judged against what the baseline saw.

use chrono::{DateTime, NaiveDateTime, Utc};
use nba_db::fingerprint::FingerprintError;
use nba_db::tokio_postgres::Client;
use serde::{Deserialize, Serialize};

/// Both streams.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// Box-score snapshots in the last seven days ("phase 8"); `None` without the table.
    pub box_score_snapshots: Option<Stream>,
    /// DIMS snapshots in the last 24 hours; `None` without the table.
    pub dims_snapshots: Option<Stream>,
}

/// One stream of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Records inside the window.
    pub recent: u64,
    /// The newest record; the legacy columns carry no zone and hold UTC only by convention.
    pub last: Option<DateTime<Utc>>,
}

const BOX_SCORES_SQL: &str = "\
select count(*) filter (where created_at > localtimestamp - interval '7 days'), max(created_at)::timestamp \
from public.box_score_snapshots";
const DIMS_SQL: &str = "\
select count(*) filter (where created_at > localtimestamp - interval '24 hours'), max(created_at)::timestamp \
from public.dims_metrics_snapshots";
const HAS_COLUMN_SQL: &str = "\
select exists (select from pg_attribute where attrelid = to_regclass($1::text) and attname = 'created_at' and not attisdropped)";

impl Activity {
    /// Reads both streams.
    pub(crate) async fn read(client: &Client) -> Result<Self, FingerprintError> {
        Ok(Self {
            box_score_snapshots: stream(client, "public.box_score_snapshots", BOX_SCORES_SQL)
                .await?,
            dims_snapshots: stream(client, "public.dims_metrics_snapshots", DIMS_SQL).await?,
        })
    }
}

async fn stream(
    client: &Client,
    table: &str,
    sql: &str,
) -> Result<Option<Stream>, FingerprintError> {
    let failed = |source: nba_db::tokio_postgres::Error| {
        FingerprintError::query(format!("read the activity of `{table}`"), source)
    };
    let known: bool = client
        .query_one(HAS_COLUMN_SQL, &[&table])
        .await
        .map_err(failed)?
        .get(0);
    if !known {
        return Ok(None);
    }
    let row = client.query_one(sql, &[]).await.map_err(failed)?;
    let last: Option<NaiveDateTime> = row.get(1);
    Ok(Some(Stream {
        recent: u64::try_from(row.get::<_, i64>(0)).unwrap_or(0),
        last: last.map(|time| time.and_utc()),
    }))
}
