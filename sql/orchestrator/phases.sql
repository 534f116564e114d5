-- Progress of each phase the orchestrator planned, as of a moment; a date's last attempt counts.
-- returns: phase STRING, title STRING, unit STRING, done INT64, total INT64, succeeded INT64,
--   failed INT64, started_at TIMESTAMP, last_progress_at TIMESTAMP, done_recent INT64,
--   recent_minutes INT64
-- contract: phases
WITH planned AS (
  SELECT
    phase,
    title,
    unit,
    total
  FROM nba_orchestration.phase_execution_log
  WHERE event = 'planned'
    AND logged_at <= @as_of
  QUALIFY ROW_NUMBER() OVER (PARTITION BY phase ORDER BY logged_at DESC) = 1
),
started AS (
  SELECT
    phase,
    MAX(logged_at) AS started_at
  FROM nba_orchestration.phase_execution_log
  WHERE event = 'started'
    AND logged_at <= @as_of
  GROUP BY phase
),
attempted AS (
  SELECT
    phase,
    data_date,
    status,
    completed_at
  FROM nba_orchestration.phase_completions
  WHERE completed_at <= @as_of
  QUALIFY ROW_NUMBER() OVER (PARTITION BY phase, data_date ORDER BY completed_at DESC) = 1
),
progress AS (
  SELECT
    phase,
    COUNT(*) AS done,
    COUNTIF(status = 'success') AS succeeded,
    COUNTIF(status = 'failed') AS failed,
    MAX(completed_at) AS last_progress_at,
    COUNTIF(completed_at > TIMESTAMP_SUB(@as_of, INTERVAL 60 MINUTE)) AS done_recent
  FROM attempted
  GROUP BY phase
)
SELECT
  planned.phase,
  planned.title,
  planned.unit,
  IFNULL(progress.done, 0) AS done,
  planned.total,
  IFNULL(progress.succeeded, 0) AS succeeded,
  IFNULL(progress.failed, 0) AS failed,
  started.started_at,
  progress.last_progress_at,
  IFNULL(progress.done_recent, 0) AS done_recent,
  60 AS recent_minutes
FROM planned
LEFT JOIN started
  ON started.phase = planned.phase
LEFT JOIN progress
  ON progress.phase = planned.phase
ORDER BY planned.phase
