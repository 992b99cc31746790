//! The fields of shipments and of their labels, as UPS's files have them. What a grocer never sends (customs forms,
//! hazardous goods, trade direct, freight) is taken as it is; everything else is held to its name, its length and its
//! place. The other services' fields are in `service_bodies.rs`.

use crate::sandbox::fields::{Field, Kind, anything, field, filled, object, shape, text, words};

pub(super) const fn list(name: &'static str, min: usize, max: usize, each: &'static Kind) -> Field {
    field(name, Kind::List(min, max, each))
}

/// Present or not; what it holds doesn't matter.
pub(super) const fn indicator(name: &'static str) -> Field {
    text(name, 35)
}

pub(super) const LINE: Kind = Kind::Text(1, 35);
pub(super) const TRANSACTION: &[Field] = &[filled("CustomerContext", 512)];
pub(super) const CODE_2: &[Field] = &[filled("Code", 2).required(), filled("Description", 50)];
const PHONE: &[Field] = &[filled("Number", 15).required(), filled("Extension", 4)];
pub(super) const MONEY: &[Field] =
    &[filled("CurrencyCode", 3).required(), filled("MonetaryValue", 19).required()];

/// Digits with at most one point.
pub(super) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction) && text.len() <= 9
}

fn is_side(text: &str) -> bool {
    text.len() <= 3 && is_decimal(text)
}

fn is_weight(text: &str) -> bool {
    text.len() <= 5 && is_decimal(text)
}

pub(super) fn is_date(text: &str) -> bool {
    text.len() == 8 && chrono::NaiveDate::parse_from_str(text, "%Y%m%d").is_ok()
}

const WEIGHT_UNIT: &[Field] = &[words("Code", &["LBS", "KGS", "OZS"]).required(), filled("Description", 35)];
const SIDE_UNIT: &[Field] = &[words("Code", &["IN", "CM"]).required(), filled("Description", 35)];
const SIDES: &[Field] = &[
    object("UnitOfMeasurement", SIDE_UNIT).required(),
    shape("Length", is_side).required(),
    shape("Width", is_side).required(),
    shape("Height", is_side).required(),
];
const WEIGHT: &[Field] =
    &[object("UnitOfMeasurement", WEIGHT_UNIT).required(), shape("Weight", is_weight).required()];

const ADDRESS: &[Field] = &[
    list("AddressLine", 1, 3, &LINE).required(),
    filled("City", 30).required(),
    filled("StateProvinceCode", 5),
    filled("PostalCode", 9),
    filled("CountryCode", 2).required(),
    indicator("ResidentialAddressIndicator"),
    indicator("POBoxIndicator"),
];
const PARTY: &[Field] = &[
    filled("Name", 35).required(),
    filled("AttentionName", 35),
    filled("CompanyDisplayableName", 35),
    filled("TaxIdentificationNumber", 15),
    object("Phone", PHONE),
    filled("FaxNumber", 15),
    filled("EMailAddress", 50),
    object("Address", ADDRESS).required(),
    filled("LocationID", 10),
];
const SHIPPER: &[Field] = &[
    filled("Name", 35).required(),
    filled("AttentionName", 35),
    filled("CompanyDisplayableName", 35),
    filled("TaxIdentificationNumber", 15),
    object("Phone", PHONE),
    field("ShipperNumber", Kind::Text(6, 6)).required(),
    filled("FaxNumber", 14),
    filled("EMailAddress", 50),
    object("Address", ADDRESS).required(),
];
const ALTERNATE_ADDRESS: &[Field] = &[
    filled("Name", 35).required(),
    filled("AttentionName", 35).required(),
    field("UPSAccessPointID", Kind::Text(9, 9)),
    object("Address", ADDRESS).required(),
];

const BILL_SHIPPER: &[Field] =
    &[field("AccountNumber", Kind::Text(6, 6)), anything("CreditCard"), filled("AlternatePaymentMethod", 2)];
const CHARGE: Kind = Kind::Object(&[
    words("Type", &["01", "02", "03"]).required(),
    object("BillShipper", BILL_SHIPPER),
    anything("BillReceiver"),
    anything("BillThirdParty"),
    indicator("ConsigneeBilledIndicator"),
]);
const PAYMENT: &[Field] =
    &[list("ShipmentCharge", 1, 3, &CHARGE).required(), indicator("SplitDutyVATIndicator")];

const REFERENCE: Kind =
    Kind::Object(&[indicator("BarCodeIndicator"), filled("Code", 2), filled("Value", 35).required()]);
const CONFIRMATION: &[Field] = &[words("DCISType", &["1", "2", "3"]).required(), filled("DCISNumber", 11)];
pub(super) const INDICATION: Kind = Kind::Object(CODE_2);

pub(super) const PACKAGE_OPTIONS: &[Field] = &[
    object("DeliveryConfirmation", CONFIRMATION),
    object(
        "DeclaredValue",
        &[
            object("Type", CODE_2),
            filled("CurrencyCode", 3).required(),
            filled("MonetaryValue", 19).required(),
        ],
    ),
    anything("COD"),
    anything("AccessPointCOD"),
    indicator("ShipperReleaseIndicator"),
    anything("Notification"),
    anything("HazMat"),
    anything("HazMatTypeCode"),
    anything("DryIce"),
    indicator("UPSPremiumCareIndicator"),
    indicator("ProactiveIndicator"),
    filled("PackageIdentifier", 5),
    anything("ClinicalTrialsID"),
    indicator("RefrigerationIndicator"),
    anything("Healthcare"),
];
const PACKAGE: Kind = Kind::Object(&[
    filled("Description", 35),
    filled("PalletDescription", 150),
    filled("NumOfPieces", 5),
    filled("UnitPrice", 12),
    object("Packaging", CODE_2).required(),
    object("Dimensions", SIDES),
    anything("DimWeight"),
    object("PackageWeight", WEIGHT),
    indicator("LargePackageIndicator"),
    indicator("OversizeIndicator"),
    indicator("MinimumBillableWeightIndicator"),
    list("ReferenceNumber", 1, 5, &REFERENCE),
    indicator("AdditionalHandlingIndicator"),
    object("SimpleRate", CODE_2),
    anything("UPSPremier"),
    object("PackageServiceOptions", PACKAGE_OPTIONS),
    anything("Commodity"),
    anything("HazMatPackageInformation"),
]);

const SHIPMENT_OPTIONS: &[Field] = &[
    indicator("SaturdayDeliveryIndicator"),
    indicator("SaturdayPickupIndicator"),
    anything("COD"),
    anything("AccessPointCOD"),
    indicator("DeliverToAddresseeOnlyIndicator"),
    indicator("DirectDeliveryOnlyIndicator"),
    anything("Notification"),
    anything("LabelDelivery"),
    anything("InternationalForms"),
    object("DeliveryConfirmation", &[words("DCISType", &["1", "2"]).required(), filled("DCISNumber", 11)]),
    indicator("ReturnOfDocumentIndicator"),
    indicator("ImportControlIndicator"),
    anything("LabelMethod"),
    indicator("CommercialInvoiceRemovalIndicator"),
    indicator("UPScarbonneutralIndicator"),
    anything("PreAlertNotification"),
    indicator("ExchangeForwardIndicator"),
    indicator("HoldForPickupIndicator"),
    indicator("DropoffAtUPSFacilityIndicator"),
    indicator("LiftGateForPickUpIndicator"),
    indicator("LiftGateForDeliveryIndicator"),
    indicator("SDLShipmentIndicator"),
    indicator("EPRAReleaseCode"),
    anything("RestrictedArticles"),
    filled("InsideDelivery", 2),
    indicator("ItemDisposal"),
];
pub(super) const RATING_OPTIONS: &[Field] = &[
    indicator("NegotiatedRatesIndicator"),
    indicator("FRSShipmentIndicator"),
    indicator("RateChartIndicator"),
    indicator("TPFCNegotiatedRatesIndicator"),
    indicator("UserLevelDiscountIndicator"),
];
const SHIPMENT: &[Field] = &[
    filled("Description", 50),
    object("ReturnService", CODE_2),
    indicator("DocumentsOnlyIndicator"),
    object("Shipper", SHIPPER).required(),
    object("ShipTo", PARTY).required(),
    object("AlternateDeliveryAddress", ALTERNATE_ADDRESS),
    object("ShipFrom", PARTY),
    object("PaymentInformation", PAYMENT),
    anything("GlobalTaxInformation"),
    indicator("GoodsNotInFreeCirculationIndicator"),
    anything("PromotionalDiscountInformation"),
    object("ShipmentRatingOptions", RATING_OPTIONS),
    list("ReferenceNumber", 1, 5, &REFERENCE),
    object("Service", CODE_2).required(),
    object("InvoiceLineTotal", MONEY),
    filled("NumOfPiecesInShipment", 5),
    filled("CostCenter", 30),
    indicator("CostCenterBarcodeIndicator"),
    filled("PackageID", 30),
    list("ShipmentIndicationType", 1, 5, &INDICATION),
    indicator("RatingMethodRequestedIndicator"),
    indicator("TaxInformationIndicator"),
    object("ShipmentServiceOptions", SHIPMENT_OPTIONS),
    field("Locale", Kind::Text(5, 5)),
    field("ShipperType", Kind::Text(2, 2)),
    field("ConsigneeType", Kind::Text(2, 2)),
    shape("ShipmentDate", is_date),
    list("Package", 1, 200, &PACKAGE).required(),
];
const LABEL_STOCK: &[Field] = &[words("Height", &["6", "8"]).required(), words("Width", &["4"]).required()];
const LABEL: &[Field] = &[
    object("LabelImageFormat", &[filled("Code", 4).required(), filled("Description", 35)]).required(),
    filled("HTTPUserAgent", 64),
    object("LabelStockSize", LABEL_STOCK).required(),
    anything("Instruction"),
    field("CharacterSet", Kind::Text(3, 3)),
];
pub const SHIP: &[Field] = &[object(
    "ShipmentRequest",
    &[
        object(
            "Request",
            &[
                words("RequestOption", &["validate", "nonvalidate"]).required(),
                field("SubVersion", Kind::Text(4, 4)),
                object("TransactionReference", TRANSACTION),
            ],
        )
        .required(),
        object("Shipment", SHIPMENT).required(),
        object("LabelSpecification", LABEL),
        anything("ReceiptSpecification"),
    ],
)
.required()];

const RECOVERY_STOCK: &[Field] = &[filled("Height", 3).required(), filled("Width", 3).required()];
pub const RECOVERY: &[Field] = &[object(
    "LabelRecoveryRequest",
    &[
        object(
            "Request",
            &[
                text("SubVersion", 4),
                text("RequestOption", 15),
                object("TransactionReference", &[field("CustomerContext", Kind::Text(5, 512))]),
            ],
        )
        .required(),
        object(
            "LabelSpecification",
            &[
                filled("HTTPUserAgent", 64),
                object(
                    "LabelImageFormat",
                    &[
                        words("Code", &["GIF", "PDF", "ZPL", "EPL", "SPL"]).required(),
                        filled("Description", 35),
                    ],
                ),
                object("LabelStockSize", RECOVERY_STOCK),
            ],
        ),
        object(
            "Translate",
            &[
                field("LanguageCode", Kind::Text(2, 3)).required(),
                field("DialectCode", Kind::Text(2, 2)).required(),
                field("Code", Kind::Text(2, 2)).required(),
            ],
        ),
        anything("LabelDelivery"),
        filled("TrackingNumber", 18),
        object(
            "ReferenceValues",
            &[
                object("ReferenceNumber", &[filled("Value", 35).required()]).required(),
                field("ShipperNumber", Kind::Text(6, 6)).required(),
            ],
        ),
        field("Locale", Kind::Text(5, 5)),
    ],
)
.required()];
