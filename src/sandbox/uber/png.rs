//! A small black and white PNG by hand, for proofs: stored, not compressed.

use crate::sandbox::digest::sha256_hex;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 80;

/// A curve that differs with the text.
pub fn squiggle(text: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        sha256_hex(text.as_bytes()).chars().filter_map(|digit| digit.to_digit(16)).collect();
    let height_at = |x: u32| {
        let at = |place: u32| {
            let place = usize::try_from(place).unwrap_or_default() % digits.len().max(1);
            digits.get(place).copied().unwrap_or_default() * 4 + 8
        };
        let (from, to) = (at(x / 20), at(x / 20 + 1));
        (from * (20 - x % 20) + to * (x % 20)) / 20
    };
    let is_black = |x: u32, y: u32| height_at(x).abs_diff(y) < 2;
    let mut rows = Vec::new();
    for y in 0..HEIGHT {
        rows.push(0);
        for byte in 0..WIDTH / 8 {
            let bits = (0..8).fold(0_u8, |bits, bit| bits << 1 | u8::from(!is_black(byte * 8 + bit, y)));
            rows.push(bits);
        }
    }
    let mut head = Vec::new();
    head.extend(WIDTH.to_be_bytes());
    head.extend(HEIGHT.to_be_bytes());
    // One bit a pixel, grey, and the only method there is of the rest.
    head.extend([1, 0, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, *b"IHDR", &head);
    chunk(&mut out, *b"IDAT", &stored(&rows));
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    out.extend(u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    let body: Vec<u8> = name.iter().chain(data).copied().collect();
    out.extend(&body);
    out.extend(crc_32(&body).to_be_bytes());
}

/// A zlib stream of one block, which holds up to 65,535 bytes.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let mut out = vec![0x78, 0x01, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(data);
    out.extend(adler_32(data).to_be_bytes());
    out
}

fn crc_32(data: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    };
    !data.iter().fold(u32::MAX, step)
}

fn adler_32(data: &[u8]) -> u32 {
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(crc_32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler_32(b"Wikipedia"), 0x11E6_0398);
        let image = squiggle("a");
        assert!(image.starts_with(b"\x89PNG") && image.ends_with(&[0xAE, 0x42, 0x60, 0x82]));
        assert_ne!(image, squiggle("b"));
    }
}
