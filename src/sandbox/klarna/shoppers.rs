//! The shoppers of this sandbox: how the e-mail address decides what Klarna says.
//!
//! Klarna's own playground words, wherever an address carries them: `+denied` (refused at approval), `+red` (no payment
//! method is offered), `+pend-accept-NN` and `+pend-reject-NN` (orders are reviewed and decided after NN minutes, two
//! digits), `+require_signup` (the page wants a new account first). A one-time code of `999999` is wrong, any other six
//! digits are right.
//!
//! Klarna has no words for charges of a token, so these are ours: `+charge-failed`, `+charge-unavailable`,
//! `+charge-forbidden`, `+step-up`, `+suspended`, `+cancelled`; `+rejected` for orders whose review ends at once, and
//! `+no-more` for orders whose amount may not rise. A test that wants one charge to go differently plans it for the
//! token ([`Planned`]).

use serde::{Deserialize, Serialize};

/// Longest address in the specifications.
const EMAIL_CHARACTERS_MAX: usize = 99;

/// Who approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shopper {
    pub email: String,
}

/// What one charge of a token comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Planned {
    Accept,
    /// An order under review, accepted after so many minutes.
    PendAccept {
        minutes: u32,
    },
    /// An order under review, rejected after so many minutes: a late decline.
    PendReject {
        minutes: u32,
    },
    /// An order that is rejected at once.
    Reject,
    /// 403 `PAYMENT_METHOD_FAILED`.
    Fail,
    /// 403 `UNAVAILABLE_PAYMENT_METHOD`.
    Unavailable,
    /// 403 `PAYMENT_METHOD_CURRENCY_MISMATCH`.
    CurrencyMismatch,
    /// 403 `TOKEN_FORBIDDEN`.
    Forbid,
    /// The token is suspended, and says so.
    Suspend,
    /// The shopper took the permission back, and the token says so.
    Cancel,
    /// The shopper has to come: with `step_up: SUPPORTED` the refusal has a `step_up_id`.
    StepUp,
}

const CHARGE_WORDS: [(&str, Planned); 7] = [
    ("+charge-failed", Planned::Fail),
    ("+charge-unavailable", Planned::Unavailable),
    ("+charge-forbidden", Planned::Forbid),
    ("+step-up", Planned::StepUp),
    ("+suspended", Planned::Suspend),
    ("+cancelled", Planned::Cancel),
    ("+rejected", Planned::Reject),
];

impl Shopper {
    /// An address that could be one; otherwise nothing.
    pub fn of(email: &str) -> Option<Shopper> {
        let email = email.trim().to_ascii_lowercase();
        let plain =
            |part: &str| !part.is_empty() && part.chars().all(|one| one.is_ascii_graphic() && one != '@');
        let (local, host) = email.split_once('@')?;
        let plausible =
            email.len() <= EMAIL_CHARACTERS_MAX && plain(local) && plain(host) && host.contains('.');
        plausible.then_some(Shopper { email })
    }

    pub fn is_denied(&self) -> bool {
        self.has("+denied")
    }

    pub fn must_sign_up(&self) -> bool {
        self.has("+require_signup")
    }

    /// Whether an order of this shopper may not become larger than it was.
    pub fn is_refused_more(&self) -> bool {
        self.has("+no-more")
    }

    /// What a charge of this shopper's token comes to, when nothing else is planned.
    pub fn charge(&self) -> Planned {
        let word = CHARGE_WORDS.iter().find(|(word, _)| self.has(word)).map(|(_, planned)| *planned);
        word.or_else(|| self.review()).unwrap_or(Planned::Accept)
    }

    /// What an order that the shopper approved on the page comes to.
    pub fn order(&self) -> Planned {
        if self.has("+rejected") { Planned::Reject } else { self.review().unwrap_or(Planned::Accept) }
    }

    fn review(&self) -> Option<Planned> {
        let minutes = |word: &str| {
            let rest = self.email.split_once(word)?.1;
            rest.get(..2)?.parse::<u32>().ok()
        };
        let accepted = minutes("+pend-accept-").map(|minutes| Planned::PendAccept { minutes });
        accepted.or_else(|| minutes("+pend-reject-").map(|minutes| Planned::PendReject { minutes }))
    }

    fn has(&self, word: &str) -> bool {
        self.email.contains(word)
    }
}

/// Whether no payment method is offered to whoever has this address.
pub fn is_offered_nothing(email: &str) -> bool {
    email.to_ascii_lowercase().contains("+red@")
}

/// Whether a one-time code is right: six digits, but not `999999`.
pub fn is_right_code(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) && code != "999999"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_the_address_decide() {
        let shopper = |email: &str| Shopper::of(email).unwrap();
        assert_eq!(shopper("anna@example.com").charge(), Planned::Accept);
        assert_eq!(shopper("Anna+Pend-Reject-05@example.com").charge(), Planned::PendReject { minutes: 5 });
        assert_eq!(shopper("a+pend-accept-10@example.com").order(), Planned::PendAccept { minutes: 10 });
        assert_eq!(shopper("a+charge-failed@example.com").charge(), Planned::Fail);
        assert_eq!(shopper("a+charge-failed@example.com").order(), Planned::Accept);
        assert!(is_offered_nothing("a+red@example.com") && !is_offered_nothing("fred@example.com"));
        assert!(Shopper::of("anna").is_none() && Shopper::of("anna@localhost").is_none());
    }
}
