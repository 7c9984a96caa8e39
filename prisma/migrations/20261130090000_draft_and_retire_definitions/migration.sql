-- rollback: forward only; an older release knows of no drafts, and files requests of what has been retired.

CREATE TABLE workflow_draft (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL REFERENCES foundation (id) ON DELETE RESTRICT ON UPDATE CASCADE,
  key text NOT NULL,
  document jsonb NOT NULL,
  version int NOT NULL DEFAULT 1,
  saved_by text NOT NULL,
  saved_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT workflow_draft_foundation_id_key_key UNIQUE (foundation_id, key)
);
CREATE TABLE workflow_retirement (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL REFERENCES foundation (id) ON DELETE RESTRICT ON UPDATE CASCADE,
  key text NOT NULL,
  retired_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT workflow_retirement_foundation_id_key_key UNIQUE (foundation_id, key)
);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['workflow_draft', 'workflow_retirement'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
    EXECUTE format('CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event()', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON workflow_draft TO gloria_app;
GRANT SELECT, INSERT, DELETE ON workflow_retirement TO gloria_app;
