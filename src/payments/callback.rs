//! Callbacks: addresses of ours for providers that sign nothing.
//!
//! Each payment and each link has its own, with a secret that only the master key can make. Whoever has one can only make us
//! look: nothing of what is sent is read, and looks that hints ask for are a while apart.

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

/// Looks that hints ask for are at least this far apart, for each payment and each link: a hint that comes earlier waits for
/// the next. Short, because a shopper may be waiting.
const LOOKS_APART: chrono::Duration = chrono::Duration::seconds(5);

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

/// Has the provider asked what became of whatever is open, now or when the last look is long enough ago.
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
            let mut open: Vec<_> =
                operations.iter().filter(|each| is_open(each.state)).map(|each| each.id).collect();
            if open.is_empty() {
                return Ok(());
            }
            let last = store::payments::looked_at(&mut tx, id).await?;
            let Some(at) = next_look(last, now) else { return Ok(()) };
            store::payments::set_looked_at(&mut tx, id, at).await?;
            // Everybody who asks for several jobs asks for them in one order.
            open.sort_unstable();
            for operation in open {
                jobs::enqueue_at(&mut tx, &app.ids, now, &Operate { operation }, at).await?;
            }
        }
        Subject::Method(id) => {
            let Some(method) = store::methods::find(&mut tx, id).await? else { return Ok(()) };
            if method.state != MethodState::Linking {
                return Ok(());
            }
            let last = store::methods::looked_at(&mut tx, id).await?;
            let Some(at) = next_look(last, now) else { return Ok(()) };
            store::methods::set_looked_at(&mut tx, id, at).await?;
            jobs::enqueue_at(&mut tx, &app.ids, now, &link::Link::of(id), at).await?;
        }
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// When a hint's look takes place; nothing when one that is still to come serves it too.
fn next_look(last: Option<Moment>, now: Moment) -> Option<Moment> {
    match last {
        Some(last) if last > now => None,
        Some(last) => Some(now.max(last + LOOKS_APART)),
        None => Some(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_hints_ask_for_are_apart_and_none_is_lost() {
        let now = Moment::UNIX_EPOCH + chrono::Duration::hours(1);
        let ago = |seconds| Some(now - chrono::Duration::seconds(seconds));
        assert_eq!(next_look(None, now), Some(now));
        assert_eq!(next_look(ago(60), now), Some(now));
        assert_eq!(next_look(ago(2), now), Some(now + chrono::Duration::seconds(3)));
        assert_eq!(next_look(ago(0), now), Some(now + LOOKS_APART));
        assert_eq!(next_look(ago(-3), now), None);
    }
}
