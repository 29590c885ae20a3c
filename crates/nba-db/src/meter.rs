//! What a handle asks of its server: counted where statements are sent, so that it costs the server nothing.
//!
//! PostgreSQL keeps no account per session that a role without rights could read (`pg_stat_statements` is an extension, and
//! `pg_stat_database` is about everybody), so each handle keeps its own. What it cannot count is said at [`Spent`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::{Row, SimpleQueryMessage};

/// What was asked of a server and what came back, as [`Database::spent`](crate::Database::spent) counts it.
///
/// Counted is what goes through the methods of [`Session`](crate::Session) and [`Database`](crate::Database), and what these do
/// by themselves. Not counted is what goes through the bare client ([`Session::client`](crate::Session::client)), through
/// [`Database::pool`](crate::Database::pool), streams, and writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Spent {
    /// Connections opened; each is a process of the server.
    pub connections: u64,
    /// Statements sent; in a batch each part between semicolons is one.
    pub statements: u64,
    /// Messages that were answered: statements, batches, preparations.
    pub round_trips: u64,
    /// Time waited for answers, that of statements that ran side by side added up.
    pub waited: Duration,
    /// The shortest wait of all: about what the way to the server and back takes.
    pub shortest: Option<Duration>,
    /// Bytes of the rows that came back.
    pub received_bytes: u64,
}

impl Spent {
    /// What came after `earlier`, which is of the same handle.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            connections: self.connections.saturating_sub(earlier.connections),
            statements: self.statements.saturating_sub(earlier.statements),
            round_trips: self.round_trips.saturating_sub(earlier.round_trips),
            waited: self.waited.saturating_sub(earlier.waited),
            shortest: self.shortest,
            received_bytes: self.received_bytes.saturating_sub(earlier.received_bytes),
        }
    }

    /// Time the server worked: what was waited beyond the shortest answer, for each round trip. An estimate from above: a network
    /// that is slow at times is in it, one that is slow all the time is not.
    ///
    /// ```
    /// let spent = nba_db::Spent::default();
    /// assert_eq!(spent.worked(), std::time::Duration::ZERO);
    /// ```
    #[must_use]
    pub fn worked(&self) -> Duration {
        let trips = u32::try_from(self.round_trips).unwrap_or(u32::MAX);
        let way = self.shortest.unwrap_or_default().saturating_mul(trips);
        self.waited.saturating_sub(way)
    }
}

/// The account of one handle.
#[derive(Debug)]
pub(crate) struct Meter {
    connections: AtomicU64,
    statements: AtomicU64,
    round_trips: AtomicU64,
    waited_ns: AtomicU64,
    /// `u64::MAX` before the first answer.
    shortest_ns: AtomicU64,
    received_bytes: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            connections: AtomicU64::new(0),
            statements: AtomicU64::new(0),
            round_trips: AtomicU64::new(0),
            waited_ns: AtomicU64::new(0),
            shortest_ns: AtomicU64::new(u64::MAX),
            received_bytes: AtomicU64::new(0),
        }
    }
}

impl Meter {
    /// A connection was opened.
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Something is sent now; the wait for its answer, or until it is given up, ends when the result is dropped. It takes no
    /// future, because one inside another makes both larger.
    pub(crate) fn trip(&self, statements: u64) -> Trip<'_> {
        Trip {
            meter: self,
            statements,
            began: Instant::now(),
        }
    }

    /// Rows came back.
    pub(crate) fn rows(&self, rows: &[Row]) {
        let bytes = rows.iter().map(|row| wide(row.raw_size_bytes()));
        self.received(bytes.sum());
    }

    /// Rows came back as text.
    pub(crate) fn texts(&self, messages: &[SimpleQueryMessage]) {
        let mut bytes = 0;
        for message in messages {
            if let SimpleQueryMessage::Row(row) = message {
                let texts = (0..row.len()).filter_map(|at| row.get(at));
                bytes += texts.map(|text| wide(text.len())).sum::<u64>();
            }
        }
        self.received(bytes);
    }

    fn received(&self, bytes: u64) {
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn spent(&self) -> Spent {
        let shortest = self.shortest_ns.load(Ordering::Relaxed);
        Spent {
            connections: self.connections.load(Ordering::Relaxed),
            statements: self.statements.load(Ordering::Relaxed),
            round_trips: self.round_trips.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed)),
            shortest: (shortest != u64::MAX).then(|| Duration::from_nanos(shortest)),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
        }
    }
}

/// A wait that is going on.
#[must_use = "the wait is over when it is dropped"]
pub(crate) struct Trip<'a> {
    meter: &'a Meter,
    statements: u64,
    began: Instant,
}

impl Drop for Trip<'_> {
    fn drop(&mut self) {
        let waited = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let meter = self.meter;
        meter
            .statements
            .fetch_add(self.statements, Ordering::Relaxed);
        meter.round_trips.fetch_add(1, Ordering::Relaxed);
        meter.waited_ns.fetch_add(waited, Ordering::Relaxed);
        meter.shortest_ns.fetch_min(waited, Ordering::Relaxed);
    }
}

/// Statements of a batch of ours: none of them has a semicolon inside.
pub(crate) fn statements_in(batch: &str) -> u64 {
    let parts = batch.split(';').filter(|part| !part.trim().is_empty());
    wide(parts.count())
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_no_work() {
        let spent = Spent {
            round_trips: 3,
            waited: Duration::from_millis(45),
            shortest: Some(Duration::from_millis(5)),
            ..Spent::default()
        };
        assert_eq!(spent.worked(), Duration::from_millis(30));
        assert_eq!(spent.since(&spent).worked(), Duration::ZERO);
    }

    #[test]
    fn a_batch_has_as_many_statements_as_parts() {
        for (batch, expected) in [("", 0), ("begin", 1), ("begin; rollback;", 2), (" ; ", 0)] {
            assert_eq!(statements_in(batch), expected, "{batch}");
        }
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_counts() {
        let meter = Meter::default();
        assert_eq!(meter.spent().shortest, None);
        let never = async {
            let _trip = meter.trip(1);
            std::future::pending::<()>().await;
        };
        let given_up = tokio::time::timeout(Duration::from_millis(5), never).await;
        assert!(given_up.is_err());
        let spent = meter.spent();
        assert_eq!((spent.statements, spent.round_trips), (1, 1));
        assert!(spent.waited >= Duration::from_millis(5));
        assert_eq!(spent.shortest, Some(spent.waited));
    }
}
