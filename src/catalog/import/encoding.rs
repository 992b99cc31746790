//! The characters of a table: which code page its bytes are in, read as UTF-8 whatever it is.

use std::fs::File;
use std::io::{Read, Seek};

use super::Error;

/// The code page of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, or UTF-16 where a mark says so; a row that is no UTF-8 is read as windows-1252, and says so.
    Auto,
    /// UTF-8: what is none becomes replacement characters, which a rule finds.
    Utf8,
    /// windows-1252, which is what "ANSI" means in Western Europe.
    Windows1252,
    /// ISO 8859-1.
    Iso8859,
    /// UTF-16 with a mark, the lower byte first.
    Utf16Little,
    /// UTF-16 with a mark, the higher byte first.
    Utf16Big,
}

impl Encoding {
    /// The code page of this name, for a file from its beginning.
    pub(super) fn of(name: &str, file: &mut File) -> Result<Self, Error> {
        file.rewind()?;
        let mut mark = [0; 2];
        let read = file.read(&mut mark)?;
        file.rewind()?;
        let marked = match (read, mark) {
            (2, [0xff, 0xfe]) => Some(Self::Utf16Little),
            (2, [0xfe, 0xff]) => Some(Self::Utf16Big),
            _ => None,
        };
        match name.to_ascii_lowercase().as_str() {
            "auto" => Ok(marked.unwrap_or(Self::Auto)),
            "utf-8" | "utf8" => Ok(Self::Utf8),
            "windows-1252" | "cp1252" => Ok(Self::Windows1252),
            "iso-8859-1" | "latin1" => Ok(Self::Iso8859),
            "utf-16" | "utf16" => marked
                .ok_or_else(|| Error::Usage("the table is said to be UTF-16 and has no mark".to_owned())),
            other => Err(Error::Usage(format!(
                "the encoding must be auto, utf-8, windows-1252, iso-8859-1 or utf-16, not {other}"
            ))),
        }
    }
}

/// Bytes that are read and converted at once.
const PART_BYTES: usize = 16 * 1024;

/// A file that reads as UTF-8.
pub(super) struct Recoded {
    file: File,
    encoding: Encoding,
    /// Bytes of a character that is not whole yet.
    begun: Vec<u8>,
    /// The higher half of a character of UTF-16 whose lower one is still to come.
    high: Option<u16>,
    is_mark_read: bool,
    ready: Vec<u8>,
    given: usize,
}

impl Recoded {
    pub(super) fn new(file: File, encoding: Encoding) -> Self {
        let (begun, ready) = (Vec::new(), Vec::new());
        Self { file, encoding, begun, high: None, is_mark_read: false, ready, given: 0 }
    }

    fn refill(&mut self) -> std::io::Result<()> {
        let mut bytes = vec![0; PART_BYTES];
        self.ready.clear();
        self.given = 0;
        // A part may hold no whole character.
        while self.ready.is_empty() {
            let read = self.file.read(&mut bytes)?;
            if read == 0 {
                if self.high.take().is_some() || !std::mem::take(&mut self.begun).is_empty() {
                    self.push(char::REPLACEMENT_CHARACTER);
                }
                return Ok(());
            }
            match self.encoding {
                Encoding::Auto | Encoding::Utf8 => self.ready.extend_from_slice(&bytes[..read]),
                Encoding::Windows1252 => bytes[..read].iter().for_each(|byte| self.push(windows_1252(*byte))),
                Encoding::Iso8859 => bytes[..read].iter().for_each(|byte| self.push(char::from(*byte))),
                Encoding::Utf16Little => self.units(&bytes[..read], u16::from_le_bytes),
                Encoding::Utf16Big => self.units(&bytes[..read], u16::from_be_bytes),
            }
        }
        Ok(())
    }

    fn units(&mut self, bytes: &[u8], unit: fn([u8; 2]) -> u16) {
        let mut begun = std::mem::take(&mut self.begun);
        begun.extend_from_slice(bytes);
        let (pairs, rest) = begun.as_chunks::<2>();
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        units.extend(pairs.iter().map(|pair| unit(*pair)));
        self.begun = rest.to_vec();
        if !self.is_mark_read && !units.is_empty() {
            self.is_mark_read = true;
            units.remove(0);
        }
        if units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
            self.high = units.pop();
        }
        for each in char::decode_utf16(units) {
            self.push(each.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }

    fn push(&mut self, character: char) {
        self.ready.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl Read for Recoded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.ready.len() {
            self.refill()?;
        }
        let left = &self.ready[self.given..];
        let given = left.len().min(buffer.len());
        buffer[..given].copy_from_slice(&left[..given]);
        self.given += given;
        Ok(given)
    }
}

/// The bytes 0x80 to 0x9F of windows-1252; five of them mean nothing.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
    '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
];

/// What a byte of windows-1252 stands for.
pub(super) fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Result<String, Error> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        let encoding = Encoding::of(name, &mut file)?;
        let mut text = String::new();
        Recoded::new(file, encoding).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn bytes_are_read_in_the_code_page_that_was_said() {
        assert_eq!(read("windows-1252", b"K\xe4se 2 \x80").expect("a text"), "Käse 2 €");
        assert_eq!(read("iso-8859-1", b"K\xe4se \x80").expect("a text"), "Käse \u{80}");
        assert_eq!(read("utf-8", "Käse".as_bytes()).expect("a text"), "Käse");
        let text = "Käse 🧀";
        let little: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        for bytes in [&little, &big] {
            assert_eq!(read("utf-16", bytes).expect("a text"), text);
            assert_eq!(read("auto", bytes).expect("a text"), text, "by its mark");
        }
        assert_eq!(read("auto", &little[..5]).expect("a text"), "K\u{fffd}", "cut off");
        assert!(read("utf-16", b"no mark").is_err());
        assert!(read("ebcdic", b"").is_err());
    }

    #[test]
    fn a_character_may_lie_across_two_parts() {
        let text = format!("{}🧀", "a".repeat(PART_BYTES / 2 - 2));
        let little: Vec<u8> =
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read("auto", &little).expect("a text"), text);
    }
}
