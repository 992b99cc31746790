//! Health, metrics and the API's document: pages for machines and people that are no part of the API itself.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::db::Run;
use crate::error::Problem;
use crate::jobs;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Bounds of the request histogram in seconds: from a lookup out of memory to a call that waits for a partner.
const BUCKETS: [f64; 13] =
    [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Begins to gather metrics in this process; called once at start, harmless twice.
pub fn install_metrics() {
    METRICS.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .expect("metrics are installed once, with fixed bounds")
    });
}

/// How often what was measured is put in order when nobody reads it: measurements wait in memory until then.
const METRICS_UPKEEP: std::time::Duration = std::time::Duration::from_secs(30);

/// Keeps the measurements from piling up while nobody reads `/metrics`, until told to stop.
pub async fn keep_metrics(stop: tokio_util::sync::CancellationToken) {
    let put_in_order = async || {
        if let Some(metrics) = METRICS.get() {
            metrics.run_upkeep();
        }
    };
    jobs::every(METRICS_UPKEEP, &stop, put_in_order).await;
}

/// `/health/live`, `/health/ready`, `/metrics`, `/docs` and the document itself.
pub fn pages(document: utoipa::openapi::OpenApi) -> Router<App> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/docs") }))
        .route("/health/live", get(|| async { StatusCode::NO_CONTENT }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
}

/// The service is ready when its index is warm, which it is before it listens, and its database answers.
async fn ready(State(app): State<App>) -> Response {
    let answer: Result<(i64,), _> = app.db.sql("SELECT CAST(1 AS BIGINT)").fetch_one().await;
    match answer {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            tracing::error!(
                error = %error,
                "not ready: the database does not answer"
            );
            Problem::unavailable("not_ready", "The database does not answer.", 1).into_response()
        }
    }
}

async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let counts = jobs::counts(&app.db).await?;
    gauge("aisle_jobs_waiting", counts.waiting);
    gauge("aisle_jobs_dead", counts.dead);
    crate::catalog::quality::measure_feeds(&app.db, app.clock.now()).await?;
    app.measure_flows().await?;
    let text = METRICS.get().map(PrometheusHandle::render).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn gauge(name: &'static str, value: i64) {
    // Gauges are floats by the format's definition; counts of rows fit exactly.
    metrics::gauge!(name).set(f64::from(i32::try_from(value).unwrap_or(i32::MAX)));
}

/// Logs as JSON, a line an event, to standard error; `RUST_LOG` sets what is logged.
pub fn log_as_json() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let subscriber = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call finds the first one's subscriber in place.
    let _ = subscriber.flatten_event(true).with_current_span(true).with_span_list(false).try_init();
}
