//! What has a port: the script, and the tables that both fill.

use std::fmt;

use nba_db::Database;
use nba_db::ident::TableName;
use nba_etl::native::Mode;
use nba_etl::native::boxes::{BoxPlayers, BoxTeams};
use nba_etl::native::games::{Games, Teams};
use nba_etl::native::hoopr::{Generation, Table, Target};
use nba_etl::native::parting::TwoModes;
use nba_etl::native::plays::PlayByPlay;

use super::ShadowError;

/// Which documents belong to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// Those of the games that `games` names.
    OfGames,
    /// Those of days: all that the lake has, whatever `games` names.
    OfDays,
    /// hoopR's files of whole seasons, for one of its tables.
    OfSeasons(Table),
}

/// A capability that has a port: its name, the script, the tables both fill.
#[derive(Clone, Copy)]
pub struct Capability {
    /// As in `nba switch` and `[entry_points]` of nba.toml.
    pub name: &'static str,
    /// The legacy script, unless `[entry_points]` names another.
    pub script: &'static str,
    /// The one for a table of the other generation, where a table has two (ETL dossier 3.1).
    pub script_of_wide: Option<&'static str>,
    /// What it reads.
    pub documents: Documents,
    /// One port for each table, in the order in which they have to be filled. None of hoopR's: its files are no documents of games.
    pub ports: &'static [&'static dyn TwoModes],
}

impl Capability {
    /// The tables, in the order of the ports.
    #[must_use]
    pub fn tables(&self) -> Vec<TableName> {
        if let Documents::OfSeasons(table) = self.documents {
            return vec![TableName::new("public", table.name())];
        }
        let ports = self.ports.iter();
        ports
            .map(|port| TableName::parse(port.shape(Mode::Compat).table))
            .collect()
    }

    /// Whether this legacy script, as its path in the checkout, does its work.
    #[must_use]
    pub fn is_done_by(&self, script: &str) -> bool {
        self.script == script || self.script_of_wide == Some(script)
    }

    /// The legacy script that fills the tables as this database has them.
    ///
    /// # Errors
    ///
    /// [`ShadowError::Database`], when nobody can tell how it has them.
    pub async fn script_for(&self, db: &Database) -> Result<&'static str, ShadowError> {
        let (Documents::OfSeasons(table), Some(wide)) = (self.documents, self.script_of_wide)
        else {
            return Ok(self.script);
        };
        let target = Target::of(db, table)
            .await
            .map_err(ShadowError::database("look at the table of the target"))?;
        Ok(match target.generation() {
            Generation::Wide => wide,
            Generation::Narrow => self.script,
        })
    }
}

/// The four tables of hoopR have two scripts, which fill all of them.
const fn hoopr(name: &'static str, table: Table) -> Capability {
    Capability {
        name,
        script: "scripts/db/load_hoopr_to_local_postgres.py",
        script_of_wide: Some("scripts/db/load_hoopr_to_rds.py"),
        documents: Documents::OfSeasons(table),
        ports: &[],
    }
}

impl fmt::Debug for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capability")
            .field("name", &self.name)
            .field("script", &self.script)
            .field("tables", &self.tables())
            .finish_non_exhaustive()
    }
}

/// What has a port so far.
pub static CAPABILITIES: [Capability; 7] = [
    Capability {
        name: "etl.espn.pbp",
        script: "scripts/etl/extract_pbp_local.py",
        script_of_wide: None,
        documents: Documents::OfGames,
        ports: &[&PlayByPlay],
    },
    Capability {
        name: "etl.espn.games",
        script: "scripts/etl/extract_schedule_local.py",
        script_of_wide: None,
        documents: Documents::OfDays,
        ports: &[&Teams, &Games],
    },
    Capability {
        name: "etl.espn.box",
        script: "scripts/etl/extract_boxscores_local.py",
        script_of_wide: None,
        documents: Documents::OfGames,
        ports: &[&BoxTeams, &BoxPlayers],
    },
    hoopr("etl.hoopr.schedule", Table::Schedule),
    hoopr("etl.hoopr.team_box", Table::TeamBox),
    hoopr("etl.hoopr.player_box", Table::PlayerBox),
    hoopr("etl.hoopr.pbp", Table::PlayByPlay),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_capabilities_fill_the_same_table() {
        let mut tables: Vec<String> = CAPABILITIES
            .iter()
            .flat_map(Capability::tables)
            .map(|table| table.to_string())
            .collect();
        let all = tables.len();
        tables.sort_unstable();
        tables.dedup();
        assert_eq!((all, tables.len()), (9, 9), "{tables:?}");
    }

    #[test]
    fn a_capability_of_hoopr_has_the_name_that_its_table_has() {
        let named: Vec<(&str, &str)> = CAPABILITIES
            .iter()
            .filter_map(|known| match known.documents {
                Documents::OfSeasons(table) => Some((known.name, table.capability())),
                _ => None,
            })
            .collect();
        assert_eq!(named.len(), Table::ALL.len());
        assert!(named.iter().all(|(name, table)| name == table), "{named:?}");
        assert!(CAPABILITIES[3].is_done_by("scripts/db/load_hoopr_to_rds.py"));
        assert!(!CAPABILITIES[0].is_done_by("scripts/db/load_hoopr_to_rds.py"));
    }
}
