-- Share of player games in which each key feature has a value, by season.
-- params: season_start DATE
-- returns: season_year INT64, player_games INT64, minutes_played_pct FLOAT64,
--   usage_rate_pct FLOAT64, paint_attempts_pct FLOAT64, gold_pct FLOAT64
SELECT
  season_year,
  COUNT(*) AS player_games,
  ROUND(100 * COUNT(minutes_played) / COUNT(*), 1) AS minutes_played_pct,
  ROUND(100 * COUNT(usage_rate) / COUNT(*), 1) AS usage_rate_pct,
  ROUND(100 * COUNT(paint_attempts) / COUNT(*), 1) AS paint_attempts_pct,
  ROUND(100 * COUNTIF(data_quality_tier = 'gold') / COUNT(*), 1) AS gold_pct
FROM nba_analytics.player_game_summary
WHERE game_date >= @season_start
  AND game_date < DATE(@as_of)
  AND processed_at <= @as_of
GROUP BY season_year
ORDER BY season_year
