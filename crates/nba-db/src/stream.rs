//! Results of any size, a row at a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{FromRow, Postgres};
use tokio_postgres::Row;

use crate::database::Database;
use crate::error::{DbError, Result, statement_label};
use crate::row::{Columns, JsonRow};
use crate::session::{Params, Session};

pub(crate) const BACKEND_SQL: &str = "select pg_backend_pid()";
pub(crate) const CANCEL_SQL: &str = "select pg_cancel_backend($1)";

/// The rows of a statement as they arrive.
///
/// Memory stays bounded: while the rows are not taken, the driver stops reading and the server
/// stops sending. Dropping the stream before its end cancels the statement on the server.
pub struct RowStream {
    rows: Pin<Box<tokio_postgres::RowStream>>,
    label: String,
    finished: bool,
    // Last: the rows must be gone before the session goes back.
    session: Session,
}

impl RowStream {
    async fn start(session: Session, sql: &str, params: Params<'_>) -> Result<Self> {
        let label = statement_label(sql);
        let guard = session.arm(sql)?;
        let outcome = async {
            let statement = session.prepare(sql).await?.statement;
            session
                .raw_client()
                .query_raw(&statement, params.iter().copied())
                .await
                .map_err(|error| DbError::from_tokio(label.clone(), error))
        }
        .await;
        guard.disarm();
        Ok(Self {
            rows: Box::pin(outcome?),
            label,
            finished: false,
            session,
        })
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        let item = ready!(self.rows.as_mut().poll_next(context));
        // After an error the statement is over as well.
        self.finished = !matches!(item, Some(Ok(_)));
        Poll::Ready(
            item.map(|item| item.map_err(|error| DbError::from_tokio(self.label.clone(), error))),
        )
    }
}

impl Stream for RowStream {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(context)
    }
}

impl Drop for RowStream {
    fn drop(&mut self) {
        if !self.finished {
            self.session.cancel_now();
        }
    }
}

/// As [`RowStream`], with each row as a map of exact JSON values.
pub struct JsonStream {
    rows: RowStream,
    sql: String,
    columns: Option<Columns>,
}

impl Stream for JsonStream {
    type Item = Result<JsonRow>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(row) = ready!(this.rows.poll_row(context)) else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(row.and_then(|row| {
            let columns = match &mut this.columns {
                Some(columns) => columns,
                none => none.insert(Columns::of(&this.sql, &row)?),
            };
            columns.row(&row)
        })))
    }
}

impl Database {
    /// Streams the rows of a statement as maps with exact JSON values.
    ///
    /// ```no_run
    /// # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
    /// use futures::TryStreamExt as _;
    /// let mut plays = db.stream("select * from play_by_play", &[]).await?;
    /// while let Some(play) = plays.try_next().await? {
    ///     println!("{}", play.to_json());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Database::query`]; errors met on the way are items of the stream.
    #[track_caller]
    pub fn stream<'a>(
        &'a self,
        sql: &'a str,
        params: Params<'a>,
    ) -> impl Future<Output = Result<JsonStream>> + Send + 'a {
        let rows = self.stream_rows(sql, params);
        async move {
            Ok(JsonStream {
                rows: rows.await?,
                sql: sql.to_owned(),
                columns: None,
            })
        }
    }

    /// Streams the driver's rows of a statement.
    ///
    /// # Errors
    /// As [`Database::stream`].
    #[track_caller]
    pub fn stream_rows<'a>(
        &'a self,
        sql: &'a str,
        params: Params<'a>,
    ) -> impl Future<Output = Result<RowStream>> + Send + 'a {
        let session = self.session();
        async move { RowStream::start(session.await?, sql, params).await }
    }

    /// Runs a typed sqlx query, cancelled on the server if dropped.
    ///
    /// sqlx itself has no way to cancel: a dropped query of [`Database::pool`] runs on until
    /// `statement_timeout` and keeps its connection so long. This costs one round trip more.
    ///
    /// ```no_run
    /// # async fn example(db: nba_db::Database) -> nba_db::Result<()> {
    /// // Or any type with `#[derive(sqlx::FromRow)]`, with sqlx's feature `derive`.
    /// let games: Vec<(String, Option<i32>)> = db
    ///     .query_as(sqlx::query_as("select game_id, season from games where season = $1").bind(2024))
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Database::query`].
    pub async fn query_as<T>(
        &self,
        query: sqlx::query::QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        const OPERATION: &str = "a typed query";
        let fail = |error| self.error(OPERATION, error);
        let mut connection = self.pool().acquire().await.map_err(fail)?;
        let backend: i32 = sqlx::query_scalar(BACKEND_SQL)
            .fetch_one(&mut *connection)
            .await
            .map_err(fail)?;
        let mut running = Running {
            database: self.clone(),
            backend,
            connection: Some(connection),
        };
        let outcome = match &mut running.connection {
            Some(connection) => query.fetch_all(&mut **connection).await,
            None => Err(sqlx::Error::PoolClosed),
        };
        // Over: the connection goes back as it is.
        drop(running.connection.take());
        outcome.map_err(fail)
    }
}

/// An sqlx statement in flight; dropped with its connection still inside, it is cancelled.
struct Running {
    database: Database,
    backend: i32,
    connection: Option<sqlx::pool::PoolConnection<Postgres>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // A late cancel request must not meet the next borrower's statement.
        connection.close_on_drop();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (database, backend) = (self.database.clone(), self.backend);
        runtime.spawn(async move {
            let cancelled = database.query_rows(CANCEL_SQL, &[&backend]).await;
            if let Err(error) = cancelled {
                tracing::warn!(%error, "a dropped statement could not be cancelled on the server");
            }
            // Held until here, so that the number means this backend.
            drop(connection);
        });
    }
}
