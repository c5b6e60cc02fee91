-- What changed in a conversation since somebody looked: a customer's chat goes on where it was cut.

-- Grows with every message that is added or changed. What was there before has the first.
ALTER TABLE conversations ADD COLUMN rev BIGINT NOT NULL DEFAULT 1;
-- The revision of its conversation in which a message was last changed.
ALTER TABLE messages ADD COLUMN rev BIGINT NOT NULL DEFAULT 1;

CREATE INDEX messages_revision ON messages (conversation_id, rev);
