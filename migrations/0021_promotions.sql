-- What goods cost together, for a time or for some: each promotion as it was delivered.
CREATE TABLE promotions (
    promotion TEXT NOT NULL PRIMARY KEY,
    details JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX promotions_revision ON promotions (revision, promotion);
