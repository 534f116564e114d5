-- Game dates of the schedule, bootstrap apart, and whether the feature store holds them.
-- params: season_start DATE
-- returns: date DATE, expected BOOL, excluded BOOL, present BOOL
-- contract: dates
WITH game_dates AS (
  SELECT
    game_date,
    DATE_DIFF(game_date, MIN(game_date) OVER (PARTITION BY season_year), DAY) < 14 AS is_bootstrap
  FROM nba_raw.nbac_schedule
  WHERE game_date < DATE(@as_of)
    AND game_status = 3
    AND (is_regular_season OR is_playoffs)
  GROUP BY
    game_date,
    season_year
),
written AS (
  SELECT DISTINCT game_date
  FROM nba_predictions.ml_feature_store_v2
  WHERE game_date >= @season_start
    AND processed_at <= @as_of
)
SELECT
  game_dates.game_date AS date,
  NOT game_dates.is_bootstrap AS expected,
  game_dates.is_bootstrap AS excluded,
  written.game_date IS NOT NULL AS present
FROM game_dates
LEFT JOIN written
  ON written.game_date = game_dates.game_date
WHERE game_dates.game_date >= @season_start
ORDER BY game_dates.game_date
