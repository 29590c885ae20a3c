//! Log set-up: console and a rotating file, as text or JSON, with secrets hidden in all of them.
//!
//! Nothing happens on import: no folder, no file, no subscriber until [`init`] is called, once, by the program
//! (the legacy module created `logs/` when it was imported; database dossier 6.5).
//!
//! ```
//! use nba_utils::logging::{FileLog, LogOptions};
//!
//! let folder = tempfile::tempdir()?;
//! let options = LogOptions {
//!     console: None,
//!     file: Some(FileLog::at(folder.path().join("nba.log"))),
//!     ..LogOptions::default()
//! };
//! let guard = nba_utils::logging::init(&options)?;
//! tracing::info!(password = "hunter2", "connected");
//! guard.check()?;
//! let text = std::fs::read_to_string(folder.path().join("nba.log"))?;
//! assert!(text.contains("connected") && !text.contains("hunter2"));
//! assert!(nba_utils::logging::init(&options).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::errors::Hint;
use crate::redact::Redactor;

mod rotate;
#[cfg(test)]
mod tests;

pub use rotate::RotatingFile;

/// Where logs go, and what is hidden in them.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// Standard error; `None` for silence.
    pub console: Option<ConsoleLog>,
    /// A rotating file; `None` for none.
    pub file: Option<FileLog>,
    /// Hides secrets. Keep a clone and register more at any time.
    pub redactor: Redactor,
}

/// Logging to standard error.
#[derive(Debug, Clone)]
pub struct ConsoleLog {
    /// What is shown, in `tracing` directives: `info`, `warn,nba_db=debug`.
    pub filter: String,
    /// Text or JSON.
    pub format: LogFormat,
    /// Whether text is coloured.
    pub colour: Colour,
}

impl Default for ConsoleLog {
    fn default() -> Self {
        Self {
            filter: "warn".to_owned(),
            format: LogFormat::Text,
            colour: Colour::Auto,
        }
    }
}

/// Logging to a file that is rotated by size.
#[derive(Debug, Clone)]
pub struct FileLog {
    /// The current file; older ones get `.1` (newest) to `.N` behind it. Missing folders are created.
    pub path: PathBuf,
    /// What is written, in `tracing` directives.
    pub filter: String,
    /// Text or JSON.
    pub format: LogFormat,
    /// The size in bytes at which a new file is begun.
    pub max_bytes: u64,
    /// How many older files are kept.
    pub backups: u8,
}

impl FileLog {
    /// The legacy file size, 10 MB.
    pub const DEFAULT_MAX_BYTES: u64 = 10 * 1024 * 1024;
    /// The legacy number of older files.
    pub const DEFAULT_BACKUPS: u8 = 5;

    /// Text at level `info`, 10 MB and five older files, as the legacy platform had it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            filter: "info".to_owned(),
            format: LogFormat::Text,
            max_bytes: Self::DEFAULT_MAX_BYTES,
            backups: Self::DEFAULT_BACKUPS,
        }
    }
}

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object per line, keys in alphabetical order.
    Json,
}

/// When text on the console is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set (which the formatting library looks up itself).
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Sets up logging for the whole process.
///
/// # Errors
/// Logging is set up already, a filter is malformed, or the file cannot be opened. Then nothing was changed.
pub fn init(options: &LogOptions) -> Result<LogGuard, LogError> {
    // asked before the file is opened; the call below is what decides
    if !tracing::dispatcher::get_default(Dispatch::is::<NoSubscriber>) {
        return Err(LogError::AlreadySetUp);
    }
    let (dispatch, guard) = build(options)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(|_| LogError::AlreadySetUp)?;
    Ok(guard)
}

/// The same without installing it, for [`tracing::dispatcher::with_default`].
///
/// # Errors
/// A filter is malformed, or the file cannot be opened.
pub fn build(options: &LogOptions) -> Result<(Dispatch, LogGuard), LogError> {
    let mut layers = Vec::new();
    let mut file = None;
    if let Some(console) = &options.console {
        let filter = parse_filter(&console.filter)?;
        let ansi = match console.colour {
            Colour::Auto if io::stderr().is_terminal() => None,
            Colour::Auto | Colour::Never => Some(false),
            Colour::Always => Some(true),
        };
        // a closed standard error is nobody's loss, so its errors are not kept
        let sink = Sink::new(
            Arc::new(Mutex::new(io::stderr())),
            &options.redactor,
            console.format,
        );
        layers.push(layer(sink, ansi, filter));
    }
    if let Some(log) = &options.file {
        let filter = parse_filter(&log.filter)?;
        let rotating =
            RotatingFile::open(&log.path, log.max_bytes, log.backups).map_err(|source| {
                LogError::Open {
                    path: log.path.clone(),
                    source,
                }
            })?;
        let rotating = Arc::new(Mutex::new(rotating));
        let sink = Sink::new(rotating.clone(), &options.redactor, log.format);
        file = Some(GuardedFile {
            path: log.path.clone(),
            rotating,
            lost: sink.lost.clone(),
        });
        layers.push(layer(sink, Some(false), filter));
    }
    let guard = LogGuard {
        file,
        redactor: options.redactor.clone(),
    };
    Ok((Dispatch::new(Registry::default().with(layers)), guard))
}

fn parse_filter(text: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .parse(text)
        .map_err(|source| LogError::Filter {
            filter: text.to_owned(),
            source: Box::new(source),
        })
}

/// One destination with its own filter. `ansi: None` leaves the decision to the library, which honours `NO_COLOR`.
fn layer(
    sink: Sink,
    ansi: Option<bool>,
    filter: EnvFilter,
) -> Box<dyn Layer<Registry> + Send + Sync> {
    let format = sink.format;
    let mut text = tracing_subscriber::fmt::layer();
    if let Some(ansi) = ansi {
        text.set_ansi(ansi);
    }
    match format {
        LogFormat::Text => text.with_writer(sink).with_filter(filter).boxed(),
        LogFormat::Json => text
            .json()
            .flatten_event(true)
            .with_writer(sink)
            .with_filter(filter)
            .boxed(),
    }
}

/// Keep it until the program ends; dropping it brings the log file to the disk.
#[derive(Debug)]
#[must_use = "dropping the guard ends the careful part of logging"]
pub struct LogGuard {
    file: Option<GuardedFile>,
    redactor: Redactor,
}

#[derive(Debug)]
struct GuardedFile {
    path: PathBuf,
    rotating: Arc<Mutex<RotatingFile>>,
    lost: Arc<Mutex<Lost>>,
}

#[derive(Debug, Default)]
struct Lost {
    lines: u64,
    first: Option<io::Error>,
}

impl LogGuard {
    /// The redactor in use: register secrets here as soon as they are known.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Tells whether every line reached the log file so far, and starts counting anew.
    ///
    /// # Errors
    /// Lines were lost, with the first reason.
    pub fn check(&self) -> Result<(), LogError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let lost = std::mem::take(&mut *lock(&file.lost));
        match lost.first {
            None => Ok(()),
            Some(source) => Err(LogError::LinesLost {
                path: file.path.clone(),
                lines: lost.lines,
                source,
            }),
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // nobody is left to be told
            let _ = lock(&file.rotating).sync();
        }
    }
}

/// Takes whole events, hides the secrets and passes them on.
#[derive(Clone)]
struct Sink {
    to: Arc<Mutex<dyn Write + Send>>,
    redactor: Redactor,
    format: LogFormat,
    lost: Arc<Mutex<Lost>>,
}

impl Sink {
    fn new(to: Arc<Mutex<dyn Write + Send>>, redactor: &Redactor, format: LogFormat) -> Self {
        Self {
            to,
            redactor: redactor.clone(),
            format,
            lost: Arc::default(),
        }
    }

    fn pass_on(&self, event: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(event);
        let hidden = match self.format {
            LogFormat::Text => self.redactor.redact(&text).into_owned(),
            LogFormat::Json => match serde_json::from_str::<Value>(&text) {
                Ok(mut value) => {
                    self.redactor.redact_json(&mut value);
                    format!("{value}\n")
                }
                Err(_) => self.redactor.redact(&text).into_owned(),
            },
        };
        let mut to = lock(&self.to);
        to.write_all(hidden.as_bytes())?;
        to.flush()
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Event;

    fn make_writer(&self) -> Event {
        Event {
            sink: self.clone(),
            bytes: Vec::new(),
        }
    }
}

/// Collects one event, in however many pieces it is written, because a secret may lie across two of them.
struct Event {
    sink: Sink,
    bytes: Vec<u8>,
}

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        if let Err(error) = self.sink.pass_on(&self.bytes) {
            let mut lost = lock(&self.sink.lost);
            lost.lines += 1;
            lost.first.get_or_insert(error);
        }
    }
}

/// A panic in another thread does not make a log file unusable.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why logging could not be set up, or did not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The process has a subscriber already, ours or another.
    #[error("logging is set up already")]
    AlreadySetUp,
    /// A filter that `tracing` does not understand.
    #[error("cannot read log filter `{filter}`")]
    Filter {
        /// The filter as given.
        filter: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The log file or its folder.
    #[error("cannot open log file `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Some lines could not be written.
    #[error("{lines} lines did not reach log file `{}`", path.display())]
    LinesLost {
        /// The file.
        path: PathBuf,
        /// How many lines.
        lines: u64,
        /// The first reason.
        source: io::Error,
    },
}

impl Hint for LogError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Filter { .. } => Some(
                "write a level (`info`), or levels per module (`warn,nba_db=debug`)".to_owned(),
            ),
            Self::Open { .. } | Self::LinesLost { .. } => {
                Some("check free space and the permissions of the folder".to_owned())
            }
            Self::AlreadySetUp => None,
        }
    }
}
