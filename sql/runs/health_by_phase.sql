-- Runs of each phase in the last days, and the share that went well; running and skipped runs
-- are counted but have no part in it.
-- params: lookback_days INT64
-- returns: phase STRING, runs INT64, succeeded INT64, failed INT64, running INT64, skipped INT64,
--   success_pct FLOAT64, mean_seconds FLOAT64, last_started_at TIMESTAMP
SELECT
  phase,
  COUNT(*) AS runs,
  COUNTIF(status = 'success') AS succeeded,
  COUNTIF(status = 'failed') AS failed,
  COUNTIF(status = 'running') AS running,
  COUNTIF(status = 'skipped') AS skipped,
  ROUND(
    100 * SAFE_DIVIDE(COUNTIF(status = 'success'), COUNTIF(status IN ('success', 'failed'))),
    1
  ) AS success_pct,
  ROUND(AVG(IF(status = 'success', duration_seconds, NULL)), 1) AS mean_seconds,
  MAX(started_at) AS last_started_at
FROM nba_reference.processor_run_history
WHERE started_at > TIMESTAMP_SUB(@as_of, INTERVAL @lookback_days DAY)
  AND started_at <= @as_of
GROUP BY phase
ORDER BY phase
