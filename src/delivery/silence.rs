//! What it means that a courier says nothing of a parcel that it has: not every courier calls a parcel lost by itself, so time
//! does. It counts from the last word, and a later word takes everything back. A pure rule.

use chrono::Duration;

use super::carrier::ParcelStatus;
use crate::clock::Moment;

crate::text_enum! {
    /// What a silence means.
    pub enum Silence {
        /// It was given to the courier, who never scanned it: it may still stand in the store.
        Unscanned = "unscanned",
        /// Nothing was heard of it for so long that somebody should ask the courier.
        Quiet = "quiet",
        /// Nobody will hear of it any more: it counts as lost.
        Lost = "lost",
    }
}

/// How long couriers may be silent before it means something.
#[derive(Clone, Copy, Debug)]
struct Patience {
    unscanned: Duration,
    quiet: Duration,
    lost: Duration,
}

/// Of couriers that carry parcels from depot to depot: a weekend has no scans, and none looks for a parcel after three weeks.
const OF_NETWORKS: Patience =
    Patience { unscanned: Duration::days(3), quiet: Duration::days(7), lost: Duration::days(21) };
/// Of couriers that ride near the store, and are there within hours.
const OF_RIDERS: Patience =
    Patience { unscanned: Duration::hours(2), quiet: Duration::hours(6), lost: Duration::days(3) };

/// What was last heard of a parcel.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastWord {
    /// When the courier had the parcel, by whoever said so first.
    pub(super) given_at: Moment,
    /// When the last event happened, where there was any since.
    pub(super) heard_at: Option<Moment>,
    /// What all events add up to.
    pub(super) status: ParcelStatus,
    /// It is brought by a courier that rides near the store.
    pub(super) is_local: bool,
}

/// What the silence since the last word means now; nothing while there is nothing to worry about, and of a travel that ended.
pub(super) fn meaning(word: &LastWord, now: Moment) -> Option<Silence> {
    use ParcelStatus::{Announced, Cancelled, Delivered, Lost, Returned};
    let patience = if word.is_local { OF_RIDERS } else { OF_NETWORKS };
    let since = now - word.at();
    match word.status {
        Delivered | Returned | Lost | Cancelled => None,
        _ if since >= patience.lost => Some(Silence::Lost),
        Announced => (since >= patience.unscanned).then_some(Silence::Unscanned),
        _ => (since >= patience.quiet).then_some(Silence::Quiet),
    }
}

impl LastWord {
    /// When it was.
    pub(super) fn at(&self) -> Moment {
        self.heard_at.map_or(self.given_at, |heard_at| heard_at.max(self.given_at))
    }
}

impl Silence {
    /// What staff are told of it.
    pub(super) fn words(self, carrier: &str, since: Moment) -> String {
        let since = since.format("%F");
        match self {
            Self::Unscanned => {
                format!(
                    "given to {carrier} on {since} and never scanned there: see whether it is still in the store"
                )
            }
            Self::Quiet => format!("{carrier} says nothing of it since {since}: ask what became of it"),
            Self::Lost => format!("{carrier} says nothing of it since {since}: it counts as lost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(days: i64, status: ParcelStatus, is_local: bool) -> Option<Silence> {
        let given_at = chrono::DateTime::UNIX_EPOCH;
        let word = LastWord { given_at, heard_at: None, status, is_local };
        meaning(&word, given_at + Duration::days(days))
    }

    #[test]
    fn silence_means_more_the_longer_it_lasts_and_nothing_after_the_end() {
        use ParcelStatus::{Announced, Delivered, InTransit, Returned};
        let of = |status| [2, 3, 6, 7, 20, 21].map(|days| after(days, status, false));
        let (unscanned, quiet, lost) = (Some(Silence::Unscanned), Some(Silence::Quiet), Some(Silence::Lost));
        assert_eq!(of(Announced), [None, unscanned, unscanned, unscanned, unscanned, lost]);
        assert_eq!(of(InTransit), [None, None, None, quiet, quiet, lost]);
        assert_eq!(of(Delivered), [None; 6]);
        assert_eq!(of(Returned), [None; 6]);
        assert_eq!((after(1, InTransit, true), after(3, InTransit, true)), (quiet, lost));
    }

    #[test]
    fn it_counts_from_the_last_word() {
        let given_at = chrono::DateTime::UNIX_EPOCH;
        let heard_at = Some(given_at + Duration::days(10));
        let word = LastWord { given_at, heard_at, status: ParcelStatus::InTransit, is_local: false };
        assert_eq!(meaning(&word, given_at + Duration::days(16)), None);
        assert_eq!(meaning(&word, given_at + Duration::days(17)), Some(Silence::Quiet));
    }
}
