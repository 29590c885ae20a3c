//! One team during a game: who is on court, for how long, with how many fouls, and his line so far.

use super::model::{Player, PlayerBox, StatLine, TeamBox};
use super::rng::{Draws, mix};
use super::roster::SQUAD;

/// A player's tendencies; the weights are shares among the five on court.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rating {
    pub(super) usage: u16,
    pub(super) creation: u16,
    pub(super) offensive_glass: u16,
    pub(super) defensive_glass: u16,
    pub(super) hands: u16,
    pub(super) rim: u16,
    pub(super) contact: u16,
    /// Multiplies the share of three-point tries.
    pub(super) range: f64,
    /// Added to the probability of every field goal.
    pub(super) touch: f64,
    /// Probability of a free throw.
    pub(super) free_throw: f64,
}

impl Rating {
    fn of(seed: u64, player: &Player, rank: usize) -> Self {
        let mut draws = Draws::new(mix(seed, 1 << 44 | u64::from(player.espn_id)));
        let star: u16 = match rank {
            0..=1 => 60,
            2..=4 => 30,
            _ => 10,
        };
        let (creation, glass, rim, range) = match player.position {
            "G" => (90, 25, 8, 1.3),
            "F" => (45, 60, 25, 0.95),
            _ => (30, 95, 70, 0.35),
        };
        let mut vary = |base: u16, spread: u16| base + weight(draws.below(u32::from(spread)));
        Rating {
            usage: vary(60 + star, 60),
            creation: vary(creation, 60),
            offensive_glass: vary(glass, 40),
            defensive_glass: vary(glass + 40, 60),
            hands: vary(50, 60),
            rim: vary(rim, 30),
            contact: vary(60 + glass / 4, 40),
            range: range * (0.6 + 0.8 * draws.unit()),
            touch: 0.014 * draws.normal(),
            free_throw: 0.76 + 0.07 * draws.normal()
                - if player.position == "C" { 0.07 } else { 0.0 },
        }
    }
}

fn weight(draw: u32) -> u16 {
    u16::try_from(draw).unwrap_or(u16::MAX)
}

/// Minutes of the rotation in a game of 48, starters first; those behind it do not play.
const ROTATION_MINUTES: [f64; 10] = [35.0, 34.0, 33.0, 31.0, 29.0, 25.0, 20.0, 15.0, 11.0, 7.0];

/// The state of one side.
pub(super) struct Bench {
    pub(super) on: [u8; 5],
    pub(super) size: usize,
    pub(super) lines: [StatLine; SQUAD],
    pub(super) ratings: [Rating; SQUAD],
    pub(super) entered: [bool; SQUAD],
    pub(super) ejected: [bool; SQUAD],
    /// Fouled out or ejected.
    pub(super) out: [bool; SQUAD],
    pub(super) technicals: [u8; SQUAD],
    /// Tenths of a second on court.
    pub(super) played: [u32; SQUAD],
    /// Share of the game each player should be on court.
    share: [f64; SQUAD],
    pub(super) team_oreb: u16,
    pub(super) team_dreb: u16,
    pub(super) team_tov: u16,
    pub(super) technical_fouls: u16,
    /// Defensive fouls in this period.
    pub(super) period_fouls: u8,
    pub(super) timeouts_left: u8,
}

impl Bench {
    pub(super) fn new(seed: u64, roster: &[Player], draws: &mut Draws) -> Self {
        let size = roster.len().min(SQUAD);
        let mut ratings = [Rating::default(); SQUAD];
        for (rank, (rating, player)) in ratings.iter_mut().zip(roster).enumerate() {
            *rating = Rating::of(seed, player, rank);
        }
        // Eight to ten players share the minutes.
        let rotation = draws.between(8, 10);
        let rotation = usize::try_from(rotation).unwrap_or(8).min(size);
        let mut share = [0.0; SQUAD];
        let sum: f64 = ROTATION_MINUTES.iter().take(rotation).sum();
        for (share, minutes) in share.iter_mut().zip(ROTATION_MINUTES).take(rotation) {
            *share = minutes * 5.0 / sum;
        }
        let mut entered = [false; SQUAD];
        entered[..5].fill(true);
        Bench {
            on: [0, 1, 2, 3, 4],
            size,
            lines: [StatLine::default(); SQUAD],
            ratings,
            entered,
            ejected: [false; SQUAD],
            out: [false; SQUAD],
            technicals: [0; SQUAD],
            played: [0; SQUAD],
            share,
            team_oreb: 0,
            team_dreb: 0,
            team_tov: 0,
            technical_fouls: 0,
            period_fouls: 0,
            timeouts_left: 7,
        }
    }

    pub(super) fn line(&mut self, player: u8) -> &mut StatLine {
        &mut self.lines[usize::from(player)]
    }

    pub(super) fn rating(&self, player: u8) -> &Rating {
        &self.ratings[usize::from(player)]
    }

    /// One of the five on court in proportion to a weight, possibly leaving one out.
    pub(super) fn pick(
        &self,
        draws: &mut Draws,
        but: Option<u8>,
        weight: impl Fn(&Rating) -> u16,
    ) -> u8 {
        let mut weights = [0; 5];
        for (weight_of, &player) in weights.iter_mut().zip(&self.on) {
            if but != Some(player) {
                *weight_of = weight(self.rating(player)).max(1);
            }
        }
        self.on[draws.weighted(&weights)]
    }

    /// Who commits the next foul: nobody who would foul out when no one is left to replace him.
    pub(super) fn fouler(&self, draws: &mut Draws, safe: Safe) -> u8 {
        let most = match safe {
            Safe::MustStay => 5,
            Safe::MayFoulOut if self.replacement(0).is_none() => 5,
            Safe::MayFoulOut => 6,
        };
        let mut weights = [0; 5];
        for (weight, &player) in weights.iter_mut().zip(&self.on) {
            let fouls = self.lines[usize::from(player)].pf;
            // Players in foul trouble are careful.
            let care = if fouls >= 4 { 3 } else { 1 };
            if fouls < most {
                *weight = self.rating(player).contact / care;
            }
        }
        self.on[draws.weighted(&weights)]
    }

    fn is_on(&self, player: u8) -> bool {
        self.on.contains(&player)
    }

    /// Tenths of a second a player is short of his share after this much of the game.
    fn need(&self, player: u8, elapsed: u32) -> f64 {
        let player = usize::from(player);
        self.share[player] * f64::from(elapsed + 1_200) - f64::from(self.played[player])
    }

    /// The player off court who should come in, the rotation before the rest.
    pub(super) fn replacement(&self, elapsed: u32) -> Option<u8> {
        self.candidates()
            .max_by(|&a, &b| self.need(a, elapsed).total_cmp(&self.need(b, elapsed)))
    }

    fn candidates(&self) -> impl Iterator<Item = u8> {
        let size = u8::try_from(self.size).unwrap_or(0);
        (0..size).filter(|&player| {
            let slot = usize::from(player);
            !self.is_on(player) && !self.out[slot]
        })
    }

    /// The most useful change, `(in, out)`, if it corrects more than `threshold` tenths of a second, leaving some players
    /// where they are.
    pub(super) fn change(&self, elapsed: u32, threshold: f64, stay: &[u8]) -> Option<(u8, u8)> {
        let enters = self
            .candidates()
            .filter(|player| self.share[usize::from(*player)] > 0.0 && !stay.contains(player))
            .max_by(|&a, &b| self.need(a, elapsed).total_cmp(&self.need(b, elapsed)))?;
        let leaves = self
            .on
            .into_iter()
            .filter(|player| !stay.contains(player))
            .min_by(|&a, &b| self.need(a, elapsed).total_cmp(&self.need(b, elapsed)))?;
        (self.need(enters, elapsed) - self.need(leaves, elapsed) > threshold)
            .then_some((enters, leaves))
    }

    pub(super) fn swap(&mut self, enters: u8, leaves: u8) {
        for player in &mut self.on {
            if *player == leaves {
                *player = enters;
            }
        }
        self.entered[usize::from(enters)] = true;
    }

    /// Changes between periods, which have no row: starters return after half-time and for overtime.
    pub(super) fn regroup(&mut self, period: u8, elapsed: u32) {
        self.period_fouls = 0;
        if period == 3 || period > 4 {
            let mut free: Vec<u8> = (0..5)
                .filter(|&player| !self.out[usize::from(player)])
                .collect();
            for player in self.on {
                if free.len() < 5 && !free.contains(&player) {
                    free.push(player);
                }
            }
            if let Ok(five) = free.try_into() {
                self.on = five;
            }
        } else {
            for _ in 0..3 {
                let Some((enters, leaves)) = self.change(elapsed, 0.0, &[]) else {
                    break;
                };
                self.swap(enters, leaves);
            }
        }
        for player in self.on {
            self.entered[usize::from(player)] = true;
        }
    }

    /// Everybody's line with the totals.
    pub(super) fn finish(&self, box_score: &mut TeamBox, score: u16, against: u16) {
        let mut total = StatLine {
            oreb: self.team_oreb,
            dreb: self.team_dreb,
            tov: self.team_tov,
            ..StatLine::default()
        };
        box_score.players.clear();
        for player in 0..self.size {
            let mut line = self.lines[player];
            line.seconds = u16::try_from(self.played[player] / 10).unwrap_or(u16::MAX);
            add(&mut total, &line);
            box_score.players.push(PlayerBox {
                starter: player < 5,
                did_not_play: !self.entered[player],
                ejected: self.ejected[player],
                line,
            });
        }
        total.plus_minus = signed(score) - signed(against);
        box_score.total = total;
        box_score.team_oreb = self.team_oreb;
        box_score.team_dreb = self.team_dreb;
        box_score.team_tov = self.team_tov;
        box_score.technical_fouls = self.technical_fouls;
    }
}

/// Whether a foul may cost a player his sixth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safe {
    MustStay,
    MayFoulOut,
}

pub(super) fn signed(points: u16) -> i16 {
    i16::try_from(points).unwrap_or(i16::MAX)
}

fn add(total: &mut StatLine, line: &StatLine) {
    total.fgm += line.fgm;
    total.fga += line.fga;
    total.fg3m += line.fg3m;
    total.fg3a += line.fg3a;
    total.ftm += line.ftm;
    total.fta += line.fta;
    total.oreb += line.oreb;
    total.dreb += line.dreb;
    total.ast += line.ast;
    total.stl += line.stl;
    total.blk += line.blk;
    total.tov += line.tov;
    total.pf += line.pf;
    total.pts += line.pts;
    total.seconds += line.seconds;
}
