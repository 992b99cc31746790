//! Each rule of the order of interpretation and of the tables below it, as a line: what was delivered, and what it means.

mod messages;
mod numbers;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::{Gtin, Profile, Refusal, Symbology, interpret};
use crate::money::Currency;

fn today() -> NaiveDate {
    "2026-11-23".parse().expect("a day")
}

/// Puts the right check digit where a code ends in `#`.
fn completed(code: &str) -> String {
    let Some(body) = code.strip_suffix('#') else { return code.to_owned() };
    let number = Gtin::completed(body).expect("digits").to_string();
    format!("{body}{}", &number[13..])
}

/// The answer in one line: kind, number, values; or the class of the refusal.
fn explained(code: &str, symbology: &str, profile: &str) -> String {
    let symbology = (!symbology.is_empty()).then(|| symbology.parse().expect("a symbology"));
    let profile = if profile.is_empty() { Profile::None } else { profile.parse().expect("a profile") };
    match interpret(&completed(code), symbology, &profile, today()) {
        Err(refusal) => refusal.to_string(),
        Ok(answer) => {
            let values = answer.values().into_iter().map(|(name, value)| format!(" {name}={value}"));
            let warnings = answer.warnings.iter().map(|warning| format!(" !{warning}"));
            format!(
                "{} {}{}{}",
                answer.kind(),
                answer.gtin14().unwrap_or_else(|| "-".to_owned()),
                values.collect::<String>(),
                warnings.collect::<String>()
            )
        }
    }
}

/// Lines of code, symbology, profile, answer.
fn check(table: &[(&str, &str, &str, &str)]) {
    let differ: Vec<String> = table
        .iter()
        .filter_map(|(code, symbology, profile, expected)| {
            let found = explained(code, symbology, profile);
            (found != *expected).then(|| format!("{code:?} {symbology} {profile}: {found}, not {expected}"))
        })
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn meanings_can_be_counted_with() {
    let german: Profile = "de".parse().expect("a profile");
    let answer = interpret(&completed("221234812345#"), None, &german, today()).expect("a meaning");
    let super::Meaning::Measure(_, measure) = &answer.meaning else { panic!("{answer:?}") };
    let super::Embedded::Price(price) = measure.embedded else { panic!("{answer:?}") };
    assert_eq!(price.money(Currency::EUR).map(crate::money::Money::minor), Some(12345));
    assert_eq!(price.money("SEK".parse().expect("a currency")), None);
    let keys: Vec<String> = answer.meaning.keys().map(|key| key.to_string()).collect();
    assert_eq!(keys, ["02212340000000", "02212348123459"]);
    let code = "(01)04006381333931(3103)000195(3923)12345(7003)2612311430(10)A(21)B(30)3";
    let answer = interpret(code, None, &Profile::None, today()).expect("a meaning");
    let super::Meaning::Elements(_, elements) = &answer.meaning else { panic!("{answer:?}") };
    assert_eq!(elements.kilograms().map(|weight| weight.to_string()).as_deref(), Some("0.195"));
    assert_eq!(
        elements.price().and_then(|price| price.money(Currency::EUR)),
        None,
        "12.345 is no whole cent"
    );
    assert_eq!((elements.lot(), elements.serial(), elements.count()), (Some("A"), Some("B"), Some(3)));
    assert_eq!(elements.use_by(), Some("2026-12-31".parse().expect("a day")));
    assert_eq!(elements.best_before(), None);
}

fn profiles() -> Vec<Profile> {
    ["de", "us:type2-5", "it", "tpl:2{code:5}{i}{embed:5}{ec}", "tpl:{code:*}"]
        .iter()
        .map(|text| text.parse().expect("a profile"))
        .chain([Profile::None])
        .collect()
}

fn never_fails_otherwise(text: &str) {
    for profile in profiles() {
        for symbology in Symbology::ALL.iter().copied().map(Some).chain([None]) {
            let once = interpret(text, symbology, &profile, today());
            if let Ok(answer) = &once {
                let _ = (answer.kind(), answer.gtin14(), answer.values());
            }
            assert_eq!(once, interpret(text, symbology, &profile, today()));
        }
    }
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in ".{0,40}") {
        never_fails_otherwise(&text);
    }

    #[test]
    fn any_digits_and_separators_get_an_answer(text in "(\\]C1|\\]d2|https://a/|\\(01\\)|\u{1d})?[0-9\u{1d}()/?=&%A-F]{0,60}") {
        never_fails_otherwise(&text);
    }

    #[test]
    fn any_profile_text_is_read_or_refused(text in "(tpl:)?[{}a-z0-9:*=._]{0,30}") {
        let _ = text.parse::<Profile>();
    }

    #[test]
    fn any_weight_in_a_german_number_shares_its_base(item in 0_u32..10_000, grams in 0_u32..100_000) {
        let value = format!("{grams:05}");
        let inner = super::inner::digit_of(&value).expect("five digits");
        let code = completed(&format!("28{item:04}{inner}{value}#"));
        let answer = interpret(&code, Some(Symbology::Ean13), &"de".parse().expect("a profile"), today()).expect("a measure");
        let values = answer.values();
        let value = |wanted: &str| values.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        prop_assert_eq!(value("base14"), Some(format!("0{}", completed(&format!("28{item:04}000000#")))));
        prop_assert_eq!(value("weight_kg"), Some(format!("{}.{:03}", grams / 1000, grams % 1000)));
    }

    #[test]
    fn a_message_says_what_was_put_into_it(lot in "[!-z&&[^\\[\\\\\\]^`#$@ ]]{1,20}", day in 1_u32..28, grams in 0_u32..1_000_000) {
        let text = format!("]d201040063813339313103{grams:06}1712{:02}{day:02}10{lot}", 12);
        let text = text.replace("171212", "172612");
        let answer = interpret(&text, None, &Profile::None, today());
        let answer = answer.map_err(|refusal: Refusal| TestCaseError::fail(format!("{text}: {refusal}")))?;
        let super::Meaning::Elements(_, elements) = &answer.meaning else { panic!("{answer:?}") };
        prop_assert_eq!(elements.lot(), Some(lot.as_str()));
        prop_assert_eq!(elements.use_by(), NaiveDate::from_ymd_opt(2026, 12, day));
        prop_assert_eq!(elements.kilograms(), Some(rust_decimal::Decimal::new(grams.into(), 3)));
    }
}
