// Fills an empty database with a small shop and prints one line of JSON about it: the articles of ../tryton/seed.py with the
// same numbers, codes and prices, two stock locations for the stores, and a user `aisle` that may read the catalogue and write stock.
const { randomBytes } = require('node:crypto');
const { bootstrap } = require('@vendure/core');
const { populateInitialData } = require('@vendure/core/cli');
const { config } = require('./config');

const ARTICLES = 120;
const PIECE = 40;

function ean(number) {
    const digits = `400000${String(number).padStart(6, '0')}`;
    const sum = [...digits].reduce((all, digit, place) => all + Number(digit) * (place % 2 ? 3 : 1), 0);
    return digits + String((10 - (sum % 10)) % 10);
}

const initial = {
    defaultLanguage: 'en',
    countries: [{ name: 'Germany', code: 'DE', zone: 'Europe' }],
    defaultZone: 'Europe',
    taxRates: [{ name: 'Reduced', percentage: 7 }, { name: 'Standard', percentage: 19 }],
    shippingMethods: [{ name: 'Courier', price: 499 }],
    paymentMethods: [],
    collections: [],
};

let token;
async function ask(query, variables) {
    const headers = { 'content-type': 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    const url = `http://127.0.0.1:${process.env.SHOP_PORT}/admin-api`;
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    const body = await answer.json();
    if (body.errors) throw new Error(JSON.stringify(body.errors));
    token = answer.headers.get('vendure-auth-token') ?? token;
    return body.data;
}

async function channel() {
    const { zones, activeChannel } = await ask('{ zones { items { id } } activeChannel { id } }');
    const zone = zones.items[0].id;
    await ask('mutation ($input: UpdateChannelInput!) { updateChannel(input: $input) { __typename ... on Channel { id } } }', {
        input: {
            id: activeChannel.id, defaultCurrencyCode: 'EUR', availableCurrencyCodes: ['EUR'], pricesIncludeTax: true,
            defaultTaxZoneId: zone, defaultShippingZoneId: zone,
        },
    });
}

async function locations() {
    const made = [];
    for (const name of ['Bonn, Hauptstraße', 'Bonn, Markt']) {
        const { createStockLocation } = await ask('mutation ($name: String!) { createStockLocation(input: { name: $name }) { id } }', { name });
        made.push(createStockLocation.id);
    }
    return made;
}

async function articles(places) {
    const { taxCategories } = await ask('{ taxCategories { items { id name } } }');
    const category = Object.fromEntries(taxCategories.items.map(({ id, name }) => [name, id]));
    let inputs = [];
    for (let number = 1; number <= ARTICLES; number += 1) {
        const name = `Article ${String(number).padStart(5, '0')}`;
        const slug = `article-${number}`;
        const translations = [{ languageCode: 'en', name, slug, description: '' }];
        const { createProduct } = await ask('mutation ($input: CreateProductInput!) { createProduct(input: $input) { id } }', { input: { translations } });
        inputs.push({
            productId: createProduct.id, sku: `A${String(number).padStart(5, '0')}`, price: 50 + number * 7,
            taxCategoryId: category[number % 3 ? 'Reduced' : 'Standard'], trackInventory: 'TRUE',
            translations: [{ languageCode: 'en', name }], customFields: { ean: ean(number) },
            stockLevels: places.map(place => ({ stockLocationId: place, stockOnHand: 0 })),
        });
        if (inputs.length === PIECE || number === ARTICLES) {
            await ask('mutation ($input: [CreateProductVariantInput!]!) { createProductVariants(input: $input) { id } }', { input: inputs });
            inputs = [];
        }
    }
}

async function user(password) {
    const { createRole } = await ask('mutation ($input: CreateRoleInput!) { createRole(input: $input) { id } }', {
        input: {
            code: 'aisle', description: 'Reads the catalogue, writes stock',
            permissions: ['ReadCatalog', 'ReadProduct', 'UpdateCatalog', 'UpdateProduct', 'ReadStockLocation', 'ReadChannel', 'ReadTaxCategory'],
        },
    });
    await ask('mutation ($input: CreateAdministratorInput!) { createAdministrator(input: $input) { id } }', {
        input: { firstName: 'A', lastName: 'Isle', emailAddress: 'aisle@example.com', password, roleIds: [createRole.id] },
    });
}

async function seed() {
    const app = await bootstrap(config(true));
    await populateInitialData(app, initial);
    await ask('mutation ($password: String!) { login(username: "superadmin", password: $password) { __typename } }', { password: process.env.SHOP_PASSWORD });
    await channel();
    const places = await locations();
    await articles(places);
    const password = randomBytes(16).toString('hex');
    await user(password);
    await app.close();
    console.log(JSON.stringify({
        users: { 'aisle@example.com': password, superadmin: process.env.SHOP_PASSWORD }, locations: places, articles: ARTICLES,
    }));
}

seed().then(() => process.exit(0), error => {
    console.error(error);
    process.exit(1);
});
