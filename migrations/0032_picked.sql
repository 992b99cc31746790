-- What was really picked of what is delivered, where that is less than was ordered: the order itself is never edited.
ALTER TABLE orders ADD COLUMN picked JSONB;
