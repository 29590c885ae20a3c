//! `nba lake`.

use super::Code;
use crate::cli::{LakeCommand, Part};
use crate::context::Context;
use crate::render::{Tone, cells};
use anyhow::Context as _;
use nba_etl::lake::{
    CopyReport, DrillOptions, Findings, Inventory, Lake, LakeTotals, Manifest, ManifestOptions,
    SyncOptions, diff, download, drill, sync, verify_copy, verify_manifest,
};
use nba_migration::ledger::Entry;
use nba_utils::Verdict;
use nba_utils::exit_code;
use nba_utils::format::{bytes, thousands};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) async fn run(context: &Context, command: &LakeCommand) -> anyhow::Result<Code> {
    match command {
        LakeCommand::Inventory {
            part,
            manifest,
            facts,
            content,
        } => {
            let lake = open(context, part.path.as_deref()).await?;
            match manifest {
                None => inventory(context, &lake, part).await,
                Some(file) => take(context, &lake, part, file, *facts, *content).await,
            }
        }
        LakeCommand::Diff { left, right } => compare(context, left, right),
        LakeCommand::Verify {
            copy,
            against,
            part,
        } => verify(context, copy, against.as_deref(), part).await,
        LakeCommand::Drill {
            against,
            sample,
            seed,
            path,
        } => {
            let lake = open(context, path.as_deref()).await?;
            let seed = seed
                .clone()
                .unwrap_or_else(|| chrono::Utc::now().format("%Y%m%dT%H%M%SZ").to_string());
            practise(context, &lake, against, &DrillOptions::new(*sample, seed)).await
        }
        LakeCommand::Get { keys, to, path } => {
            let lake = open(context, path.as_deref()).await?;
            get(context, &lake, keys, to).await
        }
        LakeCommand::Sync {
            to,
            update,
            dry_run,
            part,
        } => {
            let lake = open(context, part.path.as_deref()).await?;
            let mut options = SyncOptions::default();
            options.what = what(part);
            options.concurrency = part.parallel;
            options.update = *update;
            options.dry_run = *dry_run;
            synchronise(context, &lake, to, &options).await
        }
    }
}

async fn open(context: &Context, path: Option<&Path>) -> anyhow::Result<Lake> {
    Ok(match path {
        Some(path) => Lake::local(path),
        None => Lake::s3(&context.config()?.s3()?).await,
    })
}

fn what(part: &Part) -> Inventory {
    Inventory {
        prefixes: part.prefix.clone(),
        concurrency: part.parallel,
    }
}

async fn inventory(context: &Context, lake: &Lake, part: &Part) -> anyhow::Result<Code> {
    let totals = lake.totals(&what(part)).await?;
    context.out.json(&totals)?;
    show_totals(context, lake, &totals);
    record(context, lake, &what(part), &totals)?;
    Ok(exit_code::PROVEN)
}

/// Evidence of the project the command runs in; a folder without a state has none to keep.
fn record(
    context: &Context,
    lake: &Lake,
    what: &Inventory,
    totals: &LakeTotals,
) -> anyhow::Result<()> {
    let config = context.config()?;
    if !config.state_directory()?.is_dir() {
        return Ok(());
    }
    let entry = Entry::new("lake inventory", Verdict::Proven)
        .figure("lake", lake.describe())
        .figure("prefixes", json!(what.prefixes))
        .figure("objects", totals.all.objects)
        .figure("bytes", totals.all.bytes);
    context.append(&config, &entry)
}

fn show_totals(context: &Context, lake: &Lake, totals: &LakeTotals) {
    let rows = totals.by_prefix.iter().map(|(prefix, total)| {
        let name = if prefix.is_empty() {
            "(top level)"
        } else {
            prefix
        };
        vec![
            name.into(),
            cells::right(thousands(total.objects)),
            cells::right(bytes(total.bytes)),
        ]
    });
    context.out.table(&["prefix", "objects", "size"], rows);
    context.out.line(&format!(
        "{}: {} objects, {}",
        lake.describe(),
        thousands(totals.all.objects),
        bytes(totals.all.bytes)
    ));
}

async fn take(
    context: &Context,
    lake: &Lake,
    part: &Part,
    file: &Path,
    facts: bool,
    content: bool,
) -> anyhow::Result<Code> {
    let mut options = ManifestOptions::default();
    options.what = what(part);
    options.facts = facts;
    options.content = content;
    options.concurrency = part.parallel;
    // Before hours of listing, not after them.
    anyhow::ensure!(
        !file.exists(),
        "`{}` exists already, and a manifest is not overwritten",
        file.display()
    );
    let manifest = Manifest::take(lake, &options).await?;
    manifest.write(file)?;
    let totals = manifest.totals();
    context.out.json(&json!({
        "manifest": file,
        "lake": manifest.lake,
        "taken_at": manifest.taken_at,
        "digest": manifest.digest(),
        "totals": totals,
    }))?;
    show_totals(context, lake, &totals);
    record(context, lake, &options.what, &totals)?;
    context.out.line(&format!(
        "kept in `{}`, digest {}",
        file.display(),
        manifest.digest()
    ));
    Ok(exit_code::PROVEN)
}

fn compare(context: &Context, left: &Path, right: &Path) -> anyhow::Result<Code> {
    let (left, right) = (Manifest::read(left)?, Manifest::read(right)?);
    let found = diff(&left, &right);
    let verdict = found.verdict();
    let mut document = serde_json::to_value(&found)?;
    document["verdict"] = serde_json::to_value(&verdict)?;
    context.out.json(&document)?;
    context
        .out
        .line(&format!("left:  {}, {}", left.lake, left.taken_at));
    context
        .out
        .line(&format!("right: {}, {}", right.lake, right.taken_at));
    for (name, findings) in [
        ("only left", &found.removed),
        ("only right", &found.added),
        ("different", &found.changed),
        ("undecided", &found.undecided),
    ] {
        list(context, name, findings);
    }
    context
        .out
        .line(&format!("same: {}", thousands(found.same)));
    Ok(conclude(context, &verdict))
}

async fn verify(
    context: &Context,
    copy: &Path,
    against: Option<&Path>,
    part: &Part,
) -> anyhow::Result<Code> {
    let report: CopyReport = match against {
        Some(file) => {
            let manifest = Manifest::read(file)?;
            verify_manifest(&manifest, copy, part.parallel).await?
        }
        None => {
            let lake = open(context, part.path.as_deref()).await?;
            verify_copy(&lake, copy, &what(part), part.parallel).await?
        }
    };
    let verdict = report.verdict();
    let mut document = serde_json::to_value(&report)?;
    document["verdict"] = serde_json::to_value(&verdict)?;
    context.out.json(&document)?;
    for (name, findings) in [
        ("missing", &report.missing),
        ("extra", &report.extra),
        ("different", &report.different),
        ("undecided", &report.undecided),
    ] {
        list(context, name, findings);
    }
    context.out.line(&format!(
        "same: {} objects, {} ({} by their ETag, the others by content)",
        thousands(report.same),
        bytes(report.bytes),
        thousands(report.by_etag)
    ));
    Ok(conclude(context, &verdict))
}

async fn practise(
    context: &Context,
    lake: &Lake,
    against: &Path,
    options: &DrillOptions,
) -> anyhow::Result<Code> {
    let manifest = Manifest::read(against)?;
    let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
    let found = drill(lake, &manifest, options, scratch.path()).await?;
    let config = context.config()?;
    if config.state_directory()?.is_dir() {
        let entry = Entry::new("lake drill", found.verdict.clone())
            .figure("lake", found.lake.as_str())
            .figure("manifest", found.manifest.as_str())
            .figure("objects", found.objects)
            .figure("sample", found.sample)
            .figure("seed", found.seed.as_str())
            .figure("same", found.report.same)
            .figure("versioned", found.versioned);
        context.append(&config, &entry)?;
    }
    context.out.json(&found)?;
    for (name, findings) in [
        ("missing", &found.report.missing),
        ("different", &found.report.different),
        ("undecided", &found.report.undecided),
    ] {
        list(context, name, findings);
    }
    context.out.line(&format!(
        "same: {} of {} objects drawn from {} by `{}`, {}; of {} the version is known",
        thousands(found.report.same),
        thousands(u64::try_from(found.sample)?),
        thousands(u64::try_from(found.objects)?),
        found.seed,
        bytes(found.report.bytes),
        thousands(u64::try_from(found.versioned)?)
    ));
    Ok(conclude(context, &found.verdict))
}

async fn get(context: &Context, lake: &Lake, keys: &[String], to: &Path) -> anyhow::Result<Code> {
    let mut fetched = Vec::new();
    for key in keys {
        let file: PathBuf = to.join(key.trim_start_matches('/'));
        let download = download(lake, key, &file)
            .await
            .with_context(|| format!("`{key}` was not fetched"))?;
        context.out.line(&format!(
            "{}: {}, BLAKE3 {}",
            file.display(),
            bytes(download.digests.size),
            download.digests.blake3
        ));
        fetched.push(json!({
            "key": key,
            "file": file,
            "size": download.digests.size,
            "blake3": download.digests.blake3.to_hex().to_string(),
            "etag_matches": download.etag_matches,
        }));
    }
    context.out.json(&fetched)?;
    Ok(exit_code::PROVEN)
}

async fn synchronise(
    context: &Context,
    lake: &Lake,
    to: &Path,
    options: &SyncOptions,
) -> anyhow::Result<Code> {
    let report = sync(lake, to, options).await?;
    let verdict = report.verdict();
    let mut document = serde_json::to_value(&report)?;
    document["verdict"] = serde_json::to_value(&verdict)?;
    context.out.json(&document)?;
    list(context, "kept", &report.kept);
    list(context, "failed", &report.failed);
    context.out.line(&format!(
        "{}{} of {} objects, {}; {} were there",
        if report.dry_run {
            "would fetch "
        } else {
            "fetched "
        },
        thousands(report.fetched),
        thousands(report.listed),
        bytes(report.bytes),
        thousands(report.present)
    ));
    Ok(conclude(context, &verdict))
}

fn list(context: &Context, name: &str, findings: &Findings) {
    for text in &findings.first {
        context.out.line(&format!("{name}: {text}"));
    }
    let shown = u64::try_from(findings.first.len()).unwrap_or(u64::MAX);
    if findings.count > shown {
        context.out.line(&format!(
            "{name}: and {} more",
            thousands(findings.count - shown)
        ));
    }
}

fn conclude(context: &Context, verdict: &Verdict) -> Code {
    context.out.line(&format!(
        "verdict {} {}",
        Tone::of(verdict).paint(verdict.as_str()),
        verdict.reasons().join("; ")
    ));
    verdict.exit_code()
}
