//! Where legacy users look for reports: `refactoring_logs/`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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
#[error("could not write the report `{}`", path.display())]
pub struct ReportFileError {
    path: PathBuf,
    source: io::Error,
}

/// Writes the report under its time and replaces `latest.json`, which is never half written.
///
/// # Errors
///
/// [`ReportFileError`] when the folder or a file cannot be written.
pub fn write_report(folder: &Path, report: &HealthReport) -> Result<ReportFiles, ReportFileError> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportFileError { path, source }
    };
    fs::create_dir_all(folder).map_err(fail(folder))?;
    let latest = folder.join(LATEST);
    let json = serde_json::to_vec_pretty(report).map_err(|error| fail(&latest)(error.into()))?;
    // Colons as dashes, as the legacy dashboard has it; microseconds keep two runs of one second apart.
    let stamp = report.timestamp.format("%Y-%m-%dT%H-%M-%S%.6fZ");
    let kept = folder.join(format!("health_check_{stamp}.json"));
    for path in [&kept, &latest] {
        replace(folder, path, &json).map_err(fail(path))?;
    }
    Ok(ReportFiles { latest, kept })
}

fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("json.{}.tmp", std::process::id()));
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}
