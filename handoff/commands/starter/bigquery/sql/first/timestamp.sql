-- The timestamp that the query runs for. It costs nothing; replace it with a query of your own.
-- returns: queried_at TIMESTAMP
SELECT @as_of AS queried_at
