-- All of a small table.
-- returns: name STRING, n INT64, share FLOAT64, day DATE, at_time TIMESTAMP, ok BOOL
SELECT
  name,
  n,
  share,
  day,
  at_time,
  ok
FROM d.t
ORDER BY name
