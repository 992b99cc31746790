//! How much a cart may hold, and how often it may change: all of it is kept, folded and priced.

/// Most lines of a cart: what a courier and a payment provider take, and far more than a trolley holds.
pub const LINES_MAX: usize = 500;
/// Most of one product in a cart by phone; more is a purchase for the wholesale desk.
pub const PIECES_MAX: i64 = 999;
/// Most coupons of a cart: a thick wallet.
pub const COUPONS_MAX: usize = 30;
/// Most deposit vouchers of a cart.
pub const VOUCHERS_MAX: usize = 30;
/// What the vouchers of a cart are worth together at most, in minor units: more is no household's empty bottles, and people
/// should look at it.
pub const VOUCHERS_WORTH_MAX: i64 = 50_000;
/// How often a cart may be locked for a checkout: each writes down all that it was priced with.
pub const LOCKS_MAX: i64 = 30;
/// Most points that one cart is paid with.
pub const POINTS_MAX: i64 = 10_000_000;
/// Most changes of a cart by its shopper: bounds the fold and the memory of event ids. A trip has some hundred.
pub const CHANGES_MAX: usize = 5_000;
/// So many more are taken that make it smaller, so that a full cart can be brought to where it can be paid: fewer pieces of
/// what has a limit, fewer points than were there.
pub(super) const CHANGES_RESERVED: usize = 1_000;

/// What a change does to the room that a cart has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Something comes in, or changes.
    More,
    /// Something gets less.
    Less,
    /// Something goes, which is always possible: a full cart gets nothing back.
    Gone,
}
