-- How far every phase is.
-- returns: phase STRING, title STRING, unit STRING, done INT64, total INT64, succeeded INT64,
--   failed INT64, started_at TIMESTAMP, last_progress_at TIMESTAMP, done_recent INT64,
--   recent_minutes INT64
-- contract: phases
SELECT
  phase,
  phase AS title,
  unit,
  done,
  total,
  done AS succeeded,
  0 AS failed,
  started AS started_at,
  last_at AS last_progress_at,
  recent AS done_recent,
  60 AS recent_minutes
FROM d.phase
WHERE DATE(seen) = DATE(@as_of)
ORDER BY phase
