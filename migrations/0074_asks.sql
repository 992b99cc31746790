-- How often each courier was asked after parcels on a day (UTC), by all instances together; days that are over are removed.
CREATE TABLE courier_asks (
    carrier TEXT NOT NULL,
    day TEXT NOT NULL,
    asks BIGINT NOT NULL,
    PRIMARY KEY (carrier, day)
);
