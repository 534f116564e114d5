-- Divides by zero.
-- returns: x FLOAT64
SELECT
  1 / n AS x
FROM d.t
