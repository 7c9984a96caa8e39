-- rollback: forward only; an older release knows of no calendars, and leaves alone the requests whose definitions need one.

CREATE TABLE business_calendar (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  unit_id uuid NOT NULL,
  name text NOT NULL,
  timezone text NOT NULL,
  week jsonb NOT NULL,
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT business_calendar_foundation_id_id_key UNIQUE (foundation_id, id),
  CONSTRAINT business_calendar_foundation_id_unit_id_key UNIQUE (foundation_id, unit_id),
  CONSTRAINT business_calendar_foundation_id_unit_id_fkey FOREIGN KEY (foundation_id, unit_id) REFERENCES org_unit (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE TABLE business_calendar_day (
  foundation_id uuid NOT NULL,
  calendar_id uuid NOT NULL,
  day date NOT NULL,
  name text NOT NULL,
  hours jsonb NOT NULL,
  source text,
  CONSTRAINT business_calendar_day_pkey PRIMARY KEY (foundation_id, calendar_id, day),
  CONSTRAINT business_calendar_day_foundation_id_calendar_id_fkey FOREIGN KEY (foundation_id, calendar_id) REFERENCES business_calendar (foundation_id, id) ON DELETE CASCADE ON UPDATE CASCADE
);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['business_calendar', 'business_calendar_day'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR DELETE ON business_calendar DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
-- Its version counts changes of its days too, which have events of their own.
CREATE CONSTRAINT TRIGGER z_audited_update AFTER UPDATE ON business_calendar DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.unit_id, OLD.name, OLD.timezone, OLD.week) IS DISTINCT FROM (NEW.unit_id, NEW.name, NEW.timezone, NEW.week)) EXECUTE FUNCTION audit.require_event();
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON business_calendar_day DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event('calendar_id');
GRANT SELECT, INSERT, UPDATE, DELETE ON business_calendar, business_calendar_day TO gloria_app;
