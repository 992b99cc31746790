// The shop that the tests drive: Vendure over SQLite in one file, without search, mails and dashboard.
// SHOP_DATABASE is the file, SHOP_PORT where it listens, SHOP_PASSWORD the superuser's.
const { DefaultLogger, LanguageCode, LogLevel } = require('@vendure/core');

const label = value => [{ languageCode: LanguageCode.en, value }];

exports.config = synchronize => ({
    apiOptions: { hostname: '127.0.0.1', port: Number(process.env.SHOP_PORT), adminApiPath: 'admin-api', shopApiPath: 'shop-api' },
    authOptions: {
        tokenMethod: ['bearer'],
        requireVerification: false,
        superadminCredentials: { identifier: 'superadmin', password: process.env.SHOP_PASSWORD },
    },
    dbConnectionOptions: { type: 'better-sqlite3', database: process.env.SHOP_DATABASE, synchronize, logging: false },
    paymentOptions: { paymentMethodHandlers: [] },
    logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: false }),
    importExportOptions: { importAssetsDir: __dirname },
    customFields: {
        ProductVariant: [
            { name: 'ean', type: 'string', nullable: true, public: true, label: label('EAN') },
            { name: 'externalRef', type: 'string', nullable: true, public: false, label: label('Number in the back office') },
        ],
        Order: [{ name: 'externalRef', type: 'string', nullable: true, public: true, unique: true, label: label('Number elsewhere') }],
    },
    plugins: [],
});
