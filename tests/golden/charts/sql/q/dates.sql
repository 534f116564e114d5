-- Each date: expected, excluded, present.
-- returns: date DATE, expected BOOL, excluded BOOL, present BOOL
-- contract: dates
SELECT day AS date, expected, excluded, present
FROM d.dates
WHERE DATE(seen) = DATE(@as_of)
ORDER BY date
