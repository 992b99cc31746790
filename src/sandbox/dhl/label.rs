//! Labels and the daily manifest: a real one-page PDF of 100 x 150 mm, the same label in ZPL2, and an A4 list.

use super::{order::Party, state::Shipment};
use crate::sandbox::pdf::{Page, file};

/// 100 x 150 mm in points.
const LABEL_SIZE: &str = "283.46 425.2";
/// DIN A4 in points.
const A4_SIZE: &str = "595.28 841.89";
/// Who made the files, as their metadata say.
const PRODUCER: &str = "DHL sandbox";
/// Lines of a manifest that fit on one page.
const MANIFEST_LINES_PER_PAGE: usize = 44;

/// The widths of bars and gaps of the Code 128 symbols 0 to 105; the stop symbol follows separately.
const CODE_128: &str = "\
    212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 \
    123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 \
    232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 \
    313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 \
    111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 \
    111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 \
    114311 411113 411311 113141 114131 311141 411131 211412 211214 211232";
const CODE_128_STOP: &str = "2331112";
const CODE_128_FUNCTION_1: usize = 102;
const CODE_128_START_C: usize = 105;

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
    page.bars(24, 50, 84, &code_128(&shipment.number));
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

/// The bars and gaps of a number in Code 128 C with the leading function 1 of a GS1 code.
fn code_128(digits: &str) -> Vec<u32> {
    let symbols: Vec<&str> = CODE_128.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        pair.iter().fold(0, |value, digit| value * 10 + usize::from(digit.saturating_sub(b'0').min(9)))
    });
    let values: Vec<usize> = [CODE_128_FUNCTION_1].into_iter().chain(pairs).collect();
    let weighted: usize = values.iter().enumerate().map(|(place, value)| (place + 1) * value).sum();
    let check = (CODE_128_START_C + weighted) % 103;
    [CODE_128_START_C]
        .into_iter()
        .chain(values)
        .chain([check])
        .map(|value| symbols[value])
        .chain([CODE_128_STOP])
        .flat_map(|widths| widths.bytes().map(|width| u32::from(width - b'0')))
        .collect()
}

fn product_name(product: &str) -> &'static str {
    match product {
        "V01PAK" => "DHL PAKET",
        "V53WPAK" => "DHL PAKET International",
        "V54EPAK" => "DHL Europaket",
        "V62KP" | "V62WP" => "DHL Kleinpaket",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_symbol_is_eleven_modules_wide_and_unlike_the_others() {
        let symbols: Vec<&str> = CODE_128.split_whitespace().collect();
        assert_eq!(symbols.len(), 106);
        assert_eq!(symbols.iter().collect::<BTreeSet<_>>().len(), 106);
        for symbol in symbols {
            assert_eq!(symbol.bytes().map(|width| u32::from(width - b'0')).sum::<u32>(), 11, "{symbol}");
        }
    }

    #[test]
    fn a_label_number_takes_its_known_width() {
        let modules: u32 = code_128("00340434000000000018").iter().sum();
        assert_eq!(modules, 13 * 11 + 13);
    }
}
