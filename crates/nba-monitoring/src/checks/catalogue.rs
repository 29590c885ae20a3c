//! Every live check: what it proves, what it costs, what to do.

use std::fmt::Write as _;

use serde::Serialize;

use crate::rules::Criticality::{self, Critical, Warning};

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// The server and its sessions.
    Server,
    /// Whether data is still coming.
    Freshness,
    /// How many rows there are.
    Volume,
    /// Whether jobs do anything.
    Work,
    /// The objects of the data lake.
    Lake,
    /// Ledger, backups, baselines.
    Evidence,
    /// The monitor itself.
    Monitor,
}

impl Group {
    /// The heading people see.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Freshness => "Freshness",
            Self::Volume => "Volume",
            Self::Work => "Work",
            Self::Lake => "Lake",
            Self::Evidence => "Evidence",
            Self::Monitor => "Monitor",
        }
    }
}

/// What a check costs the monitored server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Nothing: files of the project only.
    None,
    /// System catalogues and statistics views; no page of a table is read.
    Catalogue,
    /// Index look-ups in tables, some thousand at most, and none while nobody writes to them.
    Index,
    /// Tables are read.
    Tables,
    /// Listings of the lake, a thousand objects per request; nothing of the database.
    Lake,
}

impl Cost {
    /// The word in JSON and text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Catalogue => "catalogue",
            Self::Index => "index",
            Self::Tables => "tables",
            Self::Lake => "lake",
        }
    }

    /// Whether tables are asked, which the budget may put off.
    #[must_use]
    pub fn reads_tables(self) -> bool {
        matches!(self, Self::Index | Self::Tables)
    }

    /// Whether the database is asked.
    #[must_use]
    pub fn asks_database(self) -> bool {
        matches!(self, Self::Catalogue | Self::Index | Self::Tables)
    }
}

/// One check of the catalogue.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct CheckSpec {
    /// Stable id; never used for anything else.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// How much a refutation weighs.
    pub severity: Criticality,
    /// What it costs the server.
    pub cost: Cost,
    /// What is so when it is proven.
    pub proves: &'static str,
    /// What to do when it is not.
    pub remedy: &'static str,
    /// What the charted value is, with its unit; empty without a value.
    pub value: &'static str,
    /// The failure of the legacy platform it would have caught, where there is one.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source: &'static str,
}

/// All of them, by group.
pub const CATALOGUE: &[CheckSpec] = &[
    CheckSpec {
        id: "db.connection",
        group: Group::Server,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "the database answers a query",
        remedy: "look at the error: host, port, password, TLS and the server's state, in this order; `nba config check` says what is configured and from where",
        value: "ms until the answer",
        source: "",
    },
    CheckSpec {
        id: "db.identity",
        group: Group::Server,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "it is the same database as at the first tick, by system identifier and database number",
        remedy: "find out which database the configuration names now; when the move was intended, start a new watch with `nba alerts forget`",
        value: "",
        source: "monitoring dossier 4.2, F01",
    },
    CheckSpec {
        id: "db.read_only",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "a write through the monitor's own sessions is refused",
        remedy: "give the monitor a role that may only read",
        value: "",
        source: "monitoring dossier 7.1 rule 3",
    },
    CheckSpec {
        id: "db.replication_lag",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "every standby and receiver has what was written, but for the permitted lag",
        remedy: "look at the standby: is it running, reachable, short of disk?",
        value: "bytes behind",
        source: "",
    },
    CheckSpec {
        id: "db.replication_slots",
        group: Group::Server,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "no abandoned replication slot keeps write-ahead log until the disk is full",
        remedy: "reconnect the consumer of the slot, or drop the slot when it is no longer needed",
        value: "bytes kept by the worst slot",
        source: "monitoring dossier 4.2, F28",
    },
    CheckSpec {
        id: "db.free_space",
        group: Group::Server,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "the disk has the wanted free space left, and at the present growth for another week",
        remedy: "make the disk larger before anything is loaded; `disk_gb` in `.nba/monitoring.toml` says how large the disk of a remote server is",
        value: "bytes free",
        source: "monitoring dossier 4.2, F28",
    },
    CheckSpec {
        id: "db.long_transactions",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "no transaction has been open longer than permitted",
        remedy: "ask its owner (the message names process id, role and program) whether it is still wanted",
        value: "seconds, the oldest",
        source: "",
    },
    CheckSpec {
        id: "db.idle_in_transaction",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "no session sits idle inside a transaction longer than permitted",
        remedy: "mend the program that does not end its transactions; `idle_in_transaction_session_timeout` ends them for it",
        value: "seconds, the longest",
        source: "monitoring dossier 7.1 rule 25",
    },
    CheckSpec {
        id: "db.lock_waits",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "no session waits for a lock longer than permitted",
        remedy: "the message names who waits and who holds the lock",
        value: "seconds, the longest",
        source: "",
    },
    CheckSpec {
        id: "db.connections",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "there is head-room for new connections",
        remedy: "find the program that opens them (`select application_name, count(*) from pg_stat_activity group by 1`)",
        value: "per cent of the permitted connections in use",
        source: "",
    },
    CheckSpec {
        id: "db.autovacuum",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "autovacuum is on and keeps up with every table",
        remedy: "switch it on, or vacuum the named tables in a quiet hour; a long transaction can be the reason, too",
        value: "dead rows in tables that are late",
        source: "",
    },
    CheckSpec {
        id: "db.transaction_ids",
        group: Group::Server,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "the oldest unfrozen transaction id is far from the point where the server stops accepting writes",
        remedy: "find what keeps autovacuum from freezing: long transactions, prepared transactions, replication slots",
        value: "age in transactions",
        source: "",
    },
    CheckSpec {
        id: "db.invalid_indexes",
        group: Group::Server,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "every index can be used",
        remedy: "`reindex index concurrently` it, or drop it: it costs every write and helps no read",
        value: "invalid indexes",
        source: "",
    },
    CheckSpec {
        id: "db.sequences",
        group: Group::Server,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "no sequence is near its end, nor near the end of the column it fills",
        remedy: "make the column `bigint` while there is time",
        value: "per cent used, the worst",
        source: "",
    },
    CheckSpec {
        id: "freshness.games",
        group: Group::Freshness,
        severity: Critical,
        cost: Cost::Index,
        proves: "`games` has a game of the last days whenever the calendar of the NBA says that games are played",
        remedy: "look at the scraper of the schedule: did it run, and did it write anything?",
        value: "days since the newest game",
        source: "monitoring dossier 4.2, F16",
    },
    CheckSpec {
        id: "freshness.sources",
        group: Group::Freshness,
        severity: Critical,
        cost: Cost::Index,
        proves: "each source has rows for every stretch of days on which `games` knows games: no stale end, no hole in the middle",
        remedy: "load the named days; a hole that is known and wanted goes into `[[sources.known_holes]]` with its reason",
        value: "game days without rows, the longest run",
        source: "monitoring dossier 4.2, F30",
    },
    CheckSpec {
        id: "volume.tables",
        group: Group::Volume,
        severity: Critical,
        cost: Cost::Catalogue,
        proves: "no table lost a notable share of its rows since it was last seen larger, nor grew by more than is usual in a day",
        remedy: "`nba health` says exactly which rows are gone; `nba rollback plan` says what can be brought back",
        value: "tables out of bounds",
        source: "monitoring dossier 4.2, F04 and F09",
    },
    CheckSpec {
        id: "work.heartbeats",
        group: Group::Work,
        severity: Critical,
        cost: Cost::Index,
        proves: "each configured job has done something lately: its figure grew, or its newest time stamp is young enough",
        remedy: "a running process is no sign of work: look at what the job is waiting for, and at its dry-run switch",
        value: "jobs that stand still",
        source: "monitoring dossier 4.2, F16 and F17",
    },
    CheckSpec {
        id: "work.jobs",
        group: Group::Work,
        severity: Critical,
        cost: Cost::None,
        proves: "each configured job has run under `nba etl run` lately and was proven to have had its effect: exit code 0 alone is none",
        remedy: "`nba etl history JOB` shows its runs, `nba etl logs` what they said; a job that ends well and writes nothing looks in the wrong place",
        value: "jobs without an effect",
        source: "monitoring dossier 4.2, F03 and F16",
    },
    CheckSpec {
        id: "work.phase8",
        group: Group::Work,
        severity: Warning,
        cost: Cost::Index,
        proves: "the newest box-score snapshots (Phase 8) are of games that `games` knows, each moment once; while it is paused there is only its self-test",
        remedy: "find out what wrote the named rows; `nba boxscore` computes snapshots that can be held against them",
        value: "snapshots looked at",
        source: "box score dossier 11",
    },
    CheckSpec {
        id: "lake.prefixes",
        group: Group::Lake,
        severity: Critical,
        cost: Cost::Lake,
        proves: "no configured prefix of the lake is empty or has lost objects or bytes, and during a season each got new objects within its time, by number and not by time of modification",
        remedy: "`nba lake diff` of two inventories names the objects; a prefix that stands still while games are played points to the scraper that fills it, or to a wrong prefix",
        value: "objects in all configured prefixes",
        source: "monitoring dossier 4.2, F15 and F16",
    },
    CheckSpec {
        id: "evidence.ledger",
        group: Group::Evidence,
        severity: Critical,
        cost: Cost::None,
        proves: "the chain of recorded evidence is whole",
        remedy: "`nba ledger verify` names the record; keep the file and find out who wrote to it",
        value: "records",
        source: "monitoring dossier 4.2, F27",
    },
    CheckSpec {
        id: "evidence.backup",
        group: Group::Evidence,
        severity: Critical,
        cost: Cost::None,
        proves: "a backup whose restore was proven is young enough",
        remedy: "make one, and restore it somewhere: a backup nobody has restored is a hope",
        value: "hours since the state of the newest proven backup",
        source: "monitoring dossier 7.1 rule 15",
    },
    CheckSpec {
        id: "evidence.legacy_tree",
        group: Group::Evidence,
        severity: Critical,
        cost: Cost::None,
        proves: "every file of the legacy side is as it was at the last recorded `nba state capture`",
        remedy: "`git status` names what changed; when the change is wanted, `nba state capture` puts it on record",
        value: "",
        source: "monitoring dossier 7.1, original files are immutable (F14, F21)",
    },
    CheckSpec {
        id: "evidence.dims",
        group: Group::Evidence,
        severity: Warning,
        cost: Cost::None,
        proves: "the last recorded `nba dims verify` over all metrics is young enough and found each measured and as expected",
        remedy: "`nba dims verify` names the metrics; `nba dims approve` is for those that changed rightly",
        value: "hours since the last run",
        source: "monitoring dossier 4.2, F24 and F25",
    },
    CheckSpec {
        id: "monitor.cost",
        group: Group::Monitor,
        severity: Warning,
        cost: Cost::Catalogue,
        proves: "the watch itself kept to its budget of database time, in this look and in the last hour, and put no check off for it",
        remedy: "the message names the dearest check: mend its statement, or look less often (`--interval`); `[budget]` in `.nba/monitoring.toml` says what is permitted",
        value: "ms of database time",
        source: "monitoring dossier 7.1 rule 25",
    },
];

/// The check with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static CheckSpec> {
    CATALOGUE.iter().find(|spec| spec.id == id)
}

/// The catalogue as Markdown, as it stands in `docs/checks.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    let mut group = None;
    for spec in CATALOGUE {
        if group != Some(spec.group) {
            group = Some(spec.group);
            let _ = writeln!(text, "## {}\n", spec.group.title());
        }
        let weight = match spec.severity {
            Critical => "critical",
            Warning => "warning",
        };
        let _ = writeln!(text, "### `{}`\n", spec.id);
        let _ = writeln!(text, "Proves that {}.\n", spec.proves);
        let _ = write!(text, "- weight: {weight}; cost: {}", spec.cost.as_str());
        if !spec.value.is_empty() {
            let _ = write!(text, "; charted: {}", spec.value);
        }
        let _ = writeln!(text, "\n- when it is refuted: {}", spec.remedy);
        if !spec.source.is_empty() {
            let _ = writeln!(text, "- why: {}", spec.source);
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}
