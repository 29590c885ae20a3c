//! Is the lake whole, and does it grow? By number and size of objects: times of modification were reset by a copy of whole
//! prefixes (monitoring dossier 4.2, F15), and a scraper ended with 0 for 24 days without writing one object (F16).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use nba_etl::lake::{Inventory, Lake, LakeError, LakeTotals};
use nba_utils::format::thousands;
use serde::{Deserialize, Serialize};

use super::catalogue::find;
use super::freshness::{in_season, today};
use super::run::{Found, Observation, RunOptions, switched_off};
use super::settings::{Prefix, Settings};

const ID: &str = "lake.prefixes";
/// Bytes a prefix may lose while its objects are all there: a document that is written again is rarely much shorter.
const SHRINK_PERMILLE: u64 = 10;

/// A prefix as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PrefixMark {
    /// The most objects seen.
    pub objects: u64,
    /// The most bytes seen.
    pub bytes: u64,
    /// When objects were last added, or the prefix first seen.
    pub grew: DateTime<Utc>,
}

/// The lake as it was last seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LakeMemory {
    /// Prefixes by name.
    #[serde(default)]
    pub prefixes: BTreeMap<String, PrefixMark>,
    /// Which lake it is: another one is not held against this one.
    #[serde(default)]
    lake: String,
    /// When it was last listed, and what that came to.
    #[serde(default)]
    last: Option<(DateTime<Utc>, Observation)>,
}

/// Looks at the configured prefixes; between two listings the last result stands, unless the check was asked for by name.
///
/// `lake` is the lake, or why there is none.
pub async fn observe_lake(
    lake: Result<&Lake, &str>,
    settings: &Settings,
    memory: &mut LakeMemory,
    options: &RunOptions,
) -> Vec<Observation> {
    let Some(spec) = find(ID).filter(|spec| options.wants(spec.id)) else {
        return Vec::new();
    };
    let now = options.now.unwrap_or_else(Utc::now);
    let of = |found| vec![Observation::of(spec, found)];
    if settings.prefixes.is_empty() {
        return of(Found::not_applicable(
            "no prefix is configured: `[[prefixes]]` in `.nba/monitoring.toml`",
        ));
    }
    if let Some(off) = switched_off(settings, ID, now.date_naive()) {
        return of(Found::not_applicable(off));
    }
    let lake = match lake {
        Ok(lake) => lake,
        Err(why) => return of(Found::not_proven(why)),
    };
    let described = lake.describe();
    if memory.lake != described {
        *memory = LakeMemory {
            lake: described,
            ..LakeMemory::default()
        };
    }
    let named = options.only.iter().any(|only| only == ID);
    if let Some((at, seen)) = &memory.last
        && !named
        && *at <= now
        && (now - *at).as_seconds_f64() < settings.limits.lake_hours * 3_600.0
    {
        return vec![seen.clone()];
    }
    let began = std::time::Instant::now();
    let mut totals = BTreeMap::new();
    for prefix in &settings.prefixes {
        match list(lake, &prefix.prefix).await {
            Ok(total) => totals.insert(prefix.prefix.clone(), (total.all.objects, total.all.bytes)),
            // A listing that broke off says nothing; what was known stays, and the next tick tries again.
            Err(error) => {
                let why = nba_utils::ErrorReport::new(&error).to_string();
                return of(Found::not_proven(format!(
                    "could not list `{}` of {}: {why}",
                    prefix.prefix, memory.lake
                )));
            }
        };
    }
    let found = judge(&settings.prefixes, &totals, memory, now);
    let mut seen = Observation::of(spec, found);
    seen.elapsed_ms = super::run::millis(began.elapsed());
    memory.last = Some((now, seen.clone()));
    vec![seen]
}

async fn list(lake: &Lake, prefix: &str) -> Result<LakeTotals, LakeError> {
    lake.totals(&Inventory::of(prefix)).await
}

/// Holds the listed prefixes against what was seen before.
fn judge(
    prefixes: &[Prefix],
    totals: &BTreeMap<String, (u64, u64)>,
    memory: &mut LakeMemory,
    now: DateTime<Utc>,
) -> Found {
    let mut findings = Vec::new();
    let mut sum = 0_u64;
    for prefix in prefixes {
        let name = &prefix.prefix;
        let &(objects, bytes) = totals.get(name).unwrap_or(&(0, 0));
        sum = sum.saturating_add(objects);
        let mark = memory.prefixes.entry(name.clone()).or_insert(PrefixMark {
            objects,
            bytes,
            grew: now,
        });
        if objects == 0 {
            findings.push(format!(
                "`{name}` has no object: a wrong prefix, or everything is gone"
            ));
        } else if objects < mark.objects {
            findings.push(format!(
                "`{name}`: {} of {} objects are gone",
                thousands(mark.objects - objects),
                thousands(mark.objects)
            ));
        } else if bytes < mark.bytes - mark.bytes / 1_000 * SHRINK_PERMILLE {
            findings.push(format!(
                "`{name}`: {} bytes were lost from objects that are still there",
                thousands(mark.bytes - bytes)
            ));
        }
        // A clock that was set back would hold the mark in the future for as long.
        if objects > mark.objects || mark.grew > now + TimeDelta::minutes(1) {
            mark.grew = now;
        }
        mark.objects = mark.objects.max(objects);
        mark.bytes = mark.bytes.max(bytes);
        let still = (now - mark.grew).as_seconds_f64() / 3_600.0;
        if let Some(limit) = prefix.max_hours
            && still > limit
            && in_season(today(now))
        {
            findings.push(format!(
                "`{name}`: no new object for {still:.1} h, though games are played"
            ));
        }
    }
    memory
        .prefixes
        .retain(|name, _| prefixes.iter().any(|prefix| prefix.prefix == *name));
    let value = u32::try_from(sum).map_or(f64::from(u32::MAX), f64::from);
    Found::judged(
        findings,
        value,
        format!("{} objects in {} prefixes", thousands(sum), prefixes.len()),
    )
}
