//! A game proves itself, or not: what was counted against everything the source says about it.

use nba_utils::Verdict;

use crate::check::{Violation, check};
use crate::event::{Event, PlayerRef, Side};
use crate::line::{GameBox, Line};
use crate::lineup::{Confidence, PeriodStart, Solution, solve};
use crate::log::{Claim, GameLog, Note, Stat};
use crate::tally::Tally;

/// A running figure may stand this many rows from where it holds: rows of one scramble are written in any order.
const NEARBY: usize = 32;

/// Why a printed figure may differ from the count although nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Explanation {
    /// The figure is the count a few rows away, at a row that prints it too: the source has rows in another order than they
    /// happened.
    RowsSwapped,
    /// A score between those a few rows away: the points of one scramble in another order.
    ScoresSwapped,
    /// The number of the row says that it was put in later; it prints what held when it was written.
    InsertedLater,
}

/// A figure the source prints inside the game that differs from the count at that event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Index of the event in the log.
    pub event: usize,
    /// Row of the source.
    pub row: u32,
    /// Whose figure; none for the score of a side.
    pub player: Option<PlayerRef>,
    /// The side it belongs to.
    pub side: Side,
    /// Of what.
    pub stat: Stat,
    /// What the source prints.
    pub printed: u16,
    /// What was counted when the event is over.
    pub counted: u16,
    /// Why it differs; none when the source contradicts itself.
    pub explanation: Option<Explanation>,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            row,
            stat,
            printed,
            counted,
            ..
        } = self;
        match self.player {
            Some(player) => write!(
                f,
                "row {row}: {player}, {stat}: printed {printed}, counted {counted}"
            )?,
            None => write!(
                f,
                "row {row}: score of {}: printed {printed}, counted {counted}",
                self.side
            )?,
        }
        match self.explanation {
            Some(Explanation::RowsSwapped) => f.write_str(" (rows swapped)"),
            Some(Explanation::ScoresSwapped) => f.write_str(" (scores swapped)"),
            Some(Explanation::InsertedLater) => f.write_str(" (row put in later)"),
            None => Ok(()),
        }
    }
}

/// A game counted and held against itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The box score.
    pub score: GameBox,
    /// The events with lineups, for whoever wants any other moment.
    pub events: Vec<Event>,
    /// Who started each period.
    pub starts: Vec<PeriodStart>,
    /// What cannot be true of the counts.
    pub count_violations: Vec<Violation>,
    /// What cannot be true of who was on court; time on court and plus/minus rest on it.
    pub court_violations: Vec<Violation>,
    /// Running figures and scores that were compared.
    pub figures: usize,
    /// Those that differ.
    pub mismatches: Vec<Mismatch>,
    /// Points counted beyond the highest score the source prints, where it prints any: nothing confirms them.
    pub unconfirmed_points: u32,
    /// What the reader and the lineups had to decide.
    pub notes: Vec<Note>,
}

impl Verification {
    /// Whether the 14 counts are what the source says: every printed figure agrees, or is printed a few rows from where it holds.
    #[must_use]
    pub fn counts(&self) -> Verdict {
        let wrong = self
            .mismatches
            .iter()
            .filter(|one| one.explanation.is_none());
        let findings: Vec<String> = self
            .count_violations
            .iter()
            .map(ToString::to_string)
            .chain(wrong.map(ToString::to_string))
            .collect();
        if !findings.is_empty() {
            return Verdict::from_findings(findings);
        }
        if self.events.is_empty() {
            return Verdict::not_proven("the game has no events");
        }
        if self.figures == 0 {
            return Verdict::not_proven("the source prints no figure to compare with");
        }
        if self.unconfirmed_points > 0 {
            return Verdict::not_proven(format!(
                "{} points are counted behind the last score the source prints",
                self.unconfirmed_points
            ));
        }
        match self
            .notes
            .iter()
            .find(|note| note.is_doubt() && !note.is_about_court())
        {
            Some(doubt) => Verdict::not_proven(doubt.to_string()),
            None => self.names_fit_the_court(),
        }
    }

    /// Where a source prints the score alone, a name that stands for two players shows in who is on court, and nowhere else.
    fn names_fit_the_court(&self) -> Verdict {
        if !self.notes.contains(&Note::ScoreOnly) {
            return Verdict::Proven;
        }
        if let Some(violation) = self.court_violations.first() {
            return Verdict::not_proven(violation.to_string());
        }
        if let Some(note) = self.notes.iter().find(|note| note.is_about_court()) {
            return Verdict::not_proven(note.to_string());
        }
        let unknown = |start: &&PeriodStart| start.confidence == Confidence::Unknown;
        match self.starts.iter().find(unknown) {
            Some(start) => Verdict::not_proven(format!(
                "who starts period {} for {} is not known",
                start.period, start.side
            )),
            None => Verdict::Proven,
        }
    }

    /// Whether time on court and plus/minus follow from the events alone.
    #[must_use]
    pub fn court(&self) -> Verdict {
        if self.events.is_empty() {
            return Verdict::not_proven("the game has no events");
        }
        if let Some(violation) = self.court_violations.first() {
            return Verdict::not_proven(violation.to_string());
        }
        if matches!(self.counts(), Verdict::Refuted { .. }) {
            return Verdict::not_proven("the counts are refuted, and plus/minus rests on them");
        }
        let doubt = self
            .starts
            .iter()
            .find(|start| start.confidence != Confidence::Certain);
        if let Some(start) = doubt {
            let how = match start.confidence {
                Confidence::Unknown => "is not known",
                _ => "is inferred",
            };
            return Verdict::not_proven(format!(
                "who starts period {} for {} {how}",
                start.period, start.side
            ));
        }
        match self.notes.iter().find(|note| note.unsettles_court()) {
            Some(unfit) => Verdict::not_proven(unfit.to_string()),
            None => Verdict::Proven,
        }
    }
}

/// Counts a log and holds the result against the invariants of the game and against the source's own figures.
#[must_use]
pub fn verify(log: &GameLog) -> Verification {
    let Solution {
        events,
        starts,
        mut notes,
        ..
    } = solve(log);
    let report = check(log.roster_sizes(), &events);
    let mut count_violations = Vec::new();
    let mut court_violations = Vec::new();
    for violation in report.violations {
        match violation {
            // Compared side by side below.
            Violation::Score { .. } => {}
            Violation::NotOnCourt { .. }
            | Violation::Minutes { .. }
            | Violation::PlusMinus { .. } => {
                court_violations.push(violation);
            }
            other => count_violations.push(other),
        }
    }
    let (figures, mismatches) = compare(log, &events);
    notes.splice(0..0, log.notes.iter().cloned());
    let sum = |[home, away]: [u16; 2]| u32::from(home) + u32::from(away);
    let printed = log
        .events
        .iter()
        .filter_map(|event| event.score)
        .map(sum)
        .max();
    let counted = sum(report.score.points());
    Verification {
        unconfirmed_points: printed.map_or(0, |printed| counted.saturating_sub(printed)),
        score: report.score,
        events,
        starts,
        count_violations,
        court_violations,
        figures,
        mismatches,
        notes,
    }
}

/// One of the 14 counts of a line.
#[must_use]
pub fn count(line: &Line, stat: Stat) -> u16 {
    match stat {
        Stat::Pts => line.pts,
        Stat::Fgm => line.fgm,
        Stat::Fga => line.fga,
        Stat::Fg3m => line.fg3m,
        Stat::Fg3a => line.fg3a,
        Stat::Ftm => line.ftm,
        Stat::Fta => line.fta,
        Stat::Oreb => line.oreb,
        Stat::Dreb => line.dreb,
        Stat::Ast => line.ast,
        Stat::Stl => line.stl,
        Stat::Blk => line.blk,
        Stat::Tov => line.tov,
        Stat::Pf => line.pf,
    }
}

fn compare(log: &GameLog, events: &[Event]) -> (usize, Vec<Mismatch>) {
    let mut claims: Vec<Claim> = log.claims.clone();
    if !claims.is_sorted_by_key(|claim| claim.event) {
        claims.sort_by_key(|claim| claim.event);
    }
    let mut next = claims.iter().peekable();
    let mut figures = 0;
    let mut found = Vec::new();
    let mut tally = Tally::new(log.roster_sizes());
    for (index, event) in events.iter().enumerate() {
        // What cannot be counted is on record already.
        let _ = tally.apply(event);
        let row = log.origins.get(index).map_or(0, |origin| origin.row);
        if let Some(printed) = event.score {
            let counted = tally.points();
            for side in Side::BOTH {
                figures += 1;
                let (printed, counted) = (printed[side.index()], counted[side.index()]);
                if printed != counted {
                    found.push(Mismatch {
                        event: index,
                        row,
                        player: None,
                        side,
                        stat: Stat::Pts,
                        printed,
                        counted,
                        explanation: None,
                    });
                }
            }
        }
        while let Some(claim) = next.next_if(|claim| usize::try_from(claim.event) == Ok(index)) {
            figures += 1;
            let counted = tally
                .line(claim.player)
                .map_or(0, |line| count(line, claim.stat));
            if counted != claim.value {
                found.push(Mismatch {
                    event: index,
                    row,
                    player: Some(claim.player),
                    side: claim.player.side,
                    stat: claim.stat,
                    printed: claim.value,
                    counted,
                    explanation: None,
                });
            }
        }
    }
    if !found.is_empty() {
        explain(log, events, &claims, &mut found);
    }
    (figures, found)
}

/// Finds out why figures differ.
fn explain(log: &GameLog, events: &[Event], claims: &[Claim], found: &mut [Mismatch]) {
    let mut tally = Tally::new(log.roster_sizes());
    let mut ranges = vec![(u16::MAX, 0u16); found.len()];
    let settled = scores_settle(events, found);
    for (index, event) in events.iter().enumerate() {
        let _ = tally.apply(event);
        for (one, range) in found.iter_mut().zip(&mut ranges) {
            if one.event.abs_diff(index) > NEARBY {
                continue;
            }
            let counted = match one.player {
                Some(player) => tally.line(player).map_or(0, |line| count(line, one.stat)),
                None => tally.points()[one.side.index()],
            };
            *range = (range.0.min(counted), range.1.max(counted));
            if counted == one.printed && prints(claims, index, event, one) {
                one.explanation = Some(Explanation::RowsSwapped);
            }
        }
    }
    for ((one, (least, most)), settled) in found.iter_mut().zip(ranges).zip(settled) {
        // Counts only grow: what is printed anywhere is reached in the end, in whatever order the rows stand.
        let last = match one.player {
            Some(player) => tally.line(player).map_or(0, |line| count(line, one.stat)),
            None => tally.points()[one.side.index()],
        };
        if one.printed > last || !settled {
            one.explanation = None;
            continue;
        }
        if one.explanation.is_some() {
            continue;
        }
        if inserted_later(log, one.event) || before_insertions(log, claims, one) {
            one.explanation = Some(Explanation::InsertedLater);
        } else if one.player.is_none() && (least + 1..most).contains(&one.printed) {
            one.explanation = Some(Explanation::ScoresSwapped);
        }
    }
}

/// For each mismatch, whether a score of that side agrees again soon after it; figures of players are left to others. Rows that are merely
/// swapped come right within a few rows, a wrong one keeps the score wrong for good.
fn scores_settle(events: &[Event], found: &[Mismatch]) -> Vec<bool> {
    let wrong: std::collections::HashSet<(usize, Side)> = found
        .iter()
        .filter(|one| one.player.is_none())
        .map(|one| (one.event, one.side))
        .collect();
    found
        .iter()
        .map(|one| {
            let behind = events.iter().enumerate().skip(one.event + 1).take(NEARBY);
            let mut printed = behind
                .filter(|(_, event)| event.score.is_some())
                .map(|(index, _)| index)
                .peekable();
            one.player.is_some()
                || printed.peek().is_none()
                || printed.any(|index| !wrong.contains(&(index, one.side)))
        })
        .collect()
}

/// Whether the figure is the count without the rows of the same kind that stand before it and were put in after it.
fn before_insertions(log: &GameLog, claims: &[Claim], one: &Mismatch) -> bool {
    let number = |event: usize| log.origins.get(event).and_then(|origin| origin.number);
    let (Some(player), Some(own)) = (one.player, number(one.event)) else {
        return false;
    };
    let later = claims
        .iter()
        .filter(|claim| claim.player == player && claim.stat == one.stat)
        .filter_map(|claim| usize::try_from(claim.event).ok())
        .filter(|&event| event < one.event)
        .filter(|&event| number(event).is_some_and(|other| other > own))
        .filter(|&event| inserted_later(log, event))
        .count();
    later > 0 && usize::from(one.counted).checked_sub(later) == Some(usize::from(one.printed))
}

/// Whether the event prints a figure of this kind. Without one there, a lost row could pass for a swapped one.
fn prints(claims: &[Claim], index: usize, event: &Event, one: &Mismatch) -> bool {
    let Some(player) = one.player else {
        return event.score.is_some();
    };
    let at = |claim: &Claim| usize::try_from(claim.event).unwrap_or(usize::MAX);
    let first = claims.partition_point(|claim| at(claim) < index);
    claims[first..]
        .iter()
        .take_while(|claim| at(claim) == index)
        .any(|claim| claim.player == player && claim.stat == one.stat)
}

/// Whether the source's number of the event is far above those of the rows that follow.
fn inserted_later(log: &GameLog, event: usize) -> bool {
    /// Rows around it that must all have lower numbers, and by how much.
    const ROWS: usize = 12;
    const GAP: u32 = 50;
    let Some(number) = log.origins.get(event).and_then(|origin| origin.number) else {
        return false;
    };
    let following = log.origins.iter().skip(event + 1).take(ROWS);
    let mut lower = 0;
    for next in following.filter_map(|origin| origin.number) {
        lower += usize::from(next.saturating_add(GAP) < number);
    }
    // Rows put in together may stand together.
    lower >= ROWS / 2
}
