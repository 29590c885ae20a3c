//! The rows of a `COPY … TO STDOUT (FORMAT BINARY)`, one at a time, without a copy of them.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use tokio_postgres::{Client, CopyOutStream};

use super::form::take_value;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags and length of the extension.
const HEADER: usize = SIGNATURE.len() + 8;
/// Longest row that is taken: PostgreSQL itself cannot make a longer one.
const LONGEST_ROW: usize = 1 << 30;

/// Why no row came.
#[derive(Debug)]
pub(super) enum ReadError {
    Server(tokio_postgres::Error),
    Malformed(&'static str),
}

/// Reads rows of a fixed number of fields.
pub(super) struct Reader {
    stream: Pin<Box<CopyOutStream>>,
    fields: usize,
    header_seen: bool,
    pending: Bytes,
    row: Option<Bytes>,
    rows: u64,
}

impl Reader {
    pub(super) async fn open(
        client: &Client,
        sql: &str,
        fields: usize,
    ) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            stream: Box::pin(client.copy_out(sql).await?),
            fields,
            header_seen: false,
            pending: Bytes::new(),
            row: None,
            rows: 0,
        })
    }

    /// The current row: its fields, each with its length in front. `None` after the last.
    pub(super) fn row(&self) -> Option<&Bytes> {
        self.row.as_ref()
    }

    /// Rows read so far, the current one included.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Goes on to the next row. A row that begins like `other`, which is whole, ends where it ends: its fields need no look.
    pub(super) async fn advance(&mut self, other: Option<&Bytes>) -> Result<(), ReadError> {
        loop {
            if !self.pending.is_empty() {
                match self.length(other)? {
                    Length::Row(length) if length == self.pending.len() => {
                        // The usual case: the server sends each row in a message of its own.
                        let mut row = std::mem::take(&mut self.pending);
                        bytes::Buf::advance(&mut row, 2);
                        return self.found(row);
                    }
                    Length::Row(length) => {
                        let mut row = self.pending.split_to(length);
                        bytes::Buf::advance(&mut row, 2);
                        return self.found(row);
                    }
                    Length::End => {
                        self.row = None;
                        // What follows is the end of the statement; an error may come instead.
                        return match self.stream.next().await {
                            None => Ok(()),
                            Some(Ok(_)) => Err(ReadError::Malformed("data after the last row")),
                            Some(Err(error)) => Err(ReadError::Server(error)),
                        };
                    }
                    Length::More => {}
                }
            }
            let chunk = match self.stream.next().await {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Err(ReadError::Server(error)),
                None => return Err(ReadError::Malformed("the rows ended too early")),
            };
            if self.pending.is_empty() {
                self.pending = chunk;
            } else {
                if self.pending.len() > LONGEST_ROW {
                    return Err(ReadError::Malformed("a row that does not end"));
                }
                let mut joined = BytesMut::from(std::mem::take(&mut self.pending));
                joined.extend_from_slice(&chunk);
                self.pending = joined.freeze();
            }
            if !self.header_seen && self.pending.len() >= HEADER {
                if !self.pending.starts_with(SIGNATURE) {
                    return Err(ReadError::Malformed("no header of a binary COPY"));
                }
                bytes::Buf::advance(&mut self.pending, HEADER);
                self.header_seen = true;
            }
        }
    }

    fn found(&mut self, row: Bytes) -> Result<(), ReadError> {
        self.row = Some(row);
        self.rows += 1;
        Ok(())
    }

    fn length(&self, other: Option<&Bytes>) -> Result<Length, ReadError> {
        let Some((head, mut rest)) = self.pending.split_first_chunk::<2>() else {
            return Ok(Length::More);
        };
        if !self.header_seen {
            return Ok(Length::More);
        }
        let count = i16::from_be_bytes(*head);
        if count == -1 {
            return Ok(Length::End);
        }
        if usize::try_from(count) != Ok(self.fields) {
            return Err(ReadError::Malformed("a row with another number of fields"));
        }
        if let Some(other) = other
            && rest.starts_with(other)
        {
            return Ok(Length::Row(head.len() + other.len()));
        }
        for _ in 0..self.fields {
            if take_value(&mut rest).is_none() {
                return Ok(Length::More);
            }
        }
        Ok(Length::Row(self.pending.len() - rest.len()))
    }
}

enum Length {
    Row(usize),
    End,
    More,
}

/// The fields of a row; a missing one counts as NULL, which cannot happen after [`Reader`] has seen the row.
pub(super) fn fields(row: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = row;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            None
        } else {
            take_value(&mut rest)
        }
    })
}
