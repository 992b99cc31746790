//! Judges the rows of a batch, a chunk at a time: one statement for all that the rules must know, none per row.
//!
//! A batch calls [`Judge::judge`] before it looks at references, [`Judge::keep`] for every row that is refused by whomever,
//! [`Judge::write`] after each chunk and [`Judge::finish`] at its end, all inside the batch's transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use super::super::product::{ProductRow, SaleType};
use super::super::rows::{BatchRow, CodeRow, Key, Kind, Refusal, Row};
use super::model::{Finding, Level, Rule};
use super::refined::{own_key, refined};
use super::rules::{self, Deposit, Facts, Live, Owned};
use super::seen::SeenCodes;
use super::store::{self, Kept, Place, Room, Sample};
use crate::clock::Moment;
use crate::db::{Error, Tx};
use crate::ids::BatchId;

/// Longest raw row that is kept: longer ones are cut and can't be confirmed as they are.
const RAW_BYTES_MAX: usize = 8 * 1024;
/// Longest key and value that are kept.
const SHOWN_CHARACTERS_MAX: usize = 200;
/// Rows of one source that are kept aside at once, beside as many that stop a sale: some 100 MB. Nobody works through more;
/// what goes beyond is counted and listed with its batch.
pub(super) const OPEN_PER_SOURCE_MAX: i64 = 100_000;
/// Rows of one rule that a report shows of a delivery.
pub(super) const SAMPLES_MAX: i64 = 10;
/// Brands of one delivery whose spellings are compared.
const BRANDS_MAX: usize = 50_000;

/// Rows that are refused, by line and kind: a line of a table makes rows of several kinds.
pub(in crate::catalog) type Refused = HashMap<(i64, Kind), Refusal>;

/// The findings of one batch.
#[derive(Debug)]
pub(in crate::catalog) struct Judge {
    source: String,
    /// Whether staff said that the rows are right where a rule leaves that to them.
    is_confirmed: bool,
    /// Whether rows are kept aside that a right row would close; unknown before the first chunk.
    has_open: Option<bool>,
    languages: Option<Vec<String>>,
    tree: Option<HashSet<Vec<String>>>,
    brands: HashMap<String, String>,
    codes: SeenCodes,
    /// Of the chunk: its keys, what was found, and what is kept aside.
    keys: Vec<Place>,
    findings: Vec<(Place, Finding)>,
    kept: Vec<Kept>,
    /// How many more rows of the source may be kept aside; unknown before the first.
    room: Option<Room>,
    /// Rows that were not kept aside because the source has too many.
    dropped: i64,
    /// Of the batch.
    counts: BTreeMap<(Rule, Level), i64>,
    samples: Vec<Sample>,
    stops_changed: bool,
}

/// The row as one line, for those that could be read.
pub(in crate::catalog) fn raw(row: &Row) -> String {
    row.content.as_ref().and_then(|content| serde_json::to_string(content).ok()).unwrap_or_default()
}

/// A line as it is kept: cut to a length, at the end of a character.
pub(in crate::catalog) fn cut(line: &[u8]) -> String {
    // What is cut off may begin in the middle of a character, which is replaced.
    String::from_utf8_lossy(&line[..line.len().min(RAW_BYTES_MAX)]).replace('\0', "")
}

impl Judge {
    /// Of a batch from this source.
    pub(in crate::catalog) fn new(source: String, is_confirmed: bool) -> Self {
        Self {
            source,
            is_confirmed,
            has_open: None,
            languages: None,
            tree: None,
            brands: HashMap::new(),
            codes: SeenCodes::default(),
            keys: Vec::new(),
            findings: Vec::new(),
            kept: Vec::new(),
            room: None,
            dropped: 0,
            counts: BTreeMap::new(),
            samples: Vec::new(),
            stops_changed: false,
        }
    }

    /// Judges the rows of a piece, in which a key stands once; answers which are to be refused.
    pub(in crate::catalog) async fn judge(
        &mut self,
        tx: &mut Tx,
        now: Moment,
        revision: i64,
        rows: &[(i64, Row)],
    ) -> Result<Refused, Error> {
        let has_open = match self.has_open {
            Some(has_open) => has_open,
            None => store::has_open(tx).await?,
        };
        self.has_open = Some(has_open);
        if has_open || !self.kept.is_empty() {
            self.keys.extend(rows.iter().map(|(line, row)| place(*line, &row.key)));
        }
        let mut refused = Refused::new();
        for (line, row) in rows {
            let mut findings = repairs(row);
            findings.extend(row.content.as_ref().and_then(rules::texts));
            self.note(*line, &row.key, findings, &mut refused);
        }
        self.products(tx, rows, &mut refused).await?;
        self.codes(tx, revision, rows, &mut refused).await?;
        self.prices(tx, now, rows, &mut refused).await?;
        self.stock(tx, now, rows, &mut refused).await?;
        self.sets(tx, rows, &mut refused).await?;
        Ok(refused)
    }

    /// Takes the findings of a row; the first grave one refuses it.
    pub(super) fn note(&mut self, line: i64, key: &Key, findings: Vec<Finding>, refused: &mut Refused) {
        for mut finding in findings {
            if self.is_confirmed && finding.keeps_aside() && finding.rule.is_confirmable() {
                finding.level = Level::Warn;
            }
            if finding.keeps_aside() {
                refused.entry((line, key.kind())).or_insert_with(|| {
                    Refusal::new(finding.rule.reason(), finding.detail.clone()).under(finding.rule)
                });
            } else {
                self.findings.push((place(line, key), finding));
            }
        }
    }

    async fn products(
        &mut self,
        tx: &mut Tx,
        rows: &[(i64, Row)],
        refused: &mut Refused,
    ) -> Result<(), Error> {
        let products: Vec<(i64, &Key, &ProductRow)> = rows
            .iter()
            .filter_map(|(line, row)| Some((*line, &row.key, row.content.as_ref()?.as_product()?)))
            .collect();
        if products.is_empty() {
            return Ok(());
        }
        if self.languages.is_none() && products.iter().any(|(_, _, row)| !row.names.is_empty()) {
            self.languages = Some(store::receipt_languages(tx).await?);
        }
        if self.tree.is_none() {
            self.tree = Some(store::trees(tx).await?);
        }
        let own: HashMap<&str, &ProductRow> =
            products.iter().map(|(_, _, row)| (row.sku.as_str(), *row)).collect();
        // Few rows name others, and few names are so short that it matters whether the product is known.
        let asked: HashSet<&str> = products
            .iter()
            .flat_map(|(_, _, row)| {
                let deposit = row.deposit.as_ref().map(crate::ids::Sku::as_str);
                let letters = row.name.chars().filter(|each| each.is_alphabetic()).count();
                let itself = (letters < 2).then_some(row.sku.as_str());
                [deposit, itself].into_iter().flatten()
            })
            .collect();
        let known = store::products(tx, asked).await?;
        for (line, key, row) in products {
            let deposit = row.deposit.as_ref().map_or(Deposit::None, |sku| {
                let target = own.get(sku.as_str()).copied().or_else(|| known.get(sku.as_str()));
                target.map_or(Deposit::Missing, |target| Deposit::Known {
                    is_right: target.sale == SaleType::Deposit && target.deposit.is_none(),
                })
            });
            let other = row.brand.as_deref().and_then(|brand| self.other_spelling(brand));
            let facts = Facts {
                is_known: known.contains_key(row.sku.as_str()),
                deposit,
                languages: self.languages.as_deref().unwrap_or_default(),
                tree: self.tree.as_ref(),
                brand: other.as_deref(),
            };
            let findings = rules::product(row, facts);
            self.note(line, key, findings, refused);
        }
        Ok(())
    }

    /// The first spelling of a brand in the delivery, when it is another one.
    fn other_spelling(&mut self, brand: &str) -> Option<String> {
        let folded = rules::folded(brand);
        if let Some(first) = self.brands.get(&folded) {
            return (first != brand).then(|| first.clone());
        }
        if self.brands.len() < BRANDS_MAX {
            self.brands.insert(folded, brand.to_owned());
        }
        None
    }

    async fn codes(
        &mut self,
        tx: &mut Tx,
        revision: i64,
        rows: &[(i64, Row)],
        refused: &mut Refused,
    ) -> Result<(), Error> {
        for (_, row) in rows {
            if let (Key::Code { code }, None) = (&row.key, &row.content) {
                self.codes.forget(code);
            }
        }
        let codes: Vec<(i64, &Key, &CodeRow)> = rows
            .iter()
            .filter_map(|(line, row)| match &row.content {
                Some(BatchRow::Code(code)) => Some((*line, &row.key, code)),
                _ => None,
            })
            .collect();
        if codes.is_empty() {
            return Ok(());
        }
        let live: HashMap<String, Live> = store::codes(tx, codes.iter().map(|(_, _, row)| row.code.as_str()))
            .await?
            .into_iter()
            .map(|(code, sku, of)| (code, Live { sku, is_of_this_batch: of == revision }))
            .collect();
        let moved: HashSet<&str> = codes
            .iter()
            .filter_map(|(_, _, row)| Some((row, live.get(&row.code)?)))
            .filter(|(row, live)| live.sku != row.sku.as_str())
            .flat_map(|(row, live)| [row.sku.as_str(), live.sku.as_str()])
            .collect();
        let known = store::products(tx, moved).await?;
        let own: HashMap<&str, &ProductRow> = rows
            .iter()
            .filter_map(|(_, row)| row.content.as_ref()?.as_product())
            .map(|row| (row.sku.as_str(), row))
            .collect();
        let product = |sku: &str| own.get(sku).copied().or_else(|| known.get(sku));
        let asked: HashSet<&str> =
            codes.iter().filter(|(_, _, row)| row.primary).map(|(_, _, row)| row.sku.as_str()).collect();
        let mut primaries = store::primary_codes(tx, asked).await?;
        // What the chunk itself makes no primary code any more.
        for (_, row) in rows {
            if let Key::Code { code } = &row.key {
                primaries.retain(|_, primary| primary != code);
            }
        }
        for (line, key, row) in codes {
            // A row that says what was known keeps its old revision, and yet was in the delivery.
            let own = live.get(&row.code).filter(|_| self.codes.is_of_another(&row.code, row.sku.as_str()));
            let own = own.map(|live| Live { is_of_this_batch: true, ..live.clone() });
            let live = own.as_ref().or_else(|| live.get(&row.code));
            let products = live.and_then(|live| Some((product(&live.sku)?, product(row.sku.as_str())?)));
            let primary = primaries.get(row.sku.as_str()).map(String::as_str);
            let findings = rules::code(row, Owned { live, products, primary });
            if row.primary && !findings.iter().any(Finding::keeps_aside) {
                primaries.insert(row.sku.to_string(), row.code.clone());
            }
            self.note(line, key, findings, refused);
            if !refused.contains_key(&(line, Kind::Code)) {
                self.codes.remember(&row.code, row.sku.as_str());
            }
        }
        Ok(())
    }

    /// Keeps a row aside that is refused; answers the refusal under the rule that the row's text shows.
    pub(in crate::catalog) fn keep(
        &mut self,
        now: Moment,
        line: i64,
        kind: Kind,
        key: &str,
        refusal: Refusal,
        raw: &str,
    ) -> Refusal {
        let object: Value = serde_json::from_str(raw).unwrap_or_default();
        let refusal = refined(refusal, &object, now);
        let full: Option<Key> = serde_json::from_value(object.clone()).ok();
        if let (Some(Key::Code { code }), Some(sku)) = (&full, object.get("sku").and_then(Value::as_str)) {
            self.codes.forget_of(code, sku);
        }
        let sku = object.get("sku").and_then(Value::as_str).map(shown);
        let field = refusal.rule.field_in(kind);
        let value = object.get(field).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let level = match refusal.rule {
            rule if rule.level() < Level::Quarantine => Level::Fatal,
            Rule::PriceNonpositive | Rule::TaxMissing | Rule::TaxUnknown => Level::StopSale,
            _ => Level::Quarantine,
        };
        self.kept.push(Kept {
            id: String::new(),
            line,
            kind,
            key: shown(&full.map_or_else(|| key.to_owned(), |key| own_key(&key))),
            sku,
            rule: refusal.rule,
            level,
            field,
            value: shown(&value.unwrap_or_default()),
            detail: refusal.detail.clone(),
            raw: cut(raw.as_bytes()),
            is_nameless: false,
        });
        refusal
    }

    /// Writes what the chunk brought.
    pub(in crate::catalog) async fn write(
        &mut self,
        tx: &mut Tx,
        batch: BatchId,
        now: Moment,
        revision: i64,
    ) -> Result<(), Error> {
        let mut kept = std::mem::take(&mut self.kept);
        let refused: HashSet<(i64, Kind)> = kept.iter().map(|row| (row.line, row.kind)).collect();
        for (place, finding) in std::mem::take(&mut self.findings) {
            if !refused.contains(&(place.line, place.kind)) {
                self.count(place.line, &place.key, finding.rule, finding.level, &finding.value);
            }
        }
        for row in &mut kept {
            self.count(row.line, &row.key, row.rule, row.level, &row.value);
            row.id = id(now, batch, row.line, row.kind);
            if row.key.is_empty() {
                // Rows that name nothing are no repetitions of each other.
                row.key = format!("{batch}:{}", row.line);
                row.is_nameless = true;
            }
        }
        let mut keys = std::mem::take(&mut self.keys);
        keys.retain(|place| !refused.contains(&(place.line, place.kind)));
        if self.has_open == Some(true) && !keys.is_empty() {
            let closed = store::correct(tx, &keys, now).await?;
            self.stops_changed |= store::touch_products(tx, &closed, revision).await?;
        }
        // What a later line of the same chunk put right was never open.
        let right: HashMap<(Kind, &str), i64> =
            keys.iter().map(|place| ((place.kind, place.key.as_str()), place.line)).collect();
        kept.retain(|row| right.get(&(row.kind, row.key.as_str())).is_none_or(|line| *line < row.line));
        if kept.is_empty() {
            return Ok(());
        }
        self.has_open = Some(true);
        let stops: Vec<String> = kept
            .iter()
            .filter(|row| row.level == Level::StopSale)
            .filter_map(|row| row.sku.clone())
            .collect();
        self.make_room(tx, &mut kept).await?;
        store::keep(tx, batch, &self.source, now, kept).await?;
        self.stops_changed |= store::touch_products(tx, &stops, revision).await?;
        Ok(())
    }

    /// Leaves out what is beyond the source's room. Rows that are kept already take room here as new ones do, until it is
    /// asked for anew.
    async fn make_room(&mut self, tx: &mut Tx, kept: &mut Vec<Kept>) -> Result<(), Error> {
        let most = i64::try_from(kept.len()).unwrap_or(i64::MAX);
        let mut room = match self.room {
            Some(room) if room.stops.min(room.others) >= most => room,
            _ => store::room(tx, &self.source, OPEN_PER_SOURCE_MAX).await?,
        };
        let before = kept.len();
        kept.retain(|row| {
            let left = if row.level == Level::StopSale { &mut room.stops } else { &mut room.others };
            *left -= 1;
            *left >= 0
        });
        self.room = Some(room);
        self.dropped += i64::try_from(before - kept.len()).unwrap_or(i64::MAX);
        Ok(())
    }

    fn count(&mut self, line: i64, key: &str, rule: Rule, level: Level, value: &str) {
        let count = self.counts.entry((rule, level)).or_default();
        *count += 1;
        let place: i64 =
            self.counts.iter().filter(|((each, _), _)| *each == rule).map(|(_, count)| *count).sum();
        if place <= SAMPLES_MAX {
            let (key, value) = (key.to_owned(), shown(value));
            self.samples.push(Sample { rule, place, line, key, field: rule.field(), value });
        }
    }

    /// How often a rule was broken.
    pub(in crate::catalog) fn count_of(&self, rule: Rule) -> i64 {
        self.counts.iter().filter(|((each, _), _)| *each == rule).map(|(_, count)| *count).sum()
    }

    /// The rule by which most rows are kept aside, and how many.
    pub(in crate::catalog) fn worst(&self) -> Option<(Rule, i64)> {
        let grave = self.counts.iter().filter(|((_, level), _)| *level <= Level::StopSale);
        grave.max_by_key(|(_, count)| **count).map(|((rule, _), count)| (*rule, *count))
    }

    /// Whether lookups must see the revision although no row was applied.
    pub(in crate::catalog) fn changed_stops(&self) -> bool {
        self.stops_changed
    }

    /// Writes what the whole batch was like.
    pub(in crate::catalog) async fn finish(
        &mut self,
        tx: &mut Tx,
        batch: BatchId,
        now: Moment,
        received: i64,
        refused: i64,
    ) -> Result<(), Error> {
        for ((rule, level), count) in &self.counts {
            let count = u64::try_from(*count).unwrap_or(0);
            metrics::counter!("aisle_catalog_findings_total", "rule" => rule.as_str(), "level" => level.as_str())
                .increment(count);
        }
        if self.dropped > 0 {
            let (dropped, source) = (self.dropped, &self.source);
            tracing::warn!(%batch, source, dropped, "a source has more rows kept aside than there is room for");
            metrics::counter!("aisle_catalog_caps_reached_total", "cap" => "open_per_source").increment(1);
        }
        let of = |wanted: Level| -> i64 {
            self.counts.iter().filter(|((_, level), _)| *level == wanted).map(|(_, count)| *count).sum()
        };
        let delivery = store::Delivery {
            received,
            quarantined: refused,
            stopped: of(Level::StopSale),
            warnings: of(Level::Warn),
        };
        store::finish(tx, batch, &self.source, now, &self.counts, &self.samples, delivery).await
    }
}

fn place(line: i64, key: &Key) -> Place {
    Place { line, kind: key.kind(), key: shown(&key.to_string()) }
}

/// What was repaired when the row was read.
fn repairs(row: &Row) -> Vec<Finding> {
    let finding = |rule: &Rule| match rule {
        Rule::CodeLength => Finding::new(*rule, &row.key, "zeros were put back").at(Level::Warn),
        rule => Finding::new(*rule, &row.key, "blanks were taken off"),
    };
    row.repairs.iter().map(finding).collect()
}

/// A row's name among those kept aside: by its age, and the same however often the batch is tried.
fn id(now: Moment, batch: BatchId, line: i64, kind: Kind) -> String {
    // A line of a table makes rows of several kinds.
    let name = Uuid::new_v5(&batch.0, format!("{line}/{kind}").as_bytes());
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&name.as_bytes()[..10]);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().simple().to_string()
}

fn shown(text: &str) -> String {
    text.chars().filter(|each| !each.is_control()).take(SHOWN_CHARACTERS_MAX).collect()
}

impl Refusal {
    /// Under a rule that says more than the reason.
    pub(in crate::catalog) fn under(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }
}
