//! The words of the feed: play texts in both dialects, clock spellings, period names and ESPN's play types.
//!
//! The texts are written in ESPN's manner of today, `X makes 25-foot three point jumper (Y assists)`, and for seasons
//! before 2001 in the older dialect, `X MADE three point jumper. Assisted by Y.` (box-score dossier 4.3, 14.4). Every text
//! names its players in full.

use std::fmt::Write as _;

use super::model::{Actor, Detail, Play, PlayKind, Player, Side, Team, Wording};

/// What a text needs to know beside the play.
pub(super) struct Narrator<'a> {
    pub(super) wording: Wording,
    /// `[home, away]`.
    pub(super) teams: [&'static Team; 2],
    pub(super) rosters: &'a [Vec<Player>; 2],
    /// Distance of a shot in feet, when it is mentioned.
    pub(super) feet: Option<u8>,
}

impl Narrator<'_> {
    /// Replaces `text` with the words for `play`.
    pub(super) fn tell(&self, play: &Play, text: &mut String) {
        text.clear();
        match play.kind {
            PlayKind::JumpBall => self.jump_ball(play, text),
            PlayKind::MadeShot => self.made(play, text),
            PlayKind::MissedShot => self.missed(play, text),
            PlayKind::FreeThrow {
                attempt,
                of,
                technical,
            } => self.free_throw(play, attempt, of, technical, text),
            PlayKind::OffensiveRebound => self.rebound(play, "offensive", text),
            PlayKind::DefensiveRebound => self.rebound(play, "defensive", text),
            PlayKind::Turnover => self.turnover(play, text),
            PlayKind::PersonalFoul | PlayKind::OffensiveFoul | PlayKind::TechnicalFoul => {
                self.foul(play, text);
            }
            PlayKind::Ejection => self.named(play, 0, " ejected", text),
            PlayKind::Substitution => {
                self.named(play, 0, " enters the game for ", text);
                self.named(play, 1, "", text);
            }
            PlayKind::Timeout => {
                text.push_str(self.team_name(play.side));
                text.push_str(if play.detail == Detail::ShortTimeout {
                    " 20 Sec. timeout"
                } else {
                    " Full timeout"
                });
            }
            PlayKind::PeriodStart => {
                text.push_str("Start of the ");
                push_period_name(text, play.period);
            }
            PlayKind::PeriodEnd => {
                text.push_str("End of the ");
                push_period_name(text, play.period);
            }
            PlayKind::GameEnd => text.push_str("End of Game"),
            PlayKind::Other => {
                let (before, after) = match play.detail {
                    Detail::Challenge => (true, " Coach's Challenge"),
                    Detail::DelayOfGame => (true, " delay of game violation"),
                    Detail::KickedBall => (false, " kicked ball violation"),
                    _ => (false, "Instant Replay Review"),
                };
                if before {
                    text.push_str(self.team_name(play.side));
                    text.push_str(after);
                } else {
                    self.named(play, 0, after, text);
                }
            }
        }
    }

    fn jump_ball(&self, play: &Play, text: &mut String) {
        self.named(play, 0, " vs. ", text);
        self.named(play, 1, " (", text);
        self.named(play, 2, " gains possession)", text);
    }

    fn made(&self, play: &Play, text: &mut String) {
        match self.wording {
            Wording::Modern => {
                self.named(play, 0, " makes ", text);
                self.shot(play, text);
                if play.actors[1].is_some() {
                    text.push_str(" (");
                    self.named(play, 1, " assists)", text);
                }
            }
            Wording::Pre2001 => {
                self.named(play, 0, " MADE ", text);
                self.shot(play, text);
                text.push('.');
                if play.actors[1].is_some() {
                    text.push_str(" Assisted by ");
                    self.named(play, 1, ".", text);
                }
            }
        }
    }

    fn missed(&self, play: &Play, text: &mut String) {
        let blocked = play.actors[1].is_some();
        match self.wording {
            Wording::Modern if blocked => {
                self.named(play, 1, " blocks ", text);
                self.named(play, 0, " 's ", text);
                self.shot(play, text);
            }
            Wording::Modern => {
                self.named(play, 0, " misses ", text);
                self.shot(play, text);
            }
            Wording::Pre2001 => {
                self.named(play, 0, " MISSED ", text);
                self.shot(play, text);
                text.push('.');
                if blocked {
                    text.push_str(" Blocked by ");
                    self.named(play, 1, ".", text);
                }
            }
        }
    }

    fn shot(&self, play: &Play, text: &mut String) {
        if let (Wording::Modern, Some(feet)) = (self.wording, self.feet) {
            // Writing into a string cannot fail.
            let _ = write!(text, "{feet}-foot ");
        }
        if play.value == 3 {
            text.push_str("three point ");
        }
        text.push_str(match play.detail {
            Detail::PullupJumpShot => "pullup jump shot",
            Detail::StepBackJumpShot => "step back jumpshot",
            Detail::FadeAwayJumpShot | Detail::TurnaroundJumpShot | Detail::FloatingJumpShot
                if play.value == 2 =>
            {
                "two point shot"
            }
            Detail::RunningJumpShot | Detail::FadeAwayJumpShot | Detail::TurnaroundJumpShot => {
                "shot"
            }
            Detail::HookShot => "hook shot",
            Detail::LayupShot
            | Detail::RunningLayup
            | Detail::CuttingLayup
            | Detail::ReverseLayup => "layup",
            Detail::DrivingLayup => "driving layup",
            Detail::FingerRoll => "finger roll layup",
            Detail::TipShot => "tip shot",
            Detail::DunkShot | Detail::CuttingDunk => "dunk",
            Detail::DrivingDunk => "driving dunk",
            _ => "jumper",
        });
    }

    fn free_throw(&self, play: &Play, attempt: u8, of: u8, technical: bool, text: &mut String) {
        let modern = self.wording == Wording::Modern;
        self.named(
            play,
            0,
            match (modern, play.points) {
                (true, 1) => " makes ",
                (true, _) => " misses ",
                (false, 1) => " MADE ",
                (false, _) => " MISSED ",
            },
            text,
        );
        if technical {
            text.push_str("technical free throw");
        } else {
            let flagrant = if matches!(play.detail, Detail::FlagrantType1 | Detail::FlagrantType2) {
                "flagrant "
            } else {
                ""
            };
            let _ = write!(text, "free throw {flagrant}{attempt} of {of}");
        }
        self.full_stop(text);
    }

    fn rebound(&self, play: &Play, which: &str, text: &mut String) {
        if play.actors[0].is_some() {
            self.named(play, 0, " ", text);
            text.push_str(which);
            text.push_str(" rebound");
        } else {
            let _ = write!(text, "{} {which} team rebound", self.team_name(play.side));
        }
        self.full_stop(text);
    }

    fn turnover(&self, play: &Play, text: &mut String) {
        let words = match play.detail {
            Detail::BadPass => " bad pass",
            Detail::LostBall => " lost ball turnover",
            Detail::Traveling => " traveling",
            Detail::OutOfBoundsBadPass => " out of bounds bad pass turnover",
            Detail::OutOfBoundsLostBall => " out of bounds lost ball turnover",
            Detail::ThreeSeconds => " 3 second turnover",
            Detail::BackCourt => " back court turnover",
            Detail::ShotClock => "shot clock turnover",
            Detail::EightSeconds => "8-second turnover",
            _ => " turnover",
        };
        self.named(play, 0, words, text);
        if play.actors[1].is_some() {
            match self.wording {
                Wording::Modern => {
                    text.push_str(" (");
                    self.named(play, 1, " steals)", text);
                }
                Wording::Pre2001 => {
                    text.push_str(". Stolen by ");
                    self.named(play, 1, "", text);
                }
            }
        }
        self.full_stop(text);
    }

    fn foul(&self, play: &Play, text: &mut String) {
        let words = match play.detail {
            Detail::Shooting => " shooting foul",
            Detail::LooseBall => " loose ball foul",
            Detail::PersonalTake => " personal take foul",
            Detail::OffensiveCharge => " offensive charge",
            Detail::FlagrantType1 => " flagrant foul type 1",
            Detail::FlagrantType2 => " flagrant foul type 2",
            Detail::DefensiveThreeSeconds => " defensive 3-seconds (technical foul)",
            Detail::BenchTechnical => {
                text.push_str(self.team_name(play.side));
                " bench technical foul"
            }
            _ if play.kind == PlayKind::OffensiveFoul => " offensive foul",
            _ if play.kind == PlayKind::TechnicalFoul => " technical foul",
            _ => " personal foul",
        };
        self.named(play, 0, words, text);
        if play.actors[1].is_some() {
            text.push_str(" (");
            self.named(play, 1, " draws the foul)", text);
        }
        self.full_stop(text);
    }

    /// The older dialect ends its sentences.
    fn full_stop(&self, text: &mut String) {
        if self.wording == Wording::Pre2001 {
            text.push('.');
        }
    }

    fn named(&self, play: &Play, actor: usize, then: &str, text: &mut String) {
        if let Some(Actor { side, player }) = play.actors[actor] {
            text.push_str(&self.rosters[side.index()][usize::from(player)].name);
        }
        text.push_str(then);
    }

    fn team_name(&self, side: Option<Side>) -> &'static str {
        side.map_or("", |side| self.teams[side.index()].name)
    }
}

/// ESPN's game clock: `M:SS`, and in the last minute of a modern feed seconds with tenths, `42.3`.
///
/// ```
/// use nba_testkit::sim::{Wording, text::clock_display};
///
/// assert_eq!(clock_display(7_200, Wording::Modern), "12:00");
/// assert_eq!(clock_display(423, Wording::Modern), "42.3");
/// assert_eq!(clock_display(423, Wording::Pre2001), "0:42");
/// ```
#[must_use]
pub fn clock_display(tenths: u16, wording: Wording) -> String {
    if tenths < 600 && wording == Wording::Modern {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        format!("{}:{:02}", tenths / 600, tenths % 600 / 10)
    }
}

/// hoopR's game clock, always with a colon and tenths: `12:00.0`, `0:42.3` (database dossier 7.6).
///
/// ```
/// assert_eq!(nba_testkit::sim::text::clock_hoopr(423), "0:42.3");
/// ```
#[must_use]
pub fn clock_hoopr(tenths: u16) -> String {
    format!("{}:{:02}.{}", tenths / 600, tenths % 600 / 10, tenths % 10)
}

/// Period as ESPN displays it: `1st Quarter` … `4th Quarter`, `OT`, `2OT`.
///
/// ```
/// assert_eq!(nba_testkit::sim::text::period_display(6), "2OT");
/// ```
#[must_use]
pub fn period_display(period: u8) -> String {
    match period {
        ..=4 => {
            let mut name = String::new();
            push_period_name(&mut name, period);
            name
        }
        5 => "OT".to_owned(),
        _ => format!("{}OT", period - 4),
    }
}

fn push_period_name(text: &mut String, period: u8) {
    text.push_str(match period {
        ..=1 => "1st Quarter",
        2 => "2nd Quarter",
        3 => "3rd Quarter",
        4 => "4th Quarter",
        5 => "1st Overtime",
        6 => "2nd Overtime",
        7 => "3rd Overtime",
        _ => "4th Overtime",
    });
}

/// ESPN's number and name of a play's type, as the summary documents and hoopR's `type_id`, `type_text` have them.
///
/// Made and missed tries share a type; the bad-pass turnover's name holds a newline in the real feed too.
#[must_use]
pub fn espn_type(play: &Play) -> (u16, &'static str) {
    match (play.kind, play.detail) {
        (PlayKind::JumpBall, _) => (615, "Jumpball"),
        (PlayKind::MadeShot | PlayKind::MissedShot, detail) => shot_type(detail),
        (
            PlayKind::FreeThrow {
                technical: true, ..
            },
            _,
        ) => (103, "Free Throw - Technical"),
        (PlayKind::FreeThrow { attempt, .. }, Detail::FlagrantType1 | Detail::FlagrantType2) => {
            match attempt {
                1 => (105, "Free Throw - Flagrant 1 of 2"),
                _ => (106, "Free Throw - Flagrant 2 of 2"),
            }
        }
        (PlayKind::FreeThrow { attempt, of, .. }, _) => match (attempt, of) {
            (1, 1) => (97, "Free Throw - 1 of 1"),
            (1, 2) => (98, "Free Throw - 1 of 2"),
            (2, 2) => (99, "Free Throw - 2 of 2"),
            (1, _) => (100, "Free Throw - 1 of 3"),
            (2, _) => (101, "Free Throw - 2 of 3"),
            _ => (102, "Free Throw - 3 of 3"),
        },
        (PlayKind::OffensiveRebound, _) => (156, "Offensive Rebound"),
        (PlayKind::DefensiveRebound, _) => (155, "Defensive Rebound"),
        (PlayKind::Turnover, detail) => turnover_type(detail),
        (PlayKind::OffensiveFoul, Detail::OffensiveCharge) => (11, "Offensive Charge"),
        (PlayKind::OffensiveFoul, _) => (42, "Offensive Foul"),
        (PlayKind::TechnicalFoul, Detail::DefensiveThreeSeconds) => {
            (29, "Defensive 3-Seconds Technical")
        }
        (PlayKind::TechnicalFoul, _) => (35, "Technical Foul"),
        (PlayKind::PersonalFoul, detail) => match detail {
            Detail::Shooting => (44, "Shooting Foul"),
            Detail::LooseBall => (43, "Loose Ball Foul"),
            Detail::PersonalTake => (22, "Personal Take Foul"),
            Detail::FlagrantType1 => (32, "Flagrant Foul Type 1"),
            Detail::FlagrantType2 => (33, "Flagrant Foul Type 2"),
            _ => (45, "Personal Foul"),
        },
        (PlayKind::Ejection, _) => (30, "Ejection"),
        (PlayKind::Substitution, _) => (584, "Substitution"),
        (PlayKind::Timeout, Detail::ShortTimeout) => (17, "Short Timeout"),
        (PlayKind::Timeout, _) => (16, "Full Timeout"),
        (PlayKind::PeriodStart, _) => (411, "Start Period"),
        (PlayKind::PeriodEnd, _) => (412, "End Period"),
        (PlayKind::GameEnd, _) => (402, "End Game"),
        (PlayKind::Other, Detail::Challenge) => (213, "Challenge"),
        (PlayKind::Other, Detail::DelayOfGame) => (10, "Delay of Game"),
        (PlayKind::Other, Detail::KickedBall) => (12, "Kicked Ball"),
        (PlayKind::Other, _) => (278, "Ref-Initiated Review (Supported)"),
    }
}

fn shot_type(detail: Detail) -> (u16, &'static str) {
    match detail {
        Detail::PullupJumpShot => (131, "Pullup Jump Shot"),
        Detail::StepBackJumpShot => (132, "Step Back Jump Shot"),
        Detail::FadeAwayJumpShot => (121, "Fade Away Jump Shot"),
        Detail::TurnaroundJumpShot => (114, "Turnaround Jump Shot"),
        Detail::RunningJumpShot => (113, "Running Jump Shot"),
        Detail::FloatingJumpShot => (130, "Floating Jump Shot"),
        Detail::HookShot => (93, "Hook Shot"),
        Detail::LayupShot => (95, "Layup Shot"),
        Detail::DrivingLayup => (110, "Driving Layup Shot"),
        Detail::RunningLayup => (109, "Running Layup Shot"),
        Detail::CuttingLayup => (141, "Cutting Layup Shot"),
        Detail::ReverseLayup => (112, "Reverse Layup Shot"),
        Detail::FingerRoll => (124, "Finger Roll Layup"),
        Detail::TipShot => (94, "Tip Shot"),
        Detail::DunkShot => (96, "Dunk Shot"),
        Detail::DrivingDunk => (115, "Driving Dunk Shot"),
        Detail::CuttingDunk => (151, "Cutting Dunk Shot"),
        _ => (92, "Jump Shot"),
    }
}

fn turnover_type(detail: Detail) -> (u16, &'static str) {
    match detail {
        Detail::BadPass => (62, "Bad Pass\nTurnover"),
        Detail::LostBall => (63, "Lost Ball Turnover"),
        Detail::Traveling => (64, "Traveling"),
        Detail::OutOfBoundsBadPass => (90, "Out of Bounds - Bad Pass Turnover"),
        Detail::OutOfBoundsLostBall => (87, "Out of Bounds - Lost Ball Turnover"),
        Detail::ThreeSeconds => (67, "3-Second Turnover"),
        Detail::BackCourt => (72, "Back Court Turnover"),
        Detail::ShotClock => (70, "Shot Clock Turnover"),
        Detail::EightSeconds => (8, "8-Second Turnover"),
        _ => (84, "Offensive Foul Turnover"),
    }
}
