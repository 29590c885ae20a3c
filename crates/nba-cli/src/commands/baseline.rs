//! `nba baseline`.

use super::Code;
use crate::cli::baseline::{ApproveArgs, BaselineCommand, CaptureArgs};
use crate::context::{Context, baseline_name};
use crate::render::{Tone, cells};
use anyhow::{Context as _, bail};
use nba_config::Config;
use nba_db::gentle::Gentleness;
use nba_migration::ledger::Entry;
use nba_monitoring::baseline::{
    self, Baseline, BaselineError, BaselineName, CaptureOptions, Review, Standing,
};
use nba_monitoring::rules::RuleBook;
use nba_utils::format::thousands;
use nba_utils::{Verdict, exit_code};
use std::path::Path;

/// File in the state folder with the user's rules.
const RULES_FILE: &str = "rules.json";

pub(crate) async fn run(context: &Context, command: &BaselineCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let folder = Context::baselines(&config)?;
    match command {
        BaselineCommand::Capture(args) => capture(context, &config, &folder, args).await,
        BaselineCommand::Approve(args) => approve(context, &config, &folder, args),
        BaselineCommand::Discard { name, reason } => {
            let name = baseline_name(name)?;
            // On record first: what is removed cannot be told afterwards.
            let entry = Entry::new("baseline discard", Verdict::not_applicable(reason.clone()))
                .figure("baseline", name.as_str())
                .figure("run", context.run_id.as_str());
            let waits = Baseline::load_candidate(&folder, &name).ok();
            let entry = match waits.as_ref().and_then(Baseline::digest) {
                Some(digest) => entry.figure("candidate", digest.to_string()),
                None => entry,
            };
            baseline::discard(&folder, &name)?;
            context.append(&config, &entry)?;
            context
                .out
                .json(&serde_json::json!({ "discarded": name.as_str() }))?;
            context
                .out
                .line(&format!("nothing waits for `{name}` any more"));
            Ok(exit_code::PROVEN)
        }
        BaselineCommand::List => list(context, &folder),
        BaselineCommand::Show { name, candidate } => {
            let name = baseline_name(name)?;
            let found = if *candidate {
                Baseline::load_candidate(&folder, &name)?
            } else {
                Baseline::load(&folder, &name)?
            };
            show(context, &found)
        }
    }
}

async fn capture(
    context: &Context,
    config: &Config,
    folder: &Path,
    args: &CaptureArgs,
) -> anyhow::Result<Code> {
    let name = baseline_name(&args.name)?;
    let mut options = CaptureOptions::new(folder, name.clone());
    options.rules = RuleBook::load(&config.state_directory()?.join(RULES_FILE))?;
    options.rows = args.rows.into();
    options.taken_by = format!("run {}", context.run_id);
    options.gentleness = Some(Gentleness {
        budget: args.budget,
        ..Gentleness::default()
    });
    if baseline::unfinished(folder)?.contains(&name) {
        context
            .out
            .note("going on from what an interrupted capture finished");
    }
    let db = context.connect(config, "baseline-capture").await?;
    let captured = baseline::capture(&db, &options).await?;
    context.append(config, &Entry::baseline(&captured))?;
    let code = show(context, &captured)?;
    if captured.standing() == Standing::Candidate {
        context.out.note(&format!(
            "the baseline `{name}` is as it was: `nba baseline approve {name} --review` shows what this one would change"
        ));
    }
    Ok(code)
}

fn list(context: &Context, folder: &Path) -> anyhow::Result<Code> {
    let names = baseline::list(folder)?;
    context
        .out
        .json(&names.iter().map(BaselineName::as_str).collect::<Vec<_>>())?;
    for name in &names {
        context.out.line(name.as_str());
        if Baseline::load_candidate(folder, name).is_ok() {
            context
                .out
                .note(&format!("{name}: a later capture waits to be approved"));
        }
    }
    for name in baseline::unfinished(folder)? {
        context.out.note(&format!(
            "{name}: a capture was interrupted; `nba baseline capture --name {name}` goes on"
        ));
    }
    if names.is_empty() {
        context
            .out
            .note("no baseline yet: `nba baseline capture` takes one");
    }
    Ok(exit_code::PROVEN)
}

fn approve(
    context: &Context,
    config: &Config,
    folder: &Path,
    args: &ApproveArgs,
) -> anyhow::Result<Code> {
    let name = baseline_name(&args.name)?;
    let (review, waits) = to_review(config, folder, &name)?;
    let (reason, by) = match (&args.reason, &args.by) {
        (Some(reason), Some(by)) if !args.review => (reason, by),
        _ => {
            context.out.json(&review)?;
            changes(context, &review);
            return Ok(review.complete.exit_code());
        }
    };
    if !review.complete.is_proven() && !args.incomplete {
        bail!(
            "the candidate is incomplete: {}; --incomplete approves it all the same, and no health run against it is green",
            review.complete.reasons().join("; ")
        );
    }
    // On record before it counts: nothing is in effect that nobody answers for.
    context
        .append(
            config,
            &Entry::approval(&review, by, reason, &context.run_id),
        )
        .context("nothing was approved")?;
    let (effective, superseded) = if waits {
        let approval = baseline::promote(folder, &name, &review)?;
        (approval.effective, approval.superseded)
    } else {
        (Baseline::load(folder, &name)?, None)
    };
    context.out.json(&serde_json::json!({
        "review": review,
        "by": by,
        "reason": reason,
        "superseded": superseded,
    }))?;
    changes(context, &review);
    context.out.line(&format!(
        "baseline `{name}` of {} is in effect, approved by {by}: {reason}",
        effective.captured_at().format("%Y-%m-%d %H:%M:%S UTC")
    ));
    if let Some(kept) = &superseded {
        context
            .out
            .note(&format!("the one before is kept in {}", kept.display()));
    }
    Ok(review.complete.exit_code())
}

/// What can be approved: the capture that waits, or the baseline in effect if no record put it there, as after a capture that was
/// killed before its last step. The flag says that it waits.
fn to_review(
    config: &Config,
    folder: &Path,
    name: &BaselineName,
) -> anyhow::Result<(Review, bool)> {
    match baseline::review(folder, name) {
        Err(missing @ BaselineError::NoCandidate { .. }) => {
            let on_record = Baseline::load(folder, name)
                .ok()
                .map(|effective| anyhow::Ok(Context::ledger(config)?.approval(&effective)))
                .transpose()?;
            match on_record {
                Some(verdict) if !verdict.is_proven() => {
                    Ok((baseline::review_in_effect(folder, name)?, false))
                }
                _ => Err(missing.into()),
            }
        }
        other => Ok((other?, true)),
    }
}

fn changes(context: &Context, review: &Review) {
    for change in &review.changes {
        context
            .out
            .line(&format!("  {}: {}", change.table, change.message));
    }
    context.out.line(&format!(
        "{} tables would be expected differently, {} as before; measured by {}",
        review.changes.len(),
        review.unchanged,
        if review.taken_by.is_empty() {
            "an unnamed run"
        } else {
            &review.taken_by
        }
    ));
}

fn show(context: &Context, baseline: &Baseline) -> anyhow::Result<Code> {
    context.out.json(baseline)?;
    let rows = baseline.tables.iter().map(|(table, found)| {
        let count = match found.content.fingerprint() {
            Some(fingerprint) => thousands(fingerprint.rows),
            None => Tone::Unsure.paint("not measured"),
        };
        let evidence = match &found.rows {
            Some(rows) if rows.values => "values",
            Some(_) => "row hashes",
            None => "fingerprint",
        };
        vec![
            table.to_string().into(),
            cells::right(count),
            found.rule.rule.as_str().into(),
            evidence.into(),
        ]
    });
    context
        .out
        .table(&["table", "rows", "rule", "evidence"], rows);
    let identity = &baseline.identity.brief;
    context.out.line(&format!(
        "baseline `{}`: {} rows in {} tables of `{}` (system identifier {}), {}",
        baseline.name,
        thousands(baseline.total_rows()),
        baseline.tables.len(),
        identity.database,
        identity
            .system_identifier
            .as_deref()
            .unwrap_or("not readable"),
        baseline.captured_at().format("%Y-%m-%d %H:%M:%S UTC"),
    ));
    for (table, found) in &baseline.tables {
        if let Some(carried) = &found.carried {
            context.out.line(&format!(
                "{table}: of the interrupted run's snapshot of {}, not written since",
                carried.snapshot.taken_at.format("%Y-%m-%d %H:%M:%S UTC")
            ));
        }
    }
    if !baseline.complete.is_proven() {
        context.out.line(&format!(
            "{} {}",
            Tone::of(&baseline.complete).paint("incomplete:"),
            baseline.complete.reasons().join("; ")
        ));
    }
    Ok(Verdict::exit_code(&baseline.complete))
}
