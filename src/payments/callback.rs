//! Callbacks: addresses of ours for providers that sign nothing.
//!
//! Each payment and each link has its own, with a secret that only the master key can make. Whoever has one can only make us
//! look: nothing of what is sent is read, and looks are a while apart, however many hints there are.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::model::{MethodState, OperationState};
use super::operate::Operate;
use super::{Error, link, store};
use crate::app::App;
use crate::clock::Moment;
use crate::ids::{MethodId, PaymentId};
use crate::jobs;

/// However many hints there are, the provider is asked about a payment or a link that waits no more often than this. Short,
/// because a shopper may be waiting.
const LOOKS_APART: chrono::Duration = chrono::Duration::seconds(2);

/// What a callback is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    /// A payment.
    Payment(PaymentId),
    /// A link of an account.
    Method(MethodId),
}

impl Subject {
    fn secrets(self, app: &App) -> Vec<String> {
        let purpose = match self {
            Self::Payment(id) => format!("aisle payment callback {id}"),
            Self::Method(id) => format!("aisle payment method callback {id}"),
        };
        // A mark in letters that an address may hold.
        let plain = |mark: String| URL_SAFE_NO_PAD.encode(STANDARD.decode(mark).unwrap_or_default());
        app.identity.marks(purpose.as_bytes()).into_iter().map(plain).collect()
    }
}

/// The address that a provider is given.
pub(super) fn url(app: &App, subject: Subject) -> String {
    let secret = subject.secrets(app).into_iter().next().unwrap_or_default();
    let path = match subject {
        Subject::Payment(id) => format!("/v1/payments/{id}/callback/{secret}"),
        Subject::Method(id) => format!("/v1/payment-methods/{id}/callback/{secret}"),
    };
    app.config.public(&path)
}

/// Takes a hint: whoever has the secret has us look. Says whether the secret is right, which it is or not whether there is
/// such a payment or not.
pub(super) async fn receive(app: &App, subject: Subject, secret: &str) -> Result<bool, Error> {
    let is_same = |right: &String| {
        !right.is_empty() && verify_slices_are_equal(right.as_bytes(), secret.as_bytes()).is_ok()
    };
    // All of them: secrets made with an earlier master key still count.
    let matches = subject.secrets(app).iter().filter(|right| is_same(right)).count();
    if matches == 0 {
        return Ok(false);
    }
    look(app, subject).await?;
    Ok(true)
}

/// Has the provider asked what became of whatever is open. The jobs keep their own pace: see [`LOOKS_APART`].
pub(super) async fn look(app: &App, subject: Subject) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    match subject {
        Subject::Payment(id) => {
            let Some(payment) = store::payments::find(&mut tx, id).await? else { return Ok(()) };
            let operations = store::operations::of_payment(&mut tx, id, payment.currency).await?;
            let is_open = |state| {
                matches!(state, OperationState::Sent | OperationState::Pending | OperationState::Waiting)
            };
            let open = operations.iter().filter(|each| is_open(each.state));
            let mut open: Vec<_> = open.map(|each| each.id).collect();
            // Everybody who asks for several jobs asks for them in one order.
            open.sort_unstable();
            for operation in open {
                jobs::enqueue(&mut tx, &app.ids, now, &Operate { operation }).await?;
            }
        }
        Subject::Method(id) => {
            let method = store::methods::find(&mut tx, id).await?;
            if method.is_some_and(|method| method.state == MethodState::Linking) {
                jobs::enqueue(&mut tx, &app.ids, now, &link::Link::of(id)).await?;
            }
        }
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// How long it is until a provider may be asked again about what only it or the shopper can bring further; nothing when it may
/// be asked now.
pub(super) fn too_soon(looked_at: Option<Moment>, now: Moment) -> Option<Duration> {
    let rest = looked_at? + LOOKS_APART - now;
    rest.to_std().ok().filter(|rest| !rest.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_not_asked_again_within_two_seconds() {
        let now = Moment::UNIX_EPOCH + chrono::Duration::hours(1);
        let ago = |milliseconds| Some(now - chrono::Duration::milliseconds(milliseconds));
        assert_eq!(too_soon(None, now), None);
        assert_eq!(too_soon(ago(2_000), now), None);
        assert_eq!(too_soon(ago(1_500), now), Some(Duration::from_millis(500)));
        assert_eq!(too_soon(ago(0), now), Some(Duration::from_secs(2)));
    }
}
