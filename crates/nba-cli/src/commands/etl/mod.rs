//! `nba etl`.

mod history;
mod list;
mod permit;
mod probe;
mod run;

use super::Code;
use crate::cli::EtlCommand;
use crate::context::Context;
use nba_config::Config;
use nba_etl::history::History;

/// Name of the file that remembers the runs, in the state folder.
pub(super) const HISTORY_FILE: &str = "history.db";

pub(crate) async fn run(context: &Context, command: &EtlCommand) -> anyhow::Result<Code> {
    match command {
        EtlCommand::List { all, missing } => list::list(context, *all, *missing),
        EtlCommand::Inspect { script } => list::inspect(context, script),
        EtlCommand::Probe { scripts } => Box::pin(probe::run(context, scripts)).await,
        EtlCommand::Run(args) => Box::pin(run::run(context, args)).await,
        EtlCommand::History {
            job,
            limit,
            fresh_within,
        } => history::show(context, job.as_deref(), *limit, *fresh_within).await,
        EtlCommand::Logs { run } => history::logs(context, run.as_deref()).await,
    }
}

async fn open_history(config: &Config) -> anyhow::Result<History> {
    let path = config.state_directory()?.join(HISTORY_FILE);
    Ok(History::open(&path).await?)
}
