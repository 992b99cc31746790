//! The fold and the decisions: what counts once, what adds up, what old logs still say.

use super::super::event::{Origin, Reduction};
use super::*;
use crate::money::Money;
use proptest::prelude::*;
use uuid::Uuid;

fn at() -> Moment {
    "2026-07-15T12:00:00Z".parse().expect("a time")
}

fn product(sku: u8) -> Product {
    Product {
        code: format!("{sku:014}"),
        sku: format!("S{sku}").parse().expect("a key"),
        name: "Something".to_owned(),
        price: Money::new(100 + i64::from(sku), Currency::EUR),
        tax_class: "standard".parse().expect("a key"),
        rate: "19".parse().expect("a rate"),
        weight_grams: None,
        deliverable: true,
        age_min: None,
        revision: 1,
        priced_per: None,
        measure: None,
        label_price: None,
        reduction: None,
        brand: None,
        category: Vec::new(),
        member_price: None,
        is_priced_by_label: false,
        deposit: None,
        origin: Origin::default(),
    }
}

fn taken(product: Product) -> Taken {
    Taken { product, pieces: 1, quantity_max: None }
}

fn unlimited(_: &Sku) -> Option<i64> {
    None
}

fn empty() -> Cart {
    let first = Event::CheckedIn {
        shopper: ShopperId(Uuid::nil()),
        store: "0001".parse().expect("a key"),
        currency: Currency::EUR,
    };
    Cart::begin(CartId(Uuid::nil()), &[first], at()).expect("begun")
}

fn scan(id: u128, code: &str) -> Wish {
    Wish::Scan { id: EventId(Uuid::from_u128(id)), code: code.to_owned(), quantity: None }
}

fn find(code: &str) -> Result<Taken, Declined> {
    code.parse().map(|number| taken(product(number))).map_err(|_| Refusal::CodeUnknown.into())
}

#[test]
fn an_event_counts_once_even_twice_in_one_batch() {
    let mut cart = empty();
    let (events, outcomes) =
        cart.decide(&[scan(1, "7"), scan(1, "7"), scan(2, "7"), scan(3, "x")], at(), find, unlimited);
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.map(|done| done.outcome)).collect();
    assert_eq!(
        outcomes,
        [Ok(Outcome::Applied), Ok(Outcome::Repeated), Ok(Outcome::Applied), Err(Refusal::CodeUnknown.into())]
    );
    cart.written(2);
    assert_eq!(events.len(), 2);
    assert_eq!((cart.lines.len(), cart.lines[0].quantity, cart.version), (1, 2, 2));
    assert!(cart.decide(&[scan(1, "7"), scan(2, "7")], at(), find, unlimited).0.is_empty());
}

#[test]
fn a_line_keeps_the_price_of_its_first_scan() {
    let mut cart = empty();
    cart.decide(&[scan(1, "7")], at(), find, unlimited);
    let dearer = |_: &str| Ok(taken(Product { price: Money::new(999, Currency::EUR), ..product(7) }));
    cart.decide(&[scan(2, "7")], at(), dearer, unlimited);
    assert_eq!(cart.lines[0].amount(), Ok(Money::new(214, Currency::EUR)));
}

#[test]
fn a_removed_line_number_is_never_given_again() {
    let mut cart = empty();
    let remove = Wish::Remove { id: EventId(Uuid::from_u128(9)), line: 1 };
    let (_, outcomes) = cart.decide(&[scan(1, "1"), remove, scan(2, "1")], at(), find, unlimited);
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(cart.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_full_cart_takes_nothing_more_and_can_still_be_made_smaller() {
    let mut cart = empty();
    let set = |id: u128, line: i64, pieces: i64| {
        let quantity = Quantity::pieces(pieces).expect("pieces");
        Wish::SetQuantity { id: EventId(Uuid::from_u128(id)), line, quantity }
    };
    let pieces = |cart: &Cart| cart.lines.iter().map(|line| line.quantity).collect::<Vec<_>>();
    let mut ids = 1..;
    let mut ask = |cart: &mut Cart, wish: &dyn Fn(u128) -> Wish| {
        let wish = wish(ids.next().expect("an id"));
        cart.decide(&[wish], at(), find, unlimited).1.remove(0).map(|done| done.outcome)
    };
    for code in ["1", "2"] {
        assert_eq!(ask(&mut cart, &|id| scan(id, code)), Ok(Outcome::Applied));
    }
    for _ in 2..CHANGES_MAX - 1 {
        assert_eq!(ask(&mut cart, &|id| set(id, 1, 900)), Ok(Outcome::Applied));
    }
    // Coupons count too: their log grows the same.
    let (coupon, promotion) = ("C".parse().expect("a key"), "P".parse().expect("a key"));
    cart.fold(2, &[Event::CouponShown { coupon, promotion }], at());
    assert!(matches!(cart.must_have_room(Growth::More), Err(Error::Full)));
    assert_eq!(ask(&mut cart, &|id| scan(id, "1")), Err(Refusal::CartFull.into()));
    assert_eq!(ask(&mut cart, &|id| set(id, 1, 901)), Err(Refusal::CartFull.into()));
    for less in 0..i64::try_from(CHANGES_RESERVED).expect("few").min(890) {
        assert_eq!(ask(&mut cart, &|id| set(id, 1, 899 - less)), Ok(Outcome::Applied));
    }
    assert_eq!(pieces(&cart), [10, 1]);
    let checkout = CheckoutId(Uuid::nil());
    cart.fold(3, &[Event::Locked { checkout, agreed: None }, Event::Unlocked { checkout }], at());
    assert!(cart.has_room(Growth::Less), "what checkouts do counts for nothing");
    let gone = |line| move |id| Wish::Remove { id: EventId(Uuid::from_u128(id)), line };
    assert_eq!(ask(&mut cart, &gone(2)), Ok(Outcome::Applied));
    assert_eq!(ask(&mut cart, &gone(1)), Ok(Outcome::Applied));
    assert!(cart.lines.is_empty());
}

proptest! {
    #[test]
    fn the_fold_of_what_was_decided_is_what_was_seen_then_and_repeats_change_nothing(
        batches in prop::collection::vec(prop::collection::vec((0_u128..40, 0_u8..5, 0_u8..3), 1..8), 1..8),
    ) {
        let (mut decided, mut folded) = (empty(), empty());
        for (version, batch) in (2..).zip(&batches) {
            let wishes: Vec<Wish> = batch.iter().map(|(id, number, kind)| wish(*id, *number, *kind)).collect();
            let (events, _) = decided.decide(&wishes, at(), find, unlimited);
            decided.written(version);
            folded.fold(version, &events, at());
            prop_assert_eq!(&decided.lines, &folded.lines);
            prop_assert_eq!(decided.version, folded.version);
            prop_assert!(decided.lines.iter().all(|line| (1..=PIECES_MAX).contains(&line.quantity)));
            let (events, outcomes) = decided.decide(&wishes.into_iter().filter(|wish| folded.seen.contains(&wish.id())).collect::<Vec<_>>(), at(), find, unlimited);
            prop_assert!(events.is_empty() && outcomes.into_iter().all(|outcome| outcome.is_ok_and(|done| done.outcome == Outcome::Repeated)));
        }
    }
}

/// A code of these tests for each kind of line: pieces, weighed, a label's price, marked down, three at once.
fn mixed(code: &str) -> Result<Taken, Declined> {
    let number: u16 = code.parse().map_err(|_| Refusal::CodeUnknown)?;
    let plain = product(u8::try_from(number / 5 % 4).map_err(|_| Refusal::CodeUnknown)?);
    let amount = i64::from(number) * 7 + 1;
    let of = |amount, unit| Quantity::new(amount, unit).ok();
    let kilogram = of(1000, Unit::Gram);
    let taken_one = match number % 5 {
        0 => taken(plain),
        1 => taken(Product { priced_per: kilogram, measure: of(amount, Unit::Gram), ..plain }),
        2 => taken(Product { label_price: Some(Money::new(amount, Currency::EUR)), ..plain }),
        3 => {
            let reduction = Reduction {
                percent: 30,
                full_price: plain.price,
                date: "2026-11-24".parse().expect("a day"),
            };
            let price = Money::new(plain.price.minor() * 7 / 10, Currency::EUR);
            taken(Product { price, reduction: Some(reduction), ..plain })
        }
        _ => Taken { pieces: 3, ..taken(plain) },
    };
    Ok(taken_one)
}

proptest! {
    #[test]
    fn totals_add_up_and_the_log_folds_to_the_same_cart_with_lines_of_every_kind(
        scans in prop::collection::vec((0_u128..200, 0_u16..400, 0_u8..4), 1..60),
    ) {
        let (mut decided, mut folded) = (empty(), empty());
        for (version, (id, number, kind)) in (2..).zip(&scans) {
            let (id, line) = (EventId(Uuid::from_u128(*id)), i64::from(*number % 12));
            let wish = match kind {
                0 => Wish::Remove { id, line },
                1 => Wish::SetQuantity { id, line, quantity: Quantity::pieces(4).expect("four") },
                _ => Wish::Scan { id, code: number.to_string(), quantity: None },
            };
            let (events, _) = decided.decide(&[wish], at(), mixed, |_| Some(40));
            decided.written(version);
            let text = serde_json::to_string(&events).expect("written");
            folded.fold(version, &serde_json::from_str::<Vec<Event>>(&text).expect("read"), at());
        }
        prop_assert_eq!(&decided.lines, &folded.lines);
        let mut sum = 0;
        for line in &decided.lines {
            let product = &line.product;
            let amount = line.amount().expect("fits").minor();
            prop_assert!(amount > 0 || product.measure.is_some_and(|measure| measure.amount() < 5));
            prop_assert!(!product.has_own_line() || line.quantity == 1);
            prop_assert!(decided.pieces_of(&product.sku) <= 40);
            sum += amount;
        }
        let till = crate::cart::Till::plain(chrono::DateTime::UNIX_EPOCH);
        let priced = till.price(&decided).expect("adds up");
        prop_assert_eq!(priced.total.minor(), sum);
        for (line, priced) in decided.lines.iter().zip(&priced.lines) {
            prop_assert_eq!((line.number, line.amount()), (priced.line, Ok(priced.amount)));
        }
        let parts = priced.taxes.iter().map(|tax| tax.net.minor() + tax.tax.minor()).sum::<i64>();
        prop_assert_eq!(parts, sum);
    }
}

#[test]
fn a_log_of_the_first_release_folds_as_it_did() {
    let log = r#"[
        {"type":"checked_in","shopper":"00000000-0000-0000-0000-000000000000","store":"0001","currency":"EUR"},
        {"type":"scanned","id":"00000000-0000-0000-0000-000000000001","product":{"code":"09520000000103","sku":"milk",
         "name":"Milk","price":{"amount":129,"currency":"EUR"},"tax_class":"reduced","rate":"7","weight_grams":1050,
         "deliverable":true,"age_min":null,"revision":1},"quantity":2},
        {"type":"quantity_set","id":"00000000-0000-0000-0000-000000000002","line":1,"quantity":3}
    ]"#;
    let events: Vec<Event> = serde_json::from_str(log).expect("events");
    let cart = Cart::begin(CartId(Uuid::nil()), &events, at()).expect("begun");
    assert_eq!(cart.lines[0].amount(), Ok(Money::new(387, Currency::EUR)));
    assert_eq!((cart.lines[0].quantity, cart.lines[0].origins.as_slice()), (3, &[Origin::default()][..]));
    // What an older release reads is not more than it was, as long as nothing new is in it.
    assert!(!serde_json::to_string(&events).expect("text").contains("origin"));
}

fn wish(id: u128, number: u8, kind: u8) -> Wish {
    let (id, line) = (EventId(Uuid::from_u128(id)), i64::from(number));
    match kind {
        0 => Wish::Scan { id, code: number.to_string(), quantity: None },
        1 => Wish::SetQuantity { id, line, quantity: Quantity::pieces(3).expect("three") },
        _ => Wish::Remove { id, line },
    }
}
