//! UPS's numeric statuses: what each is called on the wire, and how far a package has come with it.
//!
//! UPS publishes no whole list; this one has every code of which its documents and its customers speak. The type letters
//! are coarse (`D` also covers what is loaded for delivery), so only the number tells.

use serde::{Deserialize, Serialize};

/// How far a package has come. The order of the first five is the order of a smooth delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Announced,
    PickedUp,
    InTransit,
    OutForDelivery,
    Delivered,
    FailedAttempt,
    AtPickupPoint,
    Exception,
    Returning,
    Returned,
    Lost,
    Cancelled,
}

/// A status as tracking and Track Alert show it.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    /// `statusCode` of tracking, `descriptionCode` of Track Alert.
    pub number: &'static str,
    /// `M`, `P`, `I`, `O`, `D`, `X`, `RS` or `MV`.
    pub kind: &'static str,
    /// The activity's two letters.
    pub code: &'static str,
    pub description: &'static str,
}

const fn status(
    number: &'static str,
    kind: &'static str,
    code: &'static str,
    description: &'static str,
) -> Status {
    Status { number, kind, code, description }
}

const STATUSES: &[Status] = &[
    status("003", "M", "MP", "Shipper created a label, UPS has not received the package yet."),
    status("005", "I", "DP", "Departed from Facility"),
    status("006", "D", "OF", "Out For Delivery"),
    status("007", "MV", "VP", "Shipment information voided"),
    status("010", "I", "AR", "Arrived at Facility"),
    status("011", "D", "FS", "DELIVERED"),
    status("012", "I", "CC", "Clearance in progress"),
    status("013", "X", "EX", "An exception occurred"),
    status("014", "I", "CL", "Clearance completed"),
    status("017", "D", "HC", "Held for customer pickup"),
    status("021", "D", "OT", "Out For Delivery Today"),
    status("022", "X", "A1", "First delivery attempt made"),
    status("023", "X", "A2", "Second delivery attempt made"),
    status("024", "X", "A3", "Final delivery attempt made"),
    status("025", "I", "TP", "Transferred to local post office"),
    status("026", "D", "DP", "Delivered by local post office"),
    status("029", "X", "AR", "Action required"),
    status("032", "X", "WX", "Adverse weather conditions may cause a delay"),
    status("033", "RS", "RR", "Return to sender requested"),
    status("034", "RS", "RD", "Returned to sender"),
    status("035", "RS", "RS", "Returning to sender"),
    status("036", "RS", "RT", "Returning to sender: in transit"),
    status("037", "D", "RO", "On vehicle for delivery"),
    status("038", "P", "PU", "Pickup scan"),
    status("039", "I", "IP", "In transit by post office"),
    status("040", "D", "ZP", "Delivered to UPS Access Point, awaiting customer pickup"),
    status("043", "MV", "VO", "Pickup voided"),
    status("044", "M", "IU", "In transit to UPS"),
    status("045", "M", "OP", "Order processed: in transit to UPS"),
    status("046", "X", "DL", "Delay"),
    status("047", "I", "OS", "Order processed: on the way"),
    status("048", "X", "DY", "Delay: rescheduled delivery"),
    status("049", "X", "DA", "Delay: action required"),
    status("050", "X", "AI", "Address information required"),
    status("051", "X", "DE", "Delay: emergency situation or severe weather"),
    status("052", "X", "DW", "Delay: severe weather"),
    status("053", "X", "DW", "Delay: severe weather, delivery rescheduled"),
    status("059", "X", "HB", "Hold: the premises were closed"),
    status("060", "X", "AT", "Delivery attempted"),
    status("061", "X", "AS", "Delivery attempted: adult signature required"),
    status("062", "X", "FR", "Delivery attempted: funds required"),
    status("064", "X", "RF", "Delivery refused"),
    status("066", "X", "CR", "Delivery attempted: customer requested another day"),
    status("067", "RS", "RM", "Delivered: returned to sender"),
    status("068", "X", "LO", "Merchandise is missing"),
    status("069", "X", "DM", "Damage reported"),
    status("072", "D", "FA", "Out for delivery: final attempt"),
    status("078", "D", "PO", "Out for delivery by post office"),
    status("079", "M", "LP", "Label created by post office"),
    status("080", "M", "LC", "Label created"),
    status("081", "RS", "RP", "Returned to sender by post office"),
    status("083", "X", "NH", "Package not handed over"),
    status("084", "I", "IB", "In transit by rail"),
    status("085", "X", "DC", "Held: documents required"),
    status("086", "X", "ND", "Delay: missed connection"),
    status("087", "I", "IT", "In transit to destination"),
    status("089", "D", "OD", "Out for delivery by partner"),
    status("090", "X", "EP", "Exception of the post office"),
    status("091", "D", "OL", "Loaded on delivery vehicle"),
    status("095", "X", "RC", "Receiver not available"),
    status("100", "D", "LK", "Delivered to locker, awaiting customer pickup"),
    status("106", "D", "HA", "Held at UPS Access Point"),
    status("118", "RS", "RA", "Returning from UPS Access Point"),
    status("119", "RS", "RB", "Return from UPS Access Point requested"),
    status("144", "D", "HF", "Held at UPS facility for customer pickup"),
    status("145", "X", "NA", "No authorised person to sign"),
    status("146", "D", "ON", "Out for delivery nearby"),
    status("147", "X", "LI", "Lost: investigation opened"),
    status("149", "X", "LT", "Lost in transit"),
    status("157", "M", "LD", "Label data received"),
    status("158", "I", "IR", "In transit to a local facility"),
    status("159", "I", "IL", "Arrived at a local facility"),
    status("160", "P", "DO", "Dropped off"),
    status("161", "D", "RD", "Ready for customer pickup"),
    status("162", "D", "OV", "Out for delivery, next stop"),
    status("167", "P", "PA", "Collected at UPS Access Point"),
    status("168", "P", "PB", "Collected from the shipper"),
    status("169", "P", "OR", "Origin scan"),
];

/// The status of a number; `None` when this UPS has never heard of it.
pub fn find(number: &str) -> Option<&'static Status> {
    STATUSES.iter().find(|status| status.number == number)
}

pub fn stage(number: &str) -> Stage {
    match number {
        "003" | "044" | "045" | "079" | "080" | "157" => Stage::Announced,
        "007" | "043" => Stage::Cancelled,
        "038" | "160" | "167" | "168" | "169" => Stage::PickedUp,
        "006" | "021" | "037" | "072" | "078" | "089" | "091" | "146" | "162" => Stage::OutForDelivery,
        "011" | "026" => Stage::Delivered,
        "017" | "040" | "100" | "106" | "144" | "161" => Stage::AtPickupPoint,
        "022" | "023" | "024" | "060" | "061" | "062" | "064" | "066" | "095" | "145" => Stage::FailedAttempt,
        "033" | "035" | "036" | "118" | "119" => Stage::Returning,
        "034" | "067" | "081" => Stage::Returned,
        "068" | "147" | "149" => Stage::Lost,
        "013" | "029" | "032" | "046" | "048" | "049" | "050" | "051" | "052" | "053" | "059" | "069"
        | "083" | "085" | "086" | "090" => Stage::Exception,
        _ => Stage::InTransit,
    }
}

impl Stage {
    /// The status of the stage that "advance" leads to; none from the end of a travel.
    pub fn next_status(self) -> Option<&'static str> {
        match self {
            Stage::Announced => Some("038"),
            Stage::PickedUp => Some("005"),
            Stage::InTransit | Stage::FailedAttempt | Stage::Exception => Some("021"),
            Stage::OutForDelivery | Stage::AtPickupPoint => Some("011"),
            Stage::Returning => Some("034"),
            Stage::Delivered | Stage::Returned | Stage::Lost | Stage::Cancelled => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Announced => "announced",
            Stage::PickedUp => "picked up",
            Stage::InTransit => "in transit",
            Stage::OutForDelivery => "out for delivery",
            Stage::Delivered => "delivered",
            Stage::FailedAttempt => "failed attempt",
            Stage::AtPickupPoint => "at pickup point",
            Stage::Exception => "exception",
            Stage::Returning => "returning",
            Stage::Returned => "returned",
            Stage::Lost => "lost",
            Stage::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_three_digits_and_stands_once() {
        for pair in STATUSES.windows(2) {
            assert!(pair[0].number < pair[1].number, "{}", pair[1].number);
        }
        assert!(STATUSES.iter().all(|one| one.number.len() == 3 && one.code.len() == 2));
    }
}
