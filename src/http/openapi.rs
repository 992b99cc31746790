//! The head of the API's document (OpenAPI 3.1), its security schemes and what every operation shares.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::error::ProblemBody;

/// The document without the operations; the rooms' routers add those.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Aisle",
        description = "Scan-and-go: look up, scan, pay by automatic debit, take along or have delivered.\n\n\
            Errors are problems (RFC 9457) with a stable `code`. What a client creates it names (`PUT` with a UUID), so \
            that every request may be sent again. Money is whole minor units with a currency (ISO 4217).",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody)),
    modifiers(&Security)
)]
pub struct Document;

#[derive(Debug)]
struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, description) in [
            ("shopper", "An access token from `POST /v1/auth/guest`, or of the configured OIDC issuer."),
            ("staff", "An access token from `POST /v1/auth/staff`."),
            ("partner", "A partner's key."),
        ] {
            let mut http = Http::new(HttpAuthScheme::Bearer);
            http.description = Some(description.to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(http));
        }
    }
}
