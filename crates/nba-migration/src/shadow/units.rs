//! The games that both sides work on, and the documents they are in.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use nba_db::Database;
use nba_etl::lake::{Lake, LakeErrorKind};
use nba_etl::native::Mode;
use nba_etl::native::games::documents_of_year;
use nba_etl::native::parting::{Gatherer, Partings};
use serde_json::Value;

use super::seasons::Seasons;
use super::{Capability, Documents, ShadowError};

/// Documents on the way at once.
const CONCURRENCY: usize = 8;

/// The table that has the drawn games from the start.
const GAMES: &str = "public.games";

/// Drawn by a hash of the id: evenly over all years, and the same ones each time; then in the order in which they are loaded.
const DRAW_SQL: &str = "select game_id, year, former from (select game_id::text, game_date, \
     extract(year from game_date)::int4 as year, to_jsonb(games) as former from public.games where game_date >= make_date($1, 1, 1) and game_date < make_date($2 + 1, 1, 1) \
     order by md5(game_id::text), game_id limit $3) drawn order by game_date, game_id";

/// The games of a dual run.
#[derive(Debug, Clone)]
pub struct Units {
    games: Vec<String>,
    years: RangeInclusive<i32>,
    /// The rows of these games as the target has them.
    former: Vec<(String, Value)>,
    /// Keys of the documents of days by year, for a script that reads these.
    days: Option<BTreeMap<i32, Vec<String>>>,
    /// Cut files of seasons, for a script that reads these.
    seasons: Option<Arc<Seasons>>,
}

impl Units {
    pub(super) async fn draw(
        source: &Database,
        lake: &Lake,
        capability: &Capability,
        most: usize,
        years: Option<RangeInclusive<i32>>,
    ) -> Result<Self, ShadowError> {
        if let Documents::OfSeasons(table) = capability.documents {
            let (seasons, games, years) = Seasons::draw(source, lake, table, most, years).await?;
            return Ok(Self {
                games,
                years,
                former: Vec::new(),
                days: None,
                seasons: Some(Arc::new(seasons)),
            });
        }
        let wanted = years.clone().unwrap_or(1900..=2200);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = source
            .query_rows(DRAW_SQL, &[wanted.start(), wanted.end(), &most])
            .await
            .map_err(ShadowError::database("choose games"))?;
        let drawn: Vec<(String, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let former = match capability.documents {
            Documents::OfGames | Documents::OfSeasons(_) => Vec::new(),
            Documents::OfDays => rows.iter().map(|row| (row.get(0), row.get(2))).collect(),
        };
        let (Some(first), Some(last)) = (
            drawn.iter().map(|(_, year)| *year).min(),
            drawn.iter().map(|(_, year)| *year).max(),
        ) else {
            return Err(ShadowError::NoUnits(match years {
                Some(years) => format!(
                    "`public.games` has none of {} to {}",
                    years.start(),
                    years.end()
                ),
                None => "`public.games` is empty".to_owned(),
            }));
        };
        let mut found = Self {
            games: drawn.into_iter().map(|(game, _)| game).collect(),
            years: first..=last,
            former,
            days: None,
            seasons: None,
        };
        if capability.documents == Documents::OfDays {
            let mut days = BTreeMap::new();
            for year in found.years.clone() {
                let keys =
                    documents_of_year(lake, year)
                        .await
                        .map_err(|source| ShadowError::Lake {
                            what: format!("the schedules of {year}"),
                            source: Box::new(source),
                        })?;
                days.insert(year, keys);
            }
            if days.values().all(Vec::is_empty) {
                return Err(ShadowError::NoUnits(format!(
                    "{} has no schedule of {first} to {last}",
                    lake.describe()
                )));
            }
            found.days = Some(days);
        }
        Ok(found)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.games.len()
    }

    /// Never: there is a game at least.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.games.is_empty()
    }

    /// Their ids, by date.
    #[must_use]
    pub fn games(&self) -> &[String] {
        &self.games
    }

    /// The calendar years they lie in; seasons, named by the year in which they end, where files of seasons are read.
    #[must_use]
    pub fn years(&self) -> &RangeInclusive<i32> {
        &self.years
    }

    /// Keys of the documents of a year's days, where these are what is read; the drawn games are then those that are there already.
    #[must_use]
    pub fn days(&self, year: i32) -> Option<&[String]> {
        let days = self.days.as_ref()?;
        Some(days.get(&year).map_or(&[], Vec::as_slice))
    }

    /// Files of seasons that hold these games and no other, where such are what is read.
    #[must_use]
    pub fn seasons(&self) -> Option<&Seasons> {
        self.seasons.as_deref()
    }

    /// Where the two modes part on these documents, for each port; nowhere in compat mode.
    pub(super) async fn partings(
        &self,
        lake: &Lake,
        capability: &Capability,
        mode: Mode,
    ) -> Result<Vec<Partings>, ShadowError> {
        if let Some(seasons) = self.seasons() {
            return Ok(vec![seasons.partings(mode).await]);
        }
        let ports = capability.ports;
        let Some(first) = ports.first().filter(|_| mode == Mode::Correct) else {
            return Ok(ports.iter().map(|_| Partings::none()).collect());
        };
        let ids: Vec<&String> = match &self.days {
            Some(days) => days.values().flatten().collect(),
            None => self.games.iter().collect(),
        };
        let gatherers: Vec<Gatherer> = ports
            .iter()
            .map(|port| {
                let there = port.shape(mode).table == GAMES;
                let rows = self.former.iter().filter(|_| there);
                let rows = rows.map(|(id, row)| (vec![id.clone()], row.clone()));
                Gatherer::new(*port).with_rows_there(rows)
            })
            .collect();
        // In order: of a row that comes twice, the first document counts.
        let gatherers = futures::stream::iter(ids)
            .map(|id| async move {
                match lake.get(&first.document(id)).await {
                    Ok(document) => Ok(Some((id, document.bytes))),
                    Err(error) if error.kind() == LakeErrorKind::NotFound => Ok(None),
                    Err(source) => Err(ShadowError::Lake {
                        what: format!("the document `{id}`"),
                        source: Box::new(source),
                    }),
                }
            })
            .buffered(CONCURRENCY)
            .try_fold(gatherers, |mut gatherers, document| async move {
                if let Some((id, bytes)) = document {
                    for gatherer in &mut gatherers {
                        gatherer.add(&bytes, id);
                    }
                }
                Ok(gatherers)
            })
            .await?;
        Ok(gatherers.into_iter().map(Gatherer::finish).collect())
    }
}
