//! `nba verify`.

use super::Code;
use super::compare::painted;
use crate::cli::verify::VerifyArgs;
use crate::context::{Context, baseline_name};
use anyhow::{Context as _, bail};
use nba_db::gentle::Gentleness;
use nba_db::ident::TableName;
use nba_migration::ledger::Entry;
use nba_monitoring::baseline::Baseline;
use nba_monitoring::verify::{ProofBook, Quick, VerifyOptions, VerifyReport, render_text, verify};

pub(crate) async fn run(context: &Context, args: &VerifyArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let name = baseline_name(&args.baseline)?;
    let baseline = Baseline::load(&Context::baselines(&config)?, &name)?;
    let mut options = VerifyOptions::default();
    options.tables = args
        .tables
        .iter()
        .map(|name| TableName::parse(name))
        .collect();
    if let Some(unknown) = options
        .tables
        .iter()
        .find(|name| !baseline.tables.contains_key(name))
    {
        bail!("the baseline `{name}` knows no table `{unknown}`");
    }
    options.listed_rows = args.limit;
    options.gentleness = Some(Gentleness {
        budget: args.budget,
        ..Gentleness::default()
    });
    options.approved = Context::ledger(&config)?.approval(&baseline);
    options.book = Some(ProofBook::path(&config.state_directory()?, name.as_str()));
    options.quick = args.quick.then_some(Quick {
        scrub_within: args.scrub_within,
    });
    // Not being configured is a usage error; not being reachable is a finding.
    config.database()?;
    let report = match context.connect(&config, "verify").await {
        Ok(db) => verify(&db, &baseline, &options).await,
        Err(error) => VerifyReport::unreachable(&baseline, &options, &format!("{error:#}")),
    };
    context.out.json(&report)?;
    context
        .out
        .line(&painted(&report.verdict, &render_text(&report)));
    context
        .append(&config, &Entry::verify(&report))
        .context("the verdict above is not on record")?;
    Ok(report.exit_code())
}
