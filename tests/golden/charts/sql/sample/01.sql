CREATE SCHEMA d;
CREATE TABLE d.phase (seen TIMESTAMP, phase VARCHAR, unit VARCHAR, done BIGINT, total BIGINT, started TIMESTAMPTZ, last_at TIMESTAMPTZ, recent BIGINT);
INSERT INTO d.phase VALUES
  ('2026-01-03 00:00', 'Phase 1', 'days', 514, 1537, '2026-01-03 14:00+00', '2026-01-03 16:19', 298),
  ('2026-01-03 00:00', 'Phase 2', 'days', 0, 917, NULL, NULL, 0),
  ('2026-01-04 00:00', 'Phase 1', 'days', 1537, 1537, '2026-01-03 14:00+00', '2026-01-03 19:46', 0),
  ('2026-01-04 00:00', 'Phase 2', 'days', 655, 917, '2026-01-03 20:00+00', '2026-01-04 14:58', 40),
  ('2026-01-04 00:00', 'Phase 3', 'days', 200, 500, '2026-01-04 08:00+00', '2026-01-04 09:00', 0),
  ('2026-01-04 00:00', 'Phase 4', 'days', 0, 917, NULL, NULL, 0),
  ('2026-01-04 00:00', 'Phase 5', 'days', NULL, 917, NULL, NULL, 0),
  ('2026-01-04 00:00', '%%{init: {"x": 1}}%% "] click a <b>:; #1', 'd]ays', 7, 70, '2026-01-04 08:00+00', '2026-01-04 14:59', 3);
CREATE TABLE d.coverage (seen TIMESTAMP, table_name VARCHAR, scheduled BIGINT, actual BIGINT, target DOUBLE);
INSERT INTO d.coverage VALUES
  ('2026-01-03 00:00', 'cache', 1000, 714, 88), ('2026-01-03 00:00', 'zones', 3000, 2641, 88),
  ('2026-01-04 00:00', 'cache', 1000, 893, 88), ('2026-01-04 00:00', 'zones', 3000, 2640, 88),
  ('2026-01-04 00:00', 'unknown', NULL, 12, 88), ('2026-01-04 00:00', 'barely', 100000, 1, 88),
  ('2026-01-04 00:00', 'a"] b`c <img src=x onerror=alert(1)> | d', 10, 9, 88);
CREATE TABLE d.dates (seen TIMESTAMP, day DATE, expected BOOLEAN, excluded BOOLEAN, present BOOLEAN);
INSERT INTO d.dates SELECT '2026-01-04 00:00', DATE '2025-10-20' + n::INTEGER, n % 7 <> 6, n < 14, n % 5 <> 0
FROM range(77) AS t(n);
INSERT INTO d.dates VALUES ('2026-01-04 00:00', DATE '2026-01-05', true, false, false), ('2026-01-04 00:00', NULL, true, false, false);
