-- Lanes of what waits, who is there, and what was offered to whom.

-- Where it waits (queue, weight and needs), and its place there: the smaller rank is taken first.
ALTER TABLE inquiries ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE inquiries ADD COLUMN rank DOUBLE PRECISION NOT NULL DEFAULT 0;
-- What else routing goes by: preferred skills, the agent the customer had last, steps still to come.
ALTER TABLE inquiries ADD COLUMN routing TEXT NOT NULL DEFAULT '{}';

UPDATE inquiries SET lane = queue || '|1|', rank = waiting_since + priority * 1e10
WHERE waiting_since IS NOT NULL;

-- One seek finds the head of a lane, however many wait.
DROP INDEX inquiries_waiting;
CREATE INDEX inquiries_waiting ON inquiries (lane, rank, waiting_since, id) WHERE state = 'queued';
CREATE INDEX inquiries_in_hand ON inquiries (assigned_to, lane) WHERE state IN ('assigned', 'wrapping');

-- Every lane in which something ever waited.
CREATE TABLE waiting_lanes (
  lane TEXT PRIMARY KEY,
  queue TEXT NOT NULL
);
CREATE INDEX waiting_lanes_queue ON waiting_lanes (queue, lane);
INSERT INTO waiting_lanes (lane, queue)
SELECT DISTINCT lane, queue FROM inquiries WHERE waiting_since IS NOT NULL;

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  presence TEXT NOT NULL,
  presence_since DOUBLE PRECISION NOT NULL DEFAULT 0,
  presence_until DOUBLE PRECISION NOT NULL DEFAULT 0,
  seen_at DOUBLE PRECISION NOT NULL,
  idle_since DOUBLE PRECISION NOT NULL DEFAULT 0,
  offered_at DOUBLE PRECISION NOT NULL DEFAULT 0
);

-- Offers that stand; they count while the inquiry is in that state.
CREATE TABLE offers (
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  agent TEXT NOT NULL,
  offered_at DOUBLE PRECISION NOT NULL,
  until DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (inquiry_id, agent)
);
CREATE INDEX offers_until ON offers (until);

-- Who is not asked again, and until when.
CREATE TABLE refusals (
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  agent TEXT NOT NULL,
  until DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (inquiry_id, agent)
);
CREATE INDEX refusals_until ON refusals (until);

-- Advice that the agent of an inquiry asks for, of one colleague or of those who take from a queue. Question
-- and answer are notes of the inquiry. An open one stands as long as who asked has the inquiry.
CREATE TABLE consults (
  id TEXT PRIMARY KEY,
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  state TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  agent TEXT NOT NULL,
  queue TEXT NOT NULL,
  weight BIGINT NOT NULL,
  question TEXT NOT NULL,
  answer TEXT NOT NULL DEFAULT '',
  asked_at DOUBLE PRECISION NOT NULL,
  ended_at DOUBLE PRECISION,
  ended_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX consults_inquiry ON consults (inquiry_id, asked_at, id);
CREATE INDEX consults_open ON consults (asked_at, id) WHERE state = 'open';
-- Nobody is asked twice about the same inquiry at a time.
CREATE UNIQUE INDEX consults_once ON consults (inquiry_id, agent, queue) WHERE state = 'open';

-- Wishes to be called. `body` is the whole of one; the other columns are what is looked for.
CREATE TABLE callbacks (
  id TEXT PRIMARY KEY,
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  state TEXT NOT NULL,
  moment DOUBLE PRECISION NOT NULL,
  number TEXT NOT NULL,
  seen_by TEXT NOT NULL DEFAULT '',
  created_at DOUBLE PRECISION NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX callbacks_inquiry ON callbacks (inquiry_id, created_at, id);
CREATE INDEX callbacks_due ON callbacks (moment, id)
  WHERE state NOT IN ('done', 'failed', 'cancelled', 'expired');
-- One call about an inquiry stands at a time, and no telephone rings twice at once, whoever dials.
CREATE UNIQUE INDEX callbacks_standing ON callbacks (inquiry_id)
  WHERE state NOT IN ('done', 'failed', 'cancelled', 'expired');
CREATE UNIQUE INDEX callbacks_calling ON callbacks (number) WHERE state IN ('dialling', 'talking');
CREATE INDEX callbacks_missed ON callbacks (created_at, id)
  WHERE state IN ('failed', 'expired') AND seen_by = '';

-- Clocks of response and resolution, one of a kind for an inquiry. `body` is the whole of one and what
-- its target was chosen by; the other columns are what is looked for.
CREATE TABLE sla_clocks (
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  due DOUBLE PRECISION NOT NULL,
  stopped DOUBLE PRECISION,
  PRIMARY KEY (inquiry_id, kind)
);
CREATE INDEX sla_clocks_open ON sla_clocks (due) WHERE stopped IS NULL;

-- How many targets came to be at risk and how many were missed since the beginning, by the queue in
-- which they were then.
CREATE TABLE sla_told (
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  queue TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (kind, state, queue)
);

-- How many callbacks reached nobody since the beginning: why, and in which queue their inquiries were.
CREATE TABLE callback_misses (
  reason TEXT NOT NULL,
  queue TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (reason, queue)
);

-- How quickly inquiries left a queue to an agent, by five minutes.
CREATE TABLE queue_rates (
  queue TEXT PRIMARY KEY,
  body TEXT NOT NULL
);

-- Who may use the API, as whom. Of a token only its digest is kept.
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  agent TEXT NOT NULL,
  scopes TEXT NOT NULL,
  label TEXT NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  revoked_at DOUBLE PRECISION
);
CREATE UNIQUE INDEX api_tokens_digest ON api_tokens (digest);
