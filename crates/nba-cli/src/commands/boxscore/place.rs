//! Where games are: files, the configured lake, the configured database.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nba_boxscore::GameLog;
use nba_db::ident::TableName;
use nba_etl::boxscore::{Store, StoredGame};
use nba_etl::lake::{Inventory, Lake};
use nba_etl::plays::PlaysError;
use nba_etl::plays::place::{Files, Objects, Place, Step, Tables, Wanted};
use nba_utils::GameId;
use tokio::runtime::Runtime;

use crate::cli::boxscore::{GameArgs, PlaceArgs, SourceName};
use crate::context::Context;

/// Folder of the project's own store, in its state folder.
const STORE: &str = "boxscores";

/// What somebody calls a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named<'a> {
    /// `database:[TABLE]`.
    Database(Option<&'a str>),
    /// `lake:[PREFIX]`.
    Lake(&'a str),
    /// `s3://BUCKET[/PREFIX]`.
    Bucket(&'a str, &'a str),
}

impl<'a> Named<'a> {
    fn read(path: &'a Path) -> Option<Self> {
        let text = path.to_str()?;
        if let Some(table) = text.strip_prefix("database:") {
            return Some(Self::Database((!table.is_empty()).then_some(table)));
        }
        if let Some(prefix) = text.strip_prefix("lake:") {
            return Some(Self::Lake(prefix));
        }
        let rest = text.strip_prefix("s3://")?;
        Some(match rest.split_once('/') {
            Some((bucket, prefix)) => Self::Bucket(bucket, prefix),
            None => Self::Bucket(rest, ""),
        })
    }
}

/// A place that can be read, and what is wanted of it.
pub(super) struct Opened {
    // Before the runtime that it asks.
    pub(super) place: Box<dyn Place>,
    pub(super) wanted: Wanted,
    /// Whether a production server answers: it is asked by one session unless somebody says otherwise.
    pub(super) is_database: bool,
    _runtime: Option<Runtime>,
}

/// The place of some arguments; of files, those below `without` are left out.
pub(super) fn open(
    context: &Context,
    args: &PlaceArgs,
    without: Option<&Path>,
) -> anyhow::Result<Opened> {
    let feeds = args.source.iter().flat_map(|source| source.feeds());
    let wanted = Wanted {
        seasons: args.season.iter().copied().collect(),
        feeds: feeds.map(|feed| (*feed).to_owned()).collect(),
    };
    let named = match args.paths.as_slice() {
        [] => Some(Named::Database(None)),
        paths => {
            let named: Vec<Named<'_>> = paths.iter().filter_map(|path| Named::read(path)).collect();
            match named.as_slice() {
                [] => None,
                [one] if paths.len() == 1 => Some(*one),
                _ => bail!(
                    "a database, a lake or a bucket is read alone; name one place, or files and folders"
                ),
            }
        }
    };
    match named {
        Some(named) => open_named(context, named, wanted),
        None => {
            let (mut files, links) = super::files(&args.paths)?;
            if links > 0 {
                context.out.note(&format!(
                    "{links} links in folders are not followed; name what they lead to"
                ));
            }
            if let Some(without) = without {
                let inside = std::path::absolute(without)?;
                files.retain(|file| {
                    std::path::absolute(file).is_ok_and(|file| !file.starts_with(&inside))
                });
            }
            Ok(Opened {
                place: Box::new(Files::new(&files)?),
                wanted,
                is_database: false,
                _runtime: None,
            })
        }
    }
}

fn open_named(context: &Context, named: Named<'_>, wanted: Wanted) -> anyhow::Result<Opened> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let config = context.config()?;
    let handle = runtime.handle().clone();
    let place: Box<dyn Place> = match named {
        Named::Database(table) => {
            let table = table.map(TableName::parse);
            runtime.block_on(async {
                let db = context.connect(&config, "boxscore").await?;
                let tables = Tables::list(db, table.as_ref(), &wanted, handle).await?;
                anyhow::Ok(Box::new(tables))
            })?
        }
        Named::Lake(_) | Named::Bucket(..) => {
            let mut settings = config.s3()?;
            let prefix = match named {
                Named::Bucket(bucket, prefix) => {
                    if bucket.is_empty() {
                        bail!("`s3://` names no bucket; `lake:` is the configured one");
                    }
                    bucket.clone_into(&mut settings.bucket);
                    settings.prefix.clear();
                    prefix
                }
                Named::Lake(prefix) => prefix,
                Named::Database(_) => "",
            };
            let base = match settings.prefix.trim_matches('/') {
                "" => String::new(),
                base => format!("{base}/"),
            };
            let root = match &settings.endpoint {
                None => format!("s3://{}/{base}", settings.bucket),
                Some(endpoint) => {
                    let endpoint = endpoint.trim_end_matches('/');
                    format!("{endpoint}/{}/{base}", settings.bucket)
                }
            };
            let what = match prefix {
                "" => Inventory::default(),
                prefix => Inventory::of(prefix),
            };
            runtime.block_on(async {
                let lake = Lake::s3(&settings).await;
                let objects = Objects::list(lake, root, &what, handle).await?;
                anyhow::Ok(Box::new(objects))
            })?
        }
    };
    for left_out in place.left_out() {
        context.out.note(left_out);
    }
    Ok(Opened {
        place,
        wanted,
        is_database: matches!(named, Named::Database(_)),
        _runtime: Some(runtime),
    })
}

/// The folder of the store that is meant.
pub(super) fn store_folder(context: &Context, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    match named {
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(context.config()?.state_directory()?.join(STORE)),
    }
}

/// A game, as it was found.
pub(super) enum Played {
    /// As a source tells it.
    Told(Box<GameLog>),
    /// As a store keeps it.
    Stored(Box<StoredGame>),
}

fn told(log: GameLog) -> Played {
    Played::Told(Box::new(log))
}

/// The one game that is meant.
pub(super) fn played(context: &Context, args: &GameArgs) -> anyhow::Result<Played> {
    if Store::is_one(&args.file) {
        let game = super::store::game(&args.file, args.game.as_deref(), args.source)?;
        return Ok(Played::Stored(Box::new(game)));
    }
    if Named::read(&args.file).is_some() || args.file.is_dir() {
        let Some(game) = &args.game else {
            bail!(
                "`{}` holds many games; name one with --game",
                args.file.display()
            );
        };
        return search(context, &args.file, game, args.source).map(told);
    }
    let id = args.file.to_str().filter(|text| {
        args.game.is_none() && text.parse::<GameId>().is_ok() && !args.file.exists()
    });
    if let Some(id) = id {
        let folder = store_folder(context, None)?;
        if !Store::is_one(&folder) {
            bail!(
                "there is no file `{id}`, and the project has no store of box scores to look the game up in; fill it with \
                 `nba boxscore generate`, or name a place: `database: --game {id}`"
            );
        }
        let game = super::store::game(&folder, Some(id), args.source)?;
        return Ok(Played::Stored(Box::new(game)));
    }
    super::load(args).map(told)
}

/// Looks a game up in a place: in what is called after it, and everywhere where nothing is.
fn search(
    context: &Context,
    place: &Path,
    game: &str,
    source: Option<SourceName>,
) -> anyhow::Result<GameLog> {
    let all = PlaceArgs {
        paths: vec![place.to_owned()],
        season: Vec::new(),
        source: Vec::new(),
    };
    let opened = open(context, &all, None)?;
    let place = &opened.place;
    let named = place.named_after(game);
    let mut found = look_in(&**place, &named, game, source)?;
    let mut searched = named.len();
    if found.games.is_empty() && !opened.is_database {
        let others: Vec<PathBuf> = place
            .units()
            .iter()
            .filter(|unit| !named.contains(unit))
            .cloned()
            .collect();
        searched += others.len();
        let elsewhere = look_in(&**place, &others, game, source)?;
        found.games = elsewhere.games;
        found.problem = found.problem.or(elsewhere.problem);
    }
    let order = |feed: &str| {
        let feeds = source.map_or(&[][..], SourceName::feeds);
        feeds.iter().position(|one| *one == feed)
    };
    found.games.sort_by_key(|(feed, _)| order(feed));
    let mut feeds: Vec<&str> = found.games.iter().map(|(feed, _)| *feed).collect();
    feeds.dedup();
    if feeds.len() > 1 && source.is_none() {
        bail!(
            "game `{game}` is there from {}; name one with --source",
            feeds.join(" and ")
        );
    }
    match (found.games.into_iter().next(), found.problem) {
        (Some((_, log)), _) => Ok(log),
        (None, Some(error)) => Err(error).with_context(|| format!("game `{game}` was not found")),
        (None, None) => bail!(
            "there is no game `{game}` among {searched} {}",
            place.noun()
        ),
    }
}

/// What was found, and what could not be looked at.
struct Found {
    games: Vec<(&'static str, GameLog)>,
    problem: Option<PlaysError>,
}

fn look_in(
    place: &dyn Place,
    units: &[PathBuf],
    game: &str,
    source: Option<SourceName>,
) -> anyhow::Result<Found> {
    let mut found = Found {
        games: Vec::new(),
        problem: None,
    };
    place.read(units, &mut |_, step| match step {
        Step::Game(form, log) => {
            if log.id == game && source.is_none_or(|one| one.feeds().contains(&form.feed())) {
                found.games.push((form.feed(), *log));
            }
        }
        Step::End(Err(error), _) if error.is_other_kind() => {}
        Step::End(Err(error), _) | Step::Closed(error) => found.problem = Some(error),
        Step::End(Ok(()), _) => {}
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_name() {
        let read = |text: &'static str| Named::read(Path::new(text));
        assert_eq!(read("database:"), Some(Named::Database(None)));
        assert_eq!(
            read("database:x.plays"),
            Some(Named::Database(Some("x.plays")))
        );
        assert_eq!(read("lake:espn/"), Some(Named::Lake("espn/")));
        assert_eq!(read("s3://b"), Some(Named::Bucket("b", "")));
        assert_eq!(read("s3://b/c/d"), Some(Named::Bucket("b", "c/d")));
        for path in ["lake", "./lake:", "database", "s3:/b"] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
