//! Whether an old script may write at all: asked before it starts, held until it has ended.

use nba_etl::registry::{Registry, ScriptInfo};
use nba_migration::ledger::Ledger;
use nba_migration::shadow::CAPABILITIES;
use nba_migration::switch::{Claim, Extent, Permit, Side};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longest wait for a writer of the same capability. A port writes in pieces of seconds; another run of the script takes longer, and is
/// told instead of waited for.
const WAIT: Duration = Duration::from_secs(30);

/// The capabilities a script does the work of: those whose entry point it is, in nba.toml or by default.
pub(super) fn capabilities(
    registry: &Registry,
    info: &ScriptInfo,
    entry_points: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let own = entry_points
        .keys()
        .filter(|name| {
            registry
                .resolve(name, entry_points)
                .is_ok_and(|found| found.path == info.path)
        })
        .cloned();
    let usual = CAPABILITIES
        .iter()
        .filter(|known| known.is_done_by(&info.path) && !entry_points.contains_key(known.name))
        .map(|known| known.name.to_owned());
    own.chain(usual).collect()
}

/// The right to run the script, for each capability, in the order of their names so that two runs never wait for each other.
///
/// Nothing is written where nobody may: an error says who does the work now.
pub(super) fn ask(
    ledger: &Ledger,
    capabilities: &BTreeSet<String>,
    unit: Option<&str>,
) -> anyhow::Result<Vec<Permit>> {
    let extent = unit.map_or(Extent::Whole, Extent::Unit);
    capabilities
        .iter()
        .map(|name| Ok(Claim::take(ledger, name, Side::Legacy)?.permit(extent, WAIT)?))
        .collect()
}
