//! How results and errors look: text with colour on a terminal, plain elsewhere, or pure JSON.

use anstyle::{AnsiColor, Style};
use comfy_table::{Cell, ContentArrangement, Table, presets};
use nba_utils::Hint as _;
use nba_utils::verdict::Verdict;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a piece of text says about the state of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Proven.
    Good,
    /// Refuted.
    Bad,
    /// Could not tell.
    Unsure,
    /// A heading.
    Strong,
    /// Less important.
    Dim,
}

impl Tone {
    /// The tone of a verdict.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Proven => Tone::Good,
            Verdict::Refuted { .. } => Tone::Bad,
            Verdict::NotProven { .. } => Tone::Unsure,
            Verdict::NotApplicable { .. } => Tone::Dim,
        }
    }

    fn style(self) -> Style {
        match self {
            Tone::Good => AnsiColor::Green.on_default().bold(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Unsure => AnsiColor::Yellow.on_default().bold(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dimmed(),
        }
    }

    /// The text in this tone; escape codes are removed again where the stream is no terminal.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// Whether a JSON document was printed already: there must not be a second one.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Whether a part of the result could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Remembers a result that did not reach its reader. A closed pipe (`nba … | head`) is the reader's own decision.
fn written(outcome: std::io::Result<()>) {
    if outcome.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Fails when a part of the result could not be written to standard output.
pub(crate) fn delivered() -> anyhow::Result<()> {
    written(std::io::stdout().flush());
    anyhow::ensure!(
        !LOST.load(Ordering::Relaxed),
        "standard output cannot be written to: the result is incomplete"
    );
    Ok(())
}

/// Where results go. Results are standard output, remarks are standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    /// Print JSON only.
    pub(crate) json: bool,
    /// No remarks.
    pub(crate) quiet: bool,
}

impl Out {
    /// A line of the result; nothing in JSON mode.
    pub(crate) fn line(self, text: &str) {
        if !self.json {
            written(writeln!(anstream::stdout().lock(), "{text}"));
        }
    }

    /// A remark beside the result.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            let _ = writeln!(anstream::stderr().lock(), "{text}");
        }
    }

    /// The result as JSON; nothing in text mode.
    pub(crate) fn json(self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            let text = serde_json::to_string_pretty(value)?;
            written(writeln!(std::io::stdout().lock(), "{text}"));
            ANSWERED.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// One of several results as JSON on a line of its own; nothing in text mode.
    pub(crate) fn json_line(self, value: &impl Serialize) -> anyhow::Result<()> {
        if self.json {
            let text = serde_json::to_string(value)?;
            written(writeln!(std::io::stdout().lock(), "{text}"));
            ANSWERED.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A table of the result; nothing in JSON mode.
    pub(crate) fn table(self, header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) {
        if self.json {
            return;
        }
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(header.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        for line in table.lines() {
            self.line(line.trim_end());
        }
    }
}

/// Cells that are not plain text.
pub(crate) mod cells {
    use comfy_table::{Cell, CellAlignment};

    /// A figure.
    pub(crate) fn right(text: String) -> Cell {
        Cell::new(text).set_alignment(CellAlignment::Right)
    }
}

/// A command line that could not be understood, as JSON.
pub(crate) fn usage_error(error: &clap::Error) {
    let text = error.render().to_string();
    let (message, usage) = match error.kind() {
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            ("a command is missing", None)
        }
        _ => match text.split_once("Usage:") {
            Some((message, usage)) => (message, usage.lines().next()),
            // What follows the first paragraph points to `--help`.
            None => (text.split("\n\n").next().unwrap_or_default(), None),
        },
    };
    let hint = usage.map(|usage| format!("usage: {}", usage.trim()));
    let value = serde_json::json!({
        "verdict": "not_proven",
        "error": message.trim().trim_start_matches("error: "),
        "caused_by": [],
        "hint": hint.unwrap_or_else(|| "see `nba --help`".to_owned()),
    });
    let _ = writeln!(std::io::stdout().lock(), "{value:#}");
}

/// An error as a person reads it: what failed, why, and what to do next.
pub(crate) fn error(error: &anyhow::Error, json: bool) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let hint = hint(error);
    if json && !ANSWERED.load(Ordering::Relaxed) {
        let value = serde_json::json!({
            "verdict": "not_proven",
            "error": causes.first(),
            "caused_by": causes.get(1..).unwrap_or_default(),
            "hint": hint,
        });
        let _ = writeln!(std::io::stdout().lock(), "{value:#}");
        return;
    }
    let mut text = String::new();
    for (depth, cause) in causes.iter().enumerate() {
        // A library that repeats its source would say everything twice.
        if depth > 0 && causes[depth - 1].contains(cause.as_str()) {
            continue;
        }
        let label = if depth == 0 {
            Tone::Bad.paint("error:")
        } else {
            "  caused by:".to_owned()
        };
        let _ = writeln!(text, "{label} {cause}");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "{} {hint}", Tone::Strong.paint("hint:"));
    }
    let _ = write!(anstream::stderr().lock(), "{text}");
}

/// The next step after an error, where one of our errors in its chain knows it.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    of(error, nba_config::ConfigError::hint)
        .or_else(|| of(error, nba_db::DbError::hint))
        .or_else(|| of(error, nba_db::compare::CompareError::hint))
        .or_else(|| of(error, nba_db::fingerprint::ReportError::hint))
        .or_else(|| of(error, nba_db::fingerprint::DocumentError::hint))
        .or_else(|| of(error, nba_db::fingerprint::NotComparable::hint))
        .or_else(|| of(error, nba_db::compare::repair::RepairError::hint))
        .or_else(|| of(error, nba_db::embedded::EmbeddedError::hint))
        .or_else(|| of(error, nba_etl::boxscore::StoreError::hint))
        .or_else(|| of(error, nba_etl::boxscore::tables::LoadError::hint))
        .or_else(|| of(error, nba_monitoring::baseline::BaselineError::hint))
        .or_else(|| of(error, nba_monitoring::invariants::BookError::hint))
        .or_else(|| of(error, nba_monitoring::checks::SettingsError::hint))
        .or_else(|| of(error, nba_monitoring::watch::WatchError::hint))
        .or_else(|| of(error, nba_monitoring::watch::HistoryError::hint))
        .or_else(|| of(error, nba_monitoring::dims::DimsError::hint))
        .or_else(|| serve_hint(error))
        .or_else(|| of(error, nba_monitoring::invariants::WaiverError::hint))
        .or_else(|| of(error, nba_migration::backup::BackupError::hint))
        .or_else(|| of(error, nba_migration::restore_point::RestorePointError::hint))
        .or_else(|| of(error, nba_migration::rollback::RollbackError::hint))
        .or_else(|| of(error, nba_migration::setup::SetupError::hint))
        .or_else(|| of(error, nba_migration::state::StateError::hint))
        .or_else(|| of(error, nba_migration::phase::PhaseError::hint))
        .or_else(|| of(error, nba_migration::switch::SwitchError::hint))
        .or_else(|| of(error, nba_migration::test_results::TestError::hint))
        .or_else(|| of(error, nba_migration::GitError::hint))
        .or_else(|| of(error, nba_migration::ledger::LedgerError::hint))
        .or_else(|| of(error, nba_etl::LakeError::hint))
        .or_else(|| of(error, nba_etl::runner::RunError::hint))
        .or_else(|| of(error, nba_etl::plays::PlaysError::hint))
        .or_else(|| of(error, nba_etl::native::job::JobError::hint))
        .or_else(|| testkit_hint(error))
}

fn of<E: std::error::Error + 'static>(
    error: &anyhow::Error,
    hint: fn(&E) -> Option<String>,
) -> Option<String> {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<E>())
        .find_map(hint)
}

#[cfg(feature = "demo")]
fn testkit_hint(error: &anyhow::Error) -> Option<String> {
    of(error, nba_testkit::replica::ReplicaError::hint)
        .or_else(|| of(error, nba_testkit::legacy::LegacyError::hint))
        .or_else(|| of(error, nba_testkit::lake::LakeError::hint))
}

#[cfg(not(feature = "demo"))]
fn testkit_hint(_: &anyhow::Error) -> Option<String> {
    None
}

#[cfg(feature = "web")]
fn serve_hint(error: &anyhow::Error) -> Option<String> {
    of(error, nba_monitoring::serve::ServeError::hint)
        .or_else(|| of(error, nba_monitoring::serve::report::ReportError::hint))
}

#[cfg(not(feature = "web"))]
fn serve_hint(_: &anyhow::Error) -> Option<String> {
    None
}
