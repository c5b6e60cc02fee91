-- Who asked whom for advice. What stands is what the inquiries say: nothing has to be kept in step with them.

-- name: standing()
-- Of which inquiry who is asked now, the oldest first, with the question.
SELECT c.id, c.inquiry_id, c.asked_by, c.agent, c.queue, c.weight, c.asked_at, i.number,
       m.text AS question
FROM consults c JOIN inquiries i ON i.id = c.inquiry_id LEFT JOIN messages m ON m.id = c.question
WHERE c.state = 'open' AND i.assigned_to = c.asked_by AND i.state NOT IN ('resolved', 'closed')
ORDER BY c.asked_at, c.id

-- name: unended()
-- All that nobody has ended, with how their inquiries are now.
SELECT c.id, c.inquiry_id, c.asked_by, c.agent, c.queue, i.state, i.assigned_to
FROM consults c JOIN inquiries i ON i.id = c.inquiry_id
WHERE c.state = 'open' ORDER BY c.asked_at, c.id

-- name: latest(inquiry_id, agent)^
-- The last that somebody was asked by name about an inquiry, or the last of all.
SELECT state, ended_by FROM consults
WHERE inquiry_id = :inquiry_id ORDER BY agent = :agent DESC, asked_at DESC, id DESC LIMIT 1

-- name: ask(id, inquiry_id, asked_by, agent, queue, weight, question, at)!
INSERT INTO consults (id, inquiry_id, state, asked_by, agent, queue, weight, question, asked_at)
VALUES (:id, :inquiry_id, 'open', :asked_by, :agent, :queue, :weight, :question, :at)

-- name: end(id, state, by, answer, at)!
UPDATE consults SET state = :state, ended_by = :by, answer = :answer, ended_at = :at
WHERE id = :id AND state = 'open'
