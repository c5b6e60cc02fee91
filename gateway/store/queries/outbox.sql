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
          created_at, begun_at, external_id, slots

-- name: following(conversation_id, created_at, id)
-- What goes out behind a message, in order.
SELECT id, inquiry_id, recipient, payload, state, due_at, slots FROM outbox
WHERE conversation_id = :conversation_id AND state IN ('ready', 'leased', 'begun', 'unknown')
  AND (created_at > :created_at OR (created_at = :created_at AND id > :id))
ORDER BY created_at, id

-- name: carry(id, payload)!
UPDATE outbox SET payload = :payload WHERE id = :id

-- name: carried(id, carrier)!
-- From now on it goes the way of the other one.
UPDATE outbox SET state = 'merged', carrier = :carrier WHERE id = :id AND state = 'ready'

-- name: hand_on(id, carrier)!
-- What it carried itself.
UPDATE outbox SET carrier = :carrier WHERE carrier = :id AND carrier <> ''

-- name: carried_by(carrier)
SELECT id, inquiry_id FROM outbox WHERE carrier = :carrier AND carrier <> '' ORDER BY created_at, id

-- name: end_carried(carrier, state, external_id, at)!
UPDATE outbox SET state = :state, external_id = :external_id, sent_at = :at
WHERE carrier = :carrier AND carrier <> '' AND state = 'merged'

-- name: begun(id, owner, attempts, at, until, slots)^
-- Only while the lease lasts, and with a whole lease before it: nobody takes over what is being sent.
UPDATE outbox
SET state = 'begun', begun_at = :at, until = :until,
    slots = :slots + CASE WHEN turn = (SELECT v.turn FROM conversations v WHERE v.id = outbox.conversation_id)
                          THEN slots ELSE 0 END,
    turn = COALESCE((SELECT v.turn FROM conversations v WHERE v.id = outbox.conversation_id), 0)
WHERE id = :id AND state = 'leased' AND owner = :owner AND attempts = :attempts AND until > :at
RETURNING turn

-- name: used(conversation_id, turn, id)$
-- Transmissions in a turn that may be out, without those of one message.
SELECT CAST(COALESCE(SUM(slots), 0) AS BIGINT) FROM outbox
WHERE conversation_id = :conversation_id AND turn = :turn AND slots > 0 AND id <> :id

-- name: open_of(conversation_id, public)^
-- How many are still to go out, and how many on their way.
SELECT COUNT(CASE WHEN o.state IN ('ready', 'leased') AND o.slots = 0 THEN 1 END) AS to_go,
       COUNT(CASE WHEN o.state IN ('begun', 'unknown') OR o.slots > 0 THEN 1 END) AS under_way
FROM outbox o JOIN messages m ON m.id = o.id
WHERE o.conversation_id = :conversation_id AND o.state IN ('ready', 'leased', 'begun', 'unknown')
  AND (m.visibility = 'private' OR :public = 1)

-- name: shut(conversation_id)
-- What waits until the customer writes again.
SELECT id, inquiry_id, created_at FROM outbox
WHERE conversation_id = :conversation_id AND state = 'parked' AND failure = 'window_closed'
ORDER BY created_at, id

-- name: follow_turn(conversation_id, turn, last_in_at, since)!
-- What is on its way, what was recorded behind the customer's message, and what may have gone out behind it.
UPDATE outbox SET turn = :turn
WHERE conversation_id = :conversation_id AND turn = :turn - 1 AND slots > 0
  AND (state IN ('ready', 'leased', 'begun', 'unknown') OR sent_at >= :last_in_at
       OR (sent_at IS NULL AND begun_at >= :since))

-- name: relabel(id, failure)!
UPDATE outbox SET failure = :failure WHERE id = :id

-- name: leave(id, state, detail)!
-- It goes another way. Only what surely did not go out.
UPDATE outbox SET state = :state, detail = :detail
WHERE id = :id AND state IN ('parked', 'dropped') AND slots = 0 AND failure <> 'unknown'

-- name: made_by(first, last)
-- By the id of an event: the ids of all that it made begin with it.
SELECT o.id, o.account, o.conversation_id, o.inquiry_id, o.recipient, o.payload, o.state, o.attempts,
       o.created_at, o.external_id, i.state AS inquiry_state
FROM outbox o JOIN inquiries i ON i.id = o.inquiry_id
WHERE o.id > :first AND o.id < :last
ORDER BY o.created_at, o.id

-- name: earlier_open(id, event)$
-- Of another event: what one event made goes into one reply.
SELECT 1 FROM outbox o JOIN outbox e ON e.conversation_id = o.conversation_id
WHERE o.id = :id AND e.state IN ('ready', 'leased', 'begun', 'unknown')
  AND (e.created_at < o.created_at OR (e.created_at = o.created_at AND e.id < o.id))
  AND substr(e.id, 1, length(CAST(:event AS TEXT))) <> CAST(:event AS TEXT)
LIMIT 1

-- name: begun_here(id, owner, at, until, external_id)!
-- It goes into the reply to the call that asked; marked so, lest it ever goes another way.
UPDATE outbox SET state = 'begun', owner = :owner, until = :until, begun_at = :at,
                  attempts = attempts + 1, external_id = :external_id
WHERE id = :id AND state = 'ready'

-- name: begun_again_here(id, owner, at, until)!
-- The call was repeated, so its first reply did not arrive.
UPDATE outbox SET state = 'begun', owner = :owner, until = :until, begun_at = :at,
                  attempts = attempts + 1, failure = '', detail = ''
WHERE id = :id AND state IN ('leased', 'begun', 'unknown', 'parked')

-- name: sent(id, external_id, at, slots)!
-- By whoever sent it: a fact, whoever has the row by now.
UPDATE outbox SET state = 'sent', external_id = :external_id, sent_at = :at, failure = '', detail = '',
                  owner = '', until = 0, slots = CASE WHEN slots < :slots THEN :slots ELSE slots END
WHERE id = :id AND state <> 'sent'

-- name: found(id, owner, attempts, external_id, at)!
-- By whoever asked the provider.
UPDATE outbox SET state = 'sent', external_id = :external_id, sent_at = :at, failure = '', detail = '',
                  owner = '', until = 0
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state = 'unknown'

-- name: again(id, owner, attempts, due_at, failure, detail)!
UPDATE outbox SET state = 'ready', due_at = :due_at, failure = :failure, detail = :detail, owner = '',
                  until = 0, begun_at = NULL, external_id = '',
                  slots = CASE WHEN begun_at IS NULL OR slots = 0 OR :failure = 'unknown'
                               THEN slots ELSE slots - 1 END
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state IN ('leased', 'begun', 'unknown')

-- name: unknown(id, owner, attempts, due_at, detail)!
UPDATE outbox SET state = 'unknown', due_at = :due_at, failure = 'unknown', detail = :detail, owner = '',
                  until = 0
WHERE id = :id AND owner = :owner AND attempts = :attempts AND state IN ('leased', 'begun', 'unknown')

-- name: stop(id, owner, attempts, state, failure, detail)!
UPDATE outbox SET state = :state, failure = :failure, detail = :detail, owner = '', until = 0,
                  slots = CASE WHEN begun_at IS NULL OR slots = 0 OR :failure = 'unknown'
                               THEN slots ELSE slots - 1 END
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
          created_at, begun_at, external_id, slots

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
SELECT id, account, conversation_id, inquiry_id, recipient, state, attempts, created_at, due_at, begun_at,
       sent_at, external_id, failure, detail, carrier
FROM outbox WHERE (:state = '' OR state = :state)
ORDER BY created_at DESC, id DESC LIMIT :n

-- name: by_id(id)^
SELECT id, account, conversation_id, inquiry_id, recipient, payload, state, attempts, created_at,
       due_at, begun_at, sent_at, external_id, failure, detail, slots, carrier
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
       o.external_id, o.failure, o.detail, o.carrier
FROM messages m JOIN outbox o ON o.id = m.id
WHERE m.inquiry_id = :inquiry_id ORDER BY o.created_at, o.id

-- name: payloads_of(inquiry_id)
-- By the messages: the outbox has no index by inquiry.
SELECT o.id, o.payload FROM messages m JOIN outbox o ON o.id = m.id WHERE m.inquiry_id = :inquiry_id
