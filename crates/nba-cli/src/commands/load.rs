//! `nba load`.

use super::Code;
use crate::cli::load::{LoadArgs, LoadCommand};
use crate::cli::shadow::ShadowMode;
use crate::context::Context;
use crate::render::{Tone, cells};
use anyhow::bail;
use nba_db::Purpose;
use nba_etl::lake::Lake;
use nba_etl::native::Mode;
use nba_etl::native::job::{
    Documents, Held, JobOptions, JobReport, PieceReport, Source, run as load,
};
use nba_migration::ledger::{Entry, Ledger};
use nba_migration::shadow::CAPABILITIES;
use nba_migration::switch::{Claim, Extent, Side, Switchboard};
use nba_utils::format::thousands;
use nba_utils::{Verdict, exit_code};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Longest statement: the merge of a season of plays into an indexed table of fifteen million rows.
const STATEMENT: Duration = Duration::from_secs(3600);

/// Longest wait for another writer of the same table: a run of the script takes longer, and is told instead of waited for.
const PERMIT: Duration = Duration::from_secs(30);

/// Folders that make a folder a lake.
const PREFIXES: [&str; 5] = [
    "espn_play_by_play",
    "espn_schedules",
    "espn_box_scores",
    "hoopr_phase1",
    "hoopr_parquet",
];

pub(crate) async fn run(context: &Context, command: &LoadCommand) -> anyhow::Result<Code> {
    match command {
        LoadCommand::Espn(args) => from(context, Source::Espn, args).await,
        LoadCommand::Hoopr(args) => from(context, Source::Hoopr, args).await,
    }
}

async fn from(context: &Context, source: Source, args: &LoadArgs) -> anyhow::Result<Code> {
    let config = context.config()?;
    let documents = match documents(&args.paths)? {
        Some(documents) => documents,
        None => Documents::Lake(Arc::new(Lake::s3(&config.s3()?).await)),
    };
    let mut options = JobOptions::new(source, config.state_directory()?);
    options.mode = match args.mode {
        ShadowMode::Compat => Mode::Compat,
        ShadowMode::Correct => Mode::Correct,
    };
    options.tables.clone_from(&args.tables);
    options.years.clone_from(&args.years);
    options.restart = args.restart;

    let db = context.connect(&config, "load").await?;
    let identity = db.identity().await?;
    let target = format!(
        "{} {} {}",
        identity
            .brief
            .system_identifier
            .as_deref()
            .unwrap_or("unknown"),
        identity.brief.database,
        identity.brief.database_oid
    );
    let mut writer = if args.dry_run {
        None
    } else {
        let what = match source {
            Source::Espn => "load ESPN documents",
            Source::Hoopr => "load hoopR season files",
        };
        Some(
            db.writer(Purpose::new(what).statement_timeout(STATEMENT))
                .await?,
        )
    };
    let mut rights = Rights::of(&Context::ledger(&config)?)?;
    let outcome = load(
        &db,
        writer.as_mut(),
        &documents,
        &target,
        &options,
        &mut |table| rights.hold(table),
        &mut |piece| context.out.note(&step(piece)),
    )
    .await;
    if let Some(writer) = writer {
        let _audit = writer.finish().await;
    }
    db.close().await;
    let report = outcome?;
    if !args.dry_run {
        let entry = Entry::new(
            match source {
                Source::Espn => "load espn",
                Source::Hoopr => "load hoopr",
            },
            report.verdict.clone(),
        )
        .about(&identity)
        .figure("documents", report.documents.as_str())
        .figure("mode", serde_json::to_value(report.mode)?)
        .figure("read", report.total.read)
        .figure("inserted", report.total.inserted)
        .figure("updated", report.total.updated)
        .figure("unchanged", report.total.unchanged)
        .figure("rejected", report.total.rejected);
        context.append(&config, &entry)?;
    }
    context.out.json(&report)?;
    show(context, &report);
    Ok(code(&report.verdict))
}

/// Who writes what, as the switches say when the load begins.
///
/// A capability that was never switched is nobody's business yet: who loads a new database has nobody to ask. Once it was, only the side
/// it is switched to writes, and a switch in the middle of a load ends it before its next piece.
struct Rights {
    ledger: Ledger,
    claims: BTreeMap<String, Claim>,
}

impl Rights {
    fn of(ledger: &Ledger) -> anyhow::Result<Self> {
        let known = CAPABILITIES.iter().flat_map(|known| {
            let tables = known.tables().into_iter();
            tables.map(|table| (table.name, known.name))
        });
        let mut claims = BTreeMap::new();
        for (table, capability) in known {
            claims.insert(table, Claim::take(ledger, capability, Side::Native)?);
        }
        Ok(Self {
            ledger: ledger.clone(),
            claims,
        })
    }

    fn hold(&mut self, table: &str) -> Result<Held, Box<dyn std::error::Error + Send + Sync>> {
        let Some(claim) = self.claims.get(table) else {
            return Err(format!("`{table}` belongs to no capability").into());
        };
        if Switchboard::read(&self.ledger)?.epoch(claim.capability()) == 0 {
            return Ok(Box::new(()));
        }
        let permit = tokio::task::block_in_place(|| claim.permit(Extent::Whole, PERMIT))?;
        Ok(Box::new(permit))
    }
}

fn code(verdict: &Verdict) -> Code {
    match verdict {
        // A dry run that found nothing wrong did what it is for.
        Verdict::NotApplicable { .. } => exit_code::PROVEN,
        verdict => verdict.exit_code(),
    }
}

/// A folder with a lake's prefixes is one; anything else is files.
fn documents(paths: &[PathBuf]) -> anyhow::Result<Option<Documents>> {
    let lake = |path: &Path| PREFIXES.iter().any(|prefix| path.join(prefix).is_dir());
    match paths {
        [] => Ok(None),
        [path] if lake(path) => Ok(Some(Documents::Lake(Arc::new(Lake::local(path))))),
        paths => {
            for path in paths {
                if lake(path) {
                    bail!(
                        "`{}` is a lake: load it by itself, not beside other paths",
                        path.display()
                    );
                }
                if !path.exists() {
                    bail!("`{}` does not exist", path.display());
                }
            }
            Ok(Some(Documents::Files(paths.to_vec())))
        }
    }
}

/// One line when a piece is finished.
fn step(piece: &PieceReport) -> String {
    let figures = &piece.figures;
    if piece.before {
        return format!("{} {}: loaded before", piece.table, piece.piece);
    }
    format!(
        "{} {}: {} rows read, {} inserted, {} updated, {} unchanged, {} rejected",
        piece.table,
        piece.piece,
        thousands(figures.read),
        thousands(figures.inserted),
        thousands(figures.updated),
        thousands(figures.unchanged),
        thousands(figures.rejected)
    )
}

fn show(context: &Context, report: &JobReport) {
    let out = context.out;
    let rows = report.tables.iter().map(|(table, figures)| {
        let mut row = vec![table.clone().into()];
        row.extend(
            [
                figures.documents,
                figures.missing,
                figures.unreadable,
                figures.read,
                figures.inserted,
                figures.updated,
                figures.unchanged,
                figures.rejected,
            ]
            .map(|figure| cells::right(thousands(figure))),
        );
        row
    });
    out.table(
        &[
            "table",
            "documents",
            "missing",
            "unreadable",
            "read",
            "inserted",
            "updated",
            "unchanged",
            "rejected",
        ],
        rows,
    );
    if report.resumed > 0 {
        out.line(&format!(
            "{} of {} pieces had been loaded before the last run was interrupted",
            thousands(report.resumed),
            thousands(report.pieces)
        ));
    }
    if !report.divergences.is_empty() {
        let ids: Vec<&str> = report.divergences.iter().map(String::as_str).collect();
        out.line(&format!(
            "not what the legacy script does: {} (docs/divergences.md)",
            ids.join(", ")
        ));
    }
    if let Some(file) = &report.quarantine {
        out.line(&format!("quarantine: {}", file.display()));
    }
    let verdict = &report.verdict;
    out.line(
        format!(
            "verdict {} {}",
            Tone::of(verdict).paint(verdict.as_str()),
            verdict.reasons().join("; ")
        )
        .trim_end(),
    );
}
