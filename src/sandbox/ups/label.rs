//! Labels of 4 by 6 inches in the five forms that UPS has: GIF, ZPL, EPL and SPL at booking, PDF on recovery.

use super::books::{Package, Shipment};
use super::gif::Raster;
use super::tariff;
use crate::sandbox::code_128;
use crate::sandbox::pdf::{Page, file};

/// 4 by 6 inches in points.
const LABEL_SIZE: &str = "288 432";

/// The file of one package's label; `None` for a form that UPS doesn't have.
pub fn label(shipment: &Shipment, package: &Package, format: &str) -> Option<Vec<u8>> {
    let label = Label::of(shipment, package);
    match format {
        "GIF" => Some(label.gif()),
        "PDF" => Some(label.pdf()),
        "ZPL" => Some(label.zpl().into_bytes()),
        "EPL" => Some(label.epl().into_bytes()),
        "SPL" => Some(label.spl().into_bytes()),
        _ => None,
    }
}

/// The page in which a browser shows the picture.
pub fn html(number: &str) -> Vec<u8> {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{number}</title></head><body>\
         <img src=\"./label{number}.gif\" alt=\"{number}\" width=\"400\" height=\"600\"></body></html>"
    )
    .into_bytes()
}

struct Label {
    number: String,
    service: &'static str,
    from: Vec<String>,
    to: Vec<String>,
    place: String,
    weight: String,
    options: String,
    references: Vec<String>,
}

impl Label {
    fn of(shipment: &Shipment, package: &Package) -> Label {
        let lines = |address: &super::places::Address| {
            let place = format!("{} {} {}", address.city, address.state, address.postal_code);
            [address.name.clone()]
                .into_iter()
                .chain(address.lines.iter().cloned())
                .chain([place, address.country.clone()])
                .filter(|line| !line.trim().is_empty())
                .collect::<Vec<String>>()
        };
        let place = shipment.packages.iter().position(|one| one.tracking_number == package.tracking_number);
        let adult = shipment.adult_signature || package.adult_signature;
        Label {
            number: package.tracking_number.clone(),
            service: tariff::name_of(&shipment.service),
            from: lines(&shipment.from),
            to: lines(&shipment.to),
            place: format!("{} OF {}", place.unwrap_or_default() + 1, shipment.packages.len()),
            weight: format!("{} {}", package.weight, package.weight_unit),
            options: if adult { "ADULT SIGNATURE REQUIRED - MIN 21".to_owned() } else { String::new() },
            references: shipment.references.iter().chain(&package.references).cloned().collect(),
        }
    }

    fn reference_line(&self) -> String {
        format!("REF: {}", self.references.join(", "))
    }

    /// The number as people read it: `1Z A1B 2C3 03 0000 0017`.
    fn spaced(&self) -> String {
        let cuts = [0, 2, 5, 8, 10, 14, 18];
        let parts = cuts.windows(2).filter_map(|cut| self.number.get(cut[0]..cut[1]));
        parts.collect::<Vec<_>>().join(" ")
    }

    fn pdf(&self) -> Vec<u8> {
        let mut page = Page::default();
        page.text(200, 412, 8, false, "UPS sandbox");
        page.text(14, 400, 10, true, &format!("{}  {}", self.weight, self.place));
        let mut y = 386;
        for line in &self.from {
            page.text(14, y, 7, false, line);
            y -= 9;
        }
        page.text(14, 326, 8, true, "SHIP TO:");
        let mut y = 312;
        for line in &self.to {
            page.text(24, y, 10, true, line);
            y -= 12;
        }
        page.bar(8, 230, 272, 2);
        page.text(14, 208, 16, true, self.service);
        page.text(14, 190, 10, false, &format!("TRACKING #: {}", self.spaced()));
        page.bar(8, 182, 272, 2);
        page.bars(20, 84, 88, &code_128::text(&self.number));
        page.text(14, 62, 9, true, &self.options);
        page.text(14, 46, 8, false, &self.reference_line());
        file(LABEL_SIZE, &self.number, "UPS sandbox", &[page])
    }

    fn gif(&self) -> Vec<u8> {
        let mut raster = Raster::new(400, 600);
        raster.text(10, 10, 2, &format!("{}  {}", self.weight, self.place));
        for (line, text) in self.from.iter().enumerate() {
            raster.text(10, 36 + 12 * line, 1, text);
        }
        raster.text(10, 130, 2, "SHIP TO:");
        for (line, text) in self.to.iter().enumerate() {
            raster.text(24, 152 + 20 * line, 2, text);
        }
        raster.bar(4, 290, 392, 4);
        raster.text(10, 306, 2, self.service);
        raster.text(10, 332, 2, &self.spaced());
        raster.bar(4, 354, 392, 4);
        raster.bars(60, 370, 130, 1, &code_128::text(&self.number));
        raster.text(10, 520, 1, &self.options);
        raster.text(10, 540, 1, &self.reference_line());
        raster.gif()
    }

    fn zpl(&self) -> String {
        let mut lines = vec!["^XA".to_owned(), "^CI28".to_owned(), "^PW812".to_owned(), "^LL1218".to_owned()];
        let mut line = |x: u32, y: u32, size: u32, text: &str| {
            let text = text.replace('_', "_5F").replace('^', "_5E").replace('~', "_7E");
            lines.push(format!("^FO{x},{y}^A0N,{size},{size}^FH_^FD{text}^FS"));
        };
        line(30, 30, 36, &format!("{}  {}", self.weight, self.place));
        let mut y = 80;
        for (size, party) in [(24, &self.from), (36, &self.to)] {
            for text in party {
                line(40, y, size, text);
                y += size + 6;
            }
            y += 40;
        }
        line(30, 640, 48, self.service);
        line(30, 700, 32, &format!("TRACKING #: {}", self.spaced()));
        line(30, 1080, 28, &self.options);
        line(30, 1120, 26, &self.reference_line());
        lines.push(format!("^BY3^FO60,760^BCN,280,N,N,N,A^FD{}^FS", self.number));
        lines.push("^XZ".to_owned());
        lines.join("\n")
    }

    fn epl(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut lines = vec!["N".to_owned(), "q812".to_owned(), "Q1218,24".to_owned()];
        let texts = [self.weight.as_str(), self.service].into_iter();
        let texts = texts.chain(self.from.iter().chain(&self.to).map(String::as_str));
        for (place, text) in texts.chain([self.options.as_str()]).enumerate() {
            lines.push(format!("A30,{},0,3,1,1,N,\"{}\"", 30 + 36 * place, quoted(text)));
        }
        lines.push(format!("B60,760,0,1,3,7,280,N,\"{}\"", self.number));
        lines.push(format!("A60,1060,0,4,1,1,N,\"{}\"", self.spaced()));
        lines.push("P1\n".to_owned());
        lines.join("\n")
    }

    /// Star's page mode, by its escape codes: begin, lines, a Code 128, print.
    fn spl(&self) -> String {
        let lines: Vec<&str> = self.from.iter().chain(&self.to).map(String::as_str).collect();
        format!(
            "\x1b@{}\n{}\n{}\n{}\n\x1bb6\x02\x02\x50{}\x1e\n\x1bd3",
            self.weight,
            lines.join("\n"),
            self.service,
            self.options,
            self.number
        )
    }
}
