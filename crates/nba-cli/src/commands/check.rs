//! `nba check`.

use super::Code;
use crate::cli::CheckArgs;
use crate::context::Context;
use crate::render::Tone;
use anyhow::{Context as _, bail};
use futures::TryStreamExt as _;
use nba_config::Config;
use nba_db::Database;
use nba_etl::lake::{self, Lake};
use nba_migration::ledger::Entry;
use nba_monitoring::checks::{self, CATALOGUE, CheckSpec};
use nba_monitoring::invariants::{
    self, Book, Invariant, InvariantReport, Inventory, MAX_WAIVED, RunOptions, Waiver, Waivers,
};
use nba_utils::{Digest, Verdict, exit_code};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// What a ledger record about a waiver is called.
const WAIVED: &str = "check waive";
/// Where such a record names its invariant.
const INVARIANT: &str = "invariant";

pub(crate) async fn run(context: &Context, args: &CheckArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let book = Book::builtin().with_configured(&config.invariants()?)?;
    let (live, ids) = live_ids(args);
    if live {
        return self::live(context, &config, &ids).await;
    }
    let unknown: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| book.get(id).is_none() && !(args.list && checks::find(id).is_some()))
        .collect();
    if !unknown.is_empty() {
        bail!(
            "no invariant and no live check is called `{}`; `nba check --list` shows all",
            unknown.join("`, `")
        );
    }
    if args.list {
        return list(context, &book, &ids, args.markdown);
    }
    let mut options = RunOptions::default();
    options.only.clone_from(&ids);
    options.listed = args.limit;
    options.effort.statement_timeout = Duration::from_secs(args.timeout);
    options.inventory = match &args.lake {
        None => None,
        Some(place) => Some(listed(context, &config, place).await?),
    };
    config.database()?;
    if args.waive {
        return waive(context, &config, &book, options, args).await;
    }
    options.waivers = recorded_waivers(context, &config)?;
    let report = match context.connect(&config, "check").await {
        Ok(db) => invariants::run(&db, &book, &options).await,
        Err(error) => InvariantReport::unreachable(&book, &options, &format!("{error:#}")),
    };
    context.out.json(&report)?;
    context.out.line(&painted(&report));
    context
        .append(&config, &entry(&report))
        .context("the verdict above is not on record")?;
    Ok(report.exit_code())
}

fn painted(report: &InvariantReport) -> String {
    let text = invariants::render_text(report);
    match text.split_once('\n') {
        Some((first, rest)) => format!(
            "{}\n{}",
            Tone::of(&report.verdict).paint(first),
            rest.trim_end()
        ),
        None => text,
    }
}

/// The record of a run: each invariant that did not come out proven, with the number of its violations.
fn entry(report: &InvariantReport) -> Entry {
    let (known, new) = report.violations();
    let named = |wanted: fn(&Verdict) -> bool| -> Vec<&str> {
        report
            .invariants
            .iter()
            .filter(|(_, record)| wanted(&record.verdict))
            .map(|(id, _)| id.as_str())
            .collect()
    };
    let entry = Entry::new("check", report.verdict.clone())
        .figure("invariants", report.invariants.len())
        .figure("violations", new)
        .figure("violations_on_record", known)
        .figure("refuted", json!(named(Verdict::is_refuted)))
        .figure(
            "not_proven",
            json!(named(|verdict| matches!(
                verdict,
                Verdict::NotProven { .. }
            ))),
        );
    match &report.identity {
        Some(identity) => entry.about(identity),
        None => entry,
    }
}

/// Whether live checks are meant, and the ids without a leading `run`, which people write who know other tools.
fn live_ids(args: &CheckArgs) -> (bool, Vec<String>) {
    let ids = match args.ids.as_slice() {
        [run, ids @ ..] if run == "run" && !ids.is_empty() => ids,
        ids => ids,
    };
    let known = !ids.is_empty() && ids.iter().all(|id| checks::find(id).is_some());
    (!args.list && (args.live || known), ids.to_vec())
}

/// Live checks, asked once.
async fn live(context: &Context, config: &Config, ids: &[String]) -> anyhow::Result<Code> {
    let unknown: Vec<&str> = ids
        .iter()
        .map(String::as_str)
        .filter(|id| checks::find(id).is_none())
        .collect();
    if !unknown.is_empty() {
        bail!(
            "no live check is called `{}`; `nba check --list` shows all",
            unknown.join("`, `")
        );
    }
    let seen = super::watch::ask(context, config, ids).await?;
    let verdict = Verdict::all(
        seen.iter()
            .map(|observation| observation.verdict.clone().about(&observation.id)),
    );
    context
        .out
        .json(&json!({ "verdict": verdict, "checks": seen }))?;
    for observation in &seen {
        let word = observation.verdict.as_str().replace('_', " ");
        context.out.line(&format!(
            "{} {}: {}",
            Tone::of(&observation.verdict).paint(&word),
            observation.id,
            observation.message
        ));
        if observation.verdict.is_refuted()
            && let Some(spec) = checks::find(&observation.id)
        {
            context
                .out
                .line(&format!("  {}", Tone::Dim.paint(spec.remedy)));
        }
    }
    Ok(verdict.exit_code())
}

fn list(context: &Context, book: &Book, ids: &[String], markdown: bool) -> anyhow::Result<Code> {
    if markdown {
        context.out.line(checks::markdown().trim_end());
        return Ok(exit_code::PROVEN);
    }
    let chosen: Vec<&Invariant> = book
        .iter()
        .filter(|invariant| ids.is_empty() || ids.contains(&invariant.id))
        .collect();
    let live: Vec<&CheckSpec> = CATALOGUE
        .iter()
        .filter(|spec| ids.is_empty() || ids.iter().any(|id| id == spec.id))
        .collect();
    let invariants = chosen.iter().map(|invariant| json!(invariant));
    let all: Vec<_> = invariants
        .chain(live.iter().map(|spec| json!(spec)))
        .collect();
    context.out.json(&all)?;
    for spec in live {
        context
            .out
            .line(&format!("{}: {}", Tone::Strong.paint(spec.id), spec.proves));
        context.out.line(&format!(
            "  live, cost {}; when refuted: {}",
            spec.cost.as_str(),
            spec.remedy
        ));
    }
    for invariant in chosen {
        context.out.line(&format!(
            "{}: {}",
            Tone::Strong.paint(&invariant.id),
            invariant.title
        ));
        let source = match (&invariant.source, &invariant.configured) {
            (Some(source), _) => format!(" ({source})"),
            (None, Some(origin)) => format!(" ({origin})"),
            (None, None) => String::new(),
        };
        context.out.line(&format!("  {}{source}", invariant.why));
        if !ids.is_empty() {
            if let Some(remedy) = &invariant.remedy {
                context.out.line(&format!("  remedy: {remedy}"));
            }
            for line in invariant.sql.trim().lines() {
                context.out.line(&format!("    {line}"));
            }
        }
    }
    Ok(exit_code::PROVEN)
}

/// Every key of a data lake; an incomplete listing is an error.
async fn listed(context: &Context, config: &Config, place: &str) -> anyhow::Result<Inventory> {
    let lake = if place == "s3" {
        Lake::s3(&config.s3()?).await
    } else {
        Lake::local(place)
    };
    let what = lake::Inventory::default();
    let keys: Vec<String> = lake
        .inventory(&what)
        .map_ok(|object| object.key)
        .try_collect()
        .await
        .with_context(|| format!("cannot list {}", lake.describe()))?;
    context
        .out
        .note(&format!("{}: {} objects", lake.describe(), keys.len()));
    Ok(Inventory {
        place: lake.describe(),
        keys,
    })
}

fn folder(config: &Config) -> anyhow::Result<PathBuf> {
    Ok(config.state_directory()?.join("waivers"))
}

/// The project's waivers, as far as the ledger knows them: a file that nobody recorded is no permission.
fn recorded_waivers(context: &Context, config: &Config) -> anyhow::Result<Waivers> {
    let mut waivers = Waivers::load(&folder(config)?)?;
    if waivers.is_empty() {
        return Ok(waivers);
    }
    let records = Context::ledger(config)?.records()?;
    let doubtful = waivers.keep_recorded(|id| {
        let last = records.iter().rev().find(|record| {
            record.entry.subject == WAIVED
                && record.entry.figures.get(INVARIANT) == Some(&json!(id))
        })?;
        last.entry.artefacts.first().map(|file| file.blake3)
    });
    for id in doubtful {
        context.out.note(&format!(
            "the waiver for `{id}` is not the one on record in the ledger and does not count; give it anew with `nba check {id} --waive`"
        ));
    }
    Ok(waivers)
}

async fn waive(
    context: &Context,
    config: &Config,
    book: &Book,
    mut options: RunOptions,
    args: &CheckArgs,
) -> anyhow::Result<Code> {
    let [id] = args.ids.as_slice() else {
        bail!("one waiver is about one invariant");
    };
    let (Some(owner), Some(reason), Some(until), Some(invariant)) =
        (&args.owner, &args.reason, args.until, book.get(id))
    else {
        bail!("a waiver needs --owner, --reason and --until");
    };
    options.listed = MAX_WAIVED;
    let db: Database = context.connect(config, "check").await?;
    let report = invariants::run(&db, book, &options).await;
    let waiver = Waiver::of(&report, invariant, owner, reason, until)?;
    let (path, digest): (PathBuf, Digest) = waiver.write(&folder(config)?)?;
    let entry = Entry::new(WAIVED, Verdict::Proven)
        .figure(INVARIANT, id.as_str())
        .figure("owner", owner.as_str())
        .figure("reason", reason.as_str())
        .figure("expires", json!(until))
        .figure("rows", waiver.rows.len())
        .artefact(path.display().to_string(), digest);
    let entry = match &report.identity {
        Some(identity) => entry.about(identity),
        None => entry,
    };
    context
        .append(config, &entry)
        .context("the waiver is not on record, so it does not count")?;
    context.out.json(&waiver)?;
    context.out.line(&format!(
        "on record until {until}: {} rows that violate `{id}`, by {owner}: {reason}",
        waiver.rows.len()
    ));
    Ok(exit_code::PROVEN)
}
