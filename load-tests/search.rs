//! How long a search by words takes over HTTP, with few asking at once: half of the answers, and 99 of a hundred.

use std::time::{Duration, Instant};

use crate::process::{Process, answer};
use crate::report::{Report, median, millis, percentile};
use crate::{Outcome, Settings, shop};

/// Searches of each kind.
const SEARCHES: u64 = 1_000;
/// Words that are not gathered after so long never are.
const WAIT_MAX: Duration = Duration::from_mins(1);

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let database = shop::postgres_database(&settings.postgres, "search").await?;
    let (key, client) = (shop::partner_key(&database)?, shop::client()?);
    let service = Process::service(&settings.folder, &database).await?;
    let token = shop::sign_in(&client, &service).await?;
    shop::send_batch(&client, &service, &key, shop::catalog(settings.products)).await?;
    let ask = async |words: &str| -> Outcome<usize> {
        let url = format!("{}/v1/stores/{}/search", service.url(), shop::STORE);
        let found = answer(client.get(url).query(&[("q", words)]).bearer_auth(&token)).await?;
        Ok(found["products"].as_array().ok_or("no products")?.len())
    };
    let began = Instant::now();
    // Refused until the words are gathered for the first time, and without the last batch for a moment after.
    let last = format!("{}", settings.products - 1);
    while !matches!(ask(&last).await, Ok(found) if found > 0) {
        if began.elapsed() > WAIT_MAX {
            return Err("the last product is not found".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut report = Report::default();
    report.row(
        "from the answer of the whole catalogue to its search",
        &millis(u64::try_from(began.elapsed().as_micros())?),
        "",
        "",
        "",
    );
    for (figure, words) in [
        ("search: a whole word", "number NUMBER"),
        ("search: a beginning that every product has", "prod"),
        ("search: a mistake", "prodcut NUMBER"),
        ("search: a part of a word", "roduc NUMBER"),
    ] {
        let mut times_us = Vec::new();
        for each in 0..SEARCHES {
            let words = words.replace("NUMBER", &(each * 37 % settings.products).to_string());
            let asked = Instant::now();
            if ask(&words).await? == 0 {
                return Err(format!("nothing is found by {words}").into());
            }
            times_us.push(u64::try_from(asked.elapsed().as_micros())?);
        }
        let (half, most) = (median(times_us.iter().copied()), percentile(times_us.iter().copied(), 99));
        report.row(
            figure,
            &format!("half {}", millis(half)),
            &format!("99 % {}", millis(most)),
            "",
            "99 % below 20 ms",
        );
    }
    Ok(report)
}
