-- A batch is bound as one JSON text and read by json_each($1) on both engines; SQLite has it built in. Always bind the
-- text: an untyped literal would be ambiguous here.
CREATE FUNCTION json_each(text)
RETURNS TABLE (key BIGINT, value JSONB)
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT ordinality - 1, value FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS each (value, ordinality) $$;
