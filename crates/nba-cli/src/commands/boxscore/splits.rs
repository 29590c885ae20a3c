//! `nba boxscore splits`.

use anyhow::Context as _;
use nba_boxscore::{GameLog, Grid, Line, PlayerRef, Timeline, verify};
use nba_utils::Verdict;
use serde::Serialize;

use super::place::{Played, played};
use super::{row, store, told};
use crate::cli::boxscore::{GameArgs, GridName};
use crate::commands::Code;
use crate::context::Context;
use crate::render::Out;

/// One line of a stretch.
#[derive(Serialize)]
struct LineView<'a> {
    side: nba_boxscore::Side,
    /// None for what belongs to the team alone.
    player: Option<&'a str>,
    id: Option<u64>,
    #[serde(flatten)]
    line: Line,
}

/// One stretch.
#[derive(Serialize)]
struct SplitView<'a> {
    label: String,
    from_tenths: u32,
    until_tenths: u32,
    events: usize,
    lines: Vec<LineView<'a>>,
}

/// All stretches of a game, for `--json`.
#[derive(Serialize)]
struct SplitsView<'a> {
    game: &'a str,
    #[serde(flatten)]
    verdict: &'a Verdict,
    grid: &'static str,
    splits: Vec<SplitView<'a>>,
}

pub(super) fn run(context: &Context, args: &GameArgs, grid: GridName) -> anyhow::Result<Code> {
    let grid = match grid {
        GridName::Period => Grid::Periods,
        GridName::Half => Grid::Halves,
        GridName::SixMinutes => Grid::SixMinutes,
        GridName::ThreeMinutes => Grid::ThreeMinutes,
        GridName::NinetySeconds => Grid::NinetySeconds,
        GridName::Minutes => Grid::Minutes,
        GridName::Seconds => Grid::Seconds,
        GridName::Tenths => Grid::Tenths,
    };
    let out = context.out;
    let log = match played(context, args)? {
        Played::Stored(game) => {
            let verdict = Verdict::all([game.card.counts.clone(), game.card.court.clone()]);
            return print(out, &store::rosters(&game), &game.timeline, grid, &verdict);
        }
        Played::Told(log) => log,
    };
    let game = verify(&log);
    let timeline = Timeline::new(log.roster_sizes(), &game.events)
        .with_context(|| format!("game `{}` cannot be counted", log.id))?;
    let verdict = Verdict::all([game.counts(), game.court()]);
    print(out, &log, &timeline, grid, &verdict)
}

fn print(
    out: Out,
    log: &GameLog,
    timeline: &Timeline,
    grid: Grid,
    verdict: &Verdict,
) -> anyhow::Result<Code> {
    let fine = matches!(grid, Grid::Seconds | Grid::Tenths);
    let splits: Vec<SplitView<'_>> = timeline
        .splits(grid)
        .filter(|split| !fine || !split.events.is_empty())
        .map(|split| SplitView {
            label: split.span.label(),
            from_tenths: split.span.from,
            until_tenths: split.span.until,
            events: split.events.len(),
            lines: timeline
                .holders()
                .zip(split.lines)
                .filter(|(_, line)| *line != Line::default())
                .map(|((side, slot), line)| {
                    let entry = slot.and_then(|slot| log.player(PlayerRef { side, slot }));
                    LineView {
                        side,
                        player: entry.map(|entry| entry.name.as_str()),
                        id: entry.and_then(|entry| entry.id),
                        line,
                    }
                })
                .collect(),
        })
        .collect();
    for split in &splits {
        out.line(&format!("{} ({} events)", split.label, split.events));
        out.table(
            &super::COLUMNS,
            split.lines.iter().map(|one| {
                let name = one.player.unwrap_or("team");
                row(
                    format!("{name} ({})", one.side),
                    &one.line,
                    one.player.is_some(),
                )
            }),
        );
    }
    out.json(&SplitsView {
        game: &log.id,
        verdict,
        grid: grid.name(),
        splits,
    })?;
    out.line(&told(verdict));
    Ok(verdict.exit_code())
}
