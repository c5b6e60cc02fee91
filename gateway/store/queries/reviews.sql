-- name: keep_answer(message_id, certificate, brand, language, topic, confidence, knowledge, scored, opening, at)!
INSERT INTO answers (message_id, certificate, brand, language, topic, confidence, knowledge, scored,
                     opening, at)
VALUES (:message_id, :certificate, :brand, :language, :topic, :confidence, :knowledge, :scored,
        :opening, :at)

-- name: last_answer(inquiry_id)^
SELECT a.message_id, a.certificate, a.brand, a.language, a.topic, a.confidence, a.knowledge, a.scored,
       a.opening
FROM answers a JOIN messages m ON m.id = a.message_id
WHERE m.inquiry_id = :inquiry_id ORDER BY a.at DESC, a.message_id DESC LIMIT 1

-- name: add(id, message_id, source, certificate, brand, language, topic, confidence, knowledge, scored, opening, verdict, right_topic, judged_by, judged_at, at)!
INSERT INTO reviews (id, message_id, source, certificate, brand, language, topic, confidence,
                     knowledge, scored, opening, verdict, right_topic, judged_by, judged_at, created_at)
VALUES (:id, :message_id, :source, :certificate, :brand, :language, :topic, :confidence,
        :knowledge, :scored, :opening, :verdict, :right_topic, :judged_by, :judged_at, :at)

-- name: by_id(id)^
SELECT r.id, r.message_id, r.source, r.certificate, r.brand, r.language, r.topic, r.confidence,
       r.knowledge, r.scored, r.opening, r.verdict, r.right_topic, r.judged_by, r.judged_at, r.created_at,
       m.inquiry_id
FROM reviews r JOIN messages m ON m.id = r.message_id WHERE r.id = :id

-- name: of_inquiry(inquiry_id)
SELECT r.id, r.message_id, r.source, r.certificate, r.topic, r.verdict, r.right_topic, r.judged_by,
       r.judged_at, r.created_at, m.inquiry_id
FROM messages m JOIN reviews r ON r.message_id = m.id
WHERE m.inquiry_id = :inquiry_id ORDER BY r.created_at, r.id

-- name: judge(id, verdict, right_topic, judged_by, judged_at)!
UPDATE reviews SET verdict = :verdict, right_topic = :right_topic, judged_by = :judged_by,
                   judged_at = :judged_at
WHERE id = :id

-- name: pending(n)
-- The oldest first: that is the order in which they are to be judged.
SELECT r.id, r.message_id, r.source, r.certificate, r.brand, r.language, r.topic, r.confidence,
       r.verdict, r.right_topic, r.judged_by, r.judged_at, r.created_at,
       i.number, i.channel, m.subject, m.text
FROM reviews r JOIN messages m ON m.id = r.message_id JOIN inquiries i ON i.id = m.inquiry_id
WHERE r.verdict = 'pending' ORDER BY r.created_at, r.id LIMIT :n

-- name: listed(n)
SELECT r.id, r.message_id, r.source, r.certificate, r.brand, r.language, r.topic, r.confidence,
       r.verdict, r.right_topic, r.judged_by, r.judged_at, r.created_at,
       i.number, i.channel, m.subject, m.text
FROM reviews r JOIN messages m ON m.id = r.message_id JOIN inquiries i ON i.id = m.inquiry_id
ORDER BY r.created_at DESC, r.id DESC LIMIT :n

-- name: cases(source)
-- Of one source, in the order in which they came; those alone whose topic follows from the text.
SELECT r.id, r.brand, r.language, r.topic, r.verdict, r.right_topic, r.created_at,
       i.channel, CASE WHEN r.opening = 1 THEN m.subject ELSE '' END AS subject, m.text
FROM reviews r JOIN messages m ON m.id = r.message_id JOIN inquiries i ON i.id = m.inquiry_id
WHERE r.source = :source AND r.scored = 1 ORDER BY r.created_at, r.id

-- name: tally(certificate)^
-- Of the answers under a certificate: all; those known to be wrong; those drawn by lot and judged;
-- and the wrong ones among these.
SELECT
  (SELECT COUNT(*) FROM answers a WHERE a.certificate = :certificate) AS answers,
  (SELECT COUNT(DISTINCT r.message_id) FROM reviews r
   WHERE r.certificate = :certificate AND r.verdict = 'wrong') AS wrong,
  (SELECT COUNT(*) FROM reviews r WHERE r.certificate = :certificate AND r.source = 'audit'
   AND r.verdict IN ('right', 'wrong')) AS judged,
  (SELECT COUNT(*) FROM reviews r WHERE r.certificate = :certificate AND r.source = 'audit'
   AND r.verdict = 'wrong') AS judged_wrong

-- name: counts()
SELECT source, verdict, COUNT(*) AS n FROM reviews GROUP BY source, verdict
