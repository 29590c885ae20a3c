//! What the simulator produces: teams, players, schedule entries, plays and the box score they add up to.
//!
//! Everything is a plain value computed from `(seed, game index)`; no state is shared between games, so any game can be
//! rebuilt alone and games can be made in parallel in any order.

use chrono::{DateTime, NaiveDate, Utc};

/// Which bench a thing belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The team whose arena it is.
    Home,
    /// The visitors.
    Away,
}

impl Side {
    /// Both sides, home first.
    pub const BOTH: [Side; 2] = [Side::Home, Side::Away];

    /// Position in a `[home, away]` pair.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Side::Home => 0,
            Side::Away => 1,
        }
    }

    /// The opponent.
    #[must_use]
    pub const fn other(self) -> Side {
        match self {
            Side::Home => Side::Away,
            Side::Away => Side::Home,
        }
    }

    /// ESPN's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Home => "home",
            Side::Away => "away",
        }
    }
}

/// One franchise, with its id in both families (database dossier 2.16 and 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Team {
    /// ESPN id, 1–30; the special teams (All-Star, foreign) have higher ones.
    pub espn_id: u16,
    /// NBA id, 1610612737–1610612766; 0 for special teams.
    pub nba_id: u32,
    /// ESPN abbreviation, such as `GS`.
    pub abbrev: &'static str,
    /// City or state, such as `Golden State`.
    pub location: &'static str,
    /// Nickname, such as `Warriors`.
    pub name: &'static str,
    /// Colour as six hexadecimal digits.
    pub color: &'static str,
    /// Second colour as six hexadecimal digits.
    pub alt_color: &'static str,
    /// Arena name.
    pub venue: &'static str,
    /// Arena city.
    pub city: &'static str,
    /// Arena state.
    pub state: &'static str,
}

/// One player of one roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// ESPN athlete id.
    pub espn_id: u32,
    /// Display name, possibly accented or with a suffix.
    pub name: String,
    /// Initial and surname, such as `J. Smith`.
    pub short_name: String,
    /// Jersey number as printed; `0` and `00` are different.
    pub jersey: String,
    /// `G`, `F` or `C`.
    pub position: &'static str,
}

/// ESPN's season type (database dossier 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SeasonType {
    /// Code 1.
    Preseason,
    /// Code 2, which also holds the All-Star game.
    Regular,
    /// Code 3.
    Playoffs,
    /// Code 5.
    PlayIn,
}

impl SeasonType {
    /// ESPN's code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            SeasonType::Preseason => 1,
            SeasonType::Regular => 2,
            SeasonType::Playoffs => 3,
            SeasonType::PlayIn => 5,
        }
    }
}

/// How play texts are worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wording {
    /// Since 2001: `LeBron James makes 25-foot three point jumper (Kyrie Irving assists)`.
    Modern,
    /// Before: terse, upper-case results, no distances.
    Pre2001,
}

/// One entry of the schedule: everything known before tip-off.
#[derive(Debug, Clone, PartialEq)]
pub struct GameHeader {
    /// Seed of the universe; with `index` it determines everything that happens in the game.
    pub seed: u64,
    /// Position in the whole schedule of the universe, oldest game first.
    pub index: u32,
    /// ESPN id: nine digits, `YYMMDD###` with year 1980 + YY up to 2012-13, `400…`/`401…` afterwards.
    pub game_id: String,
    /// Calendar year in which the season starts.
    pub season_start: u16,
    /// ESPN's season type.
    pub season_type: SeasonType,
    /// Tip-off instant; US evening games fall on the next UTC day.
    pub tipoff: DateTime<Utc>,
    /// US Eastern calendar day of the game.
    pub us_date: NaiveDate,
    /// Home team.
    pub home: &'static Team,
    /// Visitors.
    pub away: &'static Team,
    /// Wording of the play texts.
    pub wording: Wording,
    /// People in the arena; 0 means unknown.
    pub attendance: u32,
    /// Three officials.
    pub referees: [String; 3],
}

/// What happened in a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlayKind {
    /// Tip-off or jump ball; actors: winner's tipper, loser's tipper, receiver.
    JumpBall,
    /// Made field goal; actors: shooter, assister. `points` is 2 or 3.
    MadeShot,
    /// Missed field goal; actors: shooter, blocker. `value` is 2 or 3.
    MissedShot,
    /// Free throw; actors: shooter. `points` is 1 when made.
    FreeThrow {
        /// 1-based number of this try.
        attempt: u8,
        /// How many tries the trip has.
        of: u8,
        /// Awarded for a technical foul.
        technical: bool,
    },
    /// Offensive rebound; no actor when it is a team rebound.
    OffensiveRebound,
    /// Defensive rebound; no actor when it is a team rebound.
    DefensiveRebound,
    /// Turnover; actors: loser of the ball (none for a team turnover), stealer.
    Turnover,
    /// Personal foul; actors: offender, fouled player.
    PersonalFoul,
    /// Offensive foul, which is a personal foul and is followed by its turnover row.
    OffensiveFoul,
    /// Technical foul, no personal foul; actors: offender (none for the bench).
    TechnicalFoul,
    /// Ejection; actors: player.
    Ejection,
    /// Substitution; actors: player entering, player leaving. Changes between periods have no row.
    Substitution,
    /// Time-out.
    Timeout,
    /// Start of a period.
    PeriodStart,
    /// End of a period.
    PeriodEnd,
    /// End of the game.
    GameEnd,
    /// Any other neutral row (coach's challenge, delay, replay review).
    Other,
}

/// The finer distinction inside a [`PlayKind`]; see [`super::text::espn_type`] for ESPN's id and name of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are basketball's own")]
pub enum Detail {
    /// Nothing finer to say.
    Plain,
    JumpShot,
    PullupJumpShot,
    StepBackJumpShot,
    FadeAwayJumpShot,
    TurnaroundJumpShot,
    RunningJumpShot,
    FloatingJumpShot,
    HookShot,
    LayupShot,
    DrivingLayup,
    RunningLayup,
    CuttingLayup,
    ReverseLayup,
    FingerRoll,
    TipShot,
    DunkShot,
    DrivingDunk,
    CuttingDunk,
    BadPass,
    LostBall,
    Traveling,
    OutOfBoundsBadPass,
    OutOfBoundsLostBall,
    ThreeSeconds,
    BackCourt,
    ShotClock,
    EightSeconds,
    OffensiveFoulTurnover,
    Shooting,
    Personal,
    LooseBall,
    PersonalTake,
    OffensiveCharge,
    FlagrantType1,
    FlagrantType2,
    DefensiveThreeSeconds,
    BenchTechnical,
    FullTimeout,
    ShortTimeout,
    Challenge,
    Review,
    DelayOfGame,
    KickedBall,
}

/// One row of the play-by-play.
#[derive(Debug, Clone, PartialEq)]
pub struct Play {
    /// 1-based position in the game; the unpadded suffix of ESPN's play id.
    pub sequence: u32,
    /// 1–4, 5 and above are overtime.
    pub period: u8,
    /// Time left in the period, in tenths of a second.
    pub clock_tenths: u16,
    /// What happened.
    pub kind: PlayKind,
    /// How it happened, as far as ESPN's play types tell apart.
    pub detail: Detail,
    /// The acting team, if any.
    pub side: Option<Side>,
    /// Roster positions (index into [`Game::rosters`] of the side the kind's description implies).
    pub actors: [Option<Actor>; 3],
    /// Points scored by this row: 0–3.
    pub points: u8,
    /// What the try is or was worth: 1, 2 or 3; 0 when the row is no try.
    pub value: u8,
    /// Score after the row, `[home, away]`.
    pub score: [u16; 2],
    /// The text as the feed prints it.
    pub text: String,
    /// Shot coordinates in feet, when the feed has them.
    pub coordinate: Option<(i16, i16)>,
    /// Wall-clock instant.
    pub wallclock: DateTime<Utc>,
}

/// A player taking part in a play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    /// His team.
    pub side: Side,
    /// Index into that side's roster.
    pub player: u8,
}

/// Counting statistics with the field's standard names; `seconds` is time on court.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are basketball's own")]
pub struct StatLine {
    pub fgm: u16,
    pub fga: u16,
    pub fg3m: u16,
    pub fg3a: u16,
    pub ftm: u16,
    pub fta: u16,
    pub oreb: u16,
    pub dreb: u16,
    pub ast: u16,
    pub stl: u16,
    pub blk: u16,
    pub tov: u16,
    pub pf: u16,
    pub pts: u16,
    pub plus_minus: i16,
    pub seconds: u16,
}

/// One player's line in the box score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerBox {
    /// Among the first five.
    pub starter: bool,
    /// Never entered the game; all counts are zero.
    pub did_not_play: bool,
    /// Sent off.
    pub ejected: bool,
    /// His counts.
    pub line: StatLine,
}

/// One team's box score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamBox {
    /// In roster order, starters first.
    pub players: Vec<PlayerBox>,
    /// Players' sum plus team rebounds and team turnovers; `plus_minus` is the final margin.
    pub total: StatLine,
    /// Offensive rebounds credited to no player.
    pub team_oreb: u16,
    /// Defensive rebounds credited to no player.
    pub team_dreb: u16,
    /// Turnovers credited to no player.
    pub team_tov: u16,
    /// Technical fouls.
    pub technical_fouls: u16,
    /// Points by period.
    pub line_score: Vec<u16>,
}

/// One simulated game: header, rosters, plays in true order, and the box score the plays add up to.
#[derive(Debug, Clone, PartialEq)]
pub struct Game {
    /// Schedule entry.
    pub header: GameHeader,
    /// `[home, away]`; the first five of each start.
    pub rosters: [Vec<Player>; 2],
    /// Plays in the order they happened.
    pub plays: Vec<Play>,
    /// `[home, away]`.
    pub boxes: [TeamBox; 2],
    /// Number of periods played, at least 4.
    pub periods: u8,
    /// Who starts each period, `[home, away]` roster positions; the feed does not say it after the first period.
    pub period_lineups: Vec<[[u8; 5]; 2]>,
}

impl Game {
    /// Final score, `[home, away]`.
    #[must_use]
    pub fn final_score(&self) -> [u16; 2] {
        [self.boxes[0].total.pts, self.boxes[1].total.pts]
    }
}
