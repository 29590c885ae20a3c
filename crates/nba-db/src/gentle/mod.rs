//! Work that gives way: long reads in pieces, with rests between them and pauses while the server is needed by others.
//!
//! A [`Governor`] is asked for a [`Turn`] before each piece of work (about half a second of it: see
//! [`PIECE`]), and counts the time until the turn is dropped as server time used. It holds a
//! declared [`Budget`] and pauses while others wait; a pause that becomes too long, or somebody who waits for a lock that
//! *we* hold, ends the work with the reason, which makes the result `NotProven`, never wrong.
//!
//! ```no_run
//! # async fn example(db: nba_db::Database) -> Result<(), Box<dyn std::error::Error>> {
//! use nba_db::gentle::{Gentleness, Governor};
//! let governor = Governor::new(Gentleness { budget: Some("20%".parse()?), ..Gentleness::default() });
//! let snapshot = db.snapshot().await?;
//! for month in 1..=12_i32 {
//!     let _turn = governor.turn(&snapshot).await?;
//!     snapshot.query_rows("select count(*) from games where month = $1", &[&month]).await?;
//! }
//! println!("{}", governor.account());
//! # Ok(()) }
//! ```
//!
//! One governor is shared by all sessions of a run: the budget is for all of them together.

mod budget;
mod load;

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

pub use self::budget::{Budget, BudgetError};
pub use self::load::PauseReason;
pub(crate) use self::load::{FRESH_SQL, LOAD_SQL};
use self::load::{Load, is_in_the_way};

/// What one piece of work should take: short enough to stop at, long enough for its fixed cost not to matter.
pub const PIECE: Duration = Duration::from_millis(500);

/// Longest silence of a resting session inside a transaction; `idle_in_transaction_session_timeout` is far above it.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// Most pauses listed in an [`Account`]; further ones are only counted.
const LISTED_PAUSES: usize = 20;

/// When to rest and when to pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gentleness {
    /// Share of the time in which statements may run; `None` never rests.
    pub budget: Option<Budget>,
    /// Pause while more sessions of others than this run a statement.
    pub most_active: u32,
    /// Pause while anybody waits for a lock for longer than this, and give up if they wait for us.
    pub longest_lock_wait: Duration,
    /// Pause while a replica is further behind than this; on a replica, while it is itself.
    pub most_replica_lag: Duration,
    /// Give up after pausing for so long without interruption.
    pub longest_pause: Duration,
    /// Time between two looks at the server's load.
    pub look_every: Duration,
}

impl Default for Gentleness {
    /// No budget; pause above 8 active sessions of others, for locks waited for longer than 2 s, for replicas more than
    /// 10 s behind; look each second, give up after 10 minutes of pausing.
    fn default() -> Self {
        Self {
            budget: None,
            most_active: 8,
            longest_lock_wait: Duration::from_secs(2),
            most_replica_lag: Duration::from_secs(10),
            longest_pause: Duration::from_secs(600),
            look_every: Duration::from_secs(1),
        }
    }
}

/// Hands out turns to work; shared by all sessions of a run.
#[derive(Debug)]
pub struct Governor {
    /// `None` lets everything through at once.
    rules: Option<Gentleness>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    begun: Instant,
    /// No piece starts before, so that the budget holds.
    next_start: Instant,
    /// When the load was last seen to be fine.
    last_look: Option<Instant>,
    account: Account,
}

/// What a governor did so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// Time since the governor was made.
    pub elapsed: Duration,
    /// Time in which pieces ran, added up over the sessions.
    pub worked: Duration,
    /// Time rested for the budget, added up over the sessions.
    pub rested: Duration,
    /// Time paused because others needed the server, added up over the sessions.
    pub paused: Duration,
    /// Pieces of work done.
    pub pieces: u64,
    /// Number of pauses.
    pub pauses: u64,
    /// The first pauses: why and how long.
    pub listed: Vec<Pause>,
    /// Sessions whose activity the role may not see, which therefore never caused a pause.
    pub unseen_sessions: u64,
}

/// One pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The first reason seen.
    pub reason: PauseReason,
    /// How long it lasted.
    pub length: Duration,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        write!(
            f,
            "{} worked of {}, {} rested",
            seconds(self.worked),
            seconds(self.elapsed),
            seconds(self.rested)
        )?;
        if self.pauses > 0 {
            write!(f, ", {} paused ({}", seconds(self.paused), self.pauses)?;
            if let Some(first) = self.listed.first() {
                write!(f, " times; first: {}", first.reason)?;
            }
            f.write_str(")")?;
        }
        if self.unseen_sessions > 0 {
            write!(
                f,
                ", {} sessions of others could not be seen",
                self.unseen_sessions
            )?;
        }
        Ok(())
    }
}

/// The right to do one piece of work; dropping it says that the piece is done.
#[derive(Debug)]
#[must_use = "the piece of work ends when the turn is dropped"]
pub struct Turn<'a> {
    governor: &'a Governor,
    started: Instant,
}

impl Governor {
    /// A governor with these rules; its clock starts now.
    #[must_use]
    pub fn new(rules: Gentleness) -> Self {
        Self::with(Some(rules))
    }

    /// A governor that never rests and never looks.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::with(None)
    }

    fn with(rules: Option<Gentleness>) -> Self {
        let now = Instant::now();
        Self {
            rules,
            state: Mutex::new(State {
                begun: now,
                next_start: now,
                last_look: None,
                account: Account::default(),
            }),
        }
    }

    /// Whether it ever rests or pauses.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.rules.is_some()
    }

    /// Waits until the next piece of work may start. The session, which may be in a transaction, is kept from being closed as
    /// idle meanwhile.
    ///
    /// # Errors
    ///
    /// [`GentleError`] when the pause gets too long, when somebody waits for a lock that a session of this run holds, or when
    /// the server's load cannot be read.
    ///
    /// # Cancellation
    ///
    /// Safe to drop: no turn was taken then.
    pub async fn turn<'a>(&'a self, client: &Client) -> Result<Turn<'a>, GentleError> {
        if let Some(rules) = &self.rules {
            self.rest(client).await?;
            self.give_way(client, rules).await?;
        }
        Ok(Turn {
            governor: self,
            started: Instant::now(),
        })
    }

    /// What was done so far.
    #[must_use]
    pub fn account(&self) -> Account {
        let state = self.state();
        Account {
            elapsed: state.begun.elapsed(),
            ..state.account.clone()
        }
    }

    /// Waits for the budget.
    async fn rest(&self, client: &Client) -> Result<(), GentleError> {
        loop {
            let wait = self
                .state()
                .next_start
                .saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            self.sleep(client, wait, |account, slept| account.rested += slept)
                .await?;
        }
    }

    /// Waits for others.
    async fn give_way(&self, client: &Client, rules: &Gentleness) -> Result<(), GentleError> {
        let due = |state: &State| {
            state
                .last_look
                .is_none_or(|last| last.elapsed() >= rules.look_every)
        };
        if !due(&self.state()) {
            return Ok(());
        }
        let paused_at = Instant::now();
        let mut first = None;
        loop {
            let load = Load::look(client).await?;
            if is_in_the_way(&load, rules) {
                return Err(GentleError::InTheWay {
                    waited: load.waiting_for_us,
                });
            }
            let reason = load.reason(rules);
            {
                let mut state = self.state();
                let unseen = &mut state.account.unseen_sessions;
                *unseen = (*unseen).max(load.unseen);
                if reason.is_none() {
                    state.last_look = Some(Instant::now());
                }
            }
            let Some(reason) = reason else { break };
            let reason = &*first.get_or_insert(reason);
            if paused_at.elapsed() >= rules.longest_pause {
                return Err(GentleError::PausedTooLong {
                    reason: reason.clone(),
                    longest: rules.longest_pause,
                });
            }
            self.sleep(client, rules.look_every, |account, slept| {
                account.paused += slept;
            })
            .await?;
        }
        if let Some(reason) = first {
            let pause = Pause {
                reason,
                length: paused_at.elapsed(),
            };
            let mut state = self.state();
            state.account.pauses += 1;
            if state.account.listed.len() < LISTED_PAUSES {
                state.account.listed.push(pause);
            }
        }
        Ok(())
    }

    /// Sleeps for at most [`KEEP_ALIVE`], and tells the server that the session is still in use.
    async fn sleep(
        &self,
        client: &Client,
        wait: Duration,
        book: impl FnOnce(&mut Account, Duration),
    ) -> Result<(), GentleError> {
        let slice = wait.min(KEEP_ALIVE);
        tokio::time::sleep(slice).await;
        book(&mut self.state().account, slice);
        if wait >= KEEP_ALIVE {
            client
                .batch_execute("select 1")
                .await
                .map_err(|source| GentleError::Look { source })?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let worked = self.started.elapsed();
        let mut state = self.governor.state();
        state.account.worked += worked;
        state.account.pieces += 1;
        if let Some(budget) = self.governor.rules.as_ref().and_then(|rules| rules.budget) {
            state.next_start = state.next_start.max(self.started) + budget.stretch(worked);
        }
    }
}

/// Why no turn was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GentleError {
    /// Others needed the server for longer than the work may pause.
    #[error("paused for {} s, and the reason is still there: {reason}", longest.as_secs())]
    PausedTooLong {
        /// The first reason of the pause.
        reason: PauseReason,
        /// The longest pause allowed.
        longest: Duration,
    },
    /// Somebody waits for a lock that one of our sessions holds; only ending the work lets them go on.
    #[error("gave way to a session that waited {:.1} s for a lock held here", waited.as_secs_f64())]
    InTheWay {
        /// How long they waited.
        waited: Duration,
    },
    /// The load could not be read.
    #[error("could not look at the server's load")]
    Look {
        /// The driver's error.
        source: tokio_postgres::Error,
    },
}

impl GentleError {
    /// The next step.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::PausedTooLong { .. } | Self::InTheWay { .. } => {
                Some("run it again at a quieter time; what was finished can be resumed".to_owned())
            }
            Self::Look { .. } => None,
        }
    }
}
