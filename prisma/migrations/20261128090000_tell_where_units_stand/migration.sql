-- rollback: forward only; an older release asks gloria_subject_facts, which stays, and reads no paths.

-- Where a unit stands, by the ids of all above it and its own, from the root: unlike lft and rgt this does not change when
-- other units come, go or move, so what was read at two moments can be compared.
ALTER TABLE org_unit ADD COLUMN path uuid[] NOT NULL DEFAULT '{}';
