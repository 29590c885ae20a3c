//! PostgreSQL's binary values as exact JSON text.
//!
//! The numbers of the wire format come from the server's `*send` functions; the text forms match
//! what its own `to_json` writes, which the integration tests compare value by value.

use std::fmt::Write as _;

use tokio_postgres::types::{Kind, Type};

pub(crate) type Error = Box<dyn std::error::Error + Sync + Send>;
type Result<T = ()> = std::result::Result<T, Error>;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;

/// Writes one value.
pub(crate) fn write(kind: &Type, raw: &[u8], out: &mut String) -> Result {
    match kind.kind() {
        Kind::Array(element) => return array(element, raw, out),
        Kind::Domain(base) => return write(base, raw, out),
        Kind::Enum(_) => return string(std::str::from_utf8(raw)?, out),
        Kind::Composite(fields) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
            return composite(Some(&names), raw, out);
        }
        Kind::Range(element) => {
            let mut text = String::new();
            range(element, raw, &mut text)?;
            return string(&text, out);
        }
        Kind::Multirange(range_type) => return multirange(range_type, raw, out),
        _ => {}
    }
    let mut cursor = Cursor(raw);
    match *kind {
        Type::BOOL => out.push_str(if cursor.u8()? == 0 { "false" } else { "true" }),
        Type::INT2 => write!(out, "{}", cursor.i16()?)?,
        Type::INT4 => write!(out, "{}", cursor.i32()?)?,
        Type::INT8 => write!(out, "{}", cursor.i64()?)?,
        Type::FLOAT4 => float(
            f64::from(cursor.f32()?),
            |out, _| {
                let value = f32::from_be_bytes(raw.try_into()?);
                out.push_str(&serde_json::to_string(&value)?);
                Ok(())
            },
            out,
        )?,
        Type::FLOAT8 => float(
            cursor.f64()?,
            |out, value| {
                out.push_str(&serde_json::to_string(&value)?);
                Ok(())
            },
            out,
        )?,
        Type::NUMERIC => {
            let mut text = String::new();
            let finite = numeric(raw, &mut text)?;
            if finite {
                out.push_str(&text);
            } else {
                string(&text, out)?;
            }
        }
        Type::JSON => out.push_str(std::str::from_utf8(raw)?.trim()),
        Type::JSONB => {
            // One version byte, then the text.
            match cursor.u8()? {
                1 => out.push_str(std::str::from_utf8(cursor.0)?),
                version => return Err(format!("unknown jsonb version {version}").into()),
            }
        }
        Type::RECORD => composite(None, raw, out)?,
        Type::VOID => out.push_str("null"),
        _ => {
            let mut text = String::new();
            plain(kind, raw, &mut text)?;
            string(&text, out)?;
        }
    }
    Ok(())
}

/// The types whose JSON is a string, without the quotes; also the bounds of ranges.
fn plain(kind: &Type, raw: &[u8], out: &mut String) -> Result {
    let mut cursor = Cursor(raw);
    match *kind {
        Type::INT2 | Type::INT4 | Type::INT8 => write(kind, raw, out)?,
        Type::NUMERIC => {
            numeric(raw, out)?;
        }
        Type::OID | Type::XID | Type::CID => write!(out, "{}", cursor.u32()?)?,
        Type::XID8 => write!(out, "{}", cursor.u64()?)?,
        Type::DATE => date(cursor.i32()?, out)?,
        Type::TIMESTAMP => timestamp(cursor.i64()?, "", out)?,
        Type::TIMESTAMPTZ => timestamp(cursor.i64()?, "+00:00", out)?,
        Type::TIME => time(cursor.i64()?, out)?,
        Type::TIMETZ => {
            time(cursor.i64()?, out)?;
            offset(cursor.i32()?, out)?;
        }
        Type::INTERVAL => interval(cursor.i64()?, cursor.i32()?, cursor.i32()?, out)?,
        Type::UUID => write!(out, "{}", uuid::Uuid::from_slice(raw)?)?,
        Type::BYTEA => {
            out.push_str("\\x");
            for byte in raw {
                write!(out, "{byte:02x}")?;
            }
        }
        Type::INET | Type::CIDR => network(raw, *kind == Type::CIDR, out)?,
        Type::MACADDR | Type::MACADDR8 => {
            for (at, byte) in raw.iter().enumerate() {
                let separator = if at == 0 { "" } else { ":" };
                write!(out, "{separator}{byte:02x}")?;
            }
        }
        Type::CHAR => out.push(char::from(cursor.u8()?)),
        Type::PG_LSN => {
            let position = cursor.u64()?;
            write!(out, "{:X}/{:X}", position >> 32, position & 0xFFFF_FFFF)?;
        }
        Type::BIT | Type::VARBIT => {
            let bits = usize::try_from(cursor.i32()?)?;
            for at in 0..bits {
                let byte = cursor.0.get(at / 8).ok_or("bit string too short")?;
                out.push(if byte & (0x80 >> (at % 8)) == 0 {
                    '0'
                } else {
                    '1'
                });
            }
        }
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::UNKNOWN
        | Type::XML
        | Type::CSTRING => {
            out.push_str(std::str::from_utf8(raw)?);
        }
        // citext and other extension types send their text; a wrong guess would show binary data
        // as text, so only the known name is taken.
        ref other if other.name() == "citext" => out.push_str(std::str::from_utf8(raw)?),
        ref other => {
            return Err(format!(
                "no JSON form for type `{}`: cast it to text in the statement",
                other.name()
            )
            .into());
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut String) -> Result {
    out.push_str(&serde_json::to_string(text)?);
    Ok(())
}

fn float(value: f64, finite: impl FnOnce(&mut String, f64) -> Result, out: &mut String) -> Result {
    if value.is_nan() {
        out.push_str("\"NaN\"");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    } else {
        finite(out, value)?;
    }
    Ok(())
}

/// Writes every digit the server holds; returns whether the value is a finite number.
fn numeric(raw: &[u8], out: &mut String) -> Result<bool> {
    let mut cursor = Cursor(raw);
    let count = i32::from(cursor.i16()?);
    let weight = i32::from(cursor.i16()?);
    let sign = cursor.u16()?;
    let scale = usize::from(cursor.u16()?);
    match sign {
        0x0000 => {}
        0x4000 => out.push('-'),
        0xC000 => {
            out.push_str("NaN");
            return Ok(false);
        }
        0xD000 => {
            out.push_str("Infinity");
            return Ok(false);
        }
        0xF000 => {
            out.push_str("-Infinity");
            return Ok(false);
        }
        other => return Err(format!("unknown numeric sign {other:#06x}").into()),
    }
    let mut groups = Vec::with_capacity(usize::try_from(count)?);
    for _ in 0..count {
        groups.push(cursor.i16()?);
    }
    let group = |position: i32| -> i16 {
        usize::try_from(position)
            .ok()
            .and_then(|at| groups.get(at))
            .copied()
            .unwrap_or(0)
    };
    if weight < 0 {
        out.push('0');
    } else {
        for position in 0..=weight {
            if position == 0 {
                write!(out, "{}", group(0))?;
            } else {
                write!(out, "{:04}", group(position))?;
            }
        }
    }
    if scale > 0 {
        out.push('.');
        let start = out.len();
        let mut position = weight + 1;
        // Groups before the first stored one are zeros the wire leaves out.
        if weight < -1 {
            position = 0;
            for _ in 0..(-1 - weight) {
                out.push_str("0000");
            }
        } else if weight == -1 {
            position = 0;
        }
        while out.len() - start < scale {
            write!(out, "{:04}", group(position))?;
            position += 1;
        }
        out.truncate(start + scale);
    }
    Ok(true)
}

/// Days since 2000-01-01.
fn date(days: i32, out: &mut String) -> Result {
    match days {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => {
            let before_christ = day(i64::from(days), out)?;
            if before_christ {
                out.push_str(" BC");
            }
        }
    }
    Ok(())
}

/// Microseconds since 2000-01-01T00:00:00.
fn timestamp(microseconds: i64, zone: &str, out: &mut String) -> Result {
    match microseconds {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        microseconds => {
            let before_christ = day(microseconds.div_euclid(MICROSECONDS_PER_DAY), out)?;
            out.push('T');
            time(microseconds.rem_euclid(MICROSECONDS_PER_DAY), out)?;
            out.push_str(zone);
            if before_christ {
                out.push_str(" BC");
            }
        }
    }
    Ok(())
}

/// Writes year, month and day of a day counted from 2000-01-01 in the proleptic Gregorian
/// calendar; returns whether the year is before Christ.
fn day(days_since_2000: i64, out: &mut String) -> Result<bool> {
    // Counted from 0000-03-01, so that the leap day ends a year (Hinnant's civil_from_days).
    let days = days_since_2000 + 730_425;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let before_christ = year <= 0;
    let shown = if before_christ { 1 - year } else { year };
    write!(out, "{shown:04}-{month:02}-{day:02}")?;
    Ok(before_christ)
}

/// Microseconds since midnight.
fn time(microseconds: i64, out: &mut String) -> Result {
    let seconds = microseconds / MICROSECONDS_PER_SECOND;
    write!(
        out,
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )?;
    fraction(microseconds % MICROSECONDS_PER_SECOND, out)
}

/// The fraction of a second without trailing zeros, as the server writes it.
fn fraction(microseconds: i64, out: &mut String) -> Result {
    if microseconds != 0 {
        let digits = format!("{microseconds:06}");
        write!(out, ".{}", digits.trim_end_matches('0'))?;
    }
    Ok(())
}

/// Seconds west of Greenwich, as the wire counts them.
fn offset(seconds_west: i32, out: &mut String) -> Result {
    let sign = if seconds_west > 0 { '-' } else { '+' };
    let seconds = seconds_west.unsigned_abs();
    // As the server: no more parts than needed.
    write!(out, "{sign}{:02}", seconds / 3600)?;
    if !seconds.is_multiple_of(3600) {
        write!(out, ":{:02}", seconds / 60 % 60)?;
    }
    if !seconds.is_multiple_of(60) {
        write!(out, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

/// An ISO 8601 duration; the three parts keep their own signs, as in the server.
fn interval(microseconds: i64, days: i32, months: i32, out: &mut String) -> Result {
    out.push('P');
    for (value, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if value != 0 {
            write!(out, "{value}{unit}")?;
        }
    }
    if microseconds != 0 {
        out.push('T');
        let seconds = microseconds / MICROSECONDS_PER_SECOND;
        for (value, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
            if value != 0 {
                write!(out, "{value}{unit}")?;
            }
        }
        let rest = microseconds % (60 * MICROSECONDS_PER_SECOND);
        if rest != 0 {
            if rest < 0 {
                out.push('-');
            }
            let rest = rest.abs();
            write!(out, "{}", rest / MICROSECONDS_PER_SECOND)?;
            fraction(rest % MICROSECONDS_PER_SECOND, out)?;
            out.push('S');
        }
    }
    if out.ends_with('P') {
        out.push_str("T0S");
    }
    Ok(())
}

fn network(raw: &[u8], is_cidr: bool, out: &mut String) -> Result {
    let mut cursor = Cursor(raw);
    let _family = cursor.u8()?;
    let bits = cursor.u8()?;
    let _is_cidr = cursor.u8()?;
    let length = cursor.u8()?;
    let (address, full): (std::net::IpAddr, u8) = match length {
        4 => (<[u8; 4]>::try_from(cursor.0)?.into(), 32),
        16 => (<[u8; 16]>::try_from(cursor.0)?.into(), 128),
        other => return Err(format!("address of {other} bytes").into()),
    };
    write!(out, "{address}")?;
    if is_cidr || bits != full {
        write!(out, "/{bits}")?;
    }
    Ok(())
}

fn array(element: &Type, raw: &[u8], out: &mut String) -> Result {
    let mut cursor = Cursor(raw);
    let dimensions = usize::try_from(cursor.i32()?)?;
    let _has_null = cursor.i32()?;
    let _element_oid = cursor.u32()?;
    let mut lengths = Vec::with_capacity(dimensions.min(6));
    for _ in 0..dimensions {
        lengths.push(usize::try_from(cursor.i32()?)?);
        let _lower_bound = cursor.i32()?;
    }
    if lengths.is_empty() {
        out.push_str("[]");
        return Ok(());
    }
    dimension(element, &lengths, &mut cursor, out)
}

fn dimension(
    element: &Type,
    lengths: &[usize],
    cursor: &mut Cursor<'_>,
    out: &mut String,
) -> Result {
    let (length, inner) = lengths.split_first().ok_or("array without dimension")?;
    out.push('[');
    for at in 0..*length {
        if at > 0 {
            out.push(',');
        }
        if inner.is_empty() {
            nullable(element, cursor.value()?, out)?;
        } else {
            dimension(element, inner, cursor, out)?;
        }
    }
    out.push(']');
    Ok(())
}

fn nullable(kind: &Type, value: Option<&[u8]>, out: &mut String) -> Result {
    match value {
        None => {
            out.push_str("null");
            Ok(())
        }
        Some(raw) => write(kind, raw, out),
    }
}

/// Anonymous records call their fields `f1`, `f2`, …, as the server's JSON does; their types are
/// known only by number, which covers the built-in ones.
fn composite(names: Option<&[&str]>, raw: &[u8], out: &mut String) -> Result {
    let mut cursor = Cursor(raw);
    let count = usize::try_from(cursor.i32()?)?;
    out.push('{');
    for at in 0..count {
        if at > 0 {
            out.push(',');
        }
        let oid = cursor.u32()?;
        let kind = Type::from_oid(oid)
            .ok_or_else(|| format!("no JSON form for a field of type number {oid}"))?;
        match names.and_then(|names| names.get(at)) {
            Some(name) => string(name, out)?,
            None => write!(out, "\"f{}\"", at + 1)?,
        }
        out.push(':');
        nullable(&kind, cursor.value()?, out)?;
    }
    out.push('}');
    Ok(())
}

fn range(element: &Type, raw: &[u8], out: &mut String) -> Result {
    let mut cursor = Cursor(raw);
    let flags = cursor.u8()?;
    let (empty, lower_inclusive, upper_inclusive, lower_infinite, upper_infinite) = (
        flags & 1 != 0,
        flags & 2 != 0,
        flags & 4 != 0,
        flags & 8 != 0,
        flags & 16 != 0,
    );
    if empty {
        out.push_str("empty");
        return Ok(());
    }
    out.push(if lower_inclusive { '[' } else { '(' });
    if !lower_infinite {
        bound(element, cursor.value()?, out)?;
    }
    out.push(',');
    if !upper_infinite {
        bound(element, cursor.value()?, out)?;
    }
    out.push(if upper_inclusive { ']' } else { ')' });
    Ok(())
}

fn bound(element: &Type, raw: Option<&[u8]>, out: &mut String) -> Result {
    let mut text = String::new();
    match *element {
        // Bounds are written in the types' own text form, which for times has a space.
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            plain(element, raw.ok_or("range without bound")?, &mut text)?;
            let text = text.replacen('T', " ", 1);
            let text = text
                .strip_suffix(":00")
                .filter(|_| *element == Type::TIMESTAMPTZ)
                .unwrap_or(&text);
            write!(out, "\"{text}\"")?;
        }
        _ => {
            plain(element, raw.ok_or("range without bound")?, &mut text)?;
            out.push_str(&text);
        }
    }
    Ok(())
}

fn multirange(range_type: &Type, raw: &[u8], out: &mut String) -> Result {
    // The driver names the element type of the ranges here.
    let mut cursor = Cursor(raw);
    let count = cursor.i32()?;
    let mut text = String::from("{");
    for at in 0..count {
        if at > 0 {
            text.push(',');
        }
        range(
            range_type,
            cursor.value()?.ok_or("multirange with a null")?,
            &mut text,
        )?;
    }
    text.push('}');
    string(&text, out)
}

/// Reads big-endian values off the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (head, tail) = self
            .0
            .split_at_checked(count)
            .ok_or("value shorter than its type")?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn i16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_be_bytes(self.array()?))
    }

    fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// A length-prefixed value; -1 stands for NULL.
    fn value(&mut self) -> Result<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.take(usize::try_from(length)?).map(Some),
        }
    }
}
