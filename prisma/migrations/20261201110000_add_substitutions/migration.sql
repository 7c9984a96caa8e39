-- rollback: forward only; an older release knows of no substitutes: what waits, waits for those who are asked.

CREATE TABLE workflow_substitution (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  person_id uuid NOT NULL,
  substitute_id uuid NOT NULL,
  valid_from timestamptz(3) NOT NULL,
  valid_until timestamptz(3) NOT NULL,
  instance_id uuid,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  ended_at timestamptz(3),
  CONSTRAINT workflow_substitution_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT workflow_substitution_foundation_id_substitute_id_fkey FOREIGN KEY (foundation_id, substitute_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT workflow_substitution_foundation_id_instance_id_fkey FOREIGN KEY (foundation_id, instance_id) REFERENCES workflow_instance (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT workflow_substitution_not_self CHECK (person_id <> substitute_id),
  CONSTRAINT workflow_substitution_period CHECK (valid_until > valid_from),
  -- Nobody has two substitutes at the same time.
  CONSTRAINT workflow_substitution_no_overlap EXCLUDE USING gist (foundation_id WITH =, person_id WITH =, tstzrange(valid_from, valid_until) WITH &&) WHERE (ended_at IS NULL)
);
CREATE INDEX workflow_substitution_foundation_id_person_id_idx ON workflow_substitution (foundation_id, person_id);
CREATE INDEX workflow_substitution_foundation_id_substitute_id_idx ON workflow_substitution (foundation_id, substitute_id);
CREATE INDEX workflow_substitution_foundation_id_instance_id_idx ON workflow_substitution (foundation_id, instance_id);
ALTER TABLE workflow_substitution ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflow_substitution FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON workflow_substitution USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON workflow_substitution DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
GRANT SELECT, INSERT, UPDATE ON workflow_substitution TO gloria_app;

-- In whose place somebody decides now, themselves first: by way of whom – the first is whose part it is –, and until when.
-- Whoever stands in for somebody who is absent also stands in for those they stand in for; nobody comes twice in a chain.
CREATE FUNCTION wf_stands_in(me uuid) RETURNS TABLE (person_id uuid, chain uuid[], until timestamptz) LANGUAGE sql STABLE SECURITY INVOKER AS $$
  WITH RECURSIVE walk AS (
    SELECT me AS person_id, '{}'::uuid[] AS chain, NULL::timestamptz AS until
    UNION ALL
    SELECT s.person_id, s.person_id || w.chain, least(w.until, s.valid_until)
      FROM walk w
      JOIN workflow_substitution s ON s.foundation_id = gloria_foundation() AND s.substitute_id = w.person_id AND s.ended_at IS NULL AND s.valid_from <= now() AND s.valid_until > now()
     WHERE s.person_id <> me AND s.person_id <> ALL (w.chain) AND cardinality(w.chain) < 8
  )
  SELECT DISTINCT ON (w.person_id) w.person_id, w.chain, w.until FROM walk w WHERE w.person_id IS NOT NULL ORDER BY w.person_id, cardinality(w.chain)
$$;
