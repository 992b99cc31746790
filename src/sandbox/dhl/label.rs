//! Labels and the daily manifest: a real one-page PDF of 100 x 150 mm, the same label in ZPL2, and an A4 list.

use super::{
    order::{Party, RETURN},
    state::Shipment,
};
use crate::sandbox::code_128;
use crate::sandbox::pdf::{Page, file};

/// 100 x 150 mm in points.
const LABEL_SIZE: &str = "283.46 425.2";
/// DIN A4 in points.
const A4_SIZE: &str = "595.28 841.89";
/// Who made the files, as their metadata say.
const PRODUCER: &str = "DHL sandbox";
/// Lines of a manifest that fit on one page.
const MANIFEST_LINES_PER_PAGE: usize = 44;

pub fn label_pdf(shipment: &Shipment) -> Vec<u8> {
    let order = &shipment.order;
    let mut page = Page::default();
    page.text(16, 398, 16, true, product_name(&order.product));
    page.text(200, 400, 8, false, "DHL sandbox");
    page.bar(12, 390, 260, 1);
    page.text(16, 378, 7, true, "Von / From");
    party(&mut page, 366, 8, &order.shipper);
    page.bar(12, 316, 260, 1);
    page.text(16, 303, 7, true, "An / To");
    party(&mut page, 286, 12, &order.consignee);
    page.bar(12, 204, 260, 1);
    page.text(16, 192, 8, false, &format!("Ref.: {}", order.reference.as_deref().unwrap_or("-")));
    page.text(16, 180, 8, false, &format!("Gewicht / Weight: {} kg", kilograms(order.weight_grams)));
    page.text(150, 180, 8, false, &format!("Datum / Date: {}", shipment.ship_date));
    page.text(16, 168, 8, true, &order.services.join(", "));
    page.text(16, 150, 8, false, &format!("Leitcode: {}", shipment.routing_code));
    page.bars(24, 50, 84, &code_128::gs1_digits(&shipment.number));
    page.text(62, 32, 12, true, &shipment.number);
    page.text(16, 14, 7, false, &format!("Abrechnungsnummer {}", order.billing_number));
    file(LABEL_SIZE, &shipment.number, PRODUCER, &[page])
}

fn party(page: &mut Page, top: u32, size: u32, party: &Party) {
    let place = format!("{} {} {}", party.postal_code, party.city, party.country);
    let lines = party.names.iter().chain([&party.street, &place]).filter(|line| !line.trim().is_empty());
    let mut y = top;
    for line in lines {
        page.text(16, y, size, false, line);
        y -= size + 3;
    }
}

pub fn label_zpl(shipment: &Shipment) -> String {
    let order = &shipment.order;
    let mut lines = vec!["^XA".to_owned(), "^CI28".to_owned(), "^PW812".to_owned(), "^LL1218".to_owned()];
    let mut line = |x: u32, y: u32, size: u32, text: &str| {
        lines.push(format!("^FO{x},{y}^A0N,{size},{size}^FH_^FD{}^FS", escape_zpl(text)));
    };
    line(40, 40, 48, product_name(&order.product));
    let mut y = 120;
    for (size, party) in [(26, &order.shipper), (38, &order.consignee)] {
        let place = format!("{} {} {}", party.postal_code, party.city, party.country);
        for text in party.names.iter().chain([&party.street, &place]).filter(|text| !text.trim().is_empty()) {
            line(40, y, size, text);
            y += size + 8;
        }
        y += 40;
    }
    line(40, 640, 26, &format!("Ref.: {}", order.reference.as_deref().unwrap_or("-")));
    line(40, 680, 26, &format!("Gewicht / Weight: {} kg", kilograms(order.weight_grams)));
    line(40, 720, 26, &order.services.join(", "));
    line(40, 1120, 34, &shipment.number);
    lines.push(format!("^BY3^FO60,800^BCN,280,N,N,N,D^FD{}^FS", shipment.number));
    lines.push("^XZ".to_owned());
    lines.join("\n")
}

pub fn manifest_pdf(date: &str, shipments: &[&Shipment]) -> Vec<u8> {
    let mut pages = Vec::new();
    for chunk in shipments.chunks(MANIFEST_LINES_PER_PAGE) {
        let mut page = Page::default();
        page.text(40, 790, 16, true, &format!("Tagesabschluss / Manifest {date}"));
        let mut y = 760;
        for shipment in chunk {
            let order = &shipment.order;
            let reference = order.reference.as_deref().unwrap_or("-");
            let line = format!(
                "{}  {}  {}  {} kg  {}",
                shipment.number,
                order.billing_number,
                order.product,
                kilograms(order.weight_grams),
                reference
            );
            page.text(40, y, 9, false, &line);
            y -= 16;
        }
        pages.push(page);
    }
    file(A4_SIZE, "Manifest", PRODUCER, &pages)
}

fn product_name(product: &str) -> &'static str {
    match product {
        "V01PAK" => "DHL PAKET",
        "V53WPAK" => "DHL PAKET International",
        "V54EPAK" => "DHL Europaket",
        "V62KP" | "V62WP" => "DHL Kleinpaket",
        RETURN => "DHL RETOURE",
        _ => "Warenpost International",
    }
}

fn kilograms(grams: i64) -> String {
    format!("{},{:03}", grams / 1_000, grams % 1_000)
}

/// ZPL's own signs become hexadecimal escapes, which `^FH_` announces.
fn escape_zpl(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '^' => "_5E".to_owned(),
            '~' => "_7E".to_owned(),
            '_' => "_5F".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
