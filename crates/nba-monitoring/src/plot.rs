//! The past of one name as a drawing on white paper, or as letters.

use chrono::{DateTime, TimeDelta, Utc};
use nba_boxscore::{Anchor, Drawing, Ink, Mark, Spot};
use nba_utils::format::thousands;

use crate::watch::Point;

/// The sheet in pixels.
const SHEET: Spot = (800.0, 300.0);
/// Where the values are: left, top, width, height.
const FIELD: (f64, f64, f64, f64) = (90.0, 40.0, 640.0, 190.0);
/// The strip that shows trouble, below it.
const STRIP: (f64, f64) = (240.0, 10.0);
/// Marks on each axis.
const MARKS: i32 = 4;
/// Rows of a plot of letters.
const ROWS: usize = 8;

/// What is plotted: the points of [`History::series`](crate::watch::History::series) between two times.
///
/// A stretch without a look is a hole in the line, and one with an alarm is marked below it.
///
/// ```
/// use nba_monitoring::plot::Plot;
/// let (from, to) = ("2026-01-01T00:00:00Z".parse()?, "2026-01-02T00:00:00Z".parse()?);
/// let plot = Plot { name: "db.connection", unit: "ms until the answer", points: &[], from, to, parts: 144 };
/// assert!(plot.drawing().svg().contains("nothing was measured"));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Plot<'a> {
    /// The name in the history.
    pub name: &'a str,
    /// What the values are.
    pub unit: &'a str,
    /// The points, the oldest first.
    pub points: &'a [Point],
    /// The first moment.
    pub from: DateTime<Utc>,
    /// The last moment.
    pub to: DateTime<Utc>,
    /// Stretches between the two.
    pub parts: u32,
}

impl Plot<'_> {
    /// Looks that are plotted.
    #[must_use]
    pub fn looks(&self) -> u64 {
        self.points.iter().map(|point| u64::from(point.looks)).sum()
    }

    /// Least and greatest value; nothing where nothing was measured.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        let least = self.points.iter().filter_map(|point| point.min);
        let most = self.points.iter().filter_map(|point| point.max);
        Some((least.reduce(f64::min)?, most.reduce(f64::max)?))
    }

    fn heading(&self) -> String {
        let trouble = self
            .points
            .iter()
            .filter(|point| point.level.is_alarm())
            .count();
        let values = match self.range() {
            Some((least, most)) if number(least) == number(most) => {
                format!("{} {}", number(least), self.unit)
            }
            Some((least, most)) => format!("{} to {} {}", number(least), number(most), self.unit),
            None => "nothing was measured".to_owned(),
        };
        let trouble = match trouble {
            0 => String::new(),
            some => format!(", {some} of {} stretches with trouble", self.points.len()),
        };
        format!(
            "{}: {} looks, {}{trouble}",
            self.name,
            thousands(self.looks()),
            values.trim_end()
        )
    }

    /// The drawing: [`Drawing::svg`] makes SVG of it, `nba_etl::boxscore::png` a picture.
    #[must_use]
    pub fn drawing(&self) -> Drawing {
        let mut sheet = Drawing::sheet(SHEET, self.heading());
        let (left, top, width, height) = FIELD;
        let mut text = |at: Spot, anchor: Anchor, words: String| {
            sheet.marks.push(Mark::Text {
                at,
                anchor,
                words,
                ink: Ink::Text,
            });
        };
        text((SHEET.0 / 2.0, 20.0), Anchor::Middle, self.heading());
        let label = match (self.to - self.from).num_days() {
            0..=2 => "%d %b %H:%M",
            _ => "%Y-%m-%d",
        };
        for mark in 0..=MARKS {
            let share = f64::from(mark) / f64::from(MARKS);
            let at = self.from + (self.to - self.from) * mark / MARKS;
            let place = (left + share * width, STRIP.0 + 30.0);
            text(place, Anchor::Middle, at.format(label).to_string());
        }
        let Some(range) = self.range() else {
            self.strip(&mut sheet);
            return sheet;
        };
        let (low, high) = apart(range);
        let y = |value: f64| top + (1.0 - (value - low) / (high - low)) * height;
        for mark in 0..=MARKS {
            let value = low + (high - low) * f64::from(mark) / f64::from(MARKS);
            sheet.marks.push(Mark::Path {
                places: vec![(left, y(value)), (left + width, y(value))],
                ink: Ink::Grid,
                opacity: 1.0,
            });
            sheet.marks.push(Mark::Text {
                at: (left - 6.0, y(value) + 4.0),
                anchor: Anchor::End,
                words: number(value),
                ink: Ink::Text,
            });
        }
        for run in self.runs() {
            for point in &run {
                if let (Some(min), Some(max)) = (point.min, point.max) {
                    sheet.marks.push(Mark::Rect {
                        corner: (self.x(point.at), y(max)),
                        size: (self.stretch(), (y(min) - y(max)).max(0.5)),
                        ink: Ink::Home,
                        opacity: 0.2,
                    });
                }
            }
            let places: Vec<Spot> = run
                .iter()
                .filter_map(|point| Some((self.x(point.at) + self.stretch() / 2.0, y(point.mean?))))
                .collect();
            sheet.marks.push(match places.as_slice() {
                [one] => Mark::Disc {
                    centre: *one,
                    radius: 2.0,
                    ink: Ink::Home,
                    opacity: 1.0,
                },
                _ => Mark::Path {
                    places,
                    ink: Ink::Home,
                    opacity: 1.0,
                },
            });
        }
        self.strip(&mut sheet);
        sheet
    }

    /// Points with a value that follow each other.
    fn runs(&self) -> Vec<Vec<Point>> {
        let whole = self.to - self.from;
        let longest = whole / i32::try_from(self.parts.max(1)).unwrap_or(i32::MAX) * 6;
        let mut runs: Vec<Vec<Point>> = Vec::new();
        for point in self.points.iter().filter(|point| point.mean.is_some()) {
            match runs.last_mut() {
                Some(run) if run.last().is_some_and(|last| point.at - last.at <= longest) => {
                    run.push(*point);
                }
                _ => runs.push(vec![*point]),
            }
        }
        runs
    }

    /// Where looks were taken, and where there was trouble.
    fn strip(&self, sheet: &mut Drawing) {
        for point in self.points {
            let (ink, opacity) = match point.level.is_alarm() {
                true => (Ink::Away, 1.0),
                false => (Ink::Grid, 1.0),
            };
            sheet.marks.push(Mark::Rect {
                corner: (self.x(point.at), STRIP.0),
                size: (self.stretch(), STRIP.1),
                ink,
                opacity,
            });
        }
    }

    fn share(&self, at: DateTime<Utc>) -> f64 {
        let whole = (self.to - self.from).max(TimeDelta::milliseconds(1));
        ((at - self.from).as_seconds_f64() / whole.as_seconds_f64()).clamp(0.0, 1.0)
    }

    fn x(&self, at: DateTime<Utc>) -> f64 {
        FIELD.0 + self.share(at) * FIELD.2
    }

    fn stretch(&self) -> f64 {
        FIELD.2 / f64::from(self.parts.max(1))
    }

    /// The same as lines of letters, one column per stretch; `parts` says how wide that is.
    #[must_use]
    pub fn text(&self) -> Vec<String> {
        let mut lines = vec![self.heading()];
        let columns = usize::try_from(self.parts).unwrap_or(usize::MAX);
        let mut heights: Vec<Option<f64>> = vec![None; columns];
        let mut marks = vec![' '; columns];
        for point in self.points {
            let column = (1..self.parts)
                .take_while(|column| {
                    f64::from(*column) <= self.share(point.at) * f64::from(self.parts) + 1e-6
                })
                .count();
            if let (Some(height), Some(mark)) = (heights.get_mut(column), marks.get_mut(column)) {
                *height = point.mean.or(*height);
                *mark = match point.level.is_alarm() {
                    true => '!',
                    false => '·',
                };
            }
        }
        if let Some(range) = self.range() {
            let (low, high) = apart(range);
            for row in (0..ROWS).rev() {
                let floor = share(row);
                let line: String = heights
                    .iter()
                    .map(|height| match height {
                        None => ' ',
                        Some(value) => {
                            block(((value - low) / (high - low) - floor) * share_inverse())
                        }
                    })
                    .collect();
                let label = match row {
                    0 => number(low),
                    row if row == ROWS - 1 => number(high),
                    _ => String::new(),
                };
                lines.push(format!("{label:>16} {}", line.trim_end()));
            }
        }
        let strip: String = marks.into_iter().collect();
        lines.push(format!("{:>16} {}", "", strip.trim_end()));
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M").to_string();
        lines.push(format!(
            "{:>16} {} to {} UTC",
            "",
            time(self.from),
            time(self.to)
        ));
        lines
    }
}

/// Rows as a number that can be reckoned with.
fn share_inverse() -> f64 {
    u32::try_from(ROWS).map_or(1.0, f64::from)
}

/// Where a row begins, from 0 to 1.
fn share(row: usize) -> f64 {
    u32::try_from(row).map_or(0.0, f64::from) / share_inverse()
}

/// A cell that is filled so far.
fn block(filled: f64) -> char {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if filled <= 0.0 {
        return ' ';
    }
    let steps = (0_u8..7).take_while(|step| filled * 8.0 > f64::from(step + 1));
    BLOCKS.get(steps.count()).copied().unwrap_or('█')
}

/// A range that can be drawn: a flat line stands in the middle.
fn apart((low, high): (f64, f64)) -> (f64, f64) {
    let least = (low.abs().max(high.abs()) * 0.01).max(0.5);
    if high - low >= least {
        (low, high)
    } else {
        let middle = f64::midpoint(low, high);
        (middle - least, middle + least)
    }
}

/// A value for people.
fn number(value: f64) -> String {
    let text = match value.abs() {
        1_000.0.. => return crate::checks::whole(value),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Level;

    fn start() -> DateTime<Utc> {
        "2026-01-10T00:00:00Z".parse().unwrap()
    }

    fn points(values: &[Option<f64>]) -> Vec<Point> {
        let hours = 0_i64..;
        let all = hours.zip(values);
        all.map(|(hour, value)| Point {
            at: start() + TimeDelta::hours(hour),
            level: match hour {
                3 => Level::Critical,
                _ => Level::Good,
            },
            mean: *value,
            min: value.map(|value| value - 1.0),
            max: value.map(|value| value + 1.0),
            looks: 12,
        })
        .collect()
    }

    fn plot(points: &[Point]) -> Plot<'_> {
        Plot {
            name: "db.<odd>",
            unit: "ms",
            points,
            from: start(),
            to: start() + TimeDelta::hours(12),
            parts: 12,
        }
    }

    #[test]
    fn a_line_has_a_hole_where_nobody_looked_and_trouble_is_marked() {
        let mut points = points(&[Some(10.0), Some(20.0), Some(15.0), Some(40.0)]);
        points.push(Point {
            at: start() + TimeDelta::hours(11),
            ..points[0]
        });
        let svg = plot(&points).drawing().svg();
        assert!(
            svg.contains("db.&lt;odd&gt;: 60 looks, 9 to 41 ms, 1 of 5 stretches with trouble"),
            "{svg}"
        );
        let lines = svg
            .lines()
            .filter(|line| line.contains("stroke=\"#0072b2\""));
        assert_eq!(lines.count(), 1, "one line: {svg}");
        assert_eq!(
            svg.matches("<circle").count(),
            1,
            "and one look alone: {svg}"
        );
        assert_eq!(svg.matches("fill=\"#d55e00\"").count(), 1, "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let text = plot(&points).text().join("\n");
        as_drawn(&text);
    }

    /// The greatest value is at the top row, the least at the bottom one, and the strip has its mark.
    fn as_drawn(text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + ROWS + 2, "{text}");
        assert!(
            lines[1].trim_start().starts_with("41") && lines[2].contains('█'),
            "{text}"
        );
        assert!(lines[ROWS].trim_start().starts_with('9'), "{text}");
        assert_eq!(lines[ROWS + 1].trim(), "···!       ·", "{text}");
        assert!(
            lines[ROWS + 2].contains("2026-01-10 00:00 to 2026-01-10 12:00 UTC"),
            "{text}"
        );
    }

    #[test]
    fn what_was_not_measured_is_no_line_at_zero() {
        for values in [&[][..], &[None, None, None, None]] {
            let points = points(values);
            let plot = plot(&points);
            assert_eq!(plot.range(), None);
            let svg = plot.drawing().svg();
            assert!(svg.contains("nothing was measured"), "{svg}");
            assert!(!svg.contains("#0072b2"), "{svg}");
            assert_eq!(plot.text().len(), 3);
        }
        let flat = points(&[Some(5.0), Some(5.0)]);
        assert!(!plot(&flat).drawing().svg().contains("NaN"));
    }
}
