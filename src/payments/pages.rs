//! The pages that a shopper sees after the provider's: they say to go back to the app, and prove nothing.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// "You can go back to the app", with a link when the app gave one.
pub(super) fn go_back(app_link: Option<&str>) -> Response {
    page(
        "You can go back to the app",
        &html! {
            p { "The app shows in a moment whether everything went well." }
            @if let Some(link) = app_link {
                p { a href=(link) { "Back to the app" } }
            }
        },
    )
}

fn page(title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
            }
            body {
                main {
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    let mut response = (StatusCode::OK, page.into_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address holds a secret: it goes nowhere, and nothing is loaded.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}
