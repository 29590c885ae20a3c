//! How many rows every table gets, and which game appears in which table, at a given scale.
//!
//! At scale 1 the counts are the recorded ones (database dossier 1.3 and 7.9). Play counts are given to games, not to tables: a game
//! that is in `play_by_play`, `hoopr_play_by_play` and `temporal_events` has equally many plays in each, as recorded, and the sums
//! are still exact. The same holds for roster sizes in `box_score_players` and `hoopr_player_box`.
//!
//! ```
//! use nba_testkit::plan::{Plan, PlanOptions};
//!
//! let plan = Plan::new(&nba_testkit::sim::Universe::new(1), PlanOptions::default())?;
//! assert_eq!(plan.rows("public.games"), 448);
//! # Ok::<(), nba_testkit::plan::PlanError>(())
//! ```

mod spread;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::spread::{Total, pick};
use crate::sim::{
    Universe,
    schedule::{FIRST_SEASON, LAST_SEASON},
};

/// Games in the universe and in `games` at scale 1.
pub const GAMES: u32 = 44_828;

/// Recorded counts at scale 1 of the tables whose rows come from games: rows, and games with at least one row.
pub const RECORDED: [Recorded; 10] = [
    recorded("public.games", 44_828, 44_828),
    recorded("public.play_by_play", 6_781_155, 14_798),
    recorded("public.temporal_events", 14_114_617, 31_241),
    recorded("public.box_score_players", 408_833, 15_699),
    recorded("public.box_score_teams", 15_900, 15_900),
    recorded("public.hoopr_play_by_play", 13_074_829, 28_779),
    // Two rows per game; player rows in the same games.
    recorded("public.hoopr_team_box", 59_670, 29_835),
    recorded("public.hoopr_player_box", 785_505, 29_835),
    recorded("public.hoopr_schedule", 30_758, 30_758),
    recorded("public.box_score_snapshots", 1, 1),
];

/// Recorded counts of tables that are not made from games: name, rows at scale 1, and whether the count shrinks with the scale.
pub const OTHER: [(&str, u64, Scaling); 15] = [
    ("public.teams", 87, Scaling::Fixed),
    ("public.team_seasons", 952, Scaling::Fixed),
    ("public.player_biographical", 3_632, Scaling::Scaled),
    ("public.dims_metrics_history", 157, Scaling::Fixed),
    ("public.dims_verification_runs", 195, Scaling::Fixed),
    ("public.dims_config", 4, Scaling::Fixed),
    ("public.nba_api_comprehensive", 13_154, Scaling::Scaled),
    ("public.nba_api_player_dashboards", 34_566, Scaling::Scaled),
    ("public.nba_api_team_dashboards", 210, Scaling::Fixed),
    ("odds.bookmakers", 21, Scaling::Fixed),
    ("odds.events", 68, Scaling::Fixed),
    ("odds.market_types", 36, Scaling::Fixed),
    ("odds.odds_snapshots", 21_309, Scaling::Scaled),
    ("raw_data.nba_games", 100, Scaling::Fixed),
    ("raw_data.schema_version", 1, Scaling::Fixed),
];

/// One line of [`RECORDED`].
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    /// `schema.table`.
    pub table: &'static str,
    /// Rows at scale 1.
    pub rows: u64,
    /// Games with at least one row at scale 1.
    pub games: u64,
}

const fn recorded(table: &'static str, rows: u64, games: u64) -> Recorded {
    Recorded { table, rows, games }
}

/// Does a table shrink with the scale?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// The same count at every scale.
    Fixed,
    /// `round(count × scale)`, at least 1.
    Scaled,
}

/// A share of the production size, above 0 and up to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Scale(f64);

impl Scale {
    /// Everything.
    pub const FULL: Self = Self(1.0);
    /// Below this, games no longer have a believable number of plays: about 45 games.
    pub const SMALLEST: f64 = 0.001;

    /// Checks a share.
    ///
    /// # Errors
    ///
    /// [`PlanError::Scale`] outside 0.001–1.
    pub fn new(share: f64) -> Result<Self, PlanError> {
        if (Self::SMALLEST..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(PlanError::Scale(share))
        }
    }

    /// The share as a number.
    #[must_use]
    pub fn share(self) -> f64 {
        self.0
    }

    /// `round(count × scale)`, at least 1 where `count` is.
    #[must_use]
    pub fn of(self, count: u64) -> u64 {
        // Counts are below 2^24 and parts per billion below 2^30: the product fits.
        let billionths = round_to_u64(self.0 * 1e9);
        ((count * billionths + 500_000_000) / 1_000_000_000).max(count.min(1))
    }
}

/// Nearest whole number of a value known to be between 0 and 2^53.
#[allow(
    clippy::as_conversions,
    reason = "std has no checked conversion from floats; the range is in the contract"
)]
fn round_to_u64(value: f64) -> u64 {
    value.round() as u64
}

impl Default for Scale {
    /// One hundredth: about 200,000 rows, a few seconds.
    fn default() -> Self {
        Self(0.01)
    }
}

/// What a plan depends on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlanOptions {
    /// Share of the production size.
    pub scale: Scale,
    /// Fill `temporal_events`, which alone is as large as the rest.
    pub temporal: Temporal,
}

/// Is `temporal_events` filled?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Temporal {
    /// Left empty.
    #[default]
    Empty,
    /// Filled with every play that has an ESPN document.
    Filled,
}

/// Why no plan can be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The share is not usable.
    #[error("scale {0} is outside {min}–1", min = Scale::SMALLEST)]
    Scale(f64),
    /// The universe has another number of games than production.
    #[error("the universe has {0} games instead of {GAMES}")]
    Universe(usize),
    /// The universe has too few games of some seasons for a table.
    #[error("`{table}` needs {wanted} games, the universe has {available} of the right seasons")]
    TooFewGames {
        /// `schema.table`.
        table: &'static str,
        /// Games the plan asks for.
        wanted: usize,
        /// Games there are.
        available: usize,
    },
}

/// In which tables a game has rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feeds(u8);

impl Feeds {
    /// `games`.
    pub const GAMES: Self = Self(1);
    /// `play_by_play`.
    pub const PLAY_BY_PLAY: Self = Self(2);
    /// An ESPN document with plays exists: `temporal_events` when it is filled.
    pub const ESPN_PLAYS: Self = Self(4);
    /// `box_score_players`.
    pub const BOX_PLAYERS: Self = Self(8);
    /// `box_score_teams`.
    pub const BOX_TEAMS: Self = Self(16);
    /// `hoopr_play_by_play`.
    pub const HOOPR_PLAYS: Self = Self(32);
    /// `hoopr_team_box` and `hoopr_player_box`.
    pub const HOOPR_BOX: Self = Self(64);
    /// `hoopr_schedule`.
    pub const HOOPR_SCHEDULE: Self = Self(128);

    /// Is every feed of `other` in `self`?
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One game of the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedGame {
    /// Position in the universe.
    pub index: u32,
    /// Plays to simulate; `None` when no table shows them.
    pub plays: Option<u16>,
    /// Players in the box score, both teams; `None` when no table shows them.
    pub roster: Option<u8>,
    /// Where it appears.
    pub feeds: Feeds,
    /// The id of this entry where it is not the universe's: the second id of a game that is stored twice (database dossier 7.1), or
    /// one of the two ids that only hoopR has (7.9).
    pub other_id: Option<u32>,
}

/// The whole plan; about 1 MB at scale 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it was made from.
    pub options: PlanOptions,
    /// Games in the order of the universe; then the second entries of games stored twice; then those only hoopR has.
    pub games: Vec<PlannedGame>,
    rows: BTreeMap<&'static str, u64>,
}

/// First season of hoopR: 2001-02, which it calls 2002.
const HOOPR_FIRST_SEASON: u16 = 2001;
/// Seasons found in `play_by_play` (database dossier 2.3), the last one at 42 %.
const PLAY_BY_PLAY_SEASONS: std::ops::RangeInclusive<u16> = 1997..=2021;
/// Games in hoopR that ESPN's play-by-play does not have, with the season they are made from (database dossier 7.9).
const HOOPR_ONLY: [(u32, u16); 2] = [(400_975_770, 2017), (401_070_722, 2018)];

/// Believable bounds of a group's mean plays per game; they only matter at tiny scales, where rounding would leave them.
const PLAYS_PER_GAME: std::ops::RangeInclusive<u64> = 400..=500;
/// Largest deviation of one game's plays from its group's mean.
const PLAYS_DEVIATION: u64 = 40;
/// Believable bounds of a group's mean box score rows per game, both teams.
const ROSTER_PER_GAME: std::ops::RangeInclusive<u64> = 24..=28;
/// Largest deviation of one game's box score rows from its group's mean.
const ROSTER_DEVIATION: u64 = 2;

impl Plan {
    /// Makes the plan for a universe.
    ///
    /// # Errors
    ///
    /// [`PlanError::TooFewGames`] when the universe does not fit production.
    pub fn new(universe: &Universe, options: PlanOptions) -> Result<Self, PlanError> {
        let mut seasons = Vec::new();
        for year in FIRST_SEASON..=LAST_SEASON {
            let games = universe.season(year);
            seasons.extend(games.map(|_| year));
        }
        let double_ids = universe.double_ids();
        let doubles: Vec<(u32, u32)> = double_ids
            .iter()
            .filter_map(|game| Some((game.index, game.second_id.parse().ok()?)))
            .collect();
        Self::from_seasons(&seasons, &doubles, options)
    }

    /// Makes the plan from the starting year of every game's season, in the universe's order, and from the games with a second id.
    fn from_seasons(
        seasons: &[u16],
        doubles: &[(u32, u32)],
        options: PlanOptions,
    ) -> Result<Self, PlanError> {
        let universe = u32::try_from(seasons.len()).unwrap_or(u32::MAX);
        if universe != GAMES {
            return Err(PlanError::Universe(seasons.len()));
        }
        let mut games = choose_games(seasons, doubles, options.scale)?;
        choose_counts(&mut games, options.scale);
        let mut plan = Self {
            options,
            games,
            rows: BTreeMap::new(),
        };
        plan.count_rows();
        Ok(plan)
    }

    /// Rows planned for `schema.table`; 0 for a table that stays empty or does not exist.
    #[must_use]
    pub fn rows(&self, table: &str) -> u64 {
        self.rows.get(table).copied().unwrap_or(0)
    }

    /// Every table with at least one row, by name.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.rows.iter().map(|(table, rows)| (*table, *rows))
    }

    /// Rows of all tables.
    #[must_use]
    pub fn total_rows(&self) -> u64 {
        self.rows.values().sum()
    }

    fn count_rows(&mut self) {
        let games = |feed: Feeds| self.games.iter().filter(move |game| game.feeds.has(feed));
        let count = |feed| u64::try_from(games(feed).count()).unwrap_or(u64::MAX);
        let plays = |feed| {
            games(feed)
                .filter_map(|game| game.plays)
                .map(u64::from)
                .sum::<u64>()
        };
        let players = |feed| {
            games(feed)
                .filter_map(|game| game.roster)
                .map(u64::from)
                .sum::<u64>()
        };
        let temporal = match self.options.temporal {
            Temporal::Empty => 0,
            Temporal::Filled => plays(Feeds::ESPN_PLAYS),
        };
        let from_games = [
            ("public.games", count(Feeds::GAMES)),
            ("public.play_by_play", plays(Feeds::PLAY_BY_PLAY)),
            ("public.temporal_events", temporal),
            ("public.box_score_players", players(Feeds::BOX_PLAYERS)),
            ("public.box_score_teams", count(Feeds::BOX_TEAMS)),
            ("public.box_score_snapshots", 1),
            ("public.hoopr_play_by_play", plays(Feeds::HOOPR_PLAYS)),
            ("public.hoopr_player_box", players(Feeds::HOOPR_BOX)),
            ("public.hoopr_team_box", 2 * count(Feeds::HOOPR_BOX)),
            ("public.hoopr_schedule", count(Feeds::HOOPR_SCHEDULE)),
        ];
        let others = OTHER.map(|(table, rows, scaling)| match scaling {
            Scaling::Fixed => (table, rows),
            Scaling::Scaled => (table, self.options.scale.of(rows)),
        });
        self.rows = from_games
            .into_iter()
            .chain(others)
            .filter(|(_, rows)| *rows > 0)
            .collect();
    }
}

fn games_at(scale: Scale, table: &'static str) -> usize {
    let recorded = RECORDED
        .iter()
        .find(|line| line.table == table)
        .map_or(0, |line| line.games);
    usize::try_from(scale.of(recorded)).unwrap_or(usize::MAX)
}

fn rows_at(scale: Scale, table: &'static str) -> u64 {
    RECORDED
        .iter()
        .find(|line| line.table == table)
        .map_or(0, |line| scale.of(line.rows))
}

/// Decides which games exist and where they appear.
fn choose_games(
    seasons: &[u16],
    doubles: &[(u32, u32)],
    scale: Scale,
) -> Result<Vec<PlannedGame>, PlanError> {
    let season = |index: u32| {
        usize::try_from(index)
            .ok()
            .and_then(|index| seasons.get(index))
            .copied()
            .unwrap_or(0)
    };
    let everything: Vec<u32> = (0..GAMES).collect();
    // Both entries of a game stored twice count.
    let twice = scale.of(u64::try_from(doubles.len()).unwrap_or(u64::MAX));
    let twice = pick(doubles, usize::try_from(twice).unwrap_or(usize::MAX));
    let once: Vec<u32> = everything
        .iter()
        .copied()
        .filter(|index| twice.iter().all(|(double, _)| double != index))
        .collect();
    let mut indexes = pick(
        &once,
        games_at(scale, "public.games").saturating_sub(2 * twice.len()),
    );
    indexes.extend(twice.iter().map(|(index, _)| *index));
    indexes.sort_unstable();
    let mut games: Vec<PlannedGame> = indexes
        .iter()
        .map(|index| PlannedGame {
            index: *index,
            plays: None,
            roster: None,
            feeds: Feeds::GAMES,
            other_id: None,
        })
        .collect();

    // ESPN documents with plays: 5.3 % of the games up to 2001, 86.9 % up to 2010, 94.4 % since (dossier 7.9).
    let wanted = games_at(scale, "public.temporal_events");
    let recent = eligible(&games, |game| season(game.index) >= 2011);
    let middle = eligible(&games, |game| (2002..=2010).contains(&season(game.index)));
    let early = eligible(&games, |game| season(game.index) <= 2001);
    let recent_share = recent.len() * 944 / 1000;
    let middle_share = middle.len() * 869 / 1000;
    let early_share = wanted
        .saturating_sub(recent_share + middle_share)
        .min(early.len());
    let middle_share = (wanted.saturating_sub(recent_share + early_share)).min(middle.len());
    let recent_share = (wanted.saturating_sub(middle_share + early_share)).min(recent.len());
    for (group, share) in [
        (recent, recent_share),
        (middle, middle_share),
        (early, early_share),
    ] {
        add(
            &mut games,
            &group,
            share,
            Feeds::ESPN_PLAYS,
            "public.temporal_events",
        )?;
    }

    // hoopR's plays: all but two of its games also have ESPN plays.
    let joint = games_at(scale, "public.hoopr_play_by_play").saturating_sub(HOOPR_ONLY.len());
    let group = eligible(&games, |game| {
        game.feeds.has(Feeds::ESPN_PLAYS) && season(game.index) >= HOOPR_FIRST_SEASON
    });
    let hoopr = Feeds::HOOPR_PLAYS
        .with(Feeds::HOOPR_BOX)
        .with(Feeds::HOOPR_SCHEDULE);
    add(
        &mut games,
        &group,
        joint,
        hoopr,
        "public.hoopr_play_by_play",
    )?;

    // play_by_play: a part of the games with ESPN plays; nothing after 2021-22, and 42 % of that season.
    let last = *PLAY_BY_PLAY_SEASONS.end();
    let covered = |game: &PlannedGame| {
        game.feeds.has(Feeds::ESPN_PLAYS) && PLAY_BY_PLAY_SEASONS.contains(&season(game.index))
    };
    let wanted = games_at(scale, "public.play_by_play");
    let final_season = eligible(&games, |game| covered(game) && season(game.index) == last);
    let before = eligible(&games, |game| covered(game) && season(game.index) != last);
    let final_share = (final_season.len() * 42 / 100).min(wanted);
    let stored = Feeds::PLAY_BY_PLAY
        .with(Feeds::BOX_PLAYERS)
        .with(Feeds::BOX_TEAMS);
    add(
        &mut games,
        &final_season,
        final_share,
        stored,
        "public.play_by_play",
    )?;
    add(
        &mut games,
        &before,
        wanted - final_share,
        stored,
        "public.play_by_play",
    )?;

    // Some box scores have no plays, and some team rows no player rows.
    let more = games_at(scale, "public.box_score_players").saturating_sub(wanted);
    let group = eligible(&games, |game| !game.feeds.has(Feeds::BOX_TEAMS));
    add(
        &mut games,
        &group,
        more,
        Feeds::BOX_PLAYERS.with(Feeds::BOX_TEAMS),
        "public.box_score_players",
    )?;
    let more = games_at(scale, "public.box_score_teams")
        .saturating_sub(games_at(scale, "public.box_score_players"));
    let group = eligible(&games, |game| !game.feeds.has(Feeds::BOX_TEAMS));
    add(
        &mut games,
        &group,
        more,
        Feeds::BOX_TEAMS,
        "public.box_score_teams",
    )?;

    // hoopR has more box scores than plays, and more scheduled games than box scores.
    let more = games_at(scale, "public.hoopr_team_box").saturating_sub(joint + HOOPR_ONLY.len());
    let group = eligible(&games, |game| {
        !game.feeds.has(Feeds::HOOPR_BOX) && season(game.index) >= HOOPR_FIRST_SEASON
    });
    add(
        &mut games,
        &group,
        more,
        Feeds::HOOPR_BOX.with(Feeds::HOOPR_SCHEDULE),
        "public.hoopr_team_box",
    )?;
    let boxes = games_at(scale, "public.hoopr_team_box").max(joint + HOOPR_ONLY.len());
    let more = games_at(scale, "public.hoopr_schedule").saturating_sub(boxes);
    let group = eligible(&games, |game| {
        !game.feeds.has(Feeds::HOOPR_SCHEDULE) && season(game.index) >= HOOPR_FIRST_SEASON
    });
    add(
        &mut games,
        &group,
        more,
        Feeds::HOOPR_SCHEDULE,
        "public.hoopr_schedule",
    )?;

    let stored_once = games.len();
    games.extend(twice.iter().map(|(index, second_id)| PlannedGame {
        index: *index,
        plays: None,
        roster: None,
        feeds: Feeds::GAMES,
        other_id: Some(*second_id),
    }));

    for (id, year) in HOOPR_ONLY {
        // A game that ESPN's plays do not have, so that its plays are found in hoopR only.
        let taken = |index: u32| {
            games[..stored_once]
                .binary_search_by_key(&index, |game| game.index)
                .is_ok_and(|at| {
                    games[at].feeds.has(Feeds::ESPN_PLAYS)
                        || games[at].feeds.has(Feeds::HOOPR_SCHEDULE)
                })
        };
        let index = everything
            .iter()
            .copied()
            .find(|index| season(*index) == year && !taken(*index));
        let index = index.ok_or(PlanError::TooFewGames {
            table: "public.hoopr_schedule",
            wanted: 1,
            available: 0,
        })?;
        games.push(PlannedGame {
            index,
            plays: None,
            roster: None,
            feeds: hoopr,
            other_id: Some(id),
        });
    }
    Ok(games)
}

fn eligible(games: &[PlannedGame], mut wanted: impl FnMut(&PlannedGame) -> bool) -> Vec<usize> {
    (0..games.len()).filter(|at| wanted(&games[*at])).collect()
}

/// Adds feeds to `count` games of a group, spread evenly over it.
fn add(
    games: &mut [PlannedGame],
    group: &[usize],
    count: usize,
    feeds: Feeds,
    table: &'static str,
) -> Result<(), PlanError> {
    if count > group.len() {
        return Err(PlanError::TooFewGames {
            table,
            wanted: count,
            available: group.len(),
        });
    }
    for at in pick(group, count) {
        games[at].feeds = games[at].feeds.with(feeds);
    }
    Ok(())
}

/// Gives every game its number of plays and players so that all sums are met.
fn choose_counts(games: &mut [PlannedGame], scale: Scale) {
    let in_pbp = |game: &PlannedGame| game.feeds.has(Feeds::PLAY_BY_PLAY);
    let in_hoopr =
        |game: &PlannedGame| game.feeds.has(Feeds::HOOPR_PLAYS) && game.feeds.has(Feeds::GAMES);
    let both = eligible(games, |game| in_pbp(game) && in_hoopr(game));
    let pbp_only = eligible(games, |game| in_pbp(game) && !in_hoopr(game));
    let hoopr_only = eligible(games, |game| !in_pbp(game) && in_hoopr(game));
    let neither = eligible(games, |game| {
        game.feeds.has(Feeds::ESPN_PLAYS) && !in_pbp(game) && !game.feeds.has(Feeds::HOOPR_PLAYS)
    });
    let special = eligible(games, |game| !game.feeds.has(Feeds::GAMES));

    let plays = Total {
        per_game: PLAYS_PER_GAME,
        deviation: PLAYS_DEVIATION,
    };
    let pbp = rows_at(scale, "public.play_by_play");
    let hoopr = rows_at(scale, "public.hoopr_play_by_play");
    let espn = rows_at(scale, "public.temporal_events");
    let both_rows = share(pbp, both.len(), both.len() + pbp_only.len());
    let special_rows = share(
        hoopr,
        special.len(),
        both.len() + hoopr_only.len() + special.len(),
    );
    let hoopr_rows = hoopr.saturating_sub(both_rows + special_rows);
    let groups = [
        (&both, both_rows),
        (&pbp_only, pbp - both_rows),
        (&special, special_rows),
        (&hoopr_only, hoopr_rows),
        (&neither, espn.saturating_sub(pbp + hoopr_rows)),
    ];
    for (group, rows) in groups {
        for (at, plays) in group.iter().zip(plays.distribute(group.len(), rows)) {
            games[*at].plays = u16::try_from(plays).ok();
        }
    }

    let espn_box = |game: &PlannedGame| game.feeds.has(Feeds::BOX_PLAYERS);
    let hoopr_box = |game: &PlannedGame| game.feeds.has(Feeds::HOOPR_BOX);
    let both = eligible(games, |game| espn_box(game) && hoopr_box(game));
    let espn_only = eligible(games, |game| espn_box(game) && !hoopr_box(game));
    let hoopr_only = eligible(games, |game| !espn_box(game) && hoopr_box(game));
    let roster = Total {
        per_game: ROSTER_PER_GAME,
        deviation: ROSTER_DEVIATION,
    };
    let espn = rows_at(scale, "public.box_score_players");
    let hoopr = rows_at(scale, "public.hoopr_player_box");
    let both_rows = share(espn, both.len(), both.len() + espn_only.len());
    let groups = [
        (&both, both_rows),
        (&espn_only, espn - both_rows),
        (&hoopr_only, hoopr.saturating_sub(both_rows)),
    ];
    for (group, rows) in groups {
        for (at, players) in group.iter().zip(roster.distribute(group.len(), rows)) {
            games[*at].roster = u8::try_from(players).ok();
        }
    }
}

/// `total × part / whole`, rounded down; all of it when the part is the whole.
fn share(total: u64, part: usize, whole: usize) -> u64 {
    let part = u64::try_from(part).unwrap_or(u64::MAX);
    let whole = u64::try_from(whole).unwrap_or(u64::MAX).max(1);
    total * part / whole
}
