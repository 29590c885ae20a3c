//! Rows in the text format of `COPY`, written into one growing buffer.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

/// Encoded rows of one table.
#[derive(Debug, Default)]
pub struct Rows {
    bytes: Vec<u8>,
    count: u64,
}

impl Rows {
    /// Encoded bytes so far; every row ends with a newline.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Rows so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes and rows, leaving nothing behind.
    #[must_use]
    pub fn take(&mut self) -> (Vec<u8>, u64) {
        // The next batch will be about as large as this one.
        let next = Vec::with_capacity(self.bytes.len());
        (
            std::mem::replace(&mut self.bytes, next),
            std::mem::take(&mut self.count),
        )
    }

    /// Ends the row.
    pub(super) fn end(&mut self) {
        if let Some(last) = self.bytes.last_mut() {
            *last = b'\n';
        }
        self.count += 1;
    }

    /// NULL.
    pub(super) fn null(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(b"\\N\t");
        self
    }

    /// A text, escaped.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.part(value).field()
    }

    /// A text, or NULL.
    pub(super) fn opt_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A whole number.
    pub(super) fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        self.digits(value).field()
    }

    /// A whole number, or NULL.
    pub(super) fn opt_int(&mut self, value: Option<impl Into<i64>>) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.null(),
        }
    }

    /// `t` or `f`.
    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.bytes.push(if value { b't' } else { b'f' });
        self.field()
    }

    /// A truth value as pandas leaves it: 1 or 0.
    pub(super) fn bit(&mut self, value: bool) -> &mut Self {
        self.bytes.push(if value { b'1' } else { b'0' });
        self.field()
    }

    /// `YYYY-MM-DD`.
    pub(super) fn date(&mut self, value: NaiveDate) -> &mut Self {
        self.day(value).field()
    }

    /// `YYYY-MM-DD HH:MM:SS` without zone.
    pub(super) fn timestamp(&mut self, value: DateTime<Utc>) -> &mut Self {
        self.instant(value, b' ').field()
    }

    /// Fields encoded before, including their tabs.
    pub(super) fn encoded(&mut self, fields: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(fields);
        self
    }

    /// Encodes fields once that many rows share.
    pub(super) fn fragment(write: impl FnOnce(&mut Rows)) -> Vec<u8> {
        let mut rows = Rows::default();
        write(&mut rows);
        rows.bytes
    }

    // Parts of a field; `field` ends it.

    pub(super) fn field(&mut self) -> &mut Self {
        self.bytes.push(b'\t');
        self
    }

    pub(super) fn part(&mut self, value: &str) -> &mut Self {
        let special = |byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r');
        if !value.as_bytes().iter().any(special) {
            self.bytes.extend_from_slice(value.as_bytes());
            return self;
        }
        for byte in value.bytes() {
            match byte {
                b'\\' => self.bytes.extend_from_slice(b"\\\\"),
                b'\t' => self.bytes.extend_from_slice(b"\\t"),
                b'\n' => self.bytes.extend_from_slice(b"\\n"),
                b'\r' => self.bytes.extend_from_slice(b"\\r"),
                _ => self.bytes.push(byte),
            }
        }
        self
    }

    pub(super) fn digits(&mut self, value: impl Into<i64>) -> &mut Self {
        let value = value.into();
        if value < 0 {
            self.bytes.push(b'-');
        }
        let mut left = value.unsigned_abs();
        let mut reversed = [0u8; 20];
        let mut length = 0;
        loop {
            reversed[length] = digit(left % 10);
            length += 1;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        for byte in reversed[..length].iter().rev() {
            self.bytes.push(*byte);
        }
        self
    }

    pub(super) fn two_digits(&mut self, value: u32) -> &mut Self {
        self.bytes.push(digit(u64::from(value / 10 % 10)));
        self.bytes.push(digit(u64::from(value % 10)));
        self
    }

    pub(super) fn day(&mut self, value: NaiveDate) -> &mut Self {
        self.digits(value.year())
            .part("-")
            .two_digits(value.month())
            .part("-")
            .two_digits(value.day())
    }

    /// Date and time of day with `between` in between; seconds are cut.
    pub(super) fn instant(&mut self, value: DateTime<Utc>, between: u8) -> &mut Self {
        self.day(value.date_naive());
        self.bytes.push(between);
        self.two_digits(value.hour())
            .part(":")
            .two_digits(value.minute())
            .part(":")
            .two_digits(value.second())
    }
}

fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value).unwrap_or(0)
}
