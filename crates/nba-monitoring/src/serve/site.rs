//! What the pages are made of: the files of the watch, read again when they change.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};

use super::proxy::Proxy;
use crate::evidence::{Chapter, EvidenceRow};
use crate::watch::{Event, History, HistoryError, Series, State, read_events, read_state};

/// How the server behaves.
#[non_exhaustive]
pub struct ServeOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// Folder of the watch, usually `.nba/monitor`.
    pub folder: PathBuf,
    /// Needed unless it listens on this machine only, or behind a proxy.
    pub token: Option<Token>,
    /// A proxy that has people log in; whoever it lets in needs no token.
    pub proxy: Option<Proxy>,
    /// Rows of the page of evidence.
    pub evidence: EvidenceSource,
    /// What that page says before them: runs, drills, dual runs, phases.
    pub chapters: ChapterSource,
}

impl ServeOptions {
    /// A server on this address for the watch in this folder.
    #[must_use]
    pub fn new(address: SocketAddr, folder: impl Into<PathBuf>) -> Self {
        Self {
            address,
            folder: folder.into(),
            token: None,
            proxy: None,
            evidence: Arc::new(|| Ok(Vec::new())),
            chapters: Arc::new(|| Ok(Vec::new())),
        }
    }
}

/// Reads the evidence; the ledger belongs to another crate. An error is shown as it is.
pub type EvidenceSource = Arc<dyn Fn() -> Result<Vec<EvidenceRow>, String> + Send + Sync>;

/// Reads what is to be said about evidence, by what it is about. It is called on a thread that may wait.
pub type ChapterSource = Arc<dyn Fn() -> Result<Vec<Chapter>, String> + Send + Sync>;

/// A secret that opens the server. It is compared in constant time and never shown.
#[derive(Clone)]
pub struct Token(String);

/// Shorter ones can be guessed.
const FEWEST_CHARACTERS: usize = 16;

impl Token {
    /// A token of at least 16 characters; `None` when it is shorter.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.len() >= FEWEST_CHARACTERS).then(|| Self(text.to_owned()))
    }

    /// Whether this is it.
    pub(super) fn is(&self, text: &str) -> bool {
        same(text.as_bytes(), self.0.as_bytes())
    }

    /// Whether an `Authorization` header carries it: as bearer, or as the password of anybody's basic log-in.
    pub(super) fn opens(&self, header: &str) -> bool {
        if let Some(given) = header.strip_prefix("Bearer ") {
            return same(given.trim().as_bytes(), self.0.as_bytes());
        }
        let Some(given) = header
            .strip_prefix("Basic ")
            .and_then(|text| decode(text.trim()))
        else {
            return false;
        };
        let password = given
            .iter()
            .position(|byte| *byte == b':')
            .map_or(&[][..], |at| &given[at + 1..]);
        same(password, self.0.as_bytes())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Digests are compared, so that the time taken says nothing about the token.
fn same(left: &[u8], right: &[u8]) -> bool {
    nba_utils::Digest::of(left) == nba_utils::Digest::of(right)
}

/// Base64, as browsers send it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// What is shown at one moment.
pub(super) struct View {
    /// The state, when there is one.
    pub(super) state: Option<State>,
    /// Why there is none, or why it may not be believed.
    pub(super) problem: Option<String>,
    pub(super) events: Vec<Event>,
}

/// The last events that are shown.
const EVENTS: usize = 300;
/// A file that was replaced within the resolution of its time stamp is seen after this.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Time and number of the file: the clock of a file system is coarse, and two states may be written within one of its steps.
pub(super) type Stamp = (SystemTime, u64);

/// Histories that were asked for lately: a page of a year is made once per look, not once per viewer.
type Cache = Vec<((String, i64), Option<Stamp>, Arc<Series>)>;
const CACHED: usize = 64;

/// What was read last: of which change of the file, when, and what it said.
type Read = (Option<Stamp>, Instant, Arc<View>);

/// Everything the routes share.
pub(super) struct Site {
    pub(super) options: ServeOptions,
    history: History,
    view: Mutex<Option<Read>>,
    cache: Mutex<Cache>,
}

impl Site {
    pub(super) fn new(options: ServeOptions) -> Self {
        let history = History::in_folder(&options.folder);
        Self {
            options,
            history,
            view: Mutex::new(None),
            cache: Mutex::new(Vec::new()),
        }
    }

    /// Which state lies there now; `None` without one.
    pub(super) fn changed(&self) -> Option<Stamp> {
        let file = std::fs::metadata(self.options.folder.join("state.json")).ok()?;
        Some((file.modified().ok()?, file.ino()))
    }

    /// What is to be shown now.
    pub(super) fn view(&self) -> Arc<View> {
        let changed = self.changed();
        let mut known = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, read, view)) = &*known
            && *at == changed
            && read.elapsed() < LOOK_AGAIN
        {
            return Arc::clone(view);
        }
        let (state, problem) = match read_state(&self.options.folder) {
            Ok(state) => (state, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let (events, problem) = match read_events(&self.options.folder, EVENTS) {
            Ok(events) => (events, problem),
            Err(error) => (
                Vec::new(),
                problem.or(Some(format!("the events cannot be read: {error}"))),
            ),
        };
        let view = Arc::new(View {
            state,
            problem,
            events,
        });
        *known = Some((changed, Instant::now(), Arc::clone(&view)));
        view
    }

    /// The past of what begins with `prefix`. It waits, so it is for threads that may.
    pub(super) fn series(
        &self,
        prefix: &str,
        range: Range,
        now: DateTime<Utc>,
    ) -> Result<Arc<Series>, HistoryError> {
        let key = (prefix.to_owned(), range.hours);
        let changed = self.changed();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., series)) = cache
            .iter()
            .find(|(known, at, _)| *known == key && *at == changed)
        {
            return Ok(Arc::clone(series));
        }
        // Held while reading: a hundred viewers of a new look read the file once.
        let from = range.from(now);
        let read = self.history.series(prefix, from, now, range.parts);
        let series = Arc::new(tokio::runtime::Handle::current().block_on(read)?);
        cache.retain(|(known, ..)| *known != key);
        if cache.len() >= CACHED {
            cache.remove(0);
        }
        cache.push((key, changed, Arc::clone(&series)));
        Ok(series)
    }
}

impl View {
    /// Whether looks still come: none for three intervals means that nobody watches.
    pub(super) fn stale(&self, now: DateTime<Utc>) -> Option<String> {
        let Some(state) = &self.state else {
            return Some(
                self.problem
                    .clone()
                    .unwrap_or_else(|| "no look has been taken yet".to_owned()),
            );
        };
        state.stale(now)
    }
}

/// A time that charts show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    hours: i64,
    pub(super) parts: u32,
}

/// All of them; the first is shown unless another is asked for.
pub(super) const RANGES: [Range; 4] = [
    Range {
        name: "day",
        title: "24 hours",
        hours: 24,
        parts: 144,
    },
    Range {
        name: "week",
        title: "7 days",
        hours: 24 * 7,
        parts: 168,
    },
    Range {
        name: "month",
        title: "30 days",
        hours: 24 * 30,
        parts: 180,
    },
    Range {
        name: "year",
        title: "1 year",
        hours: 24 * 365,
        parts: 365,
    },
];

impl Range {
    pub(super) fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(RANGES[0]),
            Some(name) => RANGES.into_iter().find(|range| range.name == name),
        }
    }

    pub(super) fn from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::hours(self.hours)
    }
}
