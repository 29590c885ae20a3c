//! What the project has on record, for those who show it: `nba serve`, `nba dashboard --tui`, `nba report weekly`.

use crate::context::Context;
use chrono::{DateTime, TimeDelta, Utc};
use nba_config::Config;
use nba_etl::history::History;
use nba_migration::ledger::Record;
use nba_migration::phase::{PHASES, Profile, Standing};
use nba_monitoring::evidence::{Chapter, EvidenceRow};
use nba_utils::format::duration;
use std::collections::BTreeMap;

/// Records of the ledger that are shown.
const RECORDS: usize = 200;
/// Runs of jobs that are known.
const RUNS: u32 = 50;

/// Everything for the terminal. It reads files and waits, so it is for threads that may.
#[cfg(feature = "tui")]
pub(super) fn for_terminal(config: &Config) -> nba_monitoring::tui::Evidence {
    use nba_monitoring::tui::{Chain, Evidence};
    let ledger = || -> anyhow::Result<Chain> {
        let ledger = Context::ledger(config)?;
        let verification = ledger.verify()?;
        let newest = ledger.newest(RECORDS)?;
        Ok(Chain {
            verdict: verification.verdict,
            records: verification.records,
            newest: newest.iter().map(row).collect(),
        })
    };
    Evidence {
        chapters: chapters(config).map_err(|error| format!("{error:#}")),
        ledger: ledger().map_err(|error| format!("{error:#}")),
    }
}

/// What a week of evidence comes to, by what it is about; runs of jobs first.
pub(super) fn chapters(config: &Config) -> anyhow::Result<Vec<Chapter>> {
    let now = Utc::now();
    // The page is made on a thread that may wait.
    let runs = tokio::runtime::Handle::current().block_on(runs(config, now))?;
    let mut chapters = vec![runs];
    chapters.extend(evidence(config, now)?);
    Ok(chapters)
}

/// The newest runs of jobs.
async fn runs(config: &Config, now: DateTime<Utc>) -> anyhow::Result<Chapter> {
    let title = "Runs of jobs".to_owned();
    let path = config.state_directory()?.join(super::etl::HISTORY_FILE);
    if !path.is_file() {
        return Ok(Chapter {
            title,
            summary: "none is on record: `nba etl run` keeps them".to_owned(),
            records: Vec::new(),
        });
    }
    let history = History::open(&path).await?;
    let runs = history.recent(None, RUNS).await;
    history.close().await;
    let runs = runs?;
    let going_on = runs.iter().filter(|run| run.is_running(now)).count();
    let proven = runs.iter().filter(|run| run.verdict.is_proven()).count();
    let records = runs.iter().map(|run| EvidenceRow {
        at: run.started_at,
        subject: run.job.clone(),
        verdict: run.verdict.as_str().to_owned(),
        detail: match (&run.ending, run.elapsed) {
            (Some(ending), Some(elapsed)) => format!("{ending} after {}", duration(elapsed)),
            (Some(ending), None) => ending.clone(),
            (None, _) if run.is_running(now) => "still running".to_owned(),
            (None, _) => "it was lost: killed, or its machine went down".to_owned(),
        },
        digest: String::new(),
    });
    Ok(Chapter {
        title,
        summary: format!(
            "the newest {}: {proven} proven to have had their effect, {going_on} going on",
            runs.len()
        ),
        records: records.collect(),
    })
}

/// The last records, newest first.
#[cfg(feature = "web")]
pub(super) fn rows(ledger: &nba_migration::ledger::Ledger) -> Result<Vec<EvidenceRow>, String> {
    let records = ledger
        .newest(RECORDS)
        .map_err(|error| nba_utils::ErrorReport::new(&error).to_string())?;
    Ok(records.iter().map(row).collect())
}

fn row(record: &Record) -> EvidenceRow {
    let entry = &record.entry;
    let figures = entry
        .figures
        .iter()
        .map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name}: {text}"),
            None => format!("{name}: {value}"),
        });
    let detail: Vec<String> = entry
        .verdict
        .reasons()
        .iter()
        .cloned()
        .chain(figures)
        .collect();
    EvidenceRow {
        at: record.time,
        subject: entry.subject.clone(),
        verdict: entry.verdict.as_str().to_owned(),
        detail: detail.join(" · ").chars().take(400).collect(),
        digest: record.previous.to_string(),
    }
}

/// Records of the ledger by what they are about: title, and the subjects that belong to it.
const CHAPTERS: [(&str, &[&str]); 3] = [
    (
        "Backups and drills",
        &[
            "backup create",
            "backup verify",
            "lake drill",
            "restore point",
            "rollback rehearse",
        ],
    ),
    ("Dual runs", &[nba_migration::switch::SHADOW_SUBJECT]),
    (
        "Phases and switches",
        &["phase advance", "phase fall back", "waiver", "switch"],
    ),
];

/// What the ledger holds of the week. A ledger that cannot be read is an error: without it the week would look better than it was.
pub(super) fn evidence(config: &Config, now: DateTime<Utc>) -> anyhow::Result<Vec<Chapter>> {
    let ledger = Context::ledger(config)?;
    let from = now - TimeDelta::days(7);
    let records: Vec<Record> = ledger
        .records()?
        .into_iter()
        .rev()
        .take_while(|record| record.time >= from)
        .collect();
    let mut chapters: Vec<Chapter> = CHAPTERS
        .iter()
        .map(|(title, subjects)| {
            let about = |record: &&Record| subjects.contains(&record.entry.subject.as_str());
            chapter(title, records.iter().filter(about))
        })
        .collect();
    let standing = Standing::read(&ledger, Profile::Safe, now)?;
    if let Some(phases) = chapters.last_mut() {
        phases.summary = format!("{}; {}", phase(&standing), phases.summary);
    }
    let known = |record: &&Record| {
        !CHAPTERS
            .iter()
            .any(|(_, subjects)| subjects.contains(&record.entry.subject.as_str()))
    };
    let other: Vec<&Record> = records.iter().filter(known).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in &other {
        *counts.entry(&record.entry.subject).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(subject, count)| format!("{count} × {subject}"))
        .collect();
    let refuted = other
        .iter()
        .filter(|record| record.entry.verdict.is_refuted());
    let mut rest = chapter("Other records", refuted.copied());
    rest.summary = match counts.is_empty() {
        true => "none in this week".to_owned(),
        false => format!("{}; those that refute are listed", counts.join(", ")),
    };
    chapters.push(rest);
    Ok(chapters)
}

fn chapter<'a>(title: &str, records: impl Iterator<Item = &'a Record>) -> Chapter {
    let records: Vec<_> = records.map(row).collect();
    let proven = records
        .iter()
        .filter(|record| record.verdict == "proven")
        .count();
    Chapter {
        title: title.to_owned(),
        summary: match records.len() {
            0 => "none in this week".to_owned(),
            all => format!("{proven} of {all} proven"),
        },
        records,
    }
}

fn phase(standing: &Standing) -> String {
    let Some(phase) = PHASES.get(standing.phase) else {
        return "all phases are done".to_owned();
    };
    let passing = standing.gates.iter().filter(|gate| gate.passes()).count();
    format!(
        "phase {}, {}: {passing} of {} gates pass",
        standing.phase,
        phase.title,
        standing.gates.len()
    )
}

#[cfg(all(test, feature = "tui"))]
mod tests {
    use super::*;
    use nba_config::Inputs;
    use nba_migration::ledger::Entry;
    use nba_monitoring::tui::ratatui::{Terminal, backend::TestBackend};
    use nba_monitoring::tui::{App, Key, draw};
    use nba_utils::Verdict;
    use std::sync::Arc;

    async fn ledger_page(config: &Arc<Config>) -> anyhow::Result<String> {
        let known = Arc::clone(config);
        let evidence = tokio::task::spawn_blocking(move || for_terminal(&known));
        let evidence = evidence.await?;
        let now = Utc::now();
        let folder = config.state_directory()?.join("monitor");
        let mut app = App::new(&folder, now).await;
        app.show_evidence(evidence);
        // The page before the first is the last.
        app.key(Key::Previous);
        let mut terminal = Terminal::new(TestBackend::new(120, 20))?;
        terminal.draw(|frame| draw(frame, &app, now))?;
        let cells = terminal.backend().buffer().content.iter();
        Ok(cells.map(|cell| cell.symbol()).collect())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_ledger_is_shown_as_it_lies_on_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let config = Arc::new(Config::load(Inputs::new(dir.path())).unwrap());
        let missing = ledger_page(&config).await.unwrap();
        assert!(
            missing.contains("can't tell") && !missing.contains("unbroken"),
            "{missing}"
        );
        let ledger = Context::ledger(&config).unwrap();
        for rows in 1..=3 {
            let lost = Verdict::refuted(format!("{rows} rows are gone"));
            ledger.append(&Entry::new("health", lost)).unwrap();
        }
        assert_eq!(ledger.newest(2).unwrap()[0].sequence, 3);
        let whole = ledger_page(&config).await.unwrap();
        for expected in ["unbroken: 3 records", "refuted", "3 rows are gone"] {
            assert!(whole.contains(expected), "`{expected}`: {whole}");
        }
        // Who makes a loss smaller is seen.
        let text = std::fs::read_to_string(ledger.path()).unwrap();
        std::fs::write(ledger.path(), text.replace("2 rows", "0 rows")).unwrap();
        let broken = ledger_page(&config).await.unwrap();
        assert!(
            broken.contains("BROKEN") && !broken.contains("unbroken"),
            "{broken}"
        );
    }
}
