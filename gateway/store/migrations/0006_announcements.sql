-- What staff say for a while to everybody who asks about certain topics, and whom they said it to.

CREATE TABLE announcements (
  id TEXT PRIMARY KEY,
  topics TEXT NOT NULL,
  brands TEXT NOT NULL,
  words TEXT NOT NULL,
  public BIGINT NOT NULL,
  starts_at DOUBLE PRECISION NOT NULL,
  ends_at DOUBLE PRECISION NOT NULL,
  created_at DOUBLE PRECISION NOT NULL,
  created_by TEXT NOT NULL,
  over_at DOUBLE PRECISION,
  ended_by TEXT NOT NULL DEFAULT ''
);
CREATE INDEX announcements_not_over ON announcements (ends_at) WHERE over_at IS NULL;

-- `handed_at`: the telling of this inquiry is on its way. `outcome`: 'told', or why it was not; '' until then.
CREATE TABLE announcement_inquiries (
  announcement_id TEXT NOT NULL REFERENCES announcements (id),
  inquiry_id TEXT NOT NULL REFERENCES inquiries (id),
  message_id TEXT NOT NULL,
  linked_at DOUBLE PRECISION NOT NULL,
  handed_at DOUBLE PRECISION,
  settled_at DOUBLE PRECISION,
  outcome TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (announcement_id, inquiry_id)
);
CREATE INDEX announcement_inquiries_inquiry ON announcement_inquiries (inquiry_id);
CREATE INDEX announcement_inquiries_unhanded ON announcement_inquiries (announcement_id, inquiry_id)
  WHERE handed_at IS NULL;
