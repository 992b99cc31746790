//! Checks a file and makes a connection of it: every mistake is told with the key that it stands at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::expression::{Condition, Expression, Lists, Path};
use super::file::{File, Pull, RowFile, StreamFile};
use super::mapping::RowMapping;
use super::sales::{self, SALES};
use super::{Connection, PullTerms, Refuse, Stream, Watch};
use crate::catalog::{self, Kind};
use crate::env::Env;
use crate::exchange::systems::{BOOKS, SYSTEMS, has_login, secrets};

/// Longest name of a connection or a stream: it stands in the names of feeds and jobs.
const NAME_LENGTH_MAX: usize = 40;
/// Streams of one connection.
const STREAMS_MAX: usize = 40;

/// Mistakes with the keys that they stand at.
pub(super) struct Mistakes(Vec<String>);

impl Mistakes {
    pub(super) fn note(&mut self, key: &str, reason: impl std::fmt::Display) {
        self.0.push(format!("{key}: {reason}"));
    }

    pub(super) fn take<T>(&mut self, key: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        result.map_err(|reason| self.note(key, reason)).ok()
    }
}

/// A connection out of the text of its file; otherwise every mistake.
pub(super) fn connection(name: &str, text: &str, env: &Env) -> Result<Connection, Vec<String>> {
    let mut mistakes = Mistakes(Vec::new());
    let file = parse(text).map_err(|mistake| vec![mistake])?;
    if !is_name(name) {
        mistakes.note("the file's name", "must be of a to z, 0 to 9 and -, at most 40 characters");
    }
    if !SYSTEMS.contains(&file.system.as_str()) {
        mistakes.note("system", format!("must be one of {}", SYSTEMS.join(", ")));
    }
    let url = address(&mut mistakes, "url", &file.url);
    let login = file.login.as_ref().and_then(|login| address(&mut mistakes, "login", login));
    if has_login(&file.system) != file.login.is_some() {
        mistakes.note("login", "says where a token is had, for systems that ask for one and for no others");
    }
    let no_zone = "must be a name of the IANA database, such as Europe/Berlin";
    let time_zone = mistakes.take("time_zone", file.time_zone.parse().map_err(|_| no_zone));
    let mut held = BTreeMap::new();
    let needed_secrets = secrets(&file.system, file.sales.is_some());
    for needed in needed_secrets {
        let key = format!("secrets.{needed}");
        match file.secrets.get(*needed) {
            None => mistakes.note(&key, "is missing: the name of the variable that holds it"),
            Some(variable) => match env.secret(variable) {
                Some(secret) => drop(held.insert((*needed).to_owned(), secret)),
                None => {
                    mistakes.note(&key, format!("the variable {variable} is not set, nor {variable}_FILE"));
                }
            },
        }
    }
    let unneeded = file.secrets.keys().filter(|name| !needed_secrets.contains(&name.as_str()));
    for name in unneeded {
        mistakes.note(&format!("secrets.{name}"), "the system needs no such secret");
    }
    pull(&mut mistakes, "pull", &file.pull);
    let stock = file.stock.as_ref();
    let stock =
        stock.map(|stock| super::stock::terms(stock, &file.system, &mut |key, why| mistakes.note(key, why)));
    for (place, row) in file.given.iter().enumerate() {
        let line = Value::Object(row.clone()).to_string();
        if let Err(refusal) = catalog::check_line(line.as_bytes()) {
            mistakes.note(&format!("given[{place}]"), refusal.detail);
        }
    }
    let streams = streams(&mut mistakes, &file);
    if file.sales.is_some() && !BOOKS.contains(&file.system.as_str()) {
        mistakes.note("sales", format!("can go into the books of {} only", BOOKS.join(", ")));
    }
    let sales = file.sales.map(|section| sales::read(&mut mistakes, section));
    match (url, time_zone) {
        (Some(url), Some(time_zone)) if mistakes.0.is_empty() => Ok(Connection {
            name: name.to_owned(),
            system: file.system,
            url,
            login,
            company: file.company,
            currency: file.currency,
            time_zone,
            secrets: held,
            pull: terms(file.pull),
            stock,
            given: file.given,
            streams,
            sales,
        }),
        _ => Err(mistakes.0),
    }
}

fn address(mistakes: &mut Mistakes, key: &str, text: &str) -> Option<url::Url> {
    let url = mistakes.take(key, text.parse::<url::Url>())?;
    let is_right =
        ["http", "https"].contains(&url.scheme()) && url.username().is_empty() && url.password().is_none();
    if !is_right {
        mistakes.note(key, "must be http or https, without a user and a password");
    }
    is_right.then_some(url)
}

fn parse(text: &str) -> Result<File, String> {
    let reader = toml::Deserializer::parse(text).map_err(|error| one_line(&error.to_string()))?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let key = error.path().to_string();
        format!("{key}: {}", one_line(error.into_inner().message()))
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name.bytes().all(is_letter)
}

fn pull(mistakes: &mut Mistakes, key: &str, pull: &Pull) {
    let mut within = |name: &str, is_right: bool, bounds: &str| {
        if !is_right {
            mistakes.note(&format!("{key}.{name}"), format!("must be from {bounds}"));
        }
    };
    within("every_ms", (100..=86_400_000).contains(&pull.every_ms), "100 to 86400000");
    within("overlap_seconds", pull.overlap_seconds <= 86_400, "0 to 86400");
    within("full_hours", (1..=168).contains(&pull.full_hours), "1 to 168");
    within("page", (1..=5_000).contains(&pull.page), "1 to 5000");
    within("jump_percent", (1..=100_000).contains(&pull.jump_percent), "1 to 100000");
}

pub(super) fn terms(pull: Pull) -> PullTerms {
    PullTerms {
        every: Duration::from_millis(pull.every_ms),
        overlap: chrono::Duration::seconds(i64::from(pull.overlap_seconds)),
        full: chrono::Duration::hours(i64::from(pull.full_hours)),
        page: pull.page,
        jump_percent: usize::try_from(pull.jump_percent).unwrap_or(usize::MAX),
    }
}

fn streams(mistakes: &mut Mistakes, file: &File) -> Vec<Stream> {
    if file.streams.is_empty() || file.streams.len() > STREAMS_MAX {
        mistakes.note("streams", format!("must be 1 to {STREAMS_MAX}"));
    }
    let mut before: BTreeSet<&str> = BTreeSet::new();
    let mut streams = Vec::new();
    for stream in &file.streams {
        let key = format!("streams.{}", stream.name);
        if !is_name(&stream.name) || stream.name == SALES || before.contains(stream.name.as_str()) {
            mistakes.note(&key, "needs a name of its own, of a to z, 0 to 9 and -");
        }
        for after in stream.after.iter().filter(|after| !before.contains(after.as_str())) {
            mistakes.note(&format!("{key}.after"), format!("{after} is no stream above"));
        }
        before.insert(&stream.name);
        streams.push(one(mistakes, &key, file, stream));
    }
    streams
}

fn one(mistakes: &mut Mistakes, key: &str, file: &File, stream: &StreamFile) -> Stream {
    let own = Pull {
        every_ms: stream.every_ms.unwrap_or(file.pull.every_ms),
        full_hours: stream.full_hours.unwrap_or(file.pull.full_hours),
        ..file.pull
    };
    pull(mistakes, key, &own);
    let path = |mistakes: &mut Mistakes, name: String, text: &str| mistakes.take(&name, text.parse::<Path>());
    let mut watch = Vec::new();
    for (place, each) in stream.watch.iter().enumerate() {
        let name = format!("{key}.watch[{place}]");
        match (&each.at, &each.gives) {
            (Some(_), Some(_)) => mistakes.note(&name, "has either at or gives"),
            (None, None) if each.table != stream.table => {
                mistakes.note(&name, format!("needs at or gives: {} is not the stream's table", each.table));
            }
            _ => {}
        }
        let _ = each.at.as_ref().and_then(|at| path(mistakes, format!("{name}.at"), at));
        watch.push(Watch {
            table: each.table.clone(),
            at: each.at.clone(),
            gives: each.gives.clone(),
            domain: each.domain.clone(),
            has_inactive: each.inactive,
        });
    }
    let flags = stream.gone_unless.iter();
    let gone_unless = flags.filter_map(|text| path(mistakes, format!("{key}.gone_unless"), text)).collect();
    let mut refuse = Vec::new();
    for (place, rule) in stream.refuse.iter().enumerate() {
        let found = path(mistakes, format!("{key}.refuse[{place}].field"), &rule.field);
        refuse.extend(found.map(|path| Refuse {
            path,
            is: rule.is,
            percent: rule.percent,
            records_min: rule.records_min,
        }));
    }
    if stream.rows.is_empty() {
        mistakes.note(&format!("{key}.rows"), "are missing: what a record becomes");
    }
    let rows = stream.rows.iter().enumerate();
    let rows = rows.map(|(place, row)| {
        let key = format!("{key}.rows[{place}]");
        row_mapping(mistakes, &key, &file.lists, file.currency.digits(), row)
    });
    Stream {
        rows: rows.collect(),
        name: stream.name.clone(),
        table: stream.table.clone(),
        context: stream.context.clone(),
        domain: stream.domain.clone(),
        has_inactive: stream.inactive,
        watch,
        after: stream.after.clone(),
        pull: terms(own),
        gone_unless,
        refuse,
    }
}

fn row_mapping(mistakes: &mut Mistakes, key: &str, lists: &Lists, digits: u32, row: &RowFile) -> RowMapping {
    let each = row.each.as_ref().and_then(|each| mistakes.take(&format!("{key}.each"), each.parse::<Path>()));
    let mut fields = Vec::new();
    for (target, text) in &row.fields {
        let key = format!("{key}.fields.{target}");
        let levels: Vec<String> = target.split('.').map(str::to_owned).collect();
        let first = levels.first().map_or("", String::as_str);
        if row.kind == Kind::Unknown || !catalog::has_field(row.kind, first) {
            mistakes.note(&key, format!("rows of kind {} have no field {first}", row.kind));
        }
        if let Some(expression) = mistakes.take(&key, Expression::read(text, lists, digits)) {
            if each.is_none() && expression.paths().any(|path| path.of_item) {
                mistakes.note(&key, "each. needs a list: say each = \"identifiers\"");
            }
            fields.push((levels, expression));
        }
    }
    // The kind and the start of a price may be left out: then it is the open one.
    let optional = ["price_kind", "valid_from"];
    let must =
        row.kind.key_fields().iter().filter(|name| row.kind != Kind::Price || !optional.contains(name));
    for name in must.filter(|name| !row.fields.contains_key(**name)) {
        mistakes.note(&format!("{key}.fields.{name}"), "is missing: it is a part of the row's key");
    }
    let mut conditions = |name: &str, of: &BTreeMap<String, Vec<String>>| {
        let read = of.iter().filter_map(|(path, values)| {
            let path = mistakes.take(&format!("{key}.{name}"), path.parse::<Path>())?;
            Some(Condition { path, values: values.iter().cloned().collect() })
        });
        read.collect()
    };
    RowMapping {
        kind: row.kind,
        when: conditions("when", &row.when),
        only: conditions("only", &row.only),
        each,
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = r#"
        system = "tryton"
        url = "http://127.0.0.1:8069/erp"
        company = "1"
        currency = "EUR"
        time_zone = "Europe/Berlin"
        secrets.key = "ERP_KEY"

        [lists.units]
        u = "piece"

        [[streams]]
        name = "products"
        table = "product.product"
        watch = [{ table = "product.product" }]

        [[streams.rows]]
        kind = "product"
        fields = { sku = "code", name = "name", tax_class = "=standard", "net_content.unit" = "u : list units" }
    "#;

    fn read(text: &str) -> Result<Connection, Vec<String>> {
        connection("erp", text, &Env::from_pairs([("ERP_KEY", "secret")]))
    }

    #[test]
    fn a_right_file_is_read_and_names_the_fields_that_it_needs() {
        let connection = read(RIGHT).expect("a connection");
        let fields: Vec<String> = connection.streams[0].fields().into_iter().collect();
        assert_eq!(fields, ["code", "name", "u"]);
        assert_eq!(connection.pull.overlap, chrono::Duration::minutes(15));
        assert!(!format!("{connection:?}").contains("secret\""), "no secret is shown");
    }

    #[test]
    fn every_mistake_is_named_by_its_key() {
        let mistakes = |from: &str, to: &str| {
            assert!(RIGHT.contains(from), "{from}");
            read(&RIGHT.replace(from, to)).expect_err("mistakes").join("\n")
        };
        for (from, to, told) in [
            ("\"tryton\"", "\"sap\"", "system: must be one of"),
            ("\"EUR\"", "\"EURO\"", "currency: "),
            ("Europe/Berlin", "Berlin", "time_zone: must be"),
            ("\"ERP_KEY\"", "\"OTHER\"", "secrets.key: the variable OTHER is not set"),
            ("http://127", "ftp://127", "url: must be http or https"),
            ("name = \"products\"", "name = \"products\"\ntabel = 1", "streams[0].tabel: unknown field"),
            (
                "sku = \"code\"",
                "sku = \"the code\"",
                "streams.products.rows[0].fields.sku: \"the code\" is no path",
            ),
            ("sku = \"code\",", "", "streams.products.rows[0].fields.sku: is missing"),
            ("tax_class =", "colour =", "fields.colour: rows of kind product have no field colour"),
            ("list units", "list unit", "there is no list unit"),
            ("\"name\"", "\"each.name\"", "each. needs a list"),
            ("kind = \"product\"", "kind = \"article\"", "streams[0].rows[0].kind: unknown variant"),
        ] {
            let mistakes = mistakes(from, to);
            assert!(mistakes.contains(told), "{told}: {mistakes}");
        }
        assert!(mistakes("system =", "system").starts_with("TOML parse error"));
    }
}
