//! Bulk loading and unloading with `COPY`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::{Sink as _, Stream, StreamExt as _};
use tokio_postgres::{CopyInSink, CopyOutStream};

use crate::database::Database;
use crate::error::{DbError, Result, statement_label};
use crate::ident::{self, TableName};
use crate::session::Session;

/// Bytes sent to the server at once: large enough that the cost per message vanishes.
const CHUNK_BYTES: usize = 256 * 1024;

/// The form of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyFormat {
    /// Tab-separated, `\N` for NULL; the server's default. [`TextRows`] writes it.
    #[default]
    Text,
    /// Comma-separated with quotes; an unquoted empty field is NULL.
    Csv,
    /// PostgreSQL's binary form.
    Binary,
}

impl CopyFormat {
    fn sql(self) -> &'static str {
        match self {
            Self::Text => "format text",
            Self::Csv => "format csv",
            Self::Binary => "format binary",
        }
    }
}

/// What became of the rows of one load. They always balance:
/// `attempted = inserted + updated + unchanged + rejected`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct CopyAccount {
    /// The table loaded.
    pub table: TableName,
    /// Rows handed to the server.
    pub attempted: u64,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that replaced another value. Plain `COPY` has none.
    pub updated: u64,
    /// Rows that were there already. Plain `COPY` has none.
    pub unchanged: u64,
    /// Rows refused. `COPY` takes all or nothing, so a load that returns an account has none.
    pub rejected: u64,
    /// Bytes handed to the server.
    pub bytes: u64,
    /// From the first byte to the commit.
    pub elapsed: Duration,
}

impl CopyAccount {
    /// Whether the figures add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.attempted == self.inserted + self.updated + self.unchanged + self.rejected
    }
}

/// Builds rows in `COPY`'s text form.
///
/// ```
/// use nba_db::TextRows;
/// let mut rows = TextRows::default();
/// rows.text("0022300001").null().display(48.5).text("tab\there").end_row();
/// assert_eq!(rows.as_bytes(), b"0022300001\t\\N\t48.5\ttab\\there\n");
/// ```
#[derive(Debug, Default, Clone)]
pub struct TextRows {
    buffer: BytesMut,
    in_row: bool,
    rows: u64,
}

impl TextRows {
    fn separate(&mut self) {
        if self.in_row {
            self.buffer.extend_from_slice(b"\t");
        }
        self.in_row = true;
    }

    /// Adds a text field, escaped.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        let mut plain = 0;
        let bytes = value.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let escaped: &[u8] = match byte {
                b'\\' => b"\\\\",
                b'\t' => b"\\t",
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                _ => continue,
            };
            self.buffer.extend_from_slice(&bytes[plain..at]);
            self.buffer.extend_from_slice(escaped);
            plain = at + 1;
        }
        self.buffer.extend_from_slice(&bytes[plain..]);
        self
    }

    /// Adds a field whose text needs no escaping: numbers, dates, booleans, identifiers.
    ///
    /// # Panics
    /// When the value's own `Display` fails.
    pub fn display(&mut self, value: impl std::fmt::Display) -> &mut Self {
        self.separate();
        std::fmt::Write::write_fmt(&mut self.buffer, format_args!("{value}"))
            .expect("the value can be displayed, and memory be written to");
        self
    }

    /// Adds NULL.
    pub fn null(&mut self) -> &mut Self {
        self.separate();
        self.buffer.extend_from_slice(b"\\N");
        self
    }

    /// Adds a text field, or NULL.
    pub fn optional(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// Ends the row.
    pub fn end_row(&mut self) {
        self.buffer.extend_from_slice(b"\n");
        self.in_row = false;
        self.rows += 1;
    }

    /// Rows ended so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What has been built.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes what has been built, leaving room for more of the same size.
    pub fn take(&mut self) -> Bytes {
        let room = self.buffer.len();
        let taken = self.buffer.split().freeze();
        self.buffer.reserve(room);
        taken
    }
}

/// Runs `COPY … FROM STDIN` on a session that may write.
pub(crate) async fn copy_in<S, E>(
    session: &Session,
    table: &TableName,
    columns: &[&str],
    format: CopyFormat,
    rows: S,
) -> Result<CopyAccount>
where
    S: Stream<Item = std::result::Result<Bytes, E>> + Send,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let started = Instant::now();
    let operation = format!("loading `{table}`");
    let column_list = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", ident::list(columns.iter().copied()))
    };
    let sql = format!(
        "copy {}{column_list} from stdin with ({})",
        table.sql(),
        format.sql()
    );
    let fail = |error| DbError::from_tokio(operation.clone(), error);
    let guard = session.arm(&sql)?;
    let outcome = async {
        let sink: CopyInSink<Bytes> = session.raw_client().copy_in(&sql).await.map_err(fail)?;
        let mut load = Load {
            sink: Box::pin(sink),
            buffer: BytesMut::with_capacity(CHUNK_BYTES * 2),
            bytes: 0,
        };
        let mut counter = RowCounter::new(format);
        let mut rows = Box::pin(rows);
        while let Some(chunk) = rows.next().await {
            let chunk = chunk.map_err(|error| DbError::Input {
                operation: operation.clone(),
                source: error.into(),
            })?;
            counter.add(&chunk);
            load.send(chunk).await.map_err(fail)?;
        }
        load.flush().await.map_err(fail)?;
        let inserted = load.sink.as_mut().finish().await.map_err(fail)?;
        Ok::<_, DbError>((inserted, counter.total(inserted), load.bytes))
    }
    .await;
    guard.disarm();
    let (inserted, attempted, bytes) = outcome?;
    Ok(CopyAccount {
        table: table.clone(),
        attempted,
        inserted,
        updated: 0,
        unchanged: 0,
        rejected: attempted.saturating_sub(inserted),
        bytes,
        elapsed: started.elapsed(),
    })
}

/// Gathers small pieces into large messages.
struct Load {
    sink: Pin<Box<CopyInSink<Bytes>>>,
    buffer: BytesMut,
    bytes: u64,
}

impl Load {
    async fn send(&mut self, chunk: Bytes) -> std::result::Result<(), tokio_postgres::Error> {
        self.bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if self.buffer.is_empty() && chunk.len() >= CHUNK_BYTES {
            return self.feed(chunk).await;
        }
        self.buffer.extend_from_slice(&chunk);
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush().await
        } else {
            Ok(())
        }
    }

    async fn flush(&mut self) -> std::result::Result<(), tokio_postgres::Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = self.buffer.split().freeze();
        self.buffer.reserve(CHUNK_BYTES);
        self.feed(full).await
    }

    async fn feed(&mut self, bytes: Bytes) -> std::result::Result<(), tokio_postgres::Error> {
        std::future::poll_fn(|context| self.sink.as_mut().poll_ready(context)).await?;
        self.sink.as_mut().start_send(bytes)
    }
}

/// Counts the rows handed over, where the format allows it without parsing: in the text form a
/// newline byte always ends a row.
struct RowCounter {
    format: CopyFormat,
    rows: u64,
    open: bool,
}

impl RowCounter {
    fn new(format: CopyFormat) -> Self {
        Self {
            format,
            rows: 0,
            open: false,
        }
    }

    fn add(&mut self, mut chunk: &[u8]) {
        use std::io::BufRead as _;
        if self.format != CopyFormat::Text || chunk.is_empty() {
            return;
        }
        self.open = chunk.last() != Some(&b'\n');
        while let Ok(1..) = chunk.skip_until(b'\n') {
            self.rows += 1;
        }
        // The last piece is a row only if nothing follows; it is counted when it ends.
        self.rows -= u64::from(self.open);
    }

    fn total(&self, inserted: u64) -> u64 {
        match self.format {
            CopyFormat::Text => self.rows + u64::from(self.open),
            CopyFormat::Csv | CopyFormat::Binary => inserted,
        }
    }
}

/// The bytes of a `COPY … TO STDOUT`, as they arrive; memory stays bounded.
///
/// Dropping it before the end cancels the statement on the server.
pub struct CopyOut {
    stream: Pin<Box<CopyOutStream>>,
    operation: String,
    finished: bool,
    // Last: the stream must be gone before the session goes back.
    session: Session,
}

impl CopyOut {
    pub(crate) async fn start(session: Session, source: &str, format: CopyFormat) -> Result<Self> {
        let operation = format!("unloading {}", statement_label(source));
        let sql = format!("copy {source} to stdout with ({})", format.sql());
        let guard = session.arm(&sql)?;
        let outcome = session.raw_client().copy_out(&sql).await;
        guard.disarm();
        let stream = outcome.map_err(|error| DbError::from_tokio(operation.clone(), error))?;
        Ok(Self {
            stream: Box::pin(stream),
            operation,
            finished: false,
            session,
        })
    }
}

impl Database {
    /// Streams a whole table out.
    ///
    /// # Errors
    /// As [`Database::session`]; what the server says about the table.
    #[track_caller]
    pub fn copy_out(
        &self,
        table: &TableName,
        format: CopyFormat,
    ) -> impl Future<Output = Result<CopyOut>> + Send + use<> {
        let session = self.session();
        let source = table.sql();
        async move { CopyOut::start(session.await?, &source, format).await }
    }

    /// Streams the result of a query out. `sql` takes no parameters and must be a trusted text.
    ///
    /// # Errors
    /// As [`Database::copy_out`].
    #[track_caller]
    pub fn copy_query_out(
        &self,
        sql: &str,
        format: CopyFormat,
    ) -> impl Future<Output = Result<CopyOut>> + Send + use<> {
        let session = self.session();
        let source = format!("({sql})");
        async move { CopyOut::start(session.await?, &source, format).await }
    }
}

impl Stream for CopyOut {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let item = std::task::ready!(this.stream.as_mut().poll_next(context));
        // After an error the statement is over as well.
        this.finished = !matches!(item, Some(Ok(_)));
        Poll::Ready(
            item.map(|item| {
                item.map_err(|error| DbError::from_tokio(this.operation.clone(), error))
            }),
        )
    }
}

impl Drop for CopyOut {
    fn drop(&mut self) {
        if !self.finished {
            self.session.cancel_now();
        }
    }
}

#[cfg(test)]
mod tests;
