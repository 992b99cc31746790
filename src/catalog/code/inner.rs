//! The check digit of a weight or a price inside a number (GS1 General Specifications, 7.9.2 to 7.9.4).
//!
//! Each digit is weighted by a table: `2-` is twice the digit minus its tens, `5+` and `5-` are five times the digit plus
//! and minus its tens, `3` is three times the digit; all of it modulo 10.

const TWO_MINUS: [u8; 10] = [0, 2, 4, 6, 8, 9, 1, 3, 5, 7];
const THREE: [u8; 10] = [0, 3, 6, 9, 2, 5, 8, 1, 4, 7];
const FIVE_PLUS: [u8; 10] = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9];
const FIVE_MINUS: [u8; 10] = [0, 5, 9, 4, 8, 3, 7, 2, 6, 1];

/// The check digit of a value of four or five digits; none for anything else.
pub(super) fn digit_of(value: &str) -> Option<u8> {
    let digits: Vec<usize> = value.bytes().map(|byte| usize::from(byte.wrapping_sub(b'0'))).collect();
    let sum = |tables: &[[u8; 10]]| {
        let products = digits.iter().zip(tables).map(|(digit, table)| table.get(*digit).copied());
        products.sum::<Option<u8>>()
    };
    match digits.len() {
        4 => Some(sum(&[TWO_MINUS, TWO_MINUS, THREE, FIVE_MINUS])? * 3 % 10),
        5 => {
            let rest = (10 - sum(&[FIVE_PLUS, TWO_MINUS, FIVE_MINUS, FIVE_PLUS, TWO_MINUS])? % 10) % 10;
            (0..10).zip(FIVE_MINUS).find(|(_, product)| *product == rest).map(|(digit, _)| digit)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_come_out() {
        for (value, digit) in
            [("2875", 9), ("14685", 6), ("12345", 8), ("00500", 6), ("0000", 0), ("00000", 0)]
        {
            assert_eq!(digit_of(value), Some(digit), "{value}");
        }
        for wrong in ["", "123", "123456", "12a4", "1234é"] {
            assert_eq!(digit_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_tables_follow_their_rules() {
        let products = (0..10_u8).zip(TWO_MINUS).zip(THREE).zip(FIVE_PLUS).zip(FIVE_MINUS);
        for ((((digit, two_minus), three), five_plus), five_minus) in products {
            let (twice, five) = (digit * 2, digit * 5);
            assert_eq!(two_minus, (twice + 10 - twice / 10) % 10);
            assert_eq!((three, five_plus), (digit * 3 % 10, (five + five / 10) % 10));
            assert_eq!(five_minus, (five + 10 - five / 10) % 10);
        }
    }
}
