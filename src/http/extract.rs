//! Extractors whose refusals are problems with pointers: use these, never axum's own.

use axum::RequestPartsExt;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// The parameters of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// The parameters of the query.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// A body as it came, byte by byte: what a signature was made over.
#[derive(Clone, Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| unreadable(&rejection))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = media_type.and_then(|text| text.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media_type",
                "Send the body as JSON with the header Content-Type: application/json.",
            ));
        }
        let Raw(bytes) = Raw::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads JSON; a refusal points at the value that was wrong.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        let code = if inner.is_data() { "invalid_value" } else { "invalid_json" };
        let problem = Problem::bad_request(code, "The body can't be read; see errors.");
        problem.at(pointer, inner.to_string())
    })?;
    deserializer.end().map_err(|error| {
        Problem::bad_request("invalid_json", "The body goes on after its end.").at("", error.to_string())
    })?;
    Ok(value)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    use std::fmt::Write;
    path.iter().fold(String::new(), |mut pointer, segment| {
        // Writing to a String can't fail.
        let _ = match segment {
            Segment::Seq { index } => write!(pointer, "/{index}"),
            Segment::Map { key } => write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => Ok(()),
        };
        pointer
    })
}

impl<S: Send + Sync, T: DeserializeOwned + Send + 'static> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        #[expect(clippy::disallowed_types, reason = "the one home of axum's own")]
        let path: Result<axum::extract::Path<T>, PathRejection> = parts.extract().await;
        path.map(|path| Self(path.0)).map_err(|rejection| {
            let problem =
                Problem::bad_request("invalid_path", "A part of the path can't be read; see errors.");
            problem.at("path", rejection.body_text())
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send + 'static> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        #[expect(clippy::disallowed_types, reason = "the one home of axum's own")]
        let query: Result<axum::extract::Query<T>, _> = parts.extract().await;
        query.map(|query| Self(query.0)).map_err(|rejection| {
            let problem =
                Problem::bad_request("invalid_query", "A parameter of the query can't be read; see errors.");
            problem.at("query", rejection.body_text())
        })
    }
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The body is larger than this route takes.",
        );
    }
    Problem::bad_request("body_unreadable", "The body broke off before its end.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[expect(dead_code, reason = "only its reading is tested")]
        lines: Vec<u8>,
    }

    #[test]
    fn a_refusal_points_at_the_wrong_value() {
        let problem = parse::<Body>(br#"{"lines": [1, -2]}"#).expect_err("-2 is no u8");
        assert_eq!(problem.code(), "invalid_value");
        assert!(format!("{problem:?}").contains("\"/lines/1\""));
        assert_eq!(parse::<Body>(b"{\"lines\": [1}").expect_err("no JSON").code(), "invalid_json");
        assert_eq!(parse::<Body>(b"{\"lines\": []} x").expect_err("goes on").code(), "invalid_json");
        assert_eq!(parse::<Body>(b"{\"prize\": 1}").expect_err("unknown field").code(), "invalid_value");
    }
}
