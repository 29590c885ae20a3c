//! `nba report`.

use super::Code;
use super::evidence::evidence;
use super::watch::folder;
use crate::cli::report::{PlotRange, ReportCommand};
use crate::context::Context;
use anyhow::bail;
use chrono::{TimeDelta, Utc};
use nba_config::Config;
use nba_monitoring::checks;
use nba_monitoring::plot::Plot;
use nba_monitoring::serve::report::Week;
use nba_monitoring::watch::{History, HistoryError};
use nba_utils::atomic::{self, NewFile};
use nba_utils::exit_code;
use nba_utils::format::thousands;
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(context: &Context, command: &ReportCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    match command {
        ReportCommand::Weekly { html } => weekly(context, &config, html.as_deref()).await,
        ReportCommand::Plot {
            name,
            range,
            svg,
            png,
        } => {
            plot(
                context,
                &config,
                name,
                *range,
                svg.as_deref(),
                png.as_deref(),
            )
            .await
        }
        ReportCommand::History { export, names } => history(context, &config, export, names).await,
    }
}

async fn weekly(context: &Context, config: &Config, html: Option<&Path>) -> anyhow::Result<Code> {
    let now = Utc::now();
    let evidence = evidence(config, now)?;
    let week = Week::read(&folder(config)?, now, evidence).await?;
    if let Some(path) = html {
        atomic::replace(path, week.html().as_bytes(), NewFile::Readable)?;
        context.out.note(&format!("wrote `{}`", path.display()));
    }
    context.out.json(&week)?;
    context.out.line(week.text().trim_end());
    Ok(week.standing.exit_code())
}

/// Stretches of a drawing, and of a line of letters.
const DRAWN: u32 = 345;
const LETTERS: u32 = 60;

async fn plot(
    context: &Context,
    config: &Config,
    name: &str,
    range: PlotRange,
    svg: Option<&Path>,
    png: Option<&Path>,
) -> anyhow::Result<Code> {
    let history = History::in_folder(&folder(config)?);
    if !history.path().is_file() {
        return Err(HistoryError::Missing {
            path: history.path().to_owned(),
        }
        .into());
    }
    let to = Utc::now();
    let from = to - TimeDelta::days(range.days());
    let parts = match svg.or(png) {
        Some(_) => DRAWN,
        None => LETTERS,
    };
    let read = history.series(name, from, to, parts).await;
    history.close().await;
    // The series of every name that begins so were read.
    let Some(points) = read?.remove(name) else {
        bail!(
            "the history has no `{name}` in this time; `nba check --list` shows ids of checks, `rows:TABLE` is a table, `monitor.look_ms` the time of a look"
        );
    };
    let unit = match checks::find(name) {
        Some(spec) => spec.value,
        None if name.starts_with("rows:") => "rows",
        None if name.ends_with("_ms") => "ms",
        None if name.ends_with("_bytes") => "bytes",
        None => "",
    };
    let plot = Plot {
        name,
        unit,
        points: &points,
        from,
        to,
        parts,
    };
    let drawing = plot.drawing();
    if let Some(path) = svg {
        atomic::replace(path, drawing.svg().as_bytes(), NewFile::Readable)?;
        context.out.note(&format!("drawn in `{}`", path.display()));
    }
    if let Some(path) = png {
        let picture = nba_etl::boxscore::png(&drawing)?;
        atomic::replace(path, &picture, NewFile::Readable)?;
        context.out.note(&format!("drawn in `{}`", path.display()));
    }
    context.out.json(&json!({
        "name": name, "unit": unit, "from": from, "to": to, "looks": plot.looks(),
        "points": points, "svg": svg, "png": png,
    }))?;
    if svg.or(png).is_none() {
        for line in plot.text() {
            context.out.line(&line);
        }
    }
    Ok(exit_code::PROVEN)
}

async fn history(
    context: &Context,
    config: &Config,
    export: &Path,
    names: &str,
) -> anyhow::Result<Code> {
    let history = History::in_folder(&folder(config)?);
    let rows = history.export(names, export).await;
    history.close().await;
    let rows = rows?;
    context
        .out
        .json(&json!({ "file": export, "rows": rows, "names": names }))?;
    context.out.line(&format!(
        "{} rows in `{}`",
        thousands(rows),
        export.display()
    ));
    Ok(exit_code::PROVEN)
}
