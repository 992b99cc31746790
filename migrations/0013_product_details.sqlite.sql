-- All facts of a product in one column: they are read, compared and shown together, and grow with the product.
ALTER TABLE products ADD COLUMN details JSONB NOT NULL DEFAULT '{}';
UPDATE products SET details = json_patch('{}', json_object(
    'sku', sku, 'name', name, 'brand', brand, 'tax_class', tax_class, 'weight_grams', weight_grams,
    'deliverable', json(CASE WHEN deliverable THEN 'true' ELSE 'false' END), 'age_min', age_min, 'content', content));
ALTER TABLE products DROP COLUMN brand;
ALTER TABLE products DROP COLUMN weight_grams;
ALTER TABLE products DROP COLUMN deliverable;
ALTER TABLE products DROP COLUMN age_min;
ALTER TABLE products DROP COLUMN content;
