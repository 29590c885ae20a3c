//! Marks on a sheet: what a chart is made of, whoever draws it.

use std::fmt::Write as _;

/// Colours are Okabe and Ito's blue and orange, which people of any colour vision tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ink {
    /// Of the home side.
    Home,
    /// Of the visitors.
    Away,
    /// Of texts and of the line at zero.
    Text,
    /// Of lines that help to read.
    Grid,
}

impl Ink {
    /// Red, green, blue.
    #[must_use]
    pub const fn rgb(self) -> [u8; 3] {
        match self {
            Ink::Home => [0x00, 0x72, 0xb2],
            Ink::Away => [0xd5, 0x5e, 0x00],
            Ink::Text => [0x22, 0x22, 0x22],
            Ink::Grid => [0xcc, 0xcc, 0xcc],
        }
    }

    fn hex(self) -> String {
        let [red, green, blue] = self.rgb();
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Where a text stands from its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// To the left of it.
    End,
    /// In the middle of it.
    Middle,
}

/// A place on the sheet in pixels: to the right and down.
pub type Spot = (f64, f64);

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A filled rectangle.
    Rect {
        /// Its upper left corner.
        corner: Spot,
        /// Width and height.
        size: Spot,
        /// Its colour.
        ink: Ink,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// A filled circle.
    Disc {
        /// Its middle.
        centre: Spot,
        /// Its radius.
        radius: f64,
        /// Its colour.
        ink: Ink,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// Straight lines from place to place, a pixel wide.
    Path {
        /// At least two places.
        places: Vec<Spot>,
        /// Its colour.
        ink: Ink,
        /// 0 is invisible, 1 hides what is below.
        opacity: f64,
    },
    /// A line of text.
    Text {
        /// The end or the middle of its base line.
        at: Spot,
        /// Which of both.
        anchor: Anchor,
        /// What it says.
        words: String,
        /// Its colour.
        ink: Ink,
    },
}

/// A whole chart as marks on white, in the order they are drawn.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Drawing {
    /// Pixels from side to side.
    pub width: f64,
    /// Pixels from top to bottom.
    pub height: f64,
    /// For those who cannot see it.
    pub title: String,
    /// What is drawn.
    pub marks: Vec<Mark>,
}

impl Drawing {
    /// An empty sheet of this width and height in pixels; the title is for those who cannot see it.
    #[must_use]
    pub fn sheet((width, height): Spot, title: impl Into<String>) -> Self {
        Self {
            width,
            height,
            title: title.into(),
            marks: Vec::new(),
        }
    }

    pub(crate) const fn new(width: f64) -> Self {
        Self {
            width,
            height: 0.0,
            title: String::new(),
            marks: Vec::new(),
        }
    }

    pub(crate) fn line(&mut self, from: Spot, to: Spot, ink: Ink) {
        self.path(vec![from, to], ink, 1.0);
    }

    pub(crate) fn path(&mut self, places: Vec<Spot>, ink: Ink, opacity: f64) {
        self.marks.push(Mark::Path {
            places,
            ink,
            opacity,
        });
    }

    pub(crate) fn rect(&mut self, corner: Spot, size: Spot, ink: Ink, opacity: f64) {
        self.marks.push(Mark::Rect {
            corner,
            size,
            ink,
            opacity,
        });
    }

    pub(crate) fn disc(&mut self, centre: Spot, radius: f64, ink: Ink, opacity: f64) {
        self.marks.push(Mark::Disc {
            centre,
            radius,
            ink,
            opacity,
        });
    }

    pub(crate) fn text(&mut self, at: Spot, anchor: Anchor, words: &str, ink: Ink) {
        self.marks.push(Mark::Text {
            at,
            anchor,
            words: words.to_owned(),
            ink,
        });
    }

    /// The drawing as SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let Self { width, height, .. } = self;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <title>{}</title>\n",
            escaped(&self.title)
        );
        for mark in &self.marks {
            // Writing into a text cannot fail.
            let _ = match mark {
                Mark::Rect {
                    corner: (x, y),
                    size: (width, height),
                    ink,
                    opacity,
                } => writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
                    ink.hex()
                ),
                Mark::Disc {
                    centre: (x, y),
                    radius,
                    ink,
                    opacity,
                } => writeln!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{}\" fill-opacity=\"{opacity}\"/>",
                    ink.hex()
                ),
                Mark::Path {
                    places,
                    ink,
                    opacity,
                } => {
                    let mut path = String::new();
                    for (place, (x, y)) in places.iter().enumerate() {
                        let _ = write!(path, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
                    }
                    writeln!(
                        svg,
                        "<path d=\"{path}\" stroke=\"{}\" fill=\"none\" stroke-opacity=\"{opacity}\"/>",
                        ink.hex()
                    )
                }
                Mark::Text {
                    at: (x, y),
                    anchor,
                    words,
                    ink,
                } => writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{}\" fill=\"{}\">{}</text>",
                    match anchor {
                        Anchor::End => "end",
                        Anchor::Middle => "middle",
                    },
                    ink.hex(),
                    escaped(words)
                ),
            };
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Text that stands in XML; what XML cannot hold at all is left out.
fn escaped(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for letter in words.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter if letter.is_control() => {}
            letter => safe.push(letter),
        }
    }
    safe
}
