//! Forms of several parts, as disputes take them: one part called `input` with JSON, and perhaps a file.

use serde_json::Value;

use super::call::Call;
use super::errors::{Detail, Refusal};

/// The JSON of the part `input`. Beside it only a file under this name may come.
pub fn input(call: &Call, file: &str) -> Result<Value, Refusal> {
    let refused = |issue: &str| Refusal::with(call.operation, 400, &[Detail::new(issue)]);
    let content_type = call.header("content-type").unwrap_or_default();
    let boundary = content_type
        .split(';')
        .map(str::trim)
        .find_map(|parameter| parameter.strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"'));
    let Some(boundary) = boundary.filter(|_| content_type.starts_with("multipart/form-data")) else {
        return Err(Refusal::with(call.operation, 400, &[Detail::new("UNSUPPORTED_MEDIA_TYPE")]));
    };
    let parts = parts(&call.body, boundary).ok_or_else(|| refused("MALFORMED_MULTIPART"))?;
    if parts.iter().any(|(name, _)| name != "input" && name != file) {
        return Err(refused("UNKNOWN_PART"));
    }
    let input = parts.iter().find(|(name, _)| name == "input");
    let Some((_, json)) = input else { return Err(refused("MISSING_REQUIRED_PARAMETER")) };
    match serde_json::from_slice(json) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(refused("MALFORMED_REQUEST_JSON")),
    }
}

/// Names and contents of the parts; `None` when the body is no form of several parts.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<(String, &'a [u8])>> {
    let delimiter = format!("--{boundary}");
    let mut rest = body.strip_prefix(delimiter.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let end = find(rest, format!("\r\n{delimiter}").as_bytes())?;
        let (part, after) = rest.split_at(end);
        let head_end = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..head_end]).ok()?;
        let disposition =
            head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition"))?;
        let name = disposition.split("name=\"").nth(1)?.split('"').next()?;
        parts.push((name.to_owned(), &part[head_end + 4..]));
        rest = &after[2 + delimiter.len()..];
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn parts_are_told_apart_by_their_boundary() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"input\"\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"evidence-file\"; filename=\"a.pdf\"\r\n\r\nx\r\n--b--\r\n";
        let found = parts(body.as_bytes(), "b").expect("parts");
        assert_eq!(found, [("input".to_owned(), &b"{}"[..]), ("evidence-file".to_owned(), &b"x"[..])]);
        assert!(parts(b"{}", "b").is_none());
        assert!(parts(b"--b\r\nnothing", "b").is_none());
    }
}
