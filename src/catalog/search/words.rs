//! Texts cut into words that compare as people mean them: without capitals, accents and ligatures.
//!
//! Umlauts have two forms, because people write both: `Käse` is found by `kase` and by `kaese`.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters of a word that count; longer ones are cut.
const LETTERS_MAX: usize = 40;

/// A word in the forms that it may be written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Umlauts without their dots.
    pub(super) plain: String,
    /// Umlauts as two letters; none when that makes no difference.
    pub(super) long: Option<String>,
}

impl Word {
    /// The forms, one or two.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.plain.as_str()).chain(self.long.as_deref())
    }
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let text: String = text.nfkc().flat_map(char::to_lowercase).collect();
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let (mut plain, mut long) =
                (String::with_capacity(word.len()), String::with_capacity(word.len()));
            for letter in word.chars().take(LETTERS_MAX) {
                fold(letter, &mut plain, &mut long);
            }
            let long = (long != plain).then_some(long);
            Word { plain, long }
        })
        .filter(|word| !word.plain.is_empty())
        .collect()
}

/// The text as names are sorted by.
pub(super) fn sorting(text: &str) -> String {
    let words: Vec<String> = words(text).into_iter().map(|word| word.plain).collect();
    words.join(" ")
}

fn fold(letter: char, plain: &mut String, long: &mut String) {
    let (one, other) = match letter {
        'ä' => ("a", "ae"),
        'ö' | 'ø' => ("o", "oe"),
        'ü' => ("u", "ue"),
        'å' => ("a", "aa"),
        'ß' => ("ss", "ss"),
        'æ' => ("ae", "ae"),
        'œ' => ("oe", "oe"),
        'ł' => ("l", "l"),
        'đ' | 'ð' => ("d", "d"),
        'þ' => ("th", "th"),
        'ı' => ("i", "i"),
        letter => {
            if letter.is_ascii() {
                plain.push(letter);
                long.push(letter);
                return;
            }
            for part in std::iter::once(letter).nfd().filter(|part| !is_combining_mark(*part)) {
                plain.push(part);
                long.push(part);
            }
            return;
        }
    };
    plain.push_str(one);
    long.push_str(other);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.plain).collect()
    }

    #[test]
    fn words_are_without_capitals_accents_and_ligatures() {
        assert_eq!(plain("Crème FRAÎCHE, 3,5%"), ["creme", "fraiche", "3", "5"]);
        assert_eq!(plain("Weißbier & Cœur d'Œuf"), ["weissbier", "coeur", "d", "oeuf"]);
        assert_eq!(plain("Ka\u{308}se żółty"), ["kase", "zolty"]);
        assert_eq!(plain("Молоко ½"), ["молоко", "1", "2"]);
        assert_eq!(plain("...!"), Vec::<String>::new());
    }

    #[test]
    fn umlauts_have_two_forms() {
        let word = &words("Müsli")[0];
        assert_eq!(word.forms().collect::<Vec<_>>(), ["musli", "muesli"]);
        assert_eq!(words("Milch")[0].long, None);
    }
}
