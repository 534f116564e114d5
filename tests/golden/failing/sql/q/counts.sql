-- Counts.
-- returns: n INT64
SELECT
  COUNT(*) AS n
FROM d.t
