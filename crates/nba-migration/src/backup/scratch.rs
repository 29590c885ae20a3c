//! A place to restore into that nobody needs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nba_config::DatabaseTarget;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, Search};
use nba_db::ident::{Ident, literal};
use nba_db::{Database, Purpose, Session, WriterAudit};
use nba_utils::Digest;

use super::{BackupError, Manifest, Tools};
use crate::fault;

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
    /// Lives as long as the restore does: by it a later run knows whether a database is still worked on.
    holder: Option<Session>,
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
    ) -> Result<Self, BackupError> {
        let name = format!("{SCRATCH}{}", uuid::Uuid::now_v7().simple());
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
        let holder = match server {
            Some(_) => None,
            None => {
                remove_leftovers(&admin).await?;
                Some(admin.session().await?)
            }
        };
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
                Ident::new(name.as_str()),
                literal(&manifest.identity.encoding)
            ))
            .await?;
        fault::point("restore.created");
        if let Some(holder) = &holder {
            let held: String = holder.query_scalar(HOLDER_SQL, &[]).await?;
            writer
                .batch_execute(&format!(
                    "comment on database {} is {}",
                    Ident::new(name.as_str()),
                    literal(&format!("{UNPROVEN}{held}"))
                ))
                .await?;
        }
        audited(&writer.finish().await);
        fault::point("restore.marked");
        Ok(Self {
            target: admin_target.with_database(&name),
            server,
            admin,
            holder,
            name,
        })
    }

    /// Gives the database its final name, and the mark of what it was proven to be; it stays.
    pub(super) async fn keep_as(self, name: &str, proof: &str) -> Result<(), BackupError> {
        self.left_alone().await?;
        let (old, new) = (Ident::new(self.name.as_str()), Ident::new(name));
        // Together or not at all: a name without the mark would be a database that nobody can tell from a live one.
        self.administer(
            "name a restored database",
            &format!(
                "begin; alter database {old} rename to {new}; comment on database {new} is {}; commit",
                literal(proof)
            ),
        )
        .await?;
        fault::point("restore.named");
        drop(self.holder);
        Ok(())
    }

    /// Waits until the sessions of the comparison have gone: they were closed, and their servers take a moment on a busy machine. A
    /// database that somebody is connected to cannot be renamed.
    async fn left_alone(&self) -> Result<(), BackupError> {
        let deadline = Instant::now() + LEAVING;
        while Instant::now() < deadline {
            let sessions: i64 = self.admin.query_scalar(SESSIONS_SQL, &[&self.name]).await?;
            if sessions == 0 {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
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
                drop_database(
                    &self.admin,
                    "drop the scratch database of a restore",
                    &self.name,
                )
                .await?;
            }
        }
        Ok(())
    }
}

/// Sessions in a database that was made for a restore: all of them are ours.
const SESSIONS_SQL: &str =
    "select pg_catalog.count(*) from pg_catalog.pg_stat_activity where datname = $1";

/// Longest wait for sessions that were closed to be gone, and the time between two looks.
const LEAVING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// Somebody is in a database who may not be ended, or does not end: insufficient privilege, object in use.
const BUSY: [&str; 2] = ["42501", "55006"];

/// How the name of a database begins that is being restored; a number with the time in it follows.
const SCRATCH: &str = "nba_verify_";

/// Comment on such a database; who works on it follows.
const UNPROVEN: &str = "nba: restore that is not proven, held by ";

/// Names a session so that no later one is taken for it: process ids come again.
const HOLDER_SQL: &str = "select pid || ' of ' || extract(epoch from backend_start)::pg_catalog.text from pg_catalog.pg_stat_activity \
     where pid = pg_catalog.pg_backend_pid()";

/// Databases of our kind and role; whether the holder that the mark names is still there, and how old an unmarked one is.
///
/// The name of the database has the time in it (UUID version 7): its first twelve digits are milliseconds.
const LEFTOVERS_SQL: &str = "
select d.datname::pg_catalog.text
from pg_catalog.pg_database d
left join lateral (select pg_catalog.shobj_description(d.oid, 'pg_database') as mark) m on true
where d.datname ~ '^nba_verify_[0-9a-f]{32}$'
  and pg_catalog.pg_get_userbyid(d.datdba) = current_user
  and case
    when m.mark like $1 || '%' then not exists (
      select from pg_catalog.pg_stat_activity a where $1 || a.pid || ' of ' || extract(epoch from a.backend_start)::pg_catalog.text = m.mark)
    else ('x' || pg_catalog.substr(d.datname, 12, 12))::bit(48)::pg_catalog.int8
      < extract(epoch from pg_catalog.now()) * 1000 - $2::pg_catalog.float8 end
order by 1";

/// Between making a database and marking it: one without a mark is left alone for so long, in milliseconds.
const UNMARKED_MS: f64 = 600_000.0;

/// The mark of a restore that was proven.
pub(super) fn proof_mark(backup: &str, manifest: Digest) -> String {
    format!("nba: proven restore of {backup}, manifest {manifest}")
}

/// Drops what interrupted restores left on a given server.
async fn remove_leftovers(admin: &Database) -> Result<(), BackupError> {
    let found = admin
        .query_rows(LEFTOVERS_SQL, &[&UNPROVEN, &UNMARKED_MS])
        .await?;
    for row in found {
        let name: String = row.get(0);
        tracing::info!(
            database = name,
            "an interrupted restore left it; it is dropped"
        );
        drop_database(admin, "drop what an interrupted restore left", &name).await?;
    }
    Ok(())
}

/// Drops a database of ours with whoever is still in it.
///
/// A worker of autovacuum that happens to be there belongs to nobody, and PostgreSQL refuses to end it for a role without the right to
/// signal; it goes by itself, or when it is asked for the next time.
async fn drop_database(
    admin: &Database,
    purpose: &'static str,
    name: &str,
) -> Result<(), BackupError> {
    let sql = format!("drop database if exists {} with (force)", Ident::new(name));
    let deadline = Instant::now() + LEAVING;
    loop {
        let mut writer = admin.writer(Purpose::new(purpose)).await?;
        let dropped = writer.batch_execute(&sql).await;
        audited(&writer.finish().await);
        match dropped {
            Ok(()) => return Ok(()),
            Err(error)
                if BUSY.contains(&error.sqlstate().unwrap_or_default())
                    && Instant::now() < deadline =>
            {
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What stands under a name that a restore is to get.
pub(super) enum Standing {
    /// Nothing.
    Free,
    /// What an earlier run restored, and had proven, from this very backup.
    Proven,
}

/// Looks whether `name` may be given to a restore.
///
/// # Errors
///
/// [`BackupError::DatabaseExists`] when anything else has it.
pub(super) async fn standing(
    target: &DatabaseTarget,
    name: &str,
    proof: &str,
) -> Result<Standing, BackupError> {
    let admin = Database::connect(target).await?;
    let found = admin
        .query_rows(
            "select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database \
             where datname = $1",
            &[&name],
        )
        .await?;
    admin.close().await;
    let Some(row) = found.first() else {
        return Ok(Standing::Free);
    };
    let mark: Option<String> = row.get(0);
    if mark.as_deref() == Some(proof) {
        return Ok(Standing::Proven);
    }
    Err(BackupError::DatabaseExists {
        name: name.to_owned(),
    })
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
