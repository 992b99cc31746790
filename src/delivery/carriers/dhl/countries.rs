//! Shipping speaks ISO 3166-1 alpha-3, we speak alpha-2.

/// Where parcels go without a customs declaration: the European Union.
const EUROPEAN_UNION: [(&str, &str); 27] = [
    ("AT", "AUT"),
    ("BE", "BEL"),
    ("BG", "BGR"),
    ("CY", "CYP"),
    ("CZ", "CZE"),
    ("DE", "DEU"),
    ("DK", "DNK"),
    ("EE", "EST"),
    ("ES", "ESP"),
    ("FI", "FIN"),
    ("FR", "FRA"),
    ("GR", "GRC"),
    ("HR", "HRV"),
    ("HU", "HUN"),
    ("IE", "IRL"),
    ("IT", "ITA"),
    ("LT", "LTU"),
    ("LU", "LUX"),
    ("LV", "LVA"),
    ("MT", "MLT"),
    ("NL", "NLD"),
    ("PL", "POL"),
    ("PT", "PRT"),
    ("RO", "ROU"),
    ("SE", "SWE"),
    ("SI", "SVN"),
    ("SK", "SVK"),
];

/// The alpha-3 code of a country that we deliver to.
pub fn alpha_3(alpha_2: &str) -> Option<&'static str> {
    EUROPEAN_UNION.iter().find(|(short, _)| *short == alpha_2).map(|(_, long)| *long)
}

#[cfg(test)]
mod tests {
    use super::super::super::countries;
    use super::*;

    #[test]
    fn every_member_of_the_union_has_its_long_code() {
        let short: Vec<&str> = EUROPEAN_UNION.iter().map(|(short, _)| *short).collect();
        assert_eq!(short, countries::EUROPEAN_UNION);
    }
}
