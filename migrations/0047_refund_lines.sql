-- What comes back of which lines, and the taxes of what is given back, by rate.
ALTER TABLE refunds ADD COLUMN lines JSONB;
ALTER TABLE refunds ADD COLUMN taxes JSONB;
