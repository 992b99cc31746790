//! Ways to have goods delivered, while shopping: who can bring them, when and for how much, and what keeps a courier from it, before
//! anything is debited.
//!
//! Couriers are asked by `delivery::offers`. What they answer is kept as long as it holds, so that the same question again is
//! answered without them, and so that a checkout can name the option that the shopper saw: it costs then what was shown, and the
//! courier of the shipment is that of the option.

pub mod http;
mod store;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Error;
use super::quote::{DeliveryFee, PIECE_GRAMS_ASSUMED, QuoteError};
use crate::app::App;
use crate::cart::{self, Cart, Till};
use crate::catalog::{Carton, DeliveryTerms, Preference, Size, Temperature};
use crate::clock::Moment;
use crate::db::Tx;
use crate::delivery::{
    self, Address, CourierVerdict, Good, Hindered, LeftOut, LeftOutReason, Misfit, Needs, Offer, Parcel,
    Pieces, ShareHad,
};
use crate::error::Problem;
use crate::hash::sha256_hex;
use crate::ids::{CartId, DeliveryOptionId, ShopperId};
use crate::money::Money;

/// An answer is given again only when there is time left to choose from it.
const CHOOSING_TIME: chrono::Duration = chrono::Duration::minutes(3);

/// One way to have goods delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryOption {
    /// Its name: a checkout names it.
    pub id: DeliveryOptionId,
    /// The courier.
    pub carrier: String,
    /// What the courier calls it, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What it costs, in the terms of the store's shelves: taxes on top are not in it.
    pub price: Money,
    /// How many parcels it takes.
    pub parcels: i64,
    /// When the goods leave the store.
    pub leaves_by: DateTime<Utc>,
    /// When they arrive at the earliest, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives_from: Option<DateTime<Utc>>,
    /// When they arrive at the latest, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrives_until: Option<DateTime<Utc>>,
    /// What it emits, in grams of carbon dioxide, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emits_grams: Option<i64>,
    /// Whether price or times are the courier's own word; else they are the store's tariff.
    pub is_live: bool,
    /// How many minutes the goods are underway, from the store's door to the recipient's, where the courier says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underway_minutes: Option<i64>,
    /// Until when it holds.
    pub valid_until: DateTime<Utc>,
    /// The heaviest parcel of it, in grams.
    pub parcel_grams_max: i64,
    /// The courier's name of its quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Why it stands where it stands among the others.
    pub rank: Rank,
}

/// The place of an option among those that were offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rank {
    /// By what the options were put in their order.
    pub prefer: Preference,
    /// Its place in that order, from 1.
    pub place: i64,
    /// How many there were.
    pub of: i64,
    /// How much of the store's parcels its courier was promised and had, where the order was by that; without it none was
    /// promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<ShareHad>,
}

/// Who can bring goods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryOptions {
    /// The ways to have them delivered, what the store prefers first.
    pub options: Vec<DeliveryOption>,
    /// What keeps couriers from bringing which line: without it they might.
    pub lines: Vec<Hindered>,
    /// Couriers that make no offer.
    pub left_out: Vec<LeftOut>,
    /// What couriers have to say against the address, once its street is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<CourierVerdict>,
}

/// What a shopper chose, as quote and order keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChosenDelivery {
    /// The option.
    #[serde(flatten)]
    pub option: DeliveryOption,
    /// The couriers that offered to bring them besides, best first: should the chosen one not take them after all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
}

/// What goods are to be brought where.
struct Wanted<'a> {
    goods: Vec<Good>,
    recipient: &'a Address,
}

impl Wanted<'_> {
    /// What an option holds for: these goods, and this place. Who lives there does not matter.
    fn holds_for(&self) -> String {
        let goods = self.goods.iter().map(|good| {
            let size = good.size.map(|Size { length_mm, width_mm, height_mm }| {
                format!(":{length_mm}x{width_mm}x{height_mm}")
            });
            format!("{}:{}:{}{}", good.line, good.pieces, good.piece_grams, size.unwrap_or_default())
        });
        let place = self.recipient.postal_code.replace(' ', "").to_ascii_uppercase();
        let goods: Vec<String> = goods.collect();
        let point = self.recipient.pickup_point.as_ref();
        let point =
            point.map(|point| format!(" {} {} {}", point.carrier, point.kind, point.id)).unwrap_or_default();
        sha256_hex(format!("{} {place} {}{point}", self.recipient.country, goods.join(" ")).as_bytes())
    }

    /// What couriers were asked: besides what an option holds for the street, by which some know whether they come.
    fn question(&self, holds_for: &str) -> String {
        let Address { city, street, house_number, .. } = self.recipient;
        sha256_hex(format!("{holds_for} {city}|{street}|{house_number}").as_bytes())
    }
}

/// The ways to have lines of a shopper's cart delivered; all of them when none is named.
async fn options(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    lines: &BTreeSet<i64>,
    recipient: &Address,
) -> Result<DeliveryOptions, Problem> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let cart = cart::read(&mut tx, id).await?;
    if cart.shopper != shopper {
        return Err(cart::Error::Unknown.into());
    }
    let wanted = Wanted { goods: goods(app, &cart, lines)?, recipient };
    let holds_for = wanted.holds_for();
    let question = wanted.question(&holds_for);
    let known = store::find(&mut tx, id, &question, now + CHOOSING_TIME).await?;
    tx.rollback().await?;
    if let Some(known) = known.filter(|known| is_as_open(app, &cart, known, now)) {
        return Ok(known);
    }
    // Only what couriers are asked for anew counts.
    app.identity.may_ask(shopper, now)?;
    let found = ask(app, &cart, &wanted, now).await?;
    let mut tx = app.db.begin().await?;
    store::insert(&mut tx, (app.ids.next(), shopper, id), (&holds_for, &question), &found, now).await?;
    tx.commit().await?;
    Ok(found)
}

/// Whether couriers that come at once still find the store as they did when an answer was given, open or closed.
fn is_as_open(app: &App, cart: &Cart, known: &DeliveryOptions, now: Moment) -> bool {
    let is_closed = |carrier: &str| delivery::is_closed_for(app, &cart.store, carrier, now);
    let mut closed = known.left_out.iter().filter(|left| left.reason == LeftOutReason::StoreClosed);
    closed.all(|left| is_closed(&left.carrier))
        && !known.options.iter().any(|option| is_closed(&option.carrier))
}

/// Asks the couriers.
async fn ask(app: &App, cart: &Cart, wanted: &Wanted<'_>, now: Moment) -> Result<DeliveryOptions, Error> {
    let catalog = app.catalog.view();
    let store = catalog.store(&cart.store).ok_or(Error::StoreClosed)?;
    let terms = store.till.delivery.as_deref();
    let sender = Address::of_store(store);
    let shares = delivery::shares(&app.db, &cart.store, terms, now).await?;
    let ask = delivery::Ask {
        goods: &wanted.goods,
        sender: &sender,
        recipient: wanted.recipient,
        terms,
        shares: &shares,
        otherwise: app.config.checkout.delivery_fee_minor,
        currency: cart.currency,
        zone: store.zone(),
        now,
        deadline: app.config.delivery.quote_deadline,
    };
    let found = delivery::offers(&app.carriers, &ask).await;
    let prefer = terms.map_or(Preference::USUAL, |terms| terms.prefer);
    let of = i64::try_from(found.offers.len()).unwrap_or(i64::MAX);
    let options = found.offers.into_iter().zip(1..);
    Ok(DeliveryOptions {
        options: options.map(|(offer, place)| option(app, offer, (prefer, place, of))).collect(),
        lines: found.hindered,
        left_out: found.left_out,
        addresses: found.addresses,
    })
}

fn option(app: &App, offer: Offer, (prefer, place, of): (Preference, i64, i64)) -> DeliveryOption {
    DeliveryOption {
        id: app.ids.next(),
        carrier: offer.carrier.to_owned(),
        service: offer.service,
        price: offer.price,
        parcels: i64::try_from(offer.parcels).unwrap_or(i64::MAX),
        leaves_by: offer.leaves_by,
        arrives_from: offer.arrives_from,
        arrives_until: offer.arrives_until,
        emits_grams: offer.emits_grams,
        is_live: offer.is_live,
        underway_minutes: offer.underway_minutes,
        valid_until: offer.valid_until,
        parcel_grams_max: offer.parcel_grams_max,
        quote: offer.quote,
        rank: Rank { prefer, place, of, share: offer.share },
    }
}

/// The goods of lines of a cart; of all when none is named.
fn goods(app: &App, cart: &Cart, lines: &BTreeSet<i64>) -> Result<Vec<Good>, Error> {
    if let Some(unknown) = lines.iter().find(|number| !cart.lines.iter().any(|line| line.number == **number))
    {
        return Err(QuoteError::UnknownLine(*unknown).into());
    }
    let catalog = app.catalog.view();
    let wanted = cart.lines.iter().filter(|line| lines.is_empty() || lines.contains(&line.number));
    let goods = wanted.map(|line| {
        let product = &line.product;
        // The cart knows what it needs for its price; the rest the catalogue says, as of now. Of goods that it does not know any
        // more nobody can say that they may get warm.
        let facts = catalog.facts(&product.sku);
        let temperature = facts.as_ref().map_or(Temperature::Frozen, |facts| facts.temperature);
        // What is cut or weighed for the shopper has no size of its own.
        let size = facts.and_then(|facts| facts.size).filter(|_| product.measure.is_none());
        Good {
            line: line.number,
            pieces: line.quantity,
            piece_grams: product.weight_grams.unwrap_or(PIECE_GRAMS_ASSUMED).max(1),
            size,
            is_deliverable: product.deliverable,
            temperature,
            age_min: product.age_min,
        }
    });
    Ok(goods.collect())
}

/// Takes the option that a shopper chose for these lines of a cart that is locked; what it costs, and what is kept of it.
pub(super) async fn take(
    app: &App,
    tx: &mut Tx,
    cart: &Cart,
    (option, lines, recipient): (DeliveryOptionId, &BTreeSet<i64>, &Address),
    now: Moment,
) -> Result<ChosenDelivery, Error> {
    let found = store::take(tx, option, cart.shopper, cart.id).await?.ok_or(Error::OptionUnknown)?;
    let (holds_for, question, option) = found;
    let wanted = Wanted { goods: goods(app, cart, lines)?, recipient };
    // Who rides near the store said its price and its time for one door.
    let is_its_door = !app.carriers.is_local(&option.carrier) || question == wanted.question(&holds_for);
    // What a product needs may have been corrected since, and so may the store's terms.
    let hindered = {
        let catalog = app.catalog.view();
        let terms = catalog.delivery_terms(&cart.store);
        let by = (option.carrier.as_str(), option.underway_minutes);
        delivery::hindrances(&app.carriers, by, terms, (&wanted.goods, recipient))
    };
    let is_closed = delivery::is_closed_for(app, &cart.store, &option.carrier, now);
    let is_its_place = holds_for == wanted.holds_for() && is_its_door;
    if option.valid_until <= now || !is_its_place || !hindered.is_empty() || is_closed {
        return Err(Error::OptionOver);
    }
    if app.carriers.calls_recipients(&option.carrier) && recipient.phone.is_none() {
        return Err(delivery::Unable::Phone.into());
    }
    let fallbacks = store::others(tx, option.id).await?;
    Ok(ChosenDelivery { option, fallbacks })
}

fn cartons(app: &App, cart: &Cart) -> Vec<Carton> {
    let catalog = app.catalog.view();
    delivery::cartons(catalog.delivery_terms(&cart.store))
}

/// What goods of a cart ask of whoever brings them, and how they are packed for the courier that was chosen, or else for the one
/// that would bring them: without a choice, some courier must be able to.
pub(super) fn pack(
    app: &App,
    cart: &Cart,
    (lines, recipient): (&BTreeSet<i64>, &Address),
    chosen: Option<&ChosenDelivery>,
) -> Result<(Needs, Vec<Parcel>), Error> {
    let goods = goods(app, cart, lines)?;
    let needs = Needs::of(&goods);
    let carrier = chosen.map(|chosen| chosen.option.carrier.as_str());
    let packing = app.carriers.packing(carrier, (recipient, needs), cartons(app, cart));
    for good in &goods {
        match packing.misfit(&good.pieces()) {
            // Whether it may be delivered at all is looked at first.
            _ if !good.is_deliverable => return Err(QuoteError::NotDeliverable(good.line).into()),
            Some(Misfit::TooHeavy) => return Err(QuoteError::TooHeavy(good.line).into()),
            Some(Misfit::TooLarge) => return Err(QuoteError::TooLarge(good.line).into()),
            None => {}
        }
    }
    if chosen.is_none() {
        app.carriers.can_bring(recipient, needs)?;
    }
    let pieces: Vec<Pieces> = goods.iter().map(Good::pieces).collect();
    let packed = packing.pack(&pieces).map_err(|delivery::TooMany| QuoteError::TooMuch)?;
    Ok((needs, packed))
}

/// What a delivery costs, and how that is taxed: by the option that was chosen, else as the store says of its own, else as holds
/// for all.
pub(super) fn fee(
    app: &App,
    till: &Till,
    cart: &Cart,
    chosen: Option<&ChosenDelivery>,
) -> Result<DeliveryFee, Error> {
    let settings = &app.config.checkout;
    let terms: Option<&DeliveryTerms> = till.rules().and_then(|rules| rules.delivery.as_deref());
    let class = terms.map_or(&settings.delivery_tax_class, |terms| &terms.tax_class);
    let amount = match (chosen, terms) {
        (Some(chosen), _) => chosen.option.price,
        (None, Some(terms)) => Money::new(terms.amount, cart.currency),
        (None, None) => Money::new(settings.delivery_fee_minor, cart.currency),
    };
    let tax_rate = till.rate_of(class).ok_or(Error::FeeUntaxed)?;
    Ok(DeliveryFee { amount, tax_rate, tax: None })
}
