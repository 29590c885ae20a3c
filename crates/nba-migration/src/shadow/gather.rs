//! Sorts the differences of a comparison by whether the documents explain them, while they are found.

use std::collections::{BTreeMap, BTreeSet};

use nba_db::Database;
use nba_db::compare::{Change, Difference, Observer, PlanView};
use nba_db::ident::{Ident, TableName};
use nba_etl::native::Divergence;
use nba_etl::native::parting::{NO_VALUE, Partings};
use serde::Serialize;

use super::ShadowError;

/// Differences that are listed one by one.
const LISTED: usize = 1_000;
/// Games that are told apart among those with a row that nothing explains.
const MOST_GAMES: usize = 100_000;
/// The column that says which game a row belongs to.
const GAME: &str = "game_id";

/// A row that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// The table.
    pub table: String,
    /// Values of the key.
    pub key: Vec<Option<String>>,
    /// The game it belongs to, where that is known.
    pub game_id: Option<String>,
    /// What differs; the left side is the script's.
    pub what: Change,
    /// Names of the divergences that explain it; empty when nothing does.
    pub explained_by: Vec<&'static str>,
}

/// What was found in one table.
pub(super) struct Gathered {
    table: TableName,
    partings: Partings,
    key: Vec<String>,
    columns: Vec<String>,
    /// Games, or keys of rows that belong to none, with a row that nothing explains.
    dirty: BTreeSet<String>,
    pub(super) explained: u64,
    pub(super) unexplained: u64,
    pub(super) by_divergence: BTreeMap<&'static str, u64>,
    pub(super) listed_explained: Vec<RowDifference>,
    pub(super) listed_unexplained: Vec<RowDifference>,
}

impl Gathered {
    pub(super) fn new(table: &TableName, partings: Partings) -> Self {
        Self {
            table: table.clone(),
            partings,
            key: Vec::new(),
            columns: Vec::new(),
            dirty: BTreeSet::new(),
            explained: 0,
            unexplained: 0,
            by_divergence: BTreeMap::new(),
            listed_explained: Vec::new(),
            listed_unexplained: Vec::new(),
        }
    }

    /// Changed rows say only what changed: where the key does not name the game, that of the listed unexplained ones is asked for.
    pub(super) async fn find_games(&mut self, db: &Database) -> Result<(), ShadowError> {
        let [column] = self.key.as_slice() else {
            return Ok(());
        };
        if !self.columns.iter().any(|column| column == GAME) {
            return Ok(());
        }
        let keys: Vec<String> = self
            .listed_unexplained
            .iter()
            .filter(|difference| difference.game_id.is_none())
            .filter_map(|difference| difference.key.first().cloned().flatten())
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let column = Ident::new(column.as_str());
        let sql = format!(
            "select {column}::text, {GAME}::text from {} where {column}::text = any($1)",
            self.table.sql()
        );
        let rows = db
            .query_rows(&sql, &[&keys])
            .await
            .map_err(ShadowError::database("ask which games the rows belong to"))?;
        let games: BTreeMap<String, Option<String>> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        for difference in &mut self.listed_unexplained {
            if let (None, Some(Some(key))) = (&difference.game_id, difference.key.first())
                && let Some(Some(game)) = games.get(key)
            {
                self.dirty.remove(&whole(&difference.key));
                self.dirty.insert(game.clone());
                difference.game_id = Some(game.clone());
            }
        }
        Ok(())
    }

    /// Games with a row that nothing explains; a row of no game counts as one.
    pub(super) fn dirty(&self) -> &BTreeSet<String> {
        &self.dirty
    }

    fn value<'v>(&self, values: &'v [Option<String>], column: &str) -> Option<Option<&'v str>> {
        let at = self.columns.iter().position(|known| known == column)?;
        values.get(at).map(Option::as_deref)
    }

    fn game(&self, difference: &Difference) -> Option<String> {
        if let Some(at) = self.key.iter().position(|column| column == GAME) {
            return difference.key.get(at).cloned().flatten();
        }
        match &difference.what {
            Change::Missing { values } | Change::Added { values } => {
                self.value(values, GAME).flatten().map(str::to_owned)
            }
            Change::Changed { .. } => None,
        }
    }

    /// Every cell that differs has to be explained, else the row is not.
    fn reasons(&self, difference: &Difference) -> BTreeSet<Divergence> {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| NO_VALUE.to_owned());
        let key: Vec<String> = difference.key.iter().map(part).collect();
        match &difference.what {
            Change::Added { values } => self
                .partings
                .explain_added(&key, |column| self.value(values, column)),
            Change::Missing { .. } => match difference.repeated {
                Some(repeated) if repeated.right > 0 => self.partings.explain_repeated(&key),
                _ => self.partings.explain_missing(&key),
            },
            Change::Changed { cells } => {
                let mut reasons = BTreeSet::new();
                for cell in cells {
                    let found = self
                        .partings
                        .explain_cell(&key, &cell.column, cell.new.as_deref());
                    if found.is_empty() {
                        return BTreeSet::new();
                    }
                    reasons.extend(found);
                }
                reasons
            }
        }
    }
}

fn whole(key: &[Option<String>]) -> String {
    let parts: Vec<&str> = key
        .iter()
        .map(|part| part.as_deref().unwrap_or("NULL"))
        .collect();
    parts.join(", ")
}

impl Observer for Gathered {
    fn started(&mut self, plan: &PlanView<'_>) -> std::io::Result<()> {
        self.key = plan.key.to_vec();
        self.columns = plan
            .columns
            .iter()
            .map(|column| column.left.clone())
            .collect();
        Ok(())
    }

    fn difference(&mut self, difference: &Difference) -> std::io::Result<()> {
        let game_id = self.game(difference);
        let names: Vec<&'static str> = self
            .reasons(difference)
            .into_iter()
            .map(Divergence::id)
            .collect();
        if names.is_empty() {
            self.unexplained += 1;
            if self.dirty.len() < MOST_GAMES {
                let unit = game_id.clone().unwrap_or_else(|| whole(&difference.key));
                self.dirty.insert(unit);
            }
        } else {
            self.explained += 1;
        }
        for name in &names {
            *self.by_divergence.entry(name).or_default() += 1;
        }
        let list = if names.is_empty() {
            &mut self.listed_unexplained
        } else {
            &mut self.listed_explained
        };
        if list.len() < LISTED {
            list.push(RowDifference {
                table: self.table.to_string(),
                key: difference.key.clone(),
                game_id,
                what: difference.what.clone(),
                explained_by: names,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nba_db::compare::CellChange;
    use nba_etl::native::boxes::BoxPlayers;
    use nba_etl::native::parting::Gatherer;

    use super::*;

    /// Two players: one who did not play, one without an id.
    const PAGE: &str = r#"{"page":{"content":{"gamepackage":{"bxscr":[{"tm":{"id":"1","hm":true},"stats":[{"type":"bench",
        "keys":["minutes","points"],"athlts":[{"athlt":{"id":"7"},"stats":[]},{"athlt":{"id":"8"},"stats":["1","2"]},
        {"athlt":{"id":""},"stats":["1","2"]}]}]}]}}}}"#;

    fn cell(column: &str, new: Option<&str>) -> CellChange {
        CellChange {
            column: column.to_owned(),
            old: Some("0".to_owned()),
            new: new.map(str::to_owned),
        }
    }

    #[test]
    fn only_what_the_document_holds_explains_a_row_and_all_its_cells_have_to_be() {
        let mut partings = Gatherer::new(&BoxPlayers);
        partings.add(PAGE.as_bytes(), "1");
        let table = TableName::parse("public.box_score_players");
        let mut gathered = Gathered::new(&table, partings.finish());
        gathered.key = vec!["game_id".to_owned(), "player_id".to_owned()];
        gathered.columns = gathered.key.clone();
        let changed = |cells: &[CellChange]| Change::Changed {
            cells: cells.to_vec(),
        };
        let values = |player: &str| vec![Some("1".to_owned()), Some(player.to_owned())];
        for (player, what, explained) in [
            (
                "7",
                changed(&[cell("points", None), cell("minutes", None)]),
                true,
            ),
            // One of two cells is wrong.
            (
                "7",
                changed(&[cell("points", None), cell("minutes", Some("3"))]),
                false,
            ),
            // He played.
            ("8", changed(&[cell("points", None)]), false),
            ("8", changed(&[cell("points", Some("3"))]), false),
            ("", Change::Missing { values: values("") }, true),
            (
                "8",
                Change::Missing {
                    values: values("8"),
                },
                false,
            ),
            // Invented, in the very game where the port parts.
            (
                "9",
                Change::Added {
                    values: values("9"),
                },
                false,
            ),
        ] {
            let before = gathered.explained;
            let difference = Difference {
                key: values(player),
                what,
                repeated: None,
            };
            gathered.difference(&difference).unwrap();
            assert_eq!(gathered.explained > before, explained, "{difference:?}");
        }
        assert_eq!((gathered.explained, gathered.unexplained), (2, 5));
        assert_eq!(gathered.dirty().len(), 1, "all of one game");
        assert_eq!(
            gathered.by_divergence,
            BTreeMap::from([("BOX-3", 1), ("BOX-9", 1)])
        );
    }
}
