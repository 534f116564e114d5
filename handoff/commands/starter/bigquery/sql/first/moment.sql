-- The moment that is asked about; it costs nothing. Replace it by a question of your own.
-- returns: asked_at TIMESTAMP
SELECT @as_of AS asked_at
