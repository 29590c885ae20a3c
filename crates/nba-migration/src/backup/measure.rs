//! Fingerprints of all tables in a snapshot that somebody else holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use nba_db::fingerprint::{
    Detail, FingerprintError, FoundTable, TableFingerprint, TableSpec, fingerprint_gently, settle,
};
use nba_db::gentle::Governor;
use nba_db::{Database, Snapshot};

use super::{BackupError, TableContent, TableRecord};

/// Longest piece of a fingerprint; a piece is meant to take half a second.
const STATEMENT: Duration = Duration::from_secs(300);

/// Sessions that see one snapshot.
pub(super) struct Measurer {
    sessions: Vec<Snapshot>,
}

impl Measurer {
    /// Opens `count` sessions on the snapshot called `id`.
    pub(super) async fn join(db: &Database, id: &str, count: usize) -> Result<Self, BackupError> {
        let mut sessions = Vec::new();
        for _ in 0..count.max(1) {
            let session = db.join_snapshot(id).await?;
            settle(session.client()).await?;
            session.limit_statements(STATEMENT).await?;
            sessions.push(session);
        }
        Ok(Self { sessions })
    }

    /// Measures all tables, the largest first; a table that fails fails alone.
    pub(super) async fn all(
        &self,
        mut found: Vec<FoundTable>,
    ) -> Result<Vec<TableRecord>, BackupError> {
        found.sort_by_key(|table| std::cmp::Reverse(table.estimated_bytes));
        let next = AtomicUsize::new(0);
        let parts = try_join_all(self.sessions.iter().map(|session| {
            let (next, found) = (&next, &found);
            async move {
                let mut done = Vec::new();
                while let Some(table) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                    done.push(one(session, table.clone()).await?);
                }
                Ok::<_, BackupError>(done)
            }
        }))
        .await?;
        let mut records: Vec<TableRecord> = parts.into_iter().flatten().collect();
        records.sort_by(|a, b| a.spec.table.cmp(&b.spec.table));
        Ok(records)
    }
}

async fn one(session: &Snapshot, mut table: FoundTable) -> Result<TableRecord, BackupError> {
    if table.foreign {
        return Ok(TableRecord {
            spec: table.spec,
            content: TableContent::Foreign,
        });
    }
    session.batch_execute("savepoint one").await?;
    let measured = match table.measure_size(session.client()).await {
        Ok(_) => measure(session, &table.spec).await,
        Err(error) => Err(error),
    };
    let content = match measured {
        Ok(fingerprint) => TableContent::Measured(fingerprint),
        Err(error) if error.is_connection_lost() => return Err(error.into()),
        Err(error) => TableContent::NotMeasured(error.reason()),
    };
    session
        .batch_execute("rollback to savepoint one; release savepoint one")
        .await?;
    Ok(TableRecord {
        spec: table.spec,
        content,
    })
}

async fn measure(
    session: &Snapshot,
    spec: &TableSpec,
) -> Result<TableFingerprint, FingerprintError> {
    // Rows only: the columns cost half as much again, and a restore is compared as a whole.
    fingerprint_gently(session.client(), spec, Detail::Rows, &Governor::unlimited()).await
}

/// Measures the given tables of a restored database again, by the specification of the first time.
pub(super) async fn again(
    db: &Database,
    specs: &[TableSpec],
    connections: usize,
) -> Result<Vec<Result<TableFingerprint, String>>, BackupError> {
    let leader = db.snapshot().await?;
    let measurer = Measurer::join(db, leader.id(), connections).await?;
    let next = AtomicUsize::new(0);
    let parts = try_join_all(measurer.sessions.iter().map(|session| {
        let next = &next;
        async move {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(spec) = specs.get(index) else {
                    return Ok::<_, BackupError>(done);
                };
                session.batch_execute("savepoint one").await?;
                let result = match measure(session, spec).await {
                    Err(error) if error.is_connection_lost() => return Err(error.into()),
                    other => other.map_err(|error| error.reason()),
                };
                session
                    .batch_execute("rollback to savepoint one; release savepoint one")
                    .await?;
                done.push((index, result));
            }
        }
    }))
    .await?;
    let mut results: Vec<(usize, Result<TableFingerprint, String>)> =
        parts.into_iter().flatten().collect();
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
