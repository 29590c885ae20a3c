//! The list of the lake's objects that belongs to a backup: taken, and held against what the backup's manifest says.

use anyhow::Context as _;
use nba_config::Config;
use nba_etl::lake::{Lake, Manifest as ObjectList, ManifestOptions};
use nba_migration::backup::{LAKE_FILE, LakeRecord, Manifest};
use nba_utils::Verdict;
use std::path::{Path, PathBuf};

/// Lists the lake into a file below `scratch`, each object with its version and checksum.
pub(super) async fn take(
    config: &Config,
    lake: &Path,
    scratch: &Path,
) -> anyhow::Result<(PathBuf, LakeRecord)> {
    let lake = if lake == Path::new("s3") {
        Lake::s3(&config.s3()?).await
    } else {
        anyhow::ensure!(lake.is_dir(), "`{}` is no folder", lake.display());
        Lake::local(lake)
    };
    let mut options = ManifestOptions::default();
    options.facts = true;
    let list = ObjectList::take(&lake, &options)
        .await
        .context("the lake cannot be listed")?;
    let file = scratch.join(LAKE_FILE);
    list.write(&file)?;
    Ok((file, record(&list)?))
}

fn record(list: &ObjectList) -> anyhow::Result<LakeRecord> {
    let totals = list.totals();
    let versioned = list.entries.iter().filter(|entry| entry.version.is_some());
    Ok(LakeRecord {
        lake: list.lake.clone(),
        taken_at: list.taken_at,
        objects: totals.all.objects,
        bytes: totals.all.bytes,
        versioned: u64::try_from(versioned.count())?,
        digest: list.digest(),
    })
}

/// Whether the list beside a dump can be read and is the one its manifest speaks of; `None` when the backup has none.
pub(super) fn check(folder: &Path, manifest: &Manifest) -> Option<Verdict> {
    let expected = manifest.lake.as_ref()?;
    let found = ObjectList::read(&folder.join(LAKE_FILE))
        .map_err(anyhow::Error::from)
        .and_then(|list| record(&list));
    Some(match found {
        Ok(found) if found == *expected => Verdict::Proven,
        Ok(found) => Verdict::refuted(format!(
            "the list of the lake holds {} objects with the digest {}, not {} with {}",
            found.objects, found.digest, expected.objects, expected.digest
        )),
        Err(error) => Verdict::refuted(format!("the list of the lake: {error:#}")),
    })
}
