//! Charts as SVG, made on the server: no script, and readable by a screen reader through their title.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::html::{Text, figure};
use crate::watch::{Level, Point};

/// What a chart shows, and over which time.
pub(super) struct Chart<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    pub(super) points: &'a [Point],
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    /// Parts the time is divided into.
    pub(super) parts: u32,
}

/// Where things are, in the units of the drawing.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn x(&self, share: f64) -> f64 {
        self.left + share.clamp(0.0, 1.0) * self.width
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.top + (1.0 - share) * self.height
    }
}

impl Chart<'_> {
    fn share(&self, at: DateTime<Utc>) -> f64 {
        let whole = (self.to - self.from).as_seconds_f64().max(1.0);
        (at - self.from).as_seconds_f64() / whole
    }

    /// Least and greatest value, apart from each other.
    fn range(&self) -> Option<(f64, f64)> {
        let least = self
            .points
            .iter()
            .filter_map(|point| point.min)
            .reduce(f64::min)?;
        let most = self
            .points
            .iter()
            .filter_map(|point| point.max)
            .reduce(f64::max)?;
        Some((least, most))
    }

    /// The same in words.
    fn description(&self) -> String {
        let looks: u32 = self.points.iter().map(|point| point.looks).sum();
        let bad = self
            .points
            .iter()
            .filter(|point| point.level.is_alarm())
            .count();
        let mut text = format!("{}: {looks} looks", self.name);
        if let Some((least, most)) = self.range() {
            let _ = write!(
                text,
                ", {} to {} {}",
                figure(least, self.unit),
                figure(most, self.unit),
                self.unit
            );
        }
        if bad > 0 {
            let _ = write!(
                text,
                ", {bad} of {} stretches with trouble",
                self.points.len()
            );
        }
        text
    }

    /// A strip with one piece per stretch, coloured by the worst that was seen in it.
    fn strip(&self, svg: &mut String, frame: &Frame, y: f64, height: f64) {
        // Stretches of one colour are one piece: less to draw, and no seams.
        let width = 1.0 / f64::from(self.parts.max(1));
        let mut pieces: Vec<(Level, f64, f64)> = Vec::new();
        for point in self.points {
            let (from, to) = (self.share(point.at), self.share(point.at) + width);
            match pieces.last_mut() {
                Some((level, _, end)) if *level == point.level && from <= *end + width * 0.5 => {
                    *end = to;
                }
                _ => pieces.push((point.level, from, to)),
            }
        }
        for (level, from, to) in pieces {
            let (x, end) = (frame.x(from), frame.x(to));
            let _ = write!(
                svg,
                "<rect class=\"s {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height}\"/>",
                level.as_str(),
                (end - x).max(1.5)
            );
        }
    }

    /// Line and band; a stretch without a look interrupts them.
    fn line(&self, svg: &mut String, frame: &Frame, band: bool) {
        let width = 1.0 / f64::from(self.parts.max(1));
        let mut runs: Vec<Vec<(f64, f64, f64, f64)>> = Vec::new();
        let mut last = f64::NEG_INFINITY;
        for point in self.points {
            let (Some(mean), Some(min), Some(max)) = (point.mean, point.min, point.max) else {
                continue;
            };
            let share = self.share(point.at) + width / 2.0;
            if share - last > width * 6.0 || runs.is_empty() {
                runs.push(Vec::new());
            }
            last = share;
            if let Some(run) = runs.last_mut() {
                run.push((frame.x(share), frame.y(mean), frame.y(min), frame.y(max)));
            }
        }
        for run in runs {
            if let [(x, y, ..)] = run.as_slice() {
                let _ = write!(
                    svg,
                    "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>"
                );
                continue;
            }
            if band {
                let upper = run.iter().map(|(x, _, _, max)| format!("{x:.1},{max:.1}"));
                let lower = run
                    .iter()
                    .rev()
                    .map(|(x, _, min, _)| format!("{x:.1},{min:.1}"));
                let outline: Vec<String> = upper.chain(lower).collect();
                let _ = write!(
                    svg,
                    "<polygon class=\"band\" points=\"{}\"/>",
                    outline.join(" ")
                );
            }
            let line: Vec<String> = run
                .iter()
                .map(|(x, y, ..)| format!("{x:.1},{y:.1}"))
                .collect();
            let _ = write!(
                svg,
                "<polyline class=\"line\" points=\"{}\"/>",
                line.join(" ")
            );
        }
    }

    /// A small one, for lists.
    pub(super) fn spark(&self) -> String {
        let mut svg = format!(
            "<svg class=\"spark\" viewBox=\"0 0 200 44\" preserveAspectRatio=\"none\" role=\"img\"><title>{}</title>",
            Text(self.description())
        );
        let (low, high) = apart(self.range().unwrap_or((0.0, 1.0)));
        let frame = Frame {
            left: 0.0,
            top: 3.0,
            width: 200.0,
            height: 28.0,
            low,
            high,
        };
        self.line(&mut svg, &frame, false);
        self.strip(&mut svg, &frame, 37.0, 5.0);
        svg.push_str("</svg>");
        svg
    }

    /// A large one, with axes.
    pub(super) fn large(&self) -> String {
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 800 280\" role=\"img\"><title>{}</title>",
            Text(self.description())
        );
        let range = self.range();
        let (low, high) = apart(range.unwrap_or((0.0, 1.0)));
        let frame = Frame {
            left: 74.0,
            top: 14.0,
            width: 712.0,
            height: 200.0,
            low,
            high,
        };
        if range.is_some() {
            for step in 0..=4 {
                let value = low + (high - low) * f64::from(step) / 4.0;
                let y = frame.y(value);
                let _ = write!(
                    svg,
                    "<line class=\"grid\" x1=\"74\" x2=\"786\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"66\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    y + 4.0,
                    Text(figure(value, self.unit))
                );
            }
            self.line(&mut svg, &frame, true);
        } else {
            svg.push_str("<text x=\"430\" y=\"118\" text-anchor=\"middle\">this check has no figure; the strip below shows how it stood</text>");
        }
        self.strip(&mut svg, &frame, 226.0, 14.0);
        let days = (self.to - self.from).num_days();
        for step in 0..=6 {
            let share = f64::from(step) / 6.0;
            let at = self.from + (self.to - self.from) * step / 6;
            let label = match days {
                0 | 1 => at.format("%H:%M"),
                _ => at.format("%d %b"),
            };
            let anchor = match step {
                0 => "start",
                6 => "end",
                _ => "middle",
            };
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"264\" text-anchor=\"{anchor}\">{label}</text>",
                frame.x(share)
            );
        }
        svg.push_str("</svg>");
        svg
    }
}

/// A range that can be drawn: a flat line stands in the middle.
fn apart((low, high): (f64, f64)) -> (f64, f64) {
    let least = (low.abs().max(high.abs()) * 0.01).max(0.5);
    if high - low >= least {
        let margin = (high - low) * 0.06;
        let floor = if low >= 0.0 {
            (low - margin).max(0.0)
        } else {
            low - margin
        };
        (floor, high + margin)
    } else {
        let middle = f64::midpoint(low, high);
        (middle - least, middle + least)
    }
}
