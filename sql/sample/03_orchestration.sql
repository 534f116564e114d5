CREATE SCHEMA nba_orchestration;

-- What was planned and when it started; `total` in units.
CREATE TABLE nba_orchestration.phase_execution_log AS
SELECT
  execution_id,
  phase,
  title,
  unit,
  event,
  total::BIGINT AS total,
  logged_at::TIMESTAMPTZ AS logged_at
FROM (
  VALUES
    ('x-301', 'phase_1', 'Phase 1', 'days', 'planned', 1537, '2026-01-03 13:47:00+00'),
    ('x-301', 'phase_1', 'Phase 1', 'days', 'started', 1537, '2026-01-03 13:51:00+00'),
    ('x-302', 'phase_2', 'Phase 2', 'game dates', 'planned', 917, '2026-01-03 13:47:00+00'),
    ('x-302', 'phase_2', 'Phase 2', 'game dates', 'started', 917, '2026-01-03 19:50:00+00'),
    ('x-288', 'phase_3', 'Phase 3', 'game dates', 'planned', 917, '2026-01-02 07:58:00+00'),
    ('x-288', 'phase_3', 'Phase 3', 'game dates', 'started', 917, '2026-01-02 08:00:00+00'),
    ('x-299', 'phase_4', 'Phase 4', 'game dates', 'planned', 854, '2026-01-03 11:00:00+00'),
    ('x-299', 'phase_4', 'Phase 4', 'game dates', 'started', 854, '2026-01-03 11:05:00+00')
) AS log (execution_id, phase, title, unit, event, total, logged_at);

-- Seconds after 2026-01-02 00:00 UTC at which the n-th unit of a phase was attempted.
-- Phase 1 is slow for 89 minutes and then takes 12 seconds a day; phase 4 stops at its
-- 251st date, at 14:40, and goes on at 21:00.
CREATE TEMP MACRO attempted_at(phase, n) AS TIMESTAMPTZ '2026-01-02 00:00:00+00' + TO_SECONDS(
  CASE
    WHEN phase = 'phase_1' AND n <= 216 THEN 136260 + n * 5340 // 216
    WHEN phase = 'phase_1' THEN 141600 + (n - 216) * 3595 // 298
    WHEN phase = 'phase_2' THEN 157800 + n * 90
    WHEN phase = 'phase_3' THEN 28800 + n * 25
    WHEN n <= 251 THEN 126300 + n * 12900 // 251
    ELSE 162000 + (n - 251) * 85
  END
);

CREATE TEMP TABLE unit_of_work AS
WITH days AS (
  SELECT
    'phase_1' AS phase,
    DATE '2021-10-19' + n::INTEGER AS data_date,
    n + 1 AS n
  FROM RANGE(0, 1537) AS days (n)
  UNION ALL
  SELECT phase, game_date, ROW_NUMBER() OVER (PARTITION BY phase ORDER BY game_date)
  FROM game_day, (VALUES ('phase_2'), ('phase_3'), ('phase_4')) AS phases (phase)
  WHERE game_date <= DATE '2026-01-02' AND NOT (phase = 'phase_4' AND is_bootstrap)
)
SELECT
  days.*,
  attempted_at(days.phase, days.n) AS completed_at,
  CASE days.phase
    WHEN 'phase_1' THEN days.n IN (41, 167, 233, 352, 498, 733, 911, 1204)
    WHEN 'phase_3' THEN days.n IN (96, 97, 305, 517, 518, 730)
    WHEN 'phase_4' THEN days.n IN (402, 640)
    ELSE FALSE
  END AS is_failure,
  -- fails at first, and well at the second attempt
  days.phase = 'phase_1' AND days.n IN (88, 301, 1010) AS is_retried
FROM days
JOIN nba_orchestration.phase_execution_log AS planned
  ON planned.phase = days.phase AND planned.event = 'planned' AND days.n <= planned.total;

-- One row an attempt; the last one of a date counts.
CREATE TABLE nba_orchestration.phase_completions AS
SELECT
  phase,
  data_date,
  CASE WHEN is_failure OR is_retried THEN 'failed' ELSE 'success' END AS status,
  completed_at,
  CASE WHEN is_failure OR is_retried THEN 0 ELSE 4 + dice(phase || data_date::VARCHAR) % 9 END
    ::BIGINT AS records_processed
FROM unit_of_work
UNION ALL
SELECT phase, data_date, 'success', completed_at + INTERVAL 4 SECOND, 7
FROM unit_of_work
WHERE is_retried
ORDER BY phase, completed_at;
