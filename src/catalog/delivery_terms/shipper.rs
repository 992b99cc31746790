//! By what couriers know a store. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The couriers that know each store by a name of its own, and how long that name may be.
const KNOWN_TO: [(&str, usize); 1] = [("gls", 20)];

/// By what a courier knows a store, where that is another shipper of its contract than the account's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CourierShipper {
    /// The courier: `gls`.
    pub carrier: String,
    /// The courier's name of the shipper: GLS's `ContactID`.
    #[schema(min_length = 1, max_length = 20)]
    pub id: String,
}

/// What contradicts itself in them, for people.
pub(super) fn fault(shippers: &[CourierShipper]) -> Option<String> {
    for (number, shipper) in shippers.iter().enumerate() {
        let known_to = KNOWN_TO.iter().find(|(carrier, _)| *carrier == shipper.carrier);
        let Some((_, length_max)) = known_to else {
            return Some("a shipper is of a courier that knows stores one by one: gls".to_owned());
        };
        let is_name = shipper.id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name || !(1..=*length_max).contains(&shipper.id.len()) {
            return Some(format!(
                "a shipper of {} has 1 to {length_max} letters and digits",
                shipper.carrier
            ));
        }
        if shippers[..number].iter().any(|other| other.carrier == shipper.carrier) {
            return Some("a courier knows a store as one shipper".to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_courier_knows_a_store_as_one_shipper_at_most() {
        let found = |shippers: &[(&str, &str)]| {
            let shipper = |(carrier, id): &(&str, &str)| CourierShipper {
                carrier: (*carrier).to_owned(),
                id: (*id).to_owned(),
            };
            fault(&shippers.iter().map(shipper).collect::<Vec<_>>())
        };
        for right in [&[][..], &[("gls", "276a45fkqM")], &[("gls", "276a45fkqM276a45fkqM")]] {
            assert_eq!(found(right), None, "{right:?}");
        }
        for (wrong, words) in [
            (&[("dhl", "33333333330102")][..], "knows stores one by one"),
            (&[("gls", "")], "1 to 20"),
            (&[("gls", "276a45fkqM276a45fkqM2")], "1 to 20"),
            (&[("gls", "276 45")], "1 to 20"),
            (&[("gls", "a"), ("gls", "b")], "one shipper"),
        ] {
            assert!(found(wrong).is_some_and(|fault| fault.contains(words)), "{wrong:?}: {words}");
        }
    }
}
