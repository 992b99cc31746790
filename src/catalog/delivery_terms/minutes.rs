//! Times of the day as people write them: `16:00`.

use chrono::NaiveTime;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

const FORM: &str = "%H:%M";

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(super) fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&time.format(FORM))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(from)?;
    NaiveTime::parse_from_str(&text, FORM).map_err(|_| Error::custom("a time of the day is HH:MM"))
}

/// The same, where it may be missing.
pub(super) mod or_none {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde asks for a reference")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<NaiveTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, to),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<NaiveTime>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super")] NaiveTime);
        Ok(Option::<Time>::deserialize(from)?.map(|Time(time)| time))
    }
}
