-- One row of everything.
-- params: factor INT64
-- returns: counted INT64, season_year INT64, share_pct FLOAT64, price NUMERIC, ratio FLOAT64,
--   words STRING, never INT64
SELECT
  EXTRACT(DAY FROM @as_of) * 1000 * @factor AS counted,
  EXTRACT(YEAR FROM @as_of) AS season_year,
  CAST(EXTRACT(DAY FROM @as_of) AS FLOAT64) / 4 AS share_pct,
  CAST(2 AS NUMERIC) AS price,
  CAST(EXTRACT(DAY FROM @as_of) AS FLOAT64) / 10000 AS ratio,
  'same' AS words,
  CAST(NULL AS INT64) AS never
