//! Refusals before the call, the same for every courier: what can't be carried, and fields that don't fit.

use crate::delivery::carrier::{FieldMessage, PickupPoint, PointFault, Rejection, RejectionReason};

/// A text without the spaces around it, when it is there and not too long. `longest` counts characters.
pub fn fitting<'a>(field: &str, text: &'a str, longest: usize) -> Result<&'a str, Rejection> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(wrong(field, "is empty")),
        length if length > longest => Err(wrong(field, &format!("is longer than {longest} characters"))),
        _ => Ok(text),
    }
}

/// A pick-up point is good for a courier that it belongs to, and that finds nothing wrong with it.
pub fn fitting_point(point: &PickupPoint, courier: &str, fault: Option<PointFault>) -> Result<(), Rejection> {
    if point.carrier != courier {
        return Err(not_served("recipient.pickup_point", "it is another courier's"));
    }
    match fault {
        Some((pointer, detail)) => Err(wrong(&format!("recipient{}", pointer.replace('/', ".")), detail)),
        None => Ok(()),
    }
}

/// The field has to be corrected.
pub fn wrong(property: &str, text: &str) -> Rejection {
    rejection(RejectionReason::Data, property, text)
}

/// The courier does not offer it: another may.
pub fn not_served(property: &str, text: &str) -> Rejection {
    rejection(RejectionReason::NotServed, property, text)
}

fn rejection(reason: RejectionReason, property: &str, text: &str) -> Rejection {
    let message = FieldMessage { property: property.to_owned(), text: text.to_owned() };
    Rejection { reason, messages: vec![message] }
}
