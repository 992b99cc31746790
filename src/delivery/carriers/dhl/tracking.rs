//! Unified tracking's answer as canonical events.
//!
//! DHL lists the newest event first and repeats the whole list each time. `statusDetailed` is `ICE_RIC_STANDARD`, and the
//! state follows from it; the coarse `statusCode` is only the last resort. A parcel that came back to its sender ends as
//! `delivered` with `returnFlag`. The event `STORN` says that the driver took back the event before it.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde::Deserialize;

use crate::delivery::carrier::{CallError, ParcelStatus, Tracking, TrackingEvent};
use crate::delivery::carriers::events::dedupe_key;

/// A parcel has some twenty events; more than this is not a parcel's life.
const EVENTS_MAX: usize = 500;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    shipments: Vec<Shipment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shipment {
    id: Option<String>,
    #[serde(default)]
    return_flag: bool,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    timestamp: String,
    status_code: Option<String>,
    status: Option<String>,
    status_detailed: Option<String>,
    description: Option<String>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    address: Option<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    address_locality: Option<String>,
}

/// Reads an answer; `None` when it does not speak of this parcel.
pub fn read(body: &[u8], tracking_number: &str) -> Result<Option<Tracking>, CallError> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|_| CallError::NoAnswer("the tracking answer can't be read".to_owned()))?;
    let ours = |shipment: &Shipment| shipment.id.as_deref().is_none_or(|id| id == tracking_number);
    let Some(shipment) = answer.shipments.into_iter().find(ours) else { return Ok(None) };
    let mut events: Vec<Told> = Vec::new();
    for event in shipment.events.into_iter().take(EVENTS_MAX).rev() {
        let Some(told) = Told::new(event, tracking_number) else { continue };
        if told.ice != "STORN" {
            events.push(told);
        } else if let Some(before) = events.iter_mut().rev().find(|event| !event.event.is_retracted) {
            before.event.is_retracted = true;
        }
    }
    if shipment.return_flag {
        turn_back(&mut events);
    }
    Ok(Some(Tracking { events: events.into_iter().map(|told| told.event).collect() }))
}

/// An event beside the parts of its code.
struct Told {
    event: TrackingEvent,
    ice: String,
    starts_return: bool,
}

impl Told {
    /// None without a readable time: such an event could never be ordered.
    fn new(event: Event, tracking_number: &str) -> Option<Self> {
        let occurred_at = read_time(&event.timestamp)?;
        let standard = event.status.as_deref().unwrap_or_default();
        let raw_code = event.status_detailed.as_deref().unwrap_or(standard);
        let mut parts = raw_code.split('_');
        let ice = parts.next().unwrap_or_default();
        let ric = parts.next().unwrap_or_default();
        let standard = parts.next().unwrap_or(standard);
        let coarse = event.status_code.as_deref().unwrap_or_default();
        let place = event.location.and_then(|location| location.address?.address_locality);
        let key = dedupe_key(tracking_number, raw_code, occurred_at, place.as_deref());
        Some(Self {
            ice: ice.to_owned(),
            starts_return: is_return(ice, ric),
            event: TrackingEvent {
                dedupe_key: key,
                occurred_at,
                raw_code: raw_code.to_owned(),
                status: canonical(ice, ric, standard, coarse),
                place,
                description: event.description,
                is_retracted: false,
            },
        })
    }
}

/// A parcel on its way back passes the same stations again: what follows the turning point is the way home, and its last
/// delivery is the return.
fn turn_back(events: &mut [Told]) {
    let standing = |told: &Told| !told.event.is_retracted;
    if let Some(turn) = events.iter().position(|told| standing(told) && told.starts_return) {
        for told in events.iter_mut().skip(turn) {
            told.event.status = match told.event.status {
                Some(ParcelStatus::Delivered) => Some(ParcelStatus::Returned),
                Some(ParcelStatus::PickedUp | ParcelStatus::InTransit | ParcelStatus::OutForDelivery) => {
                    Some(ParcelStatus::Returning)
                }
                other => other,
            };
        }
        return;
    }
    let delivery = events.iter_mut().rev().find(|told| standing(told) && told.ice == "DLVRD");
    if let Some(delivery) = delivery {
        delivery.event.status = Some(ParcelStatus::Returned);
    }
}

fn is_return(ice: &str, ric: &str) -> bool {
    ice == "RETRN" || (ice == "OFWRD" && matches!(ric, "RTSCR" | "RTSSA"))
}

/// The table of DHL's international codes of events; codes that it lacks must not stop the rest.
fn canonical(ice: &str, ric: &str, standard: &str, coarse: &str) -> Option<ParcelStatus> {
    if is_return(ice, ric) {
        return Some(ParcelStatus::Returning);
    }
    match ice {
        "PARCV" | "ADVIS" => Some(ParcelStatus::Announced),
        "SHRCU" | "PCKDU" => Some(ParcelStatus::PickedUp),
        "ULFMV" | "LDTMV" | "MVARR" | "MVDPT" | "INFCL" | "SRTED" => Some(match standard {
            "PO" => ParcelStatus::OutForDelivery,
            _ => ParcelStatus::InTransit,
        }),
        "DLVRD" => Some(ParcelStatus::Delivered),
        "HLDCC" | "CNRFC" => Some(ParcelStatus::AtPickupPoint),
        "NTDEL" | "DLVRF" => Some(ParcelStatus::FailedAttempt),
        "GHSTP" => Some(ParcelStatus::Lost),
        "EXPHD" if ric == "LOSTX" => Some(ParcelStatus::Lost),
        "EXPHD" | "DMGDS" | "DSPSD" | "MSRTD" | "LDEXC" | "NTPUP" => Some(ParcelStatus::Exception),
        "CANCL" => Some(ParcelStatus::Cancelled),
        _ => match (standard, coarse) {
            ("PO", _) => Some(ParcelStatus::OutForDelivery),
            (_, "pre-transit") => Some(ParcelStatus::Announced),
            (_, "transit") => Some(ParcelStatus::InTransit),
            (_, "delivered") => Some(ParcelStatus::Delivered),
            (_, "failure") => Some(ParcelStatus::Exception),
            _ => None,
        },
    }
}

/// With an offset as it stands; without one it is the local time of the place, which for this service is Germany.
fn read_time(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time);
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN)))
        .ok()?;
    let hours = if is_summer(local)? { 2 } else { 1 };
    local.and_local_timezone(FixedOffset::east_opt(hours * 3_600)?).single()
}

/// Between 02:00 on the last Sunday of March and 03:00 on the last Sunday of October the clocks show summer time. The hour
/// that comes twice in autumn is taken as summer.
fn is_summer(local: NaiveDateTime) -> Option<bool> {
    let change = |month: u32, hour: i64| {
        let last = NaiveDate::from_ymd_opt(local.year(), month, 31)?;
        let sunday = last.checked_sub_days(Days::new(last.weekday().num_days_from_sunday().into()))?;
        Some(sunday.and_time(NaiveTime::MIN) + TimeDelta::hours(hour))
    };
    Some(change(3, 2)? <= local && local < change(10, 3)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statuses(return_flag: bool, newest_first: &[&str]) -> Vec<Option<ParcelStatus>> {
        let events: Vec<_> = newest_first
            .iter()
            .map(|code| json!({ "timestamp": "2026-11-23T10:00:00+01:00", "statusDetailed": code }))
            .collect();
        let body = json!({ "shipments": [{ "id": "1", "returnFlag": return_flag, "events": events }] });
        let tracking = read(body.to_string().as_bytes(), "1").unwrap().unwrap();
        tracking.events.iter().map(|event| event.status).collect()
    }

    #[test]
    fn the_same_code_means_another_state_on_the_way_back() {
        use ParcelStatus::{Delivered, FailedAttempt, InTransit, OutForDelivery, Returned, Returning};
        let travel =
            ["DLVRD_OTHER_ZU", "SRTED_NRQRD_PO", "RETRN_CNCNR_ZN", "NTDEL_CNCNR_ZN", "LDTMV_MVMTV_PO"];
        assert_eq!(
            statuses(true, &travel),
            [OutForDelivery, FailedAttempt, Returning, Returning, Returned].map(Some)
        );
        assert_eq!(statuses(true, &["DLVRD_OTHER_ZU", "SRTED_NRQRD_AA"]), [InTransit, Returned].map(Some));
        assert_eq!(statuses(false, &["DLVRD_NGHBR_ZU", "SRTED_NRQRD_AA"]), [InTransit, Delivered].map(Some));
    }

    /// Every code of which DHL's documents speak, spelt out with its reasons and standard events.
    const TABLE: &[(ParcelStatus, &[&str])] = &[
        (ParcelStatus::Announced, &["PARCV_NRQRD_VA", "ADVIS_NRQRD_VA"]),
        (ParcelStatus::PickedUp, &["SHRCU_NRQRD_ES", "PCKDU_NRQRD_AE"]),
        (
            ParcelStatus::InTransit,
            &[
                "ULFMV_UNLDD_EE",
                "LDTMV_MVMTV_AA",
                "MVARR_NRQRD_AA",
                "MVDPT_NRQRD_AA",
                "INFCL_NRQRD_NB",
                "SRTED_NRQRD_AA",
            ],
        ),
        (
            ParcelStatus::OutForDelivery,
            &[
                "ULFMV_UNLDD_PO",
                "LDTMV_MVMTV_PO",
                "MVARR_NRQRD_PO",
                "MVDPT_NRQRD_PO",
                "INFCL_NRQRD_PO",
                "SRTED_NRQRD_PO",
            ],
        ),
        (ParcelStatus::Delivered, &["DLVRD_OTHER_ZU", "DLVRD_NGHBR_ZU", "DLVRD_SECPL_ZU", "DLVRD_PKBOX_ZU"]),
        (ParcelStatus::AtPickupPoint, &["HLDCC_NRQRD_ZF", "CNRFC_NRQRD_LA"]),
        (
            ParcelStatus::FailedAttempt,
            &[
                "NTDEL_AGNEG_ZN",
                "NTDEL_IDNEG_ZN",
                "NTDEL_BDADD_ZN",
                "NTDEL_CNCNR_ZN",
                "DLVRF_AGNEG_ZN",
                "DLVRF_IDNEG_ZN",
                "DLVRF_BDADD_ZN",
                "DLVRF_CNCNR_ZN",
            ],
        ),
        (ParcelStatus::Returning, &["RETRN_CNCNR_ZN", "OFWRD_RTSCR_AA", "OFWRD_RTSSA_AA"]),
        (ParcelStatus::Lost, &["EXPHD_LOSTX_AN", "GHSTP_NRQRD_AN"]),
        (
            ParcelStatus::Exception,
            &[
                "EXPHD_OTHER_AN",
                "DMGDS_NRQRD_AN",
                "DSPSD_NRQRD_AN",
                "MSRTD_NRQRD_AN",
                "LDEXC_NRQRD_AN",
                "NTPUP_NRQRD_AN",
            ],
        ),
        (ParcelStatus::Cancelled, &["CANCL_NRQRD_AN"]),
    ];

    #[test]
    fn every_known_code_means_one_status() {
        for (status, codes) in TABLE {
            for code in *codes {
                assert_eq!(statuses(false, &[code]), [Some(*status)], "{code}");
            }
        }
        assert_eq!(TABLE.iter().map(|(_, codes)| codes.len()).sum::<usize>(), 42);
    }

    #[test]
    fn a_driver_takes_back_the_event_before() {
        let body = json!({ "shipments": [{ "id": "1", "events": [
            { "timestamp": "2026-11-23T10:02:00+01:00", "statusDetailed": "STORN_NRQRD_AA" },
            { "timestamp": "2026-11-23T10:01:00+01:00", "statusDetailed": "DLVRD_OTHER_ZU" },
            { "timestamp": "2026-11-23T10:00:00+01:00", "statusDetailed": "SRTED_NRQRD_PO" },
        ] }] });
        let events = read(body.to_string().as_bytes(), "1").unwrap().unwrap().events;
        let standing: Vec<_> =
            events.iter().filter(|event| !event.is_retracted).map(|event| event.status).collect();
        assert_eq!((events.len(), standing), (2, vec![Some(ParcelStatus::OutForDelivery)]));
    }

    #[test]
    fn codes_that_nobody_knows_are_survived() {
        assert_eq!(statuses(false, &["BRAND_NEWCD_QQ", "EXPHD_LOSTX_AN"]), [Some(ParcelStatus::Lost), None]);
        assert_eq!(canonical("BRAND", "NEWCD", "QQ", "delivered"), Some(ParcelStatus::Delivered));
    }

    #[test]
    fn times_are_read_with_an_offset_and_without() {
        let read = |text: &str| read_time(text).map(|time| time.to_rfc3339());
        assert_eq!(read("2026-01-06T16:00:00+00:00").as_deref(), Some("2026-01-06T16:00:00+00:00"));
        assert_eq!(read("2026-01-06T16:00:00").as_deref(), Some("2026-01-06T16:00:00+01:00"));
        assert_eq!(read("2026-07-06T16:00:00.5").as_deref(), Some("2026-07-06T16:00:00.500+02:00"));
        assert_eq!(read("2026-07-06").as_deref(), Some("2026-07-06T00:00:00+02:00"));
        assert_eq!(read("yesterday"), None);
    }
}
