//! The state of an address in the United States, which some couriers want and our addresses don't have: it follows from the ZIP
//! code's first three digits (United States Postal Service, list L002).

/// From, to, state.
const ZIP_AREAS: &[(u32, u32, &str)] = &[
    (5, 5, "NY"),
    (10, 27, "MA"),
    (28, 29, "RI"),
    (30, 38, "NH"),
    (39, 49, "ME"),
    (50, 54, "VT"),
    (55, 55, "MA"),
    (56, 59, "VT"),
    (60, 69, "CT"),
    (70, 89, "NJ"),
    (100, 149, "NY"),
    (150, 196, "PA"),
    (197, 199, "DE"),
    (200, 205, "DC"),
    (206, 219, "MD"),
    (220, 246, "VA"),
    (247, 268, "WV"),
    (270, 289, "NC"),
    (290, 299, "SC"),
    (300, 319, "GA"),
    (320, 349, "FL"),
    (350, 369, "AL"),
    (370, 385, "TN"),
    (386, 397, "MS"),
    (398, 399, "GA"),
    (400, 427, "KY"),
    (430, 459, "OH"),
    (460, 479, "IN"),
    (480, 499, "MI"),
    (500, 528, "IA"),
    (530, 549, "WI"),
    (550, 567, "MN"),
    (570, 577, "SD"),
    (580, 588, "ND"),
    (590, 599, "MT"),
    (600, 629, "IL"),
    (630, 658, "MO"),
    (660, 679, "KS"),
    (680, 693, "NE"),
    (700, 714, "LA"),
    (716, 729, "AR"),
    (730, 732, "OK"),
    (733, 733, "TX"),
    (734, 749, "OK"),
    (750, 799, "TX"),
    (800, 816, "CO"),
    (820, 831, "WY"),
    (832, 838, "ID"),
    (840, 847, "UT"),
    (850, 865, "AZ"),
    (870, 884, "NM"),
    (885, 885, "TX"),
    (889, 898, "NV"),
    (900, 961, "CA"),
    (967, 968, "HI"),
    (970, 979, "OR"),
    (980, 994, "WA"),
    (995, 999, "AK"),
];

/// The state of a ZIP code of five or nine digits; `None` for anything else.
pub fn state_of(zip: &str) -> Option<&'static str> {
    let well_formed = matches!(zip.len(), 5 | 9) && zip.bytes().all(|byte| byte.is_ascii_digit());
    let area: u32 = zip.get(..3).filter(|_| well_formed)?.parse().ok()?;
    ZIP_AREAS.iter().find(|(from, to, _)| (*from..=*to).contains(&area)).map(|(_, _, state)| *state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_code_has_a_state_or_is_none() {
        for (zip, state) in
            [("12207", "NY"), ("941101234", "CA"), ("00501", "NY"), ("73301", "TX"), ("96813", "HI")]
        {
            assert_eq!(state_of(zip), Some(state), "{zip}");
        }
        for zip in ["", "1220", "1220A", "12207-1234", "00926", "69900"] {
            assert_eq!(state_of(zip), None, "{zip}");
        }
    }

    #[test]
    fn the_areas_follow_each_other() {
        for pair in ZIP_AREAS.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{pair:?}");
        }
    }
}
