//! What was picked of an order, and what was picked instead. Pure.
//!
//! An order is never edited; this stands beside it. A line never costs more than the shopper agreed to, whatever was picked for
//! it: for more their yes would be needed again.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{Sku, StaffId};
use crate::money::{Money, Rate};
use crate::quantity::{Quantity, Unit};
use crate::text_enum;

text_enum! {
    /// What the shopper wants where goods are not there.
    #[derive(Default)]
    pub enum IfMissing {
        /// To do without, and not to pay.
        #[default]
        LeaveOut = "leave_out",
        /// Something like it.
        Replace = "replace",
        /// To be asked.
        Ask = "ask",
    }
}

impl IfMissing {
    /// Whether it is what counts where nothing is said.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

text_enum! {
    /// Whether the shopper agrees to a substitute.
    pub enum Consent {
        /// Beforehand, to something like it.
        Given = "given",
        /// They are asked.
        Asked = "asked",
        /// They said yes.
        Accepted = "accepted",
        /// They said no.
        Declined = "declined",
        /// They did not answer in time, or it was not picked before the goods went out.
        Lapsed = "lapsed",
    }
}

impl Consent {
    /// Whether the substitute goes out, and is paid.
    pub fn is_agreed(self) -> bool {
        matches!(self, Self::Given | Self::Accepted)
    }
}

/// What was picked in the place of goods that were not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Substitute {
    /// The product.
    pub sku: Sku,
    /// What it is called.
    pub name: String,
    /// How much of it: pieces or a measure.
    pub quantity: Quantity,
    /// What a piece of it costs on the shelf, or its `priced_per`.
    pub unit_price: Money,
    /// What `unit_price` is for when it is not for a piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_per: Option<Quantity>,
    /// What it costs the shopper, without its deposit: never more than what it stands for.
    pub amount: Money,
    /// The rate of its tax, in percent.
    pub tax_rate: Rate,
    /// What its bottles or crates are charged with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<SubstituteDeposit>,
    /// Whether the shopper agrees.
    pub consent: Consent,
    /// Until when they may answer who are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_until: Option<DateTime<Utc>>,
    /// Whether staff said that it was picked since the shopper agreed: only then it goes out.
    #[serde(default)]
    pub is_picked: bool,
}

impl Substitute {
    /// What it and its deposit cost, each with the rate of its tax.
    pub fn costs(&self) -> impl Iterator<Item = (Money, Rate)> {
        let deposit = self.deposit.map(|deposit| (deposit.amount, deposit.tax_rate));
        [(self.amount, self.tax_rate)].into_iter().chain(deposit)
    }

    /// What a piece of it costs, for people; one that was measured, what it costs itself.
    pub fn each(&self) -> Money {
        if self.quantity.unit() == Unit::Piece { self.unit_price } else { self.amount }
    }

    /// How many pieces it is; one of what was measured.
    pub fn pieces(&self) -> i64 {
        if self.quantity.unit() == Unit::Piece { self.quantity.amount() } else { 1 }
    }

    /// Whether it is the same goods, whatever they cost and whoever agreed.
    pub fn is_same_goods(&self, other: &Self) -> bool {
        self.sku == other.sku && self.quantity == other.quantity
    }
}

/// The deposit of a substitute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubstituteDeposit {
    /// What it is together.
    pub amount: Money,
    /// The rate of its tax, in percent.
    pub tax_rate: Rate,
}

/// A line of which something else was picked than was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PickedLine {
    /// The line.
    pub line: i64,
    /// How much was picked, in what it was ordered in: pieces or a measure. Left out, nothing of it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// What that costs, without its deposit: never more than was agreed on.
    pub amount: Money,
    /// What its deposit costs then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Money>,
    /// What was picked for what was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub substitute: Option<Substitute>,
}

impl PickedLine {
    /// What goes out in its place.
    pub fn agreed_substitute(&self) -> Option<&Substitute> {
        self.substitute.as_ref().filter(|substitute| substitute.consent.is_agreed())
    }

    /// Whether nothing is sent for it, nor may be once the shopper has answered.
    pub fn is_void(&self) -> bool {
        let may_come = |consent: Consent| consent.is_agreed() || consent == Consent::Asked;
        self.quantity.is_none()
            && self.substitute.as_ref().is_none_or(|substitute| !may_come(substitute.consent))
    }
}

/// Who began to pick and did not go on for so long has put it down.
const PICKER_LASTS: Duration = Duration::minutes(60);

/// Who picks an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Picker {
    /// Who.
    pub staff: StaffId,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Picker {
    /// Whether nobody else may pick it now.
    pub fn keeps_out(&self, other: StaffId, now: DateTime<Utc>) -> bool {
        self.staff != other && self.lasts(now)
    }

    /// Whether they may still be at it: who does not go on for long has put it down.
    pub fn lasts(&self, now: DateTime<Utc>) -> bool {
        now - self.since < PICKER_LASTS
    }
}

/// Goods that the shopper does not want in the place of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    line: i64,
    sku: Sku,
}

/// What was really picked of what is delivered, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picking {
    /// The lines of which something else was picked than was ordered.
    pub lines: Vec<PickedLine>,
    /// Whether the goods were handed over, or nothing was there to be: nothing changes any more.
    #[serde(default)]
    pub is_closed: bool,
    /// What came back then of vouchers and points, which had paid more than what was picked costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<CreditsBack>,
    /// Who picks it, as long as that is not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picker: Option<Picker>,
    /// To what the shopper did not agree: nobody asks them about it again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

impl Picking {
    /// Whether the shopper was asked about these goods in the place of a line and did not agree.
    pub fn is_refused(&self, line: i64, sku: &Sku) -> bool {
        self.refused.iter().any(|refused| refused.line == line && refused.sku == *sku)
    }

    /// Ends the question about a line with a no.
    pub fn refuse(&mut self, line: i64, how: Consent) {
        let own = self.lines.iter_mut().find(|own| own.line == line);
        if let Some(substitute) = own.and_then(|own| own.substitute.as_mut()) {
            substitute.consent = how;
            self.refused.push(Refused { line, sku: substitute.sku.clone() });
        }
    }

    /// Ends all questions that should have been answered by now; says whether there were any.
    pub fn lapse(&mut self, now: DateTime<Utc>) -> bool {
        self.end(|asked| {
            asked.consent == Consent::Asked && asked.answer_until.is_none_or(|until| until <= now)
        })
    }

    /// Nothing changes any more. Goods without a yes stay in the store, and so do those that nobody picked since.
    pub fn close(&mut self) {
        self.is_closed = true;
        self.picker = None;
        self.end(|substitute| match substitute.consent {
            Consent::Asked => true,
            Consent::Given | Consent::Accepted => !substitute.is_picked,
            Consent::Declined | Consent::Lapsed => false,
        });
    }

    /// Lets substitutes lapse; says whether there were any.
    fn end(&mut self, is_over: impl Fn(&Substitute) -> bool) -> bool {
        let over = self.lines.iter().filter(|line| line.substitute.as_ref().is_some_and(&is_over));
        let over: Vec<i64> = over.map(|line| line.line).collect();
        for line in &over {
            self.refuse(*line, Consent::Lapsed);
        }
        !over.is_empty()
    }
}

/// What comes back of vouchers and points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreditsBack {
    /// Points, to the shopper's ledger.
    pub points: i64,
    /// What vouchers had paid, as a credit note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_note: Option<Money>,
}
