CREATE SCHEMA nba_raw;

-- Two to six games a day; no team plays twice.
CREATE TEMP TABLE game AS
WITH shuffled AS (
  SELECT
    game_day.*,
    team.team_abbr,
    ROW_NUMBER() OVER (
      PARTITION BY game_date
      ORDER BY MD5(game_date::VARCHAR || team.team_abbr)
    ) - 1 AS seat
  FROM game_day, team
)
SELECT
  '00' || (season_year % 100)::VARCHAR || STRFTIME(game_date, '%m%d') || (seat // 2)::VARCHAR
    AS game_id,
  season_year,
  first_date,
  game_date,
  is_bootstrap,
  MIN(team_abbr) FILTER (WHERE seat % 2 = 0) AS home_team,
  MIN(team_abbr) FILTER (WHERE seat % 2 = 1) AS away_team
FROM shuffled
WHERE seat < 2 * (2 + dice('games ' || game_date::VARCHAR) % 5)
GROUP BY ALL;

CREATE TABLE nba_raw.nbac_schedule AS
SELECT
  game_id,
  season_year,
  game_date,
  CASE
    WHEN game_date <= DATE '2026-01-03' THEN 3
    WHEN game_date = DATE '2026-01-04' AND game_id LIKE '%0' THEN 2
    ELSE 1
  END::BIGINT AS game_status,
  MONTH(game_date) NOT IN (5, 6) AS is_regular_season,
  MONTH(game_date) IN (5, 6) AS is_playoffs,
  FALSE AS is_all_star
FROM game
UNION ALL
-- one evening a season that is on the schedule and counts for nothing
SELECT
  '03' || (season_year % 100)::VARCHAR || '0001',
  season_year,
  all_star_friday + 2,
  CASE WHEN all_star_friday < DATE '2026-01-03' THEN 3 ELSE 1 END,
  FALSE,
  FALSE,
  TRUE
FROM season
ORDER BY game_date, game_id;
