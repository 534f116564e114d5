CREATE SCHEMA nba_reference;

-- The daily runs of the last four weeks, six processors each morning, and the runs of the
-- orchestrator's phases of the last days.
CREATE TEMP TABLE run AS
WITH processor AS (
  SELECT *
  FROM (
    VALUES
      ('NbacScheduleProcessor', 'phase_2_raw', 7, 25),
      ('PlayerGameSummaryProcessor', 'phase_3_analytics', 8, 70),
      ('TeamOffenseGameSummaryProcessor', 'phase_3_analytics', 8, 45),
      ('PlayerShotZoneAnalysisProcessor', 'phase_4_precompute', 10, 95),
      ('PlayerCompositeFactorsProcessor', 'phase_4_precompute', 11, 120),
      ('PredictionCoordinator', 'phase_5_predictions', 12, 60)
  ) AS processor (processor_name, phase, hour, seconds)
)
SELECT
  processor.*,
  DATE '2025-12-06' + n::INTEGER AS data_date,
  TIMESTAMPTZ '2025-12-07 00:00:00+00' + TO_DAYS(n::INTEGER) + TO_HOURS(processor.hour)
    + TO_SECONDS(dice(processor.processor_name || n::VARCHAR) % 600) AS started_at,
  dice('status ' || processor.processor_name || n::VARCHAR) AS luck,
  dice('seconds ' || processor.processor_name || n::VARCHAR) AS pace
FROM processor, RANGE(0, 29) AS days (n);

CREATE TABLE nba_reference.processor_run_history AS
WITH told AS (
  SELECT
    *,
    CASE
      WHEN NOT EXISTS (SELECT * FROM game_day WHERE game_day.game_date = run.data_date)
        THEN 'skipped'
      WHEN luck % 100 < 6 THEN 'failed'
      ELSE 'success'
    END AS status,
    seconds + pace % 40 + pace % 10 / 10 AS duration_seconds
  FROM run
)
SELECT
  processor_name,
  LEFT(MD5(processor_name || data_date::VARCHAR), 12) AS run_id,
  phase,
  status,
  data_date,
  started_at,
  started_at + TO_MILLISECONDS((1000 * duration_seconds)::BIGINT) AS processed_at,
  duration_seconds::DOUBLE AS duration_seconds,
  CASE WHEN status = 'success' THEN 20 + pace % 300 ELSE 0 END::BIGINT AS records_processed,
  CASE
    WHEN status <> 'failed' THEN NULL
    WHEN luck % 2 = 0 THEN JSON_OBJECT(
      'type', 'DependencyError',
      'message', 'upstream rows missing for ' || data_date::VARCHAR
        || ': team_defense_zone_analysis holds 0 of 12 teams | run `backfill --date '
        || data_date::VARCHAR || '` first, then ask for this date again with synthetic context off',
      'attempt', 1 + pace % 3
    )
    ELSE JSON_OBJECT(
      'type', 'Timeout',
      'message', 'query did not finish within 600 s',
      'attempt', 3
    )
  END AS errors
FROM told
UNION ALL
SELECT
  'TeamOffenseGameSummaryProcessor',
  LEFT(MD5('backfill ' || data_date::VARCHAR || completed_at::VARCHAR), 12),
  'phase_3_analytics',
  status,
  data_date,
  completed_at - INTERVAL 9 SECOND,
  completed_at,
  9.0,
  records_processed,
  CASE
    WHEN status = 'failed' THEN JSON_OBJECT(
      'type', 'EmptySource',
      'message', 'no boxscores found for ' || data_date::VARCHAR,
      'attempt', 1
    )
  END
FROM nba_orchestration.phase_completions
WHERE phase = 'phase_1'
UNION ALL
-- still under way when the first session ends
SELECT
  'PredictionCoordinator',
  'c0ffee0103aa',
  'phase_5_predictions',
  'running',
  DATE '2026-01-03',
  TIMESTAMPTZ '2026-01-03 16:12:00+00',
  NULL,
  NULL,
  0,
  NULL
ORDER BY started_at, processor_name, run_id;
