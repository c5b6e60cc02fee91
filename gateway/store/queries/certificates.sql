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

-- name: by_id(id)^
SELECT id, scope, alpha, delta, threshold, answered, wrong, knowledge, origin, created_at,
       revoked_at, ended, ended_because
FROM certificates WHERE id = :id

-- name: end(id, at, ended, because)!
UPDATE certificates SET revoked_at = :at, ended = :ended, ended_because = :because
WHERE id = :id AND revoked_at IS NULL

-- name: stopped()
SELECT id, scope, knowledge, origin, revoked_at, ended_because FROM certificates
WHERE ended = 'stopped' ORDER BY revoked_at, id

-- name: state_counts()
SELECT CASE WHEN revoked_at IS NULL THEN 'in_force' WHEN ended = '' THEN 'revoked' ELSE ended END
       AS state, COUNT(*) AS n
FROM certificates GROUP BY 1

-- name: silenced()
-- Scopes that live verdicts have stopped, and for which no certificate was made since.
SELECT s.id, s.scope, s.ended_because FROM certificates s
WHERE s.ended = 'stopped' AND NOT EXISTS (
  SELECT 1 FROM certificates c
  WHERE c.scope = s.scope AND c.revoked_at IS NULL AND c.created_at >= s.revoked_at)
ORDER BY s.revoked_at, s.id

-- name: every()
SELECT id, scope, alpha, delta, threshold, answered, wrong, knowledge, origin, created_at,
       revoked_at, ended, ended_because
FROM certificates ORDER BY created_at, id
