//! Messages of GS1 and Digital Links.

use super::{check, explained};

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
