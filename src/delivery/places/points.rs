//! Pick-up points near an address, as couriers that have a search say.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery::address::AddressFault;
use crate::delivery::carrier::{Carrier, PointKind, PointQuestion};
use crate::delivery::settings::Carriers;

crate::text_enum! {
    /// What became of the search of a courier.
    pub(in crate::delivery) enum PointSearch {
        /// Its points are among the answers.
        Answered = "answered",
        /// It said nothing in time, or refused.
        NoAnswer = "no_answer",
        /// It has no search: recipients know the numbers of its points.
        NotOffered = "not_offered",
    }
}

/// Pick-up points.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PickupPoints {
    /// Those that were found, the nearest of each courier first.
    points: Vec<PointShown>,
    /// Who has pick-up points.
    couriers: Vec<PointCourier>,
}

/// A pick-up point. A recipient names it by courier, kind and id, with its street, postal code and town as the address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundPickupPoint)]
struct PointShown {
    /// The courier.
    carrier: String,
    kind: PointKind,
    /// The courier's number of it.
    id: String,
    /// What it is called.
    name: String,
    /// The street; with the house number where that is not told apart.
    street: String,
    /// The house number, where it is told apart.
    house_number: Option<String>,
    postal_code: String,
    city: String,
    country: String,
    /// How far it is, in metres.
    metres: Option<i64>,
    /// In the courier's words.
    opening_hours: Option<String>,
}

/// A courier that has pick-up points.
#[derive(Debug, Serialize, ToSchema)]
struct PointCourier {
    /// The courier.
    carrier: String,
    /// What it has.
    kinds: Vec<PointKind>,
    /// What became of its search.
    search: PointSearch,
}

/// Asks all couriers that have points in a country, or one of them.
pub(super) async fn search(
    carriers: &Carriers,
    only: Option<&str>,
    near: &PointQuestion,
    deadline: Duration,
) -> PickupPoints {
    let has_points = |carrier: &&dyn Carrier| {
        let able = carrier.capabilities();
        only.is_none_or(|only| only == able.name)
            && !able.pickup.kinds.is_empty()
            && able.countries.contains(&near.country.as_str())
    };
    let asked = carriers.all().filter(has_points).map(|carrier| of_courier(carrier, near, deadline));
    let mut found = PickupPoints { points: Vec::new(), couriers: Vec::new() };
    for (points, courier) in join_all(asked).await {
        found.points.extend(points);
        found.couriers.push(courier);
    }
    found
}

async fn of_courier(
    carrier: &dyn Carrier,
    near: &PointQuestion,
    deadline: Duration,
) -> (Vec<PointShown>, PointCourier) {
    let able = carrier.capabilities();
    let name = able.name;
    let (search, points) = if able.pickup.is_searchable {
        match tokio::time::timeout(deadline, carrier.pickup_points(near)).await {
            Ok(Ok(points)) => (PointSearch::Answered, points),
            Ok(Err(error)) => {
                tracing::info!(courier = name, "pick-up points were not found: {error}");
                (PointSearch::NoAnswer, Vec::new())
            }
            Err(_) => (PointSearch::NoAnswer, Vec::new()),
        }
    } else {
        (PointSearch::NotOffered, Vec::new())
    };
    let shown = points.into_iter().map(|point| PointShown {
        carrier: name.to_owned(),
        kind: point.kind,
        id: point.id,
        name: point.name,
        street: point.street,
        house_number: point.house_number,
        postal_code: point.postal_code,
        city: point.city,
        country: point.country,
        metres: point.metres,
        opening_hours: point.opening_hours,
    });
    let courier = PointCourier { carrier: name.to_owned(), kinds: able.pickup.kinds.to_vec(), search };
    (shown.collect(), courier)
}

impl Carriers {
    /// What keeps a pick-up point of an address from being used; nothing for one without.
    pub fn pickup_fault(&self, address: &crate::delivery::Address) -> Option<AddressFault> {
        let point = address.pickup_point.as_ref()?;
        let unknown = ("/pickup_point/carrier", "no courier of this name has pick-up points");
        let fault = match self.find(&point.carrier) {
            Some(carrier) => carrier.pickup_fault(point, &address.for_carrier()),
            None => Some(unknown),
        };
        fault.map(|(pointer, detail)| AddressFault { pointer: pointer.to_owned(), detail: detail.to_owned() })
    }
}
