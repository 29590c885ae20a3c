//! Stores: filled, read, and loaded into PostgreSQL.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use nba_boxscore::{GameBox, GameLog, LogPlayer, LogTeam, Side, difference};
use nba_db::Purpose;
use nba_etl::boxscore::tables::{LoadAccount, LoadOptions, TableSet};
use nba_etl::boxscore::{BatchAccount, BatchOptions, Store, StoredGame};
use nba_utils::Verdict;
use nba_utils::format::{bytes, thousands};
use serde::Serialize;
use std::io::IsTerminal as _;

use super::{TeamView, place, print_findings, print_team, team_view, told};
use crate::cli::boxscore::{PeriodName, PlaceArgs, SourceName, Tables};
use crate::commands::Code;
use crate::context::Context;
use crate::render::Out;

/// Pause between two lines about the same batch where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Longest statement of a load: the rows of one transaction.
const LOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// An account with its verdict.
#[derive(Serialize)]
struct Judged<'a, T> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    #[serde(flatten)]
    account: &'a T,
}

/// How a store is filled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling {
    pub(super) jobs: Option<NonZeroUsize>,
    pub(super) limit: usize,
    pub(super) prune: bool,
}

pub(super) fn generate(
    context: &Context,
    args: &PlaceArgs,
    folder: &Path,
    filling: Filling,
) -> anyhow::Result<Code> {
    let out = context.out;
    // The store itself may lie in the lake.
    let opened = place::open(context, args, Some(folder))?;
    let mut options = BatchOptions::default();
    options.limit = filling.limit;
    options.prune = filling.prune;
    options.wanted = opened.wanted.clone();
    if let Some(jobs) = filling.jobs {
        options.jobs = jobs;
    } else if opened.is_database {
        options.jobs = NonZeroUsize::MIN;
    }
    let noun = opened.place.noun();
    let shown = Shown::new(out, noun);
    let account = nba_etl::boxscore::generate(&*opened.place, folder, &options, &|progress| {
        shown.update(progress.files_done, progress.files, progress.games);
    });
    shown.finish();
    let account = account?;
    let verdict = account.verdict();
    out.json(&Judged {
        verdict: &verdict,
        account: &account,
    })?;
    print(out, folder, noun, &account, filling.prune);
    out.line(&format!("counts: {}", told(&verdict)));
    Ok(verdict.exit_code())
}

fn print(out: Out, folder: &Path, noun: &str, account: &BatchAccount, pruned: bool) {
    print_findings(out, &account.findings, account.findings_dropped);
    out.line(&format!(
        "{} {noun}: {} read, {} of no known form, {} unreadable; {} of them done before and unchanged",
        thousands(account.files),
        thousands(account.files_read),
        thousands(account.files_unknown),
        thousands(account.files_unreadable),
        thousands(account.files_unchanged),
    ));
    let grades: Vec<String> = account
        .grades
        .iter()
        .map(|(grade, games)| match grade {
            '-' => format!("{} without grade", thousands(*games)),
            grade => format!("{} {grade}", thousands(*games)),
        })
        .collect();
    out.line(&format!(
        "{} games, {} events in {}: counts proven {}, refuted {}, not proven {}; {} came twice; grades: {}",
        thousands(account.games),
        thousands(account.events),
        folder.display(),
        thousands(account.games_proven),
        thousands(account.games_refuted),
        thousands(account.games_not_proven),
        thousands(account.games_repeated),
        grades.join(", "),
    ));
    if account.files_gone > 0 {
        let what_then = match pruned {
            true => "were gone, and their games were dropped",
            false => "are gone; their games stay unless --prune drops them",
        };
        out.line(&format!(
            "{} {noun} of the store {what_then}",
            thousands(account.files_gone)
        ));
    }
    if account.games_left_out > 0 {
        out.line(&format!(
            "{} games of other seasons and sources were left out",
            thousands(account.games_left_out)
        ));
    }
    out.line(&format!(
        "parts: {} written, {} unchanged, {} replaced",
        account.parts_written, account.parts_unchanged, account.parts_replaced
    ));
}

/// A bar on a terminal, a line now and then elsewhere.
pub(super) struct Shown {
    bar: ProgressBar,
    out: Out,
    noun: &'static str,
    last: Mutex<Instant>,
}

impl Shown {
    pub(super) fn new(out: Out, noun: &'static str) -> Self {
        let visible = !out.quiet && std::io::stderr().is_terminal();
        let bar = if visible {
            let style = ProgressStyle::with_template(
                "  {prefix} {bar:24} {human_pos:>9} of {human_len:<9} {msg} {eta:>5}",
            )
            .expect("the template is a constant")
            .progress_chars("━━ ");
            ProgressBar::new(0).with_style(style).with_prefix(noun)
        } else {
            ProgressBar::hidden()
        };
        Self {
            bar,
            out,
            noun,
            last: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn update(&self, done: usize, all: usize, games: usize) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.bar.set_length(number(all));
        self.bar.set_position(number(done));
        let games = format!("{} games", thousands(number(games)));
        if self.bar.is_hidden()
            && let Ok(mut last) = self.last.try_lock()
            && last.elapsed() >= LINE_EVERY
        {
            *last = Instant::now();
            self.out.note(&format!(
                "  {} of {} {}, {games}",
                thousands(number(done)),
                thousands(number(all)),
                self.noun
            ));
        }
        self.bar.set_message(games);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The one game of a store that is meant.
pub(super) fn game(
    folder: &Path,
    game: Option<&str>,
    source: Option<SourceName>,
) -> anyhow::Result<StoredGame> {
    let store = Store::open(folder)?;
    let ids = store.ids();
    let id = match (game, ids.first()) {
        (Some(id), _) => id,
        (None, Some((first, _))) => {
            if ids.iter().any(|(id, _)| id != first) {
                bail!(
                    "`{}` holds {} games; name one with --game, such as {first}",
                    folder.display(),
                    ids.len()
                );
            }
            first
        }
        (None, None) => bail!("`{}` holds no game", folder.display()),
    };
    let Some(source) = source else {
        return Ok(store.game(id, None)?);
    };
    let has = |feed: &&&str| ids.iter().any(|(one, of)| one == id && of == **feed);
    match source.feeds().iter().find(has) {
        Some(feed) => Ok(store.game(id, Some(feed))?),
        None => {
            let feeds: Vec<&str> = ids
                .iter()
                .filter(|(one, _)| one == id)
                .map(|(_, feed)| feed.as_str())
                .collect();
            bail!(
                "`{}` has game `{id}` from {}, not from this source",
                folder.display(),
                if feeds.is_empty() {
                    "nowhere".to_owned()
                } else {
                    feeds.join(" and ")
                }
            )
        }
    }
}

/// The rosters of a stored game, as a log without events.
pub(super) fn rosters(game: &StoredGame) -> GameLog {
    let teams = [0, 1].map(|side: usize| {
        let card = &game.card.teams[side];
        LogTeam {
            id: card.id,
            name: card.name.clone(),
            players: card
                .players
                .iter()
                .map(|player| LogPlayer {
                    id: player.id,
                    name: player.name.clone(),
                })
                .collect(),
        }
    });
    GameLog {
        id: game.card.id.clone(),
        teams,
        ..GameLog::default()
    }
}

pub(super) fn show(
    out: Out,
    game: &StoredGame,
    period: Option<PeriodName>,
) -> anyhow::Result<Code> {
    let timeline = &game.timeline;
    let score = match period {
        None => timeline.box_after(timeline.points().len()),
        Some(PeriodName(period)) => {
            check_period(game, period)?;
            let before = match period {
                1 => timeline.box_after(0),
                _ => timeline.at(period - 1, 0),
            };
            difference(&timeline.at(period, 0), &before)
        }
    };
    render(out, game, &score)
}

pub(super) fn at(
    out: Out,
    game: &StoredGame,
    period: u8,
    clock: nba_utils::Clock,
) -> anyhow::Result<Code> {
    clock.check_in(nba_utils::Period::new(period)?)?;
    check_period(game, period)?;
    let score = game.timeline.at(period, u16::try_from(clock.tenths())?);
    render(out, game, &score)
}

fn check_period(game: &StoredGame, period: u8) -> anyhow::Result<()> {
    let last = game
        .timeline
        .points()
        .last()
        .map_or(0, |point| point.period);
    if period > last {
        bail!("the game has {last} periods, not {period}");
    }
    Ok(())
}

/// A stored game for `--json`.
#[derive(Serialize)]
struct StoredView<'a> {
    game: &'a str,
    source: &'a str,
    #[serde(flatten)]
    verdict: Verdict,
    counts: &'a Verdict,
    court: &'a Verdict,
    grade: Option<char>,
    figures_compared: u64,
    home: TeamView<'a>,
    away: TeamView<'a>,
}

fn render(out: Out, game: &StoredGame, score: &GameBox) -> anyhow::Result<Code> {
    let card = &game.card;
    let log = rosters(game);
    let verdict = Verdict::all([card.counts.clone(), card.court.clone()]);
    let [home, away] = Side::BOTH.map(|side| team_view(&log, score, side));
    out.json(&StoredView {
        game: &card.id,
        source: &card.source,
        verdict: verdict.clone(),
        counts: &card.counts,
        court: &card.court,
        grade: card.record.grade,
        figures_compared: card.figures,
        home,
        away,
    })?;
    for side in [Side::Away, Side::Home] {
        print_team(out, &log, score, side);
        out.line("");
    }
    out.line(&format!(
        "counts: {} ({} printed figures compared)",
        told(&card.counts),
        thousands(card.figures)
    ));
    out.line(&format!(
        "time on court and plus/minus: {}",
        told(&card.court)
    ));
    Ok(verdict.exit_code())
}

/// What is to be loaded where.
pub(super) struct Order<'a> {
    pub(super) folder: &'a Path,
    pub(super) schema: &'a str,
    pub(super) with: &'a [Tables],
    pub(super) free: Option<u64>,
    pub(super) dry_run: bool,
}

pub(super) async fn load(context: &Context, order: &Order<'_>) -> anyhow::Result<Code> {
    let out = context.out;
    let store = Store::open(order.folder)?;
    let mut options = LoadOptions::new(order.schema);
    options.free_bytes = order.free;
    options.sets = order
        .with
        .iter()
        .map(|tables| match tables {
            Tables::Snapshots => TableSet::Snapshots,
            Tables::Documents => TableSet::Documents,
            Tables::PlusMinus => TableSet::PlusMinus,
            Tables::Intervals => TableSet::Intervals,
            Tables::Possessions => TableSet::Possessions,
        })
        .collect();
    let config = context.config()?;
    let db = context.connect(&config, "boxscore/load").await?;
    if order.dry_run {
        let account = nba_etl::boxscore::tables::preview(&store, &db, &options).await?;
        db.close().await;
        let verdict = Verdict::not_applicable("nothing was written");
        out.json(&Judged {
            verdict: &verdict,
            account: &account,
        })?;
        report(out, order.schema, &account, "would be");
        return Ok(nba_utils::exit_code::PROVEN);
    }
    let purpose = Purpose::new(format!("load box scores into schema {}", order.schema))
        .statement_timeout(LOAD_TIMEOUT);
    let mut writer = db.writer(purpose).await?;
    let loaded = nba_etl::boxscore::tables::load(&store, &mut writer, &options).await;
    let _audit = writer.finish().await;
    db.close().await;
    let account = loaded?;
    let verdict = if account.is_balanced() {
        Verdict::Proven
    } else {
        Verdict::refuted("rows were handed over and did not arrive")
    };
    out.json(&Judged {
        verdict: &verdict,
        account: &account,
    })?;
    report(out, order.schema, &account, "were");
    out.line(&told(&verdict));
    Ok(verdict.exit_code())
}

fn report(out: Out, schema: &str, account: &LoadAccount, were: &str) {
    out.line(&format!(
        "{} games: {} {were} inserted into {schema}, {} updated, {} are there unchanged; about {}",
        thousands(account.games),
        thousands(account.inserted),
        thousands(account.updated),
        thousands(account.unchanged),
        bytes(account.estimated_bytes)
    ));
    for (table, rows) in &account.written {
        out.line(&format!("  {table}: {} rows", thousands(*rows)));
    }
}
