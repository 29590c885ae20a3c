//! What has a port: the script, and the tables that both fill.

use std::fmt;

use nba_db::ident::TableName;
use nba_etl::native::Mode;
use nba_etl::native::boxes::{BoxPlayers, BoxTeams};
use nba_etl::native::games::{Games, Teams};
use nba_etl::native::parting::TwoModes;
use nba_etl::native::plays::PlayByPlay;

/// Which documents belong to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// Those of the games that `games` names.
    OfGames,
    /// Those of days: all that the lake has, whatever `games` names.
    OfDays,
}

/// A capability that has a port: its name, the script, the tables both fill.
#[derive(Clone, Copy)]
pub struct Capability {
    /// As in `nba switch` and `[entry_points]` of nba.toml.
    pub name: &'static str,
    /// The legacy script, unless `[entry_points]` names another.
    pub script: &'static str,
    /// What it reads.
    pub documents: Documents,
    /// One port for each table, in the order in which they have to be filled.
    pub ports: &'static [&'static dyn TwoModes],
}

impl Capability {
    /// The tables, in the order of the ports.
    #[must_use]
    pub fn tables(&self) -> Vec<TableName> {
        let ports = self.ports.iter();
        ports
            .map(|port| TableName::parse(port.shape(Mode::Compat).table))
            .collect()
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
pub static CAPABILITIES: [Capability; 3] = [
    Capability {
        name: "etl.espn.pbp",
        script: "scripts/etl/extract_pbp_local.py",
        documents: Documents::OfGames,
        ports: &[&PlayByPlay],
    },
    Capability {
        name: "etl.espn.games",
        script: "scripts/etl/extract_schedule_local.py",
        documents: Documents::OfDays,
        ports: &[&Teams, &Games],
    },
    Capability {
        name: "etl.espn.box",
        script: "scripts/etl/extract_boxscores_local.py",
        documents: Documents::OfGames,
        ports: &[&BoxTeams, &BoxPlayers],
    },
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
        assert_eq!((all, tables.len()), (5, 5), "{tables:?}");
    }
}
