-- Which providers there are is known by the program alone: another one is a file and a line there, no change here. And an
-- operation may renew a hold.
ALTER TABLE payment_methods DROP CONSTRAINT payment_methods_provider_check;
ALTER TABLE payments DROP CONSTRAINT payments_provider_check;
ALTER TABLE payment_events DROP CONSTRAINT payment_events_provider_check;
ALTER TABLE payment_operations DROP CONSTRAINT payment_operations_kind_check;
ALTER TABLE payment_operations ADD CONSTRAINT payment_operations_kind_check CHECK (
    kind IN ('charge', 'authorise', 'complete', 'capture', 'void', 'refund', 'renew')
);
