//! Batches that come packed: what counts is what is inside, and what grows out of all proportion is refused.

use std::io::Write;

use aisle::identity::Scope;
use aisle::ids::BatchId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;

use crate::support::TestApp;
use crate::support::catalog::{lines, price};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("packed");
    encoder.finish().expect("packed")
}

#[tokio::test]
async fn a_packed_batch_is_the_batch_that_is_inside() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let partner = test.partner(&[Scope::CatalogWrite]).await;
    let id: BatchId = test.app.ids.next();
    let rows = lines(&[price("de", "milk", 131), price("de", "bread", 251)]).into_bytes();
    let zstd = zstd::bulk::compress(&rows, 3).expect("packed");
    let put = |coding: &str, body: Vec<u8>| {
        let path = format!("/v1/catalog/batches/{id}");
        let digest = aisle::hash::sha256_hex(&body);
        let digest: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).expect("hex")).collect();
        let digest = format!("sha-256=:{}:", STANDARD.encode(digest));
        test.call(Method::PUT, &path)
            .bearer(&partner)
            .header("content-encoding", coding)
            .header("content-digest", &digest)
            .body("application/x-ndjson", body)
    };
    let first = put("gzip", gzip(&rows)).send().await.expect(200);
    assert_eq!((first.number("/received"), first.number("/applied")), (2, 2));
    // However it is packed, the same rows are the same batch.
    assert_eq!(put("zstd", zstd.clone()).send().await.expect(200).json, first.json);
    assert_eq!(put("identity", rows.clone()).send().await.expect(200).json, first.json);
    put("br", rows.clone()).send().await.problem(415, "content_encoding");
    put("gzip, zstd", zstd.clone()).send().await.problem(415, "content_encoding");
    put("gzip", zstd.clone()).send().await.problem(400, "body_unreadable");
    put("zstd", zstd[..zstd.len() - 1].to_vec()).send().await.problem(400, "body_unreadable");
    let bomb = zstd::bulk::compress(&vec![b'\n'; 80 * 1024 * 1024], 3).expect("packed");
    put("zstd", bomb).send().await.problem(413, "body_grows_too_much");
}
