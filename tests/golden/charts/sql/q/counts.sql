-- Rows of each kind, negative ones too.
-- returns: kind STRING, counted INT64, price NUMERIC
SELECT 'a' AS kind, 12345 AS counted, NUMERIC '1.5' AS price
UNION ALL SELECT 'b', -20, NULL
