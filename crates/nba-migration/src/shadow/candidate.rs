//! The port under test, kept from harming anything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use nba_db::{Database, Purpose};
use nba_etl::lake::Lake;
use nba_etl::native::load::{Batch, LoadAccount, LoadOptions, Port, load, load_year};
use nba_etl::native::{Divergence, Mode, hoopr};
use nba_utils::errors::one_line;
use serde::Serialize;

use super::{Capability, Documents, Units};

/// What the port says it did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Rows it handed over.
    pub attempted: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows written again.
    pub updated: u64,
    /// Rows that were there, the same.
    pub unchanged: u64,
    /// Rows whose key came before.
    pub repeated: u64,
    /// What was put aside.
    pub aside: u64,
    /// Documents that cannot be read, counted once for every table.
    pub unreadable: u64,
    /// Games without a document, counted once for every table.
    pub missing: u64,
    /// Where it was not what the script does.
    pub divergences: BTreeSet<Divergence>,
}

impl Loaded {
    /// Adds the account of a year.
    pub fn add(&mut self, account: &LoadAccount) {
        self.attempted += account.attempted;
        self.inserted += account.inserted;
        self.updated += account.updated;
        self.unchanged += account.unchanged;
        self.repeated += account.repeated;
        self.aside += super::count(account.aside.len());
        self.unreadable += super::count(account.unreadable.len());
        self.missing += account.missing;
        self.divergences.extend(account.divergences.iter().copied());
    }
}

/// Something that loads the games into a scratch database.
pub trait Candidate: Send + Sync {
    /// Loads them; an error is the reason why it could not.
    fn load(&self, db: Database, units: Units) -> BoxFuture<'static, Result<Loaded, String>>;
}

/// The native port of a capability's script.
#[derive(Debug, Clone)]
pub struct NativePort {
    /// What it does.
    pub capability: Capability,
    /// What it is faithful to.
    pub mode: Mode,
    /// Where the documents are.
    pub lake: Arc<Lake>,
}

impl Candidate for NativePort {
    fn load(&self, db: Database, units: Units) -> BoxFuture<'static, Result<Loaded, String>> {
        let own = self.clone();
        async move {
            let mut writer = db
                .writer(Purpose::new("dual run in a scratch database"))
                .await
                .map_err(|error| one_line(&error))?;
            let mut loaded = Loaded::default();
            if let (Documents::OfSeasons(table), Some(seasons)) =
                (own.capability.documents, units.seasons())
            {
                let options = hoopr::options(table, own.mode);
                for key in seasons.keys() {
                    let lake = seasons.lake();
                    let account =
                        hoopr::load_file(&db, &mut writer, lake, table, key, &options).await;
                    loaded.add(&account.map_err(|error| one_line(&error))?);
                }
            }
            for year in units.years().clone() {
                for &port in own.capability.ports {
                    let port: &'static dyn Port = port;
                    let options = LoadOptions::new(port, own.mode);
                    let lake = &own.lake;
                    let account = match units.days(year) {
                        Some(days) => {
                            let batch = Batch {
                                what: format!("{} of {year}", options.table),
                                ids: days.to_vec(),
                            };
                            load(&db, &mut writer, lake, port, batch, &options).await
                        }
                        None => load_year(&db, &mut writer, lake, port, year, &options).await,
                    };
                    loaded.add(&account.map_err(|error| one_line(&error))?);
                }
            }
            // A scratch database: nobody will ask who wrote there.
            let _ = writer.finish().await;
            Ok(loaded)
        }
        .boxed()
    }
}

/// Runs it to its end, its panic, or the deadline.
pub(super) async fn run(
    candidate: &dyn Candidate,
    db: &Database,
    units: &Units,
    deadline: Duration,
) -> Result<Loaded, String> {
    let mut task = tokio::spawn(candidate.load(db.clone(), units.clone()));
    match tokio::time::timeout(deadline, &mut task).await {
        Ok(Ok(outcome)) => outcome.map_err(|problem| format!("failed: {problem}")),
        Ok(Err(error)) if error.is_panic() => Err("panicked".to_owned()),
        Ok(Err(_)) => Err("was stopped".to_owned()),
        Err(_) => {
            task.abort();
            Err(format!("did not end within {} s", deadline.as_secs_f64()))
        }
    }
}
