//! What every route shares: extractors whose refusals are problems, replies, limits, traces, the API's document.

pub mod extract;
pub mod limit;
pub mod live;
pub mod note;
pub mod openapi;
pub mod reply;
pub mod trace;
pub mod wait;
