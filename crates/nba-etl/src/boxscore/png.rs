//! A chart as PNG: its marks as pixels, with letters of eight by eight dots, so that no font has to be installed.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts as _};
use nba_boxscore::{Anchor, Drawing, Ink, Mark, Spot};

/// Pixels of the picture for one of the drawing: fit for screens of today.
const SCALE: f64 = 2.0;

/// Pixels of the picture for one dot of a letter; letters are eight dots wide and high.
const DOT: u32 = 2;
const LETTER: u32 = 8;

/// Pixels from side to side and from top to bottom at most: a chart of the longest rosters has 2,000 by 3,000.
const LIMIT: u32 = 8_192;

/// Parts of full cover that are told apart.
const FULL: u32 = 256;

/// The drawing as a PNG picture of twice its size.
///
/// # Errors
///
/// When the drawing is larger than any chart (never that of a game), or compressing fails.
pub fn png(drawing: &Drawing) -> io::Result<Vec<u8>> {
    let size = |pixels: f64| {
        let pixels = below(pixels * SCALE, LIMIT);
        if pixels >= LIMIT {
            return Err(io::Error::other("the drawing is too large for a picture"));
        }
        Ok(pixels.max(1))
    };
    let mut canvas = Canvas::new(size(drawing.width)?, size(drawing.height)?);
    for mark in &drawing.marks {
        canvas.mark(mark);
    }
    canvas.encode(&drawing.title)
}

/// The largest whole number up to this one, and up to a limit: there is no other way from real to whole numbers that cannot go wrong.
fn below(value: f64, limit: u32) -> u32 {
    let (mut low, mut high) = (0, limit);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if f64::from(middle) <= value {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// Pixels of three bytes, row by row, white in the beginning.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<[u8; 3]>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        let count = usize::try_from(u64::from(width) * u64::from(height)).unwrap_or(0);
        Self {
            width,
            height,
            pixels: vec![[0xff; 3]; count],
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let scaled = |(x, y): Spot| (x * SCALE, y * SCALE);
        match mark {
            Mark::Rect {
                corner,
                size,
                ink,
                opacity,
            } => {
                let (from, size) = (scaled(*corner), scaled(*size));
                let until = (from.0 + size.0, from.1 + size.1);
                self.fill(from, until, *ink, *opacity, |(x, y)| {
                    let inside = |at: f64, from: f64, until: f64| {
                        ((at + 0.5).min(until) - (at - 0.5).max(from)).clamp(0.0, 1.0)
                    };
                    inside(x, from.0, until.0) * inside(y, from.1, until.1)
                });
            }
            Mark::Disc {
                centre,
                radius,
                ink,
                opacity,
            } => {
                let (centre, radius) = (scaled(*centre), radius * SCALE);
                let from = (centre.0 - radius, centre.1 - radius);
                let until = (centre.0 + radius, centre.1 + radius);
                self.fill(from, until, *ink, *opacity, |at| {
                    (radius - distance(at, centre) + 0.5).clamp(0.0, 1.0)
                });
            }
            Mark::Path {
                places,
                ink,
                opacity,
            } => {
                for ends in places.windows(2) {
                    let (a, b) = (scaled(ends[0]), scaled(ends[1]));
                    let half = SCALE / 2.0;
                    let from = (a.0.min(b.0) - half, a.1.min(b.1) - half);
                    let until = (a.0.max(b.0) + half, a.1.max(b.1) + half);
                    self.fill(from, until, *ink, *opacity, |at| {
                        (half - distance(at, nearest(at, a, b)) + 0.5).clamp(0.0, 1.0)
                    });
                }
            }
            Mark::Text {
                at,
                anchor,
                words,
                ink,
            } => self.text(scaled(*at), *anchor, words, *ink),
        }
    }

    /// Paints the pixels of a box as far as they are covered.
    fn fill(
        &mut self,
        from: Spot,
        until: Spot,
        ink: Ink,
        opacity: f64,
        cover: impl Fn(Spot) -> f64,
    ) {
        let columns = below(from.0 - 1.0, self.width)..below(until.0 + 2.0, self.width);
        let rows = below(from.1 - 1.0, self.height)..below(until.1 + 2.0, self.height);
        for row in rows {
            for column in columns.clone() {
                let at = (f64::from(column) + 0.5, f64::from(row) + 0.5);
                let share = cover(at) * opacity * f64::from(FULL);
                self.paint(column, row, ink, below(share, FULL));
            }
        }
    }

    /// Mixes a colour in; `share` is of [`FULL`].
    fn paint(&mut self, column: u32, row: u32, ink: Ink, share: u32) {
        let place = u64::from(row) * u64::from(self.width) + u64::from(column);
        let Some(pixel) = usize::try_from(place)
            .ok()
            .and_then(|place| self.pixels.get_mut(place))
            .filter(|_| column < self.width && share > 0)
        else {
            return;
        };
        for (part, wanted) in pixel.iter_mut().zip(ink.rgb()) {
            let mixed = (u32::from(*part) * (FULL - share) + u32::from(wanted) * share) / FULL;
            *part = u8::try_from(mixed).unwrap_or(u8::MAX);
        }
    }

    fn text(&mut self, (x, base): Spot, anchor: Anchor, words: &str, ink: Ink) {
        // A name that is longer than the room before it loses its end.
        let room = match anchor {
            Anchor::End => usize::try_from(below(x, self.width) / (LETTER * DOT)).unwrap_or(0),
            Anchor::Middle => usize::MAX,
        };
        let letters: Vec<[u8; 8]> = words.chars().take(room).map(dots).collect();
        let count = u32::try_from(letters.len()).unwrap_or(u32::MAX);
        let wide = f64::from(count.saturating_mul(LETTER * DOT));
        let left = match anchor {
            Anchor::End => x - wide,
            Anchor::Middle => x - wide / 2.0,
        };
        let left = below(left, self.width);
        let top = below(base - f64::from(7 * DOT), self.height);
        for (number, letter) in (0u32..).zip(letters) {
            for (line, bits) in (0u32..).zip(letter) {
                for dot in (0..LETTER).filter(|dot| bits >> dot & 1 == 1) {
                    let column = left.saturating_add((number * LETTER + dot) * DOT);
                    for (right, down) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                        self.paint(column + right, top + line * DOT + down, ink, FULL);
                    }
                }
            }
        }
    }

    fn encode(&self, title: &str) -> io::Result<Vec<u8>> {
        let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut header = Vec::with_capacity(13);
        header.extend(self.width.to_be_bytes());
        header.extend(self.height.to_be_bytes());
        // Eight bits a part, red, green and blue, nothing interlaced.
        header.extend([8, 2, 0, 0, 0]);
        chunk(&mut picture, *b"IHDR", &header)?;
        // International text: keyword, uncompressed, no language, no translated keyword.
        let mut text = b"Title\0\0\0\0\0".to_vec();
        text.extend(title.replace('\0', "").as_bytes());
        chunk(&mut picture, *b"iTXt", &text)?;
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        let width = usize::try_from(self.width).unwrap_or(usize::MAX);
        for row in self.pixels.chunks(width) {
            // No filter.
            packed.write_all(&[0])?;
            packed.write_all(row.as_flattened())?;
        }
        chunk(&mut picture, *b"IDAT", &packed.finish()?)?;
        chunk(&mut picture, *b"IEND", &[])?;
        Ok(picture)
    }
}

fn chunk(picture: &mut Vec<u8>, name: [u8; 4], content: &[u8]) -> io::Result<()> {
    let length = u32::try_from(content.len())
        .map_err(|_| io::Error::other("the picture is too large for a chunk"))?;
    let mut sum = flate2::Crc::new();
    sum.update(&name);
    sum.update(content);
    picture.extend(length.to_be_bytes());
    picture.extend(name);
    picture.extend(content);
    picture.extend(sum.sum().to_be_bytes());
    Ok(())
}

fn distance(a: Spot, b: Spot) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The place of a straight line that is nearest to another place.
fn nearest(at: Spot, a: Spot, b: Spot) -> Spot {
    let along = (b.0 - a.0, b.1 - a.1);
    let length = along.0 * along.0 + along.1 * along.1;
    if length <= 0.0 {
        return a;
    }
    let share = ((at.0 - a.0) * along.0 + (at.1 - a.1) * along.1) / length;
    let share = share.clamp(0.0, 1.0);
    (a.0 + along.0 * share, a.1 + along.1 * share)
}

/// The dots of a letter; one that the font lacks is drawn without its accent, or as a question mark.
fn dots(letter: char) -> [u8; 8] {
    let known = |letter: char| BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter));
    let plain = match letter {
        'ć' | 'č' | 'ĉ' => 'c',
        'Ć' | 'Č' => 'C',
        'đ' | 'ď' => 'd',
        'Đ' | 'Ď' => 'D',
        'ě' | 'ē' | 'ė' | 'ę' => 'e',
        'ğ' | 'ģ' => 'g',
        'ī' | 'į' | 'ı' => 'i',
        'İ' => 'I',
        'ķ' => 'k',
        'ł' | 'ļ' => 'l',
        'Ł' => 'L',
        'ń' | 'ņ' | 'ň' => 'n',
        'ō' | 'ő' => 'o',
        'ř' => 'r',
        'š' | 'ş' | 'ś' | 'ș' => 's',
        'Š' | 'Ş' | 'Ś' => 'S',
        'ţ' | 'ť' | 'ț' => 't',
        'ū' | 'ů' | 'ű' | 'ų' => 'u',
        'ź' | 'ż' | 'ž' => 'z',
        'Ź' | 'Ż' | 'Ž' => 'Z',
        'ā' | 'ă' | 'ą' => 'a',
        other => other,
    };
    known(letter)
        .or_else(|| known(plain))
        .or_else(|| known('?'))
        .unwrap_or([0; 8])
}

#[cfg(test)]
mod tests {
    use super::{below, dots, png};
    use nba_boxscore::{Chart, Panel, Timeline};
    use std::io::Read as _;

    #[test]
    fn whole_numbers_below() {
        for (value, whole) in [
            (-3.0, 0),
            (0.0, 0),
            (0.99, 0),
            (7.0, 7),
            (1e9, 10),
            (f64::NAN, 0),
        ] {
            assert_eq!(below(value, 10), whole, "{value}");
        }
    }

    #[test]
    fn letters_without_a_picture_of_their_own() {
        assert_eq!(dots('ć'), dots('c'));
        assert_eq!(dots('語'), dots('?'));
        assert_ne!(dots('ö'), dots('?'));
    }

    /// Chunks with their contents; their sums are right.
    fn chunks(picture: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut rest = picture.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap());
            let end = 8 + usize::try_from(length).unwrap();
            let mut sum = flate2::Crc::new();
            sum.update(&rest[4..end]);
            assert_eq!(rest[end..end + 4], sum.sum().to_be_bytes());
            let name = String::from_utf8(rest[4..8].to_vec()).unwrap();
            found.push((name, rest[8..end].to_vec()));
            rest = &rest[end + 4..];
        }
        found
    }

    #[test]
    fn a_chart_is_a_picture_of_twice_its_size() {
        let timeline = Timeline::empty([0, 0]);
        let chart = Chart {
            title: "A game".to_owned(),
            teams: ["Home".to_owned(), "Away".to_owned()],
            players: [Vec::new(), Vec::new()],
            timeline: &timeline,
            shots: Vec::new(),
        };
        let drawing = chart.drawing(&Panel::ALL);
        let chunks = chunks(&png(&drawing).unwrap());
        let names: Vec<&str> = chunks.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["IHDR", "iTXt", "IDAT", "IEND"]);
        let height = below(drawing.height * 2.0, 9_000);
        assert_eq!(chunks[0].1[..4], 2_000u32.to_be_bytes());
        assert_eq!(chunks[0].1[4..8], height.to_be_bytes());
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(chunks[2].1.as_slice())
            .read_to_end(&mut rows)
            .unwrap();
        let length = usize::try_from(height).unwrap() * 6_001;
        assert_eq!(rows.len(), length);
        // The line at zero and the letters are there, on white.
        assert!(rows.chunks(6_001).all(|row| row[0] == 0));
        let ink = rows.windows(3).filter(|part| **part == [0x22; 3]).count();
        assert!(
            ink > 1_000 && rows.windows(3).any(|part| *part == [0xff; 3]),
            "{ink}"
        );
    }
}
