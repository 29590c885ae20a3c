//! Going back for real, and rehearsing it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use chrono::{DateTime, Utc};
use nba_utils::{Hint, Verdict};
use serde::Serialize;

use super::suite;
use crate::backup::{self, BackupError, Proofs, VerifyOptions};
use crate::fault;
use crate::ledger::{Entry, Ledger, LedgerError, Record};
use crate::phase::{self, PhaseError};
use crate::restore_point::{self, RestorePointError};
use crate::switch::{self, Mode, SwitchError, Switchboard, Wish};

/// Subject of the record of one step.
const STEP: &str = "rollback step";
/// Subject of the record of a whole rollback.
const RUN: &str = "rollback run";
/// Subject of a rehearsal's certificate.
const REHEARSAL: &str = "rollback rehearse";

/// The steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Is there evidence that calls for it?
    Evidence,
    /// The suite's own processes are stopped.
    Stop,
    /// Every capability goes back to `legacy`.
    Switches,
    /// The code comes back.
    Code,
    /// The data comes back, into a new database.
    Database,
    /// The phase is taken back.
    Phase,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Evidence,
        Self::Stop,
        Self::Switches,
        Self::Code,
        Self::Database,
        Self::Phase,
    ];

    /// The word in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Stop => "stop",
            Self::Switches => "switches",
            Self::Code => "code",
            Self::Database => "database",
            Self::Phase => "phase",
        }
    }
}

/// Where the code goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodePlace {
    /// Into a new folder.
    Beside(PathBuf),
    /// Into the checkout, after a restore point of what is there.
    InPlace,
}

/// The code to bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeOptions {
    /// A restore point's tag or commit.
    pub point: String,
    /// Where to.
    pub place: CodePlace,
}

/// The data to bring back.
#[derive(Debug, Clone)]
pub struct DataOptions {
    /// Name of the backup.
    pub backup: String,
    /// How it is restored and compared.
    pub verify: VerifyOptions,
    /// Name of the new database.
    pub database: String,
}

/// What a rollback does.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunOptions {
    /// Names this rollback; giving the name of an interrupted one goes on with it.
    pub id: String,
    /// The checkout.
    pub project: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// The code; `None` leaves it.
    pub code: Option<CodeOptions>,
    /// The data; `None` leaves it.
    pub data: Option<DataOptions>,
}

impl RunOptions {
    /// Only processes and switches.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        project: impl Into<PathBuf>,
        state: impl Into<PathBuf>,
    ) -> Self {
        Self {
            id: id.into(),
            project: project.into(),
            state: state.into(),
            code: None,
            data: None,
        }
    }
}

/// One step that was taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StepResult {
    /// Which.
    pub stage: Stage,
    /// What came out.
    pub verdict: Verdict,
    /// In words.
    pub what: String,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// Whether an earlier, interrupted run had done it already.
    pub resumed: bool,
}

/// A rollback, or a rehearsal of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunReport {
    /// Its name.
    pub id: String,
    /// `Proven` when every step is.
    pub verdict: Verdict,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// The steps, in order.
    pub steps: Vec<StepResult>,
    /// All of them together, in milliseconds.
    pub elapsed_ms: u64,
    /// What is left for a person to do.
    pub next: Vec<String>,
}

impl RunReport {
    fn of(id: &str, steps: Vec<StepResult>, begun: Instant, next: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            verdict: Verdict::all(
                steps
                    .iter()
                    .map(|step| step.verdict.clone().about(step.stage.as_str())),
            ),
            ended_at: Utc::now(),
            elapsed_ms: milliseconds(begun),
            steps,
            next,
        }
    }

    fn entry(&self, subject: &str) -> Entry {
        let mut entry = Entry::new(subject, self.verdict.clone())
            .figure("run", self.id.as_str())
            .figure("elapsed_ms", self.elapsed_ms);
        for step in &self.steps {
            entry = entry.figure(format!("{}_ms", step.stage.as_str()), step.elapsed_ms);
        }
        entry
    }
}

/// Why a rollback could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// Nothing calls for it.
    #[error("nothing calls for a rollback: {0}")]
    NoEvidence(String),
    /// The ledger could not be read or written.
    #[error("the evidence could not be read or recorded")]
    Ledger(#[from] LedgerError),
    /// A process could not be stopped, or a folder not be used.
    #[error("could not {operation}")]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// A capability could not be switched.
    #[error("a switch could not be taken back")]
    Switch(#[from] SwitchError),
    /// The code could not be restored.
    #[error("the code could not be restored")]
    Code(#[from] RestorePointError),
    /// The data could not be restored.
    #[error("the data could not be restored")]
    Data(#[from] BackupError),
    /// The phase could not be taken back.
    #[error("the phase could not be taken back")]
    Phase(#[from] PhaseError),
}

impl Hint for RollbackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoEvidence(_) => {
                Some("run `nba health` first; a restore is never made on suspicion".to_owned())
            }
            Self::Ledger(error) => error.hint(),
            Self::Switch(error) => error.hint(),
            Self::Code(error) => error.hint(),
            Self::Data(error) => error.hint(),
            Self::Phase(error) => error.hint(),
            Self::Io { .. } => None,
        }
    }
}

fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Goes back, step by step; every step is in the ledger before the next begins.
///
/// Run again with the same `id` after an interruption, it leaves out what is proven and goes on. It stops only processes of the suite,
/// restores data only into a new database, and never without a newest health record that is refuted.
///
/// # Errors
///
/// [`RollbackError`]; the steps taken so far are in the ledger.
pub async fn run(ledger: &Ledger, options: &RunOptions) -> Result<RunReport, RollbackError> {
    let begun = Instant::now();
    let mut steps: Vec<StepResult> = Vec::new();
    let mut next = Vec::new();
    let records = ledger.records()?;
    for stage in Stage::ALL {
        if let Some(done) = done_before(&records, &options.id, stage) {
            steps.push(done);
            continue;
        }
        let started = Instant::now();
        let record = |verdict: &Verdict, what: &str| {
            ledger.append(
                &Entry::new(STEP, verdict.clone())
                    .figure("run", options.id.as_str())
                    .figure("step", stage.as_str())
                    .figure("what", what),
            )
        };
        let told_first = fault::planted("rollback-tells-first");
        if told_first {
            record(&Verdict::Proven, "told before it was done")?;
        }
        let (verdict, what) = take(ledger, options, stage).await?;
        fault::point("rollback.taken");
        if !told_first {
            record(&verdict, &what)?;
        }
        fault::point("rollback.recorded");
        let failed = verdict.is_refuted() || matches!(verdict, Verdict::NotProven { .. });
        steps.push(StepResult {
            stage,
            verdict,
            what,
            elapsed_ms: milliseconds(started),
            resumed: false,
        });
        if failed {
            next.push(format!(
                "look at the step `{}`, then go on with `--id {}`",
                stage.as_str(),
                options.id
            ));
            break;
        }
    }
    if let Some(data) = &options.data
        && steps.len() == Stage::ALL.len()
    {
        next.push(format!(
            "`{}` was proven identical to the backup; point the platform at it when its writers stand still",
            data.database
        ));
    }
    let report = RunReport::of(&options.id, steps, begun, next);
    ledger.append(&report.entry(RUN))?;
    Ok(report)
}

/// A step that an interrupted run of the same name proved.
fn done_before(records: &[Record], id: &str, stage: Stage) -> Option<StepResult> {
    let figure = |record: &Record, name: &str| {
        let value = record.entry.figures.get(name)?;
        value.as_str().map(str::to_owned)
    };
    let record = records.iter().rev().find(|record| {
        record.entry.subject == STEP
            && figure(record, "run").as_deref() == Some(id)
            && figure(record, "step").as_deref() == Some(stage.as_str())
    })?;
    let done = matches!(
        record.entry.verdict,
        Verdict::Proven | Verdict::NotApplicable { .. }
    );
    done.then(|| StepResult {
        stage,
        verdict: record.entry.verdict.clone(),
        what: figure(record, "what").unwrap_or_default(),
        elapsed_ms: 0,
        resumed: true,
    })
}

async fn take(
    ledger: &Ledger,
    options: &RunOptions,
    stage: Stage,
) -> Result<(Verdict, String), RollbackError> {
    Ok(match stage {
        Stage::Evidence => evidence(ledger)?,
        Stage::Stop => stop(&options.state)?,
        Stage::Switches => {
            let why = format!("rollback {}", options.id);
            let moved = switch::all_to_legacy(ledger, "nba rollback", &why)?;
            let what = match moved.len() {
                0 => "every capability is legacy already".to_owned(),
                _ => format!("back to legacy: {}", moved.join(", ")),
            };
            (Verdict::Proven, what)
        }
        Stage::Code => match &options.code {
            None => (
                Verdict::not_applicable("not asked for"),
                "the code stays".to_owned(),
            ),
            Some(code) => bring_code(&options.project, code)?,
        },
        Stage::Database => match &options.data {
            None => (
                Verdict::not_applicable("not asked for"),
                "the data stays".to_owned(),
            ),
            Some(data) => bring_data(ledger, data).await?,
        },
        Stage::Phase => {
            phase::fall_back_once(ledger, 0, &format!("rollback {}", options.id))?;
            (Verdict::Proven, "the plan is back at phase 0".to_owned())
        }
    })
}

/// The newest health record must say that something is lost.
fn evidence(ledger: &Ledger) -> Result<(Verdict, String), RollbackError> {
    if ledger.verify()?.verdict.is_refuted() {
        return Err(RollbackError::NoEvidence(
            "the ledger is damaged".to_owned(),
        ));
    }
    let records = ledger.records()?;
    let Some(health) = records
        .iter()
        .rev()
        .find(|record| record.entry.subject == "health")
    else {
        return Err(RollbackError::NoEvidence(
            "health was never recorded".to_owned(),
        ));
    };
    if !health.entry.verdict.is_refuted() {
        return Err(RollbackError::NoEvidence(format!(
            "the newest health record, {}, is {}",
            health.sequence,
            health.entry.verdict.as_str().replace('_', " ")
        )));
    }
    let reasons = health.entry.verdict.reasons().join("; ");
    Ok((
        Verdict::Proven,
        format!("record {}: {reasons}", health.sequence),
    ))
}

fn stop(state: &Path) -> Result<(Verdict, String), RollbackError> {
    let stopped = suite::stop_all(state).map_err(|source| RollbackError::Io {
        operation: "stop the suite's processes",
        source,
    })?;
    if stopped.is_empty() {
        let what = "no process of the suite is on record";
        return Ok((Verdict::not_applicable(what), what.to_owned()));
    }
    let what = stopped
        .iter()
        .map(|one| format!("process {}: {}", one.pid, one.what))
        .collect::<Vec<_>>()
        .join("; ");
    Ok((
        Verdict::all(stopped.into_iter().map(|one| one.verdict)),
        what,
    ))
}

fn bring_code(project: &Path, code: &CodeOptions) -> Result<(Verdict, String), RollbackError> {
    let restored = match &code.place {
        CodePlace::Beside(folder) => {
            // What an interrupted run left there is ours and not whole.
            let unfinished = folder.with_added_extension("unproven");
            if unfinished.is_dir() {
                fs::remove_dir_all(&unfinished).map_err(|source| RollbackError::Io {
                    operation: "remove what an interrupted run left",
                    source,
                })?;
            }
            // A whole one, named just before an earlier run was interrupted: it counts if it is what it would be.
            if folder.is_dir() {
                restore_point::compare_beside(project, &code.point, folder)?
            } else {
                let restored = restore_point::restore_beside(project, &code.point, &unfinished)?;
                fault::point("rollback.code");
                if restored.verdict.is_proven() {
                    fs::rename(&unfinished, folder).map_err(|source| RollbackError::Io {
                        operation: "name the restored folder",
                        source,
                    })?;
                    fault::point("rollback.code-named");
                }
                restored
            }
        }
        CodePlace::InPlace => restore_point::restore_in_place(project, &code.point)?,
    };
    let what = format!("{} files of {}", restored.files, restored.commit);
    Ok((restored.verdict, what))
}

async fn bring_data(
    ledger: &Ledger,
    data: &DataOptions,
) -> Result<(Verdict, String), RollbackError> {
    let mut verify = data.verify.clone();
    verify.expected_manifest = Proofs::read(ledger)?.recorded_manifest(&data.backup);
    let restored = backup::restore_new(&data.backup, &verify, &data.database).await?;
    Ok((
        restored.verdict.clone(),
        format!("`{}`: {}", data.database, restored.statement),
    ))
}

/// What a rehearsal goes through.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RehearseOptions {
    /// The checkout.
    pub project: PathBuf,
    /// A restore point's tag or commit.
    pub point: String,
    /// The backup.
    pub backup: String,
    /// How it is restored and compared, in a scratch place.
    pub verify: VerifyOptions,
}

impl RehearseOptions {
    /// All of it.
    #[must_use]
    pub fn new(
        project: impl Into<PathBuf>,
        point: impl Into<String>,
        backup: impl Into<String>,
        verify: VerifyOptions,
    ) -> Self {
        Self {
            project: project.into(),
            point: point.into(),
            backup: backup.into(),
            verify,
        }
    }
}

/// Does everything a rollback does in scratch places, measures it and writes the certificate. Nothing real is stopped, switched or
/// restored over.
///
/// # Errors
///
/// [`RollbackError`] when it could not be tried; what failed is a verdict of the report.
pub async fn rehearse(
    ledger: &Ledger,
    options: &RehearseOptions,
) -> Result<RunReport, RollbackError> {
    let begun = Instant::now();
    let scratch = tempfile::tempdir().map_err(|source| RollbackError::Io {
        operation: "make a scratch folder",
        source,
    })?;
    let mut steps = Vec::new();
    let mut add = |stage, started: Instant, (verdict, what): (Verdict, String)| {
        steps.push(StepResult {
            stage,
            verdict,
            what,
            elapsed_ms: milliseconds(started),
            resumed: false,
        });
    };

    let started = Instant::now();
    let folder = scratch.path().to_owned();
    let stopped = tokio::task::spawn_blocking(move || rehearse_stop(&folder))
        .await
        .map_err(BackupError::from)?;
    add(Stage::Stop, started, stopped?);

    let started = Instant::now();
    add(Stage::Switches, started, rehearse_switches(scratch.path())?);

    let started = Instant::now();
    let code = CodeOptions {
        point: options.point.clone(),
        place: CodePlace::Beside(scratch.path().join("code")),
    };
    add(Stage::Code, started, bring_code(&options.project, &code)?);

    let started = Instant::now();
    let mut verify = options.verify.clone();
    verify.expected_manifest = Proofs::read(ledger)?.recorded_manifest(&options.backup);
    let restored = backup::verify(&options.backup, &verify).await?;
    ledger.append(&restored.entry(&verify.folder))?;
    add(
        Stage::Database,
        started,
        (restored.verdict, restored.statement),
    );

    let id = format!("rehearsal-{}", Utc::now().format("%Y%m%dT%H%M%SZ"));
    let report = RunReport::of(&id, steps, begun, Vec::new());
    let entry = report
        .entry(REHEARSAL)
        .figure("backup", options.backup.as_str())
        .figure("point", options.point.as_str());
    ledger.append(&entry)?;
    Ok(report)
}

/// A stand-in process is put on record and stopped; a bystander with the same arguments is not.
fn rehearse_stop(folder: &Path) -> Result<(Verdict, String), RollbackError> {
    let failed = |operation| move |source| RollbackError::Io { operation, source };
    let stand_in = || {
        Command::new("sleep")
            .arg("600")
            .stdin(Stdio::null())
            .spawn()
            .map_err(failed("start a stand-in process"))
    };
    let mut ours = stand_in()?;
    let mut bystander = stand_in()?;
    let outcome = suite::register(folder, ours.id())
        .and_then(|record| suite::stop_all(folder).map(|stopped| (record, stopped)))
        .map_err(failed("stop a stand-in process"));
    let spared = bystander.try_wait().is_ok_and(|ended| ended.is_none());
    for child in [&mut ours, &mut bystander] {
        let _ = child.kill();
        let _ = child.wait();
    }
    let (_, stopped) = outcome?;
    let verdict = Verdict::all(
        stopped
            .iter()
            .map(|one| one.verdict.clone())
            .chain([if stopped.len() == 1 {
                Verdict::Proven
            } else {
                Verdict::refuted("not exactly one process was stopped")
            }])
            .chain([if spared {
                Verdict::Proven
            } else {
                Verdict::refuted("a bystander was stopped")
            }]),
    );
    Ok((
        verdict,
        "exactly the recorded process was stopped".to_owned(),
    ))
}

/// A capability is brought to shadow in a ledger of its own and taken back.
fn rehearse_switches(folder: &Path) -> Result<(Verdict, String), RollbackError> {
    let ledger = Ledger::in_folder(folder.join("ledger"));
    let capability = "rehearsal.unit";
    switch::switch(
        &ledger,
        &Wish {
            capability: capability.to_owned(),
            to: Mode::Shadow,
            by: "nba rollback rehearse".to_owned(),
            why: "a rehearsal".to_owned(),
        },
    )?;
    let moved = switch::all_to_legacy(&ledger, "nba rollback rehearse", "a rehearsal")?;
    let mode = Switchboard::read(&ledger)?.mode(capability);
    let verdict = if moved == [capability] && mode == Mode::Legacy {
        Verdict::Proven
    } else {
        Verdict::refuted(format!("the capability stands at {mode}"))
    };
    Ok((verdict, "a switch was taken back".to_owned()))
}
