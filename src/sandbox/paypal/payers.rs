//! The payers of this sandbox: how the e-mail address given at approval decides what their charges come to.
//!
//! PayPal's own trigger is the header `PayPal-Mock-Response`; a client that can't send it chooses by payer. The word
//! stands before the `@`, after a plus sign, as in `anna+declined@example.com`.

use super::books::Payer;
use super::ids;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Pays,
    /// `+declined`: every charge is refused.
    Declined,
    /// `+action`: a charge of the saved account asks the payer to come and approve; then it works.
    Action,
    /// `+pending`: captures wait for a review that the sandbox's controls decide.
    Pending,
    /// `+revoked`: the payer took the permission back at PayPal; charges of the saved account find it cancelled.
    Revoked,
    /// `+latedecline`: authorizing works, capturing the authorization doesn't.
    LateDecline,
    /// `+renewdeclined`: an authorization can't be renewed.
    RenewDeclined,
    /// `+disputes`: every capture is disputed as not received, at once.
    Disputes,
    /// `+chargeback`: every capture is disputed as unauthorised at the payer's bank, at once.
    Chargeback,
    /// `+savelater`: an account that is saved with a purchase is saved later, by the sandbox's controls.
    SaveLater,
    /// `+refundpending`: refunds wait, to be completed or failed by the sandbox's controls.
    RefundPending,
}

const WORDS: [(&str, Behaviour); 10] = [
    ("+declined@", Behaviour::Declined),
    ("+action@", Behaviour::Action),
    ("+pending@", Behaviour::Pending),
    ("+revoked@", Behaviour::Revoked),
    ("+latedecline@", Behaviour::LateDecline),
    ("+renewdeclined@", Behaviour::RenewDeclined),
    ("+disputes@", Behaviour::Disputes),
    ("+chargeback@", Behaviour::Chargeback),
    ("+savelater@", Behaviour::SaveLater),
    ("+refundpending@", Behaviour::RefundPending),
];

impl Payer {
    pub fn new(email: &str) -> Payer {
        Payer { email: email.to_owned(), account_id: ids::account_id(email) }
    }

    pub fn behaviour(&self) -> Behaviour {
        let email = self.email.to_ascii_lowercase();
        WORDS
            .iter()
            .find(|(word, _)| email.contains(word))
            .map_or(Behaviour::Pays, |(_, behaviour)| *behaviour)
    }
}
