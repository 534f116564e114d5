-- How many of the scheduled game dates each phase-4 table holds; the first 14 days of a season
-- are left out by design.
-- params: season_start DATE
-- returns: table_name STRING, scheduled INT64, excluded INT64, actual INT64, first_date DATE,
--   last_date DATE, target_pct FLOAT64
-- contract: coverage
WITH game_dates AS (
  SELECT
    game_date,
    DATE_DIFF(game_date, MIN(game_date) OVER (PARTITION BY season_year), DAY) < 14 AS is_bootstrap
  FROM nba_raw.nbac_schedule
  WHERE game_date >= @season_start
    AND game_date < DATE(@as_of)
    AND game_status = 3
    AND (is_regular_season OR is_playoffs)
  GROUP BY
    game_date,
    season_year
),
schedule AS (
  SELECT
    COUNT(*) AS scheduled,
    COUNTIF(is_bootstrap) AS excluded
  FROM game_dates
),
written AS (
  SELECT
    'player_composite_factors' AS table_name,
    game_date AS data_date
  FROM nba_precompute.player_composite_factors
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
  UNION DISTINCT
  SELECT
    'team_defense_zone_analysis' AS table_name,
    analysis_date AS data_date
  FROM nba_precompute.team_defense_zone_analysis
  WHERE analysis_date >= @season_start
    AND processed_at <= @as_of
  UNION DISTINCT
  SELECT
    'player_shot_zone_analysis' AS table_name,
    analysis_date AS data_date
  FROM nba_precompute.player_shot_zone_analysis
  WHERE analysis_date >= @season_start
    AND processed_at <= @as_of
  UNION DISTINCT
  SELECT
    'player_daily_cache' AS table_name,
    cache_date AS data_date
  FROM nba_precompute.player_daily_cache
  WHERE cache_date >= @season_start
    AND processed_at <= @as_of
  UNION DISTINCT
  SELECT
    'ml_feature_store_v2' AS table_name,
    game_date AS data_date
  FROM nba_predictions.ml_feature_store_v2
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
),
coverage AS (
  SELECT
    written.table_name,
    COUNT(*) AS actual,
    MIN(written.data_date) AS first_date,
    MAX(written.data_date) AS last_date
  FROM written
  INNER JOIN game_dates
    ON game_dates.game_date = written.data_date
  WHERE NOT game_dates.is_bootstrap
  GROUP BY written.table_name
)
SELECT
  table_name,
  schedule.scheduled,
  schedule.excluded,
  IFNULL(coverage.actual, 0) AS actual,
  coverage.first_date,
  coverage.last_date,
  CAST(88 AS FLOAT64) AS target_pct
FROM UNNEST([
  'ml_feature_store_v2',
  'player_composite_factors',
  'player_daily_cache',
  'player_shot_zone_analysis',
  'team_defense_zone_analysis'
]) AS table_name
CROSS JOIN schedule
LEFT JOIN coverage
  USING (table_name)
ORDER BY table_name
