-- rollback: forward only; an older release tells nobody anything, and leaves what waits to be told.

CREATE TABLE webhook_endpoint (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  name text NOT NULL,
  url text NOT NULL,
  events text[] NOT NULL DEFAULT '{}',
  enabled boolean NOT NULL DEFAULT true,
  secret bytea NOT NULL,
  key_id text NOT NULL,
  former_secret bytea,
  former_until timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  deleted_at timestamptz(3),
  version int NOT NULL DEFAULT 1,
  CONSTRAINT webhook_endpoint_former_whole CHECK ((former_secret IS NULL) = (former_until IS NULL))
);
CREATE UNIQUE INDEX webhook_endpoint_foundation_id_id_key ON webhook_endpoint (foundation_id, id);
CREATE UNIQUE INDEX webhook_endpoint_name ON webhook_endpoint (foundation_id, name) WHERE deleted_at IS NULL;
CREATE TABLE webhook_delivery (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  seq bigserial NOT NULL,
  subject_id uuid NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  task_id uuid,
  state text NOT NULL DEFAULT 'pending',
  attempts int NOT NULL DEFAULT 0,
  try_at timestamptz(3) NOT NULL DEFAULT now(),
  answer jsonb,
  last_error text,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  ended_at timestamptz(3),
  CONSTRAINT webhook_delivery_state CHECK (state IN ('pending', 'answered', 'delivered', 'dead', 'void')),
  CONSTRAINT webhook_delivery_ended CHECK ((ended_at IS NULL) = (state IN ('pending', 'answered'))),
  CONSTRAINT webhook_delivery_foundation_id_endpoint_id_fkey FOREIGN KEY (foundation_id, endpoint_id) REFERENCES webhook_endpoint (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX webhook_delivery_foundation_id_id_key ON webhook_delivery (foundation_id, id);
CREATE INDEX webhook_delivery_foundation_id_endpoint_id_id_idx ON webhook_delivery (foundation_id, endpoint_id, id);
CREATE INDEX webhook_delivery_foundation_id_task_id_idx ON webhook_delivery (foundation_id, task_id);
CREATE INDEX webhook_delivery_due ON webhook_delivery (try_at) WHERE ended_at IS NULL;
CREATE INDEX webhook_delivery_before ON webhook_delivery (endpoint_id, subject_id, seq) WHERE state = 'pending';
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['webhook_endpoint', 'webhook_delivery'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
-- The worker tells what is due in every foundation, and deletes what is long over.
CREATE POLICY worker ON webhook_endpoint FOR SELECT USING (current_setting('gloria.worker', true) = 'on');
CREATE POLICY worker ON webhook_delivery USING (current_setting('gloria.worker', true) = 'on');
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON webhook_endpoint DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
GRANT SELECT, INSERT, UPDATE ON webhook_endpoint TO gloria_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_delivery TO gloria_app;
GRANT USAGE ON SEQUENCE webhook_delivery_seq_seq TO gloria_app;
