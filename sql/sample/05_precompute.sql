CREATE SCHEMA nba_precompute;
CREATE SCHEMA nba_predictions;

-- Which dates a table holds, and since when: the first `promptly` dates, as md5 ranks them,
-- were written the morning after; the others up to `finally` in the night to 2026-01-04.
CREATE TEMP TABLE written AS
WITH ranked AS (
  SELECT
    target.*,
    game_day.game_date,
    ROW_NUMBER() OVER (
      PARTITION BY target.table_name
      ORDER BY MD5(target.table_name || game_day.game_date::VARCHAR)
    ) AS place
  FROM game_day, (
    VALUES
      ('team_defense_zone_analysis', 772, 831),
      ('player_shot_zone_analysis', 809, 826),
      ('player_daily_cache', 820, 820),
      ('ml_feature_store_v2', 500, 655)
  ) AS target (table_name, promptly, finally)
  WHERE game_day.game_date <= DATE '2026-01-02' AND NOT game_day.is_bootstrap
)
SELECT
  table_name,
  game_date,
  CASE
    WHEN place <= promptly THEN game_date::TIMESTAMP AT TIME ZONE 'UTC' + INTERVAL 34 HOUR
    ELSE TIMESTAMPTZ '2026-01-03 22:00:00+00' + TO_SECONDS((place - promptly) * 200)
  END AS processed_at
FROM ranked
WHERE place <= finally
UNION ALL
SELECT 'player_composite_factors', data_date, completed_at
FROM unit_of_work
WHERE phase = 'phase_4' AND NOT is_failure;

-- The players of a date: two of each of three teams.
CREATE TEMP TABLE player_date AS
SELECT DISTINCT
  written.table_name,
  written.game_date,
  written.processed_at,
  player.player_lookup
FROM written
JOIN nba_analytics.player_game_summary AS player USING (game_date)
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY written.table_name, written.game_date
  ORDER BY MD5(player.player_lookup || written.game_date::VARCHAR), player.player_lookup
) <= 6;

CREATE TABLE nba_precompute.player_composite_factors AS
SELECT
  player_lookup,
  game_date,
  game_date AS analysis_date,
  (dice('fatigue ' || player_lookup || game_date::VARCHAR) % 101)::BIGINT AS fatigue_score,
  (dice('total ' || player_lookup || game_date::VARCHAR) % 81 / 10 - 4)::DECIMAL(38, 9)
    AS total_composite_adjustment,
  dice('ready ' || player_lookup || game_date::VARCHAR) >= 123 AS is_production_ready,
  processed_at
FROM player_date
WHERE table_name = 'player_composite_factors'
ORDER BY game_date, player_lookup;

CREATE TABLE nba_precompute.player_shot_zone_analysis AS
SELECT
  player_lookup,
  game_date AS analysis_date,
  (dice('paint rate ' || player_lookup || game_date::VARCHAR) % 1000 / 10)::DECIMAL(38, 9)
    AS paint_rate,
  processed_at
FROM player_date
WHERE table_name = 'player_shot_zone_analysis'
ORDER BY game_date, player_lookup;

CREATE TABLE nba_precompute.player_daily_cache AS
SELECT
  player_lookup,
  game_date AS cache_date,
  (5 + dice('last ten ' || player_lookup || game_date::VARCHAR) % 6)::BIGINT AS games_in_window,
  processed_at
FROM player_date
WHERE table_name = 'player_daily_cache'
ORDER BY game_date, player_lookup;

CREATE TABLE nba_predictions.ml_feature_store_v2 AS
SELECT
  player_lookup,
  game_date,
  (60 + dice('quality ' || player_lookup || game_date::VARCHAR) % 41)::DOUBLE
    AS feature_quality_score,
  dice('ready ' || player_lookup || game_date::VARCHAR) >= 123 AS is_production_ready,
  processed_at
FROM player_date
WHERE table_name = 'ml_feature_store_v2'
ORDER BY game_date, player_lookup;

CREATE TABLE nba_precompute.team_defense_zone_analysis AS
SELECT
  team.team_abbr,
  written.game_date AS analysis_date,
  (300 + dice('allowed ' || team.team_abbr || written.game_date::VARCHAR) % 300)::BIGINT
    AS paint_points_allowed,
  written.processed_at
FROM written, team
WHERE written.table_name = 'team_defense_zone_analysis'
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY written.game_date
  ORDER BY MD5(team.team_abbr || written.game_date::VARCHAR)
) <= 4
ORDER BY written.game_date, team.team_abbr;
