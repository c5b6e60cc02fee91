-- name: last()^
SELECT seq, chain FROM events WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1

-- name: append(id, seq, kind, inquiry_id, at, digest, chain)*!
INSERT INTO events (id, seq, kind, inquiry_id, at, digest, chain)
VALUES (:id, :seq, :kind, :inquiry_id, :at, :digest, :chain)

-- name: append_contents(event_id, salt, data)*!
INSERT INTO event_contents (event_id, salt, data) VALUES (:event_id, :salt, :data)

-- name: unsealed(n)
-- What the leader numbers next.
SELECT id, kind, inquiry_id, at, digest FROM events WHERE seq IS NULL
ORDER BY /* postgres: placed, */ id LIMIT :n

-- name: number(id, seq, chain)*!
UPDATE events SET seq = :seq, chain = :chain WHERE id = :id AND seq IS NULL

-- name: after(seq, n)
SELECT e.seq, e.id, e.kind, e.inquiry_id, e.at, e.digest, e.chain, c.salt, c.data
FROM events e LEFT JOIN event_contents c ON c.event_id = e.id
WHERE e.seq > :seq ORDER BY e.seq LIMIT :n

-- name: of_inquiry(inquiry_id)
SELECT e.seq, e.id, e.kind, e.inquiry_id, e.at, c.data
FROM events e LEFT JOIN event_contents c ON c.event_id = e.id
WHERE e.inquiry_id = :inquiry_id AND e.seq IS NOT NULL ORDER BY e.seq

-- name: contents(id)^
SELECT event_id, data FROM event_contents WHERE event_id = :id

-- name: contents_of(inquiry_id)
SELECT c.event_id, c.data FROM events e JOIN event_contents c ON c.event_id = e.id
WHERE e.inquiry_id = :inquiry_id

-- name: erase(id)!
-- With its salt: nobody can guess what it said. The event and its digest stay in the chain.
DELETE FROM event_contents WHERE event_id = :id
