//! Numbers: lengths, prefixes, countries, press, pharmacy, templates.

use super::{check, explained};
use crate::catalog::code::{self, Gtin, Profile};

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
fn a_chains_own_number_is_looked_up_as_it_stands_before_its_inner_digit_is_refused() {
    let german = code::StoreProfile::new("DE", ["2{code:5}{i}{embed:5}{ec}"]);
    // The inner digit is wrong by the template and by the country's rules.
    let code = super::completed("221234112345#");
    let own: Gtin = code.parse().expect("a number");
    let known = |answer: &code::Answer| answer.meaning.keys().find(|gtin| *gtin == own);
    let read = |known: &dyn Fn(&code::Answer) -> Option<Gtin>| {
        code::interpret_in_store(&code, None, &german, super::today(), known)
    };
    let (answer, found) = read(&known).expect("known as it stands");
    assert!(matches!(answer.meaning, code::Meaning::Restricted(_)));
    assert_eq!(found, Some(own));
    assert_eq!(read(&|_| None).expect_err("not known"), code::Refusal::MeasureCheckDigit);
}

#[test]
fn canada_has_the_layout_of_its_neighbour_and_its_own_money() {
    check(&[(
        "21234592875#",
        "upca",
        "ca",
        "measure 00212345928752 item=12345 base14=00212345000007 price=28.75 currency=CAD",
    )]);
    assert!(matches!(Profile::of_country("CA"), Profile::Country(_)));
}
