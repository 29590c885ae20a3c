//! `nba serve`, `nba alerts`, `nba dims`.

use clap::Subcommand;

#[cfg(feature = "web")]
pub(crate) const SERVE_EXAMPLES: &str = "\
Examples:
  nba serve                             watch, and show it on http://127.0.0.1:8321
  nba serve --interval 60 --health-every 60
  nba serve --read-only                 show what a running `nba dashboard` writes
  nba serve --listen 0.0.0.0:8321 --token-file /etc/nba/token
  nba serve --listen 0.0.0.0:8321 --proxy-header X-Forwarded-User --proxy-secret-file /etc/nba/proxy

Other addresses than this machine's need a token (the password of any user in a browser, or a bearer token for programs), or a proxy
that has people log in, names them in a header, and sends a secret in `X-Nba-Proxy-Secret`.
`/metrics` is for Prometheus, `/healthz` for supervisors, `/api/openapi.json` describes the rest.";

/// Watch the target, and show it as a web page.
#[cfg(feature = "web")]
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:8321", value_name = "ADDRESS:PORT")]
    pub(crate) listen: std::net::SocketAddr,
    /// File with the token that others need; at least 16 characters.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) token_file: Option<std::path::PathBuf>,
    /// Header in which a proxy that has people log in names the user, such as X-Forwarded-User.
    #[arg(long, value_name = "NAME", requires = "proxy_secret_file")]
    pub(crate) proxy_header: Option<String>,
    /// File with the secret that the proxy sends in `X-Nba-Proxy-Secret`; at least 16 characters.
    #[arg(long, value_name = "FILE", requires = "proxy_header", value_hint = clap::ValueHint::FilePath)]
    pub(crate) proxy_secret_file: Option<std::path::PathBuf>,
    /// Only this user of the proxy; may be repeated. All that it lets in when left out.
    #[arg(long, value_name = "NAME", requires = "proxy_header")]
    pub(crate) proxy_user: Vec<String>,
    /// Only from this address of the proxy; may be repeated.
    #[arg(long, value_name = "ADDRESS", requires = "proxy_header")]
    pub(crate) proxy_peer: Vec<std::net::IpAddr>,
    /// Look at nothing, only show what another process of this project writes.
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Seconds between the starts of two looks.
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) interval: u64,
    /// Compare with the baseline at each Nth look; 0 for never. It costs more than the live checks.
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub(crate) health_every: u64,
    /// Baseline to compare with; without one only the live checks are made.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) baseline: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// What is in alarm, since when, who looks after it, and what could not be delivered.
    List,
    /// Say that somebody looks after an alarm: no more reminders, no escalation.
    #[command(after_help = "\
Example:
  nba alerts ack db.free_space --by 'data team' --note 'disk is being enlarged'")]
    Ack {
        /// The check.
        #[arg(value_name = "ID")]
        check: String,
        /// Who.
        #[arg(long, value_name = "NAME")]
        by: String,
        /// What is being done.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Raise nothing for a while: trouble is expected.
    #[command(after_help = "\
Examples:
  nba alerts maintenance --minutes 120 --owner 'data team' --reason 'load of 2025-26'
  nba alerts maintenance 'volume.*' 'health.*' --minutes 30 --owner me --reason vacuum
  nba alerts maintenance --end 1764230400")]
    Maintenance {
        /// Checks, or beginnings of ids with `*` at the end; all when none is given.
        #[arg(value_name = "ID")]
        checks: Vec<String>,
        /// How long.
        #[arg(long, value_name = "N", required_unless_present = "end", value_parser = clap::value_parser!(u32).range(1..=10_080))]
        minutes: Option<u32>,
        /// Why.
        #[arg(long, value_name = "TEXT", required_unless_present = "end")]
        reason: Option<String>,
        /// Who answers for it.
        #[arg(long, value_name = "NAME", required_unless_present = "end")]
        owner: Option<String>,
        /// End this window early.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["minutes", "reason", "owner", "checks"])]
        end: Option<u64>,
    },
    /// Send a test through every channel, and say which arrived.
    Test,
    /// What happened: alarms raised and cleared, times without a watch.
    #[command(after_help = "\
Example:
  nba alerts events --limit 5 --json")]
    Events {
        /// How many.
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Start the watch anew: another database is meant, or losses are accepted. Asks for `--yes`.
    #[command(after_help = "\
Example:
  nba alerts forget --yes")]
    Forget {
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DimsCommand {
    /// Measure metrics and hold them against the documented values; nothing is written back.
    #[command(after_help = "\
Examples:
  nba dims verify
  nba dims verify code_base             one category
  nba dims verify s3_storage.total_objects --json

A command that fails, prints nothing or says `unavailable` is an error: exit code 2, and no value.")]
    Verify {
        /// Metrics (`category.name`) or categories; all when none is given.
        #[arg(value_name = "METRIC")]
        metrics: Vec<String>,
        /// The metrics of this event hook instead.
        #[arg(long, value_name = "NAME", conflicts_with = "metrics")]
        hook: Option<String>,
        /// Who measures; somebody else has to approve. The name of the account otherwise.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Expect measured values of the last run in place of the documented ones, as somebody who did not measure them.
    #[command(after_help = "\
Examples:
  nba dims approve                      what waits, with the value before and after
  nba dims approve code_base.python_files --by ann --reason 'scrapers were moved'

It is a record of the ledger, and counts from the next run on; the inventory is not written.
When the inventory says something else later, the approval is void.")]
    Approve {
        /// Metrics; without one, what waits is shown.
        #[arg(value_name = "METRIC", requires_all = ["by", "reason"])]
        metrics: Vec<String>,
        /// Who approves.
        #[arg(long, value_name = "NAME", requires = "metrics", value_parser = super::baseline::said)]
        by: Option<String>,
        /// Why the new value is right.
        #[arg(long, value_name = "TEXT", requires = "metrics", value_parser = super::baseline::said)]
        reason: Option<String>,
    },
    /// The inventory's event hooks, and whether they can do what they are for; with --log what the legacy program recorded.
    #[command(after_help = "\
Examples:
  nba dims events
  nba dims events --log 5 --json        the newest rows of dims_event_log
  nba dims verify --hook scraper_complete")]
    Events {
        /// Also show this many of the newest recorded events.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        log: Option<u32>,
    },
    /// Run the legacy program and this one on the same metrics, and say whether they agree.
    #[command(after_help = "\
Example:
  nba dims compare code_base git.commits

The legacy program is asked to verify one metric at a time, under guard; it writes nothing then.")]
    Compare {
        /// Metrics (`category.name`) or categories; all when none is given.
        #[arg(value_name = "METRIC")]
        metrics: Vec<String>,
    },
    /// The values the legacy program stored in the database, newest first.
    #[command(after_help = "\
Example:
  nba dims history s3_storage.total_objects --limit 5")]
    History {
        /// The metric, as `category.name`.
        #[arg(value_name = "METRIC")]
        metric: String,
        /// How many.
        #[arg(long, default_value_t = 30, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}
