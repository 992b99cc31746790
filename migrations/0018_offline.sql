-- A product that changed goes to phones with all of its codes.
CREATE INDEX codes_sku ON codes (sku);
