-- name: set(kind, subject, due_at, payload)!
INSERT INTO timers (kind, subject, due_at, payload) VALUES (:kind, :subject, :due_at, :payload)
ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload

-- name: cancel(kind, subject)!
DELETE FROM timers WHERE kind = :kind AND subject = :subject

-- name: at(kind, subject)$
SELECT due_at FROM timers WHERE kind = :kind AND subject = :subject

-- name: due(now, n)
SELECT kind, subject, due_at, payload FROM timers WHERE due_at <= :now ORDER BY due_at, kind, subject LIMIT :n

-- name: take(kind, subject, due_at)!
-- Firing is deleting: whoever deletes it does the effect in the same unit of work. One that another
-- process is firing is passed over.
DELETE FROM timers WHERE kind = :kind AND subject = :subject AND due_at = (
  SELECT t.due_at FROM timers t
  WHERE t.kind = :kind AND t.subject = :subject AND t.due_at = :due_at
  /* postgres: FOR UPDATE SKIP LOCKED */)

-- name: next()$
SELECT MIN(due_at) FROM timers
