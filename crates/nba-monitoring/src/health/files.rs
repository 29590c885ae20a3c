//! Where legacy users look for reports: `refactoring_logs/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nba_utils::Hint;
use nba_utils::atomic::{self, FileError, NewFile};

use super::report::HealthReport;

/// The report of the last run.
pub const LATEST: &str = "latest.json";

/// The files a report was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFiles {
    /// `latest.json`, replaced.
    pub latest: PathBuf,
    /// `health_check_<time>.json`, new.
    pub kept: PathBuf,
}

/// A report file could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportFileError {
    /// The folder cannot be made.
    #[error("could not make the folder of reports `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("could not write the report")]
    File(#[from] FileError),
    /// The report has no JSON form.
    #[error("could not write the report as JSON")]
    Json(#[from] serde_json::Error),
}

impl Hint for ReportFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            _ => None,
        }
    }
}

/// Writes the report under its time and replaces `latest.json`, which is never half written.
///
/// # Errors
///
/// [`ReportFileError`] when the folder or a file cannot be written.
pub fn write_report(folder: &Path, report: &HealthReport) -> Result<ReportFiles, ReportFileError> {
    fs::create_dir_all(folder).map_err(|source| ReportFileError::Folder {
        path: folder.to_owned(),
        source,
    })?;
    let json = serde_json::to_vec_pretty(report)?;
    // Colons as dashes, as the legacy dashboard has it; microseconds keep two runs of one second apart.
    let stamp = report.timestamp.format("%Y-%m-%dT%H-%M-%S%.6fZ");
    let kept = folder.join(format!("health_check_{stamp}.json"));
    let latest = folder.join(LATEST);
    atomic::create(&kept, &json, NewFile::Readable)?;
    atomic::replace(&latest, &json, NewFile::Readable)?;
    Ok(ReportFiles { latest, kept })
}
