//! What partners are refused, and what to do then.

use axum::http::StatusCode;

use crate::error::Problem;
use crate::exchange::{replay, subscribe};

impl From<subscribe::Error> for Problem {
    fn from(error: subscribe::Error) -> Self {
        use subscribe::Error;
        match error {
            Error::Unknown => {
                Self::not_found("subscription_unknown", "There is no such subscription of yours.")
            }
            Error::Taken => Self::conflict(
                "subscription_taken",
                "The id is in use for a subscription that is not this key's. Choose another.",
            ),
            Error::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                "The subscription was changed meanwhile. Read it again and decide anew.",
            ),
            Error::NoKinds => {
                Self::unprocessable("kinds_missing", "Name at least one kind of event.").at("/kinds", "empty")
            }
            Error::TooManyStores => {
                let detail = format!("Name at most {} stores, or none for all.", subscribe::STORES_MAX);
                Self::unprocessable("stores_too_many", detail).at("/stores", "too many")
            }
            Error::OtherStore(store) => {
                let detail = format!("The key is for store {store} only. Name that store or none.");
                Self::forbidden("other_store", detail).at("/stores", "not only the key's store")
            }
            Error::TooMany => {
                let detail =
                    format!("A partner has at most {} subscriptions. End one.", subscribe::SUBSCRIPTIONS_MAX);
                Self::conflict("subscriptions_too_many", detail)
            }
            Error::TooManySecrets => Self::conflict(
                "secrets_too_many",
                format!(
                    "{} secrets are good at once. Use the newest, or wait a day.",
                    subscribe::SECRETS_MAX
                ),
            ),
            Error::Address(error) => {
                Self::unprocessable("url_refused", format!("Messages can't be sent there: {error}."))
                    .at("/url", error.to_string())
            }
            Error::Database(error) => error.into(),
        }
    }
}

impl From<replay::Error> for Problem {
    fn from(error: replay::Error) -> Self {
        use replay::Error;
        match error {
            Error::UnknownDispatch => {
                Self::not_found("dispatch_unknown", "The subscription has no such dispatch.")
            }
            Error::Off => Self::conflict(
                "subscription_off",
                "The subscription is off, since its receiver answered 410. Put it again to turn it on.",
            ),
            Error::NotOpen(state) => Self::conflict(
                "dispatch_closed",
                format!("The dispatch is {state}; there is nothing to give up."),
            ),
            Error::TooLongAgo => {
                let detail = format!("A replay reaches back {} days at most.", replay::REACH.num_days());
                Self::unprocessable("since_too_early", detail).at("/since", "too long ago")
            }
            Error::Subscription(error) => error.into(),
            Error::Database(error) => error.into(),
        }
    }
}
