//! The native loaders on documents as they are served.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nba_etl::native::hoopr::{self, Form, Table};
use nba_etl::native::{Divergence, Mode, plays};

use crate::{Outcome, equal};

fn bytes(path: &Path) -> Result<Vec<u8>, std::io::Error> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes)?;
    } else {
        std::io::BufReader::new(file).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), std::io::Error> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

/// A summary has all its plays in correct mode and, as with the script, none in compat mode; a page of a box score has none.
pub(crate) fn espn(data: &Path) -> Outcome {
    let summary = bytes(&data.join("espn/nba_summary_json/401585607.json.gz"))?;
    let correct = plays::read(&summary, "401585607", Mode::Correct)?;
    equal("plays of the summary", correct.plays.len(), 450)?;
    equal("put aside", correct.aside.len(), 0)?;
    equal(
        "divergences",
        correct.divergences.into_iter().collect(),
        vec![Divergence::Summary],
    )?;
    let compat = plays::read(&summary, "401585607", Mode::Compat)?;
    equal("plays the script sees", compat.plays.len(), 0)?;
    let page = bytes(&data.join("espn/nba_page_json/401585183_boxscore_espnfitt.json.gz"))?;
    for mode in [Mode::Compat, Mode::Correct] {
        equal(
            "plays of a page without them",
            plays::read(&page, "401585183", mode)?.plays.len(),
            0,
        )?;
    }
    let mut college = Vec::new();
    files(&data.join("espn/ncaa_summary_json"), &mut college)?;
    equal("college games", college.len(), 3)?;
    for path in college {
        let read = plays::read(&bytes(&path)?, "1", Mode::Correct)?;
        equal("rows and asides", read.plays.is_empty(), false)?;
    }
    Ok(())
}

/// Rows and columns as the data's own description counts them.
pub(crate) fn hoopr(data: &Path) -> Outcome {
    let folder = data.join("hoopr");
    for (name, table, form, columns, rows) in [
        (
            "team_box_2024_2025.parquet",
            Table::TeamBox,
            Form::Parquet,
            57,
            Some(1_404),
        ),
        (
            "schedule_2024_2025.parquet",
            Table::Schedule,
            Form::Parquet,
            77,
            Some(704),
        ),
        ("team_box_sample.csv", Table::TeamBox, Form::Csv, 57, None),
    ] {
        let probe = hoopr::probe(&folder.join(name))?;
        equal(name, (probe.table, probe.form), (table, form))?;
        equal(name, probe.columns.len(), columns)?;
        equal(name, probe.broken, 0)?;
        if let Some(rows) = rows {
            equal(name, probe.rows, rows)?;
        }
        let told = hoopr::fuzz_one(&bytes(&folder.join(name))?);
        equal(
            name,
            told.starts_with("TeamBox") || told.starts_with("Schedule"),
            true,
        )?;
    }
    // Lists of columns and of ids are no season files, and are refused.
    for name in ["documented_columns.csv", "espn_to_nba_game_ids.csv"] {
        equal(name, hoopr::probe(&folder.join(name)).is_err(), true)?;
    }
    Ok(())
}

/// Whatever lies there goes through every reader: what is no document of theirs is refused.
pub(crate) fn no_document_panics(data: &Path) -> Outcome {
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for folder in [
        "espn",
        "hoopr",
        "nba_stats_json",
        "nba_live_cdn",
        "data_nba_com/raw_csv",
    ] {
        let mut found = Vec::new();
        files(&data.join(folder), &mut found)?;
        equal(folder, found.is_empty(), false)?;
        for path in found {
            let bytes = bytes(&path)?;
            *outcomes
                .entry(nba_etl::native::fuzz_one(&bytes))
                .or_default() += 1;
            *outcomes.entry(hoopr::fuzz_one(&bytes)).or_default() += 1;
        }
    }
    println!("{outcomes:?}");
    Ok(())
}
