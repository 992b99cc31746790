//! `aisle code`: explains codes to the engineer who connects scanners and scales, a JSON line for a JSON line.
//!
//! The service reads codes by the same function. Lines go in and out in one order and nothing is kept, so a file may have
//! millions of them; a line that can't be read gets an answer like any other.

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Write};

use chrono::NaiveDate;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::code::{self, Answer, Profile, Refusal, Symbology, Warning};
use crate::clock::Clock;

/// Explain codes: a line of JSON in, a line of JSON out, in the same order.
///
/// A line in: {"code": "2812346146858", "symbology": "ean13", "profile": "de"}. `symbology` is one of ean13, ean8, upca,
/// upce, itf14, `code128`, `gs1_128`, code39, datamatrix, qr, databar, `databar_expanded`; `profile` is de, de:noinner, gb,
/// se, fi, ee, dk, it, at, ca, us, us:type2-4, us:type2-5, or a template of codes behind tpl:. Both may be null or missing.
///
/// A line out: kind, gtin14, error, values, warnings, and a detail in words when there is an error. A line that is no such
/// object, or names an unknown symbology or profile or a broken template, is answered with the kind and error "error" and
/// "syntax"; the run goes on. The exit status is 0 once every line has its answer, whatever the answers are, and 1 when
/// lines can't be read or written.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The day on which the codes are scanned, for the century of their dates; today in UTC when left out.
    #[arg(long)]
    today: Option<NaiveDate>,
}

/// Bytes of one line. A code has 512 at most, and JSON writes a byte with up to six characters; what is longer than this
/// is not kept in memory and answered as too long.
const LINE_BYTES_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow, default)]
    symbology: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    profile: Option<Cow<'a, str>>,
}

/// Answers every line of standard input on standard output.
pub fn explain(arguments: &Arguments) -> io::Result<()> {
    let today = arguments.today.unwrap_or_else(|| Clock::System.now().date_naive());
    let output = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    explain_lines(io::BufReader::with_capacity(1 << 16, io::stdin().lock()), output, today)
}

/// Answers every line. Answers are written through whenever there is nothing more to read without waiting.
pub fn explain_lines<R: Read>(
    mut input: io::BufReader<R>,
    mut output: impl Write,
    today: NaiveDate,
) -> io::Result<()> {
    let mut line = Vec::new();
    let mut profiles = Profiles { text: String::new(), profile: Ok(Profile::None) };
    loop {
        if input.buffer().is_empty() {
            output.flush()?;
        }
        line.clear();
        if input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return output.flush();
        }
        let is_whole = line.last() == Some(&b'\n') || input.fill_buf()?.is_empty();
        let answer = if is_whole {
            answer(&line, &mut profiles, today)
        } else {
            input.skip_until(b'\n')?;
            Err((Refusal::Length, Cow::Borrowed("the line is too long")))
        };
        serde_json::to_writer(&mut output, &Line(answer))?;
        output.write_all(b"\n")?;
    }
}

type Explained = Result<Answer, (Refusal, Cow<'static, str>)>;

fn answer(line: &[u8], profiles: &mut Profiles, today: NaiveDate) -> Explained {
    let syntax = |detail: &'static str| (Refusal::Syntax, Cow::Borrowed(detail));
    // A list of the three would do for the parser as well; one form is enough.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(syntax("no JSON object"));
    }
    let question: Question<'_> = serde_json::from_slice(line)
        .map_err(|error| (Refusal::Syntax, Cow::Owned(format!("no JSON object with a code: {error}"))))?;
    let symbology: Option<Symbology> =
        question.symbology.map(|text| text.parse().map_err(|_| syntax("no such symbology"))).transpose()?;
    let profile = match &question.profile {
        Some(text) => {
            profiles.get(text).as_ref().map_err(|_| syntax("no such profile, or no valid template"))?
        }
        None => &Profile::None,
    };
    code::interpret(&question.code, symbology, profile, today)
        .map_err(|refusal| (refusal, Cow::Borrowed(refusal.describe())))
}

/// The profile of the last line: lines of one store follow each other.
struct Profiles {
    text: String,
    profile: Result<Profile, code::NotAProfile>,
}

impl Profiles {
    fn get(&mut self, text: &str) -> &Result<Profile, code::NotAProfile> {
        if self.text != text {
            text.clone_into(&mut self.text);
            self.profile = text.parse();
        }
        &self.profile
    }
}

/// A line out.
struct Line(Explained);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.0 {
            Ok(answer) => {
                map.serialize_entry("kind", answer.kind())?;
                map.serialize_entry("gtin14", &answer.gtin14())?;
                map.serialize_entry("error", &None::<Refusal>)?;
                map.serialize_entry("values", &Named(answer.values()))?;
                map.serialize_entry("warnings", &answer.warnings)?;
            }
            Err((refusal, detail)) => {
                map.serialize_entry("kind", "error")?;
                map.serialize_entry("gtin14", &None::<String>)?;
                map.serialize_entry("error", refusal)?;
                map.serialize_entry("values", &Named(Vec::new()))?;
                map.serialize_entry("warnings", &Vec::<Warning>::new())?;
                map.serialize_entry("detail", detail)?;
            }
        }
        map.end()
    }
}

struct Named(code::Values);

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
