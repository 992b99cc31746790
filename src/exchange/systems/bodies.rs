//! What every adapter does with an answer: read all of it within a limit, and say what went wrong.

use std::io::Read;

use crate::exchange::system::CallError;

/// A page of 2,000 products with prices has some 2 MB.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Begins everything that gzip packed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A whole answer, unpacked.
pub(super) async fn body_of(mut response: reqwest::Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| describe(&error))? {
        if body.len() + part.len() > BODY_BYTES_MAX {
            return Err(CallError::Unavailable(format!("more than {BODY_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&part);
    }
    unpacked(body, BODY_BYTES_MAX).map_err(|error| unreadable(&error))
}

/// The answer, unpacked when it is packed: its header says so in both cases.
fn unpacked(body: Vec<u8>, most: usize) -> std::io::Result<Vec<u8>> {
    if !body.starts_with(&GZIP) {
        return Ok(body);
    }
    let mut plain = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    flate2::read::MultiGzDecoder::new(&body[..]).take(limit).read_to_end(&mut plain)?;
    Ok(plain)
}

pub(super) fn unreadable(error: &dyn std::fmt::Display) -> CallError {
    CallError::Unavailable(format!("the answer can't be read: {error}"))
}

/// Without the address, which holds what was asked for.
pub(super) fn describe(error: &reqwest::Error) -> CallError {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let what = if error.is_timeout() { "no answer in time" } else { "no answer" };
    CallError::Unavailable(format!("{what}: {}", causes.join(": ")))
}
