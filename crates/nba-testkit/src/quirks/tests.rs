use std::collections::BTreeSet;

use super::*;
use crate::sim::Universe;

const DRAWN: [Oddity; 9] = [
    Oddity::StaleBox,
    Oddity::NamelessPlayer,
    Oddity::MissingTeamStats,
    Oddity::UnparsedDate,
    Oddity::MissingReferee,
    Oddity::NullSeason,
    Oddity::DashText,
    Oddity::StaleGame,
    Oddity::UnknownTeam,
];

#[test]
fn drawn_oddities_have_their_rate_and_do_not_go_together() {
    let universe = Universe::new(5);
    let headers: Vec<_> = (0..universe.len())
        .map(|index| universe.header(index))
        .collect();
    let games = f64::from(universe.len());
    let mut sets = BTreeSet::new();
    for oddity in DRAWN {
        let hit: Vec<u32> = headers
            .iter()
            .filter(|game| oddity.hits(game))
            .map(|game| game.index)
            .collect();
        let expected = games / f64::from(u32::try_from(oddity.one_in()).unwrap());
        let found = f64::from(u32::try_from(hit.len()).unwrap());
        // Four standard deviations of a draw per game.
        assert!(
            (found - expected).abs() < 4.0 * expected.sqrt(),
            "{oddity:?}: {found}, not {expected}"
        );
        assert!(
            sets.insert(hit),
            "{oddity:?} hits the same games as another"
        );
    }
}

#[test]
fn every_quirk_is_named_once_and_says_where_it_comes_from() {
    let names: BTreeSet<_> = all().iter().map(|quirk| quirk.name).collect();
    assert_eq!(names.len(), all().len());
    for quirk in all() {
        assert!(quirk.section.starts_with(['2', '7']), "{}", quirk.name);
    }
}
