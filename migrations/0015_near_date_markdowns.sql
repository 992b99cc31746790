-- By how much a store marks goods down whose date is near: a JSON array of rules.
ALTER TABLE stores ADD COLUMN near_date_markdowns TEXT NOT NULL DEFAULT '[]';
