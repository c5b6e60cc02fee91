-- Merged inquiries, and the conversations of one address across accounts.

-- The inquiry that a merged one went into; '' for the others.
ALTER TABLE inquiries ADD COLUMN merged_into TEXT NOT NULL DEFAULT '';

CREATE INDEX conversations_handle ON conversations (handle_id);
CREATE INDEX inquiries_contact ON inquiries (contact_id);
