-- How many rows each table has.
-- returns: table_name STRING, row_count INT64
$tables
