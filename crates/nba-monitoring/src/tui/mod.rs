//! The dashboard in a terminal: what the watch knows, drawn with ratatui. It reads the files of [`watch`](crate::watch) only; the
//! caller owns the terminal, its keys and the pace.

mod draw;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

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
}

impl Page {
    const ALL: [Self; 3] = [Self::Checks, Self::Tables, Self::Events];

    fn title(self) -> &'static str {
        match self {
            Self::Checks => "Checks",
            Self::Tables => "Tables",
            Self::Events => "Events",
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

/// What is known and where one is.
#[derive(Debug)]
pub struct App {
    folder: PathBuf,
    history: History,
    state: Option<State>,
    problem: Option<String>,
    events: Vec<Event>,
    series: Series,
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
        }
    }
}
