-- The provider's names of links, and the secrets of return pages, are kept sealed. A link is found by a mark of its name that
-- only the master key can make.
ALTER TABLE payment_methods ADD COLUMN provider_token_mark TEXT;

DROP INDEX payment_methods_token;
CREATE INDEX payment_methods_token_mark ON payment_methods (provider_token_mark);

-- What was kept in the open can't be sealed here, and is not to be kept: those accounts are linked again.
UPDATE payment_methods SET
    state = CASE WHEN state = 'active' THEN 'revoked' WHEN state = 'linking' THEN 'failed' ELSE state END,
    return_secret = NULL, setup_token = NULL, provider_token = NULL, provider_customer = NULL;
UPDATE payment_events SET object = NULL;
