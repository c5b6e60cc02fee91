-- name: memo(account, key)$
SELECT value FROM memos WHERE account = :account AND key = :key

-- name: remember(account, key, value)!
INSERT INTO memos (account, key, value) VALUES (:account, :key, :value)
ON CONFLICT (account, key) DO UPDATE SET value = excluded.value

-- name: add_blob_ref(address, owner)!
INSERT INTO blob_refs (address, owner) VALUES (:address, :owner)
ON CONFLICT (address, owner) DO NOTHING

-- name: move_blob_refs(owner, fresh)!
UPDATE blob_refs SET owner = :fresh WHERE owner = :owner
