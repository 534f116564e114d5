-- Divides by nothing.
-- returns: n INT64
SELECT CAST(note AS INT64) + CAST('x' AS INT64) AS n
FROM d.freshness
