//! From the columns of a file to the fields of a product, as the command line says.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::Error;

/// The fields that a column may give.
const FIELDS: [&str; 11] = [
    "sku",
    "code",
    "name",
    "brand",
    "content",
    "weight_grams",
    "category",
    "age_min",
    "tax_class",
    "price",
    "duplicate_of",
];

/// Which expression gives each field.
#[derive(Debug)]
pub(super) struct Mapping(HashMap<&'static str, String>);

impl Mapping {
    /// Reads `field=expression` from the command line and from a file; the command line wins.
    pub(super) fn read(arguments: &[String], file: Option<&Path>) -> Result<Self, Error> {
        let text = file.map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut fields = HashMap::new();
        for each in lines.chain(arguments.iter().map(String::as_str)) {
            let Some((field, expression)) = each.split_once('=') else {
                return Err(Error::Usage(format!("a mapping is field=column, not {each}")));
            };
            let known = FIELDS.into_iter().find(|known| *known == field.trim());
            let known = known
                .ok_or_else(|| Error::Usage(format!("there is no field {field}: {}", FIELDS.join(", "))))?;
            fields.insert(known, expression.trim().trim_matches('"').to_owned());
        }
        for needed in ["code", "name"] {
            if !fields.contains_key(needed) {
                return Err(Error::Usage(format!("say which column is the {needed}: --map {needed}=COLUMN")));
            }
        }
        Ok(Self(fields))
    }

    /// The mapping as lines of `field=expression`.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.0.iter().map(|(field, expression)| format!("{field}={expression}")).collect();
        lines.sort_unstable();
        lines
    }

    /// Whether a column gives this field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Finds the columns that the expressions name.
    pub(super) fn columns(&self, headings: &[String]) -> Result<Columns, Error> {
        let places: HashMap<&str, usize> =
            headings.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let parse = |expression: &str| {
            let alternatives = expression.split('|').map(|alternative| {
                let parts = alternative.split('+').map(|part| Part::parse(part.trim(), headings, &places));
                parts.collect::<Result<Vec<Part>, Error>>()
            });
            alternatives.collect::<Result<Vec<_>, Error>>()
        };
        let fields = self.0.iter().map(|(field, expression)| Ok((*field, parse(expression)?)));
        let names = headings.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        Ok(Columns { fields: fields.collect::<Result<_, Error>>()?, names })
    }
}

/// One part of an expression.
#[derive(Debug)]
enum Part {
    /// A column.
    Column(usize),
    /// Text, a column whose value goes here, text: together the name of a column.
    Named { before: String, inner: usize, after: String },
    /// The first of these columns that is not empty.
    Any(Vec<usize>),
}

impl Part {
    fn parse(text: &str, headings: &[String], places: &HashMap<&str, usize>) -> Result<Self, Error> {
        let column = |name: &str| {
            let place = places.get(name).copied();
            place.ok_or_else(|| Error::Usage(format!("the file has no column {name}")))
        };
        if let Some(prefix) = text.strip_suffix('*') {
            let begins = |(place, name): (usize, &String)| name.starts_with(prefix).then_some(place);
            return Ok(Self::Any(headings.iter().enumerate().filter_map(begins).collect()));
        }
        let inner = text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        match inner {
            Some((before, (inner, after))) => {
                Ok(Self::Named { before: before.to_owned(), inner: column(inner)?, after: after.to_owned() })
            }
            None => column(text).map(Self::Column),
        }
    }
}

/// The columns of one file that give each field.
#[derive(Debug)]
pub(super) struct Columns {
    fields: HashMap<&'static str, Vec<Vec<Part>>>,
    names: HashMap<String, usize>,
}

impl Columns {
    /// The value of a field in a row: nothing when the field is not mapped or every column is empty.
    pub(super) fn value<'a>(&self, field: &str, row: &'a [Cow<'a, str>]) -> Option<String> {
        self.fields.get(field)?.iter().find_map(|parts| self.join(parts, row))
    }

    /// All values of a row by their fields.
    pub(super) fn values(&self, row: &[Cow<'_, str>]) -> BTreeMap<&'static str, String> {
        self.fields.keys().filter_map(|field| Some((*field, self.value(field, row)?))).collect()
    }

    fn join(&self, parts: &[Part], row: &[Cow<'_, str>]) -> Option<String> {
        let cell = |place: usize| row.get(place).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        let values = parts.iter().filter_map(|part| match part {
            Part::Column(place) => cell(*place),
            Part::Any(places) => places.iter().find_map(|place| cell(*place)),
            Part::Named { before, inner, after } => {
                let name = format!("{before}{}{after}", cell(*inner)?);
                cell(*self.names.get(&name)?)
            }
        });
        // Blanks and line ends inside a value are one blank on a receipt.
        let words: Vec<&str> = values.flat_map(str::split_whitespace).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_comes_from_the_first_column_that_says_something() {
        let headings = ["id", "lang", "name_de", "name_en", "amount", "unit"].map(str::to_owned);
        let map = ["code=id", "name=name_{lang}|name_*", "content=amount+unit"].map(str::to_owned);
        let columns = Mapping::read(&map, None).expect("a mapping").columns(&headings).expect("columns");
        let row = |cells: [&'static str; 6]| cells.map(Cow::Borrowed).to_vec();
        let own = row(["1", "en", "Milch", "Milk ", "1", "l"]);
        assert_eq!(columns.value("name", &own).as_deref(), Some("Milk"));
        assert_eq!(columns.value("content", &own).as_deref(), Some("1 l"));
        let other = row(["1", "fr", "", "Fresh\n milk", "", ""]);
        assert_eq!(columns.value("name", &other).as_deref(), Some("Fresh milk"));
        assert_eq!(columns.value("content", &other), None);
        assert_eq!(columns.value("sku", &other), None);
    }

    #[test]
    fn a_mapping_that_can_not_be_is_refused() {
        let read = |map: &[&str]| {
            Mapping::read(&map.iter().map(|each| (*each).to_owned()).collect::<Vec<_>>(), None)
        };
        assert!(read(&["code=id"]).is_err(), "no name");
        assert!(read(&["code=id", "name"]).is_err(), "no column");
        assert!(read(&["code=id", "name=n", "colour=c"]).is_err(), "no such field");
        let mapping = read(&["code=id", "name=n"]).expect("a mapping");
        assert!(mapping.columns(&["id".to_owned()]).is_err(), "no such column");
    }
}
