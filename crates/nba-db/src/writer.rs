//! The only way to write: explicit, with a stated purpose, time-limited and audited.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use tokio_postgres::Row;

use crate::conflict::{self, Untargeted};
use crate::copy::{self, CopyAccount, CopyFormat};
use crate::database::Database;
use crate::error::{DbError, Result, statement_label};
use crate::guard;
use crate::ident::{self, TableName};
use crate::identity::Brief;
use crate::param::{Param, params};
use crate::row::JsonRow;
use crate::session::{Params, Session};

/// Statements of [`Writer::execute_many`] in flight at once.
const PIPELINED: usize = 256;

/// Why somebody writes, and for how long a statement may take.
///
/// ```
/// use nba_db::Purpose;
/// use std::time::Duration;
/// let purpose = Purpose::new("load espn play-by-play").statement_timeout(Duration::from_secs(3600));
/// assert_eq!(purpose.to_string(), "load espn play-by-play");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    text: String,
    statement_timeout: Option<Duration>,
}

impl Purpose {
    /// A purpose in words, for the audit.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            statement_timeout: None,
        }
    }

    /// Replaces the session's `statement_timeout`, which also bounds a whole `COPY`.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a writer did, for the record.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct WriterAudit {
    /// Why it wrote.
    pub purpose: String,
    /// The run that wrote.
    pub run_id: String,
    /// Where: host, port, database and role as configured.
    pub target: String,
    /// What the server said it is.
    pub server: Brief,
    /// When the writer was opened (this machine's clock).
    pub opened_at: DateTime<Utc>,
    /// When it was closed; `None` while open.
    pub closed_at: Option<DateTime<Utc>>,
    /// Statements that succeeded.
    pub statements: u64,
    /// Statements that failed.
    pub failures: u64,
    /// Rows the statements reported as touched, loads included. Rows of a transaction that was
    /// rolled back count too; `rollbacks` tells that there was one.
    pub rows: u64,
    /// Transactions rolled back.
    pub rollbacks: u64,
    /// The loads.
    pub loads: Vec<CopyAccount>,
}

/// A session that may write.
///
/// It comes out of the same pool and budget as all others, and its connection is closed at the
/// end: one that was allowed to write is never lent to a reader. Opening, finishing and every
/// failure are reported as `tracing` events with target `nba::audit`.
///
/// An insert `on conflict do nothing` without a target is refused where no unique key can be violated: a second run would insert
/// every row again (monitoring dossier F09, F29).
///
/// ```no_run
/// # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
/// use nba_db::{Param, Purpose};
/// let mut writer = db.writer(Purpose::new("mark a season as loaded")).await?;
/// writer.execute("update seasons set loaded = $1 where season = $2", &[&true, &Param::from("2023-24")]).await?;
/// let audit = writer.finish().await;
/// assert_eq!(audit.statements, 1);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Writer {
    session: Session,
    audit: WriterAudit,
    /// Inserts whose conflict clause has a key behind it, so that a loop asks once.
    sound: BTreeSet<Untargeted>,
}

/// How many rows a batch touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ManyAccount {
    /// Parameter lists executed.
    pub attempted: u64,
    /// Rows the server reported as touched.
    pub affected: u64,
}

impl ManyAccount {
    /// Whether each parameter list touched exactly as many rows as there are lists.
    ///
    /// Where it does not, rows were attempted and not written, by a conflict clause or a condition: they are not loaded, whatever
    /// the number of attempts says (monitoring dossier F04, F12).
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.attempted == self.affected
    }
}

impl Database {
    /// Opens a writer.
    ///
    /// # Errors
    /// As [`Database::session`]; [`ErrorKind::Usage`](crate::ErrorKind::Usage) for an empty
    /// purpose.
    #[track_caller]
    pub fn writer(&self, purpose: Purpose) -> impl Future<Output = Result<Writer>> + Send + use<> {
        let session = self.session();
        let run_id = self.options().run_id().to_owned();
        let name = self.options().application_name();
        async move {
            if purpose.text.trim().is_empty() {
                return Err(DbError::usage("opening a writer", "the purpose is empty"));
            }
            let mut session = session.await?;
            session.make_single_use();
            let mut sql = format!(
                "set default_transaction_read_only = off; set application_name = {}",
                ident::literal(&writer_name(&name))
            );
            if let Some(timeout) = purpose.statement_timeout {
                sql.push_str("; set statement_timeout = ");
                sql.push_str(&guard::milliseconds(timeout));
            }
            session.batch_execute(&sql).await?;
            let server = Brief::of(&session).await?;
            let audit = WriterAudit {
                purpose: purpose.text,
                run_id,
                target: session.target().to_owned(),
                server,
                opened_at: Utc::now(),
                closed_at: None,
                statements: 0,
                failures: 0,
                rows: 0,
                rollbacks: 0,
                loads: Vec::new(),
            };
            tracing::info!(
                target: "nba::audit",
                purpose = audit.purpose, run_id = audit.run_id, target = audit.target,
                system_identifier = audit.server.system_identifier.as_deref().unwrap_or("unknown"),
                "writer opened"
            );
            Ok(Writer {
                session,
                audit,
                sound: BTreeSet::new(),
            })
        }
    }
}

/// The session's name with a mark that it may write, within the server's 63 bytes.
fn writer_name(name: &str) -> String {
    const MARK: &str = "nba!";
    let rest = name.strip_prefix("nba").unwrap_or(name);
    format!("{MARK}{rest}").chars().take(63).collect()
}

impl Writer {
    /// What it has done so far.
    #[must_use]
    pub fn audit(&self) -> &WriterAudit {
        &self.audit
    }

    /// Closes it and returns the record.
    #[must_use = "the record is what makes a write accountable"]
    pub async fn finish(mut self) -> WriterAudit {
        self.close();
        self.audit.clone()
    }

    fn close(&mut self) {
        if self.audit.closed_at.is_some() {
            return;
        }
        self.audit.closed_at = Some(Utc::now());
        let audit = &self.audit;
        tracing::info!(
            target: "nba::audit",
            purpose = audit.purpose, run_id = audit.run_id, target = audit.target,
            statements = audit.statements, failures = audit.failures, rows = audit.rows,
            rollbacks = audit.rollbacks, loads = audit.loads.len(),
            "writer closed"
        );
    }

    /// Refuses inserts whose conflict clause can never meet a conflict.
    async fn refuse_idle_conflicts(&mut self, sql: &str) -> Result<()> {
        for insert in conflict::untargeted(sql) {
            if self.sound.contains(&insert) {
                continue;
            }
            conflict::refuse_idle(self.session.raw_client(), sql, &insert).await?;
            self.sound.insert(insert);
        }
        Ok(())
    }

    fn note<T>(&mut self, outcome: Result<T>, rows: impl FnOnce(&T) -> u64) -> Result<T> {
        match &outcome {
            Ok(done) => {
                self.audit.statements += 1;
                self.audit.rows += rows(done);
            }
            Err(error) => {
                self.audit.failures += 1;
                tracing::info!(target: "nba::audit", purpose = self.audit.purpose, %error, "write failed");
            }
        }
        outcome
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64> {
        let outcome = match self.refuse_idle_conflicts(sql).await {
            Ok(()) => self.session.execute(sql, params).await,
            Err(error) => Err(error),
        };
        self.note(outcome, |rows| *rows)
    }

    /// Runs a statement and returns its rows (`… returning …`).
    ///
    /// # Errors
    /// As [`Session::query`].
    pub async fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<JsonRow>> {
        let rows = self.query_rows(sql, params).await?;
        JsonRow::from_rows(sql, &rows)
    }

    /// Runs a statement and returns the driver's rows.
    ///
    /// # Errors
    /// As [`Session::query_rows`].
    pub async fn query_rows(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let outcome = match self.refuse_idle_conflicts(sql).await {
            Ok(()) => self.session.query_rows(sql, params).await,
            Err(error) => Err(error),
        };
        self.note(outcome, |rows| {
            u64::try_from(rows.len()).unwrap_or(u64::MAX)
        })
    }

    /// Runs statements separated by semicolons, without parameters: schema steps.
    ///
    /// # Errors
    /// As [`Session::batch_execute`].
    pub async fn batch_execute(&mut self, sql: &str) -> Result<()> {
        let outcome = match self.refuse_idle_conflicts(sql).await {
            Ok(()) => self.session.batch_execute(sql).await,
            Err(error) => Err(error),
        };
        self.note(outcome, |()| 0)
    }

    /// Runs one statement for each parameter list, pipelined and all or nothing.
    ///
    /// # Errors
    /// The first failure, naming the number of its parameter list (from 1); nothing is kept then.
    pub async fn execute_many<I>(&mut self, sql: &str, rows: I) -> Result<ManyAccount>
    where
        I: IntoIterator<Item = Vec<Param>>,
        I::IntoIter: Send,
    {
        if let Err(error) = self.refuse_idle_conflicts(sql).await {
            return self.note(Err(error), |_: &ManyAccount| 0);
        }
        let mut transaction = self.transaction().await?;
        let outcome = transaction.run_many(sql, rows.into_iter()).await;
        let account = match outcome {
            Ok(account) => account,
            Err(error) => {
                transaction.rollback().await?;
                return self.note(Err(error), |_: &ManyAccount| 0);
            }
        };
        transaction.commit().await?;
        self.note(Ok(account), |account| account.affected)
    }

    /// Loads rows with `COPY`, all or nothing; the account balances or nothing is kept.
    ///
    /// `columns` names the columns of each row, or is empty for all of the table in order. Pieces
    /// of the stream need not end at row ends; small ones are gathered.
    ///
    /// # Errors
    /// What the server says, with table and line; an error of the stream itself; a number of rows
    /// other than the one handed over. Nothing is kept in each case.
    ///
    /// Dropping the future cancels the load on the server; nothing is kept.
    pub async fn copy_in<S, E>(
        &mut self,
        table: &TableName,
        columns: &[&str],
        format: CopyFormat,
        rows: S,
    ) -> Result<CopyAccount>
    where
        S: Stream<Item = std::result::Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let transaction = self.transaction().await?;
        let outcome =
            copy::copy_in(&transaction.writer.session, table, columns, format, rows).await;
        let outcome = outcome.and_then(|account| {
            if account.is_balanced() && account.rejected == 0 {
                Ok(account)
            } else {
                Err(DbError::usage(
                    format!("loading `{table}`"),
                    format!(
                        "{} rows were handed over and {} arrived",
                        account.attempted, account.inserted
                    ),
                ))
            }
        });
        match outcome {
            Ok(account) => {
                transaction.commit().await?;
                self.audit.loads.push(account.clone());
                self.note(Ok(account), |account| account.inserted)
            }
            Err(error) => {
                // The load failed; that a rollback after it fails too adds nothing.
                let _ = transaction.rollback().await;
                self.note(Err(error), |_: &CopyAccount| 0)
            }
        }
    }

    /// Opens a transaction; dropping it without [`commit`](WriteTransaction::commit) rolls back.
    ///
    /// # Errors
    /// As [`Session::batch_execute`].
    pub async fn transaction(&mut self) -> Result<WriteTransaction<'_>> {
        self.session.batch_execute("begin").await?;
        Ok(WriteTransaction {
            writer: self,
            open: true,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// A transaction of a [`Writer`]. Rolls back unless committed.
#[derive(Debug)]
pub struct WriteTransaction<'a> {
    writer: &'a mut Writer,
    open: bool,
}

impl WriteTransaction<'_> {
    /// As [`Writer::execute`].
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn execute(&mut self, sql: &str, params: Params<'_>) -> Result<u64> {
        self.writer.execute(sql, params).await
    }

    /// As [`Writer::query`].
    ///
    /// # Errors
    /// As [`Session::query`].
    pub async fn query(&mut self, sql: &str, params: Params<'_>) -> Result<Vec<JsonRow>> {
        self.writer.query(sql, params).await
    }

    async fn run_many<I>(&mut self, sql: &str, rows: I) -> Result<ManyAccount>
    where
        I: Iterator<Item = Vec<Param>> + Send,
    {
        let session = &self.writer.session;
        let label = statement_label(sql);
        let guard = session.arm(sql)?;
        let outcome = async {
            let statement = session.prepare(sql).await?.statement;
            let client = session.raw_client();
            let runs = rows.enumerate().map(|(at, list)| {
                let (statement, label) = (&statement, &label);
                async move {
                    client
                        .execute(statement, &params(&list))
                        .await
                        .map_err(|error| {
                            DbError::from_tokio(
                                format!("{label}, parameter list {}", at + 1),
                                error,
                            )
                        })
                }
            });
            futures::stream::iter(runs)
                .buffered(PIPELINED)
                .try_fold(
                    ManyAccount {
                        attempted: 0,
                        affected: 0,
                    },
                    |mut account, affected| async move {
                        account.attempted += 1;
                        account.affected += affected;
                        Ok(account)
                    },
                )
                .await
        }
        .await;
        guard.disarm();
        outcome
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// As [`Session::batch_execute`]; nothing is kept then.
    pub async fn commit(mut self) -> Result<()> {
        self.open = false;
        // A bare `commit` of a failed transaction rolls back and reports success; the query before
        // it fails there instead.
        self.writer.session.batch_execute("select 1; commit").await
    }

    /// Drops what was written.
    ///
    /// # Errors
    /// As [`Session::batch_execute`].
    pub async fn rollback(mut self) -> Result<()> {
        self.open = false;
        self.writer.audit.rollbacks += 1;
        self.writer.session.batch_execute("rollback").await
    }
}

impl Drop for WriteTransaction<'_> {
    fn drop(&mut self) {
        if self.open {
            self.writer.audit.rollbacks += 1;
            // The first poll queues the statement; whatever comes next on this session is behind it.
            let _ = self
                .writer
                .session
                .raw_client()
                .batch_execute("rollback")
                .now_or_never();
        }
    }
}
