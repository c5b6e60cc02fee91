-- name: add(id, account, conversation_id, inquiry_id, direction, visibility, author, automatic, at, subject, text, external_id, delivery, delivery_rank, meta)!
INSERT INTO messages (id, account, conversation_id, inquiry_id, direction, visibility, author,
                      automatic, at, subject, text, external_id, delivery, delivery_rank, meta)
VALUES (:id, :account, :conversation_id, :inquiry_id, :direction, :visibility, :author,
        :automatic, :at, :subject, :text, :external_id, :delivery, :delivery_rank, :meta)

-- name: of_inquiry(inquiry_id)
SELECT id, direction, visibility, author, automatic, at, subject, text, external_id, delivery,
       delivery_detail, meta
FROM messages WHERE inquiry_id = :inquiry_id ORDER BY at, id

-- name: automatic_since(conversation_id, since)$
SELECT COUNT(*) FROM messages
WHERE conversation_id = :conversation_id AND at >= :since AND direction = 'out' AND automatic = 1

-- name: answered_before(conversation_id)$
SELECT COUNT(*) FROM (
  SELECT 1 FROM messages
  WHERE conversation_id = :conversation_id AND direction = 'out' AND automatic = 1 LIMIT 1
) AS one

-- name: by_external(account, external_id)^
-- `<> ''` is what the partial index says; without it the whole table is read.
SELECT id, inquiry_id, conversation_id, direction, delivery, delivery_rank FROM messages
WHERE account = :account AND external_id = :external_id AND external_id <> ''

-- name: outgoing_by_external(account, external_id)^
-- Of our own only: a provider may number what comes and what goes separately.
SELECT id, inquiry_id, conversation_id, direction, delivery, delivery_rank FROM messages
WHERE account = :account AND external_id = :external_id AND external_id <> ''
  AND direction = 'out'

-- name: deliver(id, delivery, delivery_rank, detail)!
-- Forward only: an older receipt that arrives late changes nothing.
UPDATE messages SET delivery = :delivery, delivery_rank = :delivery_rank, delivery_detail = :detail
WHERE id = :id AND delivery_rank < :delivery_rank

-- name: set_external(id, external_id)!
UPDATE messages SET external_id = :external_id WHERE id = :id

-- name: by_id(id)^
SELECT id, inquiry_id, conversation_id, direction, delivery, delivery_rank FROM messages WHERE id = :id

-- name: queued_again(id)!
-- A person lets it go out once more: what became of it so far no longer counts.
UPDATE messages SET delivery = 'queued', delivery_rank = 0, delivery_detail = '' WHERE id = :id
