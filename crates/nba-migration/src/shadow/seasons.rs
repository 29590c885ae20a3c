//! hoopR's season files, cut to the games that both sides work on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use nba_db::Database;
use nba_etl::lake::Lake;
use nba_etl::native::Mode;
use nba_etl::native::hoopr::{
    Form, Generation, SeasonFile, Table, Target, cut, games_of, partings, season_files, stage,
};
use nba_etl::native::parting::Partings;
use nba_etl::runner::Script;

use super::ShadowError;

/// Where the loader of the narrow tables looks for CSV files.
const CSV_FOLDER: &str = "HOOPR_DIR";
/// Where the loader of the wide tables looks for its SQLite file.
const SQLITE_FILE: &str = "HOOPR_SQLITE";
/// Hands the loader of the wide tables its answers: it asks of every table that is there whether to drop it, and fills it as it is when
/// told not to (ETL dossier 1.4).
const ANSWERED: &str = r#"printf 'no\nno\nno\nno\n' | "$0" "$@""#;

/// The season files of a dual run, in a folder that is gone with it.
#[derive(Debug)]
pub struct Seasons {
    folder: tempfile::TempDir,
    lake: Lake,
    target: Target,
    files: Vec<SeasonFile>,
    sqlite: Option<PathBuf>,
}

/// What was drawn: the files, the games in them, and their seasons.
type Drawn = (Seasons, Vec<String>, RangeInclusive<i32>);

impl Seasons {
    /// Draws games by a hash of their id, evenly over the seasons of `years` (each named by the year it ends in), and cuts the files to
    /// them.
    ///
    /// The generation of the target's table decides what is read: there is one script for each, and it reads one form.
    pub(super) async fn draw(
        source: &Database,
        lake: &Lake,
        table: Table,
        most: usize,
        years: Option<RangeInclusive<i32>>,
    ) -> Result<Drawn, ShadowError> {
        let target = Target::of(source, table)
            .await
            .map_err(ShadowError::database("look at the table of the target"))?;
        let form = match target.generation() {
            Generation::Narrow => Form::Csv,
            Generation::Wide => Form::Parquet,
        };
        let mut files =
            season_files(lake, table, form)
                .await
                .map_err(|source| ShadowError::Lake {
                    what: format!("the list of `{}`", table.prefix(form)),
                    source: Box::new(source),
                })?;
        files.retain(|(season, _)| years.as_ref().is_none_or(|years| years.contains(season)));
        let mut all = Vec::new();
        for (at, (_, key)) in files.iter().enumerate() {
            let games = games_of(lake, key).await.map_err(Box::new)?;
            all.extend(
                games
                    .into_iter()
                    .map(|game| (*blake3::hash(game.as_bytes()).as_bytes(), at, game)),
            );
        }
        all.sort_unstable();
        all.truncate(most);
        let mut of_file: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (_, at, game) in all {
            of_file.entry(at).or_default().insert(game);
        }
        let folder = tempfile::tempdir().map_err(ShadowError::Folder)?;
        let (mut drawn, mut games, mut seasons) = (Vec::new(), Vec::new(), Vec::new());
        for (at, wanted) in of_file {
            let Some((season, key)) = files.get(at) else {
                continue;
            };
            games.extend(wanted.iter().cloned());
            cut(lake, key, Arc::new(wanted), folder.path())
                .await
                .map_err(Box::new)?;
            seasons.push(*season);
            drawn.push(SeasonFile {
                key: key.clone(),
                path: folder.path().join(key),
            });
        }
        let (Some(first), Some(last)) = (seasons.iter().min(), seasons.iter().max()) else {
            return Err(ShadowError::NoUnits(format!(
                "{} has no game under `{}`{}",
                lake.describe(),
                table.prefix(form),
                years.map_or_else(String::new, |years| format!(
                    " of {} to {}",
                    years.start(),
                    years.end()
                ))
            )));
        };
        let years = *first..=*last;
        let sqlite = match target.generation() {
            Generation::Narrow => None,
            Generation::Wide => {
                let file = folder.path().join("hoopr_local.db");
                let seasons: Vec<PathBuf> = drawn.iter().map(|file| file.path.clone()).collect();
                stage(&file, table, &seasons).await.map_err(Box::new)?;
                Some(file)
            }
        };
        let found = Seasons {
            lake: Lake::local(folder.path()),
            folder,
            target,
            files: drawn,
            sqlite,
        };
        Ok((found, games, years))
    }

    /// The cut files as a lake.
    #[must_use]
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// Their keys, by season.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.key.as_str())
    }

    /// The columns that tell rows of the table apart.
    pub(super) fn key(&self) -> &'static [&'static str] {
        self.target.key()
    }

    /// The columns that no file fills, with the reason why they are not compared.
    pub(super) fn ignored(&self) -> BTreeMap<String, String> {
        let columns = self.target.filled_by_itself().into_iter();
        columns
            .map(|column| (column.to_owned(), "the table fills it itself".to_owned()))
            .collect()
    }

    /// Tells the script where its documents are.
    pub(super) fn hand_to(&self, script: &mut Script) {
        let Some(sqlite) = &self.sqlite else {
            let folder = self.folder.path().join("hoopr_phase1");
            script.environment.set(CSV_FOLDER, folder);
            return;
        };
        script.environment.set(SQLITE_FILE, sqlite);
        let program = std::mem::replace(&mut script.program, "sh".into());
        let own = std::mem::take(&mut script.arguments);
        let shell = ["-c", ANSWERED].map(OsString::from);
        script.arguments = shell.into_iter().chain([program]).chain(own).collect();
    }

    /// Where the two modes part on these files; nowhere in compat mode.
    pub(super) async fn partings(&self, mode: Mode) -> Partings {
        if mode == Mode::Compat {
            return Partings::none();
        }
        let (target, files) = (self.target.clone(), self.files.clone());
        // Without partings nothing is explained, which errs on the safe side.
        tokio::task::spawn_blocking(move || partings(&target, &files))
            .await
            .unwrap_or_else(|_| Partings::none())
    }
}
