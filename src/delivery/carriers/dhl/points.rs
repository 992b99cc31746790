//! Packstationen and post offices of DHL, in Germany. The saved files have no search: recipients know the number of theirs.

use serde_json::{Value, json};

use crate::delivery::carrier::{Address, CUSTOMER_NUMBER, PickupPoint, PointFault, PointKind, Rejection};
use crate::delivery::carriers::rejections::{fitting, fitting_point, wrong};

/// What is wrong with a point.
pub fn fault(point: &PickupPoint, country: &str) -> Option<PointFault> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let lowest = match point.kind {
        PointKind::Locker => 100,
        PointKind::Shop => 401,
    };
    let id: Option<i64> = point.id.parse().ok().filter(|_| is_number(&point.id));
    let customer = point.customer_number.as_deref().unwrap_or_default();
    match () {
        () if country != "DE" => Some(("/country", "DHL's pick-up points are in Germany")),
        () if !id.is_some_and(|id| (lowest..=999).contains(&id)) => Some((
            "/pickup_point/id",
            "a Packstation has a number from 100 to 999, a post office one from 401 to 999",
        )),
        () if !(6..=10).contains(&customer.len()) || !is_number(customer) => {
            Some((CUSTOMER_NUMBER, "DHL needs the Postnummer: 6 to 10 digits"))
        }
        () => None,
    }
}

/// The consignee at a point.
pub fn consignee(address: &Address, point: &PickupPoint) -> Result<Value, Rejection> {
    fitting_point(point, "dhl", fault(point, &address.country))?;
    let id: i64 = point.id.parse().map_err(|_| wrong("recipient.pickup_point.id", "is no number"))?;
    let number = match point.kind {
        PointKind::Locker => "lockerID",
        PointKind::Shop => "retailID",
    };
    let mut out = json!({
        "name": fitting("recipient.name", &address.name, 50)?,
        "postNumber": point.customer_number,
        "postalCode": fitting("recipient.postal_code", &address.postal_code, 10)?,
        "city": fitting("recipient.city", &address.city, 40)?,
        "country": "DEU",
    });
    out[number] = json!(id);
    Ok(out)
}
