//! Each rule of the order of interpretation and of the tables below it, as a line: what was delivered, and what it means.

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
fn plain_numbers_by_length_and_symbology() {
    check(&[
        ("4006381333931", "", "", "gtin 04006381333931"),
        ("036000291452", "", "", "gtin 00036000291452"),
        ("0036000291452", "ean13", "", "gtin 00036000291452"),
        ("0036000291452", "upca", "", "gtin 00036000291452"),
        ("036000291452", "ean13", "", "gtin 00036000291452"),
        ("4006381333931", "upca", "", "length"),
        ("96385074", "", "", "gtin 00000096385074"),
        ("96385074", "ean8", "", "gtin 00000096385074"),
        ("0000096385074", "ean8", "", "gtin 00000096385074"),
        ("96385074", "ean13", "", "length"),
        ("14006381333938", "", "", "gtin 14006381333938 indicator=1"),
        ("14006381333938", "itf14", "", "gtin 14006381333938 indicator=1"),
        ("0400638133393#", "itf14", "", "gtin 04006381333931 indicator=0"),
        ("9400638133393#", "itf14", "", "gtin 94006381333934 indicator=9 !measure_missing"),
        ("4006381333931", "itf14", "", "length"),
        ("140063813339380", "itf14", "", "length"),
        ("4006381333931", "code128", "", "gtin 04006381333931"),
        ("4006381333932", "", "", "check_digit"),
        ("4006381333932", "qr", "", "check_digit"),
        ("123", "", "", "length"),
        ("123", "code128", "", "foreign -"),
        ("12345678901", "", "", "length"),
        ("0000000000000", "", "", "reserved"),
        ("00000000000000", "itf14", "", "reserved"),
        ("9780000#", "ean8", "", "reserved"),
        ("9760000#", "ean8", "", "gtin 00000097600008"),
        ("952000001007#", "", "", "gtin 09520000010072 !demonstration"),
        ("415003752864#", "", "", "gtin 04150037528643 pzn=03752864"),
    ]);
}

#[test]
fn texts_that_are_no_numbers() {
    check(&[
        ("", "", "", "empty"),
        (" \r\n", "ean13", "", "empty"),
        ("\u{1d}\u{1d}", "", "", "empty"),
        ("]C1", "", "", "empty"),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", "", "", "charset"),
        ("４００６３８１３３３９３１", "ean13", "", "charset"),
        ("7,6223E+12", "", "", "charset"),
        ("4006381 333931", "", "", "charset"),
        ("40063813\u{0}3393", "", "", "charset"),
        ("milk", "ean13", "", "charset"),
        ("milk", "", "", "foreign -"),
        ("WIFI:S:store;T:WPA;P:secret;;", "qr", "", "foreign -"),
        ("A1234567", "", "", "foreign -"),
        ("]", "", "", "foreign -"),
        ("https://www.example.com/p/4006381333931", "qr", "", "foreign -"),
    ]);
    let long = "4".repeat(513);
    assert_eq!(explained(&long, "", ""), "length");
    assert_eq!(explained(&long, "qr", ""), "length");
    assert_eq!(explained(&long[..512], "qr", ""), "foreign -");
}

#[test]
fn upc_e_with_and_without_its_ends() {
    check(&[
        ("01234565", "upce", "", "gtin 00012345000065"),
        ("0123456", "upce", "", "gtin 00012345000065"),
        ("123456", "upce", "", "gtin 00012345000065"),
        ("012345000065", "upce", "", "gtin 00012345000065"),
        ("0012345000065", "upce", "", "gtin 00012345000065"),
        ("]E001234565", "", "", "gtin 00012345000065"),
        ("04252614", "", "", "gtin 00042100005264"),
        ("01234566", "upce", "", "check_digit"),
        ("21234565", "upce", "", "number_system"),
        ("2123456", "upce", "", "number_system"),
        ("12345", "upce", "", "length"),
        ("123456", "", "", "length"),
        ("01234565", "", "", "rcn 00000001234565 alternative14=00012345000065 !ambiguous"),
        ("01234565", "ean8", "", "rcn 00000001234565"),
    ]);
    // Each last digit of the six expands in its own way.
    for (six, expanded) in [
        ("123450", "01200000345"),
        ("123451", "01210000345"),
        ("123452", "01220000345"),
        ("123453", "01230000045"),
        ("123454", "01234000005"),
        ("123455", "01234500005"),
        ("123459", "01234500009"),
    ] {
        let gtin = Gtin::completed(expanded).expect("digits");
        assert_eq!(explained(six, "upce", ""), format!("gtin {gtin}"));
    }
}

#[test]
fn prefixes_change_what_a_number_means() {
    check(&[
        ("200000000000#", "", "", "rcn 02000000000008"),
        ("020000000000#", "", "de", "rcn 00200000000004"),
        ("20000000000#", "upca", "", "rcn 00200000000004"),
        ("041234567890#", "", "de", "rcn 00412345678903"),
        ("2012345#", "", "", "rcn 00000020123451"),
        ("0512345678900", "ean13", "", "coupon -"),
        ("51234567890#", "upca", "", "coupon -"),
        ("991234567890#", "", "", "coupon -"),
        ("985123456789#", "", "", "coupon -"),
        ("983123456789#", "", "", "coupon -"),
        ("980123456789#", "", "", "refund -"),
        ("981123456015#", "", "", "coupon - amount=1.5 currency=EUR issuer=1234 reference=56"),
        ("982123456015#", "", "", "coupon - amount=0.15 currency=EUR issuer=1234 reference=56"),
        ("982123456000#", "", "", "coupon - amount=0.00 currency=EUR issuer=1234 reference=56 free=true"),
        ("977123456700#", "", "", "press 09771234567003 class=issn issn=12345679"),
        ("978316148410#", "", "", "press 09783161484100 class=isbn"),
        ("979123456789#", "", "", "press 09791234567896 class=isbn"),
        ("979026000043#", "", "", "press 09790260000438 class=ismn"),
    ]);
}

#[test]
fn addons_stand_behind_the_number() {
    check(&[
        ("977123456700305", "", "", "press 09771234567003 addon=05 class=issn issn=12345679"),
        ("978316148410052495", "ean13", "", "press 09783161484100 addon=52495 class=isbn"),
        ("]E3977123456700305", "", "", "press 09771234567003 addon=05 class=issn issn=12345679"),
        ("9638507405", "ean8", "", "gtin 00000096385074 addon=05"),
        ("9638507405", "", "", "length"),
        ("977123456700405", "", "", "check_digit"),
    ]);
}

/// Lines of code, symbology, profile, answer.
const MEASURES: &[(&str, &str, &str, &str)] = &[
    // Inner check digits: 12345 has 8, 00500 has 6, 14685 has 6, 2875 has 9.
    (
        "221234812345#",
        "ean13",
        "de",
        "measure 02212348123459 item=1234 base14=02212340000000 price=123.45 currency=EUR",
    ),
    (
        "231234600500#",
        "",
        "de",
        "measure 02312346005006 item=1234 base14=02312340000007 price=5.00 currency=EUR",
    ),
    ("281234614685#", "", "de", "measure 02812346146858 item=1234 base14=02812340000002 weight_kg=14.685"),
    ("291234600500#", "", "de", "measure 02912346005008 item=1234 base14=02912340000009 weight_kg=0.500"),
    ("281234714685#", "", "de", "measure_check_digit"),
    ("2812346146850", "", "de", "check_digit"),
    (
        "281234714685#",
        "",
        "de:noinner",
        "measure 02812347146857 item=1234 base14=02812340000002 weight_kg=14.685",
    ),
    (
        "281234000000#",
        "",
        "de",
        "measure 02812340000002 item=1234 base14=02812340000002 weight_kg=0.000 !value_zero",
    ),
    (
        "281234699999#",
        "",
        "de:noinner",
        "measure 02812346999997 item=1234 base14=02812340000002 weight_kg=99.999 !value_at_limit",
    ),
    ("201234812345#", "", "de", "rcn 02012348123455"),
    ("241234812345#", "", "de", "rcn 02412348123453"),
    ("281234614685#", "", "", "rcn 02812346146858"),
    ("281234614685#", "", "at", "rcn 02812346146858"),
    (
        "201234592875#",
        "",
        "gb",
        "measure 02012345928756 item=12345 base14=02012345000001 price=28.75 currency=GBP",
    ),
    (
        "281234592875#",
        "",
        "gb",
        "measure 02812345928752 item=12345 base14=02812345000007 price=28.75 currency=GBP",
    ),
    ("201234512875#", "", "gb", "measure_check_digit"),
    (
        "211234012345#",
        "",
        "dk",
        "measure 02112340123450 item=1234 base14=02112340000003 price=123.45 currency=DKK",
    ),
    ("261234012345#", "", "dk", "measure 02612340123455 item=1234 base14=02612340000008 weight_kg=12.345"),
    ("271234512345#", "", "dk", "measure 02712345123457 item=12345 base14=02712345000000 weight_kg=12.345"),
    ("251234012345#", "", "dk", "rcn 02512340123458"),
    (
        "201234561234#",
        "",
        "se",
        "measure 02012345612341 item=123456 base14=02012345600003 price=12.34 currency=SEK",
    ),
    (
        "211234561234#",
        "",
        "se",
        "measure 02112345612348 item=123456 base14=02112345600000 price=123.4 currency=SEK",
    ),
    (
        "221234561234#",
        "",
        "se",
        "measure 02212345612345 item=123456 base14=02212345600007 price=1234 currency=SEK",
    ),
    ("231234561234#", "", "se", "measure 02312345612342 item=123456 base14=02312345600004 weight_kg=1.234"),
    ("241234561234#", "", "fi", "measure 02412345612349 item=123456 base14=02412345600001 weight_kg=12.34"),
    ("251234561234#", "", "ee", "measure 02512345612346 item=123456 base14=02512345600008 weight_kg=123.4"),
    ("201234561234#", "", "fi", "rcn 02012345612341"),
    (
        "212345612345#",
        "",
        "it",
        "measure 02123456123456 item=123456 base14=02123456000009 price=123.45 currency=EUR",
    ),
    (
        "21234592875#",
        "upca",
        "us",
        "measure 00212345928752 item=12345 base14=00212345000007 price=28.75 currency=USD",
    ),
    (
        "021234592875#",
        "",
        "us:type2-4",
        "measure 00212345928752 item=12345 base14=00212345000007 price=28.75 currency=USD",
    ),
    (
        "21234512875#",
        "",
        "us:type2-5",
        "measure 00212345128756 item=12345 base14=00212345000007 price=128.75 currency=USD",
    ),
    ("21234512875#", "", "us", "measure_check_digit"),
    ("211234512875#", "", "us", "rcn 02112345128757"),
    ("2012345#", "", "it", "rcn 00000020123451"),
];

#[test]
fn measures_inside_numbers_by_country() {
    check(MEASURES);
}

#[test]
fn german_press_holds_its_price() {
    check(&[
        (
            "419123450250#",
            "ean13",
            "de",
            "press 04191234502500 class=press_reduced item=12345 price=2.50 currency=EUR",
        ),
        (
            "414123450250#",
            "",
            "de:noinner",
            "press 04141234502505 class=press_full item=12345 price=2.50 currency=EUR",
        ),
        ("419123450250#", "", "", "gtin 04191234502500"),
        ("419123450250#", "", "se", "gtin 04191234502500"),
    ]);
}

#[test]
fn messages_of_gs1_however_they_are_marked() {
    let plain = "elements 04006381333931 indicator=0 use_by=2026-12-31 lot=AB serial=1";
    for code in [
        "]C1010400638133393117261231 10AB\u{1d}211".replace(' ', ""),
        "]e0010400638133393117261231 10AB\u{1d}211".replace(' ', ""),
        "]d201040063813339311726123110AB\u{1d}211\u{1d}".to_owned(),
        "]d2\u{1d}01040063813339311726123110AB\u{1d}211".to_owned(),
        "]Q301040063813339311726123110AB<GS>211".to_owned(),
        "]J101040063813339311726123110AB{GS}211".to_owned(),
        "]d5\\00002601040063813339311726123110AB\u{1d}211".to_owned(),
        "]Q4\\00002601040063813339311726123110AB\u{1d}211".to_owned(),
        "\u{1d}01040063813339311726123110AB\u{1d}211\r\n".to_owned(),
        "01040063813339311726123110AB\u{1d}211".to_owned(),
        "0104006381333931\u{1d}17261231\u{1d}10AB\u{1d}\u{1d}211".to_owned(),
        "(01)04006381333931(17)261231(10)AB(21)1".to_owned(),
    ] {
        assert_eq!(explained(&code, "", ""), plain, "{code:?}");
    }
    check(&[
        ("0104006381333931", "qr", "", "elements 04006381333931 indicator=0"),
        ("0104006381333931", "code128", "", "elements 04006381333931 indicator=0"),
        ("0104006381333932", "qr", "", "check_digit"),
        ("010400638133393117261331", "", "", "date"),
        ("4006381333931", "gs1_128", "", "no_gtin"),
        ("]C14006381333931", "", "", "no_gtin"),
        ("04006381333931", "databar", "", "gtin 04006381333931 indicator=0"),
        ("0104006381333931", "databar", "", "elements 04006381333931 indicator=0"),
        (
            "0103760008852441152001081018220",
            "",
            "",
            "elements 03760008852441 indicator=0 best_before=2020-01-08 lot=18220",
        ),
        ("0103017621406002", "", "", "elements 03017621406002 indicator=0"),
        ("96211715102695002733", "", "", "length"),
        ("00340123450000000017", "code128", "", "nonproduct - sscc=340123450000000017"),
    ]);
}

#[test]
fn statements_and_their_values() {
    let with = |rest: &str| explained(&format!("]C10104006381333931{rest}"), "", "");
    let expect = |rest: &str, expected: &str| {
        let found = with(rest);
        let tail =
            found.strip_prefix("elements 04006381333931 indicator=0").map_or(found.as_str(), str::trim_start);
        assert_eq!(tail, expected, "{rest}");
    };
    expect("11261101", "prod=2026-11-01");
    expect("13261101", "pack=2026-11-01");
    expect("15261100", "best_before=2026-11-30");
    expect("16261101", "sell_by=2026-11-01");
    expect("17270200", "use_by=2027-02-28");
    expect("17260231", "date");
    expect("17261301", "date");
    expect("7003261231 1430".replace(' ', "").as_str(), "expiry_time=2026-12-31T14:30");
    expect("70032612312460", "date");
    expect("3103000195", "weight_kg=0.195");
    expect("3100000195", "weight_kg=195");
    expect("3105000195", "weight_kg=0.00195");
    expect("3202001234", "weight_lb=12.34");
    expect("3113001500", "length_m=1.500");
    expect("3142001500", "area_m2=15.00");
    expect("3151000075", "volume_l=7.5");
    expect("3163000750", "volume_m3=0.750");
    expect("3106000195", "ai_unknown");
    expect("3012", "count=12");
    expect("3000000012", "count=12");
    expect("3103000195392212345", "weight_kg=0.195 price=123.45");
    expect("31030001953932978123", "weight_kg=0.195 currency=EUR price=1.23");
    expect("31030001953932000123", "currency");
    expect("392212345", "price=123.45 !measure_missing");
    expect("31030001958005000199", "weight_kg=0.195 unit_price=000199");
    expect("31030001953952000199", "weight_kg=0.195 unit_price=1.99");
    expect("10A\u{1d}21B\u{1d}235C", "conflict");
    expect("10!\"%&'()*+,-./:;<=>?_", "lot=!\"%&'()*+,-./:;<=>?_");
    expect("10Äpfel", "charset");
    expect("10123456789012345678901", "length");
    expect("17", "length");
    expect("1726", "length");
    expect("1726ABCD", "charset");
    expect("9112\u{1d}99X", "91=12 99=X");
    expect("710012345678", "pzn=012345678");
    expect("18ABC", "ai_unknown");
    expect("10LOT17261231", "lot=LOT17261231");
    expect("30123456781", "partial=true !partial");
    expect("305\u{1d}10A", "count=5 lot=A");
    expect("1726123130510LOT", "use_by=2026-12-31 partial=true !partial");
    expect("1726123110A B\u{1d}3103000195", "use_by=2026-12-31 partial=true !partial");
    expect("21X\u{1d}10\u{1d}17261231", "partial=true !partial");
    expect("21A B", "charset");
    // AI 30 needs its separator even when it has all of its digits.
    expect("301234567810A", "partial=true !partial");
}

#[test]
fn statements_must_agree_and_have_what_they_need() {
    check(&[
        ("(01)04006381333931(10)A(10)B", "", "", "conflict"),
        ("(01)04006381333931(10)A(10)A", "", "", "elements 04006381333931 indicator=0 lot=A"),
        ("(01)04006381333931(02)04006381333931", "", "", "conflict"),
        ("(01)04006381333931(37)5", "", "", "conflict"),
        ("(01)04006381333931(30)1(3922)100(3932)978100", "", "", "conflict"),
        ("(01)04006381333931(3103)000195(3102)000195", "", "", "conflict"),
        ("(01)04006381333931(01)14006381333938", "", "", "conflict"),
        ("(01)04006381333931(250)A", "", "", "requisite"),
        (
            "(01)04006381333931(21)1(250)A",
            "",
            "",
            "elements 04006381333931 indicator=0 serial=1 secondary_serial=A",
        ),
        ("(02)04006381333931", "", "", "requisite"),
        ("(02)04006381333931(37)5", "", "", "nonproduct - content=04006381333931 count=5"),
        (
            "(00)340123450000000017(02)04006381333931(37)5",
            "",
            "",
            "nonproduct - sscc=340123450000000017 content=04006381333931 count=5",
        ),
        ("(00)340123450000000018", "", "", "check_digit"),
        ("(10)A(17)261231", "", "", "no_gtin"),
        ("(3103)000195", "", "", "no_gtin"),
        ("(91)A", "", "", "no_gtin"),
        ("(415)4006381333931(8020)ABC", "", "", "nonproduct - pay_to=4006381333931 payment_reference=ABC"),
        ("(414)4006381333931", "", "", "nonproduct - gln=4006381333931"),
        ("(03)04006381333931(21)1", "", "", "elements 04006381333931 indicator=0 serial=1"),
        ("(01)00000000000000", "", "", "reserved"),
        ("(01)94006381333934(3103)000195", "", "", "elements 94006381333934 indicator=9 weight_kg=0.195"),
        ("(01)94006381333934", "", "", "elements 94006381333934 indicator=9 !measure_missing"),
        ("(01)04006381333932", "", "", "check_digit"),
        ("(01)4006381333931", "", "", "length"),
        ("(01)0400638133393X", "", "", "charset"),
        ("(05)1", "", "", "ai_unknown"),
        ("(01)04006381333931(10)A(B)C", "", "", "elements 04006381333931 indicator=0 lot=A(B)C"),
        ("(01)04006381333931(10)A\\(21)C", "", "", "elements 04006381333931 indicator=0 lot=A(21)C"),
        ("(01)04006381333931(235)TPX", "", "", "elements 04006381333931 indicator=0 third_party_serial=TPX"),
        ("(255)4006381333931123", "", "", "coupon - gcn=4006381333931123"),
        ("(255)4006381333931(3902)150", "", "", "coupon - gcn=4006381333931 amount=1.50"),
        ("(8110)012345612345611110123", "", "", "coupon - coupon=012345612345611110123"),
        ("(8110)712345612345611110123", "", "", "coupon"),
        ("(8112)001234561234560123456", "", "", "coupon - offer=001234561234560123456"),
        ("(8112)201234561234560123456", "", "", "coupon"),
        (
            "(01)04150037528643(17)281200",
            "",
            "",
            "elements 04150037528643 indicator=0 use_by=2028-12-31 pzn=03752864",
        ),
    ]);
}

#[test]
fn digital_links_of_any_domain() {
    let link = "elements 04006381333931 indicator=0";
    for address in [
        "https://id.gs1.org/01/04006381333931",
        "http://shop.example/a/b/01/04006381333931#x",
        "HTTPS://SHOP.EXAMPLE/01/04006381333931",
        "https://shop.example:8080/01/04006381333931?lang=de&x",
        "https://shop.example/01/4006381333931",
        "]Q1https://shop.example/01/04006381333931",
        "https://shop.example/01/14006381333938/01/04006381333931",
    ] {
        assert_eq!(explained(address, "qr", ""), link, "{address}");
    }
    check(&[
        (
            "https://a.example/01/04006381333931/22/V/10/L%2F1/21/S?17=261231&3103=000195#x",
            "qr",
            "",
            "elements 04006381333931 indicator=0 consumer_variant=V lot=L/1 serial=S use_by=2026-12-31 weight_kg=0.195",
        ),
        (
            "https://a.example/01/04006381333931/235/T",
            "qr",
            "",
            "elements 04006381333931 indicator=0 third_party_serial=T",
        ),
        ("https://a.example/01/96385074", "qr", "", "elements 00000096385074 indicator=0"),
        ("https://a.example/01/036000291452", "qr", "", "elements 00036000291452 indicator=0"),
        ("https://a.example/01/04006381333932", "qr", "", "check_digit"),
        ("https://a.example/01/0400638133393", "qr", "", "check_digit"),
        ("https://a.example/01/040063813339311", "qr", "", "length"),
        ("https://a.example/01/04006381333931/21/S/10/L", "qr", "", "syntax"),
        ("https://a.example/01/04006381333931/235/T/10/L", "qr", "", "syntax"),
        ("https://a.example/01/04006381333931?10=L", "qr", "", "syntax"),
        ("https://a.example/01/04006381333931?05=L", "qr", "", "ai_unknown"),
        ("https://a.example/01/04006381333931?17=261331", "qr", "", "date"),
        (
            "https://a.example/01/04006381333931/10/A%20B",
            "qr",
            "",
            "elements 04006381333931 indicator=0 partial=true !partial",
        ),
        ("https://a.example/01/04006381333931/10/%C3%A4", "qr", "", "charset"),
        ("https://a.example/00/340123450000000017", "qr", "", "nonproduct - sscc=340123450000000017"),
        ("HtTpS://a.example/01/04006381333931", "qr", "", "foreign -"),
        ("https://a.example/gtin/04006381333931", "qr", "", "foreign -"),
        ("https://a.example?01=04006381333931", "qr", "", "foreign -"),
        ("https://a.example/x?01=04006381333931", "qr", "", "foreign -"),
        ("https://a.example/2024/01/15", "qr", "", "foreign -"),
        ("https://a.example/01/product", "qr", "", "foreign -"),
        ("https://id.gs1.org/ARHKVAdpkQ", "qr", "", "foreign - !compressed"),
        ("ftp://a.example/01/04006381333931", "qr", "", "foreign -"),
    ]);
}

#[test]
fn pharmacy_numbers() {
    check(&[
        ("-03752864", "code39", "", "pzn 04150037528643 pzn=03752864"),
        ("-03752864", "", "", "pzn 04150037528643 pzn=03752864"),
        ("-03752865", "code39", "", "check_digit"),
        ("-3752864", "code39", "", "length"),
        ("-0375286A", "code39", "", "foreign -"),
    ]);
}

#[test]
fn templates_of_a_store() {
    check(&[
        ("212345798765#", "", "tpl:2{code:5}{i}{embed:5}{ec}", "template - item=12345 embed=98765"),
        ("212345698765#", "", "tpl:2{code:5}{i}{embed:5}{ec}", "measure_check_digit"),
        ("212345698765#", "", "tpl:2{code:5}{_}{embed:5}{ec}", "template - item=12345 embed=98765"),
        ("2123456987650", "", "tpl:ean13_instore", "check_digit"),
        (
            "9743115013222840001009",
            "code128",
            "tpl:edeka_discount",
            "template 04311501322284 item=4311501322284 embed=100",
        ),
        ("9743115013222850001009", "code128", "tpl:edeka_discount", "check_digit"),
        (
            "9643115013222840001234005001",
            "",
            "tpl:globus_weighing",
            "template 04311501322284 item=4311501322284 embed=1234 price=500",
        ),
        ("S000012345ABC", "code128", "tpl:S{_:4}{embed:5}{code:*}", "template - item=ABC embed=12345"),
        ("4006381333931", "", "tpl:2{code:5}{_}{embed:5}{ec}", "gtin 04006381333931"),
        ("anything\r\n", "", "tpl:default", "template - item=anything"),
        ("https://a.example/x", "qr", "tpl:default", "foreign -"),
        ("0104006381333931", "", "tpl:01{code:ean14}", "elements 04006381333931 indicator=0"),
    ]);
    for wrong in ["", "fr", "DE", "tpl:", "tpl:{", "tpl:{code}", "us:type2-6"] {
        assert!(wrong.parse::<Profile>().is_err(), "{wrong}");
    }
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
