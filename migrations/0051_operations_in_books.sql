-- Debits and refunds of ours that a line of the provider's books was found for: what is here is not missing there, however long
-- ago that line was read.
CREATE TABLE operations_in_books (
    operation UUID PRIMARY KEY NOT NULL,
    found_at TIMESTAMPTZ NOT NULL
);

-- What was done before was compared before, by other rules.
INSERT INTO operations_in_books (operation, found_at)
SELECT id, changed_at FROM payment_operations WHERE state = 'done' AND kind <> 'void';
