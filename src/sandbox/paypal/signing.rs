//! The sandbox's own certificate authority and its signatures over webhooks.
//!
//! PayPal signs `transmission_id|transmission_time|webhook_id|crc` with `SHA256withRSA` and names a certificate whose
//! chain must lead to a trusted root. Here the root is our own: a receiver under test is told to trust it.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, date_time_ymd,
};
use serde::{Deserialize, Serialize};

pub const ALGORITHM: &str = "SHA256withRSA";
/// PayPal's rule: begins with `messageverificationcerts`, ends with `.paypal.com`.
const COMMON_NAME: &str = "messageverificationcerts.sandbox.paypal.com";

/// Keys and certificates of one sandbox. They protect nothing but tests, so they may lie in the state file.
#[derive(Clone, Serialize, Deserialize)]
pub struct Keys {
    root_certificate_pem: String,
    /// Leaf first, then the root.
    chain_pem: String,
    /// PKCS #8, base64.
    leaf_key: String,
    /// The name under `/v1/notifications/certs/`.
    pub certificate_name: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keys")
            .field("certificate_name", &self.certificate_name)
            .finish_non_exhaustive()
    }
}

impl Keys {
    pub fn generate() -> Keys {
        Keys::try_generate().expect("the parameters of these certificates are fixed and valid")
    }

    fn try_generate() -> Result<Keys, rcgen::Error> {
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut root = CertificateParams::new(Vec::new())?;
        root.distinguished_name.push(DnType::CommonName, "Aisle PayPal sandbox root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        root.not_before = date_time_ymd(2020, 1, 1);
        root.not_after = date_time_ymd(2049, 12, 31);
        let root_certificate = root.self_signed(&root_key)?;

        let leaf_key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let mut leaf = CertificateParams::new(vec![COMMON_NAME.to_owned()])?;
        leaf.distinguished_name.push(DnType::CommonName, COMMON_NAME);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(2049, 12, 31);
        let issuer = Issuer::from_params(&root, &root_key);
        let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;

        let checksum = crc32fast::hash(leaf_certificate.der());
        Ok(Keys {
            chain_pem: format!("{}{}", leaf_certificate.pem(), root_certificate.pem()),
            root_certificate_pem: root_certificate.pem(),
            leaf_key: STANDARD.encode(leaf_key.serialize_der()),
            certificate_name: format!("CERT-{checksum:08x}"),
        })
    }

    pub fn root_certificate_pem(&self) -> String {
        self.root_certificate_pem.clone()
    }

    pub fn chain_pem(&self) -> String {
        self.chain_pem.clone()
    }

    /// PKCS #1 v1.5 signature, base64. The same text always has the same signature.
    pub fn sign(&self, text: &str) -> String {
        let key = STANDARD.decode(&self.leaf_key).expect("this key was written as base64");
        let pair = RsaKeyPair::from_pkcs8(&key).expect("this key was written as PKCS #8");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .expect("an RSA key of 2048 bits signs any text");
        STANDARD.encode(signature)
    }
}

/// The text that is signed for one transmission of a body.
pub fn signed_text(transmission_id: &str, transmission_time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{transmission_id}|{transmission_time}|{webhook_id}|{}", crc32fast::hash(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_text_ends_with_the_decimal_checksum_of_the_body() {
        let body = br#"{"id":"WH-TEST","event_type":"PAYMENT.CAPTURE.COMPLETED"}"#;
        assert_eq!(signed_text("a", "b", "c", body), "a|b|c|3391999205");
    }
}
