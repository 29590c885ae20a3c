//! The documented oddities of production data that the replica reproduces, each with its rate, its source and a query that counts it.
//!
//! ```
//! use nba_testkit::quirks;
//!
//! let stale = quirks::all().iter().find(|quirk| quirk.name == "box rows left stale by a partial upsert").unwrap();
//! assert_eq!(stale.section, "2.5, 7.10");
//! ```

use crate::sim::GameHeader;

#[cfg(test)]
mod tests;

/// How often a quirk appears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// In every row (or game) of the base.
    Always,
    /// In none.
    Never,
    /// In one of so many, drawn per game.
    OneIn(u64),
    /// In about this share; it follows from the games themselves.
    About(f64),
    /// At least once; it follows from the games themselves.
    Some,
}

/// One oddity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quirk {
    /// What it is, in a few words.
    pub name: &'static str,
    /// Section of the database dossier.
    pub section: &'static str,
    /// How often it appears. Rates other than `Always` and `Never` are this replica's: the documents give none unless said.
    pub rate: Rate,
    /// Selects two numbers: how often it is there, and out of how many.
    pub count_sql: &'static str,
}

/// Draws that are decided per game, so that every table shows the same game as odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// `box_score_players` holds values of an earlier upload in all columns but minutes and points.
    StaleBox,
    /// One bench player of `box_score_players` has an empty id.
    NamelessPlayer,
    /// `box_score_teams` holds zeros because the statistics block was missing.
    MissingTeamStats,
    /// `box_score_teams.game_date` did not parse.
    UnparsedDate,
    /// The third referee is missing.
    MissingReferee,
    /// hoopR's `season` is NULL.
    NullSeason,
    /// hoopR's text columns hold `--` and `NA`.
    DashText,
    /// `games` kept what the first, pre-game upload said.
    StaleGame,
    /// `games` has "Unknown" for the home team.
    UnknownTeam,
}

impl Oddity {
    const fn one_in(self) -> u64 {
        match self {
            Self::StaleBox => 100,
            Self::NamelessPlayer => 60,
            Self::MissingTeamStats => 120,
            Self::UnparsedDate => 80,
            Self::MissingReferee => 50,
            Self::NullSeason => 200,
            Self::DashText => 40,
            Self::StaleGame => 20,
            Self::UnknownTeam => 250,
        }
    }

    /// Does this game show it?
    pub(crate) fn hits(self, game: &GameHeader) -> bool {
        let salt = match self {
            Self::StaleBox => 1,
            Self::NamelessPlayer => 2,
            Self::MissingTeamStats => 3,
            Self::UnparsedDate => 4,
            Self::MissingReferee => 5,
            Self::NullSeason => 6,
            Self::DashText => 7,
            Self::StaleGame => 8,
            Self::UnknownTeam => 9,
        };
        scramble(game.seed ^ (salt << 32) ^ u64::from(game.index)).is_multiple_of(self.one_in())
    }

    const fn rate(self) -> Rate {
        Rate::OneIn(self.one_in())
    }
}

/// A fixed mixing of a key (the finaliser of splitmix64).
pub(crate) fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Every quirk the replica reproduces in the database.
#[must_use]
pub const fn all() -> &'static [Quirk] {
    &ALL
}

const ALL: [Quirk; 31] = [
    Quirk {
        name: "play ids are the game id and an unpadded number, so text order is not play order",
        section: "2.3, 7.1",
        rate: Rate::Always,
        count_sql: "select count(*) filter (where play_id ~ ('^' || game_id || '[1-9][0-9]{0,2}$')), count(*) from play_by_play",
    },
    Quirk {
        name: "clock of the last minute without colon",
        section: "7.6",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where clock_display ~ '^[0-9]+[.][0-9]$'), count(*) from play_by_play",
    },
    Quirk {
        name: "clock missing",
        section: "7.6",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where clock_display is null or clock_display = ''), count(*) from play_by_play",
    },
    Quirk {
        name: "play belongs to neither team",
        section: "2.3",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where home_away is null), count(*) from play_by_play",
    },
    Quirk {
        name: "attendance of games never written",
        section: "2.1",
        rate: Rate::Always,
        count_sql: "select count(*) filter (where attendance is null), count(*) from games",
    },
    Quirk {
        name: "season text from the UTC month",
        section: "7.2",
        rate: Rate::Always,
        count_sql: "select count(*) filter (where season = y || '-' || lpad(((y + 1) % 100)::text, 2, '0')), count(*)
            from (select season, (extract(year from game_date) - (extract(month from game_date) < 10)::int)::int as y from games) g",
    },
    Quirk {
        name: "games are dated by UTC, hoopR by the US day",
        section: "7.4 (77 % recorded)",
        rate: Rate::About(0.77),
        count_sql: "select count(*) filter (where g.game_date = h.game_date + 1), count(*)
            from games g join hoopr_schedule h on h.game_id = g.game_id::int",
    },
    Quirk {
        name: "columns of games that kept their first value",
        section: "2.1, 7.10",
        rate: Oddity::StaleGame.rate(),
        count_sql: "select count(*) filter (where completed and status_state = 'pre'), count(*) from games",
    },
    Quirk {
        name: "team name Unknown",
        section: "7.5",
        rate: Oddity::UnknownTeam.rate(),
        count_sql: "select count(*) filter (where home_team_name = 'Unknown'), count(*) from games",
    },
    Quirk {
        name: "one game under two ids",
        section: "7.1",
        rate: Rate::Some,
        count_sql: "select count(*), (select count(*) from games) from games a join games b
            on a.game_date = b.game_date and a.home_team_id = b.home_team_id and a.away_team_id = b.away_team_id and a.game_id < b.game_id",
    },
    Quirk {
        name: "teams named from their id",
        section: "2.1",
        rate: Rate::About(57.0 / 87.0),
        count_sql: "select count(*) filter (where team_name = 'Team ' || team_id), count(*) from teams",
    },
    Quirk {
        name: "empty player id",
        section: "2.5, 7.1",
        rate: Oddity::NamelessPlayer.rate(),
        count_sql: "select count(*) filter (where player_id = ''), count(distinct game_id) from box_score_players",
    },
    Quirk {
        name: "made-attempted as text",
        section: "2.5, 7.5",
        rate: Rate::Always,
        count_sql: "select count(*) filter (where field_goals ~ '^[0-9]+-[0-9]+$'), count(*) from box_score_players",
    },
    Quirk {
        name: "box rows left stale by a partial upsert",
        section: "2.5, 7.10",
        rate: Oddity::StaleBox.rate(),
        count_sql: "select count(distinct game_id) filter (where updated_at > created_at), count(distinct game_id) from box_score_players",
    },
    Quirk {
        name: "attendance 0 means unknown",
        section: "7.5",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where attendance = 0), count(*) from box_score_teams",
    },
    Quirk {
        name: "team statistics stored as zeros because the block was missing",
        section: "2.6",
        rate: Oddity::MissingTeamStats.rate(),
        count_sql: "select count(*) filter (where home_team_field_goals = '0-0' and home_team_score > 0), count(*) from box_score_teams",
    },
    Quirk {
        name: "game date that fitted no pattern",
        section: "2.6",
        rate: Oddity::UnparsedDate.rate(),
        count_sql: "select count(*) filter (where game_date is null), count(*) from box_score_teams",
    },
    Quirk {
        name: "missing referee as empty text",
        section: "2.6",
        rate: Oddity::MissingReferee.rate(),
        count_sql: "select count(*) filter (where referee3_name = ''), count(*) from box_score_teams",
    },
    Quirk {
        name: "percentages from 0 to 100",
        section: "7.5",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where home_team_field_goals_pct > 1), count(*) from box_score_teams",
    },
    Quirk {
        name: "hoopR season missing",
        section: "2.4",
        rate: Oddity::NullSeason.rate(),
        count_sql: "select count(distinct game_id) filter (where season is null), count(distinct game_id) from hoopr_play_by_play",
    },
    Quirk {
        name: "hoopR season is the end year",
        section: "7.2",
        rate: Rate::Always,
        count_sql: "select count(*) filter (where season = extract(year from game_date) + (extract(month from game_date) >= 9)::int
            or game_date between date '2020-09-01' and date '2020-10-31' and season = 2020), count(*) from hoopr_schedule",
    },
    Quirk {
        name: "hoopR truth values are numbers",
        section: "7.5",
        rate: Rate::Always,
        count_sql: "select count(*) filter (where scoring_play in (0, 1) and shooting_play in (0, 1)), count(*) from hoopr_play_by_play",
    },
    Quirk {
        name: "hoopR plus/minus is signed text",
        section: "7.5",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where plus_minus like '+%'), count(*) from hoopr_player_box",
    },
    Quirk {
        name: "hoopR text -- and NA",
        section: "7.5",
        rate: Oddity::DashText.rate(),
        count_sql: "select count(*) filter (where broadcast_market = '--' and notes_headline = 'NA'), count(*) from hoopr_schedule",
    },
    Quirk {
        name: "no empty text in hoopR, it became NULL",
        section: "2.4, 7.5",
        rate: Rate::Never,
        count_sql: "select count(*) filter (where '' in (type_text, text, clock_display_value, wallclock, half, type_abbreviation)), count(*) from hoopr_play_by_play",
    },
    Quirk {
        name: "games with plays in hoopR only",
        section: "7.9 (two recorded)",
        rate: Rate::Some,
        count_sql: "select count(distinct h.game_id), 2::bigint from hoopr_play_by_play h where not exists (select from games g where g.game_id = h.game_id::text)",
    },
    Quirk {
        name: "a newline inside a play type",
        section: "7.8",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where type_text like E'%\\n%'), count(*) from hoopr_play_by_play",
    },
    Quirk {
        name: "no team of a box score without plays left behind",
        section: "2.6 (201 games recorded)",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where not exists (select from box_score_players p where p.game_id = t.game_id)), count(*) from box_score_teams t",
    },
    Quirk {
        name: "NBA API season unknown",
        section: "2.17",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where season = 'unknown'), count(*) from nba_api_comprehensive",
    },
    Quirk {
        name: "NBA API rows doubled because the key is NULL",
        section: "2.17, 7.10",
        rate: Rate::Some,
        count_sql: "select coalesce(sum(n - 1), 0)::bigint, count(*) from
            (select count(*) as n from nba_api_comprehensive where entity_id is null group by data_type, season) k",
    },
    Quirk {
        name: "a time stored as the name of a betting market",
        section: "2.14",
        rate: Rate::Some,
        count_sql: "select count(*) filter (where market_name ~ '^20[0-9]{2}-'), count(*) from odds.market_types",
    },
];
