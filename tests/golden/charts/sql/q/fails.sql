-- Never has a result.
-- returns: n INT64
SELECT CAST(ERROR('gone') AS INT64) AS n
