//! The schedule of the platform: 44,828 games of 32 seasons, the same at every scale.
//!
//! | fact | value | source |
//! |---|---|---|
//! | games | 44,828 | database dossier 1.3 |
//! | pre-season / regular and All-Star / play-offs / play-in | 2,551 / 39,664 / 2,588 / 25 | database dossier 7.3 |
//! | newest game | 2025-04-13 | database dossier 8.3 |
//! | UTC day after the US day | 77 % of the games | database dossier 7.4 |
//! | nine-digit ids with year 1980 + YY until 2012-13, then `400…`/`401…` | | database dossier 7.1 |
//!
//! The NBA played about 37,700 regular-season games in these years; the documented total is 5 % higher, so every regular
//! season is that much longer than it was. Pairings are invented, and play-off series do not follow from the results.
//! No two teams meet twice within two days, so that a game stored under two ids can be recognised by its date and teams.

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc, Weekday};

use super::model::{GameHeader, SeasonType, Team, Wording};
use super::rng::{Draws, mix};
use super::roster;
use super::teams::{foreign_teams, hours_behind_eastern, special_teams, teams};

/// First season, by the year in which it starts.
pub const FIRST_SEASON: u16 = 1993;
/// Last season, by the year in which it starts; it ends with the regular season.
pub const LAST_SEASON: u16 = 2024;
/// Games of the whole schedule.
pub const GAMES: u32 = 44_828;

/// Games of one universe under two ids (database dossier 7.1).
const DOUBLE_IDS: usize = 24;

/// The schedule and everything else that is known before the games are played.
#[derive(Debug, Clone)]
pub struct Universe {
    seed: u64,
    entries: Vec<Entry>,
}

/// A game that the feeds know under a second, modern id (example pair of the database dossier 7.1: 190302004 / 400216894).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleId {
    /// Position of the game in the schedule.
    pub index: u32,
    /// The other id; the header holds the legacy one.
    pub second_id: String,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    tipoff: DateTime<Utc>,
    us_date: NaiveDate,
    game_id: u32,
    season_start: u16,
    season_type: SeasonType,
    home: &'static Team,
    away: &'static Team,
}

impl Universe {
    /// Lays out all seasons; takes some tens of milliseconds.
    ///
    /// ```
    /// use nba_testkit::sim::Universe;
    ///
    /// let universe = Universe::new(1);
    /// let newest = universe.header(universe.len() - 1);
    /// assert_eq!((universe.len(), newest.us_date.to_string().as_str()), (44_828, "2025-04-13"));
    /// ```
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let regular = share_out(39_664 - 31, regular_games_played);
        let preseason = share_out(2_551, |_| 80);
        let playoffs = share_out(2_588, |season| match season {
            LAST_SEASON => 0,
            2002.. => 84,
            _ => 73,
        });
        let mut entries = Vec::with_capacity(45_000);
        for (position, season_start) in (FIRST_SEASON..=LAST_SEASON).enumerate() {
            let mut season = Season::new(seed, season_start);
            season.preseason(preseason[position]);
            season.regular(regular[position]);
            season.all_star();
            season.play_in();
            season.playoffs(playoffs[position]);
            season
                .entries
                .sort_by_key(|entry| (entry.tipoff, entry.home.espn_id));
            if let Some(base) = modern_id_base(season_start) {
                for (entry, game_id) in season.entries.iter_mut().zip(base..) {
                    entry.game_id = game_id;
                }
            }
            entries.append(&mut season.entries);
        }
        Self { seed, entries }
    }

    /// Number of games.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// Never true: a universe always holds its 44,828 games.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The seed it was made from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Schedule entry at this position, oldest game first.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Universe::len`].
    #[must_use]
    pub fn header(&self, index: u32) -> GameHeader {
        let entry = self.entry(index);
        let mut draws = Draws::new(mix(self.seed, 1 << 41 | u64::from(index)));
        GameHeader {
            seed: self.seed,
            index,
            game_id: entry.game_id.to_string(),
            season_start: entry.season_start,
            season_type: entry.season_type,
            tipoff: entry.tipoff,
            us_date: entry.us_date,
            home: entry.home,
            away: entry.away,
            wording: if entry.season_start < 2001 {
                Wording::Pre2001
            } else {
                Wording::Modern
            },
            attendance: attendance(entry, &mut draws),
            referees: referees(&mut draws),
        }
    }

    /// Positions of the games of the season that starts in this calendar year; empty outside the universe.
    #[must_use]
    pub fn season(&self, season_start: u16) -> std::ops::Range<u32> {
        let first = self
            .entries
            .partition_point(|entry| entry.season_start < season_start);
        let end = self
            .entries
            .partition_point(|entry| entry.season_start <= season_start);
        u32::try_from(first).unwrap_or(u32::MAX)..u32::try_from(end).unwrap_or(u32::MAX)
    }

    /// Season type of a game, without building its header.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`Universe::len`].
    #[must_use]
    pub fn season_type(&self, index: u32) -> SeasonType {
        self.entry(index).season_type
    }

    /// The games that exist under two ids; which feeds show the second one is the caller's decision.
    #[must_use]
    pub fn double_ids(&self) -> Vec<DoubleId> {
        let legacy = self.season(2013).start;
        let mut draws = Draws::new(mix(self.seed, 1 << 42));
        let mut indexes: Vec<u32> = Vec::with_capacity(DOUBLE_IDS);
        while indexes.len() < DOUBLE_IDS {
            let index = draws.below(legacy);
            if self.season_type(index) == SeasonType::Regular && !indexes.contains(&index) {
                indexes.push(index);
            }
        }
        indexes.sort_unstable();
        let ids = 400_216_894_u32..;
        indexes
            .into_iter()
            .zip(ids)
            .map(|(index, id)| DoubleId {
                index,
                second_id: id.to_string(),
            })
            .collect()
    }

    fn entry(&self, index: u32) -> &Entry {
        &self.entries[usize::try_from(index).expect("a game index fits the address space")]
    }
}

/// One season while it is laid out.
struct Season {
    start: u16,
    first_day: NaiveDate,
    last_day: NaiveDate,
    active: Vec<&'static Team>,
    played: Vec<u16>,
    hosted: Vec<u16>,
    /// Day on which two teams last met, by position in `active`.
    last_met: Vec<Option<NaiveDate>>,
    draws: Draws,
    entries: Vec<Entry>,
}

/// Days two teams wait before they meet again.
const REMATCH_DAYS: i64 = 3;

impl Season {
    fn new(seed: u64, start: u16) -> Self {
        let (first_day, last_day) = regular_season(start);
        let active: Vec<_> = teams()
            .iter()
            .filter(|team| joined(team) <= start)
            .collect();
        Season {
            start,
            first_day,
            last_day,
            played: vec![0; active.len()],
            hosted: vec![0; active.len()],
            last_met: vec![None; active.len() * active.len()],
            active,
            draws: Draws::new(mix(seed, 1 << 43 | u64::from(start))),
            entries: Vec::with_capacity(1_500),
        }
    }

    fn preseason(&mut self, games: u32) {
        let length = match self.start {
            1998 => 11,
            2011 | 2020 => 9,
            // The seasons that start in the middle of October.
            2017.. => 14,
            _ => 21,
        };
        let days: Vec<_> = (0..length)
            .map(|day| self.first_day - Days::new(length + 3 - day))
            .collect();
        self.round_robin(&days, games, SeasonType::Preseason);
        // About one exhibition in eight is against a foreign club, each of which tours one day in 43.
        let clubs = i32::try_from(foreign_teams().len()).unwrap_or(1);
        let mut previous = None;
        for entry in &mut self.entries {
            if previous != Some(entry.us_date) && self.draws.chance(0.5) {
                let club = entry.us_date.num_days_from_ce() % clubs;
                entry.away = &foreign_teams()[usize::try_from(club).unwrap_or(0)];
                previous = Some(entry.us_date);
            }
        }
    }

    fn regular(&mut self, games: u32) {
        let pause = self.all_star_day();
        let suspended = (date(2020, 3, 12), date(2020, 7, 29));
        let days: Vec<_> = self
            .first_day
            .iter_days()
            .take_while(|day| *day <= self.last_day)
            .filter(|day| pause.is_none_or(|sunday| (*day - sunday).num_days().abs() > 2))
            .filter(|day| *day < suspended.0 || *day > suspended.1 || self.start != 2019)
            .collect();
        self.round_robin(&days, games, SeasonType::Regular);
    }

    /// Third Sunday of February; March in 2021; none in the short season of 1998-99.
    fn all_star_day(&self) -> Option<NaiveDate> {
        let year = i32::from(self.start) + 1;
        match self.start {
            1998 => None,
            2020 => Some(date(2021, 3, 7)),
            _ => NaiveDate::from_weekday_of_month_opt(year, 2, Weekday::Sun, 3),
        }
    }

    fn all_star(&mut self) {
        if let (Some(day), [east, west, ..]) = (self.all_star_day(), special_teams()) {
            let (home, away) = if self.start.is_multiple_of(2) {
                (east, west)
            } else {
                (west, east)
            };
            self.add(day, home, away, SeasonType::Regular, 20 * 60 + 30);
        }
    }

    /// Six games after the regular season; one in the bubble of 2020.
    fn play_in(&mut self) {
        let (offsets, games): (&[u64], u32) = match self.start {
            2019 => (&[1], 1),
            2020..=2023 => (&[2, 3, 4], 6),
            _ => return,
        };
        let days: Vec<_> = offsets
            .iter()
            .map(|&after| self.last_day + Days::new(after))
            .collect();
        self.round_robin(&days, games, SeasonType::PlayIn);
    }

    /// Fifteen series in four rounds, a game every other day in each.
    fn playoffs(&mut self, games: u32) {
        if games == 0 {
            return;
        }
        let opening: &[u32] = if self.start < 2002 { &[3, 5] } else { &[4, 7] };
        let mut lengths: Vec<u32> = (0..15)
            .map(|series| if series < 8 { opening[0] } else { 4 })
            .collect();
        let limits: Vec<u32> = (0..15)
            .map(|series| if series < 8 { opening[1] } else { 7 })
            .collect();
        let mut left = games.saturating_sub(lengths.iter().sum());
        while left > 0 {
            let series = self.draws.index(15);
            if lengths[series] < limits[series] {
                lengths[series] += 1;
                left -= 1;
            }
        }
        let mut field = self.active.clone();
        self.draws.shuffle(&mut field);
        field.truncate(16);
        let mut series = lengths.into_iter();
        // In 2020 the finals ended on 11 October.
        let round_starts = if self.start == 2019 {
            [3, 18, 32, 46]
        } else {
            [7, 23, 38, 53]
        };
        for round_start in round_starts {
            let mut winners = Vec::with_capacity(field.len() / 2);
            for (number, pair) in (0u64..).zip(field.chunks_exact(2)) {
                let length = series.next().unwrap_or(0);
                for game in 0..length {
                    let (home, away) = if matches!(game, 0 | 1 | 4 | 6) {
                        (pair[0], pair[1])
                    } else {
                        (pair[1], pair[0])
                    };
                    let day =
                        self.last_day + Days::new(round_start + number % 2 + 2 * u64::from(game));
                    let minute = *self
                        .draws
                        .pick(&[19 * 60, 19 * 60 + 30, 20 * 60, 21 * 60 + 30]);
                    self.add(day, home, away, SeasonType::Playoffs, minute);
                }
                winners.push(*self.draws.pick(pair));
            }
            field = winners;
        }
    }

    /// Spreads games evenly over the days; on a day nobody plays twice, and those who played least come first.
    fn round_robin(&mut self, days: &[NaiveDate], games: u32, season_type: SeasonType) {
        let count = u32::try_from(days.len()).unwrap_or(u32::MAX);
        for (number, &day) in (0u32..).zip(days) {
            let today = (number + 1) * games / count - number * games / count;
            for (home, away) in self.pairs(day, today) {
                let minute = self.minute(self.active[home], day, season_type);
                self.add(
                    day,
                    self.active[home],
                    self.active[away],
                    season_type,
                    minute,
                );
            }
        }
    }

    fn pairs(&mut self, day: NaiveDate, games: u32) -> Vec<(usize, usize)> {
        let mut order: Vec<usize> = (0..self.active.len()).collect();
        self.draws.shuffle(&mut order);
        order.sort_by_key(|&team| self.played[team]);
        order.truncate(usize::try_from(games * 2).unwrap_or(0));
        let size = self.active.len();
        // A rematch too soon is redrawn; a handful of draws is always enough at ten games a day.
        for _ in 0..10_000 {
            self.draws.shuffle(&mut order);
            let soon = |pair: &[usize]| {
                self.last_met[pair[0] * size + pair[1]]
                    .is_some_and(|met| (day - met).num_days() < REMATCH_DAYS)
            };
            if !order.chunks_exact(2).any(soon) {
                break;
            }
        }
        let mut pairs = Vec::with_capacity(order.len() / 2);
        for pair in order.chunks_exact(2) {
            let (a, b) = (pair[0], pair[1]);
            self.last_met[a * size + b] = Some(day);
            self.last_met[b * size + a] = Some(day);
            let a_hosts = match self.hosted[a].cmp(&self.hosted[b]) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Greater => false,
                std::cmp::Ordering::Equal => self.draws.chance(0.5),
            };
            let (home, away) = if a_hosts { (a, b) } else { (b, a) };
            self.played[a] += 1;
            self.played[b] += 1;
            self.hosted[home] += 1;
            pairs.push((home, away));
        }
        pairs
    }

    /// Tip-off in minutes of the US Eastern day.
    fn minute(&mut self, home: &Team, day: NaiveDate, season_type: SeasonType) -> u16 {
        let matinee = match day.weekday() {
            Weekday::Sun if season_type == SeasonType::Regular => 0.70,
            Weekday::Sat if season_type == SeasonType::Regular => 0.40,
            _ => 0.02,
        };
        let local = if self.draws.chance(matinee) {
            *self.draws.pick(&[13 * 60, 15 * 60 + 30, 18 * 60])
        } else {
            *self
                .draws
                .pick(&[19 * 60, 19 * 60, 19 * 60 + 30, 19 * 60 + 30, 20 * 60])
        };
        local + u16::from(hours_behind_eastern(home)) * 60
    }

    fn add(
        &mut self,
        day: NaiveDate,
        home: &'static Team,
        away: &'static Team,
        season_type: SeasonType,
        minute: u16,
    ) {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        let to_utc = if daylight_saving(day) { 4 } else { 5 };
        let tipoff = midnight + TimeDelta::minutes(i64::from(minute) + to_utc * 60);
        self.entries.push(Entry {
            tipoff: tipoff.and_utc(),
            us_date: day,
            game_id: legacy_id(day, home),
            season_start: self.start,
            season_type,
            home,
            away,
        });
    }
}

/// Season in which a franchise of today appears: Toronto and Vancouver (now Memphis) joined in 1995, Charlotte's second
/// team in 2004; the first one's history is New Orleans' here.
fn joined(team: &Team) -> u16 {
    match team.espn_id {
        28 | 29 => 1995,
        30 => 2004,
        _ => FIRST_SEASON,
    }
}

/// YYMMDD and the home team's id in three digits, YY counted from 1980 (database dossier 7.1).
fn legacy_id(day: NaiveDate, home: &Team) -> u32 {
    let year = u32::try_from(day.year() - 1980).unwrap_or(0);
    ((year * 100 + day.month()) * 100 + day.day()) * 1000 + u32::from(home.espn_id)
}

/// First id of a season; the two ids that only hoopR has (400975770, 401070722) stay free.
fn modern_id_base(season_start: u16) -> Option<u32> {
    Some(match season_start {
        2013 => 400_484_000,
        2014 => 400_578_000,
        2015 => 400_827_000,
        2016 => 400_899_000,
        2017 => 400_973_000,
        2018 => 401_071_000,
        2019 => 401_160_000,
        2020 => 401_266_000,
        2021 => 401_359_000,
        2022 => 401_468_000,
        2023 => 401_584_000,
        2024 => 401_704_000,
        _ => return None,
    })
}

fn regular_games_played(season_start: u16) -> u32 {
    match season_start {
        ..=1994 => 1_107,
        1998 => 725,
        1995..=2003 => 1_189,
        2011 => 990,
        2019 => 1_059,
        2020 => 1_080,
        _ => 1_230,
    }
}

/// Splits a total over the seasons in proportion to their weights, exactly.
fn share_out(total: u32, weight: impl Fn(u16) -> u32) -> Vec<u32> {
    let weights: Vec<u32> = (FIRST_SEASON..=LAST_SEASON).map(weight).collect();
    let sum: u32 = weights.iter().sum();
    let part = |before: u32| u64::from(total) * u64::from(before) / u64::from(sum);
    let mut before = 0;
    weights
        .iter()
        .map(|weight| {
            let start = part(before);
            before += weight;
            u32::try_from(part(before) - start).unwrap_or(0)
        })
        .collect()
}

/// First and last day of the regular season.
fn regular_season(start: u16) -> (NaiveDate, NaiveDate) {
    let year = i32::from(start);
    let (first, last) = match start {
        1993 => ((11, 5), (4, 24)),
        1994 => ((11, 4), (4, 23)),
        1995 => ((11, 3), (4, 21)),
        1996 => ((11, 1), (4, 20)),
        1997 => ((10, 31), (4, 19)),
        1998 => return (date(1999, 2, 5), date(1999, 5, 5)),
        1999 => ((11, 2), (4, 19)),
        2000 => ((10, 31), (4, 18)),
        2001 => ((10, 30), (4, 17)),
        2002 => ((10, 29), (4, 16)),
        2003 => ((10, 28), (4, 14)),
        2004 => ((11, 2), (4, 20)),
        2005 => ((11, 1), (4, 19)),
        2006 => ((10, 31), (4, 18)),
        2007 => ((10, 30), (4, 16)),
        2008 => ((10, 28), (4, 15)),
        2009 => ((10, 27), (4, 14)),
        2010 => ((10, 26), (4, 13)),
        2011 => ((12, 25), (4, 26)),
        2012 => ((10, 30), (4, 17)),
        2013 => ((10, 29), (4, 16)),
        2014 => ((10, 28), (4, 15)),
        2015 => ((10, 27), (4, 13)),
        2016 => ((10, 25), (4, 12)),
        2017 => ((10, 17), (4, 11)),
        2018 => ((10, 16), (4, 10)),
        2019 => ((10, 22), (8, 14)),
        2020 => ((12, 22), (5, 16)),
        2021 => ((10, 19), (4, 10)),
        2022 => ((10, 18), (4, 9)),
        2023 => ((10, 24), (4, 14)),
        _ => ((10, 22), (4, 13)),
    };
    (date(year, first.0, first.1), date(year + 1, last.0, last.1))
}

/// Whether US clocks are ahead on this day: since 2007 from the second Sunday of March to the first of November, before
/// from the first Sunday of April to the last of October.
fn daylight_saving(day: NaiveDate) -> bool {
    let year = day.year();
    let sunday =
        |month, number| NaiveDate::from_weekday_of_month_opt(year, month, Weekday::Sun, number);
    let (starts, ends) = if year >= 2007 {
        (sunday(3, 2), sunday(11, 1))
    } else {
        (sunday(4, 1), sunday(10, 5).or_else(|| sunday(10, 4)))
    };
    starts.is_some_and(|start| start <= day) && ends.is_some_and(|end| day < end)
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("the calendar tables hold real days")
}

/// People in the arena: none in the bubble, few in 2020-21, now and then unknown.
fn attendance(entry: &Entry, draws: &mut Draws) -> u32 {
    let bubble = entry.us_date >= date(2020, 7, 1) && entry.us_date < date(2020, 12, 1);
    if bubble || draws.chance(0.02) {
        0
    } else if entry.season_start == 2020 {
        draws.below(4_500)
    } else {
        draws.between(13_800, 20_400)
    }
}

fn referees(draws: &mut Draws) -> [String; 3] {
    const OFFICIALS: u32 = 72;
    let first = draws.below(OFFICIALS);
    let second = (first + draws.between(1, 30)) % OFFICIALS;
    let third = (first + draws.between(31, OFFICIALS - 1)) % OFFICIALS;
    [first, second, third].map(roster::official)
}
