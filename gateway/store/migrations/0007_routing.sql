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

-- How many targets were missed since the beginning, in the queue they were missed in.
CREATE TABLE sla_breaches (
  kind TEXT NOT NULL,
  queue TEXT NOT NULL,
  n BIGINT NOT NULL,
  PRIMARY KEY (kind, queue)
);

-- How quickly inquiries left a queue to an agent, by five minutes.
CREATE TABLE queue_rates (
  queue TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
