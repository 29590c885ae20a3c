//! Progress of long work: bars on a terminal, one line per step otherwise.

use crate::render::Out;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use nba_testkit::lake::LakeProgress;
use nba_testkit::replica::{Progress, Step};
use nba_utils::format::thousands;
use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pause between two lines about the same table where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how a replica is being built.
pub(crate) struct ReplicaProgress {
    out: Out,
    bars: Option<MultiProgress>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bars: HashMap<&'static str, ProgressBar>,
    last_line: Duration,
    keys_announced: bool,
}

impl ReplicaProgress {
    pub(crate) fn new(out: Out) -> Self {
        let visible = !out.quiet && std::io::stderr().is_terminal();
        Self {
            out,
            bars: visible.then(MultiProgress::new),
            state: Mutex::default(),
        }
    }

    /// Takes one message of the builder.
    pub(crate) fn update(&self, progress: Progress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (&self.bars, progress.step) {
            (
                Some(bars),
                Step::Load {
                    table,
                    rows,
                    planned,
                    ..
                },
            ) => {
                let bar = state
                    .bars
                    .entry(table)
                    .or_insert_with(|| bars.add(bar(table, planned)));
                bar.set_position(rows);
                if rows >= planned {
                    bar.finish_and_clear();
                }
            }
            (Some(bars), Step::Keys { table }) => {
                let bar = state
                    .bars
                    .entry("keys")
                    .or_insert_with(|| bars.add(ProgressBar::new_spinner()));
                bar.set_message(format!("keys and indexes of {table}"));
                bar.tick();
            }
            (Some(_), _) => state.bars.values().for_each(ProgressBar::finish_and_clear),
            (
                None,
                Step::Load {
                    table,
                    rows,
                    planned,
                    ..
                },
            ) => {
                if rows < planned && progress.elapsed >= state.last_line + LINE_EVERY {
                    state.last_line = progress.elapsed;
                    self.out.note(&format!(
                        "  {table}: {} of {} rows",
                        thousands(rows),
                        thousands(planned)
                    ));
                }
            }
            (None, Step::Keys { .. }) => {
                if !std::mem::replace(&mut state.keys_announced, true)
                    && progress.elapsed >= LINE_EVERY
                {
                    self.out.note("  keys and indexes");
                }
            }
            (None, _) => {}
        }
    }
}

fn bar(table: &'static str, planned: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(
        "  {prefix:<28} {bar:24} {human_pos:>11} of {human_len:<11} {per_sec:>14} {eta:>5}",
    )
    .expect("the template is a constant")
    .progress_chars("━━ ");
    ProgressBar::new(planned)
        .with_style(style)
        .with_prefix(table)
}

/// Shows how a lake is being written.
pub(crate) struct LakeProgressBar(ProgressBar);

impl LakeProgressBar {
    pub(crate) fn new(out: Out) -> Self {
        let visible = !out.quiet && std::io::stderr().is_terminal();
        Self(if visible {
            bar("lake, days", 0)
        } else {
            ProgressBar::hidden()
        })
    }

    /// Takes one message of the writer.
    pub(crate) fn update(&self, progress: LakeProgress) {
        self.0.set_length(progress.days);
        self.0.set_position(progress.days_done);
        if progress.days_done >= progress.days {
            self.0.finish_and_clear();
        }
    }
}
