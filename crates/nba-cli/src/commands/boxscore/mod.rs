//! `nba boxscore`.

mod chart;
mod place;
mod splits;
mod store;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nba_boxscore::{
    Confidence, GameBox, GameLog, Line, Moments, PeriodStart, PlayerRef, Side, Verification,
    metrics, verify,
};
use nba_etl::plays::place::{Fit, Step};
use nba_etl::plays::{PlaysError, read_file};
use nba_utils::Verdict;
use nba_utils::atomic::{self, NewFile};
use nba_utils::format::thousands;
use serde::Serialize;

use self::place::{Opened, Played, played};
use super::{Code, block_on};
use crate::cli::boxscore::{BoxscoreCommand, GameArgs, PeriodName, PlaceArgs};
use crate::context::Context;
use crate::render::{Out, Tone, cells};

pub(crate) fn run(context: &Context, command: &BoxscoreCommand) -> anyhow::Result<Code> {
    match command {
        BoxscoreCommand::Show { game, period } => show(context, game, *period),
        BoxscoreCommand::At {
            game,
            period,
            clock,
        } => at(context, game, *period, *clock),
        BoxscoreCommand::Verify {
            place,
            limit,
            counts_only,
        } => verify_all(context, place, *limit, *counts_only),
        BoxscoreCommand::Generate {
            place,
            store,
            out: file,
            prune,
            jobs,
            limit,
        } => match file {
            Some(file) => generate(context, place, file, *limit),
            None => {
                let folder = place::store_folder(context, store.as_deref())?;
                let filling = store::Filling {
                    jobs: *jobs,
                    limit: *limit,
                    prune: *prune,
                };
                store::generate(context, place, &folder, filling)
            }
        },
        BoxscoreCommand::Load {
            store,
            schema,
            with,
            free,
            dry_run,
        } => {
            let order = store::Order {
                folder: &place::store_folder(context, store.as_deref())?,
                schema,
                with,
                free: *free,
                dry_run: *dry_run,
            };
            block_on(store::load(context, &order))
        }
        BoxscoreCommand::Chart {
            game,
            svg,
            png,
            panel,
        } => {
            let files = chart::Files {
                svg: svg.as_deref(),
                png: png.as_deref(),
            };
            chart::run(context, game, files, panel)
        }
        BoxscoreCommand::Splits { game, grid } => splits::run(context, game, *grid),
    }
}

/// The one game that is meant.
fn load(game: &GameArgs) -> anyhow::Result<GameLog> {
    let mut chosen = None;
    let mut ids = Vec::new();
    read_file(&game.file, |_, log| {
        let wanted = game.game.as_ref().is_none_or(|id| *id == log.id);
        ids.push(log.id.clone());
        if wanted && chosen.is_none() {
            chosen = Some(log);
        }
    })?;
    let file = game.file.display();
    match (chosen, &game.game) {
        (Some(_), None) if ids.len() > 1 => {
            let first = ids.first().map_or("", String::as_str);
            bail!(
                "`{file}` holds {} games; name one with --game, such as {first}",
                ids.len()
            )
        }
        (Some(log), _) => Ok(log),
        (None, Some(id)) => bail!("`{file}` has no game `{id}` among its {}", ids.len()),
        (None, None) => bail!("`{file}` has no game"),
    }
}

fn show(context: &Context, args: &GameArgs, period: Option<PeriodName>) -> anyhow::Result<Code> {
    let out = context.out;
    let log = match played(context, args)? {
        Played::Stored(game) => return store::show(out, &game, period),
        Played::Told(log) => log,
    };
    let game = verify(&log);
    let moments = moments(&log, &game)?;
    let score = match period {
        None => game.score.clone(),
        Some(PeriodName(period)) => moments
            .periods()
            .into_iter()
            .nth(usize::from(period).saturating_sub(1))
            .with_context(|| format!("the game has no period {period}"))?,
    };
    render(out, &log, &game, &score)
}

fn at(
    context: &Context,
    args: &GameArgs,
    PeriodName(period): PeriodName,
    clock: nba_utils::Clock,
) -> anyhow::Result<Code> {
    let out = context.out;
    let log = match played(context, args)? {
        Played::Stored(game) => return store::at(out, &game, period, clock),
        Played::Told(log) => log,
    };
    let game = verify(&log);
    clock.check_in(nba_utils::Period::new(period)?)?;
    let last = log.events.last().map_or(0, |event| event.period);
    if period > last {
        bail!("the game has {last} periods, not {period}");
    }
    let score = moments(&log, &game)?.at(period, u16::try_from(clock.tenths())?);
    render(out, &log, &game, &score)
}

fn moments<'g>(log: &GameLog, game: &'g Verification) -> anyhow::Result<Moments<'g>> {
    Moments::new(log.roster_sizes(), &game.events)
        .with_context(|| format!("game `{}` cannot be counted", log.id))
}

/// One player for `--json`.
#[derive(Serialize)]
struct PlayerView<'a> {
    id: Option<u64>,
    name: &'a str,
    #[serde(flatten)]
    line: &'a Line,
    seconds: u32,
    metrics: Option<metrics::PlayerMetrics>,
}

/// One team for `--json`.
#[derive(Serialize)]
struct TeamView<'a> {
    id: Option<u64>,
    name: &'a str,
    total: Line,
    team_only: &'a Line,
    line_score: &'a [u16],
    metrics: metrics::TeamMetrics,
    players: Vec<PlayerView<'a>>,
}

/// A game for `--json`.
#[derive(Serialize)]
struct GameView<'a> {
    game: &'a str,
    #[serde(flatten)]
    verdict: Verdict,
    counts: Verdict,
    court: Verdict,
    figures_compared: usize,
    mismatches: Vec<String>,
    starts: &'a [PeriodStart],
    home: TeamView<'a>,
    away: TeamView<'a>,
}

fn render(out: Out, log: &GameLog, game: &Verification, score: &GameBox) -> anyhow::Result<Code> {
    let verdict = Verdict::all([game.counts(), game.court()]);
    let [home, away] = Side::BOTH.map(|side| team_view(log, score, side));
    out.json(&GameView {
        game: &log.id,
        verdict: verdict.clone(),
        counts: game.counts(),
        court: game.court(),
        figures_compared: game.figures,
        mismatches: game.mismatches.iter().map(ToString::to_string).collect(),
        starts: &game.starts,
        home,
        away,
    })?;
    for side in [Side::Away, Side::Home] {
        print_team(out, log, score, side);
        out.line("");
    }
    out.line(&format!(
        "counts: {} ({} printed figures compared)",
        told(&game.counts()),
        thousands(i128::try_from(game.figures)?)
    ));
    out.line(&format!(
        "time on court and plus/minus: {}",
        told(&game.court())
    ));
    Ok(verdict.exit_code())
}

/// A verdict with its first reasons.
fn told(verdict: &Verdict) -> String {
    Tone::of(verdict).paint(&verdict.brief(REASONS).to_string())
}

/// Reasons of a game that are told.
const REASONS: usize = 3;

fn team_view<'a>(log: &'a GameLog, score: &'a GameBox, side: Side) -> TeamView<'a> {
    let (team, entry) = (&score.teams[side.index()], &log.teams[side.index()]);
    TeamView {
        id: entry.id,
        name: &entry.name,
        total: team.total(),
        team_only: &team.team,
        line_score: &team.line_score,
        metrics: metrics::team(score, side),
        players: (0u8..)
            .zip(entry.players.iter().zip(&team.players))
            .map(|(slot, (player, line))| PlayerView {
                id: player.id,
                name: &player.name,
                line,
                seconds: line.seconds(),
                metrics: metrics::player(score, side, slot),
            })
            .collect(),
    }
}

fn print_team(out: Out, log: &GameLog, score: &GameBox, side: Side) {
    let (team, entry) = (&score.teams[side.index()], &log.teams[side.index()]);
    let name = if entry.name.is_empty() {
        side.to_string()
    } else {
        entry.name.clone()
    };
    let periods: Vec<String> = team.line_score.iter().map(ToString::to_string).collect();
    out.line(&format!(
        "{} {} ({})",
        Tone::Strong.paint(&name),
        team.total().pts,
        periods.join(" ")
    ));
    let timed = team.unknown_periods == 0;
    let mut order: Vec<u8> = (0u8..).zip(&team.players).map(|(slot, _)| slot).collect();
    order.sort_by_key(|slot| std::cmp::Reverse(team.players[usize::from(*slot)].tenths));
    let mut rows: Vec<_> = order
        .into_iter()
        .map(|slot| {
            let line = &team.players[usize::from(slot)];
            row(log.name(PlayerRef { side, slot }), line, timed)
        })
        .collect();
    rows.push(row("team".to_owned(), &team.team, false));
    rows.push(row("total".to_owned(), &team.total(), false));
    out.table(&COLUMNS, rows);
}

/// Headings of a table of lines.
const COLUMNS: [&str; 14] = [
    "player", "min", "pts", "fg", "3p", "ft", "or", "dr", "ast", "stl", "blk", "to", "pf", "+/-",
];

fn row(name: String, line: &Line, timed: bool) -> Vec<comfy_table::Cell> {
    let split = |made: u16, tried: u16| cells::right(format!("{made}-{tried}"));
    let number = |value: u16| cells::right(value.to_string());
    let (minutes, plus_minus) = if timed {
        let seconds = line.seconds();
        (
            format!("{}:{:02}", seconds / 60, seconds % 60),
            format!("{:+}", line.plus_minus),
        )
    } else {
        (String::new(), String::new())
    };
    vec![
        name.into(),
        cells::right(minutes),
        number(line.pts),
        split(line.fgm, line.fga),
        split(line.fg3m, line.fg3a),
        split(line.ftm, line.fta),
        number(line.oreb),
        number(line.dreb),
        number(line.ast),
        number(line.stl),
        number(line.blk),
        number(line.tov),
        number(line.pf),
        cells::right(plus_minus),
    ]
}

/// Every file under the paths, in a stable order, and how many links were left out.
fn files(paths: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, usize)> {
    let mut found = Vec::new();
    let mut links = 0;
    for path in paths {
        // A path that somebody wrote down has to be there; what lies in a folder may come and go.
        let about =
            std::fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        if !about.is_dir() {
            found.push(path.clone());
            continue;
        }
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder)
                .with_context(|| format!("cannot list `{}`", folder.display()))?;
            for entry in entries {
                let entry = entry.with_context(|| format!("cannot list `{}`", folder.display()))?;
                // Links are left out: they may lead round in a circle.
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    found.push(entry.path());
                } else {
                    links += usize::from(kind.is_symlink());
                }
            }
        }
    }
    found.sort();
    found.dedup();
    Ok((found, links))
}

/// What all games come to.
#[derive(Debug, Default, Serialize)]
struct Summary {
    files: usize,
    files_unknown: usize,
    files_unreadable: usize,
    games: usize,
    events: usize,
    figures_compared: usize,
    figures_swapped: usize,
    games_proven: usize,
    games_refuted: usize,
    games_not_proven: usize,
    games_left_out: usize,
    games_of_unknown_season: usize,
    games_court_proven: usize,
    starting_fives: usize,
    starting_fives_inferred: usize,
    starting_fives_unknown: usize,
    findings: Vec<String>,
    findings_dropped: u64,
}

impl Summary {
    /// Takes in what a game lacks.
    fn find(&mut self, log: &GameLog, verdict: &Verdict, limit: usize) {
        if *verdict == Verdict::Proven {
            return;
        }
        if self.findings.len() < limit {
            let told = verdict.brief(REASONS).about(&log.id).to_string();
            self.findings.push(told);
        } else {
            self.findings_dropped += 1;
        }
    }

    /// Takes in a file that breaks off, or cannot be opened.
    fn unreadable(&mut self, error: &PlaysError) {
        self.files_unreadable += 1;
        let cause =
            std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
        self.findings.push(format!("{error}{cause}"));
    }

    /// Takes in one game.
    fn count(&mut self, log: &GameLog, game: &Verification) {
        self.games += 1;
        self.events += log.events.len();
        self.figures_compared += game.figures;
        let swapped = game.mismatches.iter();
        self.figures_swapped += swapped.filter(|one| one.explanation.is_some()).count();
        match game.counts() {
            Verdict::Proven => self.games_proven += 1,
            Verdict::Refuted { .. } => self.games_refuted += 1,
            _ => self.games_not_proven += 1,
        }
        self.games_court_proven += usize::from(game.court() == Verdict::Proven);
        for start in &game.starts {
            self.starting_fives += 1;
            match start.confidence {
                Confidence::Certain => {}
                Confidence::Inferred => self.starting_fives_inferred += 1,
                _ => self.starting_fives_unknown += 1,
            }
        }
    }
}

fn print_findings(out: Out, findings: &[String], dropped: u64) {
    for finding in findings {
        out.line(finding);
    }
    if dropped > 0 {
        out.line(&format!(
            "and {} more; --limit shows them",
            thousands(dropped)
        ));
    }
}

/// A summary with its verdict.
#[derive(Serialize)]
struct SummaryView<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Hands over every game of a place that is wanted. A unit of another kind is counted; one that breaks off is a finding.
fn each_game(
    context: &Context,
    args: &PlaceArgs,
    summary: &mut Summary,
    mut take: impl FnMut(&'static str, &GameLog, &mut Summary),
) -> anyhow::Result<()> {
    let Opened { place, wanted, .. } = &place::open(context, args, None)?;
    let units = place.units();
    let shown = store::Shown::new(context.out, place.noun());
    let mut games = 0usize;
    let mut problem = None;
    let read = place.read(units, &mut |number, step| match step {
        Step::Game(form, log) => {
            games += 1;
            match wanted.fit(form, &log) {
                Fit::Wanted => take(form.feed(), &log, summary),
                Fit::LeftOut => summary.games_left_out += 1,
                Fit::SeasonUnknown => summary.games_of_unknown_season += 1,
            }
        }
        Step::Closed(error) => {
            summary.files += 1;
            summary.unreadable(&error);
        }
        Step::End(read, _) => {
            summary.files += 1;
            match read {
                Ok(()) => {}
                // A file that breaks off behind its first games is of a known form.
                Err(error) if error.is_other_kind() && games == 0 => {
                    if named(&args.paths, &units[number]) {
                        problem.get_or_insert(error);
                    }
                    summary.files_unknown += 1;
                }
                Err(error) => summary.unreadable(&error),
            }
            games = 0;
            shown.update(number + 1, units.len(), summary.games);
        }
    });
    shown.finish();
    read?;
    match problem {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Whether the file was asked for by its own name.
fn named(paths: &[PathBuf], file: &Path) -> bool {
    let absolute = |path: &PathBuf| std::path::absolute(path).ok();
    paths
        .iter()
        .any(|path| absolute(path).as_deref() == Some(file))
}

fn verify_all(
    context: &Context,
    place: &PlaceArgs,
    limit: usize,
    counts_only: bool,
) -> anyhow::Result<Code> {
    let out = context.out;
    let mut summary = Summary::default();
    each_game(context, place, &mut summary, |_, log, summary| {
        let game = verify(log);
        summary.count(log, &game);
        summary.find(log, &game.counts(), limit);
        if !counts_only {
            summary.find(log, &game.court(), limit);
        }
    })?;
    let verdict = verdict(&summary, counts_only);
    out.json(&SummaryView {
        verdict: &verdict,
        summary: &summary,
    })?;
    print_findings(out, &summary.findings, summary.findings_dropped);
    let count = |number: usize| thousands(i128::try_from(number).unwrap_or(i128::MAX));
    out.line(&format!(
        "{} games, {} events: counts proven {}, refuted {}, not proven {}; {} printed figures compared, {} on swapped rows",
        count(summary.games),
        count(summary.events),
        count(summary.games_proven),
        count(summary.games_refuted),
        count(summary.games_not_proven),
        count(summary.figures_compared),
        count(summary.figures_swapped),
    ));
    out.line(&format!(
        "who was on court: proven in {} games; {} starting fives, {} inferred, {} unknown",
        count(summary.games_court_proven),
        count(summary.starting_fives),
        count(summary.starting_fives_inferred),
        count(summary.starting_fives_unknown),
    ));
    if summary.games_left_out > 0 {
        out.line(&format!(
            "{} games of other seasons and sources were left out",
            count(summary.games_left_out)
        ));
    }
    if summary.files_unknown > 0 {
        out.line(&format!(
            "{} of {} files are of no known form and were left out",
            count(summary.files_unknown),
            count(summary.files)
        ));
    }
    out.line(&told(&verdict));
    Ok(verdict.exit_code())
}

fn verdict(summary: &Summary, counts_only: bool) -> Verdict {
    if summary.games_refuted > 0 {
        return Verdict::refuted(format!(
            "{} games contradict themselves",
            summary.games_refuted
        ));
    }
    let mut open = Vec::new();
    if summary.games == 0 {
        open.push("there is no game".to_owned());
    }
    if summary.files_unreadable > 0 {
        open.push(format!(
            "{} sources cannot be read",
            summary.files_unreadable
        ));
    }
    if summary.games_not_proven > 0 {
        open.push(format!("the counts of {} games", summary.games_not_proven));
    }
    if summary.games_of_unknown_season > 0 {
        open.push(format!(
            "the season of {} games, which were left out",
            summary.games_of_unknown_season
        ));
    }
    let court = summary.games - summary.games_court_proven;
    if court > 0 && !counts_only {
        open.push(format!("who was on court in {court} games"));
    }
    if open.is_empty() {
        Verdict::Proven
    } else {
        Verdict::all(open.into_iter().map(Verdict::not_proven))
    }
}

/// Columns of the CSV: the names of the platform's own tables.
const HEADER: &str = "game_id,team_id,team,is_home,player_id,player_name,points,fgm,fga,fg3m,fg3a,ftm,fta,oreb,dreb,reb,ast,stl,blk,\
tov,pf,plus_minus,seconds,source,counts,court\n";

fn generate(
    context: &Context,
    place: &PlaceArgs,
    file: &Path,
    limit: usize,
) -> anyhow::Result<Code> {
    let out = context.out;
    let mut text = String::from(HEADER);
    let mut summary = Summary::default();
    let mut rows = 0usize;
    each_game(context, place, &mut summary, |feed, log, summary| {
        let game = verify(log);
        summary.count(log, &game);
        summary.find(log, &game.counts(), limit);
        let (counts, court) = (word(&game.counts()), word(&game.court()));
        for side in Side::BOTH {
            let (team, entry) = (&game.score.teams[side.index()], &log.teams[side.index()]);
            for (player, line) in entry.players.iter().zip(&team.players) {
                rows += 1;
                csv_row(
                    &mut text,
                    log,
                    side,
                    player,
                    line,
                    team.unknown_periods == 0,
                );
                text.extend([",", feed, ",", counts, ",", court, "\n"]);
            }
        }
    })?;
    atomic::replace(file, text.as_bytes(), NewFile::Readable)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    let verdict = verdict(&summary, true);
    out.json(&SummaryView {
        verdict: &verdict,
        summary: &summary,
    })?;
    print_findings(out, &summary.findings, summary.findings_dropped);
    let count = |number: usize| thousands(i128::try_from(number).unwrap_or(i128::MAX));
    out.line(&format!(
        "{} player lines of {} games in {}",
        count(rows),
        count(summary.games),
        file.display()
    ));
    out.line(&format!("counts: {}", told(&verdict)));
    Ok(verdict.exit_code())
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Refuted { .. } => "refuted",
        _ => "not_proven",
    }
}

fn csv_row(
    text: &mut String,
    log: &GameLog,
    side: Side,
    player: &nba_boxscore::LogPlayer,
    line: &Line,
    timed: bool,
) {
    let entry = &log.teams[side.index()];
    let id = |id: Option<u64>| id.map_or_else(String::new, |id| id.to_string());
    let mut cells = vec![
        quoted(&log.id),
        id(entry.id),
        quoted(&entry.name),
        (side == Side::Home).to_string(),
        id(player.id),
        quoted(&player.name),
    ];
    cells.extend(
        [
            line.pts,
            line.fgm,
            line.fga,
            line.fg3m,
            line.fg3a,
            line.ftm,
            line.fta,
            line.oreb,
            line.dreb,
            line.oreb + line.dreb,
            line.ast,
            line.stl,
            line.blk,
            line.tov,
            line.pf,
        ]
        .map(|count| count.to_string()),
    );
    if timed {
        cells.push(line.plus_minus.to_string());
        cells.push(line.seconds().to_string());
    } else {
        cells.extend([String::new(), String::new()]);
    }
    text.push_str(&cells.join(","));
}

/// A cell that keeps its commas and quotes.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
