//! A black and white GIF by hand: a raster of letters and bars, packed with the format's own LZW.

use std::collections::HashMap;

/// Rows of five by seven dots, the leftmost dot the highest of five bits; letters, digits and some signs.
const GLYPHS: &[(char, [u8; 7])] = &[
    ('A', [14, 17, 17, 31, 17, 17, 17]),
    ('B', [30, 17, 17, 30, 17, 17, 30]),
    ('C', [14, 17, 16, 16, 16, 17, 14]),
    ('D', [30, 17, 17, 17, 17, 17, 30]),
    ('E', [31, 16, 16, 30, 16, 16, 31]),
    ('F', [31, 16, 16, 30, 16, 16, 16]),
    ('G', [14, 17, 16, 23, 17, 17, 15]),
    ('H', [17, 17, 17, 31, 17, 17, 17]),
    ('I', [14, 4, 4, 4, 4, 4, 14]),
    ('J', [7, 2, 2, 2, 2, 18, 12]),
    ('K', [17, 18, 20, 24, 20, 18, 17]),
    ('L', [16, 16, 16, 16, 16, 16, 31]),
    ('M', [17, 27, 21, 21, 17, 17, 17]),
    ('N', [17, 17, 25, 21, 19, 17, 17]),
    ('O', [14, 17, 17, 17, 17, 17, 14]),
    ('P', [30, 17, 17, 30, 16, 16, 16]),
    ('Q', [14, 17, 17, 17, 21, 18, 13]),
    ('R', [30, 17, 17, 30, 20, 18, 17]),
    ('S', [15, 16, 16, 14, 1, 1, 30]),
    ('T', [31, 4, 4, 4, 4, 4, 4]),
    ('U', [17, 17, 17, 17, 17, 17, 14]),
    ('V', [17, 17, 17, 17, 17, 10, 4]),
    ('W', [17, 17, 17, 21, 21, 21, 10]),
    ('X', [17, 17, 10, 4, 10, 17, 17]),
    ('Y', [17, 17, 17, 10, 4, 4, 4]),
    ('Z', [31, 1, 2, 4, 8, 16, 31]),
    ('0', [14, 17, 19, 21, 25, 17, 14]),
    ('1', [4, 12, 4, 4, 4, 4, 14]),
    ('2', [14, 17, 1, 2, 4, 8, 31]),
    ('3', [31, 2, 4, 2, 1, 17, 14]),
    ('4', [2, 6, 10, 18, 31, 2, 2]),
    ('5', [31, 16, 30, 1, 1, 17, 14]),
    ('6', [6, 8, 16, 30, 17, 17, 14]),
    ('7', [31, 1, 2, 4, 8, 8, 8]),
    ('8', [14, 17, 17, 14, 17, 17, 14]),
    ('9', [14, 17, 17, 15, 1, 2, 12]),
    ('.', [0, 0, 0, 0, 0, 12, 12]),
    ('-', [0, 0, 0, 31, 0, 0, 0]),
    (',', [0, 0, 0, 0, 12, 4, 8]),
    (':', [0, 12, 12, 0, 12, 12, 0]),
    ('/', [0, 1, 2, 4, 8, 16, 0]),
    ('#', [10, 10, 31, 10, 31, 10, 10]),
];

/// Dots from the upper left corner, black or white.
pub struct Raster {
    width: usize,
    dots: Vec<bool>,
}

impl Raster {
    pub fn new(width: usize, height: usize) -> Raster {
        Raster { width, dots: vec![false; width * height] }
    }

    pub fn bar(&mut self, x: usize, y: usize, width: usize, height: usize) {
        for row in self.dots.chunks_mut(self.width).skip(y).take(height) {
            row.iter_mut().skip(x).take(width).for_each(|dot| *dot = true);
        }
    }

    /// Writes a line, each dot of a letter `scale` dots wide; small letters become capitals.
    pub fn text(&mut self, x: usize, y: usize, scale: usize, text: &str) {
        for (place, character) in text.to_uppercase().chars().enumerate() {
            let Some((_, rows)) = GLYPHS.iter().find(|(known, _)| *known == character) else { continue };
            for (row, bits) in rows.iter().enumerate() {
                for column in (0..5).filter(|column| bits & (16 >> column) != 0) {
                    self.bar(x + (place * 6 + column) * scale, y + row * scale, scale, scale);
                }
            }
        }
    }

    /// Draws bars and gaps in turn, a module `module` dots wide.
    pub fn bars(&mut self, x: usize, y: usize, height: usize, module: usize, modules: &[u32]) {
        let mut left = x;
        for (index, width) in modules.iter().enumerate() {
            let width = usize::try_from(*width).unwrap_or_default() * module;
            if index % 2 == 0 {
                self.bar(left, y, width, height);
            }
            left += width;
        }
    }

    /// The whole file.
    pub fn gif(&self) -> Vec<u8> {
        let dimension = |dots: usize| u16::try_from(dots).unwrap_or(u16::MAX).to_le_bytes();
        let (width, height) = (dimension(self.width), dimension(self.dots.len() / self.width));
        let mut out = b"GIF87a".to_vec();
        out.extend([width, height].concat());
        // One global table of two colours: white, black.
        out.extend([0x80, 0, 0, 255, 255, 255, 0, 0, 0]);
        out.push(b',');
        out.extend([0; 4]);
        out.extend([width, height].concat());
        out.extend([0, CODE_BITS_MIN]);
        for block in packed(&self.dots).chunks(255) {
            out.push(u8::try_from(block.len()).unwrap_or(u8::MAX));
            out.extend(block);
        }
        out.extend([0, b';']);
        out
    }
}

/// GIF asks for two bits at least, even of two colours.
const CODE_BITS_MIN: u8 = 2;
const CLEAR: u16 = 1 << CODE_BITS_MIN;
const END: u16 = CLEAR + 1;
/// The table is begun anew when its codes would need more than twelve bits.
const CODES_MAX: u16 = 4_096;

/// LZW with codes of growing width, least bit first.
fn packed(dots: &[bool]) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut table: HashMap<(u16, bool), u16> = HashMap::new();
    let (mut next, mut width) = (END + 1, u32::from(CODE_BITS_MIN) + 1);
    bits.push(CLEAR, width);
    let mut current: Option<u16> = None;
    for dot in dots {
        let Some(prefix) = current else {
            current = Some(u16::from(*dot));
            continue;
        };
        if let Some(code) = table.get(&(prefix, *dot)) {
            current = Some(*code);
            continue;
        }
        bits.push(prefix, width);
        if next == CODES_MAX {
            bits.push(CLEAR, width);
            table.clear();
            (next, width) = (END + 1, u32::from(CODE_BITS_MIN) + 1);
        } else {
            if next == 1 << width {
                width += 1;
            }
            table.insert((prefix, *dot), next);
            next += 1;
        }
        current = Some(u16::from(*dot));
    }
    bits.push(current.unwrap_or_default(), width);
    bits.push(END, width);
    bits.finish()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, code: u16, width: u32) {
        self.waiting |= u32::from(code) << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push(self.waiting.to_le_bytes()[0]);
            self.waiting >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.waiting.to_le_bytes()[0]);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader as the format's description has it, written apart from the writer.
    fn unpacked(bytes: &[u8]) -> Vec<bool> {
        let mut table: Vec<Vec<bool>> = Vec::new();
        let fresh = || vec![vec![false], vec![true], vec![], vec![], vec![], vec![]];
        let (mut width, mut at, mut out, mut last) = (3, 0, Vec::new(), None::<Vec<bool>>);
        loop {
            let code = (0..width).fold(0, |code, bit: usize| {
                let place = at + bit;
                code | (usize::from(bytes[place / 8] >> (place % 8) & 1) << bit)
            });
            at += width;
            match code {
                4 => (table, width, last) = (fresh(), 3, None),
                5 => return out,
                code => {
                    let entry = match (&last, table.get(code)) {
                        (_, Some(entry)) => entry.clone(),
                        (Some(last), None) => [last.as_slice(), &last[..1]].concat(),
                        (None, None) => panic!("code {code} before its time"),
                    };
                    if let Some(last) = last {
                        table.push([last.as_slice(), &entry[..1]].concat());
                    }
                    out.extend(&entry);
                    last = Some(entry);
                    if table.len() == 1 << width && width < 12 {
                        width += 1;
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let mut raster = Raster::new(400, 600);
        raster.text(10, 10, 3, "1Z A1B2C3");
        raster.bars(10, 100, 80, 2, &[2, 1, 2, 2, 2, 2, 3, 1, 1]);
        // Noise, so that the table fills and is begun anew.
        let mut seed: u32 = 7;
        for dot in raster.dots.iter_mut().skip(120_000) {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *dot = seed >> 31 == 1;
        }
        assert!(raster.dots == unpacked(&packed(&raster.dots)));
    }
}
