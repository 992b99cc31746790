//! Messages that prove themselves with a secret of ours in a header, as those of couriers do that sign nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

use crate::delivery::carrier::NoticeError;

/// Whether the message bears the secret; how long that takes tells nothing of how near a wrong one comes.
pub fn prove(headers: &HeaderMap, header: &str, secret: &SecretString) -> Result<(), NoticeError> {
    let given = headers.get(header).ok_or(NoticeError::Forged("it bears no secret"))?;
    verify_slices_are_equal(given.as_bytes(), secret.expose_secret().as_bytes())
        .map_err(|_| NoticeError::Forged("its secret is wrong"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_whole_secret_proves_a_message() {
        let secret = SecretString::from("a secret of ours");
        let mut headers = HeaderMap::new();
        assert!(prove(&headers, "x-api-key", &secret).is_err());
        for wrong in ["", "a secret of our", "a secret of ours ", "A secret of ours"] {
            headers.insert("x-api-key", HeaderValue::from_static(wrong));
            assert!(prove(&headers, "x-api-key", &secret).is_err(), "{wrong}");
        }
        headers.insert("x-api-key", HeaderValue::from_static("a secret of ours"));
        assert_eq!(prove(&headers, "x-api-key", &secret), Ok(()));
        assert!(prove(&headers, "x-other", &secret).is_err());
    }
}
