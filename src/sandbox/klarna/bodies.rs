//! The bodies of all requests, field by field, as the five specifications give them.

use crate::sandbox::fields::{Field, Kind, field, object, read_only, shape, text, whole, words};

/// Where a specification names no limit.
const ANY: usize = 10_000;
const AMOUNT_MAX: i64 = 200_000_000;
const TOKEN_AMOUNT_MAX: i64 = 100_000_000;
const LINES_MAX: usize = 1_000;

const COUNTRY: Kind = Kind::Shape(|text| text.len() == 2 && letters(text));
const CURRENCY: Kind = Kind::Shape(|text| text.len() == 3 && letters(text));
const COLOUR: Kind = Kind::Shape(|text| {
    text.len() == 7 && text.starts_with('#') && text[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
});
const LINE_TYPES: &[&str] = &[
    "physical",
    "discount",
    "shipping_fee",
    "sales_tax",
    "digital",
    "gift_card",
    "store_credit",
    "surcharge",
];
const MANAGED_LINE_TYPES: &[&str] = &[
    "physical",
    "discount",
    "shipping_fee",
    "sales_tax",
    "digital",
    "gift_card",
    "store_credit",
    "surcharge",
    "return_fee",
];

fn letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// `^[A-Za-z]{2,2}(?:-[A-Za-z]{2,2})*$`.
fn locale(text: &str) -> bool {
    text.split('-').all(|part| part.len() == 2 && letters(part))
}

/// An absolute address of at most 2000 characters; placeholders in braces may stand in it.
fn address_of_the_merchant(text: &str) -> bool {
    text.chars().count() <= 2_000 && url::Url::parse(text).is_ok()
}

fn date(text: &str) -> bool {
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

const SUBSCRIPTION: &[Field] = &[
    field("name", Kind::Text(1, 255)).required(),
    words("interval", &["DAY", "WEEK", "MONTH", "YEAR"]).required(),
    whole("interval_count", 1, i64::MAX).required(),
];

const IDENTIFIERS: &[Field] = &[
    text("brand", 70),
    text("category_path", 750),
    text("global_trade_item_number", 50),
    text("manufacturer_part_number", 70),
    text("color", 64),
    text("size", 64),
];

/// The limits in which the three specifications' order lines differ.
struct LineLimits {
    name_min: usize,
    reference_max: usize,
    merchant_data_max: usize,
    unit: Kind,
    tax_rate_max: i64,
    amount_max: i64,
    discount_max: i64,
    types: &'static [&'static str],
}

const fn line(limits: &LineLimits) -> [Field; 14] {
    let max = limits.amount_max;
    [
        text("image_url", 1024),
        text("merchant_data", limits.merchant_data_max),
        field("name", Kind::Text(limits.name_min, 255)).required(),
        object("product_identifiers", IDENTIFIERS),
        text("product_url", 1024),
        whole("quantity", 0, i64::MAX).required(),
        field("quantity_unit", limits.unit),
        text("reference", limits.reference_max),
        whole("tax_rate", 0, limits.tax_rate_max),
        whole("total_amount", -max, max).required(),
        whole("total_discount_amount", 0, limits.discount_max),
        whole("total_tax_amount", -max, max),
        words("type", limits.types),
        whole("unit_price", -max, max).required(),
    ]
}

/// Order lines may also say of which subscription they are.
const fn with_subscription(fields: &[Field; 14]) -> [Field; 15] {
    let mut all = [object("subscription", SUBSCRIPTION); 15];
    let mut index = 0;
    while index < fields.len() {
        all[index] = fields[index];
        index += 1;
    }
    all
}

const PAYMENTS_LINE: [Field; 15] = with_subscription(&line(&LineLimits {
    name_min: 1,
    reference_max: 255,
    merchant_data_max: 1024,
    unit: Kind::Text(1, 8),
    tax_rate_max: 10_000,
    amount_max: AMOUNT_MAX,
    discount_max: i64::MAX,
    types: LINE_TYPES,
}));
const TOKEN_LINE: [Field; 15] = with_subscription(&line(&LineLimits {
    name_min: 1,
    reference_max: 256,
    merchant_data_max: 255,
    unit: Kind::Text(1, 8),
    tax_rate_max: 10_000,
    amount_max: TOKEN_AMOUNT_MAX,
    discount_max: i64::MAX,
    types: LINE_TYPES,
}));
const MANAGED_LINE: [Field; 15] = with_subscription(&line(&LineLimits {
    name_min: 0,
    reference_max: 255,
    merchant_data_max: 1024,
    unit: Kind::Text(0, 10),
    tax_rate_max: 2_147_483_647,
    amount_max: AMOUNT_MAX,
    discount_max: AMOUNT_MAX,
    types: MANAGED_LINE_TYPES,
}));

const EACH_PAYMENTS_LINE: Kind = Kind::Object(&PAYMENTS_LINE);
const EACH_TOKEN_LINE: Kind = Kind::Object(&TOKEN_LINE);
const EACH_MANAGED_LINE: Kind = Kind::Object(&MANAGED_LINE);
const PAYMENTS_LINES: Field = field("order_lines", Kind::List(1, LINES_MAX, &EACH_PAYMENTS_LINE));
const TOKEN_LINES: Field = field("order_lines", Kind::List(1, LINES_MAX, &EACH_TOKEN_LINE));
const MANAGED_LINES: Field = field("order_lines", Kind::List(0, LINES_MAX, &EACH_MANAGED_LINE));

const fn address(phone_min: usize) -> [Field; 13] {
    [
        text("attention", 99),
        text("city", 99),
        field("country", COUNTRY),
        text("email", 99),
        text("family_name", 99),
        text("given_name", 99),
        text("organization_name", 99),
        field("phone", Kind::Text(phone_min, 99)),
        text("postal_code", 10),
        text("region", 99),
        text("street_address", 99),
        text("street_address2", 99),
        text("title", 20),
    ]
}

const ADDRESS: [Field; 13] = address(0);
const TOKEN_ADDRESS: [Field; 13] = address(5);
const MANAGED_ADDRESS: &[Field] = &[
    text("attention", 255),
    text("city", 200),
    text("country", ANY),
    text("email", 100),
    text("family_name", 100),
    text("given_name", 100),
    text("organization_name", 255),
    text("phone", 100),
    text("postal_code", 10),
    text("region", 200),
    text("street_address", 100),
    text("street_address2", 100),
    text("title", 20),
];

const CUSTOMER: &[Field] = &[
    shape("date_of_birth", date),
    text("gender", ANY),
    shape("last_four_ssn", |text| {
        matches!(text.len(), 4 | 9) && text.bytes().all(|byte| byte.is_ascii_digit())
    }),
    text("national_identification_number", ANY),
    words(
        "organization_entity_type",
        &[
            "LIMITED_COMPANY",
            "PUBLIC_LIMITED_COMPANY",
            "ENTREPRENEURIAL_COMPANY",
            "LIMITED_PARTNERSHIP_LIMITED_COMPANY",
            "LIMITED_PARTNERSHIP",
            "GENERAL_PARTNERSHIP",
            "REGISTERED_SOLE_TRADER",
            "SOLE_TRADER",
            "CIVIL_LAW_PARTNERSHIP",
            "PUBLIC_INSTITUTION",
            "OTHER",
        ],
    ),
    text("organization_registration_id", ANY),
    text("title", ANY),
    words("type", &["person", "organization"]),
    text("vat_id", ANY),
];

const ATTACHMENT: &[Field] = &[text("body", ANY).required(), text("content_type", ANY).required()];

const MERCHANT_URLS: &[Field] = &[
    shape("confirmation", address_of_the_merchant),
    shape("notification", address_of_the_merchant),
    shape("push", address_of_the_merchant),
    shape("authorization", address_of_the_merchant),
];

const TOKEN_URLS: &[Field] =
    &[shape("confirmation", address_of_the_merchant).required(), shape("push", address_of_the_merchant)];

const WIDGET: &[Field] = &[
    field("color_border", COLOUR),
    field("color_border_selected", COLOUR),
    field("color_details", COLOUR),
    field("color_text", COLOUR),
    text("radius_border", ANY),
];

const EACH_TEXT: Kind = Kind::Text(0, ANY);

const fn must(field: Field, required: bool) -> Field {
    if required { field.required() } else { field }
}

const fn session(required: bool) -> [Field; 25] {
    [
        words("acquiring_channel", &["ECOMMERCE", "IN_STORE", "TELESALES"]),
        object("attachment", ATTACHMENT),
        read_only("authorization_token"),
        object("billing_address", &ADDRESS),
        read_only("client_token"),
        field("custom_payment_method_ids", Kind::List(0, ANY, &EACH_TEXT)),
        object("customer", CUSTOMER),
        text("design", ANY),
        read_only("expires_at"),
        shape("locale", locale),
        text("merchant_data", 6000),
        text("merchant_reference1", 255),
        text("merchant_reference2", 255),
        object("merchant_urls", MERCHANT_URLS),
        object("options", WIDGET),
        must(whole("order_amount", 0, i64::MAX), required),
        must(PAYMENTS_LINES, required),
        whole("order_tax_amount", 0, i64::MAX),
        read_only("payment_method_categories"),
        must(field("purchase_country", COUNTRY), required),
        must(field("purchase_currency", CURRENCY), required),
        object("shipping_address", &ADDRESS),
        read_only("status"),
        words("intent", &["buy", "tokenize", "buy_and_tokenize"]),
        // Documented for step-up, in no file: the id that a refused charge of a token came with.
        text("step_up_id", 255),
    ]
}

pub const SESSION_CREATE: [Field; 25] = session(true);
pub const SESSION_UPDATE: [Field; 25] = session(false);

pub const AUTHORIZED_ORDER: &[Field] = &[
    read_only("authorization_token"),
    field("auto_capture", Kind::Flag),
    object("billing_address", &ADDRESS),
    field("custom_payment_method_ids", Kind::List(0, ANY, &EACH_TEXT)),
    object("customer", CUSTOMER),
    shape("locale", locale),
    text("merchant_data", 6000),
    text("merchant_reference1", 255),
    text("merchant_reference2", 255),
    object("merchant_urls", MERCHANT_URLS),
    whole("order_amount", 0, i64::MAX).required(),
    PAYMENTS_LINES.required(),
    whole("order_tax_amount", 0, i64::MAX),
    read_only("payment_method_categories"),
    field("purchase_country", COUNTRY).required(),
    field("purchase_currency", CURRENCY).required(),
    object("shipping_address", &ADDRESS),
    read_only("status"),
];

pub const CUSTOMER_TOKEN: &[Field] = &[
    object("billing_address", &ADDRESS),
    object("customer", CUSTOMER),
    field("description", Kind::Text(1, 255)).required(),
    words("intended_use", &["SUBSCRIPTION"]).required(),
    shape("locale", locale).required(),
    field("purchase_country", COUNTRY).required(),
    field("purchase_currency", CURRENCY).required(),
];

pub const TOKEN_ORDER: &[Field] = &[
    object("attachment", ATTACHMENT),
    field("auto_capture", Kind::Flag),
    text("merchant_data", 6000),
    text("merchant_reference1", 255),
    text("merchant_reference2", 255),
    object("merchant_urls", TOKEN_URLS),
    whole("order_amount", 1, i64::MAX).required(),
    TOKEN_LINES.required(),
    whole("order_tax_amount", 0, i64::MAX).required(),
    field("purchase_currency", CURRENCY).required(),
    object("shipping_address", &TOKEN_ADDRESS),
    read_only("usage"),
    // Documented, but younger than the file.
    words("step_up", &["SUPPORTED", "NOT_SUPPORTED"]),
];

pub const TOKEN_STATUS: &[Field] = &[words("status", &["CANCELLED"]).required()];

const CATEGORIES: &[&str] =
    &["DIRECT_DEBIT", "DIRECT_BANK_TRANSFER", "PAY_NOW", "PAY_LATER", "PAY_OVER_TIME", "KLARNA"];
const EACH_CATEGORY: Kind = Kind::Word(CATEGORIES);
const IMAGE: &[Field] = &[text("url", ANY), whole("width", 0, i64::MAX)];
const EACH_IMAGE: Kind = Kind::Object(IMAGE);

const HOSTED_URLS: &[Field] = &[
    shape("back", address_of_the_merchant),
    shape("cancel", address_of_the_merchant),
    shape("error", address_of_the_merchant),
    shape("failure", address_of_the_merchant),
    shape("status_update", address_of_the_merchant),
    shape("success", address_of_the_merchant),
];

const HOSTED_OPTIONS: &[Field] = &[
    field("background_images", Kind::List(0, ANY, &EACH_IMAGE)),
    text("logo_url", ANY),
    text("page_title", ANY),
    field("payment_method_categories", Kind::List(0, ANY, &EACH_CATEGORY)),
    words("payment_method_category", CATEGORIES),
    words("place_order_mode", &["PLACE_ORDER", "CAPTURE_ORDER", "NONE"]),
    words("purchase_type", &["BUY", "RENT", "BOOK", "SUBSCRIBE", "DOWNLOAD", "ORDER", "CONTINUE"]),
    words("show_subtotal_detail", &["HIDE"]),
];

pub const HOSTED_SESSION: &[Field] = &[
    object("merchant_urls", HOSTED_URLS),
    object("options", HOSTED_OPTIONS),
    text("payment_session_url", ANY).required(),
    text("profile_id", ANY),
];

const CONTACT: &[Field] = &[
    words("access_id", &["klarna:09f4a78d-d096-47d4-a0f6-abcf680c70fe", "467521087419", "278352"]),
    text("email", ANY),
    text("phone", ANY),
    text("phone_country", ANY),
];

pub const DISTRIBUTION: &[Field] = &[
    object("contact_information", CONTACT).required(),
    words("method", &["sms", "email", "token"]).required(),
    words("template", &["INSTORE_PURCHASE"]),
];

const SHIPPING_METHODS: &[&str] = &[
    "PickUpStore",
    "Home",
    "BoxReg",
    "BoxUnreg",
    "PickUpPoint",
    "Own",
    "Postal",
    "DHLPackstation",
    "Digital",
    "Undefined",
    "PickUpWarehouse",
    "ClickCollect",
    "PalletDelivery",
];
const SHIPPING: &[Field] = &[
    text("return_shipping_company", 100),
    text("return_tracking_number", 100),
    text("return_tracking_uri", 1024),
    text("shipping_company", 100),
    words("shipping_method", SHIPPING_METHODS),
    text("tracking_number", 100),
    text("tracking_uri", 1024),
];
const EACH_SHIPPING: Kind = Kind::Object(SHIPPING);

pub const CAPTURE: &[Field] = &[
    // A capture of nothing is none: the answer's schema begins at one.
    whole("captured_amount", 1, AMOUNT_MAX).required(),
    text("description", 255),
    MANAGED_LINES,
    text("reference", 255),
    // Anything but zero has to be enabled for the merchant's account.
    whole("shipping_delay", 0, 0),
    field("shipping_info", Kind::List(0, 500, &EACH_SHIPPING)),
];

pub const REFUND: &[Field] = &[
    whole("refunded_amount", 1, AMOUNT_MAX).required(),
    text("description", 255),
    MANAGED_LINES,
    text("reference", 255),
];

pub const AUTHORIZATION: &[Field] =
    &[text("description", 255), whole("order_amount", 0, AMOUNT_MAX).required(), MANAGED_LINES];

pub const REFERENCES: &[Field] = &[text("merchant_reference1", 255), text("merchant_reference2", 255)];

pub const CUSTOMER_DETAILS: &[Field] = &[object("shipping_address", MANAGED_ADDRESS)];

pub const SHIPPING_INFO: &[Field] = &[field("shipping_info", Kind::List(1, 500, &EACH_SHIPPING)).required()];

pub const DUE_DATE: &[Field] = &[whole("number_of_days", 1, 2_147_483_647).required()];
