-- Who calls: shoppers, staff, partners, their sessions, and the keys that tokens are signed with.

-- Somebody who buys: known by the key of a device (guest), or by a subject of the retailer's own OIDC issuer.
CREATE TABLE shoppers (
    id UUID PRIMARY KEY NOT NULL,
    -- The public key of the device (Ed25519), as base64url without padding: one text for one key.
    device_key TEXT UNIQUE,
    issuer TEXT,
    subject TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (issuer, subject),
    CHECK (
        (device_key IS NOT NULL AND issuer IS NULL AND subject IS NULL)
        OR (device_key IS NULL AND issuer IS NOT NULL AND subject IS NOT NULL)
    )
);

CREATE TABLE staff (
    id UUID PRIMARY KEY NOT NULL,
    -- Lower case, so that a login is one text however it is typed.
    login TEXT NOT NULL UNIQUE,
    -- A PHC string: algorithm (argon2id), its parameters, salt and hash.
    password_hash TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE staff_grants (
    staff UUID NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    -- A store's number, or * for all stores.
    store TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('clerk', 'supervisor', 'admin')),
    PRIMARY KEY (staff, store)
);

-- Tries to sign in by password. Kept for unknown logins too, so that they cost the same as known ones.
CREATE TABLE password_tries (
    login_hash BYTEA PRIMARY KEY NOT NULL,
    tries BIGINT NOT NULL,
    locked_until TIMESTAMPTZ,
    last_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX password_tries_last ON password_tries (last_at);

-- A chain of refresh tokens that began with one sign-in. It ends as a whole.
CREATE TABLE sessions (
    id UUID PRIMARY KEY NOT NULL,
    shopper UUID REFERENCES shoppers (id),
    staff UUID REFERENCES staff (id),
    created_at TIMESTAMPTZ NOT NULL,
    -- When the newest refresh token runs out.
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    end_reason TEXT CHECK (end_reason IN ('signed_out', 'reused', 'replaced', 'account_changed')),
    CHECK ((shopper IS NULL) <> (staff IS NULL))
);

CREATE INDEX sessions_shopper ON sessions (shopper) WHERE shopper IS NOT NULL;
CREATE INDEX sessions_staff ON sessions (staff) WHERE staff IS NOT NULL;

-- Used tokens stay until they would have run out, so that a second use is noticed.
CREATE TABLE refresh_tokens (
    -- SHA-256; the token itself is 256 random bits and is never stored.
    hash BYTEA PRIMARY KEY NOT NULL,
    session UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at TIMESTAMPTZ
);

CREATE INDEX refresh_tokens_session ON refresh_tokens (session);

CREATE TABLE partners (
    id UUID PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE partner_keys (
    id UUID PRIMARY KEY NOT NULL,
    partner UUID NOT NULL REFERENCES partners (id),
    -- SHA-256 of the secret, which is 256 random bits and is shown once.
    hash BYTEA NOT NULL,
    -- An array of texts, in order and without doubles.
    scopes JSONB NOT NULL,
    -- The one store that the key is for; all stores when empty.
    store TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);

CREATE INDEX partner_keys_partner ON partner_keys (partner);

-- Keys that sign tokens and passes. The newest whose time has come signs.
CREATE TABLE signing_keys (
    id UUID PRIMARY KEY NOT NULL,
    -- Each key takes the next number: of two instances that rotate at once, one wins.
    number BIGINT NOT NULL UNIQUE,
    public_key BYTEA NOT NULL,
    -- The private key, sealed by AES-256-GCM with the master key: nonce, then ciphertext and tag.
    sealed_private_key BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    signs_from TIMESTAMPTZ NOT NULL
);
