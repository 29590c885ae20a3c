//! The end of an output stream, read without ever holding more than that.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use nba_utils::redact::Redactor;

use super::log::Log;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// Bytes looked at for a line that tells how far a run is.
const PROGRESS_WINDOW: usize = 1024;

/// The end of one output stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tail {
    /// Its last part as text, secrets hidden; it begins with a whole line if something is missing before it.
    pub text: String,
    /// Bytes the script wrote in all.
    pub total_bytes: u64,
    /// Whether `text` lacks the beginning.
    pub truncated: bool,
    /// Whether the stream was still open when we stopped listening.
    pub unfinished: bool,
}

#[derive(Default)]
struct Ring {
    bytes: VecDeque<u8>,
    total: u64,
    last: Option<Instant>,
}

/// What a stream did lately.
pub(super) struct Activity {
    pub(super) total: u64,
    pub(super) last: Option<Instant>,
    /// Its last bytes; may hold secrets.
    pub(super) end: String,
}

/// A pipe being read by a thread of its own.
pub(super) struct Stream {
    ring: Arc<Mutex<Ring>>,
    ended: Receiver<()>,
    /// Kept before the tail, so that no secret is cut in two and shown by half.
    margin: usize,
}

impl Stream {
    /// A stream that keeps `tail` bytes and writes all of them to the log; `margin` is the length of the longest secret.
    pub(super) fn open(
        name: &'static str,
        tail: usize,
        margin: usize,
        log: Log,
    ) -> io::Result<(Stream, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let ring = Arc::new(Mutex::new(Ring::default()));
        let (end, ended) = sync_channel(1);
        let shared = Arc::clone(&ring);
        let capacity = tail.saturating_add(margin);
        std::thread::Builder::new()
            .name("nba-run-output".to_owned())
            .spawn(move || {
                let mut lines = log.lines(name, margin);
                drain(reader, &shared, capacity, |chunk| lines.add(chunk));
                lines.end();
                // Nobody may be waiting any more.
                let _ = end.try_send(());
            })?;
        let stream = Stream {
            ring,
            ended,
            margin,
        };
        Ok((stream, writer))
    }

    pub(super) fn activity(&self) -> Activity {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let skip = ring.bytes.len().saturating_sub(PROGRESS_WINDOW);
        let end: Vec<u8> = ring.bytes.range(skip..).copied().collect();
        Activity {
            total: ring.total,
            last: ring.last,
            end: String::from_utf8_lossy(&end).into_owned(),
        }
    }

    /// Waits for the end of the stream until `deadline`. A process that keeps the pipe open is not waited for: its thread
    /// ends with the pipe.
    pub(super) fn finish(self, deadline: Instant, redactor: &Redactor) -> Tail {
        let left = deadline.saturating_duration_since(Instant::now());
        let unfinished = self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout);
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = ring.bytes.make_contiguous();
        let kept = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let hidden = redactor
            .redact(&String::from_utf8_lossy(bytes))
            .into_owned();
        let truncated = ring.total > kept;
        Tail {
            text: if truncated {
                after_line(&hidden, self.margin).to_owned()
            } else {
                hidden
            },
            total_bytes: ring.total,
            truncated,
            unfinished,
        }
    }
}

/// What follows the first line end after `margin` bytes; without a line end, all after the margin.
fn after_line(text: &str, margin: usize) -> &str {
    let mut start = margin.min(text.len());
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let rest = &text[start..];
    rest.split_once('\n').map_or(rest, |(_, lines)| lines)
}

fn drain(mut reader: PipeReader, ring: &Mutex<Ring>, capacity: usize, mut copy: impl FnMut(&[u8])) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match reader.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        {
            let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.total = ring
                .total
                .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            ring.last = Some(Instant::now());
            let new = &chunk[read.saturating_sub(capacity)..read];
            let excess = (ring.bytes.len() + new.len()).saturating_sub(capacity);
            ring.bytes.drain(..excess);
            ring.bytes.extend(new);
        }
        copy(&chunk[..read]);
    }
}
