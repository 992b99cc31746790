//! Addresses as couriers write them that want a street in one line.

use crate::delivery::carrier::Address;

/// Where the house number stands before the street.
const NUMBER_FIRST: [&str; 5] = ["CA", "FR", "GB", "IE", "US"];

/// A part of an address that is there and not blank.
pub fn named(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Street and house number, in the order of the country.
pub fn street_line(address: &Address) -> String {
    let street = address.street.trim();
    match named(address.house_number.as_deref()) {
        Some(number) if NUMBER_FIRST.contains(&address.country.as_str()) => format!("{number} {street}"),
        Some(number) => format!("{street} {number}"),
        None => street.to_owned(),
    }
}
