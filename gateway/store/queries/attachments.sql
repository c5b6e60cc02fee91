-- name: want(message_id, place, account, due_at)!
INSERT INTO fetches (message_id, place, account, due_at) VALUES (:message_id, :place, :account, :due_at)
ON CONFLICT (message_id, place) DO NOTHING

-- name: any_due(account, now)$
-- A look before the claim, which locks what it finds.
SELECT 1 FROM fetches WHERE account = :account AND due_at <= :now LIMIT 1

-- name: due(account, now, n)
SELECT f.message_id, f.place FROM fetches f
WHERE f.account = :account AND f.due_at <= :now
ORDER BY f.due_at, f.message_id, f.place
LIMIT :n
/* postgres: FOR UPDATE OF f SKIP LOCKED */

-- name: claim(message_id, place, owner, until)^
UPDATE fetches SET owner = :owner, due_at = :until, attempts = attempts + 1
WHERE message_id = :message_id AND place = :place
RETURNING message_id, place, account, attempts

-- name: again(message_id, place, owner, attempts, tries, due_at)!
-- `tries`: as many as count.
UPDATE fetches SET owner = '', due_at = :due_at, attempts = :tries
WHERE message_id = :message_id AND place = :place AND owner = :owner AND attempts = :attempts

-- name: finish(message_id, place, owner, attempts)!
DELETE FROM fetches
WHERE message_id = :message_id AND place = :place AND owner = :owner AND attempts = :attempts

-- name: forget(message_id)!
DELETE FROM fetches WHERE message_id = :message_id

-- name: recover(account, now)!
-- At the start of the only process that may work on this database.
UPDATE fetches SET owner = '', due_at = :now WHERE account = :account AND owner <> ''

-- name: names_of(owner)
SELECT address FROM blob_refs WHERE owner = :owner

-- name: unname(owner)!
DELETE FROM blob_refs WHERE owner = :owner

-- name: may_go(address, due_at)!
INSERT INTO unnamed_blobs (address, due_at) VALUES (:address, :due_at)
ON CONFLICT (address) DO UPDATE SET due_at = excluded.due_at

-- name: unnamed(now, n)
SELECT address, due_at FROM unnamed_blobs WHERE due_at <= :now ORDER BY due_at LIMIT :n

-- name: gone(address, due_at)!
-- Unless it was put down anew meanwhile.
DELETE FROM unnamed_blobs WHERE address = :address AND due_at = :due_at

-- name: look_later(address, due_at, later)!
UPDATE unnamed_blobs SET due_at = :later WHERE address = :address AND due_at = :due_at
