//! What is printed and stuck on a parcel.

use std::fmt;

pub use crate::catalog::LabelFormat;

/// What is printed and stuck on the parcel.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// What `bytes` are.
    pub format: LabelFormat,
    /// The document.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Label({:?}, {} bytes)", self.format, self.bytes.len())
    }
}
