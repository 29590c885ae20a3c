//! The dashboard in a terminal: what the watch knows, drawn with ratatui. It reads the files of [`watch`](crate::watch) only; the
//! caller owns the terminal, its keys and the pace, and hands in what is on record elsewhere.

mod draw;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use nba_utils::Verdict;

use crate::evidence::{Chapter, EvidenceRow};
use crate::watch::{Event, History, Series, State, read_events, read_state};

pub use self::draw::draw;
pub use ratatui;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Page {
    /// Every check.
    Checks,
    /// Rows per table.
    Tables,
    /// What happened.
    Events,
    /// Runs of jobs, drills, dual runs, phases.
    Runs,
    /// The newest records, and whether their chain holds.
    Ledger,
}

impl Page {
    const ALL: [Self; 5] = [
        Self::Checks,
        Self::Tables,
        Self::Events,
        Self::Runs,
        Self::Ledger,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Checks => "Checks",
            Self::Tables => "Tables",
            Self::Events => "Events",
            Self::Runs => "Runs",
            Self::Ledger => "Ledger",
        }
    }
}

/// A key, whatever sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// The line above.
    Up,
    /// The line below.
    Down,
    /// Ten lines up.
    PageUp,
    /// Ten lines down.
    PageDown,
    /// The first line.
    First,
    /// The last line.
    Last,
    /// The next page.
    Next,
    /// The page before.
    Previous,
    /// More about the line.
    Open,
    /// Back.
    Back,
    /// What the keys do.
    Help,
}

/// History that the sparklines show.
const HOURS: i64 = 24;
/// Parts of it.
const PARTS: u32 = 48;
/// Events that are shown.
const EVENTS: usize = 200;

/// Records of each chapter of runs that are shown.
const IN_CHAPTER: usize = 50;
/// Records of the ledger that are shown.
const RECORDS: usize = 200;

/// What the project has on record, as far as it is shown. It belongs to other crates and is handed in.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Runs of jobs, drills, dual runs, phases; or why they cannot be read.
    pub chapters: Result<Vec<Chapter>, String>,
    /// The ledger, or why it cannot be read.
    pub ledger: Result<Chain, String>,
}

/// A ledger.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Proven when every record is there, unchanged and in order.
    pub verdict: Verdict,
    /// How many there are.
    pub records: u64,
    /// The newest of them, newest first.
    pub newest: Vec<EvidenceRow>,
}

/// A line of the page of runs.
enum Run<'a> {
    Title(&'a Chapter),
    Record(&'a EvidenceRow),
}

/// What is known and where one is.
#[derive(Debug)]
pub struct App {
    folder: PathBuf,
    history: History,
    state: Option<State>,
    problem: Option<String>,
    events: Vec<Event>,
    series: Series,
    evidence: Option<Evidence>,
    page: Page,
    line: usize,
    open: bool,
    help: bool,
}

impl App {
    /// The watch in this folder, usually `.nba/monitor`.
    pub async fn new(folder: &Path, now: DateTime<Utc>) -> Self {
        let mut app = Self {
            folder: folder.to_owned(),
            history: History::in_folder(folder),
            state: None,
            problem: None,
            events: Vec::new(),
            series: Series::new(),
            evidence: None,
            page: Page::Checks,
            line: 0,
            open: false,
            help: false,
        };
        app.reload(now).await;
        app
    }

    /// Reads the files again. What cannot be read is shown as such.
    pub async fn reload(&mut self, now: DateTime<Utc>) {
        let before = self.state.as_ref().map(|state| state.ticks);
        self.problem = None;
        self.state = match read_state(&self.folder) {
            Ok(state) => state,
            Err(error) => {
                self.problem = Some(error.to_string());
                None
            }
        };
        if self.state.as_ref().map(|state| state.ticks) == before && before.is_some() {
            return;
        }
        match read_events(&self.folder, EVENTS) {
            Ok(events) => self.events = events,
            Err(error) => self.problem = Some(error.to_string()),
        }
        let from = now - TimeDelta::hours(HOURS);
        match self.history.series("", from, now, PARTS).await {
            Ok(series) => self.series = series,
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    /// Whether the page that is shown needs evidence; reading it costs more than the files of the watch.
    #[must_use]
    pub fn needs_evidence(&self) -> bool {
        matches!(self.page, Page::Runs | Page::Ledger)
    }

    /// Takes what is on record; more than is shown is dropped.
    pub fn show_evidence(&mut self, mut evidence: Evidence) {
        for chapter in evidence.chapters.iter_mut().flatten() {
            chapter.records.truncate(IN_CHAPTER);
        }
        if let Ok(chain) = &mut evidence.ledger {
            chain.newest.truncate(RECORDS);
        }
        self.evidence = Some(evidence);
        self.line = self.line.min(self.lines().saturating_sub(1));
    }

    /// Each chapter with its records.
    fn runs(&self) -> Vec<Run<'_>> {
        let chapters = self
            .evidence
            .iter()
            .flat_map(|evidence| evidence.chapters.iter().flatten());
        chapters
            .flat_map(|chapter| {
                std::iter::once(Run::Title(chapter)).chain(chapter.records.iter().map(Run::Record))
            })
            .collect()
    }

    /// Records of the ledger that are shown.
    fn records(&self) -> &[EvidenceRow] {
        match &self.evidence {
            Some(Evidence {
                ledger: Ok(chain), ..
            }) => &chain.newest,
            _ => &[],
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) {
        if self.help {
            self.help = false;
            return;
        }
        let last = self.lines().saturating_sub(1);
        match key {
            Key::Up => self.line = self.line.saturating_sub(1),
            Key::Down => self.line = (self.line + 1).min(last),
            Key::PageUp => self.line = self.line.saturating_sub(10),
            Key::PageDown => self.line = (self.line + 10).min(last),
            Key::First => self.line = 0,
            Key::Last => self.line = last,
            Key::Next => self.turn(1),
            Key::Previous => self.turn(Page::ALL.len() - 1),
            Key::Open => self.open = self.page != Page::Events && self.lines() > 0,
            Key::Back => self.open = false,
            Key::Help => self.help = true,
        }
    }

    fn turn(&mut self, steps: usize) {
        let here = Page::ALL
            .iter()
            .position(|page| *page == self.page)
            .unwrap_or(0);
        self.page = Page::ALL[(here + steps) % Page::ALL.len()];
        self.line = 0;
        self.open = false;
    }

    /// Ids of checks: what is bad first, then by name.
    fn checks(&self) -> Vec<&str> {
        let Some(state) = &self.state else {
            return Vec::new();
        };
        let mut ids: Vec<_> = state.checks.iter().collect();
        ids.sort_by_key(|(id, check)| {
            let bad = check.level.is_alarm() || check.is_suspect();
            (!bad, std::cmp::Reverse(bad.then_some(check.level)), *id)
        });
        ids.into_iter().map(|(id, _)| id.as_str()).collect()
    }

    fn lines(&self) -> usize {
        match self.page {
            Page::Checks => self.checks().len(),
            Page::Tables => self
                .state
                .as_ref()
                .map_or(0, |state| state.memory.volumes.tables.len()),
            Page::Events => self.events.len(),
            Page::Runs => self.runs().len(),
            Page::Ledger => self.records().len(),
        }
    }
}
