//! QR codes by hand (ISO/IEC 18004): up to 32 bytes in version 2 with error correction L and mask 0, as a PNG.

/// Modules on each side of version 2.
const SIZE: usize = 25;
/// Codewords of data, and of error correction, of version 2-L: one block.
const DATA: usize = 34;
const CORRECTION: usize = 10;
/// What follows the length that says how many bytes there are: two halves of a codeword are taken by the head.
const BYTES_MAX: usize = DATA - 2;
/// Error correction L and mask 0, with their own check bits, as they stand beside the finders (table C.1).
const FORMAT: u32 = 0b111_0111_1100_0100;
/// Light modules around the code, on each side.
const QUIET: usize = 4;
/// Dots of a module, on each side: one byte of a row.
const DOTS: usize = 8;

/// A picture of the code of a text; what is too long for it is cut.
pub fn png(text: &str) -> Vec<u8> {
    let modules = code(text);
    let side = SIZE + 2 * QUIET;
    let mut rows = Vec::with_capacity(side * DOTS * (side + 1));
    for y in 0..side {
        let is_dark = |x: usize| {
            let place = y.checked_sub(QUIET).zip(x.checked_sub(QUIET));
            place.is_some_and(|(y, x)| y < SIZE && x < SIZE && modules[y][x])
        };
        let row: Vec<u8> = (0..side).map(|x| if is_dark(x) { 0 } else { 0xFF }).collect();
        for _ in 0..DOTS {
            // Each row says that it is not filtered.
            rows.push(0);
            rows.extend_from_slice(&row);
        }
    }
    let dots = u32::try_from(side * DOTS).unwrap_or_default().to_be_bytes();
    // One bit of grey for each dot.
    let head = [dots.as_slice(), &dots, &[1, 0, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &head);
    chunk(&mut file, *b"IDAT", &stored(&rows));
    chunk(&mut file, *b"IEND", &[]);
    file
}

type Modules = [[bool; SIZE]; SIZE];

/// Rows of modules; true is dark.
fn code(text: &str) -> Modules {
    let (mut modules, fixed) = pattern();
    let mut bits =
        codewords(text).into_iter().flat_map(|word| (0..8).rev().map(move |bit| word >> bit & 1 == 1));
    // Pairs of columns from the right, up and down by turns; the column of the timing pattern is stepped over.
    let columns = (0..SIZE).rev().filter(|x| *x != 6).collect::<Vec<_>>();
    for (turn, pair) in columns.chunks(2).enumerate() {
        for step in 0..SIZE {
            let y = if turn % 2 == 0 { SIZE - 1 - step } else { step };
            for x in pair {
                if !fixed[y][*x] {
                    modules[y][*x] = bits.next().unwrap_or_default() ^ ((*x + y) % 2 == 0);
                }
            }
        }
    }
    modules
}

/// What is the same in every code of this version, and where it stands.
fn pattern() -> (Modules, Modules) {
    let mut modules = [[false; SIZE]; SIZE];
    let mut fixed = [[false; SIZE]; SIZE];
    let mut set = |x: usize, y: usize, is_dark: bool| {
        modules[y][x] = is_dark;
        fixed[y][x] = true;
    };
    for place in 0..SIZE {
        set(place, 6, place % 2 == 0);
        set(6, place, place % 2 == 0);
    }
    let far = SIZE - 7;
    for (left, top) in [(0, 0), (far, 0), (0, far)] {
        // With the light border that parts it from the data, where there is room for one.
        for y in top.saturating_sub(1)..(top + 8).min(SIZE) {
            for x in left.saturating_sub(1)..(left + 8).min(SIZE) {
                let ring = x.abs_diff(left + 3).max(y.abs_diff(top + 3));
                set(x, y, ring != 2 && ring != 4);
            }
        }
    }
    for y in SIZE - 9..SIZE - 4 {
        for x in SIZE - 9..SIZE - 4 {
            set(x, y, x.abs_diff(SIZE - 7).max(y.abs_diff(SIZE - 7)) != 1);
        }
    }
    for bit in 0..15 {
        let is_dark = FORMAT >> bit & 1 == 1;
        let first = match bit {
            0..=5 => (8, bit),
            6 | 7 => (8, bit + 1),
            8 => (7, 8),
            _ => (14 - bit, 8),
        };
        let second = if bit < 8 { (SIZE - 1 - bit, 8) } else { (8, SIZE - 15 + bit) };
        for (x, y) in [first, second] {
            set(x, y, is_dark);
        }
    }
    set(8, SIZE - 8, true);
    (modules, fixed)
}

/// The bytes of a text with their head, filled up, and their error correction.
fn codewords(text: &str) -> Vec<u8> {
    let bytes = &text.as_bytes()[..text.len().min(BYTES_MAX)];
    // Half a codeword says that bytes follow, a whole one how many.
    let length = u8::try_from(bytes.len()).unwrap_or_default();
    let mut nibbles = vec![4, length >> 4, length & 15];
    nibbles.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]));
    nibbles.push(0);
    let mut words: Vec<u8> = nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let filling = [0xEC, 0x11].into_iter().cycle().take(DATA - words.len());
    words.extend(filling);
    let check = correction(&words);
    words.extend(check);
    words
}

/// The rest of the data by the generator of Reed and Solomon.
fn correction(data: &[u8]) -> [u8; CORRECTION] {
    let mut generator = [0; CORRECTION];
    generator[CORRECTION - 1] = 1;
    let mut root = 1;
    for _ in 0..CORRECTION {
        for place in 0..CORRECTION {
            let next = generator.get(place + 1).copied().unwrap_or_default();
            generator[place] = times(generator[place], root) ^ next;
        }
        root = times(root, 2);
    }
    let mut rest = [0; CORRECTION];
    for word in data {
        let factor = word ^ rest[0];
        rest.rotate_left(1);
        rest[CORRECTION - 1] = 0;
        for (place, each) in generator.iter().enumerate() {
            rest[place] ^= times(*each, factor);
        }
    }
    rest
}

/// The product in the field of 256 elements, modulo x^8 + x^4 + x^3 + x^2 + 1.
fn times(left: u8, right: u8) -> u8 {
    let mut product = 0;
    for bit in (0..8).rev() {
        let overflows = product & 0x80 != 0;
        product <<= 1;
        if overflows {
            product ^= 0x1D;
        }
        if right >> bit & 1 == 1 {
            product ^= left;
        }
    }
    product
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend_from_slice(&u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
    let from = file.len();
    file.extend_from_slice(&kind);
    file.extend_from_slice(data);
    let check = !file[from..].iter().fold(u32::MAX, |check, byte| {
        (0..8).fold(check ^ u32::from(*byte), |check, _| {
            if check & 1 == 1 { check >> 1 ^ 0xEDB8_8320 } else { check >> 1 }
        })
    });
    file.extend_from_slice(&check.to_be_bytes());
}

/// Bytes as one block of zlib that is not packed (RFC 1950, RFC 1951); fewer than 65,536.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    let mut out = vec![0x78, 0x01, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(&(high << 16 | low).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_the_code_that_another_maker_of_codes_makes_of_it() {
        let rows = code("a text of 00340434000000000013 !");
        let text =
            |row: &[bool; SIZE]| row.iter().map(|dark| if *dark { '#' } else { '.' }).collect::<String>();
        let drawn: Vec<String> = rows.iter().map(text).collect();
        // Full, for how a shorter one is filled up makers differ in. Segno 1.6.6: `make(b"...", version=2, error="L", mask=0, mode="byte", boost_error=False)`.
        assert_eq!(drawn, EXPECTED);
    }

    const EXPECTED: [&str; SIZE] = [
        "#######....##..##.#######",
        "#.....#....######.#.....#",
        "#.###.#.#...#.###.#.###.#",
        "#.###.#....##..##.#.###.#",
        "#.###.#...###..##.#.###.#",
        "#.....#..#.#.#.#..#.....#",
        "#######.#.#.#.#.#.#######",
        "........##.#.#.##........",
        "###.#######..##..##...#..",
        "###.....##...##..###....#",
        ".#...##...#.#.#.#.#...###",
        ".#####.#.###.#.#.#.....#.",
        "..#.#.#...#..##...#.....#",
        ".#..#..##....##...#....##",
        "#..##.#.#.#.#.#.#.##.##.#",
        ".###...#####.#.###..#....",
        "#..#.####.#..##.######..#",
        "........##...##.#...#####",
        "#######.##..#.###.#.#.###",
        "#.....#.#..#.#.##...#..#.",
        "#.###.#.#.#..##.######..#",
        "#.###.#...#..##.##.##..##",
        "#.###.#.#...#.#.##.##.#.#",
        "#.....#.##.#.#..##.#.#.#.",
        "#######.###..##.#.#.#..##",
    ];
}
