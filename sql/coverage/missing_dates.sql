-- Stretches of scheduled game dates that a phase-4 table lacks, bootstrap aside: a stretch ends
-- where the table holds a date again.
-- params: season_start DATE
-- returns: table_name STRING, first_missing DATE, last_missing DATE, missing_dates INT64
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
expected AS (
  SELECT
    table_name,
    game_dates.game_date
  FROM game_dates
  CROSS JOIN UNNEST([
    'ml_feature_store_v2',
    'player_composite_factors',
    'player_daily_cache',
    'player_shot_zone_analysis',
    'team_defense_zone_analysis'
  ]) AS table_name
  WHERE NOT game_dates.is_bootstrap
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
marked AS (
  SELECT
    expected.table_name,
    expected.game_date,
    written.data_date IS NULL AS is_missing,
    COUNT(written.data_date) OVER (
      PARTITION BY expected.table_name
      ORDER BY expected.game_date
    ) AS held_before
  FROM expected
  LEFT JOIN written
    ON written.table_name = expected.table_name
    AND written.data_date = expected.game_date
)
SELECT
  table_name,
  MIN(game_date) AS first_missing,
  MAX(game_date) AS last_missing,
  COUNT(*) AS missing_dates
FROM marked
WHERE is_missing
GROUP BY
  table_name,
  held_before
ORDER BY
  table_name,
  first_missing
