CREATE SCHEMA nba_analytics;

CREATE TABLE nba_analytics.team_offense_game_summary AS
SELECT
  team_abbr,
  game_id,
  game_date,
  season_year,
  (96 + dice(game_id || team_abbr) % 40)::BIGINT AS points_scored,
  (28 + dice('paint ' || game_id || team_abbr) % 30)::BIGINT AS points_in_paint,
  processed_at
FROM (
  SELECT
    UNNEST([home_team, away_team]) AS team_abbr,
    game.game_id,
    game.game_date,
    game.season_year,
    done.completed_at AS processed_at
  FROM game
  JOIN unit_of_work AS done
    ON done.phase = 'phase_1' AND done.data_date = game.game_date AND NOT done.is_failure
)
ORDER BY game_date, game_id, team_abbr;

-- Two players of each team. Minutes are nearly always there; the usage rate is not where the
-- team's own totals came late.
CREATE TABLE nba_analytics.player_game_summary AS
WITH played AS (
  SELECT
    LOWER(side.team_abbr) || '_player_' || (1 + (dice(game_id) + number) % 4)::VARCHAR
      AS player_lookup,
    game.*
  FROM game,
    UNNEST([home_team, away_team]) AS side (team_abbr),
    UNNEST([0, 1]) AS seats (number)
  WHERE game_date <= DATE '2026-01-02'
),
thrown AS (
  SELECT
    *,
    dice('minutes ' || player_lookup || game_id) AS minutes,
    dice('usage ' || player_lookup || game_id) AS usage,
    dice('paint ' || player_lookup || game_id) AS paint
  FROM played
)
SELECT
  player_lookup,
  game_id,
  game_date,
  season_year,
  CASE WHEN minutes >= 26 THEN (14 + minutes % 280 / 10)::DECIMAL(38, 9) END AS minutes_played,
  CASE WHEN usage < 1966 + 40 * (season_year - 2021) THEN (9 + usage % 270 / 10)::DECIMAL(38, 9) END
    AS usage_rate,
  CASE WHEN paint % 25 > 0 THEN (paint % 15)::BIGINT END AS paint_attempts,
  CASE WHEN minutes < 26 THEN 'bronze' WHEN usage < 1966 THEN 'gold' ELSE 'silver' END
    AS data_quality_tier,
  game_date::TIMESTAMP AT TIME ZONE 'UTC' + INTERVAL 32 HOUR AS processed_at
FROM thrown
ORDER BY game_date, game_id, player_lookup;
