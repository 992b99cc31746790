-- What is agreed of partners' feeds, and what their tables look like.

-- How often a delivery of a feed is to come.
CREATE TABLE catalog_feeds (
    source TEXT NOT NULL,
    feed TEXT NOT NULL,
    every_minutes BIGINT NOT NULL,
    set_by UUID NOT NULL,
    set_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (source, feed)
);

-- The headings that the tables of a feed had last, by the mapping that they are read with.
CREATE TABLE catalog_headings (
    source TEXT NOT NULL,
    feed TEXT NOT NULL,
    -- SHA-256 of the mapping, in hexadecimal.
    mapping TEXT NOT NULL,
    -- A JSON array of texts.
    headings TEXT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (source, feed, mapping)
);
