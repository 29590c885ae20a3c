//! A private server with one empty database, and questions to it.

use nba_config::DatabaseTarget;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};
use nba_testkit::{
    plan::{PlanOptions, Scale, Temporal},
    replica::{Replica, ReplicaOptions, ReplicaReport},
};
use tokio_postgres::{Client, NoTls, Row};

pub(crate) const DATABASE: &str = "nba_simulator";

pub(crate) struct Server {
    pub(crate) embedded: EmbeddedServer,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let embedded = EmbeddedServer::start(EmbeddedOptions::default())
            .await
            .unwrap();
        embedded.create_database(DATABASE).await.unwrap();
        Self { embedded }
    }

    pub(crate) fn target(&self) -> DatabaseTarget {
        self.embedded.target(DATABASE)
    }

    pub(crate) async fn client(&self) -> Client {
        self.client_of(DATABASE).await
    }

    pub(crate) async fn client_of(&self, database: &str) -> Client {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.embedded.socket_dir())
            .port(self.embedded.port());
        config.user(self.embedded.user()).dbname(database);
        let (client, driver) = config.connect(NoTls).await.unwrap();
        tokio::spawn(driver);
        client
    }

    pub(crate) async fn build(&self, options: ReplicaOptions) -> ReplicaReport {
        Replica::build(&self.target(), options, |_| {})
            .await
            .unwrap()
    }
}

pub(crate) fn options(scale: f64, temporal: Temporal) -> ReplicaOptions {
    ReplicaOptions {
        plan: PlanOptions {
            scale: Scale::new(scale).unwrap(),
            temporal,
        },
        ..ReplicaOptions::default()
    }
}

pub(crate) async fn rows(client: &Client, sql: &str) -> Vec<Row> {
    client
        .query(sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

pub(crate) async fn number(client: &Client, sql: &str) -> i64 {
    rows(client, sql).await[0].get(0)
}

/// Content and physical order of every table.
pub(crate) async fn digests(client: &Client) -> Vec<(&'static str, Option<String>)> {
    let mut digests = Vec::new();
    for table in nba_testkit::schema::tables() {
        let sql = format!(
            "select md5(string_agg(md5(t::text), '' order by ctid)) from {} t",
            table.name
        );
        digests.push((table.name, rows(client, &sql).await[0].get(0)));
    }
    digests
}
