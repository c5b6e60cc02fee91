-- name: add(id, scope, alpha, delta, threshold, answered, wrong, knowledge, demo, created_at)!
INSERT INTO certificates (id, scope, alpha, delta, threshold, answered, wrong, knowledge, demo, created_at)
VALUES (:id, :scope, :alpha, :delta, :threshold, :answered, :wrong, :knowledge, :demo, :created_at)

-- name: in_force()
SELECT id, scope, alpha, delta, threshold, answered, wrong, knowledge, demo, created_at
FROM certificates WHERE revoked_at IS NULL ORDER BY created_at

-- name: valid(id)$
SELECT COUNT(*) FROM certificates WHERE id = :id AND revoked_at IS NULL

-- name: revoke(id, at)!
UPDATE certificates SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL
