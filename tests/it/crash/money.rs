//! PayPal's own books, looked at for one checkout.

use aisle::sandbox::paypal::{AuthorizationStatus, Books, CaptureStatus};

use super::Trip;

/// What PayPal's books say about a checkout, in cents.
#[derive(Debug)]
pub struct Money {
    /// Orders with a capture that holds, or with an open authorization.
    pub orders: usize,
    pub captured: i64,
    pub refunded: i64,
    /// The sum of open authorizations.
    pub set_aside: i64,
}

impl Money {
    pub fn of(trip: &Trip, books: &Books) -> Self {
        let orders = trip.paypal_orders(books);
        let captures: Vec<_> = books
            .captures
            .values()
            .filter(|capture| orders.contains(&capture.order_id) && capture.status != CaptureStatus::Declined)
            .collect();
        let is_open =
            |status| matches!(status, AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured);
        let open: Vec<_> = books
            .authorizations
            .values()
            .filter(|authorization| orders.contains(&authorization.order_id))
            .filter(|authorization| is_open(authorization.status))
            .collect();
        let moved = |order: &&String| {
            captures.iter().any(|capture| capture.order_id == **order)
                || open.iter().any(|authorization| authorization.order_id == **order)
        };
        Self {
            orders: orders.iter().filter(moved).count(),
            captured: captures.iter().map(|capture| capture.amount.minor).sum(),
            refunded: captures.iter().map(|capture| books.refunded_minor(&capture.id)).sum(),
            set_aside: open.iter().map(|authorization| authorization.amount.minor).sum(),
        }
    }
}
