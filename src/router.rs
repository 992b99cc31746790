//! Every room's routes on one screen, and what each request passes on its way, in order.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::error::Problem;
use crate::http::openapi::Document;
use crate::http::{limit, trace};
use crate::{cart, catalog, checkout, delivery, exchange, exit, identity, operations, payments};

/// All routes with their description.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(identity::routes())
        .merge(catalog::routes())
        .merge(cart::routes())
        .merge(checkout::routes())
        .merge(payments::routes())
        .merge(delivery::routes())
        .merge(exit::routes())
        .merge(exchange::routes())
        .merge(operations::routes())
}

/// The API's document, made from the code.
pub fn document() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The service as one router.
pub fn router(app: App) -> Router {
    let (router, document) = routes().split_for_parts();
    router
        .merge(operations::pages(document))
        .fallback(|| async { Problem::not_found("no_such_route", "There is no such route; see /docs.") })
        .method_not_allowed_fallback(|| async {
            let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
            Problem::new(status, "method_not_allowed", "The route does not take this method; see /docs.")
        })
        // From the outside to the inside, as one layer: each layer of its own would cost every request an allocation.
        .layer((
            // Outermost, so that every answer has an id, a line and a measurement.
            middleware::from_fn_with_state(trace::Tracer::new(&app), trace::trace),
            DefaultBodyLimit::max(limit::BODY_BYTES_MAX),
        ))
        .with_state(app)
}
