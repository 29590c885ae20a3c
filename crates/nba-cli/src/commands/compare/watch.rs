//! What happens to the differences while a comparison runs: they are explained, written to files, and counted on the terminal.

use crate::render::Out;
use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use nba_db::Database;
use nba_db::catalog;
use nba_db::compare::explain::{Explainer, Explanation};
use nba_db::compare::repair::{RepairCounts, RepairScript};
use nba_db::compare::report::DifferenceFile;
use nba_db::compare::{Difference, Observer, PlanView, Progress, Relation};
use nba_db::identity::Brief;
use nba_utils::format::thousands;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;

/// Where differences go besides the report.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// All differences.
    pub(crate) parquet: Option<PathBuf>,
    /// The repair script.
    pub(crate) repair: Option<PathBuf>,
    /// The repair script on standard output instead.
    pub(crate) repair_to_stdout: bool,
}

/// What was seen when all is over.
pub(crate) struct Seen {
    pub(crate) explanation: Explanation,
    pub(crate) repair: Option<RepairCounts>,
}

/// Sees every difference.
pub(crate) struct Watch {
    explainer: Option<Explainer>,
    parquet: Option<DifferenceFile>,
    repair: Repair,
    bar: ProgressBar,
}

enum Repair {
    NotAsked,
    Asked(Box<Target>),
    Running(RepairScript<Box<dyn Write + Send>>),
}

/// What a script has to know of the table it repairs.
struct Target {
    out: Box<dyn Write + Send>,
    identity: Brief,
    table: catalog::Relation,
}

impl Watch {
    /// Opens what is to be written, before anything is read.
    pub(crate) async fn new(
        out: Out,
        outputs: Outputs,
        right: &Database,
        relation: &Relation,
    ) -> anyhow::Result<Self> {
        let parquet = outputs.parquet.as_deref().map(DifferenceFile::create);
        let script: Option<Box<dyn Write + Send>> = match &outputs.repair {
            Some(file) => {
                let file = File::create(file)
                    .with_context(|| format!("cannot write `{}`", file.display()))?;
                Some(Box::new(BufWriter::new(file)))
            }
            None if outputs.repair_to_stdout => Some(Box::new(io::stdout())),
            None => None,
        };
        let repair = match script {
            Some(out) => Repair::Asked(Box::new(target(out, right, relation).await?)),
            None => Repair::NotAsked,
        };
        let visible = !out.quiet && io::stderr().is_terminal();
        Ok(Self {
            explainer: None,
            parquet: parquet.transpose()?,
            repair,
            bar: if visible {
                bar()
            } else {
                ProgressBar::hidden()
            },
        })
    }

    /// Ends the files.
    pub(crate) fn finish(self) -> anyhow::Result<Seen> {
        self.bar.finish_and_clear();
        if let Some(file) = self.parquet {
            file.finish()?;
        }
        let repair = match self.repair {
            Repair::Running(script) => Some(
                script
                    .finish()
                    .context("the repair script cannot be written")?,
            ),
            Repair::NotAsked | Repair::Asked(_) => None,
        };
        Ok(Seen {
            explanation: self.explainer.map(Explainer::finish).unwrap_or_default(),
            repair,
        })
    }
}

async fn target(
    out: Box<dyn Write + Send>,
    right: &Database,
    relation: &Relation,
) -> anyhow::Result<Target> {
    let Relation::Table(name) = relation else {
        bail!("a query cannot be repaired: leave --repair out, or compare with a table");
    };
    let catalog = right.catalog().await?;
    let Some(table) = catalog
        .relations
        .into_iter()
        .find(|relation| relation.table == *name)
    else {
        bail!("there is no table `{name}` on the right side");
    };
    Ok(Target {
        out,
        identity: right.identity().await?.brief,
        table,
    })
}

fn bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("  {bar:24} {pos} of {len} key ranges, {msg} {elapsed}")
            .expect("the template is a constant")
            .progress_chars("━━ ");
    ProgressBar::new(0).with_style(style)
}

impl Observer for Watch {
    fn started(&mut self, plan: &PlanView<'_>) -> io::Result<()> {
        self.explainer = Some(Explainer::new(plan.key, plan.columns));
        self.repair = match std::mem::replace(&mut self.repair, Repair::NotAsked) {
            Repair::Asked(target) => Repair::Running(
                RepairScript::begin(
                    target.out,
                    &target.identity,
                    &target.table,
                    plan.key,
                    plan.columns,
                )
                .map_err(io::Error::other)?,
            ),
            other => other,
        };
        Ok(())
    }

    fn difference(&mut self, difference: &Difference) -> io::Result<()> {
        if let Some(explainer) = &mut self.explainer {
            explainer.observe(difference);
        }
        if let Some(file) = &mut self.parquet {
            file.add(difference).map_err(io::Error::other)?;
        }
        match &mut self.repair {
            Repair::Running(script) => script.add(difference),
            Repair::NotAsked | Repair::Asked(_) => Ok(()),
        }
    }

    fn progress(&mut self, progress: Progress) {
        self.bar.set_length(progress.parts);
        self.bar.set_position(progress.parts_done);
        self.bar.set_message(format!(
            "{} rows, {} differences,",
            thousands(progress.left_rows.max(progress.right_rows)),
            thousands(progress.differences)
        ));
    }
}
