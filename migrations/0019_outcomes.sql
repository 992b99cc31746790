-- What became of each line of an applied batch: a row for some thousand lines, whose outcomes stand in `runs` as counts of
-- lines alike (`a2990q1u9`: applied, quarantined, unchanged; `-` for blank lines).
CREATE TABLE catalog_outcomes (
    batch UUID NOT NULL,
    first_line BIGINT NOT NULL,
    last_line BIGINT NOT NULL,
    runs TEXT NOT NULL,
    PRIMARY KEY (batch, first_line)
);
