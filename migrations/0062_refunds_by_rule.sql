-- Who asked for a refund; nobody where it followed from the store's rule.
ALTER TABLE refunds ADD COLUMN asked_by UUID;
UPDATE refunds SET asked_by = staff_id;
ALTER TABLE refunds DROP COLUMN staff_id;
