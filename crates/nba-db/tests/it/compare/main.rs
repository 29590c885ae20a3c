//! Comparison of tables: every trap in every mode, against a naive comparison, under writers, and when things go wrong.

mod keys;
mod live;
mod naive;
mod resume;
mod shapes;
mod traps;

use nba_db::Database;
use nba_db::compare::{
    Change, CompareError, CompareSpec, Comparison, Difference, Mode, Observer, Relation, compare,
};
use nba_db::embedded::EmbeddedServer;
use nba_db::ident::TableName;

use crate::support::{open, prepare, server};

/// Connections of each pool: half of them are sessions.
const CONNECTIONS: u32 = 14;

/// A server with two databases, so that rows can be compared inside one and between two.
struct World {
    server: EmbeddedServer,
    here: Database,
    there: Database,
}

impl World {
    /// `sql` runs in both databases.
    async fn new(sql: &str) -> Self {
        let server = server().await;
        server.create_database("other").await.unwrap();
        let here = open(&server, CONNECTIONS).await;
        let mut target = server.target("other");
        target.settings.max_connections = CONNECTIONS;
        let there = Database::connect(&target).await.unwrap();
        let world = Self {
            server,
            here,
            there,
        };
        world.run(sql).await;
        world
    }

    async fn run(&self, sql: &str) {
        prepare(&self.here, sql).await;
        prepare(&self.there, sql).await;
    }

    /// Every way in which two tables of the same database can be compared.
    fn ways(&self) -> Vec<Way<'_>> {
        let way = |name, right, mode| Way {
            name,
            left: &self.here,
            right,
            mode,
        };
        vec![
            way("join", &self.here, Mode::Join),
            way("stream", &self.here, Mode::Stream),
            way("stream between two", &self.there, Mode::Stream),
            way("multiset", &self.here, Mode::Multiset),
            way("multiset between two", &self.there, Mode::Multiset),
        ]
    }

    async fn stop(self) {
        self.here.close().await;
        self.there.close().await;
        self.server.stop().await.unwrap();
    }
}

/// A way of comparing.
#[derive(Clone, Copy)]
struct Way<'a> {
    name: &'static str,
    left: &'a Database,
    right: &'a Database,
    mode: Mode,
}

impl Way<'_> {
    async fn compare(&self, left: &str, right: &str, spec: CompareSpec) -> Comparison {
        let mut seen = Seen::default();
        let comparison = self
            .try_compare(left, right, spec, &mut seen)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}: {:?}", self.name, error.hint()));
        let totals = &comparison.totals;
        assert_eq!(
            u64::try_from(seen.0.len()).unwrap(),
            totals.differences(),
            "{}: every difference is shown once",
            self.name
        );
        assert!(
            totals.is_balanced(comparison.left.rows, comparison.right.rows),
            "{}: {comparison:#?}",
            self.name
        );
        comparison
    }

    async fn try_compare(
        &self,
        left: &str,
        right: &str,
        spec: CompareSpec,
        observer: &mut dyn Observer,
    ) -> Result<Comparison, CompareError> {
        let spec = CompareSpec {
            mode: Some(self.mode),
            ..spec
        };
        compare(
            self.left,
            &table(left),
            self.right,
            &table(right),
            &spec,
            observer,
        )
        .await
    }
}

/// Keeps all differences.
#[derive(Debug, Default)]
struct Seen(Vec<Difference>);

impl Observer for Seen {
    fn difference(&mut self, difference: &Difference) -> std::io::Result<()> {
        self.0.push(difference.clone());
        Ok(())
    }
}

fn table(name: &str) -> Relation {
    Relation::Table(TableName::parse(name))
}

/// `1: a NULL → ''`, `2: missing`, in the order of the list.
fn told(comparison: &Comparison) -> Vec<String> {
    let text = |value: &Option<String>| match value {
        Some(value) => format!("'{value}'"),
        None => "NULL".to_owned(),
    };
    comparison
        .differences
        .iter()
        .map(|difference| {
            let key: Vec<String> = difference
                .key
                .iter()
                .map(|key| key.clone().unwrap_or_else(|| "NULL".to_owned()))
                .collect();
            let what = match &difference.what {
                Change::Missing { .. } => "missing".to_owned(),
                Change::Added { .. } => "added".to_owned(),
                Change::Changed { cells } => {
                    let cells: Vec<String> = cells
                        .iter()
                        .map(|cell| {
                            format!("{} {} → {}", cell.column, text(&cell.old), text(&cell.new))
                        })
                        .collect();
                    cells.join(", ")
                }
            };
            format!("{}: {what}", key.join(" "))
        })
        .collect()
}
