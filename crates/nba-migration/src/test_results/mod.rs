//! What the existing tests say, one by one, skips included, before and after a step.
//!
//! "18 of 18" and "zero failures" were reported while the tests that mattered were skipped (monitoring dossier 4.2, F19, F31). Results
//! are therefore kept per test, a skip is never a pass, and a test that has gone is a finding. The summary lines of `pytest -rA` are read;
//! the suite runs as a guarded child, which leaves no cache in the checkout.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use nba_etl::runner::{Cancel, Environment, RunError, Script, run};
use nba_utils::atomic::{self, FileError, NewFile};
use nba_utils::{Digest, Hint, Verdict};
use serde::{Deserialize, Serialize};

use crate::ledger::Entry;

/// What is run unless told otherwise.
pub const DEFAULT_COMMAND: [&str; 8] = [
    "python3",
    "-m",
    "pytest",
    "-rA",
    "-q",
    "--color=no",
    "-p",
    "no:cacheprovider",
];
/// Bytes of output that are read; a summary of ten thousand tests is about a megabyte.
const TAIL: usize = 32 * 1024 * 1024;
/// Findings named in a verdict.
const NAMED: usize = 20;

/// How one test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It could not be run.
    Error,
    /// It was skipped: nothing is known.
    Skipped,
    /// It failed, as it was expected to; or passed, which it was not.
    Expected,
}

/// The results of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestResults {
    /// When the run ended.
    pub ended_at: DateTime<Utc>,
    /// What was run.
    pub command: Vec<String>,
    /// How it ended.
    pub ending: String,
    /// `Proven` when the results are whole; says nothing about whether they are good.
    pub verdict: Verdict,
    /// Each test.
    pub tests: BTreeMap<String, Outcome>,
    /// Skips that name a place, not a test, with how many tests each stands for.
    pub skips: BTreeMap<String, u64>,
    /// What of each file the tests went through, where the suite measures it (`pytest --cov` prints the table).
    #[serde(default)]
    pub coverage: BTreeMap<String, Covered>,
}

/// What of one file the tests went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// Statements in it.
    pub statements: u64,
    /// Those no test went through.
    pub missed: u64,
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// Nothing was given to run.
    #[error("there is no command to run")]
    NoCommand,
    /// It could not be run.
    #[error("the tests could not be run")]
    Run(#[from] RunError),
    /// The results could not be kept.
    #[error("the results could not be kept")]
    File(#[from] FileError),
    /// Results that cannot be read.
    #[error("the results `{}` cannot be read: {problem}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Hint for TestError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Bad { .. } => Some("take new ones with `nba state tests`".to_owned()),
            Self::NoCommand => None,
        }
    }
}

/// Runs a test suite in `project` and reads its results. Blocks.
///
/// # Errors
///
/// [`TestError`] when nothing ran; a run without results is `NotProven`.
pub fn measure(
    project: &Path,
    command: &[String],
    mut environment: Environment,
    deadline: Duration,
) -> Result<TestResults, TestError> {
    let (program, arguments) = command.split_first().ok_or(TestError::NoCommand)?;
    environment.set("PYTHONDONTWRITEBYTECODE", "1");
    let mut script = Script::new(program, arguments, project, environment);
    script.deadline = deadline;
    script.tail = TAIL;
    let report = run(&script, &Cancel::new(), None)?;
    let (tests, skips) = read(&report.stdout.text);
    let mut open = Vec::new();
    if report.stdout.truncated || report.stdout.unfinished {
        open.push("the output is longer than what is read".to_owned());
    }
    // 0: all passed, 1: some failed; anything else means that the suite itself did not run to its end.
    if !matches!(report.ending, nba_etl::runner::Ending::Exited(0 | 1)) {
        open.push(format!(
            "the suite ended with {}: {}",
            report.ending,
            last_line(&report.stderr.text, &report.stdout.text)
        ));
    }
    if tests.is_empty() && skips.is_empty() {
        open.push("no test gave a result".to_owned());
    }
    Ok(TestResults {
        ended_at: Utc::now(),
        command: report.command,
        ending: report.ending.to_string(),
        verdict: nba_utils::Reasons::collect(open)
            .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons }),
        tests,
        skips,
        coverage: coverage(&report.stdout.text),
    })
}

/// Reads the table of `pytest --cov`: name, statements, missed, and more columns that vary.
fn coverage(text: &str) -> BTreeMap<String, Covered> {
    let mut files = BTreeMap::new();
    let mut inside = false;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["Name", "Stmts", "Miss", ..] = words[..] {
            inside = true;
            continue;
        }
        let [name, statements, missed, ..] = words[..] else {
            continue;
        };
        if name == "TOTAL" {
            inside = false;
        }
        if let (true, Ok(statements), Ok(missed)) = (inside, statements.parse(), missed.parse()) {
            let covered = Covered { statements, missed };
            files.insert(name.to_owned(), covered);
        }
    }
    files
}

fn last_line(first: &str, second: &str) -> String {
    [first, second]
        .iter()
        .find_map(|text| text.lines().rev().find(|line| !line.trim().is_empty()))
        .unwrap_or("no output")
        .to_owned()
}

/// Reads `PASSED tests/a.py::test_b`, `FAILED … - why`, `SKIPPED [2] tests/a.py:7: why`.
fn read(text: &str) -> (BTreeMap<String, Outcome>, BTreeMap<String, u64>) {
    let mut tests = BTreeMap::new();
    let mut skips = BTreeMap::new();
    for line in text.lines() {
        let Some((word, rest)) = line.split_once(' ') else {
            continue;
        };
        let outcome = match word {
            "PASSED" => Outcome::Passed,
            "FAILED" => Outcome::Failed,
            "ERROR" => Outcome::Error,
            "XFAIL" | "XPASS" => Outcome::Expected,
            "SKIPPED" => {
                if let Some((count, place)) = rest
                    .strip_prefix('[')
                    .and_then(|rest| rest.split_once("] "))
                {
                    *skips.entry(place.to_owned()).or_insert(0) +=
                        count.parse::<u64>().unwrap_or(1);
                    continue;
                }
                Outcome::Skipped
            }
            _ => continue,
        };
        let name = rest.split(" - ").next().unwrap_or(rest).trim();
        if name.contains("::") || name.contains(".py") {
            tests.insert(name.to_owned(), outcome);
        }
    }
    (tests, skips)
}

impl TestResults {
    /// Tests with this outcome; skips that name a place are counted too.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        let named = self
            .tests
            .values()
            .filter(|&&found| found == outcome)
            .count();
        let placed: u64 = match outcome {
            Outcome::Skipped => self.skips.values().sum(),
            _ => 0,
        };
        u64::try_from(named).unwrap_or(0) + placed
    }

    /// Keeps them below `folder` under their time.
    ///
    /// # Errors
    ///
    /// [`TestError::File`].
    pub fn save(&self, folder: &Path) -> Result<(PathBuf, Digest), TestError> {
        let path = folder.join(format!(
            "tests_{}.json",
            self.ended_at.format("%Y%m%dT%H%M%S%3fZ")
        ));
        let bad = |problem: String| TestError::Bad {
            path: path.clone(),
            problem,
        };
        std::fs::create_dir_all(folder).map_err(|error| bad(error.to_string()))?;
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| bad(error.to_string()))?;
        text.push(b'\n');
        atomic::create(&path, &text, NewFile::Private)?;
        Ok((path, Digest::of(&text)))
    }

    /// Reads kept results.
    ///
    /// # Errors
    ///
    /// [`TestError::Bad`] with line and column.
    pub fn load(path: &Path) -> Result<Self, TestError> {
        let bad = |problem: String| TestError::Bad {
            path: path.to_owned(),
            problem,
        };
        let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))
    }

    /// The record of a baseline.
    #[must_use]
    pub fn entry(&self, path: &Path, digest: Digest) -> Entry {
        self.counted(Entry::new("test baseline", self.verdict.clone()))
            .artefact(path.display().to_string(), digest)
    }

    /// The record of a comparison.
    #[must_use]
    pub fn comparison_entry(&self, verdict: Verdict) -> Entry {
        self.counted(Entry::new("test comparison", verdict))
    }

    /// Statements the tests went through, and all.
    #[must_use]
    pub fn covered(&self) -> (u64, u64) {
        let files = self.coverage.values();
        files.fold((0, 0), |(covered, all), file| {
            (
                covered + file.statements.saturating_sub(file.missed),
                all + file.statements,
            )
        })
    }

    /// Whether the tests go through no smaller share of the same files (monitoring dossier 6.21, GC27). Files that are measured no more
    /// are a finding: leaving out what is not covered raises any share.
    fn still_covers(&self, before: &Self) -> Verdict {
        if before.coverage.is_empty() {
            return Verdict::not_applicable("no coverage was measured before");
        }
        if self.coverage.is_empty() {
            return Verdict::not_proven("coverage was measured before, and is not now");
        }
        let mut bad: Vec<String> = before
            .coverage
            .keys()
            .filter(|file| !self.coverage.contains_key(*file))
            .take(NAMED)
            .map(|file| format!("`{file}` was measured, and is not now"))
            .collect();
        let ((was, of), (now, of_now)) = (before.covered(), self.covered());
        // Shares without rounding: now / of_now < was / of.
        if u128::from(now) * u128::from(of) < u128::from(was) * u128::from(of_now) {
            bad.push(format!(
                "{now} of {of_now} statements are covered; it were {was} of {of}"
            ));
        }
        Verdict::from_findings(bad)
    }

    fn counted(&self, entry: Entry) -> Entry {
        let (covered, statements) = self.covered();
        let entry = if self.coverage.is_empty() {
            entry
        } else {
            entry
                .figure("covered", covered)
                .figure("statements", statements)
        };
        entry
            .figure("passed", self.count(Outcome::Passed))
            .figure("failed", self.count(Outcome::Failed))
            .figure("errors", self.count(Outcome::Error))
            .figure("skipped", self.count(Outcome::Skipped))
    }

    /// Whether every test that passed in `before` still passes. A test that is skipped now is `NotProven`, one that fails or has gone
    /// refutes.
    #[must_use]
    pub fn still_pass(&self, before: &Self) -> Verdict {
        let mut bad = Vec::new();
        let mut unknown = Vec::new();
        for (name, _) in before
            .tests
            .iter()
            .filter(|(_, outcome)| **outcome == Outcome::Passed)
        {
            match self.tests.get(name) {
                Some(Outcome::Passed) => {}
                Some(Outcome::Skipped | Outcome::Expected) => {
                    unknown.push(format!("`{name}` passed, and is skipped now"));
                }
                Some(Outcome::Failed | Outcome::Error) => {
                    bad.push(format!("`{name}` passed, and fails now"));
                }
                // pytest names skips by place: a test that has gone while skips grew may be one of them.
                None if self.count(Outcome::Skipped) > before.count(Outcome::Skipped) => {
                    unknown.push(format!("`{name}` passed, and is skipped or gone now"));
                }
                None => bad.push(format!("`{name}` passed, and is gone now")),
            }
        }
        bad.truncate(NAMED);
        unknown.truncate(NAMED);
        Verdict::all([
            before.verdict.clone().about("before"),
            self.verdict.clone().about("now"),
            self.still_covers(before).about("coverage"),
            Verdict::from_findings(bad),
            nba_utils::Reasons::collect(unknown)
                .map_or(Verdict::Proven, |reasons| Verdict::NotProven { reasons }),
        ])
    }
}
