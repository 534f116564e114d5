-- The latest failed runs and the beginning of what they said.
-- params: lookback_hours INT64
-- returns: started_at TIMESTAMP, processor_name STRING, phase STRING, data_date DATE, error STRING
SELECT
  started_at,
  processor_name,
  phase,
  data_date,
  SUBSTR(JSON_VALUE(errors, '$.message'), 1, 150) AS error
FROM nba_reference.processor_run_history
WHERE status = 'failed'
  AND started_at > TIMESTAMP_SUB(@as_of, INTERVAL @lookback_hours HOUR)
  AND started_at <= @as_of
ORDER BY
  started_at DESC,
  processor_name
LIMIT 20
