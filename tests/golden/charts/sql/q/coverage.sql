-- How far every table is.
-- returns: table_name STRING, scheduled INT64, excluded INT64, actual INT64, first_date DATE,
--   last_date DATE, target_pct FLOAT64
-- contract: coverage
SELECT
  table_name,
  scheduled,
  0 AS excluded,
  actual,
  CAST(NULL AS DATE) AS first_date,
  CAST(NULL AS DATE) AS last_date,
  target AS target_pct
FROM d.coverage
WHERE DATE(seen) = DATE(@as_of)
ORDER BY table_name
