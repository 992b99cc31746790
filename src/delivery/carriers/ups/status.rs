//! UPS's numbers of statuses and what they mean. The letters beside them are too coarse: `D` also covers what is loaded for
//! delivery.

use crate::delivery::carrier::ParcelStatus;

/// The table of the numbers that are known; UPS publishes no whole list, and others must not stop the rest.
pub fn canonical(number: u32) -> Option<ParcelStatus> {
    use ParcelStatus::{
        Announced, AtPickupPoint, Cancelled, Delivered, Exception, FailedAttempt, InTransit, Lost,
        OutForDelivery, PickedUp, Returned, Returning,
    };
    Some(match number {
        3 | 44 | 45 | 79 | 80 | 157 => Announced,
        7 | 43 => Cancelled,
        38 | 160 | 167..=169 => PickedUp,
        5 | 10 | 12 | 14 | 25 | 39 | 47 | 84 | 87 | 158 | 159 => InTransit,
        6 | 21 | 37 | 72 | 78 | 89 | 91 | 146 | 162 => OutForDelivery,
        11 | 26 => Delivered,
        17 | 40 | 100 | 106 | 144 | 161 => AtPickupPoint,
        22..=24 | 60..=62 | 64 | 66 | 95 | 145 => FailedAttempt,
        33 | 35 | 36 | 118 | 119 => Returning,
        34 | 67 | 81 => Returned,
        68 | 147 | 149 => Lost,
        13 | 29 | 32 | 46 | 48..=53 | 59 | 69 | 83 | 85 | 86 | 90 => Exception,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number of which UPS's documents and its customers speak, spelt out.
    const TABLE: &[(ParcelStatus, &[u32])] = &[
        (ParcelStatus::Announced, &[3, 44, 45, 79, 80, 157]),
        (ParcelStatus::Cancelled, &[7, 43]),
        (ParcelStatus::PickedUp, &[38, 160, 167, 168, 169]),
        (ParcelStatus::InTransit, &[5, 10, 12, 14, 25, 39, 47, 84, 87, 158, 159]),
        (ParcelStatus::OutForDelivery, &[6, 21, 37, 72, 78, 89, 91, 146, 162]),
        (ParcelStatus::Delivered, &[11, 26]),
        (ParcelStatus::AtPickupPoint, &[17, 40, 100, 106, 144, 161]),
        (ParcelStatus::FailedAttempt, &[22, 23, 24, 60, 61, 62, 64, 66, 95, 145]),
        (ParcelStatus::Returning, &[33, 35, 36, 118, 119]),
        (ParcelStatus::Returned, &[34, 67, 81]),
        (ParcelStatus::Lost, &[68, 147, 149]),
        (ParcelStatus::Exception, &[13, 29, 32, 46, 48, 49, 50, 51, 52, 53, 59, 69, 83, 85, 86, 90]),
    ];

    #[test]
    fn every_known_number_means_one_status_and_every_other_none() {
        for number in 0..1_000 {
            let listed: Vec<ParcelStatus> = TABLE
                .iter()
                .filter(|(_, numbers)| numbers.contains(&number))
                .map(|(status, _)| *status)
                .collect();
            assert_eq!(canonical(number).into_iter().collect::<Vec<_>>(), listed, "{number}");
        }
        assert_eq!(TABLE.iter().map(|(_, numbers)| numbers.len()).sum::<usize>(), 78);
    }
}
