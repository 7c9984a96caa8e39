-- rollback: forward only; an older release sees what was opened as the role assignment it is, and it ends by itself.

-- Access for emergencies, prepared beforehand by somebody who holds it: who may take which role, for how long at most.
CREATE TABLE break_glass (
  id            uuid NOT NULL,
  foundation_id uuid NOT NULL,
  role_id       uuid NOT NULL,
  person_id     uuid,
  position_id   uuid,
  most_minutes  integer NOT NULL,
  purpose       text NOT NULL,
  sealed_by     text NOT NULL,
  created_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  withdrawn_at  timestamptz(3),
  CONSTRAINT break_glass_pkey PRIMARY KEY (id),
  CONSTRAINT break_glass_one_subject CHECK (num_nonnulls(person_id, position_id) = 1),
  CONSTRAINT break_glass_minutes CHECK (most_minutes BETWEEN 1 AND 1440),
  CONSTRAINT break_glass_foundation_id_role_id_fkey FOREIGN KEY (foundation_id, role_id) REFERENCES role (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT break_glass_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT break_glass_foundation_id_position_id_fkey FOREIGN KEY (foundation_id, position_id) REFERENCES position (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX break_glass_foundation_id_id_key ON break_glass (foundation_id, id);
CREATE INDEX break_glass_foundation_id_role_id_idx ON break_glass (foundation_id, role_id);
CREATE INDEX break_glass_foundation_id_person_id_idx ON break_glass (foundation_id, person_id);
CREATE INDEX break_glass_foundation_id_position_id_idx ON break_glass (foundation_id, position_id);

-- Each time it was used. What it gave is the role assignment, which ends by itself; this stays.
CREATE TABLE break_glass_opening (
  id             uuid NOT NULL,
  foundation_id  uuid NOT NULL,
  break_glass_id uuid NOT NULL,
  person_id      uuid NOT NULL,
  assignment_id  uuid NOT NULL,
  reason         text NOT NULL,
  opened_at      timestamptz(3) NOT NULL,
  valid_until    timestamptz(3) NOT NULL,
  closed_at      timestamptz(3),
  reviewed_by    text,
  reviewed_at    timestamptz(3),
  CONSTRAINT break_glass_opening_pkey PRIMARY KEY (id),
  CONSTRAINT break_glass_opening_period CHECK (valid_until > opened_at AND valid_until <= opened_at + interval '1 day'),
  CONSTRAINT break_glass_opening_reviewed CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)),
  CONSTRAINT break_glass_opening_foundation_id_break_glass_id_fkey FOREIGN KEY (foundation_id, break_glass_id) REFERENCES break_glass (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT break_glass_opening_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX break_glass_opening_foundation_id_break_glass_id_idx ON break_glass_opening (foundation_id, break_glass_id);
CREATE INDEX break_glass_opening_foundation_id_person_id_idx ON break_glass_opening (foundation_id, person_id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['break_glass', 'break_glass_opening'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
    EXECUTE format('CREATE TRIGGER b_authz_change AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION authz_record_change()', t);
    EXECUTE format('CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event()', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT ON break_glass, break_glass_opening TO gloria_app;
GRANT UPDATE (withdrawn_at) ON break_glass TO gloria_app;
GRANT UPDATE (closed_at, reviewed_by, reviewed_at) ON break_glass_opening TO gloria_app;
