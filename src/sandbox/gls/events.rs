//! A parcel's statuses and the events that lead to them.
//!
//! GLS publishes the statuses; of its event codes, only some are public. The first group below is; the codes of the
//! second are our choice in the same shape, for what has to happen and has no public code.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    PlannedPickup,
    InPickup,
    NotPickedUp,
    PreAdvice,
    InTransit,
    InDelivery,
    /// In the parcel shop, not with the consignee.
    DeliveredPs,
    Delivered,
    InWarehouse,
    NotDelivered,
    Canceled,
    /// The history is closed; what came before it stands.
    Final,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlannedPickup => "PLANNEDPICKUP",
            Self::InPickup => "INPICKUP",
            Self::NotPickedUp => "NOTPICKEDUP",
            Self::PreAdvice => "PREADVICE",
            Self::InTransit => "INTRANSIT",
            Self::InDelivery => "INDELIVERY",
            Self::DeliveredPs => "DELIVEREDPS",
            Self::Delivered => "DELIVERED",
            Self::InWarehouse => "INWAREHOUSE",
            Self::NotDelivered => "NOTDELIVERED",
            Self::Canceled => "CANCELED",
            Self::Final => "FINAL",
        }
    }

    /// The parcel was not in GLS's hands yet.
    pub fn is_before_the_first_scan(self) -> bool {
        matches!(self, Self::PlannedPickup | Self::InPickup | Self::NotPickedUp | Self::PreAdvice)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub code: String,
    pub status: Status,
    pub at: DateTime<Utc>,
    pub city: String,
    pub postal_code: String,
    /// Alpha-2.
    pub country: String,
}

/// An event of the list: code, status, English, German.
pub struct Kind {
    pub code: &'static str,
    pub status: Status,
    pub english: &'static str,
    pub german: &'static str,
}

const fn kind(code: &'static str, status: Status, english: &'static str, german: &'static str) -> Kind {
    Kind { code, status, english, german }
}

pub const KINDS: [Kind; 23] = [
    kind(
        "INTIAL.PREADVICE",
        Status::PreAdvice,
        "The parcel data was entered into the GLS IT system; the parcel was not yet handed over to GLS.",
        "Die Paketdaten wurden im GLS IT-System erfasst; das Paket wurde noch nicht an GLS übergeben.",
    ),
    kind(
        "INTIAL.E48_DATA",
        Status::PreAdvice,
        "The parcel was provided by the sender for collection by GLS.",
        "Das Paket wurde vom Absender zur Abholung durch GLS bereitgestellt.",
    ),
    kind(
        "INTIAL.NORMAL",
        Status::InTransit,
        "The parcel was handed over to GLS.",
        "Das Paket wurde an GLS übergeben.",
    ),
    kind(
        "OUTBOD.NORMAL",
        Status::InTransit,
        "The parcel has left the parcel center.",
        "Das Paket hat das Paketzentrum verlassen.",
    ),
    kind(
        "INBOUD.NORMAL",
        Status::InTransit,
        "The parcel has reached the parcel center.",
        "Das Paket ist im Paketzentrum eingetroffen.",
    ),
    kind(
        "OUTDEL.NORMAL",
        Status::InDelivery,
        "The parcel is expected to be delivered during the day.",
        "Das Paket wird voraussichtlich im Laufe des Tages zugestellt.",
    ),
    kind("DELIVD.NORMAL", Status::Delivered, "The parcel has been delivered.", "Das Paket wurde zugestellt."),
    kind(
        "DELIVD.PARCELSHOP",
        Status::DeliveredPs,
        "The parcel has been delivered at the ParcelShop (see ParcelShop information).",
        "Das Paket wurde im PaketShop zugestellt (siehe PaketShop-Information).",
    ),
    kind(
        "DELIVD.DEL_BY_PSAPP",
        Status::Delivered,
        "The parcel was collected at the ParcelShop.",
        "Das Paket wurde im PaketShop abgeholt.",
    ),
    kind(
        "CANCEL.NORMAL",
        Status::Canceled,
        "The parcel data have been deleted from the GLS IT system.",
        "Die Paketdaten wurden aus dem GLS IT-System gelöscht.",
    ),
    kind(
        "CHANGD.MONEWADDR",
        Status::InTransit,
        "Change completed for - Delivery at new address",
        "Änderung durchgeführt - Zustellung an neue Adresse",
    ),
    kind(
        "CHANGD.PARCELBOX",
        Status::InTransit,
        "Change completed for - ParcelLocker",
        "Änderung durchgeführt - Paketstation",
    ),
    // Our own from here on.
    kind("PICKUP.PLANNED", Status::PlannedPickup, "The pickup is planned.", "Die Abholung ist geplant."),
    kind("PICKUP.ONTOUR", Status::InPickup, "The parcel will be picked up.", "Das Paket wird abgeholt."),
    kind(
        "PICKUP.FAILED",
        Status::NotPickedUp,
        "The parcel was not picked up.",
        "Das Paket wurde nicht abgeholt.",
    ),
    kind(
        "STORED.NORMAL",
        Status::InWarehouse,
        "The parcel is stored in the parcel center.",
        "Das Paket lagert im Paketzentrum.",
    ),
    kind(
        "NOTDEL.ABSENT",
        Status::NotDelivered,
        "The consignee was absent.",
        "Der Empfänger wurde nicht angetroffen.",
    ),
    kind(
        "NOTDEL.REFUSED",
        Status::NotDelivered,
        "The consignee refused the parcel.",
        "Die Annahme wurde verweigert.",
    ),
    kind(
        "NOTDEL.IDENT",
        Status::NotDelivered,
        "The identity was not proven.",
        "Die Identität wurde nicht belegt.",
    ),
    kind("NOTDEL.ADDRESS", Status::NotDelivered, "The address is wrong.", "Die Adresse ist falsch."),
    kind(
        "RETURN.NORMAL",
        Status::InTransit,
        "The parcel is on its way back to the sender.",
        "Das Paket ist auf dem Weg zurück zum Absender.",
    ),
    kind(
        "RETURN.DELIVERED",
        Status::Delivered,
        "The parcel was returned to the sender.",
        "Das Paket wurde an den Absender zurückgegeben.",
    ),
    kind(
        "CLOSED.NORMAL",
        Status::Final,
        "The parcel history is closed.",
        "Der Paketverlauf ist abgeschlossen.",
    ),
];

/// Words for what tests and people want to happen, and the codes that make it happen. `advance` is one more.
pub const SHORTCUTS: [(&str, &[&str]); 6] = [
    ("to_parcel_shop", &["DELIVD.PARCELSHOP"]),
    ("collected", &["DELIVD.DEL_BY_PSAPP"]),
    ("absent", &["NOTDEL.ABSENT"]),
    ("identity_failed", &["NOTDEL.IDENT"]),
    ("return_started", &["RETURN.NORMAL"]),
    ("return_to_sender", &["RETURN.NORMAL", "RETURN.DELIVERED"]),
];

/// The codes of a smooth delivery after the announcement, in their order.
pub const TRAVEL: [&str; 5] =
    ["INTIAL.NORMAL", "OUTBOD.NORMAL", "INBOUD.NORMAL", "OUTDEL.NORMAL", "DELIVD.NORMAL"];

pub fn find(code: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.code == code)
}

impl Kind {
    /// In German when that is asked for, in English otherwise.
    pub fn text(&self, language: &str) -> &'static str {
        if language.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("de")) {
            self.german
        } else {
            self.english
        }
    }
}
