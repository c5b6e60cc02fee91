-- name: add(id, conversation_id, inquiry_id, direction, visibility, author, automatic, at, subject, text, external_id, delivery, delivery_rank, meta)!
INSERT INTO messages (id, account, conversation_id, inquiry_id, direction, visibility, author,
                      automatic, at, subject, text, external_id, delivery, delivery_rank, meta)
SELECT :id, v.account, v.id, :inquiry_id, :direction, :visibility, :author,
       :automatic, :at, :subject, :text, :external_id, :delivery, :delivery_rank, :meta
FROM conversations v WHERE v.id = :conversation_id

-- name: of_inquiry(inquiry_id)
SELECT id, direction, visibility, author, automatic, at, subject, text, external_id, delivery,
       delivery_detail, meta
FROM messages WHERE inquiry_id = :inquiry_id ORDER BY at, id

-- name: marked_since(conversation_id, since, mark)$
-- Automatic texts that carry a mark, written as LIKE wants it.
SELECT COUNT(*) FROM messages
WHERE conversation_id = :conversation_id AND at >= :since AND direction = 'out'
  AND automatic = 1 AND meta LIKE :mark

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
-- Forward only: an older receipt that arrives late changes nothing.
UPDATE messages SET delivery = :delivery, delivery_rank = :delivery_rank, delivery_detail = :detail
WHERE id = :id AND delivery_rank < :delivery_rank

-- name: set_external(id, external_id)!
UPDATE messages SET external_id = :external_id WHERE id = :id

-- name: by_id(id)^
SELECT id, account, inquiry_id, conversation_id, direction, delivery, delivery_rank FROM messages WHERE id = :id

-- name: queued_again(id)!
-- A person lets it go out once more: what became of it so far no longer counts.
UPDATE messages SET delivery = 'queued', delivery_rank = 0, delivery_detail = '' WHERE id = :id

-- name: in_conversation(id)^
-- One message with whom it was exchanged.
SELECT m.id, m.inquiry_id, m.conversation_id, m.direction, m.visibility, m.subject, m.text, m.at,
       v.account, v.handle_id, h.contact_id
FROM messages m JOIN conversations v ON v.id = m.conversation_id JOIN handles h ON h.id = v.handle_id
WHERE m.id = :id

-- name: received(inquiry_id)$
SELECT COUNT(*) FROM messages WHERE inquiry_id = :inquiry_id AND direction = 'in'

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
