-- rollback: forward only; an older release counts no days, and runs no definition that does.

CREATE TABLE leave_kind (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  code text NOT NULL,
  title jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT leave_kind_foundation_id_fkey FOREIGN KEY (foundation_id) REFERENCES foundation (id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX leave_kind_foundation_id_id_key ON leave_kind (foundation_id, id);
CREATE UNIQUE INDEX leave_kind_foundation_id_code_key ON leave_kind (foundation_id, code);
CREATE TABLE leave_rate (
  foundation_id uuid NOT NULL,
  kind_id uuid NOT NULL,
  from_year int NOT NULL,
  days numeric(6, 2) NOT NULL,
  carry_over numeric(6, 2) NOT NULL,
  PRIMARY KEY (foundation_id, kind_id, from_year),
  CONSTRAINT leave_rate_not_negative CHECK (days >= 0 AND carry_over >= 0),
  CONSTRAINT leave_rate_foundation_id_kind_id_fkey FOREIGN KEY (foundation_id, kind_id) REFERENCES leave_kind (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE TABLE leave_entry (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  person_id uuid NOT NULL,
  kind_id uuid NOT NULL,
  year int NOT NULL,
  days numeric(6, 2) NOT NULL,
  cause text NOT NULL,
  instance_id uuid,
  note text,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT leave_entry_cause CHECK (cause IN ('granted', 'asked', 'taken')),
  CONSTRAINT leave_entry_of_a_request CHECK ((cause = 'granted') = (instance_id IS NULL)),
  CONSTRAINT leave_entry_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT leave_entry_foundation_id_kind_id_fkey FOREIGN KEY (foundation_id, kind_id) REFERENCES leave_kind (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX leave_entry_foundation_id_person_id_kind_id_year_idx ON leave_entry (foundation_id, person_id, kind_id, year);
CREATE INDEX leave_entry_foundation_id_kind_id_idx ON leave_entry (foundation_id, kind_id);
CREATE INDEX leave_entry_foundation_id_instance_id_idx ON leave_entry (foundation_id, instance_id);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['leave_kind', 'leave_rate', 'leave_entry'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON leave_kind DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON leave_rate DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event('kind_id');
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT ON leave_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
GRANT SELECT, INSERT ON leave_kind, leave_entry TO gloria_app;
GRANT UPDATE (title) ON leave_kind TO gloria_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON leave_rate TO gloria_app;
