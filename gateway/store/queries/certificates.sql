-- name: add(id, scope, alpha, delta, threshold, answered, wrong, knowledge, origin, created_at)*!
INSERT INTO certificates (id, scope, alpha, delta, threshold, answered, wrong, knowledge, origin, created_at)
VALUES (:id, :scope, :alpha, :delta, :threshold, :answered, :wrong, :knowledge, :origin, :created_at)
ON CONFLICT (id) DO NOTHING

-- name: in_force()
SELECT id, scope, alpha, delta, threshold, answered, wrong, knowledge, origin, created_at
FROM certificates WHERE revoked_at IS NULL ORDER BY created_at

-- name: valid(id)$
SELECT COUNT(*) FROM certificates WHERE id = :id AND revoked_at IS NULL

-- name: revoke(id, at)!
UPDATE certificates SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL

-- name: made_of(knowledge)$
-- Revoked ones too.
SELECT COUNT(*) FROM certificates WHERE knowledge = :knowledge
