//! Whether a port is as quick as its script, by what dual runs measured of both on the same input (monitoring dossier 6.21, GC23, GC42).

use std::collections::BTreeMap;

use nba_utils::Verdict;
use serde::Serialize;

use super::Record;
use crate::ledger::Entry;
use crate::switch::{NEEDED_RUNS, SHADOW_SUBJECT};

/// How much slower a port may be, in per cent, where nothing else is said: what runs on one machine differ by anyway.
pub const TOLERANCE: u32 = 10;

/// What was measured of one capability.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Pace {
    /// The capability.
    pub capability: String,
    /// Dual runs that count: the last proven ones that measured both sides.
    pub runs: usize,
    /// Median seconds of the script.
    pub legacy_seconds: f64,
    /// Median seconds of the port.
    pub native_seconds: f64,
    /// What follows.
    pub verdict: Verdict,
}

/// All capabilities that were ever compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SpeedReport {
    /// `Refuted` when a port is slower than allowed, `NotProven` when too little was measured.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How much slower a port may be, in per cent.
    pub tolerance_percent: u32,
    /// By capability.
    pub paces: Vec<Pace>,
}

impl SpeedReport {
    /// The record that the gates read.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry::new("benchmark", self.verdict.clone())
            .figure("tolerance_percent", self.tolerance_percent)
            .figure("paces", serde_json::json!(self.paces))
    }
}

/// Judges every capability by the medians of its last proven dual runs. A run that measured one side only counts for nothing.
#[must_use]
pub fn speed(records: &[Record], tolerance_percent: u32) -> SpeedReport {
    let mut measured: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for record in records
        .iter()
        .filter(|record| record.entry.subject == SHADOW_SUBJECT)
    {
        let figures = &record.entry.figures;
        let Some(capability) = figures.get("capability").and_then(|value| value.as_str()) else {
            continue;
        };
        let runs = measured.entry(capability.to_owned()).or_default();
        let seconds = |name: &str| {
            let seconds = figures.get(name)?.as_f64()?;
            (seconds.is_finite() && seconds > 0.0).then_some(seconds)
        };
        if let (true, Some(legacy), Some(native)) = (
            record.entry.verdict.is_proven(),
            seconds("legacy_seconds"),
            seconds("native_seconds"),
        ) {
            runs.push((legacy, native));
        }
    }
    let allowed = 1.0 + f64::from(tolerance_percent) / 100.0;
    let paces: Vec<Pace> = measured
        .into_iter()
        .map(|(capability, runs)| {
            let last: Vec<(f64, f64)> = runs.iter().rev().take(NEEDED_RUNS).copied().collect();
            let legacy_seconds = median(last.iter().map(|(legacy, _)| *legacy));
            let native_seconds = median(last.iter().map(|(_, native)| *native));
            let verdict = if last.len() < NEEDED_RUNS {
                Verdict::not_proven(format!(
                    "{} of {NEEDED_RUNS} proven dual runs measured both sides",
                    last.len()
                ))
            } else if native_seconds > legacy_seconds * allowed {
                Verdict::refuted(format!(
                    "the port takes {native_seconds:.2} s where the script takes {legacy_seconds:.2} s; {tolerance_percent} % more is allowed"
                ))
            } else {
                Verdict::Proven
            };
            Pace {
                verdict: verdict.about(&capability),
                capability,
                runs: last.len(),
                legacy_seconds,
                native_seconds,
            }
        })
        .collect();
    SpeedReport {
        verdict: if paces.is_empty() {
            Verdict::not_proven("no dual run was recorded; run `nba shadow run`")
        } else {
            Verdict::all(paces.iter().map(|pace| pace.verdict.clone()))
        },
        tolerance_percent,
        paces,
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => 0.0,
        (Some(value), 1) => *value,
        (Some(value), _) => (value + values[middle - 1]) / 2.0,
    }
}
