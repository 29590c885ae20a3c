//! One module per command: parse, call the library, render what it returned.

mod alerts;
mod assumptions;
mod background;
mod backup;
mod backup_lake;
mod baseline;
mod boxscore;
mod check;
mod cleanup;
mod compare;
mod config;
mod db;
#[cfg(feature = "demo")]
mod demo;
mod dims;
mod doctor;
mod etl;
#[cfg(any(feature = "web", feature = "tui"))]
mod evidence;
mod fingerprint;
mod guide;
mod health;
mod lake;
mod ledger;
mod load;
mod phase;
mod phase_report;
#[cfg(feature = "web")]
mod report;
mod restore;
mod rollback;
#[cfg(feature = "web")]
mod serve;
mod setup;
mod shadow;
mod state;
mod switch;
#[cfg(feature = "demo")]
mod testkit;
#[cfg(feature = "tui")]
mod tui;
mod verify;
mod watch;

use crate::cli::{Cli, Command};
use crate::context::Context;
use clap::CommandFactory as _;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Longest wait for blocking work when a command was interrupted: the longest grace of a script, and its end by force.
const LONGEST_END: std::time::Duration = std::time::Duration::from_secs(40);

/// Exit code of a command: 0 proven, 1 refuted, 2 could not tell.
pub(crate) type Code = u8;

/// Runs the command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Code> {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Config(command) => config::run(&context, &command),
        Command::Guide { phase } => guide::run(&context, phase),
        Command::Doctor => doctor::run(&context),
        Command::Ledger(command) => ledger::run(&context, &command),
        Command::Health(args) => block_on(health::run(&context, &args)),
        Command::Dashboard(args) => block_on(health::dashboard(&context, &args)),
        Command::Check(args) => block_on(check::run(&context, &args)),
        #[cfg(feature = "web")]
        Command::Serve(args) => block_on(serve::run(&context, &args)),
        #[cfg(feature = "web")]
        Command::Report(command) => block_on(report::run(&context, &command)),
        Command::Dims(command) => block_on(dims::run(&context, &command)),
        Command::Alerts(command) => block_on(alerts::run(&context, &command)),
        Command::Baseline(command) => block_on(baseline::run(&context, &command)),
        Command::Verify(args) => block_on(verify::run(&context, &args)),
        Command::Db(command) => block_on(db::run(&context, &command)),
        Command::Preflight => phase::preflight(&context),
        Command::Assumptions(command) => assumptions::run(&context, &command),
        Command::State(command) => block_on(state::run(&context, &command)),
        Command::Setup(args) => setup::run(&context, &args),
        Command::Phase(command) => phase::run(&context, &command),
        Command::Switch(command) => switch::run(&context, &command),
        Command::Backup(command) => block_on(backup::run(&context, &command)),
        Command::Restore(command) => restore::run(&context, &command),
        Command::Rollback(command) => block_on(rollback::run(&context, &command)),
        Command::Etl(command) => block_on(etl::run(&context, &command)),
        Command::Shadow(command) => block_on(shadow::run(&context, &command)),
        Command::Load(command) => block_on(load::run(&context, &command)),
        Command::Lake(command) => block_on(lake::run(&context, &command)),
        Command::Boxscore(command) => boxscore::run(&context, &command),
        #[cfg(feature = "demo")]
        Command::Demo(args) => block_on(demo::run(&context, &args)),
        #[cfg(feature = "demo")]
        Command::Testkit(command) => block_on(testkit::run(&context, &command)),
        Command::Completions { shell } => completions(&context, shell),
    }
}

fn completions(context: &Context, shell: clap_complete::Shell) -> anyhow::Result<Code> {
    // Not straight to standard output: the generator panics when its reader has gone.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "nba", &mut script);
    let script = String::from_utf8(script)?;
    context.out.json(&script)?;
    context.out.line(script.trim_end());
    Ok(nba_utils::exit_code::PROVEN)
}

/// Runs a command on an async runtime, which only commands that talk to something need.
fn block_on(future: impl Future<Output = anyhow::Result<Code>>) -> anyhow::Result<Code> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // Not SIGHUP: taking it would undo `nohup`.
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            outcome = future => outcome,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted before it was finished")),
            _ = terminated.recv() => Err(anyhow::anyhow!("told to stop before it was finished")),
        }
    });
    // Connection tasks end with the process; blocking work (a stopping server, a script in its grace) is waited for.
    runtime.shutdown_timeout(LONGEST_END);
    outcome
}
