//! Which database is at the other end, so that two of the same name are never mixed up.
//!
//! Two different servers of the legacy platform carry a database `nba_simulator` (database dossier
//! 0, fact 1); a baseline was once taken from the wrong one. Host names and database names prove
//! nothing; the system identifier, drawn when a cluster is initialised, does, and where it cannot
//! be read the database's number and its set of tables stand in.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use nba_utils::Verdict;
use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::error::{DbError, ErrorKind, Result};
use crate::session::Session;
use crate::snapshot::CATALOG_ONLY_SQL;

pub(crate) const IDENTITY_SQL: &str = "select current_database()::text, d.oid, current_user::text, r.rolsuper, \
     host(inet_server_addr()), inet_server_port(), pg_postmaster_start_time(), pg_is_in_recovery(), \
     version(), current_setting('server_version_num')::int4, pg_database_size(d.oid), \
     clock_timestamp(), pg_encoding_to_char(d.encoding)::text, d.datcollate::text \
     from pg_database d, pg_roles r where d.datname = current_database() and r.rolname = current_user";

pub(crate) const SYSTEM_SQL: &str = "select system_identifier::text from pg_control_system()";

pub(crate) const TABLE_SET_SQL: &str = "select n.nspname::text, c.relname::text \
     from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     where c.relkind in ('r', 'p', 'f') and not c.relispartition and c.relpersistence <> 't' \
     and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' \
     order by n.nspname collate \"C\", c.relname collate \"C\"";

/// A write that fails in a read-only session; it is rolled back where it does not.
const WRITE_SQL: &str = "create temporary table nba_read_only_proof (x int4) on commit drop";

/// A database, as it describes itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TargetIdentity {
    /// What matters for telling targets apart.
    #[serde(flatten)]
    pub brief: Brief,
    /// The server's full version text.
    pub version: String,
    /// The database's encoding.
    pub encoding: String,
    /// The database's collation.
    pub collation: String,
    /// When the server was started.
    pub started_at: DateTime<Utc>,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// Whether a write through each pool was refused with 25006.
    pub read_only_proof: Verdict,
    /// Size of the database in bytes.
    pub database_bytes: i64,
    /// Tables per schema, views left out.
    pub tables_per_schema: BTreeMap<String, u64>,
    /// BLAKE3 of the sorted `schema.table` names, hexadecimal.
    pub table_set_fingerprint: String,
    /// The server's clock when this was read.
    pub read_at: DateTime<Utc>,
}

/// The part of an identity that costs one round trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Brief {
    /// Drawn at random when the cluster was initialised; a standby and a physical copy share it.
    pub system_identifier: Option<String>,
    /// Why `system_identifier` is missing.
    pub system_identifier_reason: Option<String>,
    /// Name of the database.
    pub database: String,
    /// Number of the database within its cluster; a database created anew gets another.
    pub database_oid: u32,
    /// The role of the session.
    pub role: String,
    /// Whether the role may do everything.
    pub is_superuser: bool,
    /// Address of the server as it sees itself; `None` on a unix socket.
    pub server_addr: Option<String>,
    /// Port of the server; `None` on a unix socket.
    pub server_port: Option<i32>,
    /// Version as a number: 150014 is 15.14.
    pub server_version_num: i32,
}

struct Facts {
    brief: Brief,
    version: String,
    encoding: String,
    collation: String,
    started_at: DateTime<Utc>,
    in_recovery: bool,
    database_bytes: i64,
    read_at: DateTime<Utc>,
}

impl Facts {
    async fn of(session: &Session) -> Result<Self> {
        const OPERATION: &str = "reading the target's identity";
        // No function of a user may answer for the server.
        session
            .batch_execute(&format!("begin read only; {CATALOG_ONLY_SQL}"))
            .await?;
        let rows = session.query_rows(IDENTITY_SQL, &[]).await?;
        session.batch_execute("savepoint system").await?;
        let row = rows
            .first()
            .ok_or_else(|| DbError::usage(OPERATION, "the server gave no row"))?;
        let fail = |error| DbError::from_tokio(OPERATION, error);
        // Some providers take the right to call it away.
        let (system_identifier, system_identifier_reason) =
            match session.query_scalar::<String>(SYSTEM_SQL, &[]).await {
                Ok(identifier) => (Some(identifier), None),
                Err(error) if error.server().is_some() => (None, Some(error.to_string())),
                Err(error) => return Err(error),
            };
        // A refusal failed the transaction up to the savepoint.
        session
            .batch_execute("rollback to savepoint system; rollback")
            .await?;
        Ok(Self {
            brief: Brief {
                system_identifier,
                system_identifier_reason,
                database: row.try_get(0).map_err(fail)?,
                database_oid: row.try_get(1).map_err(fail)?,
                role: row.try_get(2).map_err(fail)?,
                is_superuser: row.try_get(3).map_err(fail)?,
                server_addr: row.try_get(4).map_err(fail)?,
                server_port: row.try_get(5).map_err(fail)?,
                server_version_num: row.try_get(9).map_err(fail)?,
            },
            started_at: row.try_get(6).map_err(fail)?,
            in_recovery: row.try_get(7).map_err(fail)?,
            version: row.try_get(8).map_err(fail)?,
            database_bytes: row.try_get(10).map_err(fail)?,
            read_at: row.try_get(11).map_err(fail)?,
            encoding: row.try_get(12).map_err(fail)?,
            collation: row.try_get(13).map_err(fail)?,
        })
    }
}

impl Brief {
    pub(crate) async fn of(session: &Session) -> Result<Self> {
        Ok(Facts::of(session).await?.brief)
    }
}

impl Database {
    /// Asks the server who it is, and proves that our sessions cannot write to it.
    ///
    /// # Errors
    /// As [`Session::query_rows`]. A system identifier that may not be read and a proof that could
    /// not be made are part of the result, not errors.
    pub async fn identity(&self) -> Result<TargetIdentity> {
        let session = self.session().await?;
        let facts = Facts::of(&session).await?;
        session
            .batch_execute(&format!("begin read only; {CATALOG_ONLY_SQL}"))
            .await?;
        let rows = session.query_rows(TABLE_SET_SQL, &[]).await?;
        session.batch_execute("rollback").await?;
        let mut hasher = blake3::Hasher::new();
        let mut tables_per_schema = BTreeMap::new();
        for row in &rows {
            let fail = |error| DbError::from_tokio("reading the set of tables", error);
            let schema: String = row.try_get(0).map_err(fail)?;
            let table: &str = row.try_get(1).map_err(fail)?;
            // NUL cannot be part of a name, so no two sets look alike.
            for part in [schema.as_str(), "\0", table, "\0"] {
                hasher.update(part.as_bytes());
            }
            *tables_per_schema.entry(schema).or_insert(0) += 1;
        }
        drop(session);
        let read_only_proof = Verdict::all([
            self.prove_read_only_client().await.about("bb8 session"),
            self.prove_read_only_sqlx().await.about("sqlx session"),
        ]);
        Ok(TargetIdentity {
            brief: facts.brief,
            version: facts.version,
            encoding: facts.encoding,
            collation: facts.collation,
            started_at: facts.started_at,
            in_recovery: facts.in_recovery,
            read_only_proof,
            database_bytes: facts.database_bytes,
            tables_per_schema,
            table_set_fingerprint: hasher.finalize().to_hex().to_string(),
            read_at: facts.read_at,
        })
    }

    async fn prove_read_only_client(&self) -> Verdict {
        let session = match self.session().await {
            Ok(session) => session,
            Err(error) => return Verdict::not_proven(error.to_string()),
        };
        // One statement each, or the temporary table would outlive a session that may write.
        if let Err(error) = session.batch_execute("begin").await {
            return Verdict::not_proven(error.to_string());
        }
        let outcome = session.batch_execute(WRITE_SQL).await;
        // Here and now, or the next look at the sessions would find ours idle in a transaction.
        let _ = session.batch_execute("rollback").await;
        judge_write(outcome)
    }

    async fn prove_read_only_sqlx(&self) -> Verdict {
        let trip = self.meter().trip(1);
        let begun = self.pool().begin().await;
        drop(trip);
        let mut transaction = match begun {
            Ok(transaction) => transaction,
            Err(error) => {
                return Verdict::not_proven(self.error("opening a transaction", error).to_string());
            }
        };
        let trip = self.meter().trip(1);
        let outcome = sqlx::query(WRITE_SQL).execute(&mut *transaction).await;
        drop(trip);
        let _trip = self.meter().trip(1);
        let _ = transaction.rollback().await;
        judge_write(
            outcome
                .map(|_| ())
                .map_err(|error| self.error("trying to write", error)),
        )
    }
}

fn judge_write(outcome: Result<()>) -> Verdict {
    match outcome {
        Ok(()) => Verdict::refuted("a write was accepted"),
        Err(error) if error.kind() == ErrorKind::ReadOnly => Verdict::Proven,
        Err(error) => Verdict::not_proven(error.to_string()),
    }
}

impl TargetIdentity {
    /// Number of tables.
    #[must_use]
    pub fn tables(&self) -> u64 {
        self.tables_per_schema.values().sum()
    }

    /// Whether evidence taken from `self` may be compared with evidence from `other`.
    ///
    /// - `Proven`: one cluster (system identifier) and one database in it.
    /// - `Refuted`: another cluster, or another database of the cluster; the reasons say what
    ///   differs, the table sets included.
    /// - `NotProven`: a system identifier is missing on either side.
    ///
    /// A changed set of tables in the same database is not another target; see
    /// [`same_tables`](Self::same_tables).
    #[must_use]
    pub fn same_target(&self, other: &Self) -> Verdict {
        let (left, right) = (&self.brief, &other.brief);
        let mut differences = Vec::new();
        let mut compare = |what: &str, left: String, right: String| {
            if left != right {
                differences.push(format!("{what}: expected `{left}`, actual `{right}`"));
            }
        };
        if let (Some(left), Some(right)) = (&left.system_identifier, &right.system_identifier) {
            compare("system identifier", left.clone(), right.clone());
        }
        compare("database", left.database.clone(), right.database.clone());
        compare(
            "database number",
            left.database_oid.to_string(),
            right.database_oid.to_string(),
        );
        let major = |brief: &Brief| (brief.server_version_num / 10_000).to_string();
        compare("major version", major(left), major(right));
        if !differences.is_empty() {
            // These may change in one database too; beside a real difference they explain it.
            let shape = |identity: &Self| {
                let parts: Vec<String> = identity
                    .tables_per_schema
                    .iter()
                    .map(|(schema, count)| format!("{schema} {count}"))
                    .collect();
                parts.join(", ")
            };
            if self.table_set_fingerprint != other.table_set_fingerprint {
                differences.push(format!(
                    "tables per schema: expected `{}`, actual `{}`",
                    shape(self),
                    shape(other)
                ));
            }
            return Verdict::from_findings(differences);
        }
        match (&left.system_identifier, &right.system_identifier) {
            (Some(_), Some(_)) => Verdict::Proven,
            _ => {
                let reason = |brief: &Brief| brief.system_identifier_reason.clone();
                let why = reason(left)
                    .or_else(|| reason(right))
                    .unwrap_or_else(|| "it is missing".to_owned());
                Verdict::not_proven(format!(
                    "the system identifier could not be compared: {why}"
                ))
            }
        }
    }

    /// Whether both have the same tables by name.
    #[must_use]
    pub fn same_tables(&self, other: &Self) -> bool {
        self.table_set_fingerprint == other.table_set_fingerprint
    }
}

#[cfg(test)]
mod tests;
