-- name: add(id, account, conversation_id, inquiry_id, recipient, payload, created_at, due_at)!
INSERT INTO outbox (id, account, conversation_id, inquiry_id, recipient, payload, created_at, due_at)
VALUES (:id, :account, :conversation_id, :inquiry_id, :recipient, :payload, :created_at, :due_at)

-- name: due(account, now, n)
-- The oldest first; one of a conversation only when all before it have come to an end.
SELECT o.id FROM outbox o
WHERE o.account = :account AND o.state = 'ready' AND o.due_at <= :now
  AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.account = o.account AND p.until > :now)
  AND NOT EXISTS (
    SELECT 1 FROM outbox e
    WHERE e.conversation_id = o.conversation_id
      AND e.state IN ('ready', 'leased', 'begun', 'unknown')
      AND (e.created_at < o.created_at OR (e.created_at = o.created_at AND e.id < o.id)))
ORDER BY o.due_at, o.created_at, o.id
LIMIT :n

-- name: lease(id, owner, until)^
UPDATE outbox SET state = 'leased', owner = :owner, until = :until, attempts = attempts + 1
WHERE id = :id AND state = 'ready'
RETURNING id, account, conversation_id, inquiry_id, recipient, payload, attempts, created_at, begun_at

-- name: begun(id, owner, at)!
UPDATE outbox SET state = 'begun', begun_at = :at WHERE id = :id AND state = 'leased' AND owner = :owner

-- name: sent(id, external_id, at)!
UPDATE outbox SET state = 'sent', external_id = :external_id, sent_at = :at, failure = '', detail = '',
                  owner = ''
WHERE id = :id AND state IN ('leased', 'begun', 'unknown')

-- name: again(id, due_at, failure, detail)!
UPDATE outbox SET state = 'ready', due_at = :due_at, failure = :failure, detail = :detail, owner = '',
                  begun_at = NULL
WHERE id = :id AND state IN ('leased', 'begun', 'unknown')

-- name: unknown(id, due_at, detail)!
UPDATE outbox SET state = 'unknown', due_at = :due_at, failure = 'unknown', detail = :detail, owner = ''
WHERE id = :id AND state IN ('leased', 'begun', 'unknown')

-- name: stop(id, state, failure, detail)!
UPDATE outbox SET state = :state, failure = :failure, detail = :detail, owner = ''
WHERE id = :id AND state IN ('ready', 'leased', 'begun', 'unknown')

-- name: abandoned(now)
-- Rows whose worker's lease has run out. The first condition is the partial index's own.
SELECT id, account, state, begun_at FROM outbox
WHERE state IN ('leased', 'begun', 'unknown') AND state <> 'unknown' AND until <= :now

-- name: abandoned_by_others(owner)
-- At the start of the only process that may work on this database.
SELECT id, account, state, begun_at FROM outbox
WHERE state IN ('leased', 'begun', 'unknown') AND state <> 'unknown' AND owner <> :owner

-- name: unsettled(account, now, n)
-- Asked once a second; the list of states is the partial index's own.
SELECT id, account, conversation_id, inquiry_id, recipient, payload, attempts, created_at, begun_at
FROM outbox
WHERE state IN ('leased', 'begun', 'unknown') AND state = 'unknown'
  AND account = :account AND due_at <= :now
ORDER BY due_at LIMIT :n

-- name: recorded(account, external_id)$
-- Is this provider id already the proof of another row?
SELECT COUNT(*) FROM messages m JOIN outbox o ON o.id = m.id
WHERE m.account = :account AND m.external_id = :external_id AND m.external_id <> ''
  AND o.external_id = m.external_id

-- name: listed(state, n)
SELECT id, account, inquiry_id, recipient, state, attempts, created_at, due_at, begun_at, sent_at,
       external_id, failure, detail
FROM outbox WHERE (:state = '' OR state = :state)
ORDER BY created_at DESC, id DESC LIMIT :n

-- name: by_id(id)^
SELECT id, account, conversation_id, inquiry_id, recipient, payload, state, attempts, created_at,
       due_at, begun_at, sent_at, external_id, failure, detail
FROM outbox WHERE id = :id

-- name: release(id, due_at)!
-- A person decided: it may go out (again).
UPDATE outbox SET state = 'ready', due_at = :due_at, owner = '', begun_at = NULL, failure = '', detail = ''
WHERE id = :id AND state IN ('parked', 'dropped')

-- name: counts()
SELECT account, state, COUNT(*) AS n FROM outbox GROUP BY account, state

-- name: pause(account, until, why)!
INSERT INTO pauses (account, until, why) VALUES (:account, :until, :why)
ON CONFLICT (account) DO UPDATE SET until = excluded.until, why = excluded.why

-- name: pauses(now)
SELECT account, until, why FROM pauses WHERE until > :now

-- name: of_inquiry(inquiry_id)
SELECT o.id, o.account, o.recipient, o.state, o.attempts, o.created_at, o.due_at, o.sent_at,
       o.external_id, o.failure, o.detail
FROM messages m JOIN outbox o ON o.id = m.id
WHERE m.inquiry_id = :inquiry_id ORDER BY o.created_at, o.id
