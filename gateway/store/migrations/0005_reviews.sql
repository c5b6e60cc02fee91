-- What became of automatic answers and suggestions, as people say: the base of certificates of the
-- installation's own, and of stopping one whose promise does not hold.

-- Every automatic answer that was sent under a certificate, by the message it answers. The text
-- itself stays with the message alone.
CREATE TABLE answers (
  message_id TEXT PRIMARY KEY REFERENCES messages (id),
  certificate TEXT NOT NULL,
  brand TEXT NOT NULL,
  language TEXT NOT NULL,
  topic TEXT NOT NULL,
  confidence DOUBLE PRECISION NOT NULL,
  knowledge TEXT NOT NULL,
  scored BIGINT NOT NULL,
  opening BIGINT NOT NULL,
  at DOUBLE PRECISION NOT NULL
);
CREATE INDEX answers_certificate ON answers (certificate);

-- A question whose topic a person is to say, or has said. `source`: audit (drawn by lot), agent,
-- customer; `verdict`: pending, right, wrong. `certificate` is '' where nothing was answered;
-- `scored` is 1 where the engine chose the topic from this text alone, `opening` where the subject
-- was part of it; `right_topic` is '~none' where no topic answers it, '' where nobody said.
CREATE TABLE reviews (
  id TEXT PRIMARY KEY,
  message_id TEXT NOT NULL REFERENCES messages (id),
  source TEXT NOT NULL,
  certificate TEXT NOT NULL,
  brand TEXT NOT NULL,
  language TEXT NOT NULL,
  topic TEXT NOT NULL,
  confidence DOUBLE PRECISION NOT NULL,
  knowledge TEXT NOT NULL,
  scored BIGINT NOT NULL,
  opening BIGINT NOT NULL,
  verdict TEXT NOT NULL,
  right_topic TEXT NOT NULL,
  judged_by TEXT NOT NULL,
  judged_at DOUBLE PRECISION,
  created_at DOUBLE PRECISION NOT NULL
);
CREATE INDEX reviews_message ON reviews (message_id);
CREATE INDEX reviews_certificate ON reviews (certificate, verdict);
CREATE INDEX reviews_created ON reviews (created_at, id);
CREATE INDEX reviews_source ON reviews (source, created_at, id);
CREATE INDEX reviews_pending ON reviews (created_at, id) WHERE verdict = 'pending';

-- Why a certificate ended: '' in force or revoked by a person, 'stopped', 'overlaps' one that was
-- stopped, 'replaced'.
ALTER TABLE certificates ADD COLUMN ended TEXT NOT NULL DEFAULT '';
ALTER TABLE certificates ADD COLUMN ended_because TEXT NOT NULL DEFAULT '';
