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

-- name: count(kind, queue)!
-- One more breach.
INSERT INTO sla_breaches (kind, queue, n) VALUES (:kind, :queue, 1)
ON CONFLICT (kind, queue) DO UPDATE SET n = sla_breaches.n + 1

-- name: breaches()
SELECT kind, queue, n FROM sla_breaches ORDER BY kind, queue

-- name: state_counts()
SELECT kind, state, COUNT(*) AS n FROM sla_clocks WHERE stopped IS NULL
GROUP BY kind, state ORDER BY kind, state
