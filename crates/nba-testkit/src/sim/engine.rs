//! Plays one game: a possession is a draw, its outcome rows, and the clock time it took.

use chrono::{DateTime, TimeDelta, Utc};

use super::bench::{Bench, Safe, signed};
use super::model::{
    Actor, Detail, Game, GameHeader, Play, PlayKind, SeasonType, Side, StatLine, TeamBox, Wording,
};
use super::rng::{Draws, mix};
use super::roster::{SQUAD, squad};
use super::text::Narrator;

/// Fewest rows that can be asked for.
pub const MIN_PLAYS: u32 = 360;
/// Most rows that can be asked for.
pub const MAX_PLAYS: u32 = 640;

/// What the caller fixes about a game.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SimOptions {
    /// Exact number of rows, [`MIN_PLAYS`]–[`MAX_PLAYS`]; a usual number when absent.
    pub plays: Option<u32>,
    /// Players listed for `[home, away]`, 10–15, those who do not play included; drawn when absent.
    pub roster_size: Option<[u8; 2]>,
}

/// Why a game cannot be simulated as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The number of rows is outside what a game can have.
    #[error("simulate game {index}: {asked} plays asked, possible are {MIN_PLAYS} to {MAX_PLAYS}")]
    Plays {
        /// Position of the game in the schedule.
        index: u32,
        /// Rows asked for.
        asked: u32,
    },
    /// A roster is too short or too long.
    #[error("simulate game {index}: roster of {asked} asked, possible are 10 to 15")]
    RosterSize {
        /// Position of the game in the schedule.
        index: u32,
        /// Players asked for.
        asked: u8,
    },
    /// No try reached the exact number of rows.
    #[error("simulate game {index}: {asked} plays not reached in {ATTEMPTS} tries")]
    NotReached {
        /// Position of the game in the schedule.
        index: u32,
        /// Rows asked for.
        asked: u32,
    },
}

impl SimError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            SimError::Plays { .. } => Some(format!(
                "ask for {MIN_PLAYS} to {MAX_PLAYS} plays, or leave the number open"
            )),
            SimError::RosterSize { .. } => Some("ask for 10 to 15 players".to_owned()),
            SimError::NotReached { .. } => Some("ask for a number nearer to 455".to_owned()),
        }
    }
}

/// Tries before a number of rows is given up; one in some hundred games needs a second one.
const ATTEMPTS: u64 = 64;
/// Tenths of a second of a quarter and of an overtime (database dossier 7.6).
const QUARTER: u16 = 7_200;
const OVERTIME: u16 = 3_000;
/// A possession that starts with this much time or less is the last one of its period.
const LAST_POSSESSION: u16 = 240;
/// Rows one action (a shot, a turnover, a foul) makes on average, rebounds and free throws included.
const ROWS_PER_ACTION: f64 = 1.47;
/// Share of the rows that are actions; the others are changes, time-outs and reviews.
const ACTION_SHARE: f64 = 0.875;
/// Rows kept for the dead balls of the last seconds.
const CUSHION: f64 = 6.0;

/// Plays the game of this schedule entry.
///
/// # Errors
///
/// When the options are outside their ranges, or, which no tested seed does, the number of rows cannot be met.
pub fn simulate(header: &GameHeader, options: &SimOptions) -> Result<Game, SimError> {
    let mut game = blank(header);
    simulate_into(&mut game, header, options)?;
    Ok(game)
}

/// Like [`simulate`], reusing the allocations of an earlier game.
///
/// # Errors
///
/// As [`simulate`]; `game` is then unusable except for another call.
pub fn simulate_into(
    game: &mut Game,
    header: &GameHeader,
    options: &SimOptions,
) -> Result<(), SimError> {
    let key = mix(header.seed, 1 << 45 | u64::from(header.index));
    let mut draws = Draws::new(key);
    let sizes = roster_sizes(header, options, &mut draws)?;
    let usual = 452.0 + 16.0 * draws.normal() + 42.0 * f64::from(planned_periods(header) - 4);
    let asked = match options.plays {
        Some(plays) => plays,
        None => round(usual.clamp(400.0, 620.0)),
    };
    if !(MIN_PLAYS..=MAX_PLAYS).contains(&asked) {
        return Err(SimError::Plays {
            index: header.index,
            asked,
        });
    }
    for (side, team) in [(Side::Home, header.home), (Side::Away, header.away)] {
        let roster = &mut game.rosters[side.index()];
        *roster = squad(header.seed, team, header.season_start);
        // Now and then somebody else starts, and those who are listed are not always the first of the squad.
        if draws.chance(0.35) {
            roster.swap(draws.index(5), 5 + draws.index(4));
        }
        while roster.len() > sizes[side.index()] {
            let cut = 8 + draws.index(roster.len() - 8);
            roster.remove(cut);
        }
    }
    game.header.clone_from(header);
    for attempt in 0..ATTEMPTS {
        let mut run = Run::new(game, asked, Draws::new(mix(key, 1 + attempt)));
        if run.play().is_ok() {
            return Ok(());
        }
    }
    Err(SimError::NotReached {
        index: header.index,
        asked,
    })
}

/// Periods a game will have, known before it is played: 4, and more in 6 % of the games.
#[must_use]
pub fn planned_periods(header: &GameHeader) -> u8 {
    let draw = Draws::new(mix(header.seed, 1 << 46 | u64::from(header.index))).unit();
    match draw {
        d if d < 0.050 => 5,
        d if d < 0.058 => 6,
        d if d < 0.060 => 7,
        _ => 4,
    }
}

fn roster_sizes(
    header: &GameHeader,
    options: &SimOptions,
    draws: &mut Draws,
) -> Result<[usize; 2], SimError> {
    // Lists grew from twelve to thirteen and more over the years.
    let low = if header.season_start < 2005 { 11 } else { 12 };
    let high = if header.season_start < 2005 { 13 } else { 15 };
    let drawn = [draws.between(low, high), draws.between(low, high)];
    let mut sizes = [0; 2];
    for (position, size) in sizes.iter_mut().enumerate() {
        *size = match options.roster_size {
            Some(asked) if (10..=15).contains(&asked[position]) => usize::from(asked[position]),
            Some(asked) => {
                return Err(SimError::RosterSize {
                    index: header.index,
                    asked: asked[position],
                });
            }
            None => usize::try_from(drawn[position]).unwrap_or(SQUAD),
        };
    }
    Ok(sizes)
}

fn blank(header: &GameHeader) -> Game {
    let empty = || TeamBox {
        players: Vec::new(),
        total: StatLine::default(),
        team_oreb: 0,
        team_dreb: 0,
        team_tov: 0,
        technical_fouls: 0,
        line_score: Vec::new(),
    };
    Game {
        header: header.clone(),
        rosters: [Vec::new(), Vec::new()],
        plays: Vec::with_capacity(512),
        boxes: [empty(), empty()],
        periods: 4,
        period_lineups: Vec::new(),
    }
}

/// The try went wrong: not tied when planned, or too many rows. The game is played again with other draws.
#[derive(Debug)]
struct Replay;

/// How the period's score has to stand at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Any,
    Tied,
    Decided,
}

/// What the next action must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Make(u8),
    Miss,
    /// A foul and one of two free throws.
    SplitFreeThrows,
    /// The clock runs out.
    Hold,
}

/// Where the lineups stood when a foul was called.
type OnCourt = [[u8; 5]; 2];

/// A row before it has its place, score and words.
#[derive(Clone, Copy)]
struct Row {
    kind: PlayKind,
    detail: Detail,
    side: Option<Side>,
    actors: [Option<Actor>; 3],
    points: u8,
    value: u8,
    spot: Option<Spot>,
}

#[derive(Clone, Copy)]
struct Spot {
    feet: u8,
    mentioned: bool,
    coordinate: (i16, i16),
}

impl Row {
    fn new(kind: PlayKind, detail: Detail, side: Option<Side>) -> Self {
        Row {
            kind,
            detail,
            side,
            actors: [None; 3],
            points: 0,
            value: 0,
            spot: None,
        }
    }

    fn by(mut self, side: Side, player: u8) -> Self {
        self.actors[0] = Some(Actor { side, player });
        self
    }

    fn with(mut self, position: usize, side: Side, player: Option<u8>) -> Self {
        self.actors[position] = player.map(|player| Actor { side, player });
        self
    }
}

/// A trip to the free-throw line.
struct Trip {
    side: Side,
    shooter: u8,
    tries: u8,
    technical: bool,
    detail: Detail,
    on_court: OnCourt,
}

struct Run<'g> {
    game: &'g mut Game,
    draws: Draws,
    target: u32,
    rows: u32,
    /// Rows that exist in `game.plays` so far, those of earlier games included.
    periods: u8,
    length: u32,
    period: u8,
    clock: u16,
    elapsed: u32,
    offense: Side,
    /// Who begins the second and third quarter.
    tip_loser: Side,
    score: [u16; 2],
    benches: [Bench; 2],
    three_share: f64,
    /// Probability added to the home side's and taken from the visitors' field goals.
    edge: f64,
    wall: DateTime<Utc>,
    /// Who must not be changed: he is shooting free throws.
    at_the_line: Option<Actor>,
    /// The rest of the game is counted row by row.
    counting: bool,
}

impl<'g> Run<'g> {
    fn new(game: &'g mut Game, target: u32, mut draws: Draws) -> Self {
        let header = &game.header;
        let seed = header.seed;
        let mut periods = planned_periods(header);
        // A game that is asked to be short has no room for overtime.
        while periods > 4 && target < 360 + 25 * u32::from(periods - 4) {
            periods -= 1;
        }
        let strength = |espn_id: u16| {
            Draws::new(mix(
                seed,
                1 << 47 | u64::from(espn_id) << 16 | u64::from(header.season_start),
            ))
            .normal()
                * 4.5
        };
        let margin = strength(header.home.espn_id) - strength(header.away.espn_id) + 3.4;
        let three_share = three_share(header.season_start, header.season_type);
        let wall = header.tipoff;
        for side in Side::BOTH {
            game.boxes[side.index()].line_score.clear();
        }
        game.period_lineups.clear();
        let benches = [0, 1].map(|side: usize| Bench::new(seed, &game.rosters[side], &mut draws));
        Run {
            game,
            draws,
            target,
            rows: 0,
            periods,
            length: 4 * u32::from(QUARTER) + u32::from(periods - 4) * u32::from(OVERTIME),
            period: 0,
            clock: 0,
            elapsed: 0,
            offense: Side::Home,
            tip_loser: Side::Away,
            score: [0; 2],
            benches,
            three_share,
            edge: margin * 0.0024,
            wall,
            at_the_line: None,
            counting: false,
        }
    }

    fn play(&mut self) -> Result<(), Replay> {
        for period in 1..=self.periods {
            self.start_period(period);
            while self.clock > 0 {
                self.action()?;
            }
            self.write(Row::new(PlayKind::PeriodEnd, Detail::Plain, None));
            let tied = self.score[0] == self.score[1];
            if period >= 4 && tied != (period < self.periods) {
                return Err(Replay);
            }
        }
        self.write(Row::new(PlayKind::GameEnd, Detail::Plain, None));
        if self.rows != self.target {
            return Err(Replay);
        }
        self.game.plays.truncate(to_usize(self.rows));
        self.game.periods = self.periods;
        for side in Side::BOTH {
            let (own, other) = (self.score[side.index()], self.score[side.other().index()]);
            self.benches[side.index()].finish(&mut self.game.boxes[side.index()], own, other);
        }
        Ok(())
    }

    fn start_period(&mut self, period: u8) {
        self.period = period;
        self.clock = if period <= 4 { QUARTER } else { OVERTIME };
        if period > 1 {
            for bench in &mut self.benches {
                bench.regroup(period, self.elapsed);
            }
            self.wall += TimeDelta::seconds(if period == 3 { 900 } else { 140 });
        }
        for side in Side::BOTH {
            self.game.boxes[side.index()].line_score.push(0);
            if period > 4 {
                self.benches[side.index()].timeouts_left = 2;
            }
        }
        let lineups = self.on_court();
        self.game.period_lineups.push(lineups);
        self.write(Row::new(PlayKind::PeriodStart, Detail::Plain, None));
        match period {
            2 | 3 => self.offense = self.tip_loser,
            4 => self.offense = self.tip_loser.other(),
            _ => {
                self.jump_ball();
                if period == 1 {
                    self.tip_loser = self.offense.other();
                }
            }
        }
    }

    /// One action of the offence: it ends with a change of possession, a new chance, or the period.
    fn action(&mut self) -> Result<(), Replay> {
        if self.clock <= LAST_POSSESSION {
            return self.last_action();
        }
        let time = self.time_for_action();
        if let Some(outcome) = self.forced() {
            self.run_clock(time);
            self.force(outcome);
            return Ok(());
        }
        let draw = self.draws.unit();
        let modern = self.game.header.wording == Wording::Modern;
        match draw {
            d if d < 0.0027 => {
                self.run_clock(time);
                self.technical();
            }
            d if d < 0.0049 => {
                self.run_clock(time);
                self.settle();
                self.jump_ball();
            }
            d if d < 0.0083 => {
                self.run_clock(time);
                self.interruption();
            }
            d if d < 0.0100 && modern => {
                self.run_clock(time);
                self.flagrant();
            }
            d if d < 0.127 => {
                self.run_clock(time);
                self.turnover();
            }
            d if d < 0.195 => {
                // Fouls on the floor come early in the possession.
                self.run_clock(time / 2);
                self.common_foul();
            }
            d if d < 0.262 => {
                self.run_clock(time);
                self.shooting_foul();
            }
            _ => {
                self.run_clock(time);
                self.shot();
            }
        }
        Ok(())
    }

    /// Tenths of a second until the next action, so that the rows left fit the time left.
    fn time_for_action(&mut self) -> u16 {
        let ends = 2 * u32::from(self.periods - self.period) + 2;
        let rows_left = f64::from(self.target.saturating_sub(self.rows + ends)) - CUSHION;
        let time_left = f64::from(self.length - self.elapsed);
        let actions_left = (rows_left * ACTION_SHARE / ROWS_PER_ACTION).max(1.0);
        let mean = (time_left / actions_left).clamp(60.0, 215.0);
        let drawn = mean + mean * 0.33 * self.draws.normal();
        let most = self.clock - 45;
        u16::try_from(round(drawn.clamp(20.0, 240.0)))
            .unwrap_or(240)
            .min(most)
    }

    /// What has to happen because the score is to be level at the end of the period, or because rows run out.
    fn forced(&mut self) -> Option<Outcome> {
        let ends = 2 * u32::from(self.periods - self.period) + 6;
        let least = (self.length - self.elapsed) / 200;
        if self.target < self.rows + ends + least {
            return Some(Outcome::Make(2));
        }
        if self.ending() != Ending::Tied
            || self.clock > if self.period == 4 { 2_400 } else { 1_200 }
        {
            return None;
        }
        let margin = self.margin();
        if margin.abs() <= 3 && self.clock > 900 && self.draws.chance(0.5) {
            return None;
        }
        match margin {
            1.. => Some(Outcome::Miss),
            0 if self.clock > 600 => None,
            0 => Some(Outcome::Miss),
            -1 if self.clock > 700 => Some(Outcome::Make(2)),
            -1 => Some(Outcome::SplitFreeThrows),
            -2 | -4 => Some(Outcome::Make(2)),
            _ => Some(Outcome::Make(3)),
        }
    }

    fn ending(&self) -> Ending {
        match self.period {
            ..4 => Ending::Any,
            period if period < self.periods => Ending::Tied,
            _ => Ending::Decided,
        }
    }

    /// Points the offence is ahead.
    fn margin(&self) -> i16 {
        signed(self.score[self.offense.index()]) - signed(self.score[self.offense.other().index()])
    }

    /// The last possession of a period: one shot at most, near the buzzer.
    fn last_action(&mut self) -> Result<(), Replay> {
        let margin = self.margin();
        let draw = self.draws.unit();
        let outcome = match (self.ending(), margin) {
            (Ending::Tied, 0) => Outcome::Miss,
            (Ending::Tied, -1) => Outcome::SplitFreeThrows,
            (Ending::Tied, -2) => Outcome::Make(2),
            (Ending::Tied, -3) => Outcome::Make(3),
            (Ending::Tied, _) => return Err(Replay),
            (Ending::Decided, 0) => Outcome::Make(if draw < 0.6 { 2 } else { 3 }),
            (Ending::Decided, 1..) if draw < 0.6 => Outcome::Hold,
            (Ending::Decided, -1) if draw < 0.4 => Outcome::Make(2),
            (Ending::Decided, -2) if draw < 0.25 => Outcome::Make(3),
            (Ending::Decided, _) => Outcome::Miss,
            (Ending::Any, _) if draw < 0.36 => Outcome::Make(if draw < 0.14 { 3 } else { 2 }),
            (Ending::Any, _) if draw < 0.90 => Outcome::Miss,
            (Ending::Any, _) => Outcome::Hold,
        };
        if self.period == self.periods {
            let rows = match outcome {
                Outcome::Make(_) => 1,
                Outcome::Miss => 2,
                Outcome::SplitFreeThrows => 4,
                Outcome::Hold => 0,
            };
            let needed = self
                .target
                .checked_sub(self.rows + rows + 2)
                .ok_or(Replay)?;
            self.counting = true;
            self.fill(needed)?;
        }
        let at_buzzer = u16::try_from(self.draws.below(20))
            .unwrap_or(0)
            .min(self.clock);
        match outcome {
            Outcome::Hold => {}
            Outcome::SplitFreeThrows => {
                let at = self.clock.min(10);
                self.tick(self.clock - at);
                self.force(outcome);
            }
            _ => {
                self.tick(self.clock - at_buzzer);
                self.force(outcome);
            }
        }
        self.tick(self.clock);
        Ok(())
    }

    /// Carries out a decided outcome, with no more rows than it says.
    fn force(&mut self, outcome: Outcome) {
        let side = self.offense;
        match outcome {
            Outcome::Make(value) => {
                let shooter = self.shooter(side);
                self.made(shooter, value, None);
                self.offense = side.other();
            }
            Outcome::Miss => {
                let shooter = self.shooter(side);
                let value = if self.draws.chance(self.three_share) {
                    3
                } else {
                    2
                };
                self.missed(shooter, value, None);
                self.rebound_by(side.other(), PlayKind::DefensiveRebound);
            }
            Outcome::SplitFreeThrows => {
                self.settle();
                let offender =
                    self.benches[side.other().index()].fouler(&mut self.draws, Safe::MustStay);
                let shooter = self.shooter(side);
                let on_court = self.on_court();
                self.personal_foul(side.other(), offender, shooter, Detail::Shooting);
                self.try_free_throw(side, shooter, (1, 2), Detail::Plain, true, on_court);
                self.try_free_throw(side, shooter, (2, 2), Detail::Plain, false, on_court);
                self.rebound_by(side.other(), PlayKind::DefensiveRebound);
            }
            Outcome::Hold => {}
        }
    }

    // ---- shots -------------------------------------------------------------------------------------------------------

    fn shooter(&mut self, side: Side) -> u8 {
        self.benches[side.index()].pick(&mut self.draws, None, |rating| rating.usage)
    }

    fn shot(&mut self) {
        let side = self.offense;
        let shooter = self.shooter(side);
        let rating = *self.benches[side.index()].rating(shooter);
        let value = if self.draws.chance(self.three_share * rating.range) {
            3
        } else {
            2
        };
        if self
            .draws
            .chance(self.make_probability(side, value, rating.touch))
        {
            if value == 2 && self.draws.chance(0.048) {
                return self.and_one(side, shooter);
            }
            self.made(shooter, value, None);
            self.offense = side.other();
            return;
        }
        // One in nine missed twos is blocked; hardly a three.
        let blocked = self.draws.chance(if value == 2 { 0.165 } else { 0.015 });
        let blocker = blocked.then(|| {
            self.benches[side.other().index()].pick(&mut self.draws, None, |rating| rating.rim)
        });
        self.missed(shooter, value, blocker);
        self.rebound(side, if blocked { 0.38 } else { 0.222 });
    }

    fn make_probability(&self, side: Side, value: u8, touch: f64) -> f64 {
        let base = if value == 3 { 0.358 } else { 0.513 };
        let edge = if side == Side::Home {
            self.edge
        } else {
            -self.edge
        };
        // The side ahead eases off; a game that is to be level is pulled together in the second half.
        let steered = self.periods > 4 && self.period >= 3 && self.ending() != Ending::Decided;
        let pull = if steered { -0.012 } else { -0.0012 } * f64::from(self.margin());
        (base + edge + touch + pull).clamp(0.05, 0.95)
    }

    fn and_one(&mut self, side: Side, shooter: u8) {
        self.settle();
        let offender = self.benches[side.other().index()].fouler(&mut self.draws, Safe::MayFoulOut);
        self.made(shooter, 2, Some(Detail::DrivingLayup));
        let on_court = self.on_court();
        self.personal_foul(side.other(), offender, shooter, Detail::Shooting);
        self.go_to_the_line(&Trip {
            side,
            shooter,
            tries: 1,
            technical: false,
            detail: Detail::Plain,
            on_court,
        });
    }

    fn made(&mut self, shooter: u8, value: u8, detail: Option<Detail>) {
        let side = self.offense;
        let (drawn, spot) = self.style(value);
        let detail = detail.unwrap_or(drawn);
        let likely = if value == 3 { 0.82 } else { 0.50 };
        let assister = (detail != Detail::TipShot && self.draws.chance(likely)).then(|| {
            self.benches[side.index()]
                .pick(&mut self.draws, Some(shooter), |rating| rating.creation)
        });
        let line = self.benches[side.index()].line(shooter);
        line.fga += 1;
        line.fgm += 1;
        if value == 3 {
            line.fg3a += 1;
            line.fg3m += 1;
        }
        if let Some(assister) = assister {
            self.benches[side.index()].line(assister).ast += 1;
        }
        let on_court = self.on_court();
        self.credit(side, shooter, value, on_court);
        let row = Row {
            points: value,
            value,
            spot: Some(spot),
            ..Row::new(PlayKind::MadeShot, detail, Some(side))
        };
        self.write(row.by(side, shooter).with(1, side, assister));
    }

    fn missed(&mut self, shooter: u8, value: u8, blocker: Option<u8>) {
        let side = self.offense;
        let (detail, spot) = self.style(value);
        let line = self.benches[side.index()].line(shooter);
        line.fga += 1;
        if value == 3 {
            line.fg3a += 1;
        }
        if let Some(blocker) = blocker {
            self.benches[side.other().index()].line(blocker).blk += 1;
        }
        let row = Row {
            value,
            spot: Some(spot),
            ..Row::new(PlayKind::MissedShot, detail, Some(side))
        };
        self.write(row.by(side, shooter).with(1, side.other(), blocker));
    }

    /// Counts points for the scorer, the side, the period and the ten who are on court in the sense of plus/minus.
    fn credit(&mut self, side: Side, scorer: u8, points: u8, on_court: OnCourt) {
        let points = u16::from(points);
        self.benches[side.index()].line(scorer).pts += points;
        self.score[side.index()] += points;
        if let Some(period) = self.game.boxes[side.index()].line_score.last_mut() {
            *period += points;
        }
        for other in Side::BOTH {
            let change = if other == side {
                signed(points)
            } else {
                -signed(points)
            };
            for player in on_court[other.index()] {
                self.benches[other.index()].line(player).plus_minus += change;
            }
        }
    }

    /// Kind and place of a shot.
    fn style(&mut self, value: u8) -> (Detail, Spot) {
        const THREES: [(Detail, u16); 4] = [
            (Detail::JumpShot, 70),
            (Detail::PullupJumpShot, 14),
            (Detail::StepBackJumpShot, 9),
            (Detail::RunningJumpShot, 7),
        ];
        const TWOS: [(Detail, u16); 16] = [
            (Detail::JumpShot, 24),
            (Detail::DrivingLayup, 15),
            (Detail::LayupShot, 11),
            (Detail::PullupJumpShot, 8),
            (Detail::FloatingJumpShot, 6),
            (Detail::RunningLayup, 5),
            (Detail::CuttingLayup, 4),
            (Detail::TurnaroundJumpShot, 4),
            (Detail::HookShot, 5),
            (Detail::DunkShot, 4),
            (Detail::FadeAwayJumpShot, 3),
            (Detail::TipShot, 3),
            (Detail::FingerRoll, 3),
            (Detail::ReverseLayup, 2),
            (Detail::DrivingDunk, 2),
            (Detail::CuttingDunk, 1),
        ];
        let detail = if value == 3 {
            pick(&mut self.draws, &THREES)
        } else {
            pick(&mut self.draws, &TWOS)
        };
        let (near, far) = match (value, detail) {
            (3, _) => (23, 28),
            (_, Detail::DunkShot | Detail::CuttingDunk | Detail::DrivingDunk | Detail::TipShot) => {
                (0, 2)
            }
            (_, Detail::FloatingJumpShot | Detail::HookShot) => (4, 11),
            (
                _,
                Detail::JumpShot
                | Detail::PullupJumpShot
                | Detail::FadeAwayJumpShot
                | Detail::TurnaroundJumpShot,
            ) => (7, 21),
            _ => (1, 4),
        };
        let feet = self.draws.between(near, far);
        // Feet right of and before the basket at (25, 0), per thousand of the distance.
        const DIRECTIONS: [(i16, i16); 9] = [
            (1000, 0),
            (924, 383),
            (707, 707),
            (383, 924),
            (0, 1000),
            (-383, 924),
            (-707, 707),
            (-924, 383),
            (-1000, 0),
        ];
        let (across, along) = *self.draws.pick(&DIRECTIONS);
        let feet = u8::try_from(feet).unwrap_or(u8::MAX);
        let place =
            |part: i16| i16::try_from(i32::from(part) * i32::from(feet) / 1000).unwrap_or(0);
        let coordinate = ((25 + place(across)).clamp(0, 50), place(along));
        (
            detail,
            Spot {
                feet,
                mentioned: feet > 0 && self.draws.chance(0.75),
                coordinate,
            },
        )
    }

    // ---- rebounds ----------------------------------------------------------------------------------------------------

    /// The ball after a miss of `shooting`; sets who attacks next.
    fn rebound(&mut self, shooting: Side, offensive: f64) {
        let offensive = self.draws.chance(offensive);
        let (kind, side) = if offensive {
            (PlayKind::OffensiveRebound, shooting)
        } else {
            (PlayKind::DefensiveRebound, shooting.other())
        };
        let wait = self.draws.between(8, 30);
        let wait = u16::try_from(wait)
            .unwrap_or(10)
            .min(self.clock.saturating_sub(10));
        self.run_clock(wait);
        if self.draws.chance(0.12) {
            self.settle();
            self.team_rebound(side, kind);
            self.stoppage();
        } else {
            self.rebound_by(side, kind);
        }
        self.offense = side;
    }

    fn rebound_by(&mut self, side: Side, kind: PlayKind) {
        let bench = &mut self.benches[side.index()];
        let player = if kind == PlayKind::OffensiveRebound {
            let player = bench.pick(&mut self.draws, None, |rating| rating.offensive_glass);
            bench.line(player).oreb += 1;
            player
        } else {
            let player = bench.pick(&mut self.draws, None, |rating| rating.defensive_glass);
            bench.line(player).dreb += 1;
            player
        };
        self.offense = side;
        self.write(Row::new(kind, Detail::Plain, Some(side)).by(side, player));
    }

    fn team_rebound(&mut self, side: Side, kind: PlayKind) {
        let bench = &mut self.benches[side.index()];
        if kind == PlayKind::OffensiveRebound {
            bench.team_oreb += 1;
        } else {
            bench.team_dreb += 1;
        }
        self.write(Row::new(kind, Detail::Plain, Some(side)));
    }

    // ---- turnovers ---------------------------------------------------------------------------------------------------

    fn turnover(&mut self) {
        const KINDS: [(Detail, u16); 10] = [
            (Detail::BadPass, 36),
            (Detail::LostBall, 23),
            (Detail::OffensiveFoulTurnover, 12),
            (Detail::OutOfBoundsBadPass, 9),
            (Detail::Traveling, 7),
            (Detail::OutOfBoundsLostBall, 4),
            (Detail::ShotClock, 4),
            (Detail::ThreeSeconds, 2),
            (Detail::BackCourt, 2),
            (Detail::EightSeconds, 1),
        ];
        let side = self.offense;
        let detail = pick(&mut self.draws, &KINDS);
        let stolen = match detail {
            Detail::BadPass => self.draws.chance(0.86),
            Detail::LostBall => self.draws.chance(0.92),
            _ => false,
        };
        if !stolen {
            self.settle();
        }
        let loser = match detail {
            Detail::ShotClock | Detail::EightSeconds => None,
            _ => Some(
                self.benches[side.index()].pick(&mut self.draws, None, |rating| {
                    rating.creation + rating.usage
                }),
            ),
        };
        if let (Detail::OffensiveFoulTurnover, Some(_)) = (detail, loser) {
            return self.offensive_foul(side);
        }
        self.lose_ball(side, loser, detail, stolen);
        if !stolen {
            self.stoppage();
        }
    }

    fn lose_ball(&mut self, side: Side, loser: Option<u8>, detail: Detail, stolen: bool) {
        let bench = &mut self.benches[side.index()];
        match loser {
            Some(loser) => bench.line(loser).tov += 1,
            None => bench.team_tov += 1,
        }
        let thief = stolen.then(|| {
            self.benches[side.other().index()].pick(&mut self.draws, None, |rating| rating.hands)
        });
        if let Some(thief) = thief {
            self.benches[side.other().index()].line(thief).stl += 1;
        }
        self.offense = side.other();
        let row = Row::new(PlayKind::Turnover, detail, Some(side)).with(0, side, loser);
        self.write(row.with(1, side.other(), thief));
    }

    /// A foul row and a turnover row (box-score dossier 14.6).
    fn offensive_foul(&mut self, side: Side) {
        let offender = self.benches[side.index()].fouler(&mut self.draws, Safe::MayFoulOut);
        let drawn_by =
            self.benches[side.other().index()].pick(&mut self.draws, None, |rating| rating.contact);
        let detail = if self.draws.chance(0.2) {
            Detail::OffensiveCharge
        } else {
            Detail::Plain
        };
        self.benches[side.index()].line(offender).pf += 1;
        let row = Row::new(PlayKind::OffensiveFoul, detail, Some(side)).by(side, offender);
        self.write(row.with(1, side.other(), Some(drawn_by)));
        self.lose_ball(side, Some(offender), Detail::OffensiveFoulTurnover, false);
        self.remove_if_fouled_out(side, offender);
        self.stoppage();
    }

    // ---- fouls and free throws ---------------------------------------------------------------------------------------

    /// A foul away from a shot: free throws only when the side has used up its fouls.
    fn common_foul(&mut self) {
        const KINDS: [(Detail, u16); 3] = [
            (Detail::Personal, 74),
            (Detail::LooseBall, 22),
            (Detail::PersonalTake, 4),
        ];
        let side = self.offense;
        self.settle();
        let offender = self.benches[side.other().index()].fouler(&mut self.draws, Safe::MayFoulOut);
        let fouled = self.shooter(side);
        let on_court = self.on_court();
        let detail = pick(&mut self.draws, &KINDS);
        self.personal_foul(side.other(), offender, fouled, detail);
        let allowed = if self.period <= 4 { 4 } else { 3 };
        if self.benches[side.other().index()].period_fouls > allowed {
            let trip = Trip {
                side,
                shooter: fouled,
                tries: 2,
                technical: false,
                detail: Detail::Plain,
                on_court,
            };
            self.go_to_the_line(&trip);
        } else {
            self.stoppage();
        }
    }

    fn shooting_foul(&mut self) {
        let side = self.offense;
        self.settle();
        let offender = self.benches[side.other().index()].fouler(&mut self.draws, Safe::MayFoulOut);
        let shooter = self.shooter(side);
        let on_court = self.on_court();
        let tries = if self.draws.chance(self.three_share * 0.08) {
            3
        } else {
            2
        };
        self.personal_foul(side.other(), offender, shooter, Detail::Shooting);
        self.go_to_the_line(&Trip {
            side,
            shooter,
            tries,
            technical: false,
            detail: Detail::Plain,
            on_court,
        });
    }

    /// Two free throws and the ball; type 2 sends the offender off.
    fn flagrant(&mut self) {
        let side = self.offense;
        self.settle();
        let detail = if self.draws.chance(0.08) {
            Detail::FlagrantType2
        } else {
            Detail::FlagrantType1
        };
        let offender = self.benches[side.other().index()].fouler(&mut self.draws, Safe::MustStay);
        let shooter = self.shooter(side);
        let on_court = self.on_court();
        self.personal_foul(side.other(), offender, shooter, detail);
        if detail == Detail::FlagrantType2 {
            self.eject(side.other(), offender);
        }
        self.go_to_the_line(&Trip {
            side,
            shooter,
            tries: 2,
            technical: false,
            detail,
            on_court,
        });
        self.offense = side;
    }

    /// A technical foul of either side: one free throw for the other, and play goes on where it was.
    fn technical(&mut self) {
        let attacking = self.offense;
        self.settle();
        let side = if self.draws.chance(0.6) {
            attacking.other()
        } else {
            attacking
        };
        let zone =
            self.game.header.season_start >= 2001 && side != attacking && self.draws.chance(0.45);
        let detail = match (zone, self.draws.chance(0.15)) {
            (true, _) => Detail::DefensiveThreeSeconds,
            (false, true) => Detail::BenchTechnical,
            (false, false) => Detail::Plain,
        };
        let offender = (detail != Detail::BenchTechnical).then(|| {
            self.benches[side.index()].pick(&mut self.draws, None, |rating| rating.contact)
        });
        let on_court = self.on_court();
        self.benches[side.index()].technical_fouls += 1;
        self.write(Row::new(PlayKind::TechnicalFoul, detail, Some(side)).with(0, side, offender));
        if let (Some(offender), Detail::Plain) = (offender, detail) {
            let technicals = &mut self.benches[side.index()].technicals[usize::from(offender)];
            *technicals += 1;
            if *technicals == 2 {
                self.eject(side, offender);
            }
        }
        let side = side.other();
        let shooter =
            self.benches[side.index()].pick(&mut self.draws, None, |rating| rating.usage / 2);
        self.go_to_the_line(&Trip {
            side,
            shooter,
            tries: 1,
            technical: true,
            detail: Detail::Plain,
            on_court,
        });
        self.offense = attacking;
    }

    fn personal_foul(&mut self, side: Side, offender: u8, fouled: u8, detail: Detail) {
        let bench = &mut self.benches[side.index()];
        bench.line(offender).pf += 1;
        bench.period_fouls += 1;
        let row = Row::new(PlayKind::PersonalFoul, detail, Some(side)).by(side, offender);
        self.write(row.with(1, side.other(), Some(fouled)));
        self.remove_if_fouled_out(side, offender);
    }

    fn remove_if_fouled_out(&mut self, side: Side, offender: u8) {
        let bench = &mut self.benches[side.index()];
        if bench.line(offender).pf == 6 {
            bench.out[usize::from(offender)] = true;
            self.replace(side, offender);
        }
    }

    fn eject(&mut self, side: Side, offender: u8) {
        let bench = &mut self.benches[side.index()];
        if bench.replacement(0).is_none() || bench.out[usize::from(offender)] {
            return;
        }
        bench.out[usize::from(offender)] = true;
        bench.ejected[usize::from(offender)] = true;
        self.write(Row::new(PlayKind::Ejection, Detail::Plain, Some(side)).by(side, offender));
        self.replace(side, offender);
    }

    fn replace(&mut self, side: Side, leaves: u8) {
        if let Some(enters) = self.benches[side.index()].replacement(self.elapsed) {
            self.substitute(side, enters, leaves);
        }
    }

    /// The free throws of a trip, changes before the last one, and the ball afterwards.
    fn go_to_the_line(&mut self, trip: &Trip) {
        let Trip {
            side,
            shooter,
            tries,
            technical,
            detail,
            on_court,
        } = *trip;
        self.at_the_line = Some(Actor {
            side,
            player: shooter,
        });
        self.wall += TimeDelta::seconds(15);
        for attempt in 1..=tries {
            if attempt == tries {
                self.stoppage();
            }
            let made = self
                .draws
                .chance(self.benches[side.index()].rating(shooter).free_throw);
            if technical {
                self.write_free_throw(
                    side,
                    shooter,
                    (attempt, tries),
                    Detail::Plain,
                    made,
                    on_court,
                    true,
                );
            } else {
                self.try_free_throw(side, shooter, (attempt, tries), detail, made, on_court);
            }
            let retained =
                attempt < tries || matches!(detail, Detail::FlagrantType1 | Detail::FlagrantType2);
            if technical {
                continue;
            }
            match (made, retained) {
                // The feed gives a dead ball to the shooting team.
                (false, true) => self.team_rebound(side, PlayKind::OffensiveRebound),
                (true, false) => self.offense = side.other(),
                (false, false) => {
                    self.at_the_line = None;
                    self.rebound(side, 0.12);
                }
                (true, true) => {}
            }
        }
        self.at_the_line = None;
    }

    fn try_free_throw(
        &mut self,
        side: Side,
        shooter: u8,
        of: (u8, u8),
        detail: Detail,
        made: bool,
        on_court: OnCourt,
    ) {
        self.write_free_throw(side, shooter, of, detail, made, on_court, false);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one row, named at both call sites"
    )]
    fn write_free_throw(
        &mut self,
        side: Side,
        shooter: u8,
        (attempt, of): (u8, u8),
        detail: Detail,
        made: bool,
        on_court: OnCourt,
        technical: bool,
    ) {
        let line = self.benches[side.index()].line(shooter);
        line.fta += 1;
        if made {
            line.ftm += 1;
            self.credit(side, shooter, 1, on_court);
        }
        let kind = PlayKind::FreeThrow {
            attempt,
            of,
            technical,
        };
        let row = Row {
            points: u8::from(made),
            value: 1,
            ..Row::new(kind, detail, Some(side))
        };
        self.write(row.by(side, shooter));
    }

    // ---- dead balls --------------------------------------------------------------------------------------------------

    fn jump_ball(&mut self) {
        let tippers = [0, 1].map(|side: usize| {
            self.benches[side].pick(&mut self.draws, None, |rating| rating.rim.saturating_mul(4))
        });
        let winner = if self.draws.chance(0.5) {
            Side::Home
        } else {
            Side::Away
        };
        let receiver = self.benches[winner.index()].pick(
            &mut self.draws,
            Some(tippers[winner.index()]),
            |rating| rating.hands,
        );
        let row = Row::new(PlayKind::JumpBall, Detail::Plain, Some(winner))
            .by(winner, tippers[winner.index()])
            .with(1, winner.other(), Some(tippers[winner.other().index()]))
            .with(2, winner, Some(receiver));
        self.write(row);
        self.offense = winner;
    }

    fn interruption(&mut self) {
        self.settle();
        let side = self.offense.other();
        if self.draws.chance(0.5) {
            let player =
                self.benches[side.index()].pick(&mut self.draws, None, |rating| rating.hands);
            self.write(Row::new(PlayKind::Other, Detail::KickedBall, Some(side)).by(side, player));
        } else {
            self.write(Row::new(PlayKind::Other, Detail::DelayOfGame, Some(side)));
        }
        self.stoppage();
    }

    /// Changes and time-outs at a dead ball, as far as the number of rows is behind its plan.
    fn stoppage(&mut self) {
        if self.counting {
            return;
        }
        let planned =
            (f64::from(self.target) - CUSHION) * f64::from(self.elapsed) / f64::from(self.length);
        let mut due = planned - f64::from(self.rows);
        if due >= 1.0 && self.draws.chance(0.30) && self.timeout(self.offense) {
            due -= 1.0;
        }
        if due >= 7.0 && self.draws.chance(0.3) {
            self.review();
            due -= 1.0;
        }
        let first = if self.draws.chance(0.5) {
            Side::Home
        } else {
            Side::Away
        };
        let mut changed = 0;
        for side in [first, first.other(), first, first.other(), first] {
            let threshold = if due > 6.0 { 0.0 } else { 1_400.0 };
            let shooter = self
                .at_the_line
                .filter(|actor| actor.side == side)
                .map(|actor| actor.player);
            if due < 1.0 || changed == 4 {
                break;
            }
            if let Some((enters, leaves)) =
                self.benches[side.index()].change(self.elapsed, threshold, shooter.as_slice())
            {
                self.substitute(side, enters, leaves);
                changed += 1;
                due -= 1.0;
            }
        }
    }

    /// Rows of the last dead ball, exactly as many as are missing.
    fn fill(&mut self, needed: u32) -> Result<(), Replay> {
        /// More would not look like a game any more.
        const MOST: u32 = 26;
        if needed > MOST {
            return Err(Replay);
        }
        if needed == 0 {
            return Ok(());
        }
        self.settle();
        let mut left = needed;
        let first = self.offense;
        self.write(Row::new(
            PlayKind::Timeout,
            Detail::FullTimeout,
            Some(first),
        ));
        self.wall += TimeDelta::seconds(75);
        left -= 1;
        if left >= 4 {
            self.review();
            left -= 1;
        }
        // Nobody who just came leaves again before the lists are exhausted.
        let mut fresh: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
        let mut idle = 0;
        let mut side = first;
        while left > 0 {
            if idle >= 2 {
                match left % 3 {
                    0 => self.write(Row::new(
                        PlayKind::Timeout,
                        Detail::ShortTimeout,
                        Some(side),
                    )),
                    1 => self.review(),
                    _ => self.write(Row::new(PlayKind::Other, Detail::Challenge, Some(side))),
                }
                left -= 1;
                idle = 0;
                fresh = [Vec::new(), Vec::new()];
            } else if let Some((enters, leaves)) = self.unused_change(side, &fresh[side.index()]) {
                fresh[side.index()].extend([enters, leaves]);
                self.substitute(side, enters, leaves);
                left -= 1;
                idle = 0;
            } else {
                idle += 1;
            }
            side = side.other();
        }
        Ok(())
    }

    fn unused_change(&self, side: Side, used: &[u8]) -> Option<(u8, u8)> {
        self.benches[side.index()].change(self.elapsed, f64::MIN, used)
    }

    fn timeout(&mut self, side: Side) -> bool {
        let bench = &mut self.benches[side.index()];
        let Some(left) = bench.timeouts_left.checked_sub(1) else {
            return false;
        };
        bench.timeouts_left = left;
        let short = self.game.header.season_start < 2017 && self.draws.chance(0.25);
        let detail = if short {
            Detail::ShortTimeout
        } else {
            Detail::FullTimeout
        };
        self.write(Row::new(PlayKind::Timeout, detail, Some(side)));
        self.wall += TimeDelta::seconds(if short { 30 } else { 120 });
        true
    }

    /// A coach's challenge since 2019, before that a look at the replay.
    fn review(&mut self) {
        let challenge = self.game.header.season_start >= 2019 && self.draws.chance(0.4);
        let (detail, side) = if challenge {
            (Detail::Challenge, Some(self.offense))
        } else {
            (Detail::Review, None)
        };
        self.write(Row::new(PlayKind::Other, detail, side));
        self.wall += TimeDelta::seconds(60);
    }

    fn substitute(&mut self, side: Side, enters: u8, leaves: u8) {
        self.benches[side.index()].swap(enters, leaves);
        let row = Row::new(PlayKind::Substitution, Detail::Plain, Some(side)).by(side, enters);
        self.write(row.with(1, side, Some(leaves)));
    }

    fn on_court(&self) -> OnCourt {
        [self.benches[0].on, self.benches[1].on]
    }

    // ---- clock and rows ----------------------------------------------------------------------------------------------

    /// Lets time pass; above one minute the clock shows whole seconds.
    fn run_clock(&mut self, tenths: u16) {
        let left = self.clock.saturating_sub(tenths);
        let left = if left >= 600 { left - left % 10 } else { left };
        self.tick(self.clock - left);
    }

    /// A dead ball: the clock stops at a whole second.
    fn settle(&mut self) {
        self.tick(self.clock % 10);
    }

    fn tick(&mut self, tenths: u16) {
        self.clock -= tenths;
        let tenths = u32::from(tenths);
        self.elapsed += tenths;
        for bench in &mut self.benches {
            for player in bench.on {
                bench.played[usize::from(player)] += tenths;
            }
        }
        self.wall += TimeDelta::milliseconds(i64::from(tenths) * 130);
    }

    fn write(&mut self, row: Row) {
        let position = to_usize(self.rows);
        self.rows += 1;
        let text = match self.game.plays.get_mut(position) {
            Some(play) => std::mem::take(&mut play.text),
            None => String::with_capacity(64),
        };
        let mut play = Play {
            sequence: self.rows,
            period: self.period,
            clock_tenths: self.clock,
            kind: row.kind,
            detail: row.detail,
            side: row.side,
            actors: row.actors,
            points: row.points,
            value: row.value,
            score: self.score,
            text: String::new(),
            coordinate: row.spot.map(|spot| spot.coordinate),
            wallclock: self.wall,
        };
        let narrator = Narrator {
            wording: self.game.header.wording,
            teams: [self.game.header.home, self.game.header.away],
            rosters: &self.game.rosters,
            feet: row.spot.filter(|spot| spot.mentioned).map(|spot| spot.feet),
        };
        let mut words = text;
        narrator.tell(&play, &mut words);
        play.text = words;
        match self.game.plays.get_mut(position) {
            Some(place) => *place = play,
            None => self.game.plays.push(play),
        }
    }
}

/// Three-point tries among the shots: 12 % in 1993-94, 42 % today; the shorter line of 1994–97 is not modelled.
fn three_share(season_start: u16, season_type: SeasonType) -> f64 {
    const YEARS: [(u16, f64); 7] = [
        (1993, 0.12),
        (1996, 0.19),
        (2004, 0.195),
        (2011, 0.23),
        (2015, 0.29),
        (2019, 0.385),
        (2024, 0.42),
    ];
    let mut share = YEARS[0].1;
    for pair in YEARS.windows(2) {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        if season_start > from {
            let part = f64::from(season_start.min(to) - from) / f64::from(to - from);
            share = low + (high - low) * part;
        }
    }
    if season_type == SeasonType::Playoffs {
        share * 0.98
    } else {
        share
    }
}

fn pick(draws: &mut Draws, kinds: &[(Detail, u16)]) -> Detail {
    let total: u32 = kinds.iter().map(|&(_, weight)| u32::from(weight)).sum();
    let mut left = draws.below(total);
    for &(detail, weight) in kinds {
        let weight = u32::from(weight);
        if left < weight {
            return detail;
        }
        left -= weight;
    }
    Detail::Plain
}

/// Nearest whole number of a small positive value.
#[expect(
    clippy::as_conversions,
    reason = "no lossless conversion exists; the values are below 1,000"
)]
fn round(value: f64) -> u32 {
    value.round() as u32
}

fn to_usize(rows: u32) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
