-- What went out of a store lately, by which the shares of couriers are counted.
CREATE INDEX shipments_booked ON shipments (store, booked_at) WHERE direction = 'outbound' AND booked_at IS NOT NULL;
