//! Databases with the target's definitions and the chosen games, on a server of our own.

use std::ffi::OsString;

use futures::TryStreamExt as _;
use nba_config::DatabaseTarget;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, Search};
use nba_db::ident::{Ident, TableName, list, literal};
use nba_db::{ConnectOptions, CopyFormat, Database, Purpose};

use super::{ShadowError, Units};
use crate::backup::{BackupError, Connection, Tools, succeeded};

/// The database that the others are copies of.
const TEMPLATE: &str = "definitions";

pub(super) struct Scratch {
    server: EmbeddedServer,
}

impl Scratch {
    /// Copies definitions and games; the source is only read.
    pub(super) async fn prepare(
        source: &Database,
        tools: &Tools,
        units: &Units,
    ) -> Result<Self, ShadowError> {
        let scratch = |error: BackupError| ShadowError::Scratch(Box::new(error));
        tools
            .refuse_newer(source.server_version_num())
            .map_err(scratch)?;
        let server = EmbeddedServer::start(EmbeddedOptions {
            search: Search {
                explicit: Some(tools.folder().to_owned()),
                ..Search::default()
            },
            ..EmbeddedOptions::default()
        })
        .await
        .map_err(|error| scratch(error.into()))?;
        server
            .create_database(TEMPLATE)
            .await
            .map_err(|error| scratch(error.into()))?;
        definitions(source, tools, &server.target(TEMPLATE))
            .await
            .map_err(scratch)?;
        let found = Self { server };
        // Files of seasons say all about their games.
        if units.seasons().is_none() {
            let db = found.open(TEMPLATE).await?;
            found.games(source, &db, units).await?;
            db.close().await;
            found.leave_template().await?;
        }
        Ok(found)
    }

    /// A database that somebody is connected to cannot be copied, and a session that was given back may live on for a while.
    async fn leave_template(&self) -> Result<(), ShadowError> {
        let db = self.open("postgres").await?;
        let left = db
            .query_rows(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
                &[&TEMPLATE],
            )
            .await
            .map_err(ShadowError::database("leave the scratch database"))?;
        tracing::debug!(sessions = left.len(), "left the scratch template");
        db.close().await;
        Ok(())
    }

    async fn games(
        &self,
        source: &Database,
        db: &Database,
        units: &Units,
    ) -> Result<(), ShadowError> {
        let mut writer = db
            .writer(Purpose::new("games of a dual run"))
            .await
            .map_err(ShadowError::database("write into the scratch database"))?;
        // What the games refer to is not there, and does not matter.
        writer
            .batch_execute("set session_replication_role = replica")
            .await
            .map_err(ShadowError::database("prepare the scratch database"))?;
        let ids: Vec<String> = units.games().iter().map(|id| literal(id)).collect();
        let rows = source
            .copy_query_out(
                &format!(
                    "select * from public.games where game_id::text in ({})",
                    ids.join(", ")
                ),
                CopyFormat::Text,
            )
            .await
            .map_err(ShadowError::database("read the games"))?;
        writer
            .copy_in(
                &TableName::parse("public.games"),
                &[],
                CopyFormat::Text,
                rows.map_err(Box::new),
            )
            .await
            .map_err(ShadowError::database("copy the games"))?;
        // A scratch database: nobody will ask who wrote there.
        let _ = writer.finish().await;
        Ok(())
    }

    /// A database of its own.
    pub(super) async fn database(&self, name: &str) -> Result<Database, ShadowError> {
        self.server
            .create_database_from_template(name, TEMPLATE)
            .await
            .map_err(|error| ShadowError::Scratch(Box::new(error.into())))?;
        self.in_utc(name).await?;
        self.open(name).await
    }

    /// Gives an empty table a unique key.
    pub(super) async fn unique(
        &self,
        db: &Database,
        table: &TableName,
        key: &[&str],
    ) -> Result<(), ShadowError> {
        let failed = || ShadowError::database("give the table of the port a unique key");
        let mut writer = db
            .writer(Purpose::new("unique key of a scratch table"))
            .await
            .map_err(failed())?;
        let columns = list(key.iter().copied());
        let sql = format!("create unique index on {} ({columns})", table.sql());
        writer.batch_execute(&sql).await.map_err(failed())?;
        let _ = writer.finish().await;
        Ok(())
    }

    /// The time of a game goes into a column without zone, in the zone of the session: on both sides it is UTC, as on RDS, and not what
    /// this machine has.
    async fn in_utc(&self, name: &str) -> Result<(), ShadowError> {
        let db = self.open(name).await?;
        let purpose = Purpose::new("zone of a scratch database");
        let failed = || ShadowError::database("set up the scratch database");
        let mut writer = db.writer(purpose).await.map_err(failed())?;
        let sql = format!("alter database {} set timezone to 'UTC'", Ident::new(name));
        writer.batch_execute(&sql).await.map_err(failed())?;
        let _ = writer.finish().await;
        db.close().await;
        Ok(())
    }

    pub(super) fn target(&self, name: &str) -> DatabaseTarget {
        self.server.target(name)
    }

    async fn open(&self, name: &str) -> Result<Database, ShadowError> {
        Database::connect(ConnectOptions::from(&self.server.target(name)))
            .await
            .map_err(ShadowError::database("open the scratch database"))
    }
}

/// `pg_dump` of the definitions alone, restored without owners and rights.
async fn definitions(
    source: &Database,
    tools: &Tools,
    into: &DatabaseTarget,
) -> Result<(), BackupError> {
    let folder = tempfile::tempdir().map_err(BackupError::io(
        "create",
        std::path::Path::new("scratch folder"),
    ))?;
    let file = folder.path().join("definitions");
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let options = source.options();
    let connection = Connection::to(&options.target, &options.application_name())?.read_only();
    let mut arguments = words(&[
        "--schema-only",
        "--no-owner",
        "--no-privileges",
        "--no-publications",
        "--no-subscriptions",
        "--format=custom",
        "--file",
    ]);
    arguments.push(file.clone().into());
    let report = tools
        .run("pg_dump", arguments, &connection, folder.path())
        .await?;
    succeeded("pg_dump", report)?;
    let connection = Connection::to(into, "nba/shadow")?;
    let mut arguments = words(&[
        "--no-owner",
        "--no-privileges",
        "--exit-on-error",
        "--dbname",
    ]);
    arguments.push((&into.database).into());
    arguments.push(file.into());
    let report = tools
        .run("pg_restore", arguments, &connection, folder.path())
        .await?;
    succeeded("pg_restore", report)?;
    Ok(())
}
