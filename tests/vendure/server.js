// Serves the shop of config.js.
const { bootstrap } = require('@vendure/core');
const { config } = require('./config');

bootstrap(config(false)).catch(error => {
    console.error(error);
    process.exit(1);
});
