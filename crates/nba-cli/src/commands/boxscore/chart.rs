//! `nba boxscore chart`.

use std::path::Path;

use anyhow::Context as _;
use nba_boxscore::{Chart, Panel, Timeline, verify};
use nba_etl::boxscore::png;
use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use serde::Serialize;

use super::place::{Played, played};
use super::{store, told};
use crate::cli::boxscore::{GameArgs, PanelName};
use crate::commands::Code;
use crate::context::Context;
use crate::render::Out;

/// Size of the flow in a terminal: a cell per minute at least, and half of a usual window.
const COLUMNS: u16 = 72;
const ROWS: u16 = 12;

/// A chart for `--json`.
#[derive(Serialize)]
struct ChartView<'a> {
    game: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
    svg: Option<String>,
    png: Option<String>,
    shots: usize,
    flow: &'a [String],
    players: &'a [String],
}

/// Files that are asked for.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) svg: Option<&'a Path>,
    pub(super) png: Option<&'a Path>,
}

pub(super) fn run(
    context: &Context,
    args: &GameArgs,
    files: Files<'_>,
    panels: &[PanelName],
) -> anyhow::Result<Code> {
    let panels: Vec<Panel> = match panels {
        [] => Panel::ALL.to_vec(),
        some => some
            .iter()
            .map(|panel| match panel {
                PanelName::Flow => Panel::Flow,
                PanelName::Players => Panel::Players,
                PanelName::Shots => Panel::Shots,
            })
            .collect(),
    };
    let out = context.out;
    let log = match played(context, args)? {
        Played::Stored(game) => {
            let mut chart = Chart::new(&store::rosters(&game), &[], &game.timeline);
            chart.shots.clone_from(&game.shots);
            let verdict = Verdict::all([game.card.counts.clone(), game.card.court.clone()]);
            return draw(out, &chart, files, &panels, &verdict);
        }
        Played::Told(log) => log,
    };
    let game = verify(&log);
    let timeline = Timeline::new(log.roster_sizes(), &game.events)
        .with_context(|| format!("game `{}` cannot be counted", log.id))?;
    let chart = Chart::new(&log, &game.events, &timeline);
    let verdict = Verdict::all([game.counts(), game.court()]);
    draw(out, &chart, files, &panels, &verdict)
}

fn draw(
    out: Out,
    chart: &Chart<'_>,
    files: Files<'_>,
    panels: &[Panel],
    verdict: &Verdict,
) -> anyhow::Result<Code> {
    let write = |file: &Path, content: &[u8]| {
        atomic::replace(file, content, NewFile::Readable)
            .with_context(|| format!("cannot write `{}`", file.display()))
    };
    if let Some(file) = files.svg {
        write(file, chart.svg(panels).as_bytes())?;
    }
    if let Some(file) = files.png {
        write(file, &png(&chart.drawing(panels))?)?;
    }
    let shown = |file: &Path| file.display().to_string();
    let (flow, players) = (chart.flow_text(COLUMNS, ROWS), chart.players_text());
    out.json(&ChartView {
        game: &chart.title,
        verdict,
        svg: files.svg.map(shown),
        png: files.png.map(shown),
        shots: chart.shots.len(),
        flow: &flow,
        players: &players,
    })?;
    let drawn: Vec<&Path> = files.svg.into_iter().chain(files.png).collect();
    for file in &drawn {
        out.line(&format!("drawn in {}", file.display()));
    }
    if drawn.is_empty() {
        if panels.contains(&Panel::Flow) {
            out.line(&format!(
                "{} above, {} below",
                chart.teams[0], chart.teams[1]
            ));
            for line in &flow {
                out.line(line);
            }
        }
        if panels.contains(&Panel::Players) {
            for line in &players {
                out.line(line);
            }
        }
        if panels.contains(&Panel::Shots) {
            out.line(&format!(
                "{} shots with a place; --svg and --png draw them",
                chart.shots.len()
            ));
        }
    }
    out.line(&told(verdict));
    Ok(verdict.exit_code())
}
