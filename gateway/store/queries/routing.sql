-- name: lock()^
-- One process at a time decides who gets what; on SQLite there is one writer anyway.
SELECT 1 AS held /* postgres: FROM pg_advisory_xact_lock(7126530) */

-- name: know_lane(id)!
INSERT INTO waiting_lanes (lane, queue)
SELECT lane, queue FROM inquiries WHERE id = :id AND lane <> ''
ON CONFLICT DO NOTHING

-- name: heads()
-- The first of each lane in which something waits: one seek a lane.
SELECT i.id, i.lane, i.rank, i.waiting_since, i.routing
FROM waiting_lanes l JOIN inquiries i ON i.id = (
  SELECT h.id FROM inquiries h WHERE h.state = 'queued' AND h.lane = l.lane
  ORDER BY h.rank, h.waiting_since, h.id LIMIT 1)

-- name: heads_of(queue)
SELECT i.id, i.lane, i.rank, i.waiting_since, i.routing
FROM waiting_lanes l JOIN inquiries i ON i.id = (
  SELECT h.id FROM inquiries h WHERE h.state = 'queued' AND h.lane = l.lane
  ORDER BY h.rank, h.waiting_since, h.id LIMIT 1)
WHERE l.queue = :queue

-- name: after(lane, rank, since, id)^
SELECT id, lane, rank, waiting_since, routing FROM inquiries
WHERE state = 'queued' AND lane = :lane AND (rank, waiting_since, id) > (:rank, :since, :id)
ORDER BY rank, waiting_since, id LIMIT 1

-- name: waits(id)^
SELECT id, lane, rank, waiting_since, routing FROM inquiries WHERE id = :id AND state = 'queued'

-- name: last_agent(inquiry_id)^
-- The person who wrote last in the conversation of an inquiry.
SELECT m.author FROM messages m JOIN inquiries i ON i.conversation_id = m.conversation_id
WHERE i.id = :inquiry_id AND m.direction = 'out' AND m.automatic = 0 AND m.visibility <> 'note'
ORDER BY m.at DESC, m.id DESC LIMIT 1

-- name: agents()
SELECT id, presence, presence_since, presence_until, seen_at, idle_since, offered_at
FROM agents ORDER BY id

-- name: in_hand()
SELECT assigned_to AS agent, lane, COUNT(*) AS n FROM inquiries
WHERE state IN ('assigned', 'wrapping') AND assigned_to <> ''
GROUP BY assigned_to, lane

-- name: offers()
SELECT o.agent, o.until, o.offered_at, i.id, i.lane, i.rank, i.waiting_since, i.routing, i.number
FROM offers o JOIN inquiries i ON i.id = o.inquiry_id WHERE i.state = 'offered'
ORDER BY o.offered_at, i.id

-- name: offers_of(inquiry_id)
SELECT o.agent, o.until, i.id, i.lane, i.rank, i.waiting_since, i.routing
FROM offers o JOIN inquiries i ON i.id = o.inquiry_id
WHERE o.inquiry_id = :inquiry_id AND i.state = 'offered' ORDER BY o.agent

-- name: held_by(agent)
SELECT id, lane, rank, waiting_since, routing FROM inquiries
WHERE state IN ('assigned', 'wrapping') AND assigned_to = :agent ORDER BY rank, id

-- name: refusals(now)
SELECT inquiry_id, agent FROM refusals WHERE until > :now

-- name: overdue(now)
-- Offers whose time is over; of inquiries that were given away meanwhile, what is left of them. In order,
-- so that the same offers follow on both engines.
SELECT DISTINCT inquiry_id FROM offers WHERE until <= :now ORDER BY inquiry_id

-- name: add_offer(inquiry_id, agent, at, until)!
INSERT INTO offers (inquiry_id, agent, offered_at, until) VALUES (:inquiry_id, :agent, :at, :until)
ON CONFLICT (inquiry_id, agent) DO UPDATE SET offered_at = excluded.offered_at, until = excluded.until

-- name: drop_offer(inquiry_id, agent)!
DELETE FROM offers WHERE inquiry_id = :inquiry_id AND agent = :agent

-- name: drop_offers(inquiry_id)!
DELETE FROM offers WHERE inquiry_id = :inquiry_id

-- name: drop_overdue(inquiry_id, now)!
DELETE FROM offers WHERE inquiry_id = :inquiry_id AND until <= :now

-- name: touch(id)!
-- Changes nothing: two transactions that end offers of the same inquiry meet in its row.
UPDATE inquiries SET version = version WHERE id = :id

-- name: refuse(inquiry_id, agent, until)!
INSERT INTO refusals (inquiry_id, agent, until) VALUES (:inquiry_id, :agent, :until)
ON CONFLICT (inquiry_id, agent) DO UPDATE SET until = excluded.until

-- name: forget_refusals(now)!
DELETE FROM refusals WHERE until <= :now

-- name: set_presence(id, presence, until, idle_since, at)!
-- `idle_since` NULL leaves it as it is.
INSERT INTO agents (id, presence, presence_since, presence_until, seen_at, idle_since)
VALUES (:id, :presence, CAST(:at AS DOUBLE PRECISION), :until, CAST(:at AS DOUBLE PRECISION),
        COALESCE(CAST(:idle_since AS DOUBLE PRECISION), CAST(:at AS DOUBLE PRECISION)))
ON CONFLICT (id) DO UPDATE SET presence = excluded.presence,
  presence_since = CASE WHEN agents.presence = excluded.presence THEN agents.presence_since
    ELSE excluded.presence_since END,
  presence_until = excluded.presence_until,
  idle_since = COALESCE(CAST(:idle_since AS DOUBLE PRECISION), agents.idle_since)

-- name: offered(id, at)!
UPDATE agents SET offered_at = :at WHERE id = :id

-- name: idle(id, at)!
UPDATE agents SET idle_since = :at WHERE id = :id

-- name: seen(id, at)!
UPDATE agents SET seen_at = :at WHERE id = :id AND seen_at < :at

-- name: rates(queue)^
SELECT body FROM queue_rates WHERE queue = :queue

-- name: keep_rates(queue, body)!
INSERT INTO queue_rates (queue, body) VALUES (:queue, :body)
ON CONFLICT (queue) DO UPDATE SET body = excluded.body

-- name: presence(id)$
SELECT presence FROM agents WHERE id = :id

-- name: wrapped_up(now)
SELECT id FROM agents WHERE presence = 'wrap_up' AND presence_until <= :now ORDER BY id

-- name: strays()
-- With somebody who is gone: the customer wrote again after they left.
SELECT DISTINCT a.id FROM agents a JOIN inquiries i ON i.assigned_to = a.id
WHERE a.presence = 'offline' AND i.state = 'assigned'

-- name: longest_in(queue, n)
-- What waits longest in a queue.
SELECT i.id, i.version, i.state, i.brand, i.queue, i.priority, i.urgent, i.lane, i.waiting_since,
       i.routing
FROM waiting_lanes l JOIN inquiries i ON i.lane = l.lane AND i.state = 'queued'
WHERE l.queue = :queue ORDER BY i.waiting_since, i.id LIMIT :n

-- name: last_in(queue, n)
-- What would be taken last.
SELECT i.id, i.version, i.state, i.brand, i.queue, i.priority, i.urgent, i.lane, i.waiting_since,
       i.routing
FROM waiting_lanes l JOIN inquiries i ON i.lane = l.lane AND i.state = 'queued'
WHERE l.queue = :queue ORDER BY i.rank DESC, i.waiting_since DESC, i.id DESC LIMIT :n

-- name: lanes()
-- Every lane in which something ever waited.
SELECT lane FROM waiting_lanes ORDER BY lane

-- name: line(lane, n)
-- The beginning of a lane.
SELECT rank, waiting_since FROM inquiries
WHERE state = 'queued' AND lane = :lane ORDER BY rank, waiting_since, id LIMIT :n

-- name: line_length(lane, n)^
-- How many wait in a lane, and since when; counted as far as `n`.
SELECT COUNT(*) AS waiting, MIN(waiting_since) AS oldest FROM (
  SELECT waiting_since FROM inquiries WHERE state = 'queued' AND lane = :lane
  ORDER BY rank, waiting_since, id LIMIT :n) AS one

-- name: line_end(lane)$
-- The greatest rank of a lane.
SELECT rank FROM inquiries
WHERE state = 'queued' AND lane = :lane ORDER BY rank DESC, waiting_since DESC, id DESC LIMIT 1
