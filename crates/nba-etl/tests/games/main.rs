//! Real games against their official box scores.
//!
//! The games are not part of the repository. They are looked for in `NBA_DATA_DIR`, then in `../shared/data` beside the
//! repository; where neither is, every check counts as skipped and `data_is_there` says so.
//!
//! ```text
//! NBA_DATA_DIR=~/nba-data cargo nextest run -p nba-etl --test games
//! ```

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod feeds;
#[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
mod loaders;
mod official;
mod pages;
mod stats_v2;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

type Outcome = Result<(), Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let data = data();
    let found = match &data {
        Some(folder) => format!("reading {}", folder.display()),
        None => "SKIPPED: no real games; set NBA_DATA_DIR".to_owned(),
    };
    let mut trials = vec![Trial::test("data_is_there", move || {
        println!("{found}");
        Ok(())
    })];
    for (name, check) in CHECKS {
        let folder = data.clone();
        trials.push(
            Trial::test(*name, move || check(&folder.ok_or("no real games")?))
                .with_ignored_flag(data.is_none()),
        );
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

type Check = fn(&Path) -> Outcome;

const CHECKS: &[(&str, Check)] = &[
    ("stats_v2::playoffs", stats_v2::playoffs),
    ("stats_v2::regular_2020_21", stats_v2::regular_2020_21),
    ("stats_v2::regular_2023_24", stats_v2::regular_2023_24),
    ("stats_v2::teams", stats_v2::teams),
    ("feeds::live", feeds::live),
    ("feeds::live_against_stats", feeds::live_against_stats),
    ("feeds::live_without_box", feeds::live_without_box),
    ("feeds::stats_json", feeds::stats_json),
    ("feeds::data_nba", feeds::data_nba),
    ("feeds::data_nba_seasons", feeds::data_nba_seasons),
    ("feeds::espn_text", feeds::espn_text),
    ("feeds::espn_summary", feeds::espn_summary),
    ("feeds::espn_college", feeds::espn_college),
    ("pages::nba_com", pages::nba_com),
    ("pages::stats_v3", pages::stats_v3),
    ("pages::wnba_com", pages::wnba_com),
    ("pages::bref_playoffs", pages::bref_playoffs),
    ("pages::bref_planted", pages::bref_planted),
    ("pages::bref_regular", pages::bref_regular),
    ("pages::bref_scraper", pages::bref_scraper),
    ("pages::espn_html", pages::espn_html),
    #[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
    ("loaders::espn", loaders::espn),
    #[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
    ("loaders::hoopr", loaders::hoopr),
    #[cfg(all(feature = "native-espn", feature = "native-hoopr"))]
    ("loaders::no_document_panics", loaders::no_document_panics),
    ("stats_v2::running_figures", stats_v2::running_figures),
    (
        "stats_v2::a_lost_row_is_noticed",
        stats_v2::a_lost_row_is_noticed,
    ),
];

fn data() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told where its data lies"
    )]
    let told = std::env::var_os("NBA_DATA_DIR").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    told.into_iter()
        .chain([beside])
        .find(|folder| folder.join("nba_stats_v2").is_dir())
}

/// Fails with both values when they differ.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the callers have no use for the values afterwards, and read better without references"
)]
fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: found {found:?}, expected {expected:?}").into())
}
