//! The arrows between rooms, held: [`LINES`] is the truth, the sources are read and every path that a file names is
//! checked against it. Also: the length of files, and the style of module folders.

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Named, Source};

/// From top to bottom: a room may use what stands below it. Rooms of one group may use each other, groups that share a
/// line may not.
const LINES: &[&[&[&str]]] = &[
    &[&["main", "demo"]],
    &[&["router", "serve", "app", "config"]],
    &[&["exchange"], &["exit"], &["operations"]],
    &[&["checkout"]],
    &[&["cart"], &["payments"], &["delivery"]],
    &[&["catalog"]],
    &[&["identity"]],
    &[&["jobs", "http"]],
    &[&["db", "error"]],
    &[&["money", "quantity", "ids", "clock", "env", "hash", "random"]],
];

/// The one loop: what is at or above this room may name `crate::app::App`, because handlers and jobs are given it.
const LOWEST_TO_NAME_APP: &str = "jobs";

/// Files and folders of a room that may not name `App` all the same: rules are plain functions, and SQL needs a connection and nothing more.
const WITHOUT_APP: &[&str] = &["model", "pricing", "code", "store"];

/// Files and folders of pure rules: nothing in them waits.
const PURE: &[&str] = &["model", "pricing", "code"];

/// Modules that belong to their room alone.
const PRIVATE: &[&str] = &["store", "http"];

/// The partners' own servers: they use nothing of the product, and of the product only these use them.
const SANDBOX: &str = "sandbox";
const SANDBOX_USERS: &[&str] = &["main", "demo"];

/// Macros, which are named at the root wherever they live, and the room that each lives in.
const MACROS: &[(&str, &str)] = &[("text_enum", "db"), ("stored_as_text", "db")];

/// A file that is longer needs a reason.
const LINES_MAX: usize = 500;

/// Files that are longer, each with its reason.
const LONG: &[(&str, &str)] = &[];

#[test]
fn every_arrow_between_rooms_points_down() {
    let complaints: Vec<String> =
        files("src").iter().flat_map(|(name, text)| complaints(name, text)).collect();
    assert!(complaints.is_empty(), "the table is in tests/it/architecture/mod.rs\n{}", complaints.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found_wherever_it_hides() {
    let found = |name: &str, text: &str| complaints(name, text);
    let one = |name: &str, text: &str| {
        let complaints = found(name, text);
        assert_eq!(complaints.len(), 1, "{name}: {text}: {complaints:?}");
        complaints.into_iter().next().unwrap_or_default()
    };
    assert_eq!(
        one(
            "src/payments/start.rs",
            "use crate::money::Money;\nuse crate::{\n    db,\n    checkout::{self, Order},\n};"
        ),
        "src/payments/start.rs:4: crate::checkout is not below payments"
    );
    assert_eq!(
        one("src/cart/scan.rs", "fn f() {\n    crate::delivery::quote();\n}"),
        "src/cart/scan.rs:2: crate::delivery is beside cart"
    );
    one("src/payments/start.rs", "use super::super::checkout;");
    one("src/payments/providers/paypal.rs", "mod tests { use super::super::super::super::exit; }");
    one("src/money.rs", "use crate::app::App;");
    one("src/cart/store.rs", "use crate::app::App;");
    one("src/cart/store/lines.rs", "use crate::app::App;");
    one("src/cart/scan.rs", "use crate::app::StartError;");
    one("src/cart/scan.rs", "use crate::config::Config;");
    one("src/cart/scan.rs", "use crate::catalog::store::find;");
    one("src/cart/mod.rs", "pub mod store;");
    one("src/cart/model.rs", "async fn price() {}");
    one("src/cart/scan.rs", "use crate::cellar::Wine;");
    one("src/sandbox/paypal/mod.rs", "use crate::money::Money;");
    one("src/payments/start.rs", "use crate::sandbox::paypal;");
    one("src/main.rs", "use aisle::checkout::store::insert;");
    for (name, text) in [
        ("src/cart/scan.rs", "use crate::app::App;\nuse crate::catalog::{self, Found};\nuse super::store;"),
        (
            "src/cart/scan.rs",
            "// crate::checkout\n/* crate::exit /* */ crate::exit */\nconst A: &str = \"crate::exit\";",
        ),
        (
            "src/cart/scan.rs",
            "const A: &str = r#\"\"crate::exit\"#; const B: char = '\"'; fn f<'a>(_: &'a str) {}",
        ),
        ("src/money.rs", "mod tests { use super::*; }\npub(crate) fn f() {}"),
        ("src/ids.rs", "macro_rules! ids { () => { $crate::stored_as_text!(Id); } }"),
        ("src/main.rs", "use aisle::{sandbox::paypal, serve};"),
    ] {
        let expected: &[&str] =
            if name == "src/ids.rs" { &["src/ids.rs:1: crate::db is not below ids"] } else { &[] };
        assert_eq!(found(name, text), expected, "{text}");
    }
}

#[test]
fn no_file_is_long_without_a_reason() {
    let mut long: Vec<String> = [files("src"), files("tests")]
        .concat()
        .iter()
        .filter(|(_, text)| text.lines().count() > LINES_MAX)
        .map(|(name, _)| name.clone())
        .collect();
    long.sort();
    let listed: Vec<&str> = LONG.iter().map(|(name, _)| *name).collect();
    assert_eq!(long, listed, "files over {LINES_MAX} lines, and those that are listed with a reason");
}

#[test]
fn a_module_with_a_folder_is_the_mod_file_in_it() {
    let beside: Vec<String> = [files("src"), files("tests")]
        .concat()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| root().join(name.trim_end_matches(".rs")).is_dir())
        .collect();
    assert!(beside.is_empty(), "move these into their folders as mod.rs: {beside:?}");
}

/// What is wrong with a file, a line each.
fn complaints(name: &str, text: &str) -> Vec<String> {
    let Some(from) = room_of(name) else { return Vec::new() };
    let source = Source::read(name, text);
    let part = part_of(name);
    let mut complaints: Vec<String> = source
        .named()
        .iter()
        .filter_map(|named| Some(format!("{name}:{}: {}", named.line, refusal(from, part, named)?)))
        .collect();
    complaints.dedup();
    if name == format!("src/{from}/mod.rs") {
        let open =
            source.public_modules().into_iter().filter(|(module, _)| PRIVATE.contains(&module.as_str()));
        complaints
            .extend(open.map(|(module, line)| format!("{name}:{line}: {module} is private to its room")));
    }
    if PURE.contains(&part) {
        let waits = source.line_of("async").or_else(|| source.line_of("await"));
        complaints
            .extend(waits.map(|line| format!("{name}:{line}: rules are pure; nothing in {part} waits")));
    }
    complaints
}

/// Why a file of a room may not name this path; nothing when it may.
fn refusal(from: &str, part: &str, named: &Named) -> Option<String> {
    let first = named.path.first()?.as_str();
    let to = MACROS.iter().find(|(name, _)| *name == first).map_or(first, |(_, home)| home);
    if to == from {
        return None;
    }
    if from == SANDBOX {
        return Some(format!("crate::{to} is of the product, and {SANDBOX} uses nothing of it"));
    }
    if to == SANDBOX {
        let refused = !SANDBOX_USERS.contains(&from);
        return refused
            .then(|| format!("crate::{SANDBOX} is for {} and tests only", SANDBOX_USERS.join(", ")));
    }
    let (Some((here, group)), Some((there, other))) = (place(from), place(to)) else {
        let unknown = if place(to).is_none() { to } else { from };
        return Some(format!("{unknown} is in no line of the table"));
    };
    let second = named.path.get(1).map(String::as_str).unwrap_or_default();
    if PRIVATE.contains(&second) {
        return Some(format!("crate::{to}::{second} is private to {to}"));
    }
    if to == "app" && second == "App" && Some(here) <= place(LOWEST_TO_NAME_APP).map(|(line, _)| line) {
        let refused = WITHOUT_APP.contains(&part);
        return refused.then(|| format!("crate::app::App is not for {part}"));
    }
    match here.cmp(&there) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal if group == other => None,
        std::cmp::Ordering::Equal => Some(format!("crate::{to} is beside {from}")),
        std::cmp::Ordering::Greater => Some(format!("crate::{to} is not below {from}")),
    }
}

/// The line and the group of a room.
fn place(room: &str) -> Option<(usize, usize)> {
    LINES.iter().enumerate().find_map(|(line, groups)| {
        groups.iter().position(|group| group.contains(&room)).map(|group| (line, group))
    })
}

/// The room of a file; the library's root has none, it only lists the others.
fn room_of(name: &str) -> Option<&str> {
    let inside = name.strip_prefix("src/")?;
    let room = inside.split('/').next()?.trim_end_matches(".rs");
    (room != "lib").then_some(room)
}

/// The part of a room that a file is or stands in; empty for a file that is a room of its own.
fn part_of(name: &str) -> &str {
    name.split('/').nth(2).unwrap_or_default().trim_end_matches(".rs")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of a folder with its text, by its path from the package's root.
fn files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root())
                    .expect("inside the package")
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("a source is text")));
            }
        }
    }
    found.sort();
    found
}
