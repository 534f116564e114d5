-- How old the newest row is.
-- returns: hours FLOAT64, latest DATE, is_whole BOOL, note STRING
SELECT
  hours,
  latest,
  is_whole,
  note
FROM d.freshness
