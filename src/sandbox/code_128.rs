//! Code 128, the bars of parcel labels, as widths of bars and gaps in modules.

/// The widths of bars and gaps of the symbols 0 to 105; the stop symbol follows separately.
const SYMBOLS: &str = "\
    212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 \
    123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 \
    232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 \
    313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 \
    111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 \
    111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 \
    114311 411113 411311 113141 114131 311141 411131 211412 211214 211232";
const STOP: &str = "2331112";
const FUNCTION_1: usize = 102;
const START_B: usize = 104;
const START_C: usize = 105;

/// A number of an even count of digits in set C, with the leading function 1 of a GS1 code.
pub fn gs1_digits(digits: &str) -> Vec<u32> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        pair.iter().fold(0, |value, digit| value * 10 + usize::from(digit.saturating_sub(b'0').min(9)))
    });
    let values: Vec<usize> = [FUNCTION_1].into_iter().chain(pairs).collect();
    bars(START_C, &values)
}

/// A text of printable ASCII in set B; other characters become question marks.
pub fn text(text: &str) -> Vec<u32> {
    let value = |character: char| match u8::try_from(character) {
        Ok(byte @ b' '..=b'~') => usize::from(byte - b' '),
        _ => usize::from(b'?' - b' '),
    };
    let values: Vec<usize> = text.chars().map(value).collect();
    bars(START_B, &values)
}

fn bars(start: usize, values: &[usize]) -> Vec<u32> {
    let symbols: Vec<&str> = SYMBOLS.split_whitespace().collect();
    let weighted: usize = values.iter().enumerate().map(|(place, value)| (place + 1) * value).sum();
    let check = (start + weighted) % 103;
    [start]
        .into_iter()
        .chain(values.iter().copied())
        .chain([check])
        .map(|value| symbols[value])
        .chain([STOP])
        .flat_map(|widths| widths.bytes().map(|width| u32::from(width - b'0')))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_symbol_is_eleven_modules_wide_and_unlike_the_others() {
        let symbols: Vec<&str> = SYMBOLS.split_whitespace().collect();
        assert_eq!(symbols.len(), 106);
        assert_eq!(symbols.iter().collect::<BTreeSet<_>>().len(), 106);
        for symbol in symbols {
            assert_eq!(symbol.bytes().map(|width| u32::from(width - b'0')).sum::<u32>(), 11, "{symbol}");
        }
    }

    #[test]
    fn a_number_takes_its_known_width() {
        assert_eq!(gs1_digits("00340434000000000018").iter().sum::<u32>(), 13 * 11 + 13);
    }

    #[test]
    fn a_text_ends_with_the_check_symbol_that_is_published_for_it() {
        // The usual example, PJJ123C: its check value is 54 with start A, and so 55 with start B.
        let bars = text("PJJ123C");
        let expected: Vec<u32> = SYMBOLS
            .split_whitespace()
            .nth(55)
            .unwrap()
            .bytes()
            .map(|width| u32::from(width - b'0'))
            .collect();
        let at = bars.len() - STOP.len() - expected.len();
        assert_eq!(bars[at..at + expected.len()], expected);
    }
}
