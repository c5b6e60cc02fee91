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
