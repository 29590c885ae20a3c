//! Small parsers for what stands in rows.

use crate::event::period_tenths;
use crate::log::{Ball, LogError};

/// A clock as tenths of a second left; the common `M:SS` and `PT11M38.00S` without detour.
pub(crate) fn clock(row: u32, text: &str) -> Result<u16, LogError> {
    common_clock(text.as_bytes())
        .or_else(|| {
            let clock = text.trim().parse::<nba_utils::Clock>().ok()?;
            u16::try_from(clock.tenths()).ok()
        })
        .ok_or_else(|| LogError::Clock {
            row,
            text: text.to_owned(),
        })
}

fn common_clock(text: &[u8]) -> Option<u16> {
    let (minutes, seconds, tenths) = match text {
        [
            b'P',
            b'T',
            minutes @ ..,
            b'M',
            tens,
            ones,
            b'.',
            tenths,
            b'0'..=b'9',
            b'S',
        ] => (minutes, [tens, ones], tenths),
        [minutes @ .., b':', tens, ones] => (minutes, [tens, ones], &b'0'),
        _ => return None,
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let minutes = match minutes {
        [ones] => digit(ones)?,
        [tens, ones] => digit(tens)? * 10 + digit(ones)?,
        _ => return None,
    };
    let [tens, ones] = seconds;
    let seconds = digit(tens).filter(|tens| *tens < 6)? * 10 + digit(ones)?;
    Some((minutes * 60 + seconds) * 10 + digit(tenths)?)
}

/// A period, counted from 1.
pub(crate) fn period(row: u32, period: i64) -> Result<u8, LogError> {
    u8::try_from(period)
        .ok()
        .filter(|period| *period > 0)
        .ok_or(LogError::Period { row, period })
}

/// A clock that its period can show; a longer one (a college half) is an error of the source.
pub(crate) fn clock_in(row: u32, period: u8, text: &str) -> Result<u16, LogError> {
    let tenths = clock(row, text)?;
    if tenths > period_tenths(period) {
        return Err(LogError::Clock {
            row,
            text: text.to_owned(),
        });
    }
    Ok(tenths)
}

/// What stands in round brackets, from left to right.
pub(crate) fn brackets(text: &str) -> impl Iterator<Item = &str> {
    text.split('(')
        .skip(1)
        .filter_map(|part| part.split(')').next())
}

/// A name as it is compared: lower case, accents and apostrophes gone. Feeds write `Matković` in one column and `Matkovic` in another.
pub(crate) fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for letter in name.trim().chars().flat_map(char::to_lowercase) {
        match letter {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'æ' => folded.push_str("ae"),
            'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => folded.push('c'),
            'ď' | 'đ' | 'ð' => folded.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => folded.push('e'),
            'ģ' | 'ğ' | 'ĝ' | 'ġ' => folded.push('g'),
            'ì'..='ï' | 'ī' | 'į' | 'ı' => folded.push('i'),
            'ķ' => folded.push('k'),
            'ĺ' | 'ļ' | 'ľ' | 'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => folded.push('o'),
            'œ' => folded.push_str("oe"),
            'ŕ' | 'ŗ' | 'ř' => folded.push('r'),
            'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => folded.push('s'),
            'ß' => folded.push_str("ss"),
            'ţ' | 'ť' | 'ț' => folded.push('t'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            // A combining mark (decomposed accents, the dot of `İ`), and apostrophes of any kind.
            '\u{300}'..='\u{36f}' | '\'' | '\u{2019}' | '`' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// A small number.
pub(crate) fn count(text: &str) -> Option<u16> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    digits.iter().try_fold(0u16, |value, digit| match digit {
        b'0'..=b'9' => Some(value * 10 + u16::from(digit - b'0')),
        _ => None,
    })
}

/// A free throw by its place in a text such as `free throw flagrant 1 of 2`.
pub(crate) fn free_throw(text: &str) -> Option<Ball> {
    let mut words = text.split_ascii_whitespace();
    let mut before = "";
    let (number, of) = loop {
        let word = words.next()?;
        if word == "of"
            && let Ok(number) = before.parse()
        {
            let of = words
                .next()?
                .trim_end_matches(|letter: char| !letter.is_ascii_digit());
            break (number, of.parse().ok()?);
        }
        before = word;
    };
    let lower = text.to_ascii_lowercase();
    let keeps = lower.contains("flagrant") || lower.contains("clear path");
    Some(Ball::FreeThrow { number, of, keeps })
}

/// The running figures in the texts of the NBA's own feeds: `(24 PTS)`, `(Stephenson 1 AST)`, `(Off:1 Def:2)`, `(P1.T3)`; data.nba.com writes
/// `(2 ST)`, `(1 TO)` and `(1 PF)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) points: Option<u16>,
    pub(crate) assists: Option<u16>,
    pub(crate) blocks: Option<u16>,
    pub(crate) steals: Option<u16>,
    pub(crate) rebounds: Option<(u16, u16)>,
    /// The player's count in `P1.T3`: turnovers or fouls, as the row is.
    pub(crate) personal: Option<u16>,
}

impl Figures {
    pub(crate) fn read(&mut self, text: &str) {
        for inside in brackets(text) {
            let mut words = inside.rsplitn(3, ' ');
            let last = words.next().unwrap_or_default();
            let before = words.next().and_then(count);
            match last {
                "PTS" => self.points = before.or(self.points),
                "AST" => self.assists = before.or(self.assists),
                "BLK" => self.blocks = before.or(self.blocks),
                "STL" | "ST" => self.steals = before.or(self.steals),
                "TO" | "PF" => self.personal = before.or(self.personal),
                _ => {
                    if let Some(rest) = inside.strip_prefix("Off:") {
                        if let Some((offensive, defensive)) = rest.split_once(" Def:") {
                            self.rebounds = count(offensive).zip(count(defensive));
                        }
                    } else if let Some(rest) = inside.strip_prefix('P') {
                        let own = rest.split('.').next().unwrap_or(rest);
                        self.personal = count(own).or(self.personal);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{clock, common_clock, fold, free_throw};
    use crate::log::Ball;

    #[test]
    fn places_of_free_throws() {
        let place = |number, of, keeps| Some(Ball::FreeThrow { number, of, keeps });
        for (text, expected) in [
            ("A. Ho makes free throw 1 of 2", place(1, 2, false)),
            (
                "C. Holmgren misses flagrant free throw 2 of 2",
                place(2, 2, true),
            ),
            ("Free Throw - Clear Path 1 of 2", place(1, 2, true)),
            ("A. Ho makes technical free throw", None),
            ("Man of Steel makes free throw", None),
            ("free throw 1 of", None),
        ] {
            assert_eq!(free_throw(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_compared_without_accents() {
        for (written, plain) in [
            ("Matković", "matkovic"),
            ("Šarić", "saric"),
            ("Şengün", "sengun"),
            ("De\u{2019}Aaron Fox", "deaaron fox"),
            ("Geiselsöder", "geiselsoder"),
            ("Jokic\u{301}", "jokic"),
            (" Jackson Jr. ", "jackson jr."),
        ] {
            assert_eq!(fold(written), plain);
        }
    }

    /// The short way must never say anything else than the long one.
    #[track_caller]
    fn check(text: &str) {
        let long = text.trim().parse::<nba_utils::Clock>().ok();
        let long = long.and_then(|clock| u16::try_from(clock.tenths()).ok());
        assert_eq!(clock(0, text).ok(), long, "{text}");
        if let Some(short) = common_clock(text.as_bytes()) {
            assert_eq!(Some(short), long, "{text}");
        }
    }

    #[test]
    fn common_clocks_read_as_all_others() {
        for minutes in 0..100 {
            for seconds in 0..62 {
                check(&format!("{minutes}:{seconds:02}"));
                check(&format!("{minutes:02}:{seconds:02}"));
                check(&format!(
                    "PT{minutes:02}M{seconds:02}.{:02}S",
                    minutes * 7 % 100
                ));
                check(&format!("PT{minutes}M{seconds:02}.90S"));
            }
        }
        assert_eq!(common_clock(b"PT11M38.79S"), Some(6_987));
        for odd in [
            "",
            ":",
            "PT",
            "PTM",
            "PTM00.00S",
            "PT-1M00.00S",
            "PT1xM00.00S",
            "PT01M60.00S",
            "PT01M0x.00S",
            "PT01M00.x0S",
            "PT01M00.0xS",
            "PT001M00.00S",
            " PT01M00.00S",
            "PT01M00S",
            "PT01M00.0S",
            "PT01M00.000S",
            "12:0",
            "12:60",
            "112:00",
            "+1:00",
            "PT12:00",
        ] {
            check(odd);
        }
    }
}
