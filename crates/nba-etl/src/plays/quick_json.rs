//! JSON as feeds write it, read quickly; whatever is out of the ordinary is left to `serde_json`.
//!
//! Documents of one feed repeat the same keys in nearly the same order, hundreds of times. So the reader remembers the text that
//! led to each value, `, "period": ` with its spaces, and the field it belongs to. Where that text comes again, the key is neither looked for
//! nor compared with the names of all fields. Values nobody asks for are passed over without being taken apart.
//!
//! It never judges. Its only answers are a value and "not sure", and the second means that `serde_json` reads the document from
//! its beginning, so errors and their places are always those of `serde_json`. A value must be the one `serde_json` gives; the tests and the
//! fuzzer compare the two on damaged documents. Numbers that are no short whole numbers and texts with escapes go to `serde_json` one by one.
//!
//! Libraries were tried on the same documents: `sonic-rs` wants the processor's instructions chosen when it is built, `simd-json` writes
//! into its input and makes a list of everything first, and both still compare every key with the names of all fields.
//!
//! Not sure is: a key with an escape, a struct written as a list, an enum, a value that is neither text nor number nor word where any
//! would do, more than [`MAX_DEPTH`] levels, bytes that are no UTF-8, and every mistake.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

#[cfg(test)]
mod tests;

/// Who reads a document. The answers are the same; the tests and the fuzzer see to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The quick reader, and `serde_json` where it is not sure.
    Quick,
    /// `serde_json` alone.
    Plain,
}

impl Reading {
    /// Reads one document.
    ///
    /// Its structs must not use `#[serde(alias)]`: fields are handed over by their place in the list of names.
    ///
    /// # Errors
    ///
    /// Those of `serde_json`.
    pub(super) fn read<'de, T: Deserialize<'de>>(self, bytes: &'de [u8]) -> serde_json::Result<T> {
        let quick = match self {
            Self::Quick => quick(bytes),
            Self::Plain => None,
        };
        quick.map_or_else(|| serde_json::from_slice(bytes), Ok)
    }
}

/// The value, or nothing when the quick reader is not sure.
fn quick<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    let mut reader = Reader {
        text: std::str::from_utf8(bytes).ok()?,
        at: 0,
        depth: 0,
        shapes: Vec::new(),
    };
    reader.space();
    let value = T::deserialize(&mut reader).ok()?;
    reader.space();
    (reader.at == bytes.len()).then_some(value)
}

/// Levels of lists and objects, of those that are read and again of those that are passed over. `serde_json` reads 127.
const MAX_DEPTH: u32 = 64;

/// Keys remembered of one kind of object. The feeds have fewer than 70; objects with more are data, not records.
const MAX_KEYS: usize = 128;

/// Digits that fit every whole number: 10^18 is less than `i64::MAX`.
const MAX_DIGITS: usize = 18;

/// `serde_json` has to read it.
#[derive(Debug)]
struct Unsure;

impl fmt::Display for Unsure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not sure")
    }
}

impl std::error::Error for Unsure {}

impl de::Error for Unsure {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What stands in objects of one struct.
struct Shape<'de> {
    fields: &'static [&'static str],
    keys: Vec<Key<'de>>,
    /// The key that came first in the last one.
    first: usize,
}

/// What led to a value.
#[derive(Clone, Copy)]
struct Key<'de> {
    /// From the end of the value before to the first byte of this one, comma and spaces included.
    lead: &'de [u8],
    /// Place in the names of the fields, or [`UNKNOWN`].
    field: u64,
    /// The key that came next the last time, in [`Shape::keys`].
    next: usize,
}

/// No field: derived code passes over the value of a number it does not know.
const UNKNOWN: u64 = u64::MAX;

/// No key is remembered at this place.
const NOWHERE: usize = usize::MAX;

struct Reader<'de> {
    text: &'de str,
    at: usize,
    /// Lists and structs around this place.
    depth: u32,
    shapes: Vec<Shape<'de>>,
}

impl<'de> Reader<'de> {
    fn bytes(&self) -> &'de [u8] {
        self.text.as_bytes()
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    #[inline(always)]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes this byte.
    #[inline(always)]
    fn take(&mut self, byte: u8) -> Result<(), Unsure> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Unsure)
        }
    }

    #[inline(always)]
    fn word(&mut self, word: &'static [u8]) -> Result<(), Unsure> {
        let rest = self.bytes().get(self.at..).ok_or(Unsure)?;
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Unsure)
        }
    }

    /// Goes behind a text whose first quote was taken; says whether it has an escape.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, Unsure> {
        let mut escaped = false;
        loop {
            self.at = special(self.bytes(), self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                _ => return Err(Unsure),
            }
        }
    }

    /// Goes behind a short whole number and says what it is; or stays, and something else has to read it.
    #[inline(always)]
    fn whole(&mut self) -> Option<i64> {
        let bytes = self.bytes();
        let negative = self.peek() == Some(b'-');
        let start = self.at + usize::from(negative);
        let mut value = 0i64;
        let mut at = start;
        while let Some(byte @ b'0'..=b'9') = bytes.get(at) {
            value = value.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
            at += 1;
        }
        let digits = at - start;
        let zero_first = bytes.get(start) == Some(&b'0');
        let plain = (1..=MAX_DIGITS).contains(&digits)
            && (!zero_first || (digits == 1 && !negative))
            && !matches!(bytes.get(at), Some(b'.' | b'e' | b'E'));
        if !plain {
            return None;
        }
        self.at = at;
        Some(if negative { -value } else { value })
    }

    /// Goes behind everything that could be part of a number.
    fn number(&mut self) -> &'de str {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = self.peek() {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Goes behind a value nobody asks for.
    #[inline(always)]
    fn pass(&mut self) -> Result<(), Unsure> {
        match self.peek().ok_or(Unsure)? {
            b'[' | b'{' => self.pass_nested(),
            _ => self.pass_single(),
        }
    }

    #[inline(always)]
    fn pass_single(&mut self) -> Result<(), Unsure> {
        match self.peek().ok_or(Unsure)? {
            b'"' => {
                let start = self.at;
                self.at += 1;
                if self.string()? {
                    self.ask::<de::IgnoredAny>(start)?;
                }
                Ok(())
            }
            b'0'..=b'9' | b'-' => {
                let start = self.at;
                if self.whole().is_none() {
                    self.number();
                    self.ask::<de::IgnoredAny>(start)?;
                }
                Ok(())
            }
            b'n' => self.word(b"null"),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => Err(Unsure),
        }
    }

    /// What `serde_json` makes of what was just passed.
    fn ask<T: Deserialize<'de>>(&self, start: usize) -> Result<T, Unsure> {
        let token = self.text.get(start..self.at).ok_or(Unsure)?;
        serde_json::from_str(token).map_err(|_| Unsure)
    }

    fn hand_over<V: Visitor<'de>>(&self, start: usize, visitor: V) -> Result<V::Value, Unsure> {
        let token = self.text.get(start..self.at).ok_or(Unsure)?;
        let mut judge = serde_json::Deserializer::from_str(token);
        let value = judge.deserialize_any(visitor).map_err(|_| Unsure)?;
        judge.end().map_err(|_| Unsure)?;
        Ok(value)
    }

    /// Goes behind a list or an object nobody asks for.
    fn pass_nested(&mut self) -> Result<(), Unsure> {
        // One bit a level, the innermost lowest: whether it is an object.
        let mut objects = 0u64;
        let mut depth = 0;
        loop {
            // A value begins here.
            let open = self.peek();
            if let Some(b'[' | b'{') = open {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Unsure);
                }
                let object = open == Some(b'{');
                objects = objects << 1 | u64::from(object);
                self.at += 1;
                self.space();
                if self.peek() != Some(if object { b'}' } else { b']' }) {
                    if object {
                        self.pass_key()?;
                    }
                    continue;
                }
            } else {
                self.pass_single()?;
                self.space();
            }
            // A value is over, or an empty list or object is.
            loop {
                let object = objects & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                        if object {
                            self.pass_key()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(Unsure),
                }
                self.at += 1;
                depth -= 1;
                objects >>= 1;
                if depth == 0 {
                    return Ok(());
                }
                self.space();
            }
        }
    }

    /// Goes behind the key and the colon of an object nobody asks for.
    #[inline(always)]
    fn pass_key(&mut self) -> Result<(), Unsure> {
        self.take(b'"')?;
        if self.string()? {
            return Err(Unsure);
        }
        self.space();
        self.take(b':')?;
        self.space();
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), Unsure> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unsure);
        }
        Ok(())
    }

    fn shape(&mut self, fields: &'static [&'static str]) -> usize {
        let known = self
            .shapes
            .iter()
            .position(|shape| std::ptr::eq(shape.fields, fields));
        known.unwrap_or_else(|| {
            self.shapes.push(Shape {
                fields,
                keys: Vec::new(),
                first: NOWHERE,
            });
            self.shapes.len() - 1
        })
    }
}

/// The first byte from `at` on that is a quote, a backslash or a control character; or the end.
#[inline(always)]
fn special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const QUOTE: u64 = 0x2222_2222_2222_2222;
    const BACKSLASH: u64 = 0x5c5c_5c5c_5c5c_5c5c;
    const SPACE: u64 = 0x2020_2020_2020_2020;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        // A byte is below the lowest one subtracted exactly when the subtraction sets its high bit; a borrow only disturbs bytes above a hit.
        let quote = (word ^ QUOTE).wrapping_sub(ONES);
        let backslash = (word ^ BACKSLASH).wrapping_sub(ONES);
        let control = word.wrapping_sub(SPACE);
        let found = (quote | backslash | control) & !word & HIGH;
        if found != 0 {
            return at + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            return at;
        }
        at += 1;
    }
    at
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unsure;

    #[inline(always)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsure> {
        match self.peek().ok_or(Unsure)? {
            b'"' => {
                let start = self.at;
                self.at += 1;
                if self.string()? {
                    return self.hand_over(start, visitor);
                }
                let text = self.text.get(start + 1..self.at - 1).ok_or(Unsure)?;
                visitor.visit_borrowed_str(text)
            }
            b'0'..=b'9' | b'-' => {
                let start = self.at;
                match self.whole() {
                    // As `serde_json` does it: visitors may tell the two apart.
                    Some(value) => match u64::try_from(value) {
                        Ok(value) => visitor.visit_u64(value),
                        Err(_) => visitor.visit_i64(value),
                    },
                    None => {
                        self.number();
                        self.hand_over(start, visitor)
                    }
                }
            }
            b'n' => {
                self.word(b"null")?;
                visitor.visit_unit()
            }
            b't' => {
                self.word(b"true")?;
                visitor.visit_bool(true)
            }
            b'f' => {
                self.word(b"false")?;
                visitor.visit_bool(false)
            }
            _ => Err(Unsure),
        }
    }

    #[inline(always)]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsure> {
        if self.peek() == Some(b'n') {
            self.word(b"null")?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    #[inline(always)]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsure> {
        self.pass()?;
        visitor.visit_unit()
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsure> {
        self.take(b'[')?;
        self.deeper()?;
        let value = visitor.visit_seq(List {
            reader: self,
            first: true,
        })?;
        self.depth -= 1;
        self.space();
        self.take(b']')?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unsure> {
        self.take(b'{')?;
        self.deeper()?;
        let shape = self.shape(fields);
        let value = visitor.visit_map(Object {
            reader: self,
            shape,
            last: NOWHERE,
            first: true,
        })?;
        self.depth -= 1;
        self.take(b'}')?;
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unsure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Unsure> {
        Err(Unsure)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unsure> {
        Err(Unsure)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unsure> {
        Err(Unsure)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        unit unit_struct tuple tuple_struct map identifier
    }
}

struct List<'a, 'de> {
    reader: &'a mut Reader<'de>,
    first: bool,
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = Unsure;

    #[inline(always)]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unsure> {
        self.reader.space();
        if self.reader.peek() == Some(b']') {
            return Ok(None);
        }
        if !std::mem::replace(&mut self.first, false) {
            self.reader.take(b',')?;
            self.reader.space();
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

struct Object<'a, 'de> {
    reader: &'a mut Reader<'de>,
    shape: usize,
    /// The key before, in [`Shape::keys`].
    last: usize,
    first: bool,
}

impl<'de> Object<'_, 'de> {
    /// The next key as the place of its field, or the end.
    #[inline(always)]
    fn key(&mut self) -> Result<Option<u64>, Unsure> {
        let bytes = self.reader.bytes();
        let shape = self.reader.shapes.get(self.shape).ok_or(Unsure)?;
        let guess = match shape.keys.get(self.last) {
            Some(last) => last.next,
            None if self.first => shape.first,
            None => NOWHERE,
        };
        if let Some(key) = shape.keys.get(guess)
            && let Some(rest) = bytes.get(self.reader.at..)
            && same_start(rest, key.lead)
        {
            self.reader.at += key.lead.len();
            self.last = guess;
            self.first = false;
            return Ok(Some(key.field));
        }
        self.new_key()
    }

    #[inline(never)]
    fn new_key(&mut self) -> Result<Option<u64>, Unsure> {
        let reader = &mut *self.reader;
        let start = reader.at;
        reader.space();
        if reader.peek() == Some(b'}') {
            return Ok(None);
        }
        if !self.first {
            reader.take(b',')?;
            reader.space();
        }
        reader.take(b'"')?;
        let from = reader.at;
        if reader.string()? {
            return Err(Unsure);
        }
        let until = reader.at - 1;
        reader.space();
        reader.take(b':')?;
        reader.space();
        let bytes = reader.bytes();
        let name = bytes.get(from..until).ok_or(Unsure)?;
        let lead = bytes.get(start..reader.at).ok_or(Unsure)?;
        let shape = reader.shapes.get_mut(self.shape).ok_or(Unsure)?;
        let known = shape.keys.iter().position(|key| key.lead == lead);
        let place = known.unwrap_or(shape.keys.len());
        let key = match known.and_then(|known| shape.keys.get(known)) {
            Some(key) => *key,
            None => {
                let field = shape
                    .fields
                    .iter()
                    .position(|field| field.as_bytes() == name);
                let key = Key {
                    lead,
                    field: field
                        .map_or(Ok(UNKNOWN), u64::try_from)
                        .map_err(|_| Unsure)?,
                    next: NOWHERE,
                };
                if place < MAX_KEYS {
                    shape.keys.push(key);
                }
                key
            }
        };
        match shape.keys.get_mut(self.last) {
            Some(last) => last.next = place,
            None if self.first => shape.first = place,
            None => {}
        }
        self.last = place;
        self.first = false;
        Ok(Some(key.field))
    }
}

/// Whether a text begins with what led to a value; the same as `starts_with`, without a call.
#[inline(always)]
fn same_start(text: &[u8], lead: &[u8]) -> bool {
    let Some(text) = text.get(..lead.len()) else {
        return false;
    };
    let word = |bytes: &[u8], at: usize| {
        bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk::<8>)
            .map(|chunk| u64::from_le_bytes(*chunk))
    };
    let length = lead.len();
    if length < 8 {
        return text == lead;
    }
    let mut at = 0;
    while at + 8 < length {
        if word(text, at) != word(lead, at) {
            return false;
        }
        at += 8;
    }
    word(text, length - 8) == word(lead, length - 8)
}

impl<'de> MapAccess<'de> for Object<'_, 'de> {
    type Error = Unsure;

    #[inline(always)]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Unsure> {
        match self.key()? {
            Some(field) => seed.deserialize(Place(field)).map(Some),
            None => Ok(None),
        }
    }

    #[inline(always)]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unsure> {
        seed.deserialize(&mut *self.reader)
    }
}

/// A field by its place among the names of its struct.
struct Place(u64);

impl<'de> Deserializer<'de> for Place {
    type Error = Unsure;

    #[inline(always)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unsure> {
        visitor.visit_u64(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
