CREATE SCHEMA d;
CREATE TABLE d.coverage (seen TIMESTAMP, table_name VARCHAR, scheduled BIGINT, actual BIGINT);
INSERT INTO d.coverage VALUES
  ('2026-01-03 00:00', 'cache', 1000, 714),
  ('2026-01-03 00:00', 'defense', 1000, 881),
  ('2026-01-03 00:00', 'features', 1000, 400),
  ('2026-01-03 00:00', 'zones', 3000, 2641),
  ('2026-01-03 00:00', '<b>*[TO BE FILLED]*', 1000, 100),
  ('2026-01-03 00:00', 'new_then', 10, 9),
  ('2026-01-04 00:00', 'cache', 1000, 882),
  ('2026-01-04 00:00', 'defense', 1000, 881),
  ('2026-01-04 00:00', 'features', 1000, 390),
  ('2026-01-04 00:00', 'zones', 3000, 2640),
  ('2026-01-04 00:00', '<b>*[TO BE FILLED]*', 1000, 900),
  ('2026-01-04 00:00', 'new_now', 10, 9);
CREATE TABLE d.phase (seen TIMESTAMP, phase VARCHAR, unit VARCHAR, done BIGINT, total BIGINT, failed BIGINT);
INSERT INTO d.phase VALUES
  ('2026-01-03 00:00', 'Phase 1', 'days', 514, 1537, 5),
  ('2026-01-03 00:00', 'Phase 2', 'days', 0, 917, 0),
  ('2026-01-04 00:00', 'Phase 1', 'days', 1537, 1537, 8),
  ('2026-01-04 00:00', 'Phase 2', 'days', 766, 917, 0);
