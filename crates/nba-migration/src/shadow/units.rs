//! The games that both sides work on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use futures::{StreamExt as _, TryStreamExt as _};
use nba_db::Database;
use nba_etl::lake::{Lake, LakeErrorKind};
use nba_etl::native::plays;
use nba_etl::native::{Divergence, Mode};

use super::ShadowError;

/// Documents on the way at once.
const CONCURRENCY: usize = 8;

/// Drawn by a hash of the id: evenly over all years, and the same ones each time.
const DRAW_SQL: &str = "select game_id::text, extract(year from game_date)::int4 from public.games \
     where game_date >= make_date($1, 1, 1) and game_date < make_date($2 + 1, 1, 1) \
     order by md5(game_id::text), game_id limit $3";

/// The games of a dual run.
#[derive(Debug, Clone)]
pub struct Units {
    games: Vec<String>,
    years: RangeInclusive<i32>,
}

impl Units {
    pub(super) async fn draw(
        source: &Database,
        most: usize,
        years: Option<RangeInclusive<i32>>,
    ) -> Result<Self, ShadowError> {
        let wanted = years.clone().unwrap_or(1900..=2200);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = source
            .query_rows(DRAW_SQL, &[wanted.start(), wanted.end(), &most])
            .await
            .map_err(ShadowError::database("choose games"))?;
        let drawn: Vec<(String, i32)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
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
        Ok(Self {
            games: drawn.into_iter().map(|(game, _)| game).collect(),
            years: first..=last,
        })
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

    /// Their ids.
    #[must_use]
    pub fn games(&self) -> &[String] {
        &self.games
    }

    /// The calendar years they lie in.
    #[must_use]
    pub fn years(&self) -> &RangeInclusive<i32> {
        &self.years
    }

    /// The plays that the documents hold and the script leaves out, and under which names; none in compat mode.
    pub(super) async fn divergences(
        &self,
        lake: &Lake,
        mode: Mode,
    ) -> Result<BTreeMap<String, BTreeSet<Divergence>>, ShadowError> {
        if mode == Mode::Compat {
            return Ok(BTreeMap::new());
        }
        let games: Vec<BTreeMap<String, BTreeSet<Divergence>>> = futures::stream::iter(&self.games)
            .map(|game_id| async move {
                match lake.get(&format!("espn_play_by_play/{game_id}.json")).await {
                    Ok(document) => Ok(left_out(&document.bytes, game_id)),
                    Err(error) if error.kind() == LakeErrorKind::NotFound => Ok(BTreeMap::new()),
                    Err(source) => Err(ShadowError::Lake {
                        game_id: game_id.clone(),
                        source: Box::new(source),
                    }),
                }
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(games.into_iter().flatten().collect())
    }
}

/// Plays that only correct mode reads from a document: those, and no others, are explained by its divergences.
fn left_out(bytes: &[u8], game_id: &str) -> BTreeMap<String, BTreeSet<Divergence>> {
    let Ok(correct) = plays::read(bytes, game_id, Mode::Correct) else {
        return BTreeMap::new();
    };
    let legacy: BTreeSet<String> = plays::read(bytes, game_id, Mode::Compat)
        .map(|found| found.plays.into_iter().map(|play| play.play_id).collect())
        .unwrap_or_default();
    if correct.divergences.is_empty() {
        return BTreeMap::new();
    }
    correct
        .plays
        .into_iter()
        .map(|play| play.play_id)
        .filter(|id| !legacy.contains(id))
        .map(|id| (id, correct.divergences.clone()))
        .collect()
}
