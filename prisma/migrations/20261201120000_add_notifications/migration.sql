-- rollback: forward only; an older release tells nobody anything, and leaves what was told.

CREATE TYPE mail_choice AS ENUM ('now', 'digest', 'off');
CREATE TABLE notification (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  person_id uuid NOT NULL,
  kind text NOT NULL,
  instance_id uuid,
  task_id uuid,
  facts jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  read_at timestamptz(3),
  mail mail_choice,
  mailed_at timestamptz(3),
  mail_problem text,
  CONSTRAINT notification_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX notification_foundation_id_person_id_id_idx ON notification (foundation_id, person_id, id);
CREATE INDEX notification_unread ON notification (foundation_id, person_id) WHERE read_at IS NULL;
CREATE TABLE notification_preference (
  foundation_id uuid NOT NULL,
  person_id uuid NOT NULL,
  timezone text,
  quiet_from int,
  quiet_until int,
  digest_at int NOT NULL DEFAULT 420,
  mail jsonb NOT NULL DEFAULT '{}',
  digest_queued_for timestamptz(3),
  version int NOT NULL DEFAULT 1,
  CONSTRAINT notification_preference_pkey PRIMARY KEY (foundation_id, person_id),
  CONSTRAINT notification_preference_minutes CHECK (quiet_from BETWEEN 0 AND 1439 AND quiet_until BETWEEN 0 AND 1439 AND digest_at BETWEEN 0 AND 1439 AND (quiet_from IS NULL) = (quiet_until IS NULL)),
  CONSTRAINT notification_preference_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['notification', 'notification_preference'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
-- Old ones are deleted by the worker, in every foundation.
CREATE POLICY worker ON notification USING (current_setting('gloria.worker', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON notification TO gloria_app;
GRANT SELECT, INSERT, UPDATE ON notification_preference TO gloria_app;
