-- Why a price was another one at the checkout: a delivery changed it, or it began or ended at its time.
ALTER TABLE price_differences ADD COLUMN cause TEXT NOT NULL DEFAULT 'changed' CHECK (cause IN ('changed', 'timed'));
-- Whether it is what members pay; else what everybody pays.
ALTER TABLE price_differences ADD COLUMN is_for_members BOOLEAN NOT NULL DEFAULT FALSE;
