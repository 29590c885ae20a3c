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
                let mut writer = self
                    .admin
                    .writer(Purpose::new("drop the scratch database of a restore"))
                    .await?;
                writer
                    .batch_execute(&format!(
                        "drop database if exists {} with (force)",
                        Ident::new(self.name.as_str())
                    ))
                    .await?;
                audited(&writer.finish().await);
            }
        }
        Ok(())
    }
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
