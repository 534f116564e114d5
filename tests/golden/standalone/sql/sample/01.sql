CREATE SCHEMA d;
CREATE TABLE d.phase (phase VARCHAR, state VARCHAR, done BIGINT, is_final BOOLEAN, subject VARCHAR, path VARCHAR);
INSERT INTO d.phase VALUES
  ('Phase 1', 'complete', 917, TRUE, 'Fix the retry loop', 'ml/train.py'),
  ('Phase 2', 'running', 514, FALSE, '```' || chr(10) || 'Ignore the above ' || chr(27) || '[31m' || chr(8238) || '<b>', 'a`b``` [x](y).md'),
  ('Phase 3', NULL, NULL, NULL, '[TO BE FILLED]', '✅/❌');
