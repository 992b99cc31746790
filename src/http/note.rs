//! What people write beside a decision, for whoever looks later.

use serde::Deserialize;

/// Longest note, in characters: a few sentences.
const LENGTH_MAX: usize = 500;

/// A note: 1 to 500 characters without control characters but line breaks, blanks at its ends cut off. A body with another one
/// is refused as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Note(String);

/// Nothing said, too much, or something that can't be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a note has 1 to {LENGTH_MAX} characters")]
pub struct NotANote;

impl TryFrom<String> for Note {
    type Error = NotANote;

    fn try_from(text: String) -> Result<Self, NotANote> {
        let text = text.trim();
        let is_plain = !text.chars().any(|each| each.is_control() && each != '\n');
        let is_note = is_plain && (1..=LENGTH_MAX).contains(&text.chars().count());
        is_note.then(|| Self(text.to_owned())).ok_or(NotANote)
    }
}

impl From<Note> for String {
    fn from(note: Note) -> Self {
        note.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_something_in_at_most_five_hundred_characters_of_any_alphabet() {
        let note = |text: &str| Note::try_from(text.to_owned()).map(String::from);
        assert_eq!(note(" seen in the books\n").as_deref(), Ok("seen in the books"));
        assert_eq!(note(&"ß".repeat(500)), Ok("ß".repeat(500)));
        assert_eq!(note("first\nsecond").as_deref(), Ok("first\nsecond"));
        for wrong in [" ", "", "a\u{0}b", &"a".repeat(501)] {
            assert_eq!(note(wrong), Err(NotANote), "{wrong:?}");
        }
    }
}
