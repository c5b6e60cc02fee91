-- name: take(name, owner, until, now)^
-- One at a time: whoever has it, or the first to ask once it has run out. A new owner has a new fence.
INSERT INTO leases (name, owner, until, fence) VALUES (:name, :owner, :until, 1)
ON CONFLICT (name) DO UPDATE SET
  fence = leases.fence + CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END,
  owner = excluded.owner,
  until = excluded.until
WHERE leases.owner = excluded.owner OR leases.until <= :now
RETURNING fence

-- name: held(name, owner, fence)^
-- On PostgreSQL the row stays locked until the commit, so that nobody takes it over meanwhile.
SELECT fence FROM leases WHERE name = :name AND owner = :owner AND fence = :fence
/* postgres: FOR UPDATE */

-- name: drop(name, owner)!
UPDATE leases SET until = 0 WHERE name = :name AND owner = :owner

-- name: who(name)^
SELECT owner, until, fence FROM leases WHERE name = :name
