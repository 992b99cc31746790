//! Who can bring goods to an address, when, and for how much: by the courier's own word where it gives one, by the store's
//! tariffs where not.
//!
//! All couriers are asked at the same time. One that has not answered by the deadline is left out and named, and nobody waits
//! for it. Nothing is booked, and nothing is written.

use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use futures_util::future::{join, join_all};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::carrier::{
    AddressFinding, CUSTOMER_NUMBER, Capabilities, Carrier, LiveQuote, QuoteParcel, QuoteRequest, STREET,
    descending,
};
use super::pack::{Misfit, Packing, Parcel, Pieces};
use super::places::{self, CourierVerdict};
use super::settings::Carriers;
use super::shares::{ShareHad, Shares};
use super::terms::{finds_closed, moment};
use crate::catalog::{Carton, DeliveryTerms, Preference, Size, Tariff, Temperature, working_days_after};
use crate::clock::Moment;
use crate::money::{Currency, Money};
use crate::text_enum;

/// How long an offer from a table holds: as long as a checkout waits for the shopper's yes.
const OFFER_LASTS: chrono::Duration = chrono::Duration::minutes(15);

/// Goods of one line that are to be brought.
#[derive(Clone, Debug)]
pub struct Good {
    /// The line of the cart.
    pub line: i64,
    /// How many pieces.
    pub pieces: i64,
    /// What one weighs.
    pub piece_grams: i64,
    /// What one measures, where that is known.
    pub size: Option<Size>,
    /// Whether any courier may bring it.
    pub is_deliverable: bool,
    /// How cold it must be kept.
    pub temperature: Temperature,
    /// Whoever takes it must be so old, in years.
    pub age_min: Option<i64>,
}

/// What is to be brought where, by whose terms.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The goods.
    pub goods: &'a [Good],
    /// The store's address.
    pub sender: &'a Address,
    /// Where to: as much of it as the shopper has said.
    pub recipient: &'a Address,
    /// The store's terms; without them each courier costs `otherwise`.
    pub terms: Option<&'a DeliveryTerms>,
    /// How far couriers are behind their shares, where the store offers by them.
    pub shares: &'a Shares,
    /// Minor units for a delivery, whoever brings it.
    pub otherwise: i64,
    /// What the store sells in.
    pub currency: Currency,
    /// The store's time zone.
    pub zone: Tz,
    /// Now.
    pub now: Moment,
    /// How long couriers are waited for.
    pub deadline: Duration,
}

/// One way to bring the goods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The courier's key.
    pub carrier: &'static str,
    /// What the courier calls it, where it was asked.
    pub service: Option<String>,
    /// What it costs the shopper, in the terms of the store's shelves.
    pub price: Money,
    /// The heaviest parcel of it.
    pub parcel_grams_max: i64,
    /// How many parcels it takes.
    pub parcels: usize,
    /// When the goods leave the store.
    pub leaves_by: Moment,
    /// When they arrive at the earliest, where that is known …
    pub arrives_from: Option<Moment>,
    /// … and at the latest.
    pub arrives_until: Option<Moment>,
    /// What it emits, in grams of carbon dioxide, where that is known.
    pub emits_grams: Option<i64>,
    /// Whether price or times are the courier's own word.
    pub is_live: bool,
    /// How many minutes the goods are underway, where the courier says so.
    pub underway_minutes: Option<i64>,
    /// Until when it holds.
    pub valid_until: Moment,
    /// The courier's name of its quote.
    pub quote: Option<String>,
    /// The courier's part of the store's parcels, where the store offers by it.
    pub share: Option<ShareHad>,
}

text_enum! {
    /// Why a courier can't bring a line.
    pub enum Hindrance {
        /// No courier may bring it.
        NotDeliverable = "not_deliverable",
        /// A piece of it is heavier than the courier's parcels.
        TooHeavy = "too_heavy",
        /// A piece of it is larger than the courier's parcels, or than any carton.
        TooLarge = "too_large",
        /// It must be kept cold, and the courier does not, nor is it quick by the store's rule.
        ColdChain = "cold_chain",
        /// It is chilled, and longer underway than the store's rule lets it be, or the courier does not say how long.
        TooLongUnderway = "too_long_underway",
        /// The courier can't make sure of the recipient's age.
        AgeCheck = "age_check",
    }
}

/// A line that a courier can't bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HinderedLine)]
pub struct Hindered {
    /// The number of the cart's line.
    pub line: i64,
    /// The courier.
    pub carrier: String,
    /// Why.
    pub reason: Hindrance,
}

text_enum! {
    /// Why a courier makes no offer.
    pub enum LeftOutReason {
        /// It does not bring parcels there.
        NotServed = "area_not_served",
        /// The pick-up point is none that it brings parcels to.
        OtherPoint = "pickup_point_not_served",
        /// It can't bring some of the lines.
        Lines = "lines",
        /// It comes at once, and would find the store closed.
        StoreClosed = "store_closed",
        /// It rides near the store only: the street has to be said.
        AddressNeeded = "address_needed",
        /// It says that there is no such address.
        AddressUnknown = "address_unknown",
        /// More parcels than one delivery may have.
        TooMuch = "too_many_parcels",
        /// The store has no tariff for it.
        NoTariff = "no_tariff",
        /// It did not answer in time.
        NoAnswer = "no_answer_in_time",
        /// It refused, or does not serve this address.
        Refused = "refused",
    }
}

/// A courier that makes no offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// The courier.
    pub carrier: String,
    /// Why.
    pub reason: LeftOutReason,
}

/// What couriers offer.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// The ways to bring the goods, by the store's preference.
    pub offers: Vec<Offer>,
    /// What keeps couriers from bringing which line.
    pub hindered: Vec<Hindered>,
    /// Who makes no offer.
    pub left_out: Vec<LeftOut>,
    /// What couriers had to say against the address.
    pub addresses: Vec<CourierVerdict>,
}

/// Asks all couriers.
pub async fn offers(carriers: &Carriers, ask: &Ask<'_>) -> Offers {
    let mut found = Offers::default();
    let mut asked = Vec::new();
    for carrier in carriers.all() {
        let abilities = carrier.capabilities();
        let packing = Packing::new(&abilities, cartons(ask.terms));
        let hindered = hindered(&abilities, &packing, ask.terms, (ask.goods, ask.recipient));
        let reason = match () {
            () if !is_its_point(carrier, ask.recipient) => Some(LeftOutReason::OtherPoint),
            () if !abilities.countries.contains(&ask.recipient.country.as_str()) => {
                Some(LeftOutReason::NotServed)
            }
            () if !hindered.is_empty() => Some(LeftOutReason::Lines),
            () if finds_closed(&abilities, ask.terms, ask.zone, ask.now) => Some(LeftOutReason::StoreClosed),
            () if abilities.is_local && ask.recipient.street.is_empty() => Some(LeftOutReason::AddressNeeded),
            () => None,
        };
        found.hindered.extend(hindered);
        match reason {
            Some(reason) => found.left_out.push(LeftOut { carrier: abilities.name.to_owned(), reason }),
            None => {
                asked.push(async move {
                    let offer = offer(carrier, &abilities, &packing, ask);
                    let (answer, doubts) = join(offer, doubts(carrier, &abilities, ask)).await;
                    let underway = answer.as_ref().ok().and_then(|offer| offer.underway_minutes);
                    let late = too_long_underway(&abilities, ask.terms, underway, ask.goods);
                    (abilities.name, (answer, late, doubts))
                });
            }
        }
    }
    for (carrier, (answer, late, doubts)) in join_all(asked).await {
        let is_unknown = doubts.as_ref().and_then(|verdict| verdict.finding) == Some(AddressFinding::Unknown);
        found.addresses.extend(doubts);
        match answer {
            Ok(_) if is_unknown => {
                let reason = LeftOutReason::AddressUnknown;
                found.left_out.push(LeftOut { carrier: carrier.to_owned(), reason });
            }
            Ok(_) if !late.is_empty() => {
                found.hindered.extend(late);
                found.left_out.push(LeftOut { carrier: carrier.to_owned(), reason: LeftOutReason::Lines });
            }
            Ok(offer) => found.offers.push(offer),
            Err(reason) => found.left_out.push(LeftOut { carrier: carrier.to_owned(), reason }),
        }
    }
    let prefer = ask.terms.map_or(Preference::USUAL, |terms| terms.prefer);
    found.offers.sort_by_key(|offer| rank(offer, prefer, ask.shares));
    found.left_out.sort_by(|a, b| a.carrier.cmp(&b.carrier));
    found
}

/// What comes first by a preference; of equal ones what costs less, arrives earlier, and then by name.
fn rank(offer: &Offer, prefer: Preference, shares: &Shares) -> (i64, i64, i64, &'static str) {
    let price = offer.price.minor();
    let arrives = offer.arrives_until.map_or(i64::MAX, |until| until.timestamp());
    match prefer {
        Preference::Cheapest => (price, arrives, 0, offer.carrier),
        Preference::Fastest => (arrives, price, 0, offer.carrier),
        Preference::Greenest => (offer.emits_grams.unwrap_or(i64::MAX), price, arrives, offer.carrier),
        // Who is farthest behind comes first, and who was promised nothing last.
        Preference::Share => {
            let behind = shares.behind(offer.carrier).map_or(i64::MAX, i64::saturating_neg);
            (behind, price, arrives, offer.carrier)
        }
    }
}

/// What a store packs into.
pub fn cartons(terms: Option<&DeliveryTerms>) -> Vec<Carton> {
    let own = terms.map(|terms| terms.cartons.clone()).filter(|cartons| !cartons.is_empty());
    own.unwrap_or_else(Carton::usual)
}

/// Whether a courier brings parcels to the recipient's pick-up point; to a door anybody does. Who fetches it there is said later.
fn is_its_point(carrier: &dyn Carrier, recipient: &Address) -> bool {
    let Some(point) = &recipient.pickup_point else { return true };
    let fault = carrier.pickup_fault(point, &recipient.for_carrier());
    let is_said_later = |pointer: &str| matches!(pointer, CUSTOMER_NUMBER | STREET);
    point.carrier == carrier.capabilities().name && fault.is_none_or(|(pointer, _)| is_said_later(pointer))
}

/// What keeps a courier, which said how many minutes it needs, from bringing goods there by these terms; nothing of one that is
/// not configured.
pub fn hindrances(
    carriers: &Carriers,
    (name, underway): (&str, Option<i64>),
    terms: Option<&DeliveryTerms>,
    (goods, recipient): (&[Good], &Address),
) -> Vec<Hindered> {
    let Some(able) = carriers.find(name).map(Carrier::capabilities) else { return Vec::new() };
    let packing = Packing::new(&able, cartons(terms));
    let mut found = hindered(&able, &packing, terms, (goods, recipient));
    found.extend(too_long_underway(&able, terms, underway, goods));
    found
}

/// What keeps a courier from bringing goods, before it is asked.
fn hindered(
    abilities: &Capabilities,
    packing: &Packing,
    terms: Option<&DeliveryTerms>,
    (goods, recipient): (&[Good], &Address),
) -> Vec<Hindered> {
    // Who rides at once says how long that takes; whether it is quick enough is looked at then.
    let may_be_quick = abilities.is_local && terms.is_some_and(|terms| terms.chilled_minutes.is_some());
    let of = |good: &Good| {
        let misfit = packing.misfit(&good.pieces());
        let is_kept = match good.temperature {
            Temperature::Ambient => true,
            Temperature::Chilled => abilities.carries_chilled || may_be_quick,
            Temperature::Frozen => abilities.carries_chilled,
        };
        let reason = match () {
            () if !good.is_deliverable => Hindrance::NotDeliverable,
            () if misfit == Some(Misfit::TooHeavy) => Hindrance::TooHeavy,
            () if misfit == Some(Misfit::TooLarge) => Hindrance::TooLarge,
            () if !is_kept => Hindrance::ColdChain,
            () if good.age_min.is_some_and(|age| !abilities.checks_age(age, recipient)) => {
                Hindrance::AgeCheck
            }
            () => return None,
        };
        Some(Hindered { line: good.line, carrier: abilities.name.to_owned(), reason })
    };
    goods.iter().filter_map(of).collect()
}

/// Chilled goods that are longer underway with a courier that does not keep them cold than the store's rule lets them be.
fn too_long_underway(
    abilities: &Capabilities,
    terms: Option<&DeliveryTerms>,
    underway: Option<i64>,
    goods: &[Good],
) -> Vec<Hindered> {
    let most = terms.and_then(|terms| terms.chilled_minutes);
    if abilities.carries_chilled || underway.zip(most).is_some_and(|(minutes, most)| minutes <= most) {
        return Vec::new();
    }
    let chilled = goods.iter().filter(|good| good.temperature == Temperature::Chilled);
    let of = |good: &Good| Hindered {
        line: good.line,
        carrier: abilities.name.to_owned(),
        reason: Hindrance::TooLongUnderway,
    };
    chilled.map(of).collect()
}

/// What a courier has to say against an address that is said as a whole. Who rides near the store says so with its quote.
async fn doubts(carrier: &dyn Carrier, abilities: &Capabilities, ask: &Ask<'_>) -> Option<CourierVerdict> {
    if abilities.is_local || !places::is_asked(carrier, ask.recipient) {
        return None;
    }
    let verdict = places::verdict(carrier, (ask.sender, ask.recipient), (ask.now, ask.deadline)).await;
    verdict.finding.filter(|finding| *finding != AddressFinding::Known).map(|_| verdict)
}

/// What one courier offers.
async fn offer(
    carrier: &dyn Carrier,
    abilities: &Capabilities,
    packing: &Packing,
    ask: &Ask<'_>,
) -> Result<Offer, LeftOutReason> {
    let pieces: Vec<Pieces> = ask.goods.iter().map(Good::pieces).collect();
    let parcels = packing.pack(&pieces).ok().filter(|parcels| !parcels.is_empty());
    let parcels = parcels.ok_or(LeftOutReason::TooMuch)?;
    let tariff = tariff(abilities.name, ask, &parcels)?;
    let request = QuoteRequest {
        sender: ask.sender.for_carrier(),
        recipient: ask.recipient.for_carrier(),
        parcels: parcels.iter().map(Parcel::for_quote).collect(),
        currency: ask.currency,
        asked_at: ask.now,
        leaves_on: hand_over(ask).date(),
        age_min: ask.goods.iter().filter_map(|good| good.age_min).max(),
    };
    let live = match tokio::time::timeout(ask.deadline, carrier.quote(&request)).await {
        Ok(Ok(live)) => live,
        // A table that knows price and times needs nobody's word.
        _ if tariff.amount.is_some() && tariff.days.is_some() && !abilities.is_local => None,
        Ok(Err(error)) if error.is_retryable() => return Err(LeftOutReason::NoAnswer),
        Ok(Err(_)) => return Err(LeftOutReason::Refused),
        Err(_) => return Err(LeftOutReason::NoAnswer),
    };
    let live = live.filter(|live| live.price.currency() == ask.currency);
    let price = match (tariff.amount, &live) {
        (Some(amount), _) => Money::new(amount, ask.currency),
        (None, Some(live)) => live.price,
        (None, None) => return Err(LeftOutReason::NoTariff),
    };
    if abilities.is_local && live.is_none() {
        // Whether anybody rides there, only the courier knows.
        return Err(LeftOutReason::Refused);
    }
    let (leaves_by, arrives) = times(ask, abilities, &tariff, live.as_ref());
    let valid_until = live.as_ref().and_then(|live| live.valid_until);
    Ok(Offer {
        carrier: abilities.name,
        service: live.as_ref().map(|live| live.service.clone()),
        price,
        parcel_grams_max: abilities.weight_grams_max,
        parcels: parcels.len(),
        leaves_by,
        arrives_from: arrives.map(|(from, _)| from),
        arrives_until: arrives.map(|(_, until)| until),
        emits_grams: tariff.emits_grams,
        is_live: live.is_some(),
        underway_minutes: live.as_ref().and_then(|live| live.underway_minutes),
        valid_until: valid_until.unwrap_or(Moment::MAX_UTC).min(ask.now + OFFER_LASTS),
        quote: live.and_then(|live| live.quote),
        share: ask.shares.of(abilities.name),
    })
}

impl Good {
    /// As they are packed.
    pub fn pieces(&self) -> Pieces {
        Pieces { count: self.pieces, grams: self.piece_grams.max(1), size: self.size }
    }
}

impl Parcel {
    fn for_quote(&self) -> QuoteParcel {
        QuoteParcel { weight_grams: self.weight_grams, dimensions_mm: self.size.map(descending) }
    }
}

/// What a store's tariffs say of all parcels together.
#[derive(Clone, Copy, Debug, Default)]
struct Tariffed {
    amount: Option<i64>,
    days: Option<[i64; 2]>,
    emits_grams: Option<i64>,
}

/// For each parcel the cheapest tariff that holds for it; what the courier itself asks for only where none has an amount.
fn tariff(carrier: &str, ask: &Ask<'_>, parcels: &[Parcel]) -> Result<Tariffed, LeftOutReason> {
    let Some(terms) = ask.terms.filter(|terms| !terms.tariffs.is_empty()) else {
        let amount = Some(ask.terms.map_or(ask.otherwise, |terms| terms.amount));
        return Ok(Tariffed { amount, ..Tariffed::default() });
    };
    let country = ask.recipient.country.as_str();
    let mut chosen: Vec<&Tariff> = Vec::with_capacity(parcels.len());
    for parcel in parcels {
        let grams = parcel.weight_grams;
        let holding = terms.tariffs.iter().filter(|tariff| tariff.holds_for(carrier, country, grams));
        let cheapest =
            holding.min_by_key(|tariff| (tariff.amount.is_none(), tariff.amount, tariff.up_to_grams));
        chosen.push(cheapest.ok_or(LeftOutReason::NoTariff)?);
    }
    let sum = |of: fn(&Tariff) -> Option<i64>| chosen.iter().map(|tariff| of(tariff)).sum::<Option<i64>>();
    let days = |at: usize| chosen.iter().map(|tariff| tariff.days.map(|days| days[at])).max().flatten();
    let all_say = chosen.iter().all(|tariff| tariff.days.is_some());
    Ok(Tariffed {
        amount: sum(|tariff| tariff.amount),
        days: days(0).zip(days(1)).filter(|_| all_say).map(|(first, last)| [first, last]),
        emits_grams: sum(|tariff| tariff.emits_grams),
    })
}

/// When goods go out next to couriers that collect once a day, by the store's clock.
fn hand_over(ask: &Ask<'_>) -> NaiveDateTime {
    let local = ask.now.with_timezone(&ask.zone).naive_local();
    ask.terms.map(|terms| terms.hand_over.clone()).unwrap_or_default().next(local)
}

/// When the goods leave, and between which moments they arrive.
fn times(
    ask: &Ask<'_>,
    abilities: &Capabilities,
    tariff: &Tariffed,
    live: Option<&LiveQuote>,
) -> (Moment, Option<(Moment, Moment)>) {
    let hand_over = hand_over(ask);
    // Who comes at once does not wait for the day's hand-over.
    let leaves_by =
        if abilities.is_local { ask.now + abilities.preparation } else { moment(ask.zone, hand_over) };
    let of_tariff = tariff.days.map(|[first, last]| {
        let day = |days| working_days_after(hand_over.date(), days);
        (moment(ask.zone, start(day(first))), moment(ask.zone, end(day(last))))
    });
    match live {
        Some(LiveQuote { leaves_by: left, arrives: Some(arrives), .. }) => {
            (left.unwrap_or(leaves_by), Some(*arrives))
        }
        _ => (leaves_by, of_tariff),
    }
}

fn start(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

fn end(day: NaiveDate) -> NaiveDateTime {
    day.and_hms_opt(23, 59, 59).unwrap_or_else(|| start(day))
}
