-- Reply windows and budgets: how many of our messages may be out since the customer last wrote.

-- Grows with each message of the customer that opens the window.
ALTER TABLE conversations ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;

-- In which turn a message was begun, and how many of its transmissions in that turn may be out.
ALTER TABLE outbox ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN slots BIGINT NOT NULL DEFAULT 0;
-- The message that carries the text of this one.
ALTER TABLE outbox ADD COLUMN carrier TEXT NOT NULL DEFAULT '';

CREATE INDEX outbox_slots ON outbox (conversation_id, turn) WHERE slots > 0;
CREATE INDEX outbox_carried ON outbox (carrier) WHERE carrier <> '';
-- What goes out when the customer writes again.
CREATE INDEX outbox_shut ON outbox (conversation_id, created_at, id)
  WHERE state = 'parked' AND failure = 'window_closed';

-- Files of customers that a provider keeps for us, until they are fetched or lost. A claim moves `due_at`
-- behind the end of the try, so that what a dead process was at comes up again.
CREATE TABLE fetches (
  message_id TEXT NOT NULL REFERENCES messages (id),
  place BIGINT NOT NULL,
  account TEXT NOT NULL,
  due_at DOUBLE PRECISION NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  owner TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (message_id, place)
);
CREATE INDEX fetches_due ON fetches (account, due_at, message_id, place);
CREATE INDEX fetches_taken ON fetches (account) WHERE owner <> '';

-- Every text that an edited message has had, the first one included (number -1). The newest by
-- (written_at, number) is the message's.
CREATE TABLE revisions (
  id TEXT PRIMARY KEY,
  message_id TEXT NOT NULL REFERENCES messages (id),
  event_id TEXT NOT NULL,
  written_at DOUBLE PRECISION NOT NULL,
  number BIGINT NOT NULL,
  text TEXT NOT NULL,
  received_at DOUBLE PRECISION NOT NULL
);
CREATE UNIQUE INDEX revisions_message ON revisions (message_id, written_at, number);

-- When a message was taken back or erased: what it said is gone then.
ALTER TABLE messages ADD COLUMN unsent_at DOUBLE PRECISION;

-- Blobs that may have lost their last name: looked at until they are gone or named again.
CREATE TABLE unnamed_blobs (
  address TEXT PRIMARY KEY,
  due_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX unnamed_blobs_due ON unnamed_blobs (due_at);
-- What a message or an event names.
CREATE INDEX blob_refs_owner ON blob_refs (owner);
