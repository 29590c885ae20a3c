//! A place to restore into that nobody needs.

use std::path::{Path, PathBuf};

use nba_config::DatabaseTarget;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, Search};
use nba_db::ident::{Ident, literal};
use nba_db::{Database, Purpose, WriterAudit};

use super::{BackupError, Manifest, Tools};

/// Where a backup is restored for a look.
#[derive(Debug, Clone)]
pub enum Scratch {
    /// A private server of this machine that disappears afterwards; its files lie below this folder, or the system's temporary
    /// one.
    Private(Option<PathBuf>),
    /// A new database on the server of this target, dropped afterwards. The role needs the right to create databases.
    On(Box<DatabaseTarget>),
}

impl Scratch {
    /// The folder whose disk is filled, where it is one of this machine.
    pub(super) fn disk(&self) -> Option<PathBuf> {
        match self {
            Self::Private(folder) => Some(folder.clone().unwrap_or_else(|| PathBuf::from("/tmp"))),
            Self::On(_) => None,
        }
    }
}

/// An empty database made for one restore.
pub(super) struct Place {
    server: Option<EmbeddedServer>,
    admin: Database,
    name: String,
    target: DatabaseTarget,
}

/// Sessions of the administrator and of the comparison, over both pools.
const CONNECTIONS: u32 = 12;

impl Place {
    pub(super) async fn make(
        scratch: &Scratch,
        tools: &Tools,
        manifest: &Manifest,
        name: &str,
    ) -> Result<Self, BackupError> {
        let (server, mut admin_target) = match scratch {
            Scratch::Private(run_dir) => {
                let server = EmbeddedServer::start(EmbeddedOptions {
                    search: Search {
                        explicit: Some(tools.folder().to_owned()),
                        ..Search::default()
                    },
                    run_dir: run_dir.clone(),
                    // A restore writes much at once and nothing that has to survive.
                    conf: vec![("max_wal_size".to_owned(), "4GB".to_owned())],
                    ..EmbeddedOptions::default()
                })
                .await?;
                let target = server.target("postgres");
                (Some(server), target)
            }
            Scratch::On(target) => (None, (**target).clone()),
        };
        admin_target.settings.max_connections = CONNECTIONS;
        let admin = Database::connect(&admin_target).await?;
        let mut writer = admin
            .writer(Purpose::new("create a scratch database for a restore"))
            .await?;
        if server.is_some() {
            for role in &manifest.roles {
                let present: Vec<_> = writer
                    .query_rows(
                        "select 1 from pg_catalog.pg_roles where rolname = $1",
                        &[role],
                    )
                    .await?;
                if present.is_empty() {
                    writer
                        .batch_execute(&format!("create role {}", Ident::new(role.as_str())))
                        .await?;
                }
            }
        }
        // `C` sorts otherwise than the source may, which no row and no definition depends on; the source's own collation need
        // not exist here.
        writer
            .batch_execute(&format!(
                "create database {} template template0 encoding {} lc_collate 'C' lc_ctype 'C'",
                Ident::new(name),
                literal(&manifest.identity.encoding)
            ))
            .await?;
        audited(&writer.finish().await);
        Ok(Self {
            target: admin_target.with_database(name),
            server,
            admin,
            name: name.to_owned(),
        })
    }

    /// Makes the database carry a mark, by which a later run knows it as ours and unproven.
    pub(super) async fn mark(&self) -> Result<(), BackupError> {
        self.administer(
            "mark a database as an unproven restore",
            &format!(
                "comment on database {} is {}",
                Ident::new(self.name.as_str()),
                literal(MARK)
            ),
        )
        .await
    }

    /// Gives the database its final name and takes the mark off; it stays.
    pub(super) async fn keep_as(self, name: &str) -> Result<(), BackupError> {
        let (old, new) = (Ident::new(self.name.as_str()), Ident::new(name));
        self.administer(
            "name a restored database",
            &format!("alter database {old} rename to {new}"),
        )
        .await?;
        self.administer(
            "name a restored database",
            &format!("comment on database {new} is null"),
        )
        .await
    }

    async fn administer(&self, purpose: &str, sql: &str) -> Result<(), BackupError> {
        let mut writer = self.admin.writer(Purpose::new(purpose)).await?;
        writer.batch_execute(sql).await?;
        audited(&writer.finish().await);
        Ok(())
    }

    pub(super) fn target(&self) -> &DatabaseTarget {
        &self.target
    }

    /// Whether owners and grants can be restored: the roles are there.
    pub(super) fn has_roles(&self) -> bool {
        self.server.is_some()
    }

    /// Removes what was made.
    pub(super) async fn clear(self) -> Result<(), BackupError> {
        match &self.server {
            Some(server) => server.stop().await?,
            None => {
                self.administer(
                    "drop the scratch database of a restore",
                    &format!(
                        "drop database if exists {} with (force)",
                        Ident::new(self.name.as_str())
                    ),
                )
                .await?;
            }
        }
        Ok(())
    }
}

/// Comment on a database that is being restored.
const MARK: &str = "nba: restore that is not proven";

/// Makes room for a restore into `name`: refuses when `name` is taken, and drops what an interrupted run left under `unproven`.
pub(super) async fn free_names(
    target: &DatabaseTarget,
    name: &str,
    unproven: &str,
) -> Result<(), BackupError> {
    let admin = Database::connect(target).await?;
    let found = admin
        .query_rows(
            "select datname::pg_catalog.text, pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database \
             where datname = any ($1)",
            &[&vec![name, unproven]],
        )
        .await?;
    for row in found {
        let (database, comment): (String, Option<String>) = (row.get(0), row.get(1));
        if database == unproven && comment.as_deref() == Some(MARK) {
            let mut writer = admin
                .writer(Purpose::new("drop what an interrupted restore left"))
                .await?;
            writer
                .batch_execute(&format!(
                    "drop database {} with (force)",
                    Ident::new(unproven)
                ))
                .await?;
            audited(&writer.finish().await);
        } else {
            return Err(BackupError::DatabaseExists { name: database });
        }
    }
    admin.close().await;
    Ok(())
}

/// A write is accounted for, even one in a place of our own.
fn audited(audit: &WriterAudit) {
    tracing::info!(
        target: "nba::audit",
        purpose = audit.purpose, target = audit.target, statements = audit.statements, failures = audit.failures,
        "writer closed"
    );
}

/// Room a restore needs: the database with its indexes, and the log of writing it.
pub(super) fn room(manifest: &Manifest) -> u64 {
    let bytes = u64::try_from(manifest.identity.database_bytes).unwrap_or(0);
    bytes.saturating_add(bytes / 2)
}

/// The nearest folder upwards that is there.
pub(super) fn existing(folder: &Path) -> &Path {
    folder
        .ancestors()
        .find(|path| path.is_dir())
        .unwrap_or(Path::new("/"))
}
