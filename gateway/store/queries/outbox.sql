-- name: add(id, account, conversation_id, inquiry_id, recipient, payload, created_at, due_at)!
INSERT INTO outbox (id, account, conversation_id, inquiry_id, recipient, payload, created_at, due_at)
VALUES (:id, :account, :conversation_id, :inquiry_id, :recipient, :payload, :created_at, :due_at)

-- name: any_due(account, now)$
-- A look before the claim, which locks what it finds; whether an earlier one of the conversation is
-- open the claim sees.
SELECT 1 FROM outbox o
WHERE o.account = :account AND o.state = 'ready' AND o.due_at <= :now
  AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.account = o.account AND p.until > :now)
LIMIT 1

-- name: due(account, now, n)
-- The oldest first; one of a conversation only when all before it have come to an end. Rows that
-- another process is taking are passed over: to this look they are open, so nothing overtakes them.
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
/* postgres: FOR UPDATE OF o SKIP LOCKED */

-- name: lease(id, owner, until)^
UPDATE outbox SET state = 'leased', owner = :owner, until = :until, attempts = attempts + 1
WHERE id = :id AND state = 'ready'
RETURNING id, account, conversation_id, inquiry_id, recipient, payload, state, owner, attempts,
          created_at, begun_at

-- name: begun(id, owner, attempts, at, until)!
-- Only while the lease lasts, and with a whole lease before it: nobody takes over what is being sent.
UPDATE outbox SET state = 'begun', begun_at = :at, until = :until
WHERE id = :id AND state = 'leased' AND owner = :owner AND attempts = :attempts AND until > :at

-- name: sent(id, external_id, at)!
-- By whoever sent it: a fact, whoever has the row by now.
UPDATE outbox SET state = 'sent', external_id = :external_id, sent_at = :at, failure = '', detail = '',
                  owner = '', until = 0
WHERE id = :id AND state <> 'sent'

-- name: found(id, owner, attempts, external_id, at)!
-- By whoever asked the provider.
UPDATE outbox SET state = 'sent', external_id = :external_id, sent_at = :at, failure = '', detail = '',
                  owner = '', until = 0
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state = 'unknown'

-- name: again(id, owner, attempts, due_at, failure, detail)!
UPDATE outbox SET state = 'ready', due_at = :due_at, failure = :failure, detail = :detail, owner = '',
                  until = 0, begun_at = NULL
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state IN ('leased', 'begun', 'unknown')

-- name: unknown(id, owner, attempts, due_at, detail)!
UPDATE outbox SET state = 'unknown', due_at = :due_at, failure = 'unknown', detail = :detail, owner = '',
                  until = 0
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state IN ('leased', 'begun', 'unknown')

-- name: stop(id, owner, attempts, state, failure, detail)!
UPDATE outbox SET state = :state, failure = :failure, detail = :detail, owner = '', until = 0
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state IN ('leased', 'begun', 'unknown')

-- name: abandoned(now)
-- Rows whose worker's lease has run out. The first condition is the partial index's own.
SELECT id, attempts FROM outbox
WHERE state IN ('leased', 'begun', 'unknown') AND state <> 'unknown' AND until <= :now

-- name: unsettled(account, now, n)
-- Asked once a second; the list of states is the partial index's own.
SELECT id FROM outbox
WHERE state IN ('leased', 'begun', 'unknown') AND state = 'unknown'
  AND account = :account AND due_at <= :now AND until <= :now
ORDER BY due_at LIMIT :n

-- name: take_over(id, owner, now, until)^
-- A row that nobody holds, or nobody any more: of all who want to settle it one gets it.
UPDATE outbox SET owner = :owner, until = :until
WHERE id = :id AND state IN ('leased', 'begun', 'unknown') AND until <= :now
  AND (state <> 'unknown' OR due_at <= :now)
RETURNING id, account, conversation_id, inquiry_id, recipient, payload, state, owner, attempts,
          created_at, begun_at

-- name: end_leases_of_others(owner)!
-- At the start of the only process that may work on this database.
UPDATE outbox SET until = 0 WHERE state IN ('leased', 'begun', 'unknown') AND owner <> :owner

-- name: give_back(owner)!
-- At the end of a process: what it took and did not begin.
UPDATE outbox SET state = 'ready', owner = '', until = 0
WHERE state IN ('leased', 'begun', 'unknown') AND state = 'leased' AND owner = :owner

-- name: end_leases(owner)!
-- At the end of a process: what it broke off.
UPDATE outbox SET until = 0 WHERE state IN ('leased', 'begun', 'unknown') AND owner = :owner

-- name: one_by_one(conversation_id)!
-- Of two processes that settle rows of one conversation at the same time, the second sees the first.
UPDATE conversations SET last_in_at = last_in_at WHERE id = :conversation_id

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
WHERE excluded.until > pauses.until

-- name: pauses(now)
SELECT account, until, why FROM pauses WHERE until > :now

-- name: of_inquiry(inquiry_id)
SELECT o.id, o.account, o.recipient, o.state, o.attempts, o.created_at, o.due_at, o.sent_at,
       o.external_id, o.failure, o.detail
FROM messages m JOIN outbox o ON o.id = m.id
WHERE m.inquiry_id = :inquiry_id ORDER BY o.created_at, o.id
