-- Calendar days, game dates and the dates that phase 4 is expected to hold, by season.
-- params: season_start DATE
-- returns: season_year INT64, first_date DATE, last_date DATE, calendar_days INT64,
--   game_dates INT64, bootstrap_dates INT64, expected_dates INT64
WITH game_dates AS (
  SELECT
    season_year,
    game_date,
    DATE_DIFF(game_date, MIN(game_date) OVER (PARTITION BY season_year), DAY) < 14 AS is_bootstrap
  FROM nba_raw.nbac_schedule
  WHERE game_date >= @season_start
    AND game_date < DATE(@as_of)
    AND game_status = 3
    AND (is_regular_season OR is_playoffs)
  GROUP BY
    season_year,
    game_date
)
SELECT
  season_year,
  MIN(game_date) AS first_date,
  MAX(game_date) AS last_date,
  DATE_DIFF(MAX(game_date), MIN(game_date), DAY) + 1 AS calendar_days,
  COUNT(*) AS game_dates,
  COUNTIF(is_bootstrap) AS bootstrap_dates,
  COUNTIF(NOT is_bootstrap) AS expected_dates
FROM game_dates
GROUP BY season_year
ORDER BY season_year
