-- name: add(id, number, conversation_id, contact_id, brand, account, channel, subject, language, at)!
INSERT INTO inquiries (id, number, conversation_id, contact_id, brand, account, channel, state,
                       subject, language, created_at, updated_at)
VALUES (:id, :number, :conversation_id, :contact_id, :brand, :account, :channel, 'new',
        :subject, :language, :at, :at)

-- name: change(id, version, state, topic, language, queue, priority, urgent, dialogue, assigned_to, lane, handicap, routing, at)!
-- NULL leaves a field as it is. A waiting place is kept until the customer is helped. Another queue
-- without a lane is the lane in which nothing is asked of agents; without a handicap the priority
-- alone makes the rank.
UPDATE inquiries SET
  state = :state,
  topic = COALESCE(:topic, topic),
  language = COALESCE(:language, language),
  queue = COALESCE(:queue, queue),
  priority = COALESCE(:priority, priority),
  urgent = COALESCE(:urgent, urgent),
  dialogue = COALESCE(:dialogue, dialogue),
  assigned_to = COALESCE(:assigned_to, assigned_to),
  lane = CASE WHEN :state <> 'queued' THEN lane
              ELSE COALESCE(:lane, CASE WHEN CAST(:queue AS TEXT) IS NULL THEN NULLIF(lane, '') END,
                            COALESCE(CAST(:queue AS TEXT), queue) || '|1|') END,
  rank = CASE WHEN :state <> 'queued' AND (waiting_since IS NULL OR CAST(:handicap AS DOUBLE PRECISION) IS NULL)
                THEN rank
              WHEN CAST(:handicap AS DOUBLE PRECISION) IS NOT NULL
                THEN COALESCE(waiting_since, :at) + CAST(:handicap AS DOUBLE PRECISION)
              WHEN CAST(:priority AS BIGINT) IS NULL AND waiting_since IS NOT NULL THEN rank
              ELSE COALESCE(waiting_since, :at) + COALESCE(:priority, priority) * 1e10 END,
  routing = COALESCE(:routing, routing),
  waiting_since = CASE WHEN :state = 'queued' THEN COALESCE(waiting_since, :at)
                       WHEN :state IN ('offered', 'assigned', 'wrapping', 'snoozed') THEN waiting_since
                       ELSE NULL END,
  resolved_at = CASE WHEN :state IN ('resolved', 'closed') THEN COALESCE(resolved_at, :at)
                     ELSE NULL END,
  updated_at = :at,
  version = version + 1
WHERE id = :id AND version = :version

-- name: responded(id, at)!
UPDATE inquiries SET first_response_at = :at WHERE id = :id AND first_response_at IS NULL

-- name: by_id(id)^
SELECT id, number, conversation_id, contact_id, brand, account, channel, state, topic, queue,
       priority, urgent, subject, language, dialogue, assigned_to, version, created_at, updated_at,
       waiting_since, first_response_at, resolved_at, merged_into, lane, rank, routing
FROM inquiries WHERE id = :id

-- name: by_number(number)^
SELECT id, number, conversation_id, contact_id, brand, account, channel, state, topic, queue,
       priority, urgent, subject, language, dialogue, assigned_to, version, created_at, updated_at,
       waiting_since, first_response_at, resolved_at, merged_into, lane, rank, routing
FROM inquiries WHERE number = :number

-- name: latest_open(conversation_id, since)^
-- What a person has in hand stays open however long it takes; the rest until nothing more was said.
SELECT id, number, conversation_id, contact_id, brand, account, channel, state, topic, queue,
       priority, urgent, subject, language, dialogue, assigned_to, version, created_at, updated_at,
       waiting_since, first_response_at, resolved_at, merged_into, lane, rank, routing
FROM inquiries
WHERE conversation_id = :conversation_id AND state NOT IN ('resolved', 'closed')
  AND (state IN ('queued', 'offered', 'assigned', 'wrapping', 'snoozed') OR updated_at >= :since)
ORDER BY created_at DESC, id DESC LIMIT 1

-- name: open_of(conversation_id, contact_id)
-- What is open in a conversation; a contact also counts, unless ''.
SELECT number, state, queue, lane, rank,
       EXISTS (SELECT 1 FROM callbacks b WHERE b.inquiry_id = inquiries.id) AS called
FROM inquiries
WHERE state NOT IN ('resolved', 'closed')
  AND (conversation_id = :conversation_id OR (contact_id = :contact_id AND :contact_id <> ''))
ORDER BY created_at DESC, id DESC LIMIT 3

-- name: takes_part(inquiry_id, handle_id, contact_id)$
-- Whether a message of it was exchanged with this address; a contact also counts, unless ''.
SELECT COUNT(*) FROM (
  SELECT 1 FROM inquiries i
  WHERE i.id = :inquiry_id AND (
    (i.contact_id = :contact_id AND :contact_id <> '') OR EXISTS (
      SELECT 1 FROM messages m JOIN conversations v ON v.id = m.conversation_id
      WHERE m.inquiry_id = i.id AND v.handle_id = :handle_id))
) AS one

-- name: keep_place(id, other)!
-- Whoever waited longer: merging sends nobody to the end of the queue.
UPDATE inquiries SET
  rank = rank - waiting_since + (SELECT o.waiting_since FROM inquiries o WHERE o.id = :other),
  waiting_since = (SELECT o.waiting_since FROM inquiries o WHERE o.id = :other)
WHERE id = :id AND waiting_since > (SELECT o.waiting_since FROM inquiries o WHERE o.id = :other)

-- name: end_merged(id, version, into, at)!
UPDATE inquiries SET
  state = 'closed', merged_into = :into, assigned_to = '', waiting_since = NULL,
  resolved_at = COALESCE(resolved_at, :at), updated_at = :at, version = version + 1
WHERE id = :id AND version = :version

-- name: listed(state, queue, n)
-- An empty state or queue means any.
SELECT i.id, i.number, i.channel, i.brand, i.state, i.topic, i.queue, i.priority, i.urgent,
       i.subject, i.language, i.assigned_to, i.created_at, i.updated_at, i.waiting_since,
       c.name AS contact_name
FROM inquiries i JOIN contacts c ON c.id = i.contact_id
WHERE (:state = '' OR i.state = :state) AND (:queue = '' OR i.queue = :queue)
ORDER BY i.created_at DESC, i.id DESC LIMIT :n

-- name: head(queue)^
SELECT i.id, i.number, i.version, i.state, i.priority, i.waiting_since
FROM waiting_lanes l JOIN inquiries i ON i.id = (
  SELECT h.id FROM inquiries h WHERE h.state = 'queued' AND h.lane = l.lane
  ORDER BY h.rank, h.waiting_since, h.id LIMIT 1)
WHERE l.queue = :queue ORDER BY i.rank, i.waiting_since, i.id LIMIT 1

-- name: queue_counts()
SELECT queue, COUNT(*) AS waiting, MIN(waiting_since) AS oldest FROM inquiries
WHERE state = 'queued' GROUP BY queue

-- name: state_counts()
SELECT state, COUNT(*) AS n FROM inquiries GROUP BY state

-- name: forget(id, subject, dialogue)!
UPDATE inquiries SET subject = :subject, dialogue = :dialogue, version = version + 1 WHERE id = :id
