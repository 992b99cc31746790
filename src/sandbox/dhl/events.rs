//! A parcel's tracking events: DHL's codes, their texts and the stage each one means.
//!
//! A code is `ICE_RIC_STANDARD`: what happened, why, and the two-letter standard event of the customer's view.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub at: DateTime<Utc>,
    /// What happened, for example `DLVRD`.
    pub ice: String,
    /// Why or how, for example `NGHBR`.
    pub ric: String,
    /// The standard event, for example `ZU`.
    pub standard: String,
    pub place: String,
    /// A later `STORN` took this event back.
    pub retracted: bool,
}

/// How far a parcel has come. The order of the first five is the order of a smooth delivery.
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

impl Stage {
    /// The stage that "advance" leads to; none from the end of a travel.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Announced => Some(Self::PickedUp),
            Self::PickedUp => Some(Self::InTransit),
            Self::InTransit | Self::FailedAttempt | Self::Exception => Some(Self::OutForDelivery),
            Self::OutForDelivery | Self::AtPickupPoint | Self::Returning => Some(Self::Delivered),
            Self::Delivered | Self::Returned | Self::Lost | Self::Cancelled => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::PickedUp => "picked_up",
            Self::InTransit => "in_transit",
            Self::OutForDelivery => "out_for_delivery",
            Self::Delivered => "delivered",
            Self::FailedAttempt => "failed_attempt",
            Self::AtPickupPoint => "at_pickup_point",
            Self::Exception => "exception",
            Self::Returning => "returning",
            Self::Returned => "returned",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Event {
    /// An event from a code `ICE_RIC` or `ICE_RIC_STANDARD`; a missing standard event follows from the first part.
    /// `STORN` may stand alone. None when the code has another form.
    pub fn parse(code: &str, at: DateTime<Utc>, place: Option<&str>) -> Option<Self> {
        let mut parts = code.split('_');
        let ice = parts.next()?;
        let ric = parts.next().unwrap_or("NRQRD");
        let standard = parts.next().unwrap_or_else(|| usual_standard(ice));
        let well_formed = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_uppercase())
        };
        if parts.next().is_some() || !well_formed(ice, 5) || !well_formed(ric, 5) || !well_formed(standard, 2)
        {
            return None;
        }
        Some(Self {
            at,
            ice: ice.to_owned(),
            ric: ric.to_owned(),
            standard: standard.to_owned(),
            place: place.unwrap_or_else(|| usual_place(ice)).to_owned(),
            retracted: false,
        })
    }

    /// The event that brings a parcel to one of the stages of a smooth delivery.
    pub fn of_stage(stage: Stage, at: DateTime<Utc>) -> Option<Self> {
        let code = match stage {
            Stage::Announced => "PARCV_NRQRD_VA",
            Stage::PickedUp => "PCKDU_PUBCR_AE",
            Stage::InTransit => "LDTMV_MVMTV_AA",
            Stage::OutForDelivery => "SRTED_NRQRD_PO",
            Stage::Delivered => "DLVRD_OTHER_ZU",
            _ => return None,
        };
        Self::parse(code, at, None)
    }

    pub fn code(&self) -> String {
        format!("{}_{}_{}", self.ice, self.ric, self.standard)
    }

    /// From here on the parcel travels back to its sender.
    pub fn starts_return(&self) -> bool {
        self.ice == "RETRN" || (self.ice == "OFWRD" && matches!(self.ric.as_str(), "RTSCR" | "RTSSA"))
    }

    pub fn stage(&self) -> Stage {
        if self.starts_return() {
            return Stage::Returning;
        }
        match self.ice.as_str() {
            "PARCV" | "ADVIS" => Stage::Announced,
            "SHRCU" | "PCKDU" => Stage::PickedUp,
            "DLVRD" => Stage::Delivered,
            "HLDCC" | "CNRFC" => Stage::AtPickupPoint,
            "NTDEL" | "DLVRF" => Stage::FailedAttempt,
            "GHSTP" => Stage::Lost,
            "EXPHD" if self.ric == "LOSTX" => Stage::Lost,
            "CANCL" => Stage::Cancelled,
            "EXPHD" | "DMGDS" | "DSPSD" | "MSRTD" | "LDEXC" | "NTPUP" => Stage::Exception,
            _ if self.standard == "PO" => Stage::OutForDelivery,
            _ => Stage::InTransit,
        }
    }

    /// The coarse status of the unified tracking service.
    pub fn status_code(&self) -> &'static str {
        match self.stage() {
            Stage::Announced => "pre-transit",
            Stage::Delivered => "delivered",
            Stage::FailedAttempt | Stage::Exception | Stage::Lost | Stage::Returning => "failure",
            Stage::Cancelled => "unknown",
            _ => "transit",
        }
    }

    pub fn description(&self) -> &'static str {
        match (self.ice.as_str(), self.ric.as_str()) {
            ("PARCV" | "ADVIS", _) => "The shipment was announced electronically to DHL.",
            ("SHRCU" | "PCKDU", _) => "The shipment has been accepted by DHL.",
            ("DLVRD", "NGHBR") => "The shipment was delivered to a neighbour.",
            ("DLVRD", "SECPL") => "The shipment was left at the agreed place.",
            ("DLVRD", "PKBOX") => "The shipment was placed in a parcel locker.",
            ("DLVRD", _) => "The shipment has been successfully delivered",
            ("HLDCC" | "CNRFC", _) => "The shipment is ready for collection.",
            ("NTDEL" | "DLVRF", "AGNEG") => "The shipment could not be delivered: the age check failed.",
            ("NTDEL" | "DLVRF", "IDNEG") => "The shipment could not be delivered: the identity check failed.",
            ("NTDEL" | "DLVRF", _) => "The shipment could not be delivered.",
            ("EXPHD", "LOSTX") | ("GHSTP", _) => "The shipment is missing; an inquiry was started.",
            ("STORN", _) => "The previous event was entered by mistake and has been withdrawn.",
            _ if self.starts_return() => "The shipment is being returned to sender.",
            _ if self.standard == "PO" => "The shipment has been loaded onto the delivery vehicle",
            _ => "The shipment has been processed in the parcel center",
        }
    }
}

fn usual_standard(ice: &str) -> &'static str {
    match ice {
        "PARCV" | "ADVIS" => "VA",
        "SHRCU" => "ES",
        "PCKDU" => "AE",
        "DLVRD" => "ZU",
        "HLDCC" => "ZF",
        "CNRFC" => "LA",
        "NTDEL" | "DLVRF" | "RETRN" => "ZN",
        "NTPUP" => "AN",
        "ULFMV" => "EE",
        "INFCL" => "NB",
        _ => "AA",
    }
}

fn usual_place(ice: &str) -> &'static str {
    match ice {
        "PARCV" | "ADVIS" => "Bonn",
        "SHRCU" | "PCKDU" | "LDTMV" => "Köln West",
        _ => "Berlin Rüdersdorf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_two_or_three_parts_of_fixed_length() {
        let at = DateTime::UNIX_EPOCH;
        assert_eq!(Event::parse("DLVRD_NGHBR", at, None).unwrap().code(), "DLVRD_NGHBR_ZU");
        assert_eq!(Event::parse("SRTED_NRQRD_PO", at, None).unwrap().stage(), Stage::OutForDelivery);
        assert!(Event::parse("STORN", at, None).is_some());
        for wrong in ["delivered", "DLVRD_NGHBR_ZUX", "DLVRD__ZU", "DLVRD_NGHBR_ZU_X"] {
            assert!(Event::parse(wrong, at, None).is_none(), "{wrong}");
        }
    }
}
