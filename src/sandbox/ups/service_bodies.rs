//! The fields of the requests beside shipping: rating, time in transit, address validation, pickup, Track Alert, locator.

use super::bodies::{
    CODE_2, INDICATION, LINE, MONEY, PACKAGE_OPTIONS, RATING_OPTIONS, TRANSACTION, indicator, is_date,
    is_decimal, list,
};
use crate::sandbox::fields::{Field, Kind, anything, field, filled, object, shape, text, words};

const CODE_3: &[Field] = &[filled("Code", 3).required(), filled("Description", 35)];

fn is_time(text: &str) -> bool {
    text.len() == 4 && chrono::NaiveTime::parse_from_str(text, "%H%M").is_ok()
}

const RATE_ADDRESS: &[Field] = &[
    list("AddressLine", 1, 3, &LINE),
    filled("City", 30),
    field("StateProvinceCode", Kind::Text(2, 2)),
    filled("PostalCode", 9),
    filled("CountryCode", 2).required(),
    indicator("ResidentialAddressIndicator"),
    indicator("POBoxIndicator"),
];
const RATE_PARTY: &[Field] =
    &[filled("Name", 35), filled("AttentionName", 35), object("Address", RATE_ADDRESS).required()];
const RATE_SHIPPER: &[Field] = &[
    filled("Name", 35),
    filled("AttentionName", 35),
    field("ShipperNumber", Kind::Text(6, 6)),
    object("Address", RATE_ADDRESS).required(),
];
/// Unlike shipping, rating wants units described.
const RATE_WEIGHT_UNIT: &[Field] =
    &[words("Code", &["LBS", "KGS", "OZS"]).required(), filled("Description", 35).required()];
const RATE_SIDE_UNIT: &[Field] =
    &[words("Code", &["IN", "CM"]).required(), filled("Description", 35).required()];
const RATE_SIDES: &[Field] = &[
    object("UnitOfMeasurement", RATE_SIDE_UNIT).required(),
    shape("Length", is_decimal).required(),
    shape("Width", is_decimal).required(),
    shape("Height", is_decimal).required(),
];
const RATE_PACKAGE: Kind = Kind::Object(&[
    object("PackagingType", CODE_2),
    object("Dimensions", RATE_SIDES),
    anything("DimWeight"),
    object(
        "PackageWeight",
        &[object("UnitOfMeasurement", RATE_WEIGHT_UNIT).required(), shape("Weight", is_decimal).required()],
    ),
    indicator("LargePackageIndicator"),
    object("PackageServiceOptions", PACKAGE_OPTIONS),
    indicator("AdditionalHandlingIndicator"),
    object("SimpleRate", CODE_2),
    indicator("OversizeIndicator"),
    indicator("MinimumBillableWeightIndicator"),
]);
const DELIVERY_TIME: &[Field] = &[
    words("PackageBillType", &["02", "03", "04"]).required(),
    object("Pickup", &[shape("Date", is_date).required(), text("Time", 6)]),
    anything("ReturnContractServices"),
];
pub const RATE: &[Field] = &[object(
    "RateRequest",
    &[
        object(
            "Request",
            &[field("SubVersion", Kind::Text(4, 4)), object("TransactionReference", TRANSACTION)],
        )
        .required(),
        object("PickupType", CODE_2),
        object("CustomerClassification", CODE_2),
        object(
            "Shipment",
            &[
                object("Shipper", RATE_SHIPPER).required(),
                object("ShipTo", RATE_PARTY).required(),
                object("ShipFrom", RATE_PARTY),
                anything("AlternateDeliveryAddress"),
                list("ShipmentIndicationType", 1, 5, &INDICATION),
                anything("PaymentDetails"),
                object("Service", CODE_3),
                filled("NumOfPieces", 5),
                anything("ShipmentTotalWeight"),
                indicator("DocumentsOnlyIndicator"),
                list("Package", 1, 200, &RATE_PACKAGE).required(),
                anything("ShipmentServiceOptions"),
                object("ShipmentRatingOptions", RATING_OPTIONS),
                object("InvoiceLineTotal", MONEY),
                indicator("RatingMethodRequestedIndicator"),
                indicator("TaxInformationIndicator"),
                object("DeliveryTimeInformation", DELIVERY_TIME),
            ],
        )
        .required(),
    ],
)
.required()];

pub const TRANSIT: &[Field] = &[
    field("originCountryCode", Kind::Text(2, 2)).required(),
    filled("originStateProvince", 50),
    filled("originCityName", 50),
    filled("originTownName", 50),
    filled("originPostalCode", 10),
    field("destinationCountryCode", Kind::Text(2, 2)),
    filled("destinationStateProvince", 50),
    filled("destinationCityName", 50),
    filled("destinationTownName", 50),
    filled("destinationPostalCode", 10),
    words("residentialIndicator", &["01", "02"]),
    shape("shipDate", |text| text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok()),
    filled("shipTime", 8),
    field("weight", Kind::Number),
    words("weightUnitOfMeasure", &["LBS", "KGS"]),
    field("shipmentContentsValue", Kind::Number),
    field("shipmentContentsCurrencyCode", Kind::Text(3, 3)),
    words("billType", &["02", "03", "04", "07"]),
    field("avvFlag", Kind::Flag),
    field("numberOfPackages", Kind::Whole(1, 999)),
    field("dropOffAtFacilityIndicator", Kind::Whole(0, 1)),
    field("holdForPickupIndicator", Kind::Whole(0, 1)),
    field("returnUnfilterdServices", Kind::Flag),
    field("maxList", Kind::Whole(1, 50)),
    filled("premierIndicator", 2),
];

pub const ADDRESS_CHECK: &[Field] = &[object(
    "XAVRequest",
    &[object(
        "AddressKeyFormat",
        &[
            filled("ConsigneeName", 40),
            filled("AttentionName", 40),
            list("AddressLine", 1, 3, &Kind::Text(1, 100)),
            filled("Region", 100),
            filled("PoliticalDivision2", 30),
            filled("PoliticalDivision1", 30),
            filled("PostcodePrimaryLow", 10),
            filled("PostcodeExtendedLow", 10),
            filled("Urbanization", 30),
            field("CountryCode", Kind::Text(2, 2)).required(),
        ],
    )
    .required()],
)
.required()];

const YES_OR_NO: &[&str] = &["Y", "N"];
const ACCOUNT: &[Field] = &[
    field("AccountNumber", Kind::Text(6, 10)).required(),
    field("AccountCountryCode", Kind::Text(2, 2)).required(),
];
const PICKUP_DATE: &[Field] = &[
    shape("CloseTime", is_time).required(),
    shape("ReadyTime", is_time).required(),
    shape("PickupDate", is_date).required(),
];
const PICKUP_PIECE: Kind = Kind::Object(&[
    field("ServiceCode", Kind::Text(3, 3)).required(),
    filled("Quantity", 3).required(),
    field("DestinationCountryCode", Kind::Text(2, 2)).required(),
    words("ContainerCode", &["01", "02", "03"]).required(),
]);
const PICKUP_NUMBER: Kind = Kind::Object(&[field("TrackingNumber", Kind::Text(18, 18))]);
pub const PICKUP: &[Field] = &[object(
    "PickupCreationRequest",
    &[
        object(
            "Request",
            &[field("SubVersion", Kind::Text(4, 4)), object("TransactionReference", TRANSACTION)],
        )
        .required(),
        words("RatePickupIndicator", YES_OR_NO).required(),
        filled("RateChartType", 1),
        words("TaxInformationIndicator", YES_OR_NO),
        words("UserLevelDiscountIndicator", YES_OR_NO),
        object("Shipper", &[object("Account", ACCOUNT), anything("ChargeCard")]),
        object("PickupDateInfo", PICKUP_DATE).required(),
        object(
            "PickupAddress",
            &[
                filled("CompanyName", 27).required(),
                filled("ContactName", 22).required(),
                list("AddressLine", 1, 3, &Kind::Text(1, 73)).required(),
                filled("Room", 8),
                filled("Floor", 3),
                filled("City", 50).required(),
                filled("StateProvince", 50),
                filled("Urbanization", 50),
                filled("PostalCode", 8),
                field("CountryCode", Kind::Text(2, 2)).required(),
                words("ResidentialIndicator", YES_OR_NO).required(),
                filled("PickupPoint", 11),
                object("Phone", &[filled("Number", 25).required(), filled("Extension", 10)]).required(),
            ],
        )
        .required(),
        words("AlternateAddressIndicator", YES_OR_NO).required(),
        list("PickupPiece", 1, 20, &PICKUP_PIECE).required(),
        object(
            "TotalWeight",
            &[shape("Weight", is_decimal).required(), words("UnitOfMeasurement", &["LBS", "KGS"]).required()],
        ),
        words("OverweightIndicator", YES_OR_NO),
        list("TrackingData", 1, 30, &PICKUP_NUMBER),
        anything("TrackingDataWithReferenceNumber"),
        words("PaymentMethod", &["00", "01", "03", "04", "05", "06", "07"]).required(),
        filled("SpecialInstruction", 57),
        filled("ReferenceNumber", 35),
        filled("ServiceCategory", 2),
        words("ShippingLabelsAvailable", YES_OR_NO),
        object(
            "Notification",
            &[filled("ConfirmationEmailAddress", 50), filled("UndeliverableEmailAddress", 50)],
        ),
    ],
)
.required()];
pub const PICKUP_RATE: &[Field] = &[object(
    "PickupRateRequest",
    &[
        object(
            "Request",
            &[
                filled("RequestOption", 15),
                field("SubVersion", Kind::Text(4, 4)),
                object("TransactionReference", TRANSACTION),
            ],
        )
        .required(),
        object("ShipperAccount", ACCOUNT),
        object(
            "PickupAddress",
            &[
                filled("AddressLine", 73),
                filled("City", 50).required(),
                filled("StateProvince", 50),
                filled("PostalCode", 8).required(),
                field("CountryCode", Kind::Text(2, 2)).required(),
                words("ResidentialIndicator", YES_OR_NO).required(),
            ],
        )
        .required(),
        words("AlternateAddressIndicator", YES_OR_NO).required(),
        words("ServiceDateOption", &["01", "02", "03"]).required(),
        object("PickupDateInfo", PICKUP_DATE),
        filled("RateChartType", 1),
        words("TaxInformationIndicator", YES_OR_NO),
        words("UserLevelDiscountIndicator", YES_OR_NO),
    ],
)
.required()];

const PREFERENCE: Kind = Kind::Word(&["D", "I", "M", "X"]);
pub const SUBSCRIPTION: &[Field] = &[
    words("locale", &["en_US"]).required(),
    field("countryCode", Kind::Text(2, 2)),
    list("eventPreferences", 1, 4, &PREFERENCE),
    list("trackingNumberList", 1, 100, &Kind::Text(1, 34)).required(),
];
pub const ACCOUNT_SUBSCRIPTION: &[Field] = &[
    words("locale", &["en_US"]).required(),
    field("countryCode", Kind::Text(2, 2)),
    list("eventPreferences", 1, 4, &PREFERENCE),
    filled("subscriptionId", 50),
    filled("clientSubscriptionId", 50),
    field("shipperAccountNumber", Kind::Text(6, 10)).required(),
    list("subAccountType", 1, 1, &Kind::Word(&["Outbound"])),
];

const LOCATION_ADDRESS: &[Field] = &[
    filled("ConsigneeName", 40),
    filled("AddressLine", 100).required(),
    filled("AddressLine2", 64),
    filled("AddressLine3", 64),
    filled("PoliticalDivision3", 35),
    filled("PoliticalDivision2", 50).required(),
    filled("PoliticalDivision1", 50).required(),
    filled("PostcodePrimaryLow", 10).required(),
    filled("PostcodeExtendedLow", 10),
    filled("CountryCode", 2).required(),
    filled("SingleLineAddress", 200),
];
pub const LOCATOR: &[Field] = &[object(
    "LocatorRequest",
    &[
        object(
            "Request",
            &[object("TransactionReference", TRANSACTION), words("RequestAction", &["Locator"]).required()],
        )
        .required(),
        object(
            "OriginAddress",
            &[
                anything("Geocode"),
                object("AddressKeyFormat", LOCATION_ADDRESS).required(),
                filled("MaximumListSize", 2),
            ],
        )
        .required(),
        object("Translate", &[field("Locale", Kind::Text(5, 5))]).required(),
        object("UnitOfMeasurement", &[words("Code", &["MI", "KM"]).required()]),
        list("LocationID", 1, 10, &Kind::Text(1, 10)),
        object(
            "LocationSearchCriteria",
            &[
                anything("SearchOption"),
                filled("MaximumListSize", 2),
                filled("SearchRadius", 3),
                anything("ServiceSearch"),
                object(
                    "AccessPointSearch",
                    &[
                        filled("PublicAccessPointID", 15),
                        words("AccessPointStatus", &["01", "07"]),
                        field("AccountNumber", Kind::Text(6, 10)),
                        anything("IncludeCriteria"),
                        anything("ExcludeFromResult"),
                        indicator("ExactMatchIndicator"),
                        indicator("ExistIndicator"),
                    ],
                ),
                anything("OpenTimeCriteria"),
                filled("BrexitFilter", 10),
            ],
        ),
        object("SortCriteria", &[filled("SortType", 2)]),
        indicator("AllowAllConfidenceLevels"),
        filled("SearchOptionCode", 2),
    ],
)
.required()];
