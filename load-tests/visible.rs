//! How long after the answer to a batch of 1,000 prices lookups show it: on the instance that took the batch, and on
//! another one over the same PostgreSQL.

use std::time::{Duration, Instant};

use aisle::random::Random;

use crate::process::{Process, answer};
use crate::report::{Report, median, millis, percentile};
use crate::{Outcome, Settings, shop};

/// Prices of a batch.
const PRICES: u64 = 1_000;
/// A change that is not seen after so long is lost.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Batches begin at random moments within this, because the other instance looks at regular ones.
const PAUSE_MS_MAX: u64 = 400;

/// An instance and a shopper who looks up on it.
struct Instance {
    service: Process,
    client: reqwest::Client,
    token: String,
}

impl Instance {
    /// Looks a product up until it has this price; answers the microseconds since `began`.
    async fn see(&self, number: u64, amount: u64, began: Instant) -> Outcome<u64> {
        let path = format!("/v1/stores/{}/products/{}", shop::STORE, shop::code(number));
        let url = format!("{}{path}", self.service.url());
        while began.elapsed() < WAIT_MAX {
            let found = answer(self.client.get(&url).bearer_auth(&self.token)).await?;
            if found["price"]["amount"] == amount {
                return Ok(u64::try_from(began.elapsed().as_micros())?);
            }
        }
        Err(format!("the price of {path} is not seen").into())
    }
}

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let database = shop::postgres_database(&settings.postgres, "visible").await?;
    let key = shop::partner_key(&database)?;
    let client = shop::client()?;
    let mut instances = Vec::new();
    for _ in 0..2 {
        let service = Process::service(&settings.folder, &database).await?;
        let token = shop::sign_in(&client, &service).await?;
        instances.push(Instance { service, client: shop::client()?, token });
    }
    let [first, second] = &instances[..] else { return Err("two instances".into()) };
    shop::send_batch(&client, &first.service, &key, shop::catalog(settings.products)).await?;
    second.see(settings.products - 1, 100, Instant::now()).await?;

    let (mut taken, mut here, mut there) = (Vec::new(), Vec::new(), Vec::new());
    for batch in 0..settings.batches {
        tokio::time::sleep(Duration::from_millis(Random::System.below(PAUSE_MS_MAX))).await;
        // A little more each time: a batch that doubled prices would be held.
        let amount = 101 + batch;
        let step = settings.products / PRICES;
        let mut rows = String::new();
        for number in 0..PRICES {
            shop::line(&mut rows, &shop::price(number * step, amount));
        }
        let sent = Instant::now();
        shop::send_batch(&client, &first.service, &key, rows).await?;
        taken.push(u64::try_from(sent.elapsed().as_micros())?);
        let (began, last) = (Instant::now(), (PRICES - 1) * step);
        let (on_first, on_second) =
            tokio::join!(first.see(last, amount, began), second.see(last, amount, began));
        here.push(on_first?);
        there.push(on_second?);
    }
    let mut report = Report::default();
    for (figure, times, aim) in [
        ("a batch of 1,000 prices: from sending to the answer", taken, ""),
        ("… from its answer to the first lookup that shows it, same instance", here, "one round trip"),
        ("… another instance over one PostgreSQL", there, "at most 200 ms and a load"),
    ] {
        let (half, most) = (median(times.iter().copied()), percentile(times.iter().copied(), 99));
        report.row(figure, &format!("half {}", millis(half)), &format!("99 % {}", millis(most)), "", aim);
    }
    Ok(report)
}
