//! By whose rules a number for restricted circulation is read: a country's, a store's own template, or nobody's.

use std::str::FromStr;

use super::refusal::Refusal;
use super::template::{Match, Template};

/// A country that publishes how weight, price or count stand inside its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// Austria publishes none: a store's template decides.
    Austria,
    /// Germany.
    Germany {
        /// Whether the inner check digit is held to. Many retailers use its place otherwise.
        inner: bool,
    },
    /// Canada, whose prices stand where those of the United States do.
    Canada,
    /// Denmark.
    Denmark,
    /// Estonia; Latvia and Lithuania do the same.
    Estonia,
    /// Finland.
    Finland,
    /// Great Britain.
    Britain,
    /// Italy.
    Italy,
    /// Sweden.
    Sweden,
    /// The United States.
    States {
        /// Whether the price has five digits and no check digit of its own, instead of four and one.
        five: bool,
    },
}

/// By whose rules a code is read.
#[derive(Clone, Debug, Default)]
pub enum Profile {
    /// Nobody's: what is restricted stays opaque.
    #[default]
    None,
    /// A country's.
    Country(Country),
    /// A store's template.
    Template(Box<Template>),
}

/// A text that names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such profile, or a template that is not valid")]
pub struct NotAProfile;

/// What begins a profile that is a template.
const TEMPLATE: &str = "tpl:";

impl Profile {
    /// The profile of a store in this country (ISO 3166-1, two capitals); nobody's where no layout is published.
    pub fn of_country(code: &str) -> Self {
        match code {
            "LV" | "LT" => Self::Country(Country::Estonia),
            code if code.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                country(&code.to_ascii_lowercase()).map_or(Self::None, Self::Country)
            }
            _ => Self::None,
        }
    }

    pub(super) fn country(&self) -> Option<Country> {
        match self {
            Self::Country(country) => Some(*country),
            Self::None | Self::Template(_) => None,
        }
    }
}

/// By whose rules the codes of one store are read: its own templates first, then its country's.
#[derive(Clone, Debug, Default)]
pub struct StoreProfile {
    pub(super) country: Profile,
    templates: Vec<Template>,
}

impl StoreProfile {
    /// The profile of a store in this country (ISO 3166-1) with these templates, in the order in which they are tried. A
    /// template that this release can't read any more is left out: codes of the others must go on being understood.
    pub fn new<'a>(country: &str, templates: impl IntoIterator<Item = &'a str>) -> Self {
        let templates = templates.into_iter().filter_map(|template| template.parse().ok()).collect();
        Self { country: Profile::of_country(country), templates }
    }

    /// What a code says by each template whose shape it has.
    pub(super) fn matches<'a>(
        &'a self,
        code: &'a str,
    ) -> impl Iterator<Item = Result<Match, Refusal>> + use<'a> {
        self.templates.iter().filter(|template| template.may_be(code)).filter_map(|each| each.read(code))
    }
}

fn country(text: &str) -> Option<Country> {
    Some(match text {
        "at" => Country::Austria,
        "ca" => Country::Canada,
        "de" => Country::Germany { inner: true },
        "de:noinner" => Country::Germany { inner: false },
        "dk" => Country::Denmark,
        "ee" => Country::Estonia,
        "fi" => Country::Finland,
        "gb" => Country::Britain,
        "it" => Country::Italy,
        "se" => Country::Sweden,
        // Four digits with a check digit are the rule, five the exception.
        "us" | "us:type2-4" => Country::States { five: false },
        "us:type2-5" => Country::States { five: true },
        _ => return None,
    })
}

impl FromStr for Profile {
    type Err = NotAProfile;

    fn from_str(text: &str) -> Result<Self, NotAProfile> {
        if let Some(template) = text.strip_prefix(TEMPLATE) {
            return template
                .parse()
                .map(|template| Self::Template(Box::new(template)))
                .map_err(|_| NotAProfile);
        }
        country(text).map(Self::Country).ok_or(NotAProfile)
    }
}
