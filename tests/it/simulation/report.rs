//! What happened in a run, in one line.

use std::collections::BTreeMap;
use std::time::Duration;

use super::owed;
use super::plan::{self, Delivery, Payer};
use super::trip::{Crowd, Trip};

type Counts = BTreeMap<String, usize>;

fn count(counts: &mut Counts, what: impl Into<String>) {
    *counts.entry(what.into()).or_default() += 1;
}

/// Says it; shown with `--no-capture`.
#[expect(clippy::print_stdout, reason = "the report of a run that somebody asked for")]
pub async fn tell(
    crowd: &Crowd<'_>,
    trips: &[Trip<'_>],
    left: Counts,
    (seed, kills): (usize, usize),
    [shopped, took]: [Duration; 2],
) {
    let [mut ends, mut debts, mut contests, mut chosen] = [const { Counts::new() }; 4];
    for trip in trips {
        if let Some(courier) = &trip.chosen {
            count(&mut chosen, courier.as_str());
        }
        count(&mut ends, trip.end.as_str());
        if trip.is_contested {
            count(&mut contests, format!("{:?}", trip.plan.contest.expect("what it was contested by")));
        }
    }
    for payer in Payer::ALL {
        for debt in owed::all(crowd, payer).await {
            count(&mut debts, format!("{} {}", text(&debt["kind"]), text(&debt["state"])));
        }
    }
    let refunds: usize = trips.iter().map(|trip| trip.refunds).sum();
    let is_taken_back = |trip: &&Trip<'_>| trip.plan.delivery == Delivery::TakenBack && trip.end == "paid";
    let taken_back = trips.iter().filter(is_taken_back).count();
    let parcels: BTreeMap<_, _> =
        crowd.shop.live_parcels().into_iter().map(|(courier, live)| (courier, live.len())).collect();
    let handed_over = trips.iter().filter(|trip| trip.is_handed_over).count();
    let troubles: usize = trips.iter().map(|trip| trip.plan.couriers.len()).sum();
    println!(
        "seed {seed}: {} trips, checkouts {ends:?}, {refunds} refunds, {taken_back} orders cancelled, debts {debts:?}, disputes \
         {contests:?}, faults {:?}, {troubles} at couriers, options chosen {chosen:?}, parcels {parcels:?}, {handed_over} handed over, {kills} \
         kills, 0 violations, {took:.1?}, of which shopping {shopped:.1?}",
        trips.len(),
        faults(trips, left),
    );
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What went wrong on order, by kind: answers that did, without those that did not come to it, and events that were to.
fn faults(trips: &[Trip<'_>], left: Counts) -> Counts {
    let mut faults = Counts::new();
    for plan in trips.iter().map(|trip| trip.plan) {
        if let Some((_, fault)) = plan.fault {
            count(&mut faults, plan::kind(fault));
        }
        if plan.forgets_token {
            count(&mut faults, "access token revoked");
        }
        let Some(events) = plan.events else { continue };
        let kinds = [
            ("events dropped", events.drop_next > 0),
            ("events doubled", events.duplicate_next > 0),
            ("events reordered", events.reverse),
            ("events delayed", events.delay_ms > 0),
        ];
        for (kind, _) in kinds.into_iter().filter(|(_, is_so)| *is_so) {
            count(&mut faults, kind);
        }
    }
    for (kind, left) in left {
        let ordered = faults.entry(kind).or_default();
        *ordered = ordered.saturating_sub(left);
    }
    faults
}

/// How many faults were ordered and did not strike, by kind.
pub async fn left(crowd: &Crowd<'_>) -> Counts {
    let mut left = Counts::new();
    for url in [crowd.shop.paypal.url(), crowd.shop.klarna.url()] {
        for rule in crowd.shop.faults_left(&url).await {
            count(&mut left, plan::kind(rule.fault));
        }
    }
    left
}
