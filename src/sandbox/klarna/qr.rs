//! A QR code (ISO/IEC 18004) of an address, as an SVG picture: byte mode, level M, versions 1 to 10.
//!
//! The mask is always the first one: every reader reads any mask, and the best is worth no code in a sandbox.

use std::fmt::Write as _;

/// Of each version from 1 on: error correction codewords a block, and the data codewords of each block.
const BLOCKS: [(usize, &[usize]); 10] = [
    (10, &[16]),
    (16, &[28]),
    (26, &[44]),
    (18, &[32, 32]),
    (24, &[43, 43]),
    (16, &[27, 27, 27, 27]),
    (18, &[31, 31, 31, 31]),
    (22, &[38, 38, 39, 39]),
    (22, &[36, 36, 36, 37, 37]),
    (26, &[43, 43, 43, 43, 44]),
];
/// Of each version from 1 on: the rows and columns on which alignment patterns are centred.
const ALIGNMENTS: [&[usize]; 10] = [
    &[],
    &[6, 18],
    &[6, 22],
    &[6, 26],
    &[6, 30],
    &[6, 34],
    &[6, 22, 38],
    &[6, 24, 42],
    &[6, 26, 46],
    &[6, 28, 50],
];
/// Level M and mask 0 with their check bits, and the pattern laid over them.
const FORMAT: u32 = 0x5412;
/// Modules of white around the code.
const QUIET: usize = 4;

/// The picture; none when the text is too long.
pub fn svg(text: &str) -> Option<String> {
    let code = Code::of(text.as_bytes())?;
    let side = code.side + 2 * QUIET;
    let mut path = String::new();
    for (row, modules) in code.modules.iter().enumerate() {
        for (column, _) in modules.iter().enumerate().filter(|(_, dark)| **dark == Some(true)) {
            // Writing to a text can't fail.
            let _ = write!(path, "M{} {}h1v1h-1z", column + QUIET, row + QUIET);
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"320\" height=\"320\" \
         shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

struct Code {
    side: usize,
    /// By row and column; none until it is set.
    modules: Vec<Vec<Option<bool>>>,
}

impl Code {
    fn of(text: &[u8]) -> Option<Code> {
        let fits = |version: &usize| {
            let (_, blocks) = BLOCKS[version - 1];
            text.len() + if *version < 10 { 2 } else { 3 } <= blocks.iter().sum()
        };
        let version = (1..=BLOCKS.len()).find(fits)?;
        let side = 17 + 4 * version;
        let mut code = Code { side, modules: vec![vec![None; side]; side] };
        code.draw_patterns(version);
        code.draw_data(&codewords(version, text));
        Some(code)
    }

    fn set(&mut self, row: usize, column: usize, dark: bool) {
        self.modules[row][column] = Some(dark);
    }

    fn draw_patterns(&mut self, version: usize) {
        let side = self.side;
        for (top, left) in [(0, 0), (0, side - 7), (side - 7, 0)] {
            self.draw_finder(top, left);
        }
        let centres = ALIGNMENTS[version - 1];
        for &row in centres {
            for &column in centres {
                // Where the finders are, there is no alignment pattern.
                if self.modules[row][column].is_none() {
                    self.draw_alignment(row, column);
                }
            }
        }
        for at in 8..side - 8 {
            self.set(6, at, at % 2 == 0);
            self.set(at, 6, at % 2 == 0);
        }
        self.draw_format();
        if version >= 7 {
            self.draw_version(version);
        }
    }

    /// A finder and the white around it, as far as the code reaches.
    fn draw_finder(&mut self, top: usize, left: usize) {
        for y in 0..9_usize {
            for x in 0..9_usize {
                let (row, column) = (top + y, left + x);
                let inside = (1..=self.side).contains(&row) && (1..=self.side).contains(&column);
                if inside {
                    let ring = y.abs_diff(4).max(x.abs_diff(4));
                    self.set(row - 1, column - 1, ring != 2 && ring != 4);
                }
            }
        }
    }

    fn draw_alignment(&mut self, row: usize, column: usize) {
        for (y, x) in (0..25_usize).map(|at| (at / 5, at % 5)) {
            let ring = y.abs_diff(2).max(x.abs_diff(2));
            self.set(row + y - 2, column + x - 2, ring != 1);
        }
    }

    fn draw_format(&mut self) {
        let side = self.side;
        for bit in 0..15 {
            let dark = FORMAT >> bit & 1 == 1;
            // Down beside the first finder, and leftwards below the second.
            let row = match bit {
                0..6 => bit,
                6..8 => bit + 1,
                _ => side - 15 + bit,
            };
            self.set(row, 8, dark);
            let column = match bit {
                0..8 => side - 1 - bit,
                8 => 7,
                _ => 14 - bit,
            };
            self.set(8, column, dark);
        }
        self.set(side - 8, 8, true);
    }

    fn draw_version(&mut self, version: usize) {
        let number = u32::try_from(version).unwrap_or_default();
        let mut rest = number << 12;
        for bit in (12..18).rev() {
            if rest >> bit & 1 == 1 {
                rest ^= 0x1f25 << (bit - 12);
            }
        }
        let bits = number << 12 | rest;
        for bit in 0..18 {
            let dark = bits >> bit & 1 == 1;
            let (near, far) = (bit / 3, self.side - 11 + bit % 3);
            self.set(near, far, dark);
            self.set(far, near, dark);
        }
    }

    /// Two columns at a time, from the right, up and down in turn, with the mask on it.
    fn draw_data(&mut self, codewords: &[u8]) {
        let mut bits = codewords.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
        let rights = (0..self.side).rev().filter(|column| column % 2 == 0 && *column > 6);
        let pairs: Vec<usize> = rights.chain([5, 3, 1]).collect();
        for (index, right) in pairs.into_iter().enumerate() {
            for step in 0..self.side {
                let row = if index % 2 == 0 { self.side - 1 - step } else { step };
                for column in [right, right - 1] {
                    if self.modules[row][column].is_none() {
                        let dark = bits.next().unwrap_or(false);
                        self.set(row, column, dark ^ ((row + column) % 2 == 0));
                    }
                }
            }
        }
    }
}

/// Data and error correction of all blocks, one codeword of each in turn.
fn codewords(version: usize, text: &[u8]) -> Vec<u8> {
    let (correction, blocks) = BLOCKS[version - 1];
    let data = data(version, text, blocks.iter().sum());
    let mut parts = Vec::new();
    let mut rest = data.as_slice();
    for length in blocks {
        let (block, after) = rest.split_at(*length);
        parts.push((block, remainder(block, correction)));
        rest = after;
    }
    let longest = blocks.iter().copied().max().unwrap_or(0);
    let of_data =
        (0..longest).flat_map(|at| parts.iter().filter_map(move |(block, _)| block.get(at).copied()));
    let of_checks =
        (0..correction).flat_map(|at| parts.iter().filter_map(move |(_, checks)| checks.get(at).copied()));
    of_data.chain(of_checks).collect()
}

/// Mode, length, text, end and filling.
fn data(version: usize, text: &[u8], length: usize) -> Vec<u8> {
    let count = u16::try_from(text.len()).unwrap_or_default().to_be_bytes();
    let count = if version < 10 { &count[1..] } else { &count[..] };
    // The mode takes half a byte, so everything is moved by that much.
    let mut bytes = vec![0x40];
    for byte in count.iter().chain(text) {
        let last = bytes.len() - 1;
        bytes[last] |= byte >> 4;
        bytes.push(byte << 4);
    }
    bytes.extend([0xec, 0x11].into_iter().cycle().take(length - bytes.len()));
    bytes
}

/// The remainder of the block by the generator polynomial of this degree.
fn remainder(block: &[u8], degree: usize) -> Vec<u8> {
    let mut generator = vec![0; degree];
    generator[degree - 1] = 1;
    let mut root = 1;
    for _ in 0..degree {
        for at in 0..degree {
            let next = generator.get(at + 1).copied().unwrap_or(0);
            generator[at] = times(generator[at], root) ^ next;
        }
        root = times(root, 2);
    }
    let mut rest = vec![0; degree];
    for byte in block {
        let factor = byte ^ rest.remove(0);
        rest.push(0);
        for (at, coefficient) in generator.iter().enumerate() {
            rest[at] ^= times(*coefficient, factor);
        }
    }
    rest
}

/// In the field of 256 elements over 0x11d.
fn times(one: u8, other: u8) -> u8 {
    let mut product = 0;
    for bit in (0..8).rev() {
        let carry = product & 0x80 != 0;
        product <<= 1;
        if carry {
            product ^= 0x1d;
        }
        if other >> bit & 1 == 1 {
            product ^= one;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_correction_is_that_of_the_standards_own_example() {
        // ISO/IEC 18004, annex I: "01234567" as version 1-M.
        let block = [16, 32, 12, 86, 97, 128, 236, 17, 236, 17, 236, 17, 236, 17, 236, 17];
        assert_eq!(remainder(&block, 10), [165, 36, 212, 193, 237, 54, 199, 135, 44, 85]);
    }

    #[test]
    fn every_module_is_set_in_every_version() {
        for length in [1, 20, 40, 60, 80, 100, 120, 150, 180, 213] {
            let code = Code::of(&vec![b'a'; length]).unwrap();
            assert!(code.modules.iter().flatten().all(Option::is_some), "{length}");
        }
        assert!(svg(&"a".repeat(214)).is_none());
    }
}
