//! Which games are wanted.

use std::collections::BTreeSet;

use nba_boxscore::GameLog;
use nba_utils::Season;
use serde::{Deserialize, Serialize};

use crate::plays::Form;

/// Which games are wanted: those of these seasons and feeds. An empty list is all of them.
///
/// ```
/// use nba_etl::plays::place::Wanted;
/// let one = Wanted { seasons: ["2023-24".parse()?].into(), ..Wanted::default() };
/// assert!(Wanted::default().covers(&one) && !one.covers(&Wanted::default()));
/// # Ok::<(), nba_utils::season::SeasonError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Seasons; a game whose season nobody knows is not among them.
    pub seasons: BTreeSet<Season>,
    /// Feeds by the name that tables have for them, such as `hoopr`.
    pub feeds: BTreeSet<String>,
}

/// What is to be done with a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is wanted.
    Wanted,
    /// It is of another season or feed.
    LeftOut,
    /// It may be wanted: neither source nor id say its season.
    SeasonUnknown,
}

impl Wanted {
    /// Whether everything that `other` wants is wanted here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        fn has<T: Ord>(all: &BTreeSet<T>, some: &BTreeSet<T>) -> bool {
            all.is_empty() || (!some.is_empty() && some.is_subset(all))
        }
        has(&self.seasons, &other.seasons) && has(&self.feeds, &other.feeds)
    }

    /// Whether a game of this feed and season is wanted.
    #[must_use]
    pub fn has(&self, feed: &str, season: Option<Season>) -> bool {
        (self.feeds.is_empty() || self.feeds.contains(feed))
            && (self.seasons.is_empty()
                || season.is_some_and(|season| self.seasons.contains(&season)))
    }

    /// What is to be done with a game.
    #[must_use]
    pub fn fit(&self, form: Form, log: &GameLog) -> Fit {
        if self.has(form.feed(), log.season) {
            Fit::Wanted
        } else if log.season.is_none()
            && (self.feeds.is_empty() || self.feeds.contains(form.feed()))
        {
            Fit::SeasonUnknown
        } else {
            Fit::LeftOut
        }
    }

    /// What is to be done with a game that any of several would have.
    #[must_use]
    pub fn fit_any(all: &[Self], form: Form, log: &GameLog) -> Fit {
        let fits = all.iter().map(|one| one.fit(form, log));
        fits.min_by_key(|fit| match fit {
            Fit::Wanted => 0,
            Fit::SeasonUnknown => 1,
            Fit::LeftOut => 2,
        })
        .unwrap_or(Fit::LeftOut)
    }
}
