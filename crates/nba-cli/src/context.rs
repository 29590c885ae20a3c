//! What every command shares: flags, project, configuration, run id, output.

use crate::cli::Global;
use crate::render::Out;
use anyhow::{Context as _, bail};
use nba_config::{Config, ExposeSecret as _, Inputs};
use nba_db::{ConnectOptions, Database};
use nba_migration::ledger::{Entry, Ledger};
use nba_monitoring::baseline::BaselineName;
use std::path::PathBuf;

/// Flags, output and the identity of this run.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) out: Out,
    /// Names this run in `application_name`, the ledger and log lines.
    pub(crate) run_id: String,
    /// Keeps the log file open and its secrets masked.
    pub(crate) logging: nba_utils::logging::LogGuard,
}

impl Context {
    pub(crate) fn new(global: Global) -> anyhow::Result<Self> {
        #[cfg(feature = "fault-points")]
        if let Some(fault) = &global.fault {
            nba_migration::fault::arm(fault.clone());
        }
        #[cfg(feature = "fault-points")]
        if let Some(name) = &global.plant {
            nba_migration::fault::plant(name);
        }
        let out = Out {
            json: global.json,
            quiet: global.quiet,
        };
        let run_id = uuid::Uuid::now_v7().simple().to_string();
        let logging =
            nba_utils::logging::init(&log_options(&global)).context("cannot set up logging")?;
        Ok(Self {
            global,
            out,
            run_id,
            logging,
        })
    }

    /// The configuration, layers and flags included.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let config = Config::load(self.inputs()?)?;
        self.hide_secrets(&config);
        Ok(config)
    }

    /// Keeps what a configuration knows out of every log line.
    pub(crate) fn hide_secrets(&self, config: &Config) {
        let redactor = self.logging.redactor();
        for secret in config.secrets() {
            redactor.register(secret.expose_secret());
        }
    }

    /// The outside world as configuration sees it.
    pub(crate) fn inputs(&self) -> anyhow::Result<Inputs> {
        self.inputs_with(self.global.target.as_deref())
    }

    /// The configuration with another target chosen than that of `--target`.
    pub(crate) fn config_of(&self, target: &str) -> anyhow::Result<Config> {
        let config = Config::load(self.inputs_with(Some(target))?)?;
        self.hide_secrets(&config);
        Ok(config)
    }

    fn inputs_with(&self, target: Option<&str>) -> anyhow::Result<Inputs> {
        let mut inputs = Inputs::from_process()?;
        if let Some(project) = &self.global.project {
            if !project.is_dir() {
                bail!("`{}` is no folder", project.display());
            }
            inputs = inputs.with_project(std::path::absolute(project)?);
        }
        if let Some(target) = target {
            if target.contains("://") {
                let parsed = nba_config::DatabaseTarget::from_url(target)?;
                if parsed.password.is_some() {
                    bail!(
                        "a password on the command line can be read by every user of this machine: put the URL into DATABASE_URL"
                    );
                }
                inputs.flags.database_url = Some(target.to_owned().into());
            } else {
                inputs.flags.target = Some(target.to_owned());
            }
        }
        Ok(inputs)
    }

    /// A guarded, read-only connection to the configured target.
    pub(crate) async fn connect(&self, config: &Config, command: &str) -> anyhow::Result<Database> {
        let target = config.database()?;
        let options = ConnectOptions::from(&target).application(command, &self.run_id);
        Ok(Database::connect(options).await?)
    }

    /// The same to the target called `target`, or to the one of `--target` without a name.
    pub(crate) async fn database_of(
        &self,
        target: Option<&str>,
        command: &str,
    ) -> anyhow::Result<Database> {
        let config = Config::load(self.inputs_with(target.or(self.global.target.as_deref()))?)?;
        self.hide_secrets(&config);
        self.connect(&config, command).await
    }

    /// The project's evidence.
    pub(crate) fn ledger(config: &Config) -> anyhow::Result<Ledger> {
        Ok(Ledger::in_folder(config.state_directory()?))
    }

    /// Adds a piece of evidence to the project's ledger.
    pub(crate) fn append(&self, config: &Config, entry: &Entry) -> anyhow::Result<()> {
        let receipt = Self::ledger(config)?.append(entry)?;
        if let Some(recovery) = receipt.recovery {
            self.out.note(&format!(
                "the ledger's unfinished last line was moved to `{}`",
                recovery.moved_to
            ));
        }
        Ok(())
    }

    /// Where programs are looked for.
    #[cfg(feature = "demo")]
    pub(crate) fn search_path(&self) -> anyhow::Result<String> {
        Ok(self
            .inputs()?
            .environment
            .get("PATH")
            .cloned()
            .unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()))
    }

    /// Folder of the project's baselines.
    pub(crate) fn baselines(config: &Config) -> anyhow::Result<PathBuf> {
        Ok(config.state_directory()?.join("baselines"))
    }
}

/// A baseline's name as the user typed it.
pub(crate) fn baseline_name(text: &str) -> anyhow::Result<BaselineName> {
    Ok(BaselineName::new(text)?)
}

fn log_options(global: &Global) -> nba_utils::logging::LogOptions {
    use nba_utils::logging::{ConsoleLog, FileLog, LogFormat, LogOptions};
    let filter = match global.verbose {
        0 if global.quiet => "error",
        0 => "warn",
        1 => {
            "warn,nba=info,nba_db=info,nba_etl=info,nba_monitoring=info,nba_migration=info,nba_testkit=info"
        }
        _ => {
            "info,nba=debug,nba_db=debug,nba_etl=debug,nba_monitoring=debug,nba_migration=debug,nba_testkit=debug"
        }
    };
    LogOptions {
        console: Some(ConsoleLog {
            filter: filter.to_owned(),
            ..ConsoleLog::default()
        }),
        file: global.log_file.as_ref().map(|path| FileLog {
            format: LogFormat::Json,
            ..FileLog::at(path)
        }),
        ..LogOptions::default()
    }
}
