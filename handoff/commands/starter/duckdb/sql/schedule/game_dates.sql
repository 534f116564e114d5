-- Dates with finished games of a season, and the first and last of them.
-- params: season INT64
-- returns: game_dates INT64, first_date DATE, last_date DATE
SELECT
  COUNT(DISTINCT game_date) AS game_dates,
  MIN(game_date) AS first_date,
  MAX(game_date) AS last_date
FROM nba_raw.nbac_schedule
WHERE season_year = @season
  AND game_status = 3
  AND game_date < DATE(@as_of)
