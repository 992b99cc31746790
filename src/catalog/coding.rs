//! Content codings of a batch's body: gzip (RFC 1952), and zstd with a window of at most 8 MB (RFC 8878, RFC 9659).
//!
//! What comes is unpacked piece by piece as it comes, so that its size costs no memory; a body that grows out of all
//! proportion is refused before it fills the disk.

use std::io::{Error, ErrorKind, Result, Write};

use axum::http::{HeaderMap, header};
use flate2::write::MultiGzDecoder;
use zstd::stream::raw;
use zstd::stream::zio::Writer;
use zstd::zstd_safe::DParameter;

/// The largest window that a sender may ask for, as a power of two: 8 MB (RFC 9659 section 3).
const WINDOW_LOG_MAX: u32 = 23;
/// So many times its size may a body grow: rows that are nearly alike grow about fifty times.
const GROWTH_MAX: usize = 200;
/// Below so many bytes nothing has grown too much: a few rows that are all alike.
const GROWTH_FREE_BYTES: usize = 64 * 1024 * 1024;

/// How a body is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl Coding {
    /// What `Content-Encoding` says; nothing when it is none of these, or several on top of each other.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Some(Self::Identity) };
        let value = value.to_str().ok().filter(|_| values.next().is_none())?;
        match value.trim().to_ascii_lowercase().as_str() {
            "identity" | "" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Unpacks a body.
pub(super) struct Unpacker(Packing);

enum Packing {
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<Writer<Vec<u8>, raw::Decoder<'static>>>),
}

impl Unpacker {
    pub(super) fn new(coding: Coding) -> Result<Self> {
        Ok(Self(match coding {
            Coding::Identity => Packing::Identity,
            Coding::Gzip => Packing::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Coding::Zstd => {
                let mut decoder = raw::Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
                Packing::Zstd(Box::new(Writer::new(Vec::new(), decoder)))
            }
        }))
    }

    /// Takes some of the bytes, and answers what came out so far: a little at a time, whatever was packed.
    pub(super) fn unpack(&mut self, bytes: &mut &[u8]) -> Result<Vec<u8>> {
        let (taken, unpacked) = match &mut self.0 {
            Packing::Identity => (bytes.len(), bytes.to_vec()),
            Packing::Gzip(gzip) => (gzip.write(bytes)?, std::mem::take(gzip.get_mut())),
            Packing::Zstd(zstd) => (zstd.write(bytes)?, std::mem::take(zstd.writer_mut())),
        };
        if taken == 0 && unpacked.is_empty() {
            return Err(Error::new(ErrorKind::InvalidData, "something stands behind the end"));
        }
        *bytes = bytes.get(taken..).unwrap_or_default();
        Ok(unpacked)
    }

    /// What is left when all bytes have come; an error when the end is missing.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        match &mut self.0 {
            Packing::Identity => Ok(Vec::new()),
            Packing::Gzip(gzip) => {
                gzip.try_finish()?;
                Ok(std::mem::take(gzip.get_mut()))
            }
            Packing::Zstd(zstd) => {
                zstd.finish()?;
                Ok(std::mem::take(zstd.writer_mut()))
            }
        }
    }
}

/// Whether so many bytes may come out of so many.
pub(super) fn is_in_proportion(received: usize, unpacked: usize) -> bool {
    unpacked <= GROWTH_FREE_BYTES || unpacked / GROWTH_MAX <= received
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).expect("packed");
        encoder.finish().expect("packed")
    }

    fn unpacked(coding: Coding, packed: &[u8], part: usize) -> Result<Vec<u8>> {
        let mut unpacker = Unpacker::new(coding)?;
        let mut plain = Vec::new();
        for mut part in packed.chunks(part) {
            while !part.is_empty() {
                plain.extend(unpacker.unpack(&mut part)?);
            }
        }
        plain.extend(unpacker.finish()?);
        Ok(plain)
    }

    #[test]
    fn what_was_packed_comes_out_whole_in_whatever_parts_it_comes() {
        let plain: Vec<u8> =
            (0_u32..100_000).flat_map(|number| number.wrapping_mul(number).to_le_bytes()).collect();
        let zstd = zstd::bulk::compress(&plain, 3).expect("packed");
        // Several packed one after the other are one.
        let (half, rest) = plain.split_at(plain.len() / 3);
        let twice = [gzip(half), gzip(rest)].concat();
        for part in [1, 7, 4096, usize::MAX] {
            assert_eq!(unpacked(Coding::Identity, &plain, part.max(64)).expect("plain"), plain);
            assert_eq!(unpacked(Coding::Gzip, &gzip(&plain), part).expect("gzip"), plain);
            assert_eq!(unpacked(Coding::Gzip, &twice, part).expect("gzip"), plain);
            assert_eq!(unpacked(Coding::Zstd, &zstd, part).expect("zstd"), plain);
        }
    }

    #[test]
    fn what_is_cut_off_broken_or_of_another_kind_is_an_error() {
        let plain = b"{\"kind\":\"price\"}\n".repeat(1000);
        let zstd = zstd::bulk::compress(&plain, 3).expect("packed");
        for (coding, packed) in [(Coding::Gzip, gzip(&plain)), (Coding::Zstd, zstd)] {
            for end in [0, 1, packed.len() / 2, packed.len() - 1] {
                assert!(unpacked(coding, &packed[..end], 16).is_err(), "{coding:?} cut off at {end}");
            }
            let mut broken = packed.clone();
            broken[packed.len() / 2] ^= 0xFF;
            assert_ne!(unpacked(coding, &broken, 16).ok(), Some(plain.clone()), "{coding:?}");
            assert!(unpacked(coding, &plain, 16).is_err());
        }
    }

    #[test]
    fn little_comes_out_at_a_time_however_much_is_packed() {
        let bomb = vec![0; 4 * 1024 * 1024];
        let zstd = zstd::bulk::compress(&bomb, 19).expect("packed");
        for (coding, packed) in [(Coding::Gzip, gzip(&bomb)), (Coding::Zstd, zstd)] {
            let mut unpacker = Unpacker::new(coding).expect("an unpacker");
            let mut rest = packed.as_slice();
            while !rest.is_empty() {
                let length = unpacker.unpack(&mut rest).expect("packed").len();
                assert!(length <= 1024 * 1024, "{coding:?}: {length} bytes at once");
            }
            assert!(is_in_proportion(packed.len(), bomb.len()), "small all the same");
        }
        assert!(!is_in_proportion(1024 * 1024, 300 * 1024 * 1024));
        assert!(is_in_proportion(10 * 1024 * 1024, 300 * 1024 * 1024));
    }
}
