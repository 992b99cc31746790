//! The content of a batch on its way in: received whole and hashed before anything is applied, read line by line.
//!
//! A batch waits in a file without a name, so that its size costs no memory, that a slow sender holds no transaction
//! open, and that a body that breaks off leaves nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use aws_lc_rs::digest;
use axum::body::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use uuid::Uuid;

use super::coding::{Coding, Unpacker, is_in_proportion};
use crate::hash::hex;
use crate::http::limit::BATCH_BYTES_MAX;

/// Longest line: a store with a long address is one kilobyte.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Names of temporary files that are tried.
const ATTEMPTS_MAX: u32 = 16;
/// A sender that is silent for longer is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Why a content could not be received.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// More bytes than a batch may have.
    #[error("the batch is larger than {BATCH_BYTES_MAX} bytes")]
    TooLarge,
    /// The sender went away before the end.
    #[error("the body broke off before its end")]
    BrokeOff,
    /// It is not packed as the sender says, or not to its end.
    #[error("the batch can't be unpacked: {0}")]
    Packed(std::io::Error),
    /// It grows out of all proportion when it is unpacked.
    #[error("the batch grows out of all proportion")]
    Bomb,
    /// No room, or no folder for temporary files.
    #[error("the batch can't be kept: {0}")]
    Keep(#[from] std::io::Error),
}

/// A content that was received to its end.
#[derive(Debug)]
pub struct Content {
    file: File,
    hash: String,
    received_hash: String,
}

impl Content {
    /// Receives a body that is not packed. `name` tells the file apart from others while it is made.
    pub async fn receive<E>(
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        name: Uuid,
    ) -> Result<Self, ContentError> {
        Self::receive_packed(body, Coding::Identity, name).await
    }

    /// Receives a body and unpacks it on the way.
    pub async fn receive_packed<E>(
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        coding: Coding,
        name: Uuid,
    ) -> Result<Self, ContentError> {
        let mut unpacker = Unpacker::new(coding)?;
        let mut content = Receiving::begin(name).await?;
        let mut received_hash = digest::Context::new(&digest::SHA256);
        let mut received = 0_usize;
        loop {
            let next = tokio::time::timeout(SILENCE_MAX, body.next()).await;
            let Some(bytes) = next.map_err(|_| ContentError::BrokeOff)? else { break };
            let bytes = bytes.map_err(|_| ContentError::BrokeOff)?;
            received += bytes.len();
            if coding == Coding::Identity {
                content.take(received, &bytes).await?;
                continue;
            }
            received_hash.update(&bytes);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let plain = unpacker.unpack(&mut rest).map_err(ContentError::Packed)?;
                content.take(received, &plain).await?;
            }
        }
        content.take(received, &unpacker.finish().map_err(ContentError::Packed)?).await?;
        let (file, hash) = content.end().await?;
        let received_hash = match coding {
            Coding::Identity => hash.clone(),
            Coding::Gzip | Coding::Zstd => hex(received_hash.finish().as_ref()),
        };
        Ok(Self { file, hash, received_hash })
    }

    /// SHA-256 of the whole, unpacked, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// SHA-256 of the whole as it came, packed or not, in hexadecimal.
    pub fn received_hash(&self) -> &str {
        &self.received_hash
    }

    /// The content of a file, which must not change while it is used.
    pub(super) async fn of_file(file: std::fs::File) -> std::io::Result<Self> {
        let mut file = File::from_std(file);
        file.rewind().await?;
        let mut hash = digest::Context::new(&digest::SHA256);
        let mut buffer = vec![0; LINE_BYTES_MAX];
        loop {
            let read = file.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
        }
        let hash = hex(hash.finish().as_ref());
        Ok(Self { file, received_hash: hash.clone(), hash })
    }

    /// Its bytes in parts of this size, from the first.
    pub(super) async fn parts(&self, bytes: usize) -> std::io::Result<Parts> {
        Ok(Parts { file: File::from_std(self.reader().await?), bytes })
    }

    /// Another handle on it, at its beginning. Handles share their place: one is read at a time.
    pub(super) async fn reader(&self) -> std::io::Result<std::fs::File> {
        let mut file = self.file.try_clone().await?;
        file.rewind().await?;
        Ok(file.into_std().await)
    }
}

/// A content on its way into its file.
struct Receiving {
    file: File,
    hash: digest::Context,
    bytes: usize,
}

impl Receiving {
    async fn begin(name: Uuid) -> Result<Self, ContentError> {
        let file = unnamed_file(name).await?;
        Ok(Self { file, hash: digest::Context::new(&digest::SHA256), bytes: 0 })
    }

    /// Takes the next bytes, of which so many came before they were unpacked.
    async fn take(&mut self, received: usize, bytes: &[u8]) -> Result<(), ContentError> {
        self.bytes += bytes.len();
        if self.bytes > BATCH_BYTES_MAX {
            return Err(ContentError::TooLarge);
        }
        if !is_in_proportion(received, self.bytes) {
            return Err(ContentError::Bomb);
        }
        self.hash.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    async fn end(mut self) -> Result<(File, String), ContentError> {
        self.file.flush().await?;
        Ok((self.file, hex(self.hash.finish().as_ref())))
    }
}

/// A file for temporary use that nobody else can open and that is gone with its handle.
async fn unnamed_file(name: Uuid) -> std::io::Result<File> {
    let mut options = tokio::fs::OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut attempt = 0;
    let (file, path) = loop {
        let path = std::env::temp_dir().join(format!("aisle-batch-{name}-{attempt}"));
        match options.open(&path).await {
            Ok(file) => break (file, path),
            // One that a process left behind, or is just making.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < ATTEMPTS_MAX => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    };
    // Where an open file can't be unlinked it stays until the system clears its folder of temporary files.
    let _ = tokio::fs::remove_file(&path).await;
    Ok(file)
}

/// A content in parts.
#[derive(Debug)]
pub(super) struct Parts {
    file: File,
    bytes: usize,
}

impl Parts {
    /// The next part; all but the last are as long as was asked for.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut part = Vec::with_capacity(self.bytes);
        let most = u64::try_from(self.bytes).unwrap_or(u64::MAX);
        (&mut self.file).take(most).read_to_end(&mut part).await?;
        Ok((!part.is_empty()).then_some(part))
    }
}

/// A line of a content.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: i64,
    /// Without its end; nothing when it is longer than a row may be.
    pub(super) bytes: Option<&'a [u8]>,
}

/// Lines one by one, in memory that does not grow with them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    number: i64,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    /// The lines of this, from where it stands.
    pub(super) fn of(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(LINE_BYTES_MAX, reader), number: 0, line: Vec::new() }
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            let Some(is_whole) = self.read_line()? else { return Ok(None) };
            self.number += 1;
            if !is_whole {
                return Ok(Some(Line { number: self.number, bytes: None }));
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(Some(Line { number: self.number, bytes: Some(self.line.trim_ascii()) }))
    }

    /// Reads up to the end of the line, keeping at most [`LINE_BYTES_MAX`] of it; answers whether that was all of it.
    fn read_line(&mut self) -> std::io::Result<Option<bool>> {
        let mut is_whole = true;
        let mut is_begun = false;
        loop {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(is_begun.then_some(is_whole));
            }
            is_begun = true;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            is_whole &= self.line.len() + part.len() <= LINE_BYTES_MAX;
            if is_whole {
                self.line.extend_from_slice(part);
            }
            let taken = end.map_or(bytes.len(), |end| end + 1);
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(Some(is_whole));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn receive(parts: &[&'static [u8]]) -> Content {
        let parts: Vec<Result<Bytes, std::io::Error>> =
            parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        Content::receive(futures_util::stream::iter(parts), Uuid::from_u128(rand())).await.expect("received")
    }

    /// Tests of one process must not meet in one file.
    fn rand() -> u128 {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        u128::from(std::process::id()) << 64 | u128::from(next)
    }

    #[tokio::test]
    async fn lines_are_numbered_and_blank_ones_skipped() {
        let content = receive(&[b"a\n\n b", b"c\r\n", b"d"]).await;
        let mut lines = Lines::of(content.reader().await.expect("a file"));
        let mut seen = Vec::new();
        while let Some(line) = lines.next().expect("read") {
            seen.push((line.number, line.bytes.map(<[u8]>::to_vec)));
        }
        let expected =
            [(1, &b"a"[..]), (3, b"bc"), (4, b"d")].map(|(number, bytes)| (number, Some(bytes.to_vec())));
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_and_the_next_one_read() {
        let long: &'static [u8] = vec![b'x'; LINE_BYTES_MAX + 1].leak();
        let content = receive(&[long, b"\nshort"]).await;
        let mut lines = Lines::of(content.reader().await.expect("a file"));
        assert!(lines.next().expect("read").expect("a line").bytes.is_none());
        let next = lines.next().expect("read").expect("a line");
        assert_eq!((next.number, next.bytes), (2, Some(&b"short"[..])));
    }
}
