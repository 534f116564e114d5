-- Every phase.
-- returns: phase STRING, state STRING, done INT64, is_final BOOL, subject STRING, path STRING
SELECT
  phase,
  state,
  done,
  is_final,
  subject,
  path
FROM d.phase
ORDER BY phase
