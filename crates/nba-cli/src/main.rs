//! The `nba` program: parses the command line, calls the libraries, renders what they return and exits with
//! 0 (proven, healthy), 1 (refuted, degraded) or 2 (could not tell, or usage error).

mod cli;
mod commands;
mod context;
#[cfg(feature = "demo")]
mod progress;
mod render;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // The line could not be understood, so its `--json` has to be looked for.
        Err(error) if error.use_stderr() && cli::asks_for_json(std::env::args_os()) => {
            render::usage_error(&error);
            return ExitCode::from(nba_utils::exit_code::COULD_NOT_TELL);
        }
        Err(error) => error.exit(),
    };
    let json = cli.global.json;
    match commands::run(cli).and_then(|code| render::delivered().map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            render::error(&error, json);
            ExitCode::from(nba_utils::exit_code::COULD_NOT_TELL)
        }
    }
}
