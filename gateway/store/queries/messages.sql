-- name: add(id, conversation_id, inquiry_id, direction, visibility, author, automatic, at, subject, text, external_id, delivery, delivery_rank, meta)!
-- After `contacts.advance`.
INSERT INTO messages (id, account, conversation_id, inquiry_id, direction, visibility, author,
                      automatic, at, subject, text, external_id, delivery, delivery_rank, meta, rev)
SELECT :id, v.account, v.id, :inquiry_id, :direction, :visibility, :author,
       :automatic, :at, :subject, :text, :external_id, :delivery, :delivery_rank, :meta, v.rev
FROM conversations v WHERE v.id = :conversation_id

-- name: advance(id)!
-- Before a message changes: the next revision of its conversation is its own. The row of the
-- conversation is held until the commit, so revisions become visible in their order.
UPDATE conversations SET rev = rev + 1
WHERE id = (SELECT m.conversation_id FROM messages m WHERE m.id = :id)

-- name: since(account, space, address, rev, n)
-- What its customer may see of a conversation, as it is now, of what changed after a revision: never
-- a note, and what we wrote from when it is out.
SELECT m.id, m.rev, m.direction, m.author, m.automatic, m.at, m.text, m.external_id, m.delivery, m.meta,
       m.unsent_at
FROM handles h JOIN conversations v ON v.handle_id = h.id AND v.account = :account
JOIN messages m ON m.conversation_id = v.id
WHERE h.space = :space AND h.address = :address AND m.rev > :rev AND m.visibility <> 'note'
  AND (m.direction = 'in' OR m.delivery IN ('sent', 'delivered', 'read'))
ORDER BY m.rev LIMIT :n

-- name: seen_by(account, space, address, id)^
-- One message of it.
SELECT m.id, m.rev, m.direction, m.author, m.automatic, m.at, m.text, m.external_id, m.delivery, m.meta,
       m.unsent_at
FROM messages m JOIN conversations v ON v.id = m.conversation_id AND v.account = :account
JOIN handles h ON h.id = v.handle_id
WHERE m.id = :id AND h.space = :space AND h.address = :address AND m.visibility <> 'note'
  AND (m.direction = 'in' OR m.delivery IN ('sent', 'delivered', 'read'))

-- name: of_inquiry(inquiry_id)
SELECT id, direction, visibility, author, automatic, at, subject, text, external_id, delivery,
       delivery_detail, meta, unsent_at
FROM messages WHERE inquiry_id = :inquiry_id ORDER BY at, id

-- name: marked_since(conversation_id, since, mark)$
-- Automatic texts that carry a mark, written as LIKE wants it.
SELECT COUNT(*) FROM messages
WHERE conversation_id = :conversation_id AND at >= :since AND direction = 'out'
  AND automatic = 1 AND meta LIKE :mark

-- name: last_inquiry(conversation_id)$
-- Which matter was talked of there last.
SELECT inquiry_id FROM messages
WHERE conversation_id = :conversation_id AND direction = 'in' ORDER BY at DESC, id DESC LIMIT 1

-- name: author(id)$
SELECT author FROM messages WHERE id = :id

-- name: last_visibility(conversation_id)$
-- Of the last thing the customer said there.
SELECT visibility FROM messages
WHERE conversation_id = :conversation_id AND direction = 'in' ORDER BY at DESC, id DESC LIMIT 1

-- name: outgoing_by_external(account, external_id)^
-- Of our own only: a provider may number what comes and what goes separately. `<> ''` is what the
-- partial index says; without it the whole table is read.
SELECT id, account, inquiry_id, conversation_id, direction, delivery, delivery_rank FROM messages
WHERE account = :account AND external_id = :external_id AND external_id <> ''
  AND direction = 'out'

-- name: of_handle(account, external_id, handle_id)^
-- The message of that id in a conversation with this address: anybody may write any id.
SELECT m.id, m.inquiry_id FROM messages m JOIN conversations v ON v.id = m.conversation_id
WHERE m.account = :account AND m.external_id = :external_id AND m.external_id <> ''
  AND v.handle_id = :handle_id
ORDER BY m.at DESC, m.id DESC LIMIT 1

-- name: deliver(id, delivery, delivery_rank, detail)!
-- Forward only: an older receipt that arrives late changes nothing. After `advance`.
UPDATE messages SET delivery = :delivery, delivery_rank = :delivery_rank, delivery_detail = :detail,
  rev = (SELECT v.rev FROM conversations v WHERE v.id = messages.conversation_id)
WHERE id = :id AND delivery_rank < :delivery_rank

-- name: deliver_carried(carrier, delivery, delivery_rank, detail)!
-- What went out inside of another message has its fate.
UPDATE messages SET delivery = :delivery, delivery_rank = :delivery_rank, delivery_detail = :detail,
  rev = (SELECT v.rev FROM conversations v WHERE v.id = messages.conversation_id)
WHERE id IN (SELECT o.id FROM outbox o WHERE o.carrier = :carrier AND o.carrier <> '')
  AND delivery_rank < :delivery_rank

-- name: set_external(id, external_id)!
UPDATE messages SET external_id = :external_id WHERE id = :id

-- name: by_id(id)^
SELECT id, account, inquiry_id, conversation_id, direction, delivery, delivery_rank FROM messages WHERE id = :id

-- name: queued_again(id)!
-- A person lets it go out once more: what became of it so far no longer counts.
UPDATE messages SET delivery = 'queued', delivery_rank = 0, delivery_detail = '',
  rev = (SELECT v.rev FROM conversations v WHERE v.id = messages.conversation_id)
WHERE id = :id OR id IN (SELECT o.id FROM outbox o WHERE o.carrier = :id AND o.carrier <> '')

-- name: in_conversation(id)^
-- One message with whom it was exchanged.
SELECT m.id, m.inquiry_id, m.conversation_id, m.direction, m.visibility, m.subject, m.text, m.at,
       v.account, v.handle_id, h.contact_id
FROM messages m JOIN conversations v ON v.id = m.conversation_id JOIN handles h ON h.id = v.handle_id
WHERE m.id = :id

-- name: received(inquiry_id)$
SELECT COUNT(*) FROM messages WHERE inquiry_id = :inquiry_id AND direction = 'in'

-- name: first_in(inquiry_id)$
-- When the first message of the customer in it was received.
SELECT MIN(at) FROM messages WHERE inquiry_id = :inquiry_id AND direction = 'in'

-- name: move(id, source, target)!
UPDATE messages SET inquiry_id = :target WHERE id = :id AND inquiry_id = :source

-- name: move_send(id, target)!
UPDATE outbox SET inquiry_id = :target WHERE id = :id

-- name: move_all(source, target)!
UPDATE messages SET inquiry_id = :target WHERE inquiry_id = :source

-- name: move_all_sends(source, target)!
-- After the messages: by their rows, for the outbox has no index by inquiry.
UPDATE outbox SET inquiry_id = :target
WHERE inquiry_id = :source AND id IN (SELECT m.id FROM messages m WHERE m.inquiry_id = :target)

-- name: of_sender(account, external_id, handle_id)^
-- What the customer of this address wrote under that id.
SELECT m.id, m.inquiry_id, m.conversation_id, m.unsent_at
FROM messages m JOIN conversations v ON v.id = m.conversation_id
WHERE m.account = :account AND m.external_id = :external_id AND m.external_id <> ''
  AND v.handle_id = :handle_id AND m.direction = 'in'
ORDER BY m.at DESC, m.id DESC LIMIT 1

-- name: content(id)^
SELECT id, account, inquiry_id, conversation_id, direction, visibility, at, subject, text, meta, unsent_at
FROM messages WHERE id = :id

-- name: set_text(id, text)!
-- After `advance`.
UPDATE messages SET text = :text,
  rev = (SELECT v.rev FROM conversations v WHERE v.id = messages.conversation_id)
WHERE id = :id

-- name: set_subject(id, subject)!
UPDATE messages SET subject = :subject WHERE id = :id

-- name: set_meta(id, meta)!
UPDATE messages SET meta = :meta WHERE id = :id

-- name: unsend(id, at)!
-- The row stays, with its ids: what was taken back does not come again. After `advance`.
UPDATE messages SET text = '', subject = '', meta = '{}', unsent_at = :at,
  rev = (SELECT v.rev FROM conversations v WHERE v.id = messages.conversation_id)
WHERE id = :id

-- name: add_revision(id, message_id, event_id, written_at, number, text, received_at)!
INSERT INTO revisions (id, message_id, event_id, written_at, number, text, received_at)
VALUES (:id, :message_id, :event_id, :written_at, :number, :text, :received_at)
ON CONFLICT (message_id, written_at, number) DO NOTHING

-- name: revisions(message_id)
-- The newest last.
SELECT id, event_id, written_at, number, text, received_at FROM revisions
WHERE message_id = :message_id ORDER BY written_at, number

-- name: newest(message_id)^
SELECT text FROM revisions WHERE message_id = :message_id ORDER BY written_at DESC, number DESC LIMIT 1

-- name: revisions_of(inquiry_id)
-- What its messages said before, the newest last.
SELECT r.message_id, r.written_at, r.number, r.text, r.received_at
FROM messages m JOIN revisions r ON r.message_id = m.id
WHERE m.inquiry_id = :inquiry_id ORDER BY r.message_id, r.written_at, r.number

-- name: drop_revisions(message_id)!
DELETE FROM revisions WHERE message_id = :message_id
