//! A parcel's label: a real one-page PDF of 100 x 150 mm, or the same in ZPL. And the list of who took a parcel.

use super::books::{Parcel, Party};
use crate::sandbox::code_128;
use crate::sandbox::pdf::{Page, file};

/// 100 x 150 mm in points.
const SIZE: &str = "283.46 425.2";
/// Who made the files, as their metadata say.
const PRODUCER: &str = "GLS sandbox";

/// What label a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pdf,
    /// With the dots an inch of the printer.
    Zebra(u32),
}

impl Format {
    /// `None` for what this sandbox has no label in.
    pub fn of(format: &str, template: &str) -> Option<Self> {
        match (format, template) {
            ("PDF", _) => Some(Self::Pdf),
            ("ZEBRA", template) if template.starts_with("ZPL_300") => Some(Self::Zebra(300)),
            ("ZEBRA", template) if template == "NONE" || template.starts_with("ZPL_200") => {
                Some(Self::Zebra(203))
            }
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Zebra(_) => "ZEBRA",
        }
    }

    /// `kind` is written above: what the label is for.
    pub fn label(self, parcel: &Parcel, kind: &str) -> Vec<u8> {
        match self {
            Self::Pdf => pdf(parcel, kind),
            Self::Zebra(dpi) => zpl(parcel, kind, dpi).into_bytes(),
        }
    }
}

fn pdf(parcel: &Parcel, kind: &str) -> Vec<u8> {
    let mut page = Page::default();
    page.text(16, 398, 16, true, &format!("GLS {kind}"));
    page.text(200, 400, 8, false, PRODUCER);
    page.bar(12, 390, 260, 1);
    page.text(16, 376, 8, false, &format!("From: {}", sender(parcel)));
    let mut y = 348;
    for line in lines(parcel.destination()) {
        page.text(16, y, 12, false, &line);
        y -= 15;
    }
    page.bar(12, 262, 260, 1);
    page.text(16, 248, 8, false, &format!("Ref.: {}", parcel.references.join(", ")));
    page.text(16, 236, 8, false, &format!("Weight: {} kg", kilograms(parcel.weight_grams)));
    page.text(150, 236, 8, false, &format!("Date: {}", parcel.shipping_date));
    page.text(16, 224, 8, true, &parcel.services.join(", "));
    page.bars(24, 120, 84, &code_128::text(&parcel.track_id));
    page.text(90, 100, 14, true, &parcel.track_id);
    page.text(80, 70, 10, false, &parcel.parcel_number);
    file(SIZE, &parcel.parcel_number, PRODUCER, &[page])
}

fn zpl(parcel: &Parcel, kind: &str, dpi: u32) -> String {
    // The layout is drawn at 203 dots an inch; a finer printer takes it one and a half times as large.
    let at = |dots: u32| dots * dpi / 203;
    let mut out =
        vec!["^XA".to_owned(), "^CI28".to_owned(), format!("^PW{}", at(812)), format!("^LL{}", at(1218))];
    let mut write = |x: u32, y: u32, size: u32, text: &str| {
        let (x, y, size) = (at(x), at(y), at(size));
        out.push(format!("^FO{x},{y}^A0N,{size},{size}^FH_^FD{}^FS", escaped(text)));
    };
    write(40, 40, 48, &format!("GLS {kind}"));
    write(40, 110, 24, &format!("From: {}", sender(parcel)));
    let mut y = 170;
    for line in lines(parcel.destination()) {
        write(40, y, 38, &line);
        y += 46;
    }
    write(40, 560, 26, &format!("Ref.: {}", parcel.references.join(", ")));
    write(
        40,
        600,
        26,
        &format!("Weight: {} kg  Date: {}", kilograms(parcel.weight_grams), parcel.shipping_date),
    );
    write(40, 640, 26, &parcel.services.join(", "));
    write(40, 1080, 34, &format!("{}  {}", parcel.track_id, parcel.parcel_number));
    out.push(format!("^BY3^FO{},{}^BCN,{},N,N,N^FD{}^FS", at(60), at(760), at(280), parcel.track_id));
    out.push("^XZ".to_owned());
    out.join("\n")
}

/// The proof of a delivery.
pub fn proof(parcel: &Parcel) -> Vec<u8> {
    let mut page = Page::default();
    page.text(16, 398, 14, true, "Proof of delivery");
    page.text(16, 370, 10, false, &parcel.parcel_number);
    let mut y = 340;
    for line in lines(parcel.destination()) {
        page.text(16, y, 10, false, &line);
        y -= 14;
    }
    if let Some(event) = parcel.events.last() {
        page.text(16, y - 10, 10, false, &format!("{} {}", event.code, event.at.to_rfc3339()));
    }
    file(SIZE, &parcel.parcel_number, PRODUCER, &[page])
}

/// The shipper of the contract, or who hands a return in.
fn sender(parcel: &Parcel) -> String {
    match &parcel.returns_to {
        Some(_) => lines(&parcel.consignee).join(", "),
        None => parcel.contact_id.clone(),
    }
}

fn lines(party: &Party) -> Vec<String> {
    let place = format!("{} {} {}", party.country, party.postal_code, party.city);
    party
        .names
        .iter()
        .cloned()
        .chain([party.street.clone(), place])
        .filter(|line| !line.trim().is_empty())
        .collect()
}

fn kilograms(grams: i64) -> String {
    format!("{}.{:02}", grams / 1_000, grams % 1_000 / 10)
}

/// ZPL's own signs become hexadecimal escapes, which `^FH_` announces.
fn escaped(text: &str) -> String {
    text.replace('_', "_5F").replace('^', "_5E").replace('~', "_7E")
}
