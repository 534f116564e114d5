-- Changed files, as git lists them.
-- returns: path STRING, change STRING, insertions INT64
SELECT 'ml/train.py' AS path, 'modified' AS change, 120 AS insertions
UNION ALL SELECT 'ml/split|half.py', 'added', 1500
