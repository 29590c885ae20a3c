//! `nba backup`.

use super::{Code, backup_lake};
use crate::cli::backup::{
    BackupCommand, CreateArgs, DrillArgs, PlaceArgs, RetentionArgs, ScratchArgs, VerifyArgs,
};
use crate::context::Context;
use crate::render::{Tone, cells};
use nba_config::Config;
use nba_db::{ConnectOptions, Database};
use nba_migration::backup::{
    Apply, CreateOptions, Created, Decision, Proofs, Retention, Scratch, Stored, Tools,
    Verification, VerifyOptions, create, history, list, prune, status, verify,
};
use nba_utils::Verdict;
use nba_utils::exit_code;
use nba_utils::format::{bytes, duration, thousands};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Where the legacy scripts kept theirs, relative to the project.
const FOLDER: &str = "backups";
/// Sessions beside the fingerprints: one holds the snapshot, one asks the catalogue.
const BESIDE: u32 = 2;

pub(crate) async fn run(context: &Context, command: &BackupCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    match command {
        BackupCommand::Create(args) => {
            let created = make(context, &config, args).await?;
            context.out.json(&summary(&created))?;
            told(context, &created);
            Ok(created.manifest.complete.exit_code())
        }
        BackupCommand::Verify(args) => {
            let verification = check(context, &config, args).await?;
            context.out.json(&verification)?;
            shown(context, &verification);
            Ok(verification.verdict.exit_code())
        }
        BackupCommand::Drill(args) => drill(context, &config, args).await,
        BackupCommand::Status { place, max_age } => {
            let (stored, proofs) = known(&config, place)?;
            let max_age = chrono::Duration::hours(i64::from(*max_age));
            let status = status(&stored, &proofs, max_age, chrono::Utc::now());
            context.out.json(&status)?;
            let text = match (&status.newest_proven, status.age_seconds, &status.proof) {
                (Some(name), Some(age), Some(proof)) => format!(
                    "`{name}` was proven {}, {} rows; it is {} old, a restore took {}",
                    proof.verified_at.format("%Y-%m-%d %H:%M UTC"),
                    thousands(proof.rows),
                    duration(Duration::from_secs(u64::try_from(age).unwrap_or(0))),
                    duration(Duration::from_millis(proof.rto_ms))
                ),
                _ => format!("{} backups, none of them proven", status.backups),
            };
            context.out.line(
                &Tone::of(&status.verdict)
                    .paint(status.verdict.as_str().replace('_', " ").as_str()),
            );
            context.out.line(&format!("  {text}"));
            for reason in status.verdict.reasons() {
                context.out.line(&format!("  {reason}"));
            }
            Ok(status.verdict.exit_code())
        }
        BackupCommand::History => {
            let tried = history(&Context::ledger(&config)?)?;
            context.out.json(&tried)?;
            let rows = tried.iter().map(|one| {
                vec![
                    one.at.format("%Y-%m-%d %H:%M UTC").to_string().into(),
                    one.backup.clone().into(),
                    Tone::of(&one.verdict)
                        .paint(one.verdict.as_str().replace('_', " ").as_str())
                        .into(),
                    cells::right(format!(
                        "{} of {}",
                        thousands(one.identical_rows),
                        thousands(one.rows)
                    )),
                    cells::right(duration(Duration::from_millis(one.rto_ms))),
                ]
            });
            context.out.table(
                &["restored", "backup", "outcome", "rows", "took (RTO)"],
                rows,
            );
            Ok(exit_code::PROVEN)
        }
        BackupCommand::List { place } => {
            let (stored, proofs) = known(&config, place)?;
            listed(context, &stored, &proofs)?;
            Ok(exit_code::PROVEN)
        }
        BackupCommand::Prune { place, rule, yes } => {
            let apply = if *yes { Apply::Yes } else { Apply::No };
            let (_, proofs) = known(&config, place)?;
            let decisions = prune(&folder(&config, place), retention(rule), &proofs, apply)?;
            context.out.json(&decisions)?;
            pruned(context, &decisions, apply);
            Ok(exit_code::PROVEN)
        }
    }
}

fn folder(config: &Config, place: &PlaceArgs) -> PathBuf {
    place
        .folder
        .clone()
        .unwrap_or_else(|| config.project().join(FOLDER))
}

fn tools(config: &Config) -> anyhow::Result<Tools> {
    Ok(Tools::find(config.postgres_bin_directory()?)?)
}

fn retention(rule: &RetentionArgs) -> Retention {
    Retention {
        keep: rule.keep,
        keep_days: rule.keep_days,
    }
}

fn known(config: &Config, place: &PlaceArgs) -> anyhow::Result<(Vec<Stored>, Proofs)> {
    let proofs = Proofs::read(&Context::ledger(config)?)?;
    Ok((list(&folder(config, place))?, proofs))
}

async fn make(context: &Context, config: &Config, args: &CreateArgs) -> anyhow::Result<Created> {
    let mut options = CreateOptions::new(folder(config, &args.place), tools(config)?);
    options.jobs = args.jobs;
    options.compression = args.compress;
    options.plain_sql = args.plain_sql;
    // Before the dump: what the dump's rows came from is in the list, and what came to the lake meanwhile does no harm.
    let scratch = tempfile::tempdir()?;
    if let Some(lake) = &args.lake {
        options.lake = Some(backup_lake::take(config, lake, scratch.path()).await?);
    }
    let mut target = config.database()?;
    // Half of the sessions are lent to us.
    let needed = u32::try_from(options.connections.get())?.saturating_add(BESIDE) * 2;
    target.settings.max_connections = target.settings.max_connections.max(needed);
    let connect = ConnectOptions::from(&target).application("backup", &context.run_id);
    let db = Database::connect(connect).await?;
    let created = create(&db, &options).await?;
    context.append(config, &created.entry())?;
    for name in &created.removed {
        context
            .out
            .note(&format!("the unfinished backup `{name}` was removed"));
    }
    Ok(created)
}

async fn check(
    context: &Context,
    config: &Config,
    args: &VerifyArgs,
) -> anyhow::Result<Verification> {
    let (_, proofs) = known(config, &args.place)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => newest(config, &args.place)?,
    };
    restore(context, config, &args.place, &args.scratch, &proofs, &name).await
}

/// Name of the newest backup.
pub(super) fn newest(config: &Config, place: &PlaceArgs) -> anyhow::Result<String> {
    let folder = folder(config, place);
    match list(&folder)?.pop() {
        Some(newest) => Ok(newest.name),
        None => anyhow::bail!(
            "there is no backup in `{}`: make one with `nba backup create`",
            folder.display()
        ),
    }
}

/// Where and how a backup is restored for a look.
pub(super) fn verify_options(
    config: &Config,
    place: &PlaceArgs,
    scratch: &ScratchArgs,
) -> anyhow::Result<VerifyOptions> {
    let mut options = VerifyOptions::new(folder(config, place), tools(config)?);
    options.jobs = scratch.restore_jobs;
    options.scratch = match &scratch.on {
        Some(target) => Scratch::On(Box::new(config.target(target)?)),
        None => Scratch::Private(scratch.scratch_dir.clone()),
    };
    Ok(options)
}

async fn restore(
    context: &Context,
    config: &Config,
    place: &PlaceArgs,
    scratch: &ScratchArgs,
    proofs: &Proofs,
    name: &str,
) -> anyhow::Result<Verification> {
    let folder = folder(config, place);
    let mut options = verify_options(config, place, scratch)?;
    options.expected_manifest = proofs.recorded_manifest(name);
    let mut verification = verify(name, &options).await?;
    let stored = list(&folder)?.into_iter().find(|one| one.name == name);
    if let Some((stored, manifest)) = stored.and_then(|one| Some((one.folder, one.manifest.ok()?)))
        && let Some(lake) = backup_lake::check(&stored, &manifest)
    {
        if let (Verdict::Proven, Some(record)) = (&lake, &manifest.lake) {
            verification.statement = format!(
                "{}; with the list of {} objects of the lake, {} of them with a version",
                verification.statement,
                thousands(record.objects),
                thousands(record.versioned)
            );
        }
        verification.verdict = Verdict::all([verification.verdict, lake]);
    }
    context.append(config, &verification.entry(&folder))?;
    Ok(verification)
}

async fn drill(context: &Context, config: &Config, args: &DrillArgs) -> anyhow::Result<Code> {
    let created = make(context, config, &args.create).await?;
    let place = &args.create.place;
    let proofs = Proofs::read(&Context::ledger(config)?)?;
    let name = created.manifest.name.as_str();
    let verification = restore(context, config, place, &args.scratch, &proofs, name).await?;
    // Read again: the new proof decides what may go.
    let proofs = Proofs::read(&Context::ledger(config)?)?;
    let decisions = prune(
        &folder(config, place),
        retention(&args.rule),
        &proofs,
        Apply::Yes,
    )?;
    context.out.json(&json!({
        "created": summary(&created),
        "verification": verification,
        "retention": decisions,
    }))?;
    told(context, &created);
    shown(context, &verification);
    pruned(context, &decisions, Apply::Yes);
    Ok(verification.verdict.exit_code())
}

/// The manifest without its thousands of digests.
fn summary(created: &Created) -> serde_json::Value {
    let manifest = &created.manifest;
    json!({
        "name": manifest.name,
        "folder": created.folder,
        "manifest_digest": created.manifest_digest,
        "verdict": created.verdict(),
        "complete": manifest.complete,
        "identity": manifest.identity,
        "taken_at": manifest.taken_at,
        "tables": manifest.tables.len(),
        "rows": manifest.rows(),
        "bytes": manifest.bytes,
        "files": manifest.files.len(),
        "lake": manifest.lake,
        "elapsed": manifest.elapsed,
        "removed": created.removed,
    })
}

fn told(context: &Context, created: &Created) {
    let manifest = &created.manifest;
    context.out.line(&format!(
        "backup `{}`: {} rows in {} tables of `{}`, {}, one snapshot at {}, {}",
        manifest.name,
        thousands(manifest.rows()),
        manifest.tables.len(),
        manifest.identity.brief.database,
        bytes(manifest.bytes),
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
        duration(Duration::from_millis(manifest.elapsed.total_ms)),
    ));
    for reason in manifest.complete.reasons() {
        context.out.line(&format!("  not measured: {reason}"));
    }
    context
        .out
        .note("made is not proven: `nba backup verify` restores it and compares every row");
}

fn shown(context: &Context, verification: &Verification) {
    context
        .out
        .line(&Tone::of(&verification.verdict).paint(&verification.statement));
    for reason in verification.verdict.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    let seconds = u64::try_from(verification.rpo_seconds).unwrap_or(0);
    context.out.line(&format!(
        "  a restore takes {} (RTO); what was written in the last {} would be lost (RPO)",
        duration(Duration::from_millis(verification.timings.rto_ms)),
        duration(Duration::from_secs(seconds))
    ));
}

fn listed(context: &Context, stored: &[Stored], proofs: &Proofs) -> anyhow::Result<()> {
    let all: Vec<serde_json::Value> = stored
        .iter()
        .map(|one| {
            let manifest = one.manifest.as_ref().ok();
            json!({
                "name": one.name,
                "folder": one.folder,
                "problem": one.manifest.as_ref().err(),
                "taken_at": manifest.map(|manifest| manifest.taken_at),
                "database": manifest.map(|manifest| &manifest.identity.brief.database),
                "rows": manifest.map(nba_migration::backup::Manifest::rows),
                "bytes": manifest.map(|manifest| manifest.bytes),
                "proof": proofs.of(one),
            })
        })
        .collect();
    context.out.json(&all)?;
    let rows = stored.iter().map(|one| {
        let (rows, size) = match &one.manifest {
            Ok(manifest) => (thousands(manifest.rows()), bytes(manifest.bytes)),
            Err(_) => (String::new(), String::new()),
        };
        let state = match (&one.manifest, proofs.of(one)) {
            (Err(problem), _) => Tone::Bad.paint(problem),
            (_, Some(proof)) => Tone::Good.paint(&format!(
                "proven {}",
                proof.verified_at.format("%Y-%m-%d %H:%M UTC")
            )),
            _ => Tone::Unsure.paint("not proven"),
        };
        vec![
            one.name.clone().into(),
            cells::right(rows),
            cells::right(size),
            state.into(),
        ]
    });
    context
        .out
        .table(&["backup", "rows", "size", "state"], rows);
    Ok(())
}

fn pruned(context: &Context, decisions: &[Decision], apply: Apply) {
    let verb = match apply {
        Apply::Yes => "removed",
        Apply::No => "would remove",
    };
    for decision in decisions {
        let word = if decision.keep { "kept" } else { verb };
        context
            .out
            .line(&format!("{word} `{}`: {}", decision.name, decision.why));
    }
}
