//! `nba dashboard --tui`.

use super::Code;
use super::evidence::for_terminal;
use super::health::{measure, record};
use super::watch::{Watch, folder};
use crate::cli::DashboardArgs;
use crate::context::{Context, baseline_name};
use chrono::Utc;
use nba_config::Config;
use nba_monitoring::baseline::Baseline;
use nba_monitoring::health::HealthOptions;
use nba_monitoring::tui::ratatui::crossterm::event::{
    self, Event, KeyCode, KeyEventKind, KeyModifiers,
};
use nba_monitoring::tui::{App, Evidence, Key, draw, ratatui};
use nba_monitoring::watch::read_state;
use nba_utils::exit_code;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a key is waited for before the files are looked at again.
const PACE: Duration = Duration::from_millis(250);
/// How often the files are read.
const RELOAD: Duration = Duration::from_secs(1);
/// How often evidence is read again while it is shown.
const REREAD: Duration = Duration::from_secs(10);

pub(crate) async fn run(
    context: &Context,
    config: &Arc<Config>,
    args: &DashboardArgs,
) -> anyhow::Result<Code> {
    let baseline = Baseline::load(
        &Context::baselines(config)?,
        &baseline_name(&args.baseline)?,
    )?;
    let watch = Watch::open(context, config, Duration::from_secs(args.interval))?;
    let folder = folder(config)?;
    let stop = Arc::new(AtomicBool::new(false));
    let shown = {
        let (folder, stop) = (folder.clone(), Arc::clone(&stop));
        let config = config.clone();
        // Keys are waited for on a thread of their own; what is asynchronous there runs on this runtime.
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || show(&runtime, &config, &folder, &stop))
    };
    let looks = async {
        match watch {
            Some(watch) => looks(context, config, &baseline, args.interval, watch).await,
            // Another process takes the looks.
            None => std::future::pending().await,
        }
    };
    // The screen has to be given back whatever ends this.
    let _guard = Stop(stop);
    tokio::select! {
        ended = shown => ended??,
        failed = looks => failed?,
    }
    code(folder).await
}

struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

async fn code(folder: PathBuf) -> anyhow::Result<Code> {
    let state = tokio::task::spawn_blocking(move || read_state(&folder)).await??;
    Ok(state.map_or(exit_code::COULD_NOT_TELL, |state| {
        state.standing().exit_code()
    }))
}

async fn looks(
    context: &Context,
    config: &Config,
    baseline: &Baseline,
    interval: u64,
    mut watch: Watch,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(interval));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut options = HealthOptions::default();
    loop {
        ticks.tick().await;
        let report = measure(context, config, baseline, &options).await?;
        options.check_number += 1;
        record(context, config, &report)?;
        watch.look(context, config, Some(&report)).await;
    }
}

/// Draws until `q` or until it is told to stop; the terminal is given back in any case.
fn show(
    runtime: &tokio::runtime::Handle,
    config: &Arc<Config>,
    folder: &Path,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let outcome = (|| -> anyhow::Result<()> {
        let mut app = runtime.block_on(App::new(folder, Utc::now()));
        let mut read = Instant::now();
        let mut evidence = Reading::default();
        while !stop.load(Ordering::Relaxed) {
            terminal.draw(|frame| draw(frame, &app, Utc::now()))?;
            if event::poll(PACE)?
                && let Event::Key(pressed) = event::read()?
                && pressed.kind != KeyEventKind::Release
            {
                let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
                match pressed.code {
                    KeyCode::Char('q') => break,
                    KeyCode::Char('c') if control => break,
                    code => {
                        if let Some(key) = key(code) {
                            app.key(key);
                        }
                    }
                }
            }
            if read.elapsed() >= RELOAD {
                runtime.block_on(app.reload(Utc::now()));
                read = Instant::now();
            }
            evidence.step(runtime, config, &mut app);
        }
        Ok(())
    })();
    ratatui::try_restore()?;
    outcome
}

/// Evidence on its way: reading a long ledger must not keep a key waiting.
#[derive(Default)]
struct Reading {
    task: Option<tokio::task::JoinHandle<Evidence>>,
    read: Option<Instant>,
}

impl Reading {
    fn step(&mut self, runtime: &tokio::runtime::Handle, config: &Arc<Config>, app: &mut App) {
        if let Some(task) = self.task.take_if(|task| task.is_finished()) {
            let evidence = runtime.block_on(task).unwrap_or_else(|error| Evidence {
                chapters: Err(error.to_string()),
                ledger: Err(error.to_string()),
            });
            app.show_evidence(evidence);
            self.read = Some(Instant::now());
        }
        let due = self.read.is_none_or(|read| read.elapsed() >= REREAD);
        if self.task.is_none() && due && app.needs_evidence() {
            let config = Arc::clone(config);
            self.task = Some(runtime.spawn_blocking(move || for_terminal(&config)));
        }
    }
}

fn key(code: KeyCode) -> Option<Key> {
    Some(match code {
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::Tab | KeyCode::Right => Key::Next,
        KeyCode::BackTab | KeyCode::Left => Key::Previous,
        KeyCode::Enter => Key::Open,
        KeyCode::Esc => Key::Back,
        KeyCode::Char('?' | 'h') => Key::Help,
        _ => return None,
    })
}
