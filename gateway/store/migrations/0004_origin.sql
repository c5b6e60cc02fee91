-- Where the cases of a certificate came from. Those of the old demo proved nothing about anybody.

ALTER TABLE certificates ADD COLUMN origin TEXT NOT NULL DEFAULT 'reviewed';
UPDATE certificates SET revoked_at = created_at WHERE demo = 1 AND revoked_at IS NULL;
ALTER TABLE certificates DROP COLUMN demo;
