-- name: of_inquiry(inquiry_id)
SELECT kind, body, state, due, stopped FROM sla_clocks WHERE inquiry_id = :inquiry_id ORDER BY kind

-- name: put(inquiry_id, kind, body, state, due, stopped)!
INSERT INTO sla_clocks (inquiry_id, kind, body, state, due, stopped)
VALUES (:inquiry_id, :kind, :body, :state, :due, :stopped)
ON CONFLICT (inquiry_id, kind) DO UPDATE SET body = excluded.body, state = excluded.state,
  due = excluded.due, stopped = excluded.stopped

-- name: drop(inquiry_id, kind)!
DELETE FROM sla_clocks WHERE inquiry_id = :inquiry_id AND kind = :kind

-- name: drop_all(inquiry_id)!
DELETE FROM sla_clocks WHERE inquiry_id = :inquiry_id

-- name: answered(inquiry_id)$
-- How often an agent has written to the customer.
SELECT COUNT(*) FROM messages
WHERE inquiry_id = :inquiry_id AND direction = 'out' AND automatic = 0 AND visibility <> 'note'

-- name: open(queue, n)
-- What is still measured, the first due first; an empty queue means any.
SELECT i.number, i.queue, i.state AS inquiry_state, i.assigned_to, i.priority, i.topic, i.brand,
       c.kind, c.body, c.due
FROM sla_clocks c JOIN inquiries i ON i.id = c.inquiry_id
WHERE c.stopped IS NULL AND (:queue = '' OR i.queue = :queue)
ORDER BY c.due, i.id, c.kind LIMIT :n

-- name: count(kind, state, queue)!
-- One more that is at risk, or was missed.
INSERT INTO sla_told (kind, state, queue, n) VALUES (:kind, :state, :queue, 1)
ON CONFLICT (kind, state, queue) DO UPDATE SET n = sla_told.n + 1

-- name: told()
SELECT kind, state, queue, n FROM sla_told ORDER BY kind, state, queue

-- name: state_counts()
SELECT c.kind, c.state, i.queue, COUNT(*) AS n
FROM sla_clocks c JOIN inquiries i ON i.id = c.inquiry_id
WHERE c.stopped IS NULL GROUP BY c.kind, c.state, i.queue ORDER BY c.kind, c.state, i.queue
