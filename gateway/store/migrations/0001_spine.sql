-- The tables of the spine. Plain SQL that both engines run; times are seconds since 1970 (UTC),
-- JSON is text, flags are 0 or 1. What one engine alone understands stands in a comment for it.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- What was accepted: the parsed, redacted re-encoding of each event, kept under the provider's id.
-- The dedup key stays when retention clears the body.
CREATE TABLE raw_events (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  dedup_key TEXT NOT NULL,
  lane TEXT NOT NULL,
  type TEXT NOT NULL,
  received_at DOUBLE PRECISION NOT NULL,
  verified TEXT NOT NULL,
  body TEXT,
  state TEXT NOT NULL DEFAULT 'pending',
  attempts BIGINT NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT ''
) /* sqlite: WITHOUT ROWID */;
CREATE UNIQUE INDEX raw_events_dedup ON raw_events (account, dedup_key);
CREATE INDEX raw_events_pending ON raw_events (id) WHERE state = 'pending';

-- Who works on which inbound lane. A row with a future `until` keeps everybody else out; after a
-- failure it stays, without owner, as the pause before the next try.
CREATE TABLE lanes (
  lane TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  until DOUBLE PRECISION NOT NULL
);

-- What could not be read. The bytes lie encrypted in the blob store.
CREATE TABLE quarantine (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  stage TEXT NOT NULL,
  reason TEXT NOT NULL,
  blob TEXT NOT NULL,
  dedup_key TEXT NOT NULL,
  event_id TEXT NOT NULL DEFAULT '',
  at DOUBLE PRECISION NOT NULL,
  state TEXT NOT NULL DEFAULT 'kept',
  replayed_at DOUBLE PRECISION,
  meta TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX quarantine_dedup ON quarantine (account, dedup_key);

CREATE TABLE contacts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  language TEXT NOT NULL,
  created_at DOUBLE PRECISION NOT NULL
);

CREATE TABLE handles (
  id TEXT PRIMARY KEY,
  contact_id TEXT NOT NULL REFERENCES contacts (id),
  space TEXT NOT NULL,
  address TEXT NOT NULL,
  trust TEXT NOT NULL,
  flag TEXT NOT NULL DEFAULT '',
  created_at DOUBLE PRECISION NOT NULL
);
CREATE UNIQUE INDEX handles_address ON handles (space, address);
CREATE INDEX handles_contact ON handles (contact_id);

CREATE TABLE conversations (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  handle_id TEXT NOT NULL REFERENCES handles (id),
  created_at DOUBLE PRECISION NOT NULL,
  last_in_at DOUBLE PRECISION NOT NULL DEFAULT 0,
  reply_to TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX conversations_pair ON conversations (account, handle_id);

CREATE TABLE inquiries (
  id TEXT PRIMARY KEY,
  number TEXT NOT NULL,
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  contact_id TEXT NOT NULL REFERENCES contacts (id),
  brand TEXT NOT NULL,
  account TEXT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  topic TEXT NOT NULL DEFAULT '',
  queue TEXT NOT NULL DEFAULT '',
  priority BIGINT NOT NULL DEFAULT 5,
  urgent BIGINT NOT NULL DEFAULT 0,
  subject TEXT NOT NULL DEFAULT '',
  language TEXT NOT NULL DEFAULT '',
  dialogue TEXT NOT NULL DEFAULT '{}',
  assigned_to TEXT NOT NULL DEFAULT '',
  version BIGINT NOT NULL DEFAULT 1,
  created_at DOUBLE PRECISION NOT NULL,
  updated_at DOUBLE PRECISION NOT NULL,
  waiting_since DOUBLE PRECISION,
  first_response_at DOUBLE PRECISION,
  resolved_at DOUBLE PRECISION
);
CREATE UNIQUE INDEX inquiries_number ON inquiries (number);
CREATE INDEX inquiries_conversation ON inquiries (conversation_id, created_at);
-- One seek finds the head of a queue however many wait.
CREATE INDEX inquiries_waiting ON inquiries (queue, priority, waiting_since, id)
  WHERE state = 'queued';

CREATE TABLE messages (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  direction TEXT NOT NULL,
  visibility TEXT NOT NULL,
  author TEXT NOT NULL,
  automatic BIGINT NOT NULL,
  at DOUBLE PRECISION NOT NULL,
  subject TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL,
  external_id TEXT NOT NULL DEFAULT '',
  delivery TEXT NOT NULL DEFAULT '',
  delivery_rank BIGINT NOT NULL DEFAULT -1,
  delivery_detail TEXT NOT NULL DEFAULT '',
  meta TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX messages_inquiry ON messages (inquiry_id, at, id);
CREATE INDEX messages_conversation ON messages (conversation_id, at, id);
CREATE INDEX messages_external ON messages (account, external_id) WHERE external_id <> '';

-- What goes out. `payload` is rendered once; `state`: ready → leased → begun → sent,
-- or back to ready (surely not out), unknown (may be out), parked (a person decides), dropped.
CREATE TABLE outbox (
  id TEXT PRIMARY KEY REFERENCES messages (id),
  account TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  inquiry_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'ready',
  attempts BIGINT NOT NULL DEFAULT 0,
  created_at DOUBLE PRECISION NOT NULL,
  due_at DOUBLE PRECISION NOT NULL,
  owner TEXT NOT NULL DEFAULT '',
  until DOUBLE PRECISION NOT NULL DEFAULT 0,
  begun_at DOUBLE PRECISION,
  sent_at DOUBLE PRECISION,
  external_id TEXT NOT NULL DEFAULT '',
  failure TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_due ON outbox (account, due_at, created_at, id) WHERE state = 'ready';
CREATE INDEX outbox_open ON outbox (conversation_id, created_at, id)
  WHERE state IN ('ready', 'leased', 'begun', 'unknown');
CREATE INDEX outbox_unsettled ON outbox (state, due_at) WHERE state IN ('leased', 'begun', 'unknown');

-- An account that must not send for now.
CREATE TABLE pauses (
  account TEXT PRIMARY KEY,
  until DOUBLE PRECISION NOT NULL,
  why TEXT NOT NULL
);

CREATE TABLE timers (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  due_at DOUBLE PRECISION NOT NULL,
  payload TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (kind, subject)
);
CREATE INDEX timers_due ON timers (due_at);

-- The log of everything. `seq` and `chain` are given by the sealer; readers see sealed rows only.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  seq BIGINT,
  kind TEXT NOT NULL,
  inquiry_id TEXT NOT NULL,
  at DOUBLE PRECISION NOT NULL,
  digest TEXT NOT NULL,
  chain TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX events_seq ON events (seq);
CREATE INDEX events_inquiry ON events (inquiry_id, seq);

-- What the digests were made from: erasable without breaking the chain.
CREATE TABLE event_contents (
  event_id TEXT PRIMARY KEY,
  salt TEXT NOT NULL,
  data TEXT NOT NULL
);

CREATE TABLE certificates (
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  alpha DOUBLE PRECISION NOT NULL,
  delta DOUBLE PRECISION NOT NULL,
  threshold DOUBLE PRECISION NOT NULL,
  answered BIGINT NOT NULL,
  wrong BIGINT NOT NULL,
  knowledge TEXT NOT NULL,
  demo BIGINT NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  revoked_at DOUBLE PRECISION
);

CREATE TABLE memos (
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account, key)
);

-- Which rows name a blob, so that collection can spare it.
CREATE TABLE blob_refs (
  address TEXT NOT NULL,
  owner TEXT NOT NULL,
  PRIMARY KEY (address, owner)
);
