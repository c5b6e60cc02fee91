-- name: accept(id, account, dedup_key, lane, type, received_at, verified, body)*!
INSERT INTO raw_events (id, account, dedup_key, lane, type, received_at, verified, body)
VALUES (:id, :account, :dedup_key, :lane, :type, :received_at, :verified, :body)
ON CONFLICT (account, dedup_key) DO NOTHING

-- name: accept_one(id, account, dedup_key, lane, type, received_at, verified, body)!
INSERT INTO raw_events (id, account, dedup_key, lane, type, received_at, verified, body)
VALUES (:id, :account, :dedup_key, :lane, :type, :received_at, :verified, :body)
ON CONFLICT (account, dedup_key) DO NOTHING

-- name: by_key(account, dedup_key)^
SELECT id, state FROM raw_events WHERE account = :account AND dedup_key = :dedup_key

-- name: pending(now, n)
-- Oldest first, without lanes that somebody holds or that wait after a failure. A look only.
SELECT r.id, r.account, r.lane, r.type, r.received_at, r.verified, r.body, r.attempts
FROM raw_events r
WHERE r.state = 'pending'
  AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.lane = r.lane AND l.until > :now)
ORDER BY r.id
LIMIT :n

-- name: claimable(now, n)
-- The lanes worth taking. What another process looks at to take it is passed over, so that several
-- do not wait for each other; what the lanes hold is read when they are taken (`taken`).
SELECT r.id, r.lane
FROM raw_events r
WHERE r.state = 'pending'
  AND NOT EXISTS (SELECT 1 FROM lanes l WHERE l.lane = r.lane AND l.until > :now)
ORDER BY r.id
LIMIT :n
/* postgres: FOR UPDATE OF r SKIP LOCKED */

-- name: take_lane(lane, owner, until, now)*!
INSERT INTO lanes (lane, owner, until) VALUES (:lane, :owner, :until)
ON CONFLICT (lane) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE lanes.until <= :now

-- name: taken(owner, last)
-- What waits in the lanes of this owner, up to the last that it saw when it took them.
SELECT r.id, r.account, r.lane, r.type, r.received_at, r.verified, r.body, r.attempts
FROM raw_events r
WHERE r.state = 'pending' AND r.id <= :last
  AND EXISTS (SELECT 1 FROM lanes l WHERE l.lane = r.lane AND l.owner = :owner)
ORDER BY r.id

-- name: hold_lane(lane, owner, until)*!
-- Still ours, from here to the commit: on PostgreSQL the row is locked.
UPDATE lanes SET until = :until WHERE lane = :lane AND owner = :owner

-- name: renew_lanes(owner, until)!
UPDATE lanes SET until = :until WHERE owner = :owner

-- name: free_lane(lane, owner)*!
DELETE FROM lanes WHERE lane = :lane AND owner = :owner

-- name: pause_lane(lane, owner, until)!
UPDATE lanes SET owner = '', until = :until WHERE lane = :lane AND owner = :owner

-- name: free_lanes_of_others(owner)!
-- At the start of the only process that may work on this database.
DELETE FROM lanes WHERE owner <> '' AND owner <> :owner

-- name: free_lanes_of(owner)!
DELETE FROM lanes WHERE owner = :owner

-- name: finish(id, state, error)*!
UPDATE raw_events SET state = :state, error = :error WHERE id = :id AND state = 'pending'

-- name: failed_once(id, error)!
UPDATE raw_events SET attempts = attempts + 1, error = :error WHERE id = :id AND state = 'pending'

-- name: counts()
SELECT state, COUNT(*) AS n FROM raw_events GROUP BY state

-- name: waiting()$
SELECT COUNT(*) FROM raw_events WHERE state = 'pending'

-- name: quarantine(id, account, stage, reason, blob, dedup_key, event_id, at, meta)!
INSERT INTO quarantine (id, account, stage, reason, blob, dedup_key, event_id, at, meta)
VALUES (:id, :account, :stage, :reason, :blob, :dedup_key, :event_id, :at, :meta)
ON CONFLICT (account, dedup_key) DO NOTHING

-- name: quarantined_as(account, dedup_key)$
SELECT id FROM quarantine WHERE account = :account AND dedup_key = :dedup_key

-- name: quarantined_one(id)^
SELECT id, account, stage, reason, blob, dedup_key, event_id, at, state, meta
FROM quarantine WHERE id = :id

-- name: quarantine_replayed(id, at)!
UPDATE quarantine SET state = 'replayed', replayed_at = :at WHERE id = :id AND state = 'kept'

-- name: quarantine_outlived(before, n)
SELECT id, account, blob, meta FROM quarantine WHERE blob <> '' AND at < :before ORDER BY at, id LIMIT :n

-- name: quarantine_erase(id)!
UPDATE quarantine SET state = 'expired', blob = '', meta = '{}' WHERE id = :id AND blob <> ''

-- name: quarantine_count()$
SELECT COUNT(*) FROM quarantine WHERE state = 'kept'

-- name: revive_as(id, fresh)!
-- Under a new id, from which the ids of all it makes follow: nothing of the failed try is in the way.
UPDATE raw_events SET id = :fresh, state = 'pending', attempts = 0, error = ''
WHERE id = :id AND state = 'quarantined'

-- name: quarantine_listed(state, n)
-- An empty state means any.
SELECT id, account, stage, reason, blob, event_id, at, state, replayed_at, meta
FROM quarantine WHERE (:state = '' OR state = :state) ORDER BY at DESC, id DESC LIMIT :n

-- name: in_lane(account, dedup_key, lane)^
SELECT id, body FROM raw_events
WHERE account = :account AND dedup_key = :dedup_key AND lane = :lane AND state <> 'pending'

-- name: forget(id)!
-- What it said; that it came stays known.
UPDATE raw_events SET body = NULL WHERE id = :id AND state <> 'pending'
