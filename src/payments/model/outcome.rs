//! What a provider may answer, small and total.

use super::hold::HoldWindow;
use crate::money::Money;
use crate::text_enum;

text_enum! {
    /// What a shopper whose debit was refused can do about it.
    pub enum Remedy {
        /// Try again with the same account.
        TryAgain = "try_again",
        /// Link the same account again.
        LinkAgain = "link_again",
        /// Pay with another account.
        OtherMethod = "other_method",
    }
}

text_enum! {
    /// Why a provider did not do what it was asked for.
    pub enum DeclineReason {
        /// The account can't be debited now: another one may.
        Declined = "declined",
        /// The amount is above a limit of the account.
        LimitExceeded = "limit_exceeded",
        /// The permission to debit the account is gone: link again.
        LinkRevoked = "link_revoked",
        /// The shopper did not confirm in time.
        NotConfirmed = "not_confirmed",
        /// The hold is gone: expired, let go of, or used up.
        AuthorisationGone = "authorisation_gone",
        /// Our funds at the provider do not suffice for a refund.
        FundsMissing = "funds_missing",
        /// The provider refuses this kind of request: settings or contract.
        Refused = "refused",
        /// Staff found out, where nothing else could, that it did not happen.
        DidNotHappen = "did_not_happen",
    }
}

impl DeclineReason {
    /// What may help the shopper, the nearest first. That one provider refuses says nothing of the others.
    pub fn remedies(self, may_retry: bool) -> Vec<Remedy> {
        match self {
            Self::LinkRevoked => vec![Remedy::LinkAgain, Remedy::OtherMethod],
            _ if may_retry => vec![Remedy::TryAgain, Remedy::OtherMethod],
            _ => vec![Remedy::OtherMethod],
        }
    }
}

/// What the provider made: proof that money moved or is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's order, when the operation made one.
    pub order: Option<String>,
    /// The provider's name of the hold, the capture or the refund.
    pub object: String,
    /// How much was held, debited or given back, by the provider's own words.
    pub amount: Money,
    /// Of a hold: how long it lasts, when the provider says.
    pub window: Option<HoldWindow>,
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Approved(Receipt),
    /// It did not happen and never will by this operation.
    Declined {
        /// Why.
        reason: DeclineReason,
        /// Whether a new attempt with the same account may fare better.
        may_retry: bool,
    },
    /// The provider does not take the call as it is, for a reason that is neither the payer's nor the account's, such as a
    /// permission that was withdrawn. It may look at that before it looks at the key, so that this says nothing of earlier
    /// calls: see [`Outcome::after_earlier_calls`].
    Refused {
        /// What it said, for staff; without names, tokens and bodies.
        detail: String,
    },
    /// The shopper has to confirm at the provider before anything happens.
    ActionRequired {
        /// The provider's order.
        order: String,
        /// Where to confirm.
        url: String,
    },
    /// The shopper confirmed; the order is to be completed now.
    Confirmed {
        /// The provider's order.
        order: String,
    },
    /// The provider knows it and has yet to decide: not money.
    Pending {
        /// The provider's order, when the operation made one.
        order: Option<String>,
        /// The provider's name of what is pending.
        object: Option<String>,
    },
    /// This call surely had no effect: no connection, no credentials, or the provider refused who we are. Says nothing of
    /// earlier calls with the same key: see [`Outcome::after_earlier_calls`].
    NotSent {
        /// What went wrong, for staff; without names, tokens and bodies.
        detail: String,
    },
    /// The provider's books don't have it: no call of it was ever taken in, and it can be sent anew.
    Absent,
    /// It may have happened, and the provider can't tell any more: people have to find out.
    Lost {
        /// Why nothing else can.
        detail: &'static str,
    },
    /// It may have happened: only the provider can tell.
    Unknown {
        /// What went wrong, for staff; without names, tokens and bodies.
        detail: String,
    },
}

impl Outcome {
    /// An outcome that has to be found out.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::Unknown { detail: detail.into() }
    }

    /// The outcome of an operation of which an earlier call may have left: that this one did not leave, or was not taken,
    /// proves nothing then.
    #[must_use]
    pub fn after_earlier_calls(self) -> Self {
        match self {
            Self::NotSent { detail } | Self::Refused { detail } => Self::Unknown { detail },
            other => other,
        }
    }
}
