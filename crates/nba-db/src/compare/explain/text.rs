//! What happened to a text.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::kind::{Kind, Spot, UnicodeForm};
use super::number::Number;
use super::{json, moment};

/// Longest abbreviation: teams have three letters, some five.
const LONGEST_ABBREVIATION: usize = 5;

/// How two different texts differ.
pub(super) fn classify(old: &str, new: &str) -> Kind {
    if let Some(at) = space(old, new) {
        return Kind::Space { at };
    }
    if let Some(to) = unicode(old, new) {
        return Kind::Unicode { to };
    }
    if old.to_lowercase() == new.to_lowercase() {
        return Kind::Case;
    }
    if is_recoded(old, new) || is_recoded(new, old) || has_holes(old, new) {
        return Kind::Encoding;
    }
    if without_marks(old) == *new {
        return Kind::AccentsLost;
    }
    if unescaped(old) == unescaped(new) {
        return Kind::Escaped;
    }
    if let Some(kind) = same_meaning(old, new) {
        return kind;
    }
    if !new.is_empty() && old.starts_with(new) {
        return Kind::Cut;
    }
    if !old.is_empty() && new.starts_with(old) {
        return Kind::Appended;
    }
    if !old.is_empty() && new.ends_with(old) {
        return Kind::Prepended;
    }
    if is_abbreviation(old, new) {
        return Kind::Abbreviated;
    }
    Kind::Replaced
}

/// Numbers, booleans, times and documents that are kept as text.
fn same_meaning(old: &str, new: &str) -> Option<Kind> {
    if let (Some(before), Some(after)) = (Number::parse(old), Number::parse(new)) {
        if old.strip_suffix(".0") == Some(new) || new.strip_suffix(".0") == Some(old) {
            return Some(Kind::PointZero);
        }
        let bare = |text: &str| {
            text.strip_suffix(".0")
                .unwrap_or(text)
                .trim_start_matches('0')
                .to_owned()
        };
        if bare(old) == bare(new) {
            return Some(Kind::LeadingZeros);
        }
        if let Kind::SameNumber = super::number::classify(old, new, false) {
            return Some(Kind::SameNumber);
        }
        // Two other numbers: identifiers as often as not, so their distance says nothing.
        let _ = (before, after);
        return None;
    }
    if let (Some(before), Some(after)) = (boolean(old), boolean(new)) {
        return Some(if before == after {
            Kind::SameBoolean
        } else {
            Kind::Boolean { to: after }
        });
    }
    if let Some(kind) = moment::classify(old, new) {
        return Some(kind);
    }
    json::same_document(old, new).then_some(Kind::JsonForm)
}

/// A boolean as programs write it.
pub(super) fn boolean(text: &str) -> Option<bool> {
    const TRUE: [&str; 6] = ["t", "true", "1", "1.0", "yes", "y"];
    const FALSE: [&str; 6] = ["f", "false", "0", "0.0", "no", "n"];
    let lower = text.to_ascii_lowercase();
    if TRUE.contains(&lower.as_str()) {
        Some(true)
    } else {
        FALSE.contains(&lower.as_str()).then_some(false)
    }
}

fn space(old: &str, new: &str) -> Option<Spot> {
    if old.trim_end() == new.trim_end() {
        return Some(Spot::Trailing);
    }
    if old.trim_start() == new.trim_start() {
        return Some(Spot::Leading);
    }
    if old.trim() == new.trim() {
        return Some(Spot::Around);
    }
    let solid = |text: &str| -> String { text.split_whitespace().collect() };
    (solid(old) == solid(new)).then_some(Spot::Inside)
}

fn unicode(old: &str, new: &str) -> Option<UnicodeForm> {
    if old.is_ascii() && new.is_ascii() {
        return None;
    }
    if old.nfc().eq(new.nfc()) {
        return Some(if new.nfc().eq(new.chars()) {
            UnicodeForm::Composed
        } else if new.nfd().eq(new.chars()) {
            UnicodeForm::Decomposed
        } else {
            UnicodeForm::Mixed
        });
    }
    old.nfkc().eq(new.nfkc()).then_some(UnicodeForm::Compatible)
}

fn without_marks(text: &str) -> String {
    text.nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .collect()
}

/// Whether `damaged` is the UTF-8 of `text` taken for Windows-1252 or Latin-1.
fn is_recoded(text: &str, damaged: &str) -> bool {
    /// Where Windows-1252 is not Latin-1: 0x80 to 0x9F.
    const WINDOWS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    if text.is_ascii() {
        return false;
    }
    let windows = text.bytes().map(|byte| {
        byte.checked_sub(0x80)
            .and_then(|at| WINDOWS.get(usize::from(at)).copied())
            .unwrap_or(char::from(byte))
    });
    damaged.chars().eq(text.bytes().map(char::from)) || damaged.chars().eq(windows)
}

/// Whether letters beyond ASCII were replaced by `?` or the replacement character, and nothing else.
fn has_holes(old: &str, new: &str) -> bool {
    let mut holes = 0_usize;
    let mut left = old.chars();
    let mut right = new.chars();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return holes > 0,
            (Some(before), Some(after)) if before == after => {}
            (Some(before), Some('?' | '\u{fffd}')) if !before.is_ascii() => holes += 1,
            _ => return false,
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}

/// Whether `new` is in capitals and its letters stand in `old` in this order, the first one first.
fn is_abbreviation(old: &str, new: &str) -> bool {
    let letters = new.chars().count();
    let capitals = new.chars().all(|letter| letter.is_ascii_uppercase());
    if !capitals || !(2..=LONGEST_ABBREVIATION).contains(&letters) || old.chars().count() <= letters
    {
        return false;
    }
    let mut rest = old.chars().map(|letter| letter.to_ascii_uppercase());
    let mut first = true;
    new.chars().all(|wanted| {
        if std::mem::take(&mut first) {
            rest.next() == Some(wanted)
        } else {
            rest.any(|letter| letter == wanted)
        }
    })
}
