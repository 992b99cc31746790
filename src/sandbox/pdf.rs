//! A PDF file by hand: pages of text and bars, the two standard fonts, nothing embedded.
//!
//! The file holds ASCII only: every other character of a text is an octal escape in the Windows encoding.

/// One page's drawing, in points from the lower left corner.
#[derive(Default)]
pub struct Page {
    operators: Vec<String>,
}

impl Page {
    /// Writes a line of text; what the Windows encoding does not have becomes a question mark.
    pub fn text(&mut self, x: u32, y: u32, size: u32, bold: bool, text: &str) {
        let font = if bold { "F2" } else { "F1" };
        self.operators.push(format!("BT /{font} {size} Tf {x} {y} Td ({}) Tj ET", escape(text)));
    }

    /// Fills a rectangle with black.
    pub fn bar(&mut self, x: u32, y: u32, width: u32, height: u32) {
        self.operators.push(format!("{x} {y} {width} {height} re f"));
    }

    /// Draws bars and gaps in turn. A module is one and a half points wide, so a label printer of 203 dpi resolves it.
    pub fn bars(&mut self, x: u32, y: u32, height: u32, modules: &[u32]) {
        self.operators.push(format!("q 1.5 0 0 1 {x} {y} cm"));
        let mut left = 0;
        for (index, width) in modules.iter().enumerate() {
            if index % 2 == 0 {
                self.operators.push(format!("{left} 0 {width} {height} re f"));
            }
            left += width;
        }
        self.operators.push("Q".to_owned());
    }
}

/// The whole file. `media` is the page's size in points, as PDF writes it: `"283.46 425.2"`.
pub fn file(media: &str, title: &str, producer: &str, pages: &[Page]) -> Vec<u8> {
    const FIRST_PAGE: usize = 6;
    let kids: Vec<String> = (0..pages.len()).map(|index| format!("{} 0 R", FIRST_PAGE + 2 * index)).collect();
    let font = |name: &str| {
        format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
    };
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()),
        font("Helvetica"),
        font("Helvetica-Bold"),
        format!("<< /Title ({}) /Producer ({}) >>", escape(title), escape(producer)),
    ];
    for (index, page) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {media}] \
             /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {} 0 R >>",
            FIRST_PAGE + 2 * index + 1
        ));
        let content = page.operators.join("\n");
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    assemble(&objects)
}

fn assemble(objects: &[String]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::with_capacity(objects.len());
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).into_bytes());
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").into_bytes());
    }
    let size = objects.len() + 1;
    let trailer = format!("trailer\n<< /Size {size} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{table}\n%%EOF\n");
    out.extend(trailer.into_bytes());
    out
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '(' | ')' | '\\' => format!("\\{character}"),
            ' '..='~' => character.to_string(),
            '€' => "\\200".to_owned(),
            '\u{a0}'..='\u{ff}' => format!("\\{:03o}", u32::from(character)),
            _ => "?".to_owned(),
        })
        .collect()
}
