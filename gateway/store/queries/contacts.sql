-- name: handle(space, address)^
SELECT h.id, h.contact_id, h.trust, h.flag, c.name, c.language
FROM handles h JOIN contacts c ON c.id = h.contact_id
WHERE h.space = :space AND h.address = :address

-- name: known(space, address, account, since)^
-- Who writes, with what every plan asks: the conversation with this account, whether an automatic
-- text went out in it, and how many this address got of late, through whichever accounts.
SELECT h.id, h.contact_id, h.trust, h.flag, c.name, c.language, v.id AS conversation_id,
       EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = v.id
               AND m.direction = 'out' AND m.automatic = 1) AS greeted,
       (SELECT COUNT(*) FROM conversations o JOIN messages m ON m.conversation_id = o.id
        WHERE o.handle_id = h.id AND m.at >= :since AND m.direction = 'out' AND m.automatic = 1
       ) AS automatic
FROM handles h JOIN contacts c ON c.id = h.contact_id
LEFT JOIN conversations v ON v.handle_id = h.id AND v.account = :account
WHERE h.space = :space AND h.address = :address

-- name: handle_of_conversation(id)^
SELECT h.id, h.contact_id, h.trust, h.flag, h.space, h.address, c.name, c.language
FROM conversations v JOIN handles h ON h.id = v.handle_id JOIN contacts c ON c.id = h.contact_id
WHERE v.id = :id

-- name: add_contact(id, name, language, created_at)!
INSERT INTO contacts (id, name, language, created_at) VALUES (:id, :name, :language, :created_at)

-- name: add_handle(id, contact_id, space, address, trust, created_at)!
INSERT INTO handles (id, contact_id, space, address, trust, created_at)
VALUES (:id, :contact_id, :space, :address, :trust, :created_at)

-- name: set_language(id, language)!
UPDATE contacts SET language = :language WHERE id = :id

-- name: flag_handle(id, flag)!
-- An opt-out is the customer's word: no bounce that was planned beside it takes it away.
UPDATE handles SET flag = :flag
WHERE id = :id AND NOT (flag = 'opted_out' AND :flag IN ('bounced', 'failed'))

-- name: verify_handle(id)!
UPDATE handles SET trust = 'verified' WHERE id = :id

-- name: of_contact(contact_id)
SELECT h.id, h.contact_id, h.space, h.address, h.trust, h.flag FROM handles h
WHERE h.contact_id = :contact_id ORDER BY h.created_at, h.id

-- name: move_handles(contact_id, other)!
UPDATE handles SET contact_id = :contact_id WHERE contact_id = :other

-- name: move_inquiries(contact_id, other)!
UPDATE inquiries SET contact_id = :contact_id WHERE contact_id = :other

-- name: move_handle(id, contact_id)!
UPDATE handles SET contact_id = :contact_id WHERE id = :id

-- name: move_inquiries_of(handle_id, contact_id)!
UPDATE inquiries SET contact_id = :contact_id
WHERE conversation_id IN (SELECT v.id FROM conversations v WHERE v.handle_id = :handle_id)

-- name: conversation(account, handle_id)^
SELECT id, created_at, last_in_at, reply_to FROM conversations
WHERE account = :account AND handle_id = :handle_id

-- name: conversation_by_id(id)^
SELECT id, account, handle_id, created_at, last_in_at, reply_to, turn FROM conversations WHERE id = :id

-- name: ways(contact_id)
-- Conversations of the proved addresses of a contact, the latest first.
SELECT v.id, v.account, v.reply_to, h.space, h.address
FROM handles h JOIN conversations v ON v.handle_id = h.id
WHERE h.contact_id = :contact_id AND h.trust = 'verified' AND h.flag = ''
ORDER BY v.last_in_at DESC, v.id

-- name: open_conversation(id, account, handle_id, created_at)!
INSERT INTO conversations (id, account, handle_id, created_at)
VALUES (:id, :account, :handle_id, :created_at)

-- name: touch_conversation(id, last_in_at, reply_to, opens)^
UPDATE conversations
SET reply_to = :reply_to, turn = turn + :opens,
    last_in_at = CASE WHEN :opens = 1 AND last_in_at < :last_in_at THEN :last_in_at ELSE last_in_at END
WHERE id = :id RETURNING turn, last_in_at

-- name: advance(id)!
-- Before a message is added: see `messages.advance`.
UPDATE conversations SET rev = rev + 1 WHERE id = :id

-- name: revision(account, space, address)$
-- The last change of what was said there.
SELECT v.rev FROM handles h JOIN conversations v ON v.handle_id = h.id AND v.account = :account
WHERE h.space = :space AND h.address = :address

-- name: set_context(id, reply_to)!
UPDATE conversations SET reply_to = :reply_to WHERE id = :id
