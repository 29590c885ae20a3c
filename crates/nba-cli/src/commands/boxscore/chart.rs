//! `nba boxscore chart`.

use std::path::Path;

use anyhow::Context as _;
use nba_boxscore::{Chart, Panel, Timeline, verify};
use nba_etl::boxscore::Store;
use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use serde::Serialize;

use super::{load, store, told};
use crate::cli::boxscore::{GameArgs, PanelName};
use crate::commands::Code;
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
    shots: usize,
    flow: &'a [String],
    players: &'a [String],
}

pub(super) fn run(
    out: Out,
    args: &GameArgs,
    svg: Option<&Path>,
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
    if Store::is_one(&args.file) {
        let game = store::game(args)?;
        let chart = Chart::new(&store::rosters(&game), &[], &game.timeline);
        let verdict = Verdict::all([game.card.counts.clone(), game.card.court.clone()]);
        return draw(out, &chart, svg, &panels, &verdict);
    }
    let log = load(args)?;
    let game = verify(&log);
    let timeline = Timeline::new(log.roster_sizes(), &game.events)
        .with_context(|| format!("game `{}` cannot be counted", log.id))?;
    let chart = Chart::new(&log, &game.events, &timeline);
    let verdict = Verdict::all([game.counts(), game.court()]);
    draw(out, &chart, svg, &panels, &verdict)
}

fn draw(
    out: Out,
    chart: &Chart<'_>,
    svg: Option<&Path>,
    panels: &[Panel],
    verdict: &Verdict,
) -> anyhow::Result<Code> {
    if let Some(file) = svg {
        atomic::replace(file, chart.svg(panels).as_bytes(), NewFile::Readable)
            .with_context(|| format!("cannot write `{}`", file.display()))?;
    }
    let (flow, players) = (chart.flow_text(COLUMNS, ROWS), chart.players_text());
    out.json(&ChartView {
        game: &chart.title,
        verdict,
        svg: svg.map(|file| file.display().to_string()),
        shots: chart.shots.len(),
        flow: &flow,
        players: &players,
    })?;
    if let Some(file) = svg {
        out.line(&format!("drawn in {}", file.display()));
    } else {
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
                "{} shots with a place; --svg draws them",
                chart.shots.len()
            ));
        }
    }
    out.line(&told(verdict));
    Ok(verdict.exit_code())
}
