//! Klarna's arithmetic: amounts of lines and orders, to the minor unit.
//!
//! A line's `total_amount` is `quantity * unit_price - total_discount_amount`, and its `total_tax_amount` lies within
//! one of `total_amount - total_amount * 10000 / (10000 + tax_rate)`. An order is the exact sum of its lines, amount and
//! tax both. In the United States tax is a line of its own (`sales_tax`), and no other line has any.

use serde_json::Value;

/// Types of lines that may take something off.
const TAKING_OFF: [&str; 3] = ["discount", "gift_card", "store_credit"];

/// The fields in which an order has to be the cart that was authorized, in the order they are named.
const SAME: [&str; 4] = ["purchase_country", "purchase_currency", "order_amount", "order_tax_amount"];
const SAME_ADDRESSES: [&str; 2] = ["billing_address", "shipping_address"];

/// What is wrong with the amounts of an order, by field.
pub fn mistakes(order: &Value, country: &str) -> Vec<String> {
    let mut found = Vec::new();
    let american = country.eq_ignore_ascii_case("US");
    let (mut amount, mut tax) = (0, 0);
    for (index, line) in lines(order).iter().enumerate() {
        check_line(line, &format!("order_lines[{index}]"), american, &mut found);
        let is_tax = line["type"] == "sales_tax";
        amount += number(line, "total_amount");
        tax += match (american, is_tax) {
            (false, _) => number(line, "total_tax_amount"),
            (true, true) => number(line, "total_amount"),
            (true, false) => 0,
        };
    }
    require(&mut found, "order_amount", number(order, "order_amount"), amount);
    require(&mut found, "order_tax_amount", number(order, "order_tax_amount"), tax);
    found
}

/// For orders by a customer token, whose lines may not be below zero: a discount goes into `total_discount_amount`.
pub fn negative_lines(order: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in lines(order).iter().enumerate() {
        for name in ["unit_price", "total_amount", "total_tax_amount"] {
            if number(line, name) < 0 {
                found.push(format!("order_lines[{index}].{name} may not be negative"));
            }
        }
    }
    found
}

/// For captures, refunds and new amounts: lines may be left out, but what is listed has to be the amount.
pub fn managed_mistakes(body: &Value, amount: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut sum = 0;
    for (index, line) in lines(body).iter().enumerate() {
        check_line(line, &format!("order_lines[{index}]"), false, &mut found);
        sum += number(line, "total_amount");
    }
    if !lines(body).is_empty() {
        require(&mut found, amount, number(body, amount), sum);
    }
    found
}

/// The fields in which an order differs from what the shopper authorized; empty when it is the same cart.
pub fn differences(order: &Value, authorized: &Value) -> Vec<String> {
    let mut found: Vec<String> = SAME
        .iter()
        .filter(|name| {
            let (one, other) = (&order[**name], &authorized[**name]);
            let same_text = one.as_str().zip(other.as_str()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
            one != other && !same_text && !(number(order, name) == 0 && number(authorized, name) == 0)
        })
        .map(|name| (*name).to_owned())
        .collect();
    let (ours, theirs) = (lines(order), lines(authorized));
    if ours.len() != theirs.len() {
        let text = "Incorrect number of items in the cart. Expected";
        found.push(format!("{text}: {}, Actual: {}", theirs.len(), ours.len()));
    }
    for (index, (one, other)) in ours.iter().zip(theirs).enumerate() {
        let names =
            ["name", "quantity", "unit_price", "total_amount", "total_discount_amount", "total_tax_amount"];
        let differs =
            |name: &&str| one[*name] != other[*name] && !(one[*name].is_null() || other[*name].is_null());
        found.extend(names.into_iter().filter(differs).map(|name| format!("order_lines[{index}].{name}")));
    }
    for address in SAME_ADDRESSES {
        for (name, value) in order[address].as_object().into_iter().flatten() {
            if authorized[address].get(name).is_some_and(|other| other != value) {
                found.push(format!("{address}.{name}"));
            }
        }
    }
    found
}

pub fn lines(body: &Value) -> &[Value] {
    body["order_lines"].as_array().map_or(&[], Vec::as_slice)
}

/// A whole number; none counts as zero.
pub fn number(body: &Value, name: &str) -> i128 {
    i128::from(body[name].as_i64().unwrap_or(0))
}

fn check_line(line: &Value, path: &str, american: bool, found: &mut Vec<String>) {
    let total = number(line, "total_amount");
    let expected =
        number(line, "quantity") * number(line, "unit_price") - number(line, "total_discount_amount");
    require(found, &format!("{path}.total_amount"), total, expected);
    let takes_off = line["type"].as_str().is_some_and(|kind| TAKING_OFF.contains(&kind));
    if number(line, "unit_price") < 0 && !takes_off {
        found.push(format!(
            "{path}.unit_price may be negative in discounts, gift cards and store credit alone"
        ));
    }
    let (rate, tax) = (number(line, "tax_rate"), number(line, "total_tax_amount"));
    if american {
        if rate != 0 || tax != 0 {
            found.push(format!(
                "{path}.total_tax_amount has to be a line of type sales_tax in the United States"
            ));
        }
        return;
    }
    // |tax - total * rate / (10000 + rate)| <= 1, without a division.
    let whole = 10_000 + rate;
    if (tax * whole - total * rate).abs() > whole {
        found.push(format!("{path}.total_tax_amount has to be within 1 of {total} * {rate} / {whole}"));
    }
}

fn require(found: &mut Vec<String>, path: &str, stated: i128, expected: i128) {
    if stated != expected {
        found.push(format!("{path} has to be {expected}, not {stated}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(total: i64, rate: i64, tax: i64) -> Value {
        json!({"name": "a", "quantity": 1, "unit_price": total, "total_amount": total, "tax_rate": rate,
            "total_tax_amount": tax})
    }

    fn order(lines: &[Value]) -> Value {
        let sum = |name: &str| lines.iter().map(|line| line[name].as_i64().unwrap_or(0)).sum::<i64>();
        json!({"order_amount": sum("total_amount"), "order_tax_amount": sum("total_tax_amount"), "order_lines": lines})
    }

    #[test]
    fn taxes_pass_within_one_of_the_exact_value() {
        for (total, rate, tax) in [(1000, 700, 65), (999, 1900, 160), (4000, 2000, 667), (50_000, 1000, 4545)]
        {
            assert_eq!(mistakes(&order(&[line(total, rate, tax)]), "DE"), [""; 0], "{total} at {rate}");
            assert_eq!(mistakes(&order(&[line(total, rate, tax - 2)]), "DE").len(), 1, "{total} at {rate}");
            assert_eq!(mistakes(&order(&[line(total, rate, tax + 2)]), "DE").len(), 1, "{total} at {rate}");
        }
    }

    #[test]
    fn an_order_is_the_exact_sum_of_its_lines() {
        let good = order(&[line(1000, 700, 65), line(999, 1900, 160)]);
        for (field, by) in [("order_amount", 1), ("order_tax_amount", -1)] {
            let mut wrong = good.clone();
            wrong[field] = json!(wrong[field].as_i64().unwrap() + by);
            assert!(mistakes(&wrong, "DE")[0].starts_with(field));
        }
    }

    #[test]
    fn a_line_is_its_quantity_times_its_price_without_its_discount() {
        let mut one = line(0, 0, 0);
        one["quantity"] = json!(3);
        one["unit_price"] = json!(100);
        one["total_discount_amount"] = json!(50);
        one["total_amount"] = json!(250);
        assert_eq!(mistakes(&order(&[one.clone()]), "DE"), [""; 0]);
        one["total_amount"] = json!(300);
        assert_eq!(mistakes(&order(&[one]), "DE"), ["order_lines[0].total_amount has to be 250, not 300"]);
    }

    #[test]
    fn american_tax_is_a_line_of_its_own() {
        let mut tax = line(80, 0, 0);
        tax["type"] = json!("sales_tax");
        let mut good = order(&[line(1000, 0, 0), tax]);
        good["order_tax_amount"] = json!(80);
        assert_eq!(mistakes(&good, "US"), [""; 0]);
        assert_eq!(mistakes(&order(&[line(1000, 700, 65)]), "US").len(), 2);
    }

    #[test]
    fn another_cart_than_the_authorized_one_is_told_by_its_fields() {
        let authorized = order(&[line(1000, 700, 65), line(999, 1900, 160)]);
        assert_eq!(differences(&authorized, &authorized), [""; 0]);
        let other = order(&[line(1000, 700, 65)]);
        let found = differences(&other, &authorized);
        assert_eq!(found[2], "Incorrect number of items in the cart. Expected: 2, Actual: 1");
    }
}
