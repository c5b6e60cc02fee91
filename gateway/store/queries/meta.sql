-- name: memo(account, key)$
SELECT value FROM memos WHERE account = :account AND key = :key

-- name: remember(account, key, value)!
INSERT INTO memos (account, key, value) VALUES (:account, :key, :value)
ON CONFLICT (account, key) DO UPDATE SET value = excluded.value

-- name: first(account, key, value)!
INSERT INTO memos (account, key, value) VALUES (:account, :key, :value)
ON CONFLICT (account, key) DO NOTHING

-- name: move(account, key, before, value)!
-- Only from what it was: of two that moved it at once one has to look again.
UPDATE memos SET value = :value WHERE account = :account AND key = :key AND value = :before

-- name: add_blob_ref(address, owner)!
INSERT INTO blob_refs (address, owner) VALUES (:address, :owner)
ON CONFLICT (address, owner) DO NOTHING

-- name: move_blob_refs(owner, fresh)!
UPDATE blob_refs SET owner = :fresh WHERE owner = :owner

-- name: drop_blob_ref(address, owner)!
DELETE FROM blob_refs WHERE address = :address AND owner = :owner

-- name: blob_named(address)$
-- Whether anything names it still.
SELECT COUNT(*) FROM blob_refs WHERE address = :address

-- name: known(key)$
-- What the database remembers about itself.
SELECT value FROM meta WHERE key = :key

-- name: know(key, value)!
-- The first to say it is right.
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING
