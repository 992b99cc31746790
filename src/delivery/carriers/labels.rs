//! Labels as they come: base64 of a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::delivery::carrier::{Label, LabelFormat};

/// The label that a text stands for; none when it is not a file of this form.
pub fn decoded(text: &str, format: LabelFormat) -> Option<Label> {
    let bytes = STANDARD.decode(text).ok()?;
    let begins = match format {
        LabelFormat::Pdf => bytes.starts_with(b"%PDF"),
        LabelFormat::Zpl => bytes.starts_with(b"^XA"),
    };
    begins.then_some(Label { format, bytes })
}
