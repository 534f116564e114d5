-- Values that would be markup.
-- returns: name STRING, v STRING
SELECT
  name,
  v
FROM d.t
ORDER BY name
