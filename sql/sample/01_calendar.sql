-- Five seasons, the fifth under way; 917 days with games up to 2026-01-02.

CREATE TEMP TABLE season AS
SELECT *
FROM (
  VALUES
    (2021::BIGINT, DATE '2021-10-19', DATE '2022-06-16', DATE '2022-02-18', 212),
    (2022::BIGINT, DATE '2022-10-18', DATE '2023-06-12', DATE '2023-02-17', 212),
    (2023::BIGINT, DATE '2023-10-24', DATE '2024-06-17', DATE '2024-02-16', 212),
    (2024::BIGINT, DATE '2024-10-22', DATE '2025-06-22', DATE '2025-02-14', 212),
    (2025::BIGINT, DATE '2025-10-21', DATE '2026-01-02', DATE '2026-02-13', 69)
) AS season (season_year, first_date, last_date, all_star_friday, game_dates);

-- Off-days fall where md5 puts them; a season opens and closes with a game,
-- and the All-Star break has none.
CREATE TEMP TABLE game_day AS
WITH calendar AS (
  SELECT
    season.season_year,
    season.first_date,
    season.game_dates,
    season.first_date + n::INTEGER AS game_date,
    season.first_date + n::INTEGER IN (season.first_date, season.last_date) AS is_fixed
  FROM season,
    RANGE(0, DATE_DIFF('day', season.first_date, season.last_date) + 1) AS days (n)
  WHERE season.first_date + n::INTEGER
    NOT BETWEEN season.all_star_friday - 1 AND season.all_star_friday + 4
),
ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY season_year
      ORDER BY is_fixed DESC, MD5('game day ' || game_date::VARCHAR)
    ) AS place
  FROM calendar
)
SELECT
  season_year,
  first_date,
  game_date,
  DATE_DIFF('day', first_date, game_date) < 14 AS is_bootstrap
FROM ranked
WHERE place <= game_dates
UNION ALL
-- the games of the days after, of which only the first evening's are over
SELECT 2025, DATE '2025-10-21', DATE '2026-01-03' + n::INTEGER, FALSE
FROM RANGE(0, 5) AS days (n);

-- Thirty teams, four players each that the tables speak of.
CREATE TEMP TABLE team AS
SELECT
  UNNEST([
    'ATL', 'BKN', 'BOS', 'CHA', 'CHI', 'CLE', 'DAL', 'DEN', 'DET', 'GSW',
    'HOU', 'IND', 'LAC', 'LAL', 'MEM', 'MIA', 'MIL', 'MIN', 'NOP', 'NYK',
    'OKC', 'ORL', 'PHI', 'PHX', 'POR', 'SAC', 'SAS', 'TOR', 'UTA', 'WAS'
  ]) AS team_abbr;

-- A number from 0 to 4,095 that hangs on a text and nothing else.
CREATE TEMP MACRO dice(text) AS ('0x' || MD5(text)[1:3])::INTEGER;
