-- name: add(id, topics, brands, words, public, starts_at, ends_at, created_at, created_by)!
INSERT INTO announcements (id, topics, brands, words, public, starts_at, ends_at, created_at, created_by)
VALUES (:id, :topics, :brands, :words, :public, :starts_at, :ends_at, :created_at, :created_by)

-- name: in_force(now)
-- By the clock as well: one whose timer nobody has fired yet is said no more.
SELECT id, topics, brands, words, public, starts_at, ends_at FROM announcements
WHERE over_at IS NULL AND starts_at <= :now AND ends_at > :now ORDER BY created_at, id

-- name: hold(id)^
-- Until the commit nobody can end it: who was told of it is seen by whoever ends it.
SELECT id, over_at FROM announcements WHERE id = :id
/* postgres: FOR SHARE */

-- name: finish(id, at, ended_by)!
UPDATE announcements SET over_at = :at, ended_by = :ended_by WHERE id = :id AND over_at IS NULL

-- name: by_id(id)^
SELECT id, topics, brands, words, public, starts_at, ends_at, created_at, created_by, over_at, ended_by
FROM announcements WHERE id = :id

-- name: listed(past, now, n)
-- What is in force or to come; with `past` = 1 all of them.
SELECT a.id, a.topics, a.brands, a.words, a.public, a.starts_at, a.ends_at, a.created_at, a.created_by,
       a.over_at, a.ended_by,
       (SELECT COUNT(*) FROM announcement_inquiries l WHERE l.announcement_id = a.id) AS inquiries,
       (SELECT COUNT(*) FROM announcement_inquiries l
        WHERE l.announcement_id = a.id AND l.outcome = 'told') AS told
FROM announcements a
WHERE :past = 1 OR (a.over_at IS NULL AND a.ends_at > :now)
ORDER BY a.created_at DESC, a.id DESC LIMIT :n

-- name: link(announcement_id, inquiry_id, message_id, at)!
INSERT INTO announcement_inquiries (announcement_id, inquiry_id, message_id, linked_at)
VALUES (:announcement_id, :inquiry_id, :message_id, :at)
ON CONFLICT (announcement_id, inquiry_id) DO NOTHING

-- name: of_inquiry(inquiry_id)
SELECT announcement_id, message_id, linked_at, settled_at, outcome FROM announcement_inquiries
WHERE inquiry_id = :inquiry_id ORDER BY linked_at, announcement_id

-- name: to_tell(announcement_id, inquiry_id)^
-- Where it was said, so that it is told there.
SELECT l.outcome, m.visibility, m.conversation_id, v.reply_to, h.space, h.address
FROM announcement_inquiries l JOIN messages m ON m.id = l.message_id
JOIN conversations v ON v.id = m.conversation_id JOIN handles h ON h.id = v.handle_id
WHERE l.announcement_id = :announcement_id AND l.inquiry_id = :inquiry_id

-- name: unhanded(announcement_id, n)
SELECT l.inquiry_id, v.account, h.address
FROM announcement_inquiries l JOIN messages m ON m.id = l.message_id
JOIN conversations v ON v.id = m.conversation_id JOIN handles h ON h.id = v.handle_id
WHERE l.announcement_id = :announcement_id AND l.handed_at IS NULL
ORDER BY l.inquiry_id LIMIT :n

-- name: hand_on(announcement_id, inquiry_id, at)*!
UPDATE announcement_inquiries SET handed_at = :at
WHERE announcement_id = :announcement_id AND inquiry_id = :inquiry_id AND handed_at IS NULL

-- name: settle(announcement_id, inquiry_id, outcome, at)!
UPDATE announcement_inquiries SET settled_at = :at, outcome = :outcome
WHERE announcement_id = :announcement_id AND inquiry_id = :inquiry_id AND outcome = ''

-- name: outcomes(announcement_id)
SELECT outcome, COUNT(*) AS n FROM announcement_inquiries
WHERE announcement_id = :announcement_id GROUP BY outcome ORDER BY outcome

-- name: touched(announcement_id, n)
SELECT i.number, i.channel, i.state, i.assigned_to, l.message_id, l.linked_at, l.settled_at, l.outcome
FROM announcement_inquiries l JOIN inquiries i ON i.id = l.inquiry_id
WHERE l.announcement_id = :announcement_id ORDER BY l.linked_at DESC, l.inquiry_id LIMIT :n

-- name: follow_merge(inquiry_id, target)!
-- What an inquiry was told is the other's now; what that one was told itself stays with it.
UPDATE announcement_inquiries SET inquiry_id = :target
WHERE inquiry_id = :inquiry_id AND NOT EXISTS (
  SELECT 1 FROM announcement_inquiries o
  WHERE o.inquiry_id = :target AND o.announcement_id = announcement_inquiries.announcement_id)

-- name: forget(inquiry_id)!
DELETE FROM announcement_inquiries WHERE inquiry_id = :inquiry_id
