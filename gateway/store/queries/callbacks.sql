-- name: add(id, inquiry_id, state, moment, number, created_at, body)!
INSERT INTO callbacks (id, inquiry_id, state, moment, number, created_at, body)
VALUES (:id, :inquiry_id, :state, :moment, :number, :created_at, :body)

-- name: change(id, state, moment, seen_by, body)!
UPDATE callbacks SET state = :state, moment = :moment, seen_by = :seen_by, body = :body
WHERE id = :id

-- name: by_id(id)^
SELECT body FROM callbacks WHERE id = :id

-- name: latest_of(inquiry_id)^
SELECT id, body FROM callbacks WHERE inquiry_id = :inquiry_id
ORDER BY created_at DESC, id DESC LIMIT 1

-- name: standing(inquiry_id)^
-- The one about an inquiry that is not over.
SELECT body FROM callbacks
WHERE inquiry_id = :inquiry_id AND state NOT IN ('done', 'failed', 'cancelled', 'expired')

-- name: move(id, was, seen, state, moment, body)!
-- Only where nothing has happened to it since it was seen.
UPDATE callbacks SET state = :state, moment = :moment, body = :body
WHERE id = :id AND state = :was AND moment = :seen

-- name: calling(number)^
-- The one for which this telephone rings now, or its owner is talked to.
SELECT id FROM callbacks WHERE number = :number AND state IN ('dialling', 'talking')

-- name: pending(n)
-- What is not over, the next to happen first.
SELECT c.body, c.created_at, i.number AS inquiry, i.state AS inquiry_state, i.assigned_to
FROM callbacks c JOIN inquiries i ON i.id = c.inquiry_id
WHERE c.state NOT IN ('done', 'failed', 'cancelled', 'expired')
ORDER BY c.moment, c.id LIMIT :n

-- name: live()
-- Those that are due, or for which a telephone rings, with what says whom to call first.
SELECT c.body, c.created_at, i.number AS inquiry, i.state AS inquiry_state, i.assigned_to, i.queue
FROM callbacks c JOIN inquiries i ON i.id = c.inquiry_id
WHERE c.state NOT IN ('done', 'failed', 'cancelled', 'expired')
  AND c.state IN ('due', 'dialling', 'talking')

-- name: missed(n)
-- Those that nobody reached and nobody took note of, the oldest first.
SELECT c.body, c.created_at, i.number AS inquiry, i.state AS inquiry_state, i.assigned_to
FROM callbacks c JOIN inquiries i ON i.id = c.inquiry_id
WHERE c.state IN ('failed', 'expired') AND c.seen_by = ''
ORDER BY c.created_at, c.id LIMIT :n

-- name: every(n)
SELECT c.body, c.created_at, i.number AS inquiry, i.state AS inquiry_state, i.assigned_to
FROM callbacks c JOIN inquiries i ON i.id = c.inquiry_id
ORDER BY c.created_at DESC, c.id DESC LIMIT :n

-- name: restore_place(id, rank, since)!
-- The place that its inquiry had when the call was asked for.
UPDATE inquiries SET rank = :rank, waiting_since = :since WHERE id = :id AND state = 'queued'

-- name: state_counts()
-- What is not over, and what was missed and nobody took note of.
SELECT state, COUNT(*) AS n FROM callbacks
WHERE state NOT IN ('done', 'failed', 'cancelled', 'expired') GROUP BY state
UNION ALL
SELECT 'missed' AS state, COUNT(*) AS n FROM callbacks
WHERE state IN ('failed', 'expired') AND seen_by = ''

-- name: count_miss(reason, queue)!
-- One more that reached nobody.
INSERT INTO callback_misses (reason, queue, n) VALUES (:reason, :queue, 1)
ON CONFLICT (reason, queue) DO UPDATE SET n = callback_misses.n + 1

-- name: misses()
SELECT reason, queue, n FROM callback_misses ORDER BY reason, queue
