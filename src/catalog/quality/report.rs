//! Counts and scores: which rules were broken how often, by whom, and how deliveries get better or worse.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::feeds::{self, Feed};
use super::judge::{OPEN_PER_SOURCE_MAX, SAMPLES_MAX};
use super::model::{Level, Rule};
use crate::clock::Moment;
use crate::db::{Db, Error, Run};
use crate::ids::{BatchId, StoreId};
use crate::text_enum;

/// Deliveries of a trend.
const TREND_MAX: i64 = 30;
/// Counts of days that a report shows.
const DAY_COUNTS_MAX: i64 = 5_000;
/// Days that a report may look back.
pub(super) const DAYS_MAX: i64 = 366;

text_enum! {
    /// A delivery's quality in one letter: a summary of the counts, no more.
    pub enum Letter {
        /// At most one row in a thousand can't be sold.
        A = "A",
        /// At most one in a hundred.
        B = "B",
        /// At most five in a hundred.
        C = "C",
        /// At most fifteen in a hundred.
        D = "D",
        /// More.
        E = "E",
    }
}

impl Letter {
    fn of(received: i64, bad: i64) -> Self {
        // Nothing received is nothing wrong.
        match bad.saturating_mul(1_000).checked_div(received).unwrap_or(0) {
            _ if bad == 0 => Self::A,
            0 | 1 => Self::A,
            2..=10 => Self::B,
            11..=50 => Self::C,
            51..=150 => Self::D,
            _ => Self::E,
        }
    }
}

/// A row that shows what a rule is about.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Shown {
    /// The rule.
    #[serde(skip)]
    rule: Rule,
    /// The batch.
    batch: BatchId,
    /// The line of the batch.
    pub line: i64,
    /// The row's key.
    pub key: String,
    /// The field that is wrong.
    pub field: String,
    /// The value that is wrong.
    pub value: String,
    /// The row as it came, when it is kept aside and still open.
    raw: Option<String>,
}

/// How often a rule was broken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleCount {
    /// The rule.
    pub rule: Rule,
    /// How grave it was.
    pub level: Level,
    /// How often.
    pub count: i64,
    /// Of a million rows that were received.
    pub per_million: i64,
    /// The first day on which it was broken (UTC).
    pub first_seen: String,
    /// Scans that found nothing because rows are kept aside by it.
    pub scans_missed: i64,
    /// Rows of the last deliveries, at most ten.
    pub samples: Vec<Shown>,
}

/// What a source delivered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SourceCount {
    /// Who: `partner:` and the partner's id, `staff:` and theirs, or `local`.
    pub source: String,
    /// Rows.
    pub received: i64,
    /// Rows that were kept aside.
    pub quarantined: i64,
    /// Products that are found and not sold.
    pub stopped: i64,
    /// Findings that somebody should look at.
    pub warnings: i64,
    /// Scans that found nothing because its rows are kept aside; of a single delivery not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scans_missed: Option<i64>,
    /// All of that in a letter.
    pub letter: Letter,
}

/// How often a rule was broken on one day by one source.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct DayCount {
    /// The day (UTC).
    pub day: String,
    /// Who delivered.
    pub source: String,
    /// The rule.
    pub rule: Rule,
    /// How grave it was.
    pub level: Level,
    /// How often.
    pub count: i64,
}

/// What one delivery was like.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveryScore {
    /// The batch.
    pub batch: BatchId,
    /// When it was applied.
    pub delivered_at: DateTime<Utc>,
    /// Its counts and its source.
    #[serde(flatten)]
    pub counts: SourceCount,
}

/// The quality of what was delivered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Quality {
    /// The first day that is counted (UTC).
    pub since: String,
    /// Rows that were received since.
    pub received: i64,
    /// Rows that were kept aside since.
    pub quarantined: i64,
    /// Rows that wait on the work list now.
    pub open: i64,
    /// Sources that have so many rows on the work list that no more of theirs are kept: they are only counted.
    pub full: Vec<String>,
    /// All of that in a letter.
    pub letter: Letter,
    /// By rule, the gravest and most frequent first.
    pub rules: Vec<RuleCount>,
    /// By source.
    pub sources: Vec<SourceCount>,
    /// By day, source and rule, the newest day first; at most 5,000.
    pub days: Vec<DayCount>,
    /// The last 30 deliveries, the newest first.
    pub trend: Vec<DeliveryScore>,
    /// Scans of right codes that could not be sold, by codes that are still open.
    pub scans_missed: i64,
    /// Feeds of which it is agreed how often they come, and whether they are late (rule `b.late`).
    pub feeds: Vec<Feed>,
}

#[derive(Debug, sqlx::FromRow)]
struct Counted {
    rule: Rule,
    level: Level,
    count: i64,
    first_seen: String,
}

#[derive(Debug, sqlx::FromRow)]
struct DeliveryRead {
    batch: BatchId,
    source: String,
    delivered_at: DateTime<Utc>,
    received: i64,
    quarantined: i64,
    stopped: i64,
    warnings: i64,
}

fn scored((source, received, quarantined, stopped, warnings): (String, i64, i64, i64, i64)) -> SourceCount {
    let letter = Letter::of(received, quarantined + stopped);
    SourceCount { source, received, quarantined, stopped, warnings, scans_missed: None, letter }
}

/// The quality of what was delivered in the last days, by everybody or by one source.
pub async fn report(db: &Db, now: Moment, days: i64, source: Option<&str>) -> Result<Quality, Error> {
    let from = now - Duration::days(days.clamp(1, DAYS_MAX) - 1);
    let since = from.date_naive().to_string();
    let midnight = from.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let source = source.unwrap_or_default();
    let counted: Vec<Counted> = db
        .sql(
            "SELECT rule, level, CAST(SUM(CASE WHEN day >= $1 THEN count ELSE 0 END) AS BIGINT) AS count,
                 MIN(day) AS first_seen
             FROM quality_counts
             WHERE $2 = '' OR source = $2
             GROUP BY rule, level",
        )
        .bind(since.as_str())
        .bind(source)
        .fetch_all()
        .await?;
    let sources: Vec<(String, i64, i64, i64, i64)> = db
        .sql(
            "SELECT source, CAST(SUM(received) AS BIGINT), CAST(SUM(quarantined) AS BIGINT),
                 CAST(SUM(stopped) AS BIGINT), CAST(SUM(warnings) AS BIGINT)
             FROM quality_deliveries
             WHERE delivered_at >= $1 AND ($2 = '' OR source = $2)
             GROUP BY source
             ORDER BY source",
        )
        .bind(midnight)
        .bind(source)
        .fetch_all()
        .await?;
    let gaps = gaps(db, source).await?;
    let mut sources: Vec<SourceCount> = sources.into_iter().map(scored).collect();
    for each in &mut sources {
        let own = gaps.iter().filter(|gap| gap.source == each.source);
        each.scans_missed = Some(own.map(|gap| gap.scans).sum());
    }
    let (received, quarantined) = (
        sources.iter().map(|source| source.received).sum(),
        sources.iter().map(|source| source.quarantined).sum(),
    );
    let stopped: i64 = sources.iter().map(|source| source.stopped).sum();
    let (open, scans_missed) = waiting(db, source).await?;
    Ok(Quality {
        rules: with_samples(counted, samples(db, source).await?, &gaps, received),
        days: by_day(db, &since, source).await?,
        trend: trend(db, source).await?,
        letter: Letter::of(received, quarantined + stopped),
        since,
        received,
        quarantined,
        open,
        full: full(db, source).await?,
        sources,
        scans_missed,
        feeds: feeds::feeds(db, now, Some(source)).await?,
    })
}

fn with_samples(counted: Vec<Counted>, samples: Vec<Shown>, gaps: &[Gap], received: i64) -> Vec<RuleCount> {
    let mut by_rule: HashMap<Rule, Vec<Shown>> = HashMap::new();
    for sample in samples {
        let shown = by_rule.entry(sample.rule).or_default();
        if i64::try_from(shown.len()).is_ok_and(|shown| shown < SAMPLES_MAX) {
            shown.push(sample);
        }
    }
    let mut rules: Vec<RuleCount> = counted
        .into_iter()
        .filter(|counted| counted.count > 0)
        .map(|Counted { rule, level, count, first_seen }| RuleCount {
            per_million: count.saturating_mul(1_000_000).checked_div(received).unwrap_or(0),
            samples: by_rule.get(&rule).cloned().unwrap_or_default(),
            scans_missed: gaps.iter().filter(|gap| gap.rule == rule).map(|gap| gap.scans).sum(),
            rule,
            level,
            count,
            first_seen,
        })
        .collect();
    rules.sort_by(|one, other| {
        (one.level, -one.count, one.rule).cmp(&(other.level, -other.count, other.rule))
    });
    rules
}

async fn waiting(db: &Db, source: &str) -> Result<(i64, i64), Error> {
    let (open,) = db
        .sql("SELECT COUNT(*) FROM quality_quarantine WHERE state = 'open' AND ($1 = '' OR source = $1)")
        .bind(source)
        .fetch_one()
        .await?;
    let (missed,) = db
        .sql("SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM unknown_codes WHERE state = 'open'")
        .fetch_one()
        .await?;
    Ok((open, missed))
}

/// The sources whose room on the work list is taken.
async fn full(db: &Db, source: &str) -> Result<Vec<String>, Error> {
    let full: Vec<(String,)> = db
        .sql(
            "SELECT source FROM quality_quarantine
             WHERE state = 'open' AND ($1 = '' OR source = $1)
             GROUP BY source
             HAVING COUNT(*) >= $2
             ORDER BY source",
        )
        .bind(source)
        .bind(OPEN_PER_SOURCE_MAX)
        .fetch_all()
        .await?;
    Ok(full.into_iter().map(|(source,)| source).collect())
}

/// Scans that found nothing because a row is kept aside.
#[derive(Debug, sqlx::FromRow)]
struct Gap {
    rule: Rule,
    source: String,
    scans: i64,
}

/// The scans that each gap caused: a code that is kept aside, or the price of a product whose code is known.
async fn gaps(db: &Db, source: &str) -> Result<Vec<Gap>, Error> {
    db.sql(
        "SELECT kept.rule, kept.source, CAST(SUM(missed.count) AS BIGINT) AS scans
         FROM unknown_codes AS missed
         JOIN quality_quarantine AS kept ON kept.kind = 'code' AND kept.key = missed.code
         WHERE missed.state = 'open' AND kept.state = 'open' AND ($1 = '' OR kept.source = $1)
         GROUP BY kept.rule, kept.source
         UNION ALL
         SELECT kept.rule, kept.source, CAST(SUM(missed.count) AS BIGINT) AS scans
         FROM unknown_codes AS missed
         JOIN codes ON codes.code = missed.code AND NOT codes.deleted
         JOIN quality_quarantine AS kept ON kept.kind = 'price' AND kept.sku = codes.sku
         WHERE missed.state = 'open' AND missed.cause = 'price_missing' AND kept.state = 'open'
             AND ($1 = '' OR kept.source = $1)
         GROUP BY kept.rule, kept.source",
    )
    .bind(source)
    .fetch_all()
    .await
}

async fn samples(db: &Db, source: &str) -> Result<Vec<Shown>, Error> {
    db.sql(
        "SELECT shown.rule, shown.batch, shown.line, shown.key, shown.field, shown.value, (
             SELECT MIN(kept.raw) FROM quality_quarantine AS kept
             WHERE kept.state = 'open' AND kept.rule = shown.rule AND kept.batch = shown.batch
               AND kept.line = shown.line
         ) AS raw
         FROM quality_samples AS shown
         WHERE $1 = '' OR shown.source = $1
         ORDER BY shown.rule, shown.place, shown.source",
    )
    .bind(source)
    .fetch_all()
    .await
}

async fn by_day(db: &Db, since: &str, source: &str) -> Result<Vec<DayCount>, Error> {
    db.sql(
        "SELECT day, source, rule, level, count FROM quality_counts
         WHERE day >= $1 AND ($2 = '' OR source = $2)
         ORDER BY day DESC, source, rule, level
         LIMIT $3",
    )
    .bind(since)
    .bind(source)
    .bind(DAY_COUNTS_MAX)
    .fetch_all()
    .await
}

async fn trend(db: &Db, source: &str) -> Result<Vec<DeliveryScore>, Error> {
    let deliveries: Vec<DeliveryRead> = db
        .sql(
            "SELECT batch, source, delivered_at, received, quarantined, stopped, warnings FROM quality_deliveries
             WHERE $1 = '' OR source = $1
             ORDER BY delivered_at DESC, batch DESC
             LIMIT $2",
        )
        .bind(source)
        .bind(TREND_MAX)
        .fetch_all()
        .await?;
    let score = |read: DeliveryRead| DeliveryScore {
        batch: read.batch,
        delivered_at: read.delivered_at,
        counts: scored((read.source, read.received, read.quarantined, read.stopped, read.warnings)),
    };
    Ok(deliveries.into_iter().map(score).collect())
}

/// How complete the products of one type are in a store: how many of them have each fact that the type needs.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub(super) struct Completeness {
    /// The type.
    sale: String,
    /// Products of it.
    products: i64,
    /// With a price in the store.
    price: i64,
    /// With a brand.
    brand: i64,
    /// With a category.
    category: i64,
    /// With a content or a quantity that the price is for: a unit price can be shown.
    measure: i64,
    /// With a weight.
    weight: i64,
    /// With an age from which it is sold.
    age: i64,
    /// With a code.
    code: i64,
    /// With everything that the type needs: a price and a code, and for goods also brand, category and measure; what is
    /// weighed needs no brand, what a courier may bring needs a weight.
    complete: i64,
}

/// How complete products are in a store, by type.
pub(super) async fn completeness(db: &Db, store: &StoreId) -> Result<Vec<Completeness>, Error> {
    db.sql(
        "SELECT facts.sale, COUNT(*) AS products, CAST(SUM(price) AS BIGINT) AS price,
             CAST(SUM(brand) AS BIGINT) AS brand, CAST(SUM(category) AS BIGINT) AS category,
             CAST(SUM(measure) AS BIGINT) AS measure, CAST(SUM(weight) AS BIGINT) AS weight,
             CAST(SUM(age) AS BIGINT) AS age, CAST(SUM(code) AS BIGINT) AS code,
             CAST(SUM(CASE
                 WHEN price = 0 OR code = 0 AND facts.sale <> 'deposit' THEN 0
                 WHEN facts.sale IN ('fixed', 'weighed') AND (category = 0 OR measure = 0) THEN 0
                 WHEN facts.sale = 'fixed' AND (brand = 0 OR is_sent = 1 AND weight = 0) THEN 0
                 ELSE 1
             END) AS BIGINT) AS complete
         FROM (
             SELECT COALESCE(details ->> 'sale', 'fixed') AS sale,
                 CASE WHEN details ->> 'brand' IS NULL THEN 0 ELSE 1 END AS brand,
                 CASE WHEN details ->> 'category' IS NULL THEN 0 ELSE 1 END AS category,
                 CASE WHEN details ->> 'net_content' IS NULL AND details ->> 'priced_per' IS NULL THEN 0 ELSE 1 END
                     AS measure,
                 CASE WHEN details ->> 'weight_grams' IS NULL THEN 0 ELSE 1 END AS weight,
                 CASE WHEN details ->> 'age_min' IS NULL THEN 0 ELSE 1 END AS age,
                 CASE WHEN CAST(details ->> 'deliverable' AS TEXT) IN ('true', '1') THEN 1 ELSE 0 END AS is_sent,
                 CASE WHEN EXISTS (
                     SELECT 1 FROM store_price_lists AS lists
                     JOIN prices ON prices.price_list = lists.price_list AND prices.sku = products.sku
                     WHERE lists.store = $1 AND NOT prices.deleted
                 ) THEN 1 ELSE 0 END AS price,
                 CASE WHEN coded.sku IS NULL THEN 0 ELSE 1 END AS code
             FROM products
             LEFT JOIN (SELECT DISTINCT sku FROM codes WHERE NOT deleted) AS coded ON coded.sku = products.sku
             WHERE NOT products.deleted
         ) AS facts
         GROUP BY facts.sale
         ORDER BY facts.sale",
    )
    .bind(store)
    .fetch_all()
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_sums_up_the_share_of_bad_rows() {
        for (bad, letter) in
            [(0, Letter::A), (1, Letter::A), (10, Letter::B), (50, Letter::C), (150, Letter::D)]
        {
            assert_eq!(Letter::of(1_000, bad), letter, "{bad}");
        }
        assert_eq!((Letter::of(1_000, 151), Letter::of(0, 0)), (Letter::E, Letter::A));
    }
}
