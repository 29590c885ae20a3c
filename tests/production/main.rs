//! The production suite: read-only checks of whatever database is configured, one after the other.
//!
//! It is configured as everything is (`nba config show`): by `nba.toml` in the repository's folder, by the legacy
//! variables, or by `NBA_DATABASE__URL`. Without a database its checks count as skipped, and
//! `target_is_configured` says why; with a configuration that contradicts itself that one fails.
//!
//! ```text
//! cargo production                  # or ./scripts/test production
//! cargo production games_count      # one check by its name
//! ```
//!
//! `tests/e2e/integrity.rs` plants the defect each check is for.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use nba_config::{Config, ConfigError, DatabaseTarget, Inputs};
use nba_db::Database;
use nba_tests::integrity::{CHECKS, Check};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Gentle: the database has other work to do.
    arguments.test_threads = Some(1);
    let target = Inputs::from_process()
        .and_then(Config::load)
        .and_then(|config| config.database());
    let (target, found) = match target {
        Ok(target) => {
            let found = format!("asking {}", target.to_url_masked());
            (Some(target), Ok(found))
        }
        Err(error @ ConfigError::NoTarget { .. }) => {
            let reason = format!("SKIPPED {} checks: {}", CHECKS.len(), explained(&error));
            (None, Ok(reason))
        }
        Err(error) => (None, Err(Failed::from(explained(&error)))),
    };
    let mut trials = vec![Trial::test("target_is_configured", move || {
        found.map(|text| println!("{text}"))
    })];
    trials.extend(CHECKS.iter().map(|check| {
        let ignored = target.is_none();
        let target = target.clone();
        Trial::test(check.name, move || run(check, target)).with_ignored_flag(ignored)
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(check: &Check, target: Option<DatabaseTarget>) -> Result<(), Failed> {
    let target = target.ok_or("no database is configured")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let found = runtime.block_on(async {
        let db = Database::connect(&target)
            .await
            .map_err(|error| nba_tests::integrity::told(&error))?;
        let found = check.run(&db).await;
        db.close().await;
        found
    })?;
    println!("{found}");
    Ok(())
}

fn explained(error: &ConfigError) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}"));
    format!("{error}{}", hint.unwrap_or_default())
}
