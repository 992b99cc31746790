//! Reads the body of an order: fields within their limits, and amounts that add up.

use serde_json::Value;

use super::amounts::Amount;
use super::books::{Intent, Saving, Unit};
use super::checks::Checks;
use super::vault;

/// Most purchase units in one order.
const UNITS_MAX: usize = 10;
/// Longest `invoice_id`, `custom_id`, `description` and names of items.
const TEXT_CHARACTERS_MAX: usize = 127;
const BREAKDOWN: [&str; 7] =
    ["item_total", "shipping", "handling", "tax_total", "insurance", "shipping_discount", "discount"];

/// What a request says of the payer's wallet.
#[derive(Debug, Clone, Default)]
pub struct Wallet {
    pub vault_id: Option<String>,
    pub return_url: Option<String>,
    pub cancel_url: Option<String>,
    /// The wish to save the wallet with this purchase.
    pub saving: Option<Saving>,
}

/// Intent and purchase units. What is returned counts only when no mistake was found.
pub fn read(checks: &mut Checks, body: &Value) -> (Intent, Vec<Unit>) {
    checks.require(body, "", "intent");
    let intent = match checks.word(body, "", "intent", &["CAPTURE", "AUTHORIZE"]) {
        Some("AUTHORIZE") => Intent::Authorize,
        _ => Intent::Capture,
    };
    checks.require(body, "", "purchase_units");
    let units = body["purchase_units"].as_array().map_or(&[][..], Vec::as_slice);
    if body["purchase_units"].is_array() && units.is_empty() {
        checks.malformed("INVALID_ARRAY_MIN_ITEMS", "/purchase_units", None);
    }
    if units.len() > UNITS_MAX {
        checks.malformed("INVALID_ARRAY_MAX_ITEMS", "/purchase_units", None);
    }
    if units.len() > 1 && intent == Intent::Authorize {
        checks.unprocessable("UNSUPPORTED_INTENT", "/intent", body.get("intent"));
    }
    let read: Vec<Unit> =
        units.iter().enumerate().filter_map(|(index, unit)| read_unit(checks, index, unit)).collect();
    check_references(checks, units, &read);
    (intent, read)
}

/// The `paypal` payment source, when there is one. Other sources are refused: this sandbox knows PayPal accounts alone.
pub fn wallet(checks: &mut Checks, body: &Value, units: usize) -> Option<Wallet> {
    let source = body.get("payment_source")?;
    for name in source.as_object().into_iter().flatten().map(|(name, _)| name) {
        if name != "paypal" {
            checks.malformed("INVALID_PARAMETER_VALUE", &format!("/payment_source/{name}"), None);
        }
    }
    let paypal = source.get("paypal")?;
    let at = "/payment_source/paypal";
    checks.pattern(paypal, at, "vault_id", 1..=255, |character| {
        character.is_ascii_alphanumeric() || character == '_' || character == '-'
    });
    checks.text(paypal, at, "email_address", 3..=254);
    let credential = &paypal["stored_credential"];
    let at_credential = format!("{at}/stored_credential");
    let initiator = checks.word(credential, &at_credential, "payment_initiator", &["CUSTOMER", "MERCHANT"]);
    checks.word(credential, &at_credential, "usage", &["FIRST", "SUBSEQUENT", "DERIVED"]);
    if initiator == Some("MERCHANT") && units > 1 {
        checks.unprocessable("MERCHANT_INITIATED_WITH_MULTIPLE_PURCHASE_UNITS", "/purchase_units", None);
    }
    let at_context = format!("{at}/experience_context");
    let context = &paypal["experience_context"];
    checks.text(context, &at_context, "brand_name", 1..=TEXT_CHARACTERS_MAX);
    checks.word(context, &at_context, "user_action", &["CONTINUE", "PAY_NOW"]);
    checks.word(context, &at_context, "landing_page", &["LOGIN", "GUEST_CHECKOUT", "NO_PREFERENCE"]);
    let preferences = ["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"];
    checks.word(context, &at_context, "shipping_preference", &preferences);
    let preferences = ["UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"];
    checks.word(context, &at_context, "payment_method_preference", &preferences);
    let vault_id = paypal["vault_id"].as_str().map(str::to_owned);
    let saving = read_saving(checks, &paypal["attributes"], &format!("{at}/attributes"));
    if saving.is_some() && vault_id.is_none() {
        // The payer has to approve it on PayPal's page.
        checks.require(context, &at_context, "return_url");
        checks.require(context, &at_context, "cancel_url");
    }
    Some(Wallet {
        vault_id,
        return_url: checks.web_address(context, &at_context, "return_url"),
        cancel_url: checks.web_address(context, &at_context, "cancel_url"),
        saving,
    })
}

fn read_saving(checks: &mut Checks, attributes: &Value, at: &str) -> Option<Saving> {
    let instruction = attributes.get("vault")?;
    let at_vault = format!("{at}/vault");
    checks.require(instruction, &at_vault, "usage_type");
    if checks.word(instruction, &at_vault, "store_in_vault", &["ON_SUCCESS"]).is_none()
        && instruction.get("store_in_vault").is_none()
    {
        checks.unprocessable("VAULT_INSTRUCTION_REQUIRED", &format!("{at_vault}/store_in_vault"), None);
    }
    vault::check_instruction(checks, instruction, &at_vault);
    let customer = vault::check_customer(checks, attributes, at);
    Some(Saving { customer, instruction: instruction.clone(), token: None })
}

fn read_unit(checks: &mut Checks, index: usize, unit: &Value) -> Option<Unit> {
    let at = format!("/purchase_units/{index}");
    checks.text(unit, &at, "reference_id", 1..=256);
    checks.text(unit, &at, "description", 1..=TEXT_CHARACTERS_MAX);
    checks.text(unit, &at, "soft_descriptor", 1..=22);
    let custom_id = checks.text(unit, &at, "custom_id", 1..=TEXT_CHARACTERS_MAX).map(str::to_owned);
    let invoice_id = checks.text(unit, &at, "invoice_id", 1..=TEXT_CHARACTERS_MAX).map(str::to_owned);
    check_shipping(checks, &unit["shipping"], &format!("{at}/shipping"));
    checks.require(unit, &at, "amount");
    let amount = checks.money(unit, &at, "amount", 1)?;
    check_breakdown(checks, unit, &at, &amount);
    check_items(checks, unit, &at, &amount);
    Some(Unit { amount, invoice_id, custom_id, request: unit.clone() })
}

fn check_shipping(checks: &mut Checks, shipping: &Value, at: &str) {
    let types = ["SHIPPING", "PICKUP_IN_PERSON", "PICKUP_IN_STORE", "PICKUP_FROM_PERSON"];
    checks.word(shipping, at, "type", &types);
    checks.text(&shipping["name"], &format!("{at}/name"), "full_name", 0..=300);
    let Some(address) = shipping.get("address") else {
        return;
    };
    let at = format!("{at}/address");
    checks.require(address, &at, "country_code");
    let lengths =
        [("address_line_1", 300), ("address_line_2", 300), ("admin_area_2", 120), ("postal_code", 60)];
    for (name, length) in lengths {
        checks.text(address, &at, name, 0..=length);
    }
    let code = checks.text(address, &at, "country_code", 2..=2);
    if code.is_some_and(|code| !code.bytes().all(|byte| byte.is_ascii_uppercase())) {
        checks.malformed("INVALID_COUNTRY_CODE", &format!("{at}/country_code"), address.get("country_code"));
    }
}

/// amount = `item_total` + `tax_total` + shipping + handling + insurance - `shipping_discount` - discount.
fn check_breakdown(checks: &mut Checks, unit: &Value, at: &str, amount: &Amount) {
    let Some(breakdown) = unit["amount"].get("breakdown") else {
        return;
    };
    let at_breakdown = format!("{at}/amount/breakdown");
    let mut sum = 0_i64;
    for name in BREAKDOWN {
        let Some(part) = checks.money(breakdown, &at_breakdown, name, 0) else {
            continue;
        };
        if part.currency_code != amount.currency_code {
            checks.unprocessable("MULTI_CURRENCY_ORDER", &format!("{at_breakdown}/{name}"), None);
        }
        sum = if name.ends_with("discount") {
            sum.saturating_sub(part.minor)
        } else {
            sum.saturating_add(part.minor)
        };
    }
    if sum != amount.minor {
        checks.unprocessable("AMOUNT_MISMATCH", &format!("{at}/amount/value"), unit["amount"].get("value"));
    }
}

fn check_items(checks: &mut Checks, unit: &Value, at: &str, amount: &Amount) {
    let Some(items) = unit["items"].as_array() else {
        return;
    };
    let mut totals = Totals::default();
    for (index, item) in items.iter().enumerate() {
        check_item(checks, item, &format!("{at}/items/{index}"), amount, &mut totals);
    }
    let breakdown = &unit["amount"]["breakdown"];
    let at = format!("{at}/amount/breakdown");
    let required = [
        ("item_total", Some(totals.price), "ITEM_TOTAL_MISMATCH", "ITEM_TOTAL_REQUIRED"),
        ("tax_total", totals.tax, "TAX_TOTAL_MISMATCH", "TAX_TOTAL_REQUIRED"),
    ];
    for (name, sum, mismatch, missing) in required {
        let stated = breakdown
            .get(name)
            .and_then(|money| Amount::parse(money["currency_code"].as_str()?, money["value"].as_str()?).ok());
        match (stated, sum) {
            (Some(stated), sum) if stated.minor != sum.unwrap_or(0) => {
                checks.unprocessable(mismatch, &format!("{at}/{name}/value"), breakdown[name].get("value"));
            }
            (None, Some(_)) => checks.unprocessable(missing, &format!("{at}/{name}"), None),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Totals {
    price: i64,
    /// Stays away as long as no item has a tax.
    tax: Option<i64>,
}

fn check_item(checks: &mut Checks, item: &Value, at: &str, amount: &Amount, totals: &mut Totals) {
    for name in ["name", "unit_amount", "quantity"] {
        checks.require(item, at, name);
    }
    checks.text(item, at, "name", 1..=TEXT_CHARACTERS_MAX);
    checks.text(item, at, "description", 0..=TEXT_CHARACTERS_MAX);
    checks.text(item, at, "sku", 0..=TEXT_CHARACTERS_MAX);
    checks.word(item, at, "category", &["DIGITAL_GOODS", "PHYSICAL_GOODS", "DONATION"]);
    let quantity = checks.text(item, at, "quantity", 1..=10).and_then(whole_quantity);
    if quantity.is_none() && item["quantity"].is_string() {
        checks.malformed("INVALID_PARAMETER_SYNTAX", &format!("{at}/quantity"), item.get("quantity"));
    }
    let quantity = quantity.unwrap_or(0);
    let price = checks.money(item, at, "unit_amount", 0);
    let tax = checks.money(item, at, "tax", 0);
    for (name, part) in [("unit_amount", &price), ("tax", &tax)] {
        if part.as_ref().is_some_and(|part| part.currency_code != amount.currency_code) {
            checks.unprocessable("MULTI_CURRENCY_ORDER", &format!("{at}/{name}/currency_code"), None);
        }
    }
    if let Some(price) = price {
        totals.price = totals.price.saturating_add(price.minor.saturating_mul(quantity));
    }
    if let Some(tax) = tax {
        let sum = totals.tax.unwrap_or(0);
        totals.tax = Some(sum.saturating_add(tax.minor.saturating_mul(quantity)));
    }
}

/// `^[1-9][0-9]{0,9}$`: whole numbers only.
fn whole_quantity(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

fn check_references(checks: &mut Checks, units: &[Value], read: &[Unit]) {
    if let Some(first) = read.first()
        && read.iter().any(|unit| unit.amount.currency_code != first.amount.currency_code)
    {
        checks.unprocessable("MULTI_CURRENCY_ORDER", "/purchase_units", None);
    }
    if units.len() < 2 {
        return;
    }
    let mut seen = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let at = format!("/purchase_units/{index}/reference_id");
        match unit["reference_id"].as_str() {
            None => checks.unprocessable("REFERENCE_ID_REQUIRED", &at, None),
            Some(reference) if seen.contains(&reference) => {
                checks.unprocessable("DUPLICATE_REFERENCE_ID", &at, unit.get("reference_id"));
            }
            Some(reference) => seen.push(reference),
        }
    }
}
