//! Mutates real documents and reads them: no reader may panic, and whatever is read must be countable, storable and drawable.
//!
//! ```text
//! cargo run --release -p nba-etl --example fuzz_readers -- [--target plays] --seconds 600 --seed 7 DIR_OR_FILE…
//! ```
//!
//! Targets: `plays` (play-by-play to be counted), `espn` (the native loaders), `hoopr` (season files, CSV or parquet), `flags` (sources of
//! scripts). Seeds are documents of every form, JSON, HTML, CSV or parquet (gzipped or not); for `plays` also rows of a table as JSON, one a
//! line. A generated game in each form is written by `NBA_FUZZ_SEEDS=DIR cargo nextest run -p nba-etl every_form_is_known_and_fuzzed`. Mutations are those that find most in parsers of text: single bytes, numbers
//! at their limits, pieces doubled, swapped, cut out or taken from another document. Every crash is written beside the program
//! with its seed; the exit code is 1 then. A `cargo-fuzz` layout of the same target lies in `fuzz/`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What is done with the bytes; what came of it, for the count.
type Target = fn(&[u8]) -> String;

const TARGETS: [(&str, Target); 4] = [
    ("plays", nba_etl::plays::fuzz_one),
    ("espn", nba_etl::native::fuzz_one),
    ("hoopr", nba_etl::native::hoopr::fuzz_one),
    ("flags", nba_etl::registry::fuzz_one),
];

/// Bytes of a seed: beyond this one execution takes too long to find much.
const MAX_SEED: usize = 2_000_000;

/// Texts that parsers stumble over.
const TOKENS: [&[u8]; 28] = [
    b"0",
    b"-1",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e308",
    b"0.5",
    b"null",
    b"true",
    b"\"\"",
    b"[]",
    b"{}",
    b"\"PT00M00.00S\"",
    b"\"12:00\"",
    b"\"-0:01\"",
    b"\"99:99\"",
    b"\"\\u0000\"",
    "\"Jokić\"".as_bytes(),
    b"\"(9999 PTS)\"",
    b"\"Time\"",
    b"\"SUB: A FOR A\"",
    b"&#x110000;",
    b"<td>Team misses heave shot (block by A. B)</td>",
];

fn main() -> ExitCode {
    let mut seconds = 10;
    let mut target = TARGETS[0].1;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut paths = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = |word: Option<String>| word.and_then(|word| word.parse::<u64>().ok());
        match word.as_str() {
            "--target" => {
                let name = words.next().unwrap_or_default();
                match TARGETS.iter().find(|(known, _)| *known == name) {
                    Some((_, known)) => target = *known,
                    None => {
                        eprintln!("`{name}` is no target");
                        return ExitCode::from(2);
                    }
                }
            }
            "--seconds" => seconds = number(words.next()).unwrap_or(10),
            "--seed" => state ^= number(words.next()).unwrap_or(0),
            _ => paths.push(PathBuf::from(word)),
        }
    }
    let mut seeds = Vec::new();
    for path in &paths {
        collect(path, target, &mut seeds);
    }
    if seeds.is_empty() {
        eprintln!("no seed: name files or folders with documents");
        return ExitCode::from(2);
    }
    println!("{} seeds, {seconds} s", seeds.len());
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let mut forms: BTreeMap<String, u64> = BTreeMap::new();
    let (mut executions, mut crashes) = (0u64, 0u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut bytes = seeds[below(&mut state, seeds.len())].clone();
        for _ in 0..=below(&mut state, 6) {
            mutate(&mut state, &mut bytes, &seeds);
        }
        executions += 1;
        match catch_unwind(AssertUnwindSafe(|| target(&bytes))) {
            Ok(outcome) => *forms.entry(outcome).or_default() += 1,
            Err(_) => {
                crashes += 1;
                let name = format!("crash-{crashes}.json");
                println!("crash: {name}");
                if let Err(error) = std::fs::write(&name, &bytes) {
                    eprintln!("cannot write {name}: {error}");
                }
            }
        }
    }
    for (outcome, count) in forms {
        println!("{count:>10} {outcome}");
    }
    println!("{executions} executions, {crashes} crashes");
    ExitCode::from(u8::from(crashes > 0))
}

fn collect(path: &Path, target: Target, seeds: &mut Vec<Vec<u8>>) {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        entries.sort();
        for entry in entries {
            collect(&entry, target, seeds);
        }
        return;
    }
    let Ok(bytes) = std::fs::read(path) else {
        return;
    };
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let read = flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain);
        if read.is_err() {
            return;
        }
        plain
    } else {
        bytes
    };
    // Of a file with a game a line, some lines are enough.
    const LINES: usize = 8;
    let pieces: Vec<&[u8]> = if bytes.len() > MAX_SEED {
        bytes.split(|byte| *byte == b'\n').take(LINES).collect()
    } else {
        vec![&bytes]
    };
    for piece in pieces {
        if (1..=MAX_SEED).contains(&piece.len())
            && !["no form", "refused"].contains(&target(piece).as_str())
        {
            seeds.push(piece.to_vec());
        }
    }
}

/// Xorshift: no clock, no chance.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn below(state: &mut u64, limit: usize) -> usize {
    let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
    usize::try_from(random(state) % limit).unwrap_or(0)
}

fn mutate(state: &mut u64, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    if bytes.is_empty() {
        bytes.extend_from_slice(b"{}");
    }
    let at = below(state, bytes.len());
    // What breaks the frame of a document is rare: behind it nothing is reached.
    match below(state, 24) {
        0 => bytes[at] = u8::try_from(random(state) & 0xff).unwrap_or(0),
        // The value that begins here becomes another one.
        1..=11 => {
            let from = value_start(bytes, at);
            let until = value_end(bytes, from);
            let token = TOKENS[below(state, TOKENS.len())];
            bytes.splice(from..until, token.iter().copied());
        }
        // An object of a list twice, or not at all.
        12..=17 => {
            if let Some((from, until)) = object(bytes, at) {
                let piece = bytes[from..until].to_vec();
                if random(state) & 1 == 0 {
                    let mut twice = piece;
                    if twice.first() == Some(&b'{') {
                        twice.push(b',');
                    }
                    bytes.splice(from..from, twice);
                } else if piece.first() == Some(&b'{') && random(state) & 3 == 0 {
                    bytes.splice(from..until, *b"{}");
                } else if piece.first() == Some(&b'{') {
                    let comma = usize::from(bytes.get(until) == Some(&b','));
                    bytes.drain(from..until + comma);
                } else {
                    bytes.drain(from..until);
                }
            }
        }
        // An object of another place, or of another document.
        18..=22 => {
            // Mostly of the same document: what another form has breaks the whole.
            let same = bytes.clone();
            let other = match random(state) & 3 {
                0 => &seeds[below(state, seeds.len())],
                _ => &same,
            };
            let there = below(state, other.len());
            if let (Some((from, until)), Some((a, b))) = (object(bytes, at), object(other, there)) {
                let piece = other[a..b].to_vec();
                bytes.splice(from..until, piece);
            }
        }
        _ => bytes.truncate(at),
    }
}

/// The first byte behind the next key of JSON, or behind the next colon or comma.
fn value_start(bytes: &[u8], at: usize) -> usize {
    let key = |from: &[u8]| from.windows(2).position(|two| two == b"\":");
    if matches!(bytes.first(), Some(b'{' | b'[')) {
        return key(&bytes[at..]).map_or(at, |offset| at + offset + 2);
    }
    bytes[at..]
        .iter()
        .position(|byte| matches!(byte, b':' | b','))
        .map_or(at, |offset| (at + offset + 1).min(bytes.len()))
}

fn value_end(bytes: &[u8], from: usize) -> usize {
    if matches!(bytes.first(), Some(b'{'))
        && bytes.get(from) == Some(&b'{')
        && let Some((_, until)) = object(bytes, from)
    {
        return until;
    }
    let mut quoted = false;
    for (offset, byte) in bytes[from..].iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' | b'}' | b']' if !quoted => return from + offset,
            _ => {}
        }
    }
    bytes.len()
}

/// The object around a place, as far as brackets tell; of a page the row of a table, of a table of text the line.
fn object(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => {}
        Some(b'<') => {
            let row = |from: usize| bytes[from..].windows(3).position(|tag| tag == b"<tr");
            let from = row(at)? + at;
            let until = row(from + 1).map_or(bytes.len(), |next| from + 1 + next);
            return Some((from, until));
        }
        _ => {
            let from = bytes[..at].iter().rposition(|byte| *byte == b'\n')? + 1;
            let end = bytes[from..].iter().position(|byte| *byte == b'\n');
            return Some((from, end.map_or(bytes.len(), |end| from + end + 1)));
        }
    }
    let from = bytes[..=at].iter().rposition(|byte| *byte == b'{')?;
    let mut depth = 0usize;
    for (offset, byte) in bytes[from..].iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some((from, from + offset + 1));
                }
            }
            _ => {}
        }
    }
    None
}
