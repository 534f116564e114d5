-- The latest date that each table holds, how many days that is behind, and when it was last
-- written (the schedule does not say).
-- params: season_start DATE
-- returns: table_name STRING, latest_date DATE, days_behind INT64, last_modified TIMESTAMP,
--   max_age_hours FLOAT64
-- contract: freshness
WITH latest AS (
  SELECT
    'nbac_schedule' AS table_name,
    MAX(game_date) AS latest_date,
    CAST(NULL AS TIMESTAMP) AS last_modified
  FROM nba_raw.nbac_schedule
  WHERE game_date >= @season_start
    AND game_date < DATE(@as_of)
    AND game_status = 3
  UNION ALL
  SELECT
    'player_game_summary' AS table_name,
    MAX(game_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_analytics.player_game_summary
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
  UNION ALL
  SELECT
    'team_offense_game_summary' AS table_name,
    MAX(game_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_analytics.team_offense_game_summary
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
  UNION ALL
  SELECT
    'player_composite_factors' AS table_name,
    MAX(game_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_precompute.player_composite_factors
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
  UNION ALL
  SELECT
    'player_daily_cache' AS table_name,
    MAX(cache_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_precompute.player_daily_cache
  WHERE cache_date >= @season_start
    AND processed_at <= @as_of
  UNION ALL
  SELECT
    'player_shot_zone_analysis' AS table_name,
    MAX(analysis_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_precompute.player_shot_zone_analysis
  WHERE analysis_date >= @season_start
    AND processed_at <= @as_of
  UNION ALL
  SELECT
    'team_defense_zone_analysis' AS table_name,
    MAX(analysis_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_precompute.team_defense_zone_analysis
  WHERE analysis_date >= @season_start
    AND processed_at <= @as_of
  UNION ALL
  SELECT
    'ml_feature_store_v2' AS table_name,
    MAX(game_date) AS latest_date,
    MAX(processed_at) AS last_modified
  FROM nba_predictions.ml_feature_store_v2
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
)
SELECT
  table_name,
  latest_date,
  DATE_DIFF(DATE(@as_of), latest_date, DAY) AS days_behind,
  last_modified,
  CAST(24 AS FLOAT64) AS max_age_hours
FROM latest
ORDER BY table_name
