-- Nothing at all.
-- returns: n INT64
SELECT 1 AS n
FROM d.freshness
WHERE hours < 0
