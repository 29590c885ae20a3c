//! The command line: every flag and command, with the examples `--help` shows.

pub(crate) mod assumptions;
pub(crate) mod backup;
pub(crate) mod baseline;
pub(crate) mod boxscore;
pub(crate) mod compare;
mod etl;
pub(crate) mod fingerprint;
mod lake;
pub(crate) mod load;
pub(crate) mod monitor;
pub(crate) mod phase;
#[cfg(feature = "web")]
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod rollback;
pub(crate) mod setup;
pub(crate) mod shadow;
pub(crate) mod verify;

pub(crate) use etl::{EtlCommand, RunArgs};
pub(crate) use lake::{LakeCommand, Part};

use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

const HELP_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

Look      is everything well, and since when?
  health       compare every table with the baseline
  dashboard    the same, again and again, with the files the legacy dashboard wrote
  check        what must hold between rows, and what must be so of the running server
  serve        the same, again and again, as a web page
  report       a week on one page; the recorded past as a file
  dims         the legacy inventory of metrics, measured without its masks
  alerts       what is in alarm, who looks after it, and whether notices arrive

Prove     is it the same, row by row?
  baseline     capture what is there now, show it, approve what takes its place
  verify       every row of the baseline still there, unchanged; or which is not
  db           fingerprint and compare tables; identity, catalogue, counts, queries; read-only
  ledger       show or verify the chain of recorded evidence

Protect   can we get back?
  preflight    may anything begin? the check list, with evidence
  assumptions  what the plan takes for granted, with evidence, owner and end
  state        what runs here, and whether each job finds its script
  setup        adds the new side beside the old one, and changes nothing
  backup       dumps that count once a restore of them was proven
  restore      the code as it was, at a restore point that holds uncommitted work too
  rollback     back to before: planned, rehearsed, run

Move      what moves next, and may it?
  phase        phases that advance only on evidence
  switch       who does the work: the old script or the port
  etl          legacy scripts: what they are, what they did, run under guard
  shadow       a script and its port on the same documents, compared row by row
  load         documents into tables, natively; resumable, accounted for
  lake         what lies in the data lake, and whether a copy of it is one
  boxscore     exact box scores from play-by-play, at any moment

Learn     how does this work here?
  demo         a replica of the platform: protected, broken on purpose, explained
  testkit      build parts of the replica to keep
  config       every setting, where it came from and what it overrode
  guide        the runbook: phases, gates, and the command for each
  doctor       what this machine has and what it lacks
  completions  a completion script for your shell

Options:
{options}{after-help}";

const EXAMPLES: &str = "\
Examples:
  nba demo                              see it work, nothing to set up
  nba config check                      is it clear which database is meant?
  nba baseline capture                  remember what is there
  nba health --json | jq .overall_status
  nba --project ~/nba-simulator-aws health

Exit codes: 0 proven or healthy, 1 refuted or degraded, 2 could not tell or usage error.";

/// The safe way to move a live NBA data platform to Rust.
#[derive(Debug, Parser)]
#[command(name = "nba", version, long_about = None, help_template = HELP_TEMPLATE, after_help = EXAMPLES, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that mean the same everywhere.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print pure JSON on standard output; everything else goes to standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say only what was asked for.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more; twice for debugging.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// The project (a legacy checkout) to work in; the nearest folder upwards with `nba.toml` otherwise, or else this one.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) project: Option<PathBuf>,
    /// The database to use: a target of `nba.toml`, a variable family (`db`, `rds`, …) or a `postgres://` URL.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Also write log lines, as JSON, to this file (10 MB, five kept).
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) log_file: Option<PathBuf>,
    /// What happens at step boundaries: trace:FILE, kill:N, hold:N.
    #[cfg(feature = "fault-points")]
    #[arg(long, global = true, hide = true, value_name = "FAULT")]
    pub(crate) fault: Option<nba_migration::fault::Fault>,
    /// A step that is wrong on purpose.
    #[cfg(feature = "fault-points")]
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) plant: Option<String>,
}

/// Whether a command line that could not be parsed asks for JSON; what follows `--` belongs to another program.
pub(crate) fn asks_for_json(words: impl IntoIterator<Item = std::ffi::OsString>) -> bool {
    words
        .into_iter()
        .take_while(|word| word != "--")
        .any(|word| word == "--json")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare every table of the target with the baseline.
    #[command(after_help = "\
Examples:
  nba health                            text, exit code 0, 1 or 2
  nba health --json | jq .degraded_checks
  nba health --check games_count        one check, by its own or its legacy name
  nba health --write                    also write refactoring_logs/latest.json")]
    Health(HealthArgs),
    /// Health again and again, writing the files the legacy dashboard wrote.
    #[command(after_help = "\
Examples:
  nba dashboard                         one check, files written
  nba dashboard --continuous --interval 300
  nba dashboard --json | jq .overall_status
  nba dashboard --continuous --json     one line of JSON per check
  nba dashboard --background --interval 300
  nba dashboard --status                0: runs and looks, 1: does not, 2: cannot be told
  nba dashboard --stop

A continuous run stops by itself with exit code 1 when the state is critical; one in the background goes on.")]
    Dashboard(DashboardArgs),
    /// What must hold between rows, whatever their number: one row per game, points that add up, no row without its parent.
    #[command(after_help = "\
Examples:
  nba check                             every invariant, in one snapshot
  nba check twin_games --limit 50       one of them, with more of its rows
  nba check db.free_space               a live check; `--live` asks all of them
  nba check --list                      what is looked for, and why
  nba check --lake ./lake               also those about the data lake
  nba check --json | jq '.invariants[] | select(.verdict == \"refuted\")'
  nba check twin_games --waive --owner 'data team' --reason 'two ESPN ids, ticket 12' --until 2027-01-31

Own invariants go into nba.toml, see `nba config example`. Violations that were put on record stay visible; only others
refute.")]
    Check(CheckArgs),
    /// Watch the target, and show it as a web page.
    #[cfg(feature = "web")]
    #[command(after_help = monitor::SERVE_EXAMPLES)]
    Serve(monitor::ServeArgs),
    /// A week on one page, and the recorded past as a file.
    #[cfg(feature = "web")]
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// The legacy inventory of metrics, measured without its masks.
    #[command(subcommand)]
    Dims(monitor::DimsCommand),
    /// What is in alarm, who looks after it, and whether notices arrive.
    #[command(subcommand)]
    Alerts(monitor::AlertsCommand),
    /// Capture what is there now, show it, approve what takes its place.
    #[command(subcommand)]
    Baseline(baseline::BaselineCommand),
    /// Prove that every row of the baseline is still there, unchanged, or name those that are not.
    #[command(after_help = verify::VERIFY_EXAMPLES)]
    Verify(verify::VerifyArgs),
    /// Fingerprint and compare tables; identity, catalogue, exact counts and queries; read-only.
    #[command(subcommand)]
    Db(DbCommand),
    /// Show or verify the chain of recorded evidence.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// May anything begin? The gates of phase 0, with the evidence in the ledger.
    Preflight,
    /// What the plan takes for granted, each with its evidence, owner and end.
    #[command(subcommand)]
    Assumptions(assumptions::AssumptionsCommand),
    /// What runs here, when, and whether each job finds its script.
    #[command(subcommand)]
    State(setup::StateCommand),
    /// Add the new side beside the old one; nothing that is there is changed.
    #[command(after_help = setup::SETUP_EXAMPLES)]
    Setup(setup::SetupArgs),
    /// Phases that advance only on evidence.
    #[command(subcommand)]
    Phase(phase::PhaseCommand),
    /// Who does the work of a capability: the old script or the port.
    #[command(subcommand)]
    Switch(phase::SwitchCommand),
    /// Backups that count only after a restore of them was proven.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// The code as it was: restore points that hold uncommitted work too.
    #[command(subcommand)]
    Restore(restore::RestoreCommand),
    /// Back to before: planned, rehearsed, run.
    #[command(subcommand)]
    Rollback(rollback::RollbackCommand),
    /// Legacy scripts: what they are, what they did, run under guard.
    #[command(subcommand)]
    Etl(EtlCommand),
    /// A legacy script and its port on the same documents, compared row by row.
    #[command(subcommand)]
    Shadow(shadow::ShadowCommand),
    /// Documents into tables, natively: all or nothing per piece, resumable, accounted for.
    #[command(subcommand)]
    Load(load::LoadCommand),
    /// What lies in the data lake, and whether a copy of it is one.
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Exact box scores from play-by-play, at any moment.
    #[command(subcommand)]
    Boxscore(boxscore::BoxscoreCommand),
    /// A replica of the platform: protected, broken on purpose, explained.
    #[cfg(feature = "demo")]
    #[command(after_help = "\
Examples:
  nba demo                              under a minute, leaves nothing behind
  nba demo --keep                       leaves the replica running and says how to connect
  nba demo --scale 0.002 --seed 42      smaller, other games")]
    Demo(DemoArgs),
    /// Build parts of the replica to keep.
    #[cfg(feature = "demo")]
    #[command(subcommand)]
    Testkit(TestkitCommand),
    /// Every setting, where it came from and what it overrode.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The runbook: phases, gates, and the command for each.
    #[command(after_help = "\
Examples:
  nba guide
  nba guide 0 --json | jq '.[0].gates[].run'")]
    Guide {
        /// Only this phase.
        #[arg(value_name = "PHASE", value_parser = clap::value_parser!(u8).range(0..=5))]
        phase: Option<u8>,
    },
    /// What this machine has and what it lacks.
    Doctor,
    /// A completion script for your shell, on standard output.
    #[command(after_help = "\
Examples:
  nba completions bash > ~/.local/share/bash-completion/completions/nba
  nba completions zsh > ~/.zfunc/_nba")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Baseline to compare with.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) baseline: String,
    /// Report one check only, by its own name (`table:public.games`) or its legacy name (`games_count`).
    #[arg(long, value_name = "ID")]
    pub(crate) check: Option<String>,
    /// Name at most this many rows per difference.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Also write `refactoring_logs/latest.json` and `health_check_<time>.json` in the project.
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Only these invariants, or only these live checks.
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Ask the live checks about server, freshness, volume, work and evidence instead.
    #[arg(long, conflicts_with_all = ["waive", "lake"])]
    pub(crate) live: bool,
    /// The list of live checks as Markdown.
    #[arg(long, requires = "list")]
    pub(crate) markdown: bool,
    /// List them with what they look for, and look at nothing.
    #[arg(long, conflicts_with_all = ["waive", "lake"])]
    pub(crate) list: bool,
    /// Name at most this many violating rows per invariant.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) limit: usize,
    /// Longest statement, in seconds; an invariant that needs longer is not proven.
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// Also hold the database against a data lake: a local folder, or `s3` for the configured bucket.
    #[arg(long, value_name = "DIR|s3", value_hint = ValueHint::DirPath)]
    pub(crate) lake: Option<String>,
    /// Put the present violations of one invariant on record: they refute no longer, but stay visible.
    #[arg(long, requires_all = ["ids", "owner", "reason", "until"])]
    pub(crate) waive: bool,
    /// Who answers for the waiver.
    #[arg(long, requires = "waive", value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// Why these rows may stay as they are.
    #[arg(long, requires = "waive", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Last day it counts, at most a year ahead.
    #[arg(long, requires = "waive", value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<chrono::NaiveDate>,
}

#[derive(Debug, Args)]
pub(crate) struct DashboardArgs {
    /// Check again after each interval until stopped.
    #[arg(long)]
    pub(crate) continuous: bool,
    /// Seconds between the starts of two checks.
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) interval: u64,
    /// Stop after this many checks (with --continuous).
    #[arg(long, value_name = "N", requires = "continuous")]
    pub(crate) ticks: Option<u64>,
    /// The continuous watch as a process of its own: its log, its state and its record lie in `.nba/monitor/`.
    #[arg(long, conflicts_with_all = ["status", "stop"])]
    pub(crate) background: bool,
    /// Whether the watch in the background runs, since when, and how old its last look is.
    #[arg(long, conflicts_with_all = ["continuous", "stop"])]
    pub(crate) status: bool,
    /// End the watch in the background.
    #[arg(long, conflicts_with = "continuous")]
    pub(crate) stop: bool,
    /// The process that `--background` starts.
    #[arg(long, hide = true, requires = "continuous", conflicts_with_all = ["background", "status", "stop"])]
    pub(crate) detached: bool,
    /// In the terminal, with keys; plain text where there is no terminal.
    #[cfg(feature = "tui")]
    #[arg(long, conflicts_with_all = ["json", "ticks", "background", "status", "stop", "detached"])]
    pub(crate) tui: bool,
    /// Baseline to compare with.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) baseline: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Which server and database this is, and the proof that the session cannot write.
    Identity,
    /// Run a query and print its rows, numbers exact.
    #[command(after_help = "\
Examples:
  nba db query 'select count(*) from games'
  nba db query --json 'select * from games order by game_id limit 3'")]
    Query {
        /// The SQL text; reads only.
        sql: String,
        /// Print at most this many rows.
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
    },
    /// Exact row counts of all tables, in one snapshot.
    #[command(after_help = "\
Examples:
  nba db counts
  nba db counts box_score               tables with that in their name")]
    Counts {
        /// Only tables whose schema-qualified name contains this text.
        filter: Option<String>,
    },
    /// Every schema, table, view, column, key, index and sequence.
    #[command(after_help = "\
Examples:
  nba db catalog                        one line per table and view
  nba db catalog public.games           with columns, keys and indexes")]
    Catalog {
        /// Only relations whose schema-qualified name contains this text; with their columns and keys.
        filter: Option<String>,
    },
    /// Digests of the rows, columns and definitions of tables, to keep and to compare later.
    #[command(after_help = fingerprint::FINGERPRINT_EXAMPLES)]
    Fingerprint(fingerprint::FingerprintArgs),
    /// Compare two tables or queries row by row, on one server or on two.
    #[command(after_help = compare::COMPARE_EXAMPLES)]
    Compare(Box<compare::CompareArgs>),
    /// Where tables differ: by column and kind of change, season, month and range of the key.
    #[command(after_help = compare::EXPLAIN_EXAMPLES)]
    Explain(Box<compare::ExplainArgs>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Print the last records.
    #[command(after_help = "\
Example:
  nba ledger show --limit 5 --json")]
    Show {
        /// How many.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Check the whole chain: no record edited, lost, doubled or moved.
    #[command(after_help = "\
Examples:
  nba ledger verify
  nba ledger verify --signed-by 3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")]
    Verify {
        /// Also check the newest signature by this public key.
        #[arg(long, value_name = "HEX")]
        signed_by: Option<String>,
    },
    /// Sign everything so far with an Ed25519 key.
    #[command(after_help = "\
Examples:
  nba ledger sign --new-key ~/nba-ledger.key      makes the key, signs, prints the public part
  nba ledger sign --key ~/nba-ledger.key

Keep the public part where nobody who writes the ledger can change it.")]
    Sign {
        /// The private key.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "new_key")]
        key: Option<PathBuf>,
        /// Make a private key in this new file.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "key")]
        new_key: Option<PathBuf>,
    },
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Size of the replica; 1.0 has the row counts of production.
    #[arg(long, default_value = "0.01", value_name = "FACTOR", value_parser = scale)]
    pub(crate) scale: nba_testkit::plan::Scale,
    /// Seed of the generated games.
    #[arg(long, default_value_t = 1946, value_name = "N")]
    pub(crate) seed: u64,
    /// Leave the replica running and say how to connect.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Folder of PostgreSQL binaries (initdb, postgres, pg_ctl).
    #[arg(long, env = "NBA_PG_BIN", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) pg_bin: Option<PathBuf>,
}

#[cfg(feature = "demo")]
#[derive(Debug, Subcommand)]
pub(crate) enum TestkitCommand {
    /// Build the production-shaped database.
    #[command(after_help = "\
Examples:
  nba testkit build --data-dir ./replica            a private server with the data in ./replica
  nba testkit build --data-dir ./replica --scale 1.0
  nba --target postgres://me@host/empty_db testkit build --into-target")]
    Build {
        /// Size; 1.0 has the row counts of production.
        #[arg(long, default_value = "0.01", value_name = "FACTOR", value_parser = scale)]
        scale: nba_testkit::plan::Scale,
        /// Seed of the generated games.
        #[arg(long, default_value_t = 1946, value_name = "N")]
        seed: u64,
        /// Also fill temporal_events (14,114,617 rows at scale 1.0).
        #[arg(long)]
        with_temporal: bool,
        /// Folder for a private server's data; created when missing, its server is started and left running.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present = "into_target", conflicts_with = "into_target")]
        data_dir: Option<PathBuf>,
        /// Build into the (empty) database of --target instead.
        #[arg(long, requires = "target")]
        into_target: bool,
        /// Folder of PostgreSQL binaries (initdb, postgres, pg_ctl).
        #[arg(long, env = "NBA_PG_BIN", value_name = "DIR", value_hint = ValueHint::DirPath)]
        pg_bin: Option<PathBuf>,
    },
    /// Stop the private server of a data folder.
    #[command(after_help = "\
Example:
  nba testkit stop --data-dir ./replica")]
    Stop {
        /// The folder given to `build`.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        data_dir: PathBuf,
    },
    /// Write a data lake folder: three ESPN document shapes, hoopR CSV and parquet.
    #[command(after_help = "\
Example:
  nba testkit lake ./lake && nba lake inventory --path ./lake")]
    Lake {
        /// Folder to create.
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Size; 1.0 has the games of production.
        #[arg(long, default_value = "0.001", value_name = "FACTOR", value_parser = scale)]
        scale: nba_testkit::plan::Scale,
        /// Seed of the generated games.
        #[arg(long, default_value_t = 1946, value_name = "N")]
        seed: u64,
        /// A third of the games in each of the three document shapes; otherwise nearly all are pages, as in production.
        #[arg(long)]
        all_shapes: bool,
    },
    /// Write a legacy checkout: a git repository `nba-simulator-aws` and a `home` with the credentials file.
    #[command(after_help = "\
Example:
  nba testkit checkout ./legacy --data-dir ./replica")]
    Checkout {
        /// Folder to create.
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// Point its credentials at the private server of this data folder (see `build`).
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        data_dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each value with where it came from and what it overrode; secrets masked.
    #[command(after_help = "\
Examples:
  nba config show
  nba config show s3
  RDS_HOST=other nba config show family.rds")]
    Show {
        /// Only keys that start with this, such as `database`.
        prefix: Option<String>,
    },
    /// Name conflicts, misspelt names, incomplete families and unreadable files.
    Check,
    /// Print the reference of all keys and variables as Markdown.
    Reference,
    /// Print a commented `nba.toml` to start from.
    Example,
}

/// A scale the replica can be built at.
#[cfg(feature = "demo")]
fn scale(text: &str) -> Result<nba_testkit::plan::Scale, String> {
    let share = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    nba_testkit::plan::Scale::new(share).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_in_the_overview() {
        let help = Cli::command().render_help().to_string();
        for command in Cli::command().get_subcommands() {
            let line = format!("\n  {} ", command.get_name());
            assert!(
                help.contains(&line),
                "`{}` is missing from `nba --help`",
                command.get_name()
            );
        }
    }
}
