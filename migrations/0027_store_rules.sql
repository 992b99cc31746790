-- What a store does with goods whose best-before date has passed, and its tree of goods.
ALTER TABLE stores ADD COLUMN best_before_passed TEXT NOT NULL DEFAULT 'warn';
-- A JSON array of paths from the root; an empty one is no tree.
ALTER TABLE stores ADD COLUMN categories TEXT NOT NULL DEFAULT '[]';
