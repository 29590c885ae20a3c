//! A game as pictures: how the score went, who was on court when, and where shots were taken. As marks, as SVG and as lines of text.
//!
//! Made and missed shots differ in shape, not in colour alone.

use crate::drawing::{Anchor, Drawing, Ink};
use crate::event::{Event, EventKind, PlayerRef, Shot, ShotResult, Side};
use crate::log::{GameLog, ShotPlace};
use crate::timeline::{Point, Timeline};

const SIDES: [Ink; 2] = [Ink::Home, Ink::Away];

/// Size of the drawing in pixels, and the room for names at the left.
const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 20.0;
const FLOW_HEIGHT: f64 = 260.0;
const ROW_HEIGHT: f64 = 16.0;

/// Pixels of a tenth of a foot in the shot chart.
const SCALE: f64 = 0.8;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Panel {
    /// The difference of the scores over time.
    Flow,
    /// A row per player: when he was on court, and his points.
    Players,
    /// Where shots were taken, half a court for each side.
    Shots,
}

impl Panel {
    /// All of them, in the order they are drawn.
    pub const ALL: [Panel; 3] = [Panel::Flow, Panel::Players, Panel::Shots];
}

/// A game that is drawn.
#[derive(Debug, Clone)]
pub struct Chart<'g> {
    /// What it is called.
    pub title: String,
    /// Names of `[home, away]`.
    pub teams: [String; 2],
    /// Names of their players, in roster order.
    pub players: [Vec<String>; 2],
    /// What happened.
    pub timeline: &'g Timeline,
    /// Shots with their places; empty where the source has none.
    pub shots: Vec<(ShotPlace, Shot)>,
}

impl<'g> Chart<'g> {
    /// The chart of a log whose events were counted into a timeline.
    #[must_use]
    pub fn new(log: &GameLog, events: &[Event], timeline: &'g Timeline) -> Self {
        let names = |side: Side| {
            (0u8..)
                .zip(&log.teams[side.index()].players)
                .map(|(slot, _)| log.name(PlayerRef { side, slot }))
                .collect()
        };
        let team = |side: Side| match log.teams[side.index()].name.as_str() {
            "" => side.to_string(),
            name => name.to_owned(),
        };
        let shots = log.shots.iter().filter_map(|place| {
            let event = events.get(usize::try_from(place.event).ok()?)?;
            match event.kind {
                EventKind::Shot(shot) => Some((*place, shot)),
                _ => None,
            }
        });
        Self {
            title: log.id.clone(),
            teams: Side::BOTH.map(team),
            players: Side::BOTH.map(names),
            timeline,
            shots: shots.collect(),
        }
    }

    /// The drawing, with these panels below each other.
    #[must_use]
    pub fn drawing(&self, panels: &[Panel]) -> Drawing {
        let mut sheet = Drawing::new(WIDTH);
        let [home, away] = self.final_score();
        sheet.title = format!(
            "{}: {} {away}, {} {home}",
            self.title, self.teams[1], self.teams[0]
        );
        let title = sheet.title.clone();
        sheet.text((WIDTH / 2.0, 22.0), Anchor::Middle, &title, Ink::Text);
        let mut top = 40.0;
        for panel in panels {
            top += match panel {
                Panel::Flow => self.flow(&mut sheet, top),
                Panel::Players => self.player_rows(&mut sheet, top),
                Panel::Shots => self.shot_chart(&mut sheet, top),
            };
        }
        sheet.height = top;
        sheet
    }

    /// The drawing as SVG.
    #[must_use]
    pub fn svg(&self, panels: &[Panel]) -> String {
        self.drawing(panels).svg()
    }

    fn final_score(&self) -> [u16; 2] {
        self.timeline
            .points()
            .last()
            .map_or([0; 2], |point| point.points)
    }

    /// Tenths of a second of the whole game.
    fn end(&self) -> u32 {
        let longest = self.timeline.points().iter().map(Point::elapsed_tenths);
        longest.max().unwrap_or(0).max(1)
    }

    fn x(&self, elapsed: u32) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * f64::from(elapsed) / f64::from(self.end())
    }

    /// Lines where periods begin and end.
    fn periods(&self, sheet: &mut Drawing, top: f64, bottom: f64) {
        let last = self
            .timeline
            .points()
            .last()
            .map_or(0, |point| point.period);
        for period in 1..=last {
            let from = crate::timeline::elapsed_tenths(period, crate::event::period_tenths(period));
            let until = crate::timeline::elapsed_tenths(period, 0).min(self.end());
            sheet.line((self.x(from), top), (self.x(from), bottom), Ink::Grid);
            let name = if period <= 4 {
                format!("Q{period}")
            } else {
                format!("OT{}", period - 4)
            };
            let middle = (self.x(from) + self.x(until)) / 2.0;
            sheet.text((middle, bottom + 14.0), Anchor::Middle, &name, Ink::Text);
        }
        let end = self.x(self.end());
        sheet.line((end, top), (end, bottom), Ink::Grid);
    }

    fn flow(&self, sheet: &mut Drawing, top: f64) -> f64 {
        let bottom = top + FLOW_HEIGHT;
        let middle = f64::midpoint(top, bottom);
        let points = self.timeline.points();
        let margin = |point: &Point| i32::from(point.points[0]) - i32::from(point.points[1]);
        let most = points.iter().map(|point| margin(point).abs()).max();
        let most = f64::from(most.unwrap_or(0).max(5));
        let y = |margin: i32| middle - f64::from(margin) / most * (FLOW_HEIGHT / 2.0 - 10.0);
        self.periods(sheet, top, bottom);
        sheet.line((LEFT, middle), (WIDTH - RIGHT, middle), Ink::Text);
        for (side, margin, at) in [(0, most, top + 14.0), (1, most, bottom - 6.0)] {
            let label = format!("{} +{margin:.0}", self.teams[side]);
            sheet.text((LEFT - 8.0, at), Anchor::End, &label, SIDES[side]);
        }
        // One step per change of the score, filled to the middle, each side in its colour.
        let mut at = (self.x(0), 0i32);
        for point in points {
            let (x, now) = (self.x(point.elapsed_tenths()), margin(point));
            if now != at.1 {
                step(sheet, at, x, middle, y(at.1));
                at = (x, now);
            }
        }
        step(sheet, at, self.x(self.end()), middle, y(at.1));
        FLOW_HEIGHT + 30.0
    }

    fn player_rows(&self, sheet: &mut Drawing, top: f64) -> f64 {
        let stints = self.timeline.stints();
        let played: Vec<PlayerRef> = Side::BOTH
            .into_iter()
            .flat_map(|side| {
                let size = self.timeline.roster_sizes()[side.index()];
                (0..size).map(move |slot| PlayerRef { side, slot })
            })
            .filter(|player| stints.iter().any(|stint| stint.player == *player))
            .collect();
        let rows = u32::try_from(played.len()).unwrap_or(0);
        let bottom = top + f64::from(rows) * ROW_HEIGHT;
        self.periods(sheet, top, bottom);
        for (row, player) in (0u32..).zip(played) {
            let y = top + f64::from(row) * ROW_HEIGHT;
            let name = self.players[player.side.index()]
                .get(usize::from(player.slot))
                .map_or("", String::as_str);
            sheet.text((LEFT - 8.0, y + 12.0), Anchor::End, name, Ink::Text);
            let ink = SIDES[player.side.index()];
            for stint in stints.iter().filter(|stint| stint.player == player) {
                let (from, until) = (self.x(stint.from), self.x(stint.until));
                let size = ((until - from).max(0.5), ROW_HEIGHT - 4.0);
                sheet.rect((from, y + 2.0), size, ink, 0.35);
            }
            for change in self.timeline.changes() {
                if change.counts[0] == 0
                    || change.side != player.side
                    || change.slot != Some(player.slot)
                {
                    continue;
                }
                let event = usize::try_from(change.event).unwrap_or(usize::MAX);
                let Some(point) = self.timeline.points().get(event) else {
                    continue;
                };
                let centre = (self.x(point.elapsed_tenths()), y + ROW_HEIGHT / 2.0);
                sheet.disc(centre, f64::from(change.counts[0]) + 1.0, ink, 1.0);
            }
        }
        bottom - top + 30.0
    }

    fn shot_chart(&self, sheet: &mut Drawing, top: f64) -> f64 {
        // A court is 50 feet wide; 47 are half its length, of which the hoop stands 5¼ from the end line.
        let height = 470.0 * SCALE;
        if self.shots.is_empty() {
            let none = "the source has no places of shots";
            sheet.text((WIDTH / 2.0, top + 20.0), Anchor::Middle, none, Ink::Text);
            return 40.0;
        }
        for side in Side::BOTH {
            let hoop = (
                WIDTH * if side == Side::Home { 0.25 } else { 0.75 },
                top + 52.5 * SCALE + 20.0,
            );
            let ink = SIDES[side.index()];
            let name = &self.teams[side.index()];
            sheet.text((hoop.0, top + 12.0), Anchor::Middle, name, ink);
            court(sheet, hoop);
            for (place, shot) in &self.shots {
                if shot.shooter.side != side {
                    continue;
                }
                let (x, y) = (
                    hoop.0 + f64::from(place.across) * SCALE,
                    hoop.1 + f64::from(place.out) * SCALE,
                );
                if y > top + 20.0 + height {
                    continue;
                }
                match shot.result {
                    ShotResult::Made { .. } => sheet.disc((x, y), 4.0, ink, 0.7),
                    ShotResult::Missed { .. } => {
                        for slope in [3.0, -3.0] {
                            let cross = vec![(x - 3.0, y - slope), (x + 3.0, y + slope)];
                            sheet.path(cross, ink, 0.7);
                        }
                    }
                }
            }
        }
        height + 40.0
    }

    /// The difference of the scores as lines of text: home above the middle, visitors below.
    #[must_use]
    pub fn flow_text(&self, columns: u16, rows: u16) -> Vec<String> {
        let (columns, half) = (columns.max(8), (rows / 2).max(2));
        let end = self.end();
        let mut margins = Vec::new();
        let points = self.timeline.points();
        for column in 1..=u32::from(columns) {
            // Up to the right end of the column; u64, since both may be large.
            let until = u64::from(end) * u64::from(column) / u64::from(columns);
            let count = points.partition_point(|point| u64::from(point.elapsed_tenths()) <= until);
            let [home, away] = points[..count].last().map_or([0; 2], |point| point.points);
            margins.push(i32::from(home) - i32::from(away));
        }
        let most = margins
            .iter()
            .map(|margin| margin.abs())
            .max()
            .unwrap_or(0)
            .max(1);
        let reach = |margin: i32| {
            // Rounded up: one point ahead is seen.
            let filled = (margin.abs() * i32::from(half) + most - 1) / most;
            if margin < 0 { -filled } else { filled }
        };
        let rows = (-i32::from(half)..=i32::from(half)).rev();
        rows.map(|level| {
            let label = match level {
                0 => "0".to_owned(),
                _ if level.abs() == i32::from(half) => format!("+{most}"),
                _ => String::new(),
            };
            let cells: String = margins
                .iter()
                .map(|margin| match (level, reach(*margin)) {
                    (0, _) => '─',
                    (level, reach) if level > 0 && reach >= level => '█',
                    (level, reach) if level < 0 && reach <= level => '▒',
                    _ => ' ',
                })
                .collect();
            format!("{label:>4} {}", cells.trim_end())
        })
        .collect()
    }

    /// Who was on court when, a line per player and a cell per minute: `█` all of it, `▒` part of it.
    #[must_use]
    pub fn players_text(&self) -> Vec<String> {
        let stints = self.timeline.stints();
        let minutes = self.end().div_ceil(600);
        let mut lines = Vec::new();
        for side in Side::BOTH {
            lines.push(self.teams[side.index()].clone());
            for (slot, name) in (0u8..).zip(&self.players[side.index()]) {
                let player = PlayerRef { side, slot };
                let own: Vec<_> = stints
                    .iter()
                    .filter(|stint| stint.player == player)
                    .collect();
                if own.is_empty() {
                    continue;
                }
                let cells: String = (0..minutes)
                    .map(|minute| {
                        let (from, until) = (minute * 600, ((minute + 1) * 600).min(self.end()));
                        let played: u32 = own
                            .iter()
                            .map(|stint| {
                                stint.until.min(until).saturating_sub(stint.from.max(from))
                            })
                            .sum();
                        match played {
                            0 => '·',
                            played if played >= until - from => '█',
                            _ => '▒',
                        }
                    })
                    .collect();
                let short: String = name.chars().take(20).collect();
                lines.push(format!("  {short:<20} {cells}"));
            }
        }
        lines
    }
}

/// A level stretch of the margin, filled to the middle.
fn step(sheet: &mut Drawing, (from, margin): (f64, i32), until: f64, middle: f64, y: f64) {
    if margin == 0 || until <= from {
        return;
    }
    let ink = SIDES[usize::from(margin < 0)];
    let size = (until - from, (y - middle).abs());
    sheet.rect((from, y.min(middle)), size, ink, 0.8);
}

/// The lines of half a court around its hoop: the sides, the lane, the hoop and the three-point line, in tenths of a foot.
fn court(sheet: &mut Drawing, (x, y): (f64, f64)) {
    /// Straight pieces of a whole circle.
    const PIECES: u32 = 96;
    let back = -52.5;
    let at = |across: f64, out: f64| (x + across * SCALE, y + out * SCALE);
    let frame = |half: f64, depth: f64| {
        vec![
            at(-half, back),
            at(half, back),
            at(half, back + depth),
            at(-half, back + depth),
            at(-half, back),
        ]
    };
    let around = |radius: f64, piece: u32| {
        let angle = f64::from(piece) / f64::from(PIECES) * std::f64::consts::TAU;
        (radius * angle.cos(), radius * angle.sin())
    };
    sheet.path(frame(250.0, 470.0), Ink::Grid, 1.0);
    sheet.path(frame(80.0, 190.0), Ink::Grid, 1.0);
    let hoop = (0..=PIECES).map(|piece| around(7.5, piece));
    sheet.path(
        hoop.map(|(across, out)| at(across, out)).collect(),
        Ink::Grid,
        1.0,
    );
    // 22 feet from the hoop beside it, and 23¾ from where the circle is that wide.
    let mut three = vec![at(220.0, back)];
    three.extend(
        (0..=PIECES / 2)
            .map(|piece| around(237.5, piece))
            .filter(|(across, _)| across.abs() <= 220.0)
            .map(|(across, out)| at(across, out)),
    );
    three.push(at(-220.0, back));
    sheet.path(three, Ink::Grid, 1.0);
}
