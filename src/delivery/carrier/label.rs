//! What is printed and stuck on a parcel.

use std::fmt;

crate::text_enum! {
    /// The forms of a label.
    pub enum LabelFormat {
        /// For any printer.
        Pdf = "pdf",
        /// For label printers.
        Zpl = "zpl",
    }
}

impl LabelFormat {
    /// The media type to serve it with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Zpl => "application/zpl",
        }
    }
}

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
