-- name: add(id, digest, agent, scopes, label, created_at)!
INSERT INTO api_tokens (id, digest, agent, scopes, label, created_at)
VALUES (:id, :digest, :agent, :scopes, :label, :created_at)

-- name: by_digest(digest)^
SELECT id, agent, scopes FROM api_tokens WHERE digest = :digest AND revoked_at IS NULL

-- name: listed()
SELECT id, agent, scopes, label, created_at, revoked_at FROM api_tokens ORDER BY created_at, id

-- name: revoke(id, at)!
UPDATE api_tokens SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL
