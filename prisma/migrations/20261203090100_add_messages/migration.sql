-- rollback: forward only; an older release runs no definition that waits for messages, and leaves what was sent.

CREATE TABLE workflow_subscription (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  task_id uuid NOT NULL,
  boundary int,
  name text NOT NULL,
  key text NOT NULL,
  CONSTRAINT workflow_subscription_foundation_id_task_id_fkey FOREIGN KEY (foundation_id, task_id) REFERENCES workflow_task (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX workflow_subscription_foundation_id_task_id_idx ON workflow_subscription (foundation_id, task_id);
CREATE INDEX workflow_subscription_foundation_id_name_key_idx ON workflow_subscription (foundation_id, name, key);
CREATE TABLE workflow_message (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  name text NOT NULL,
  key text NOT NULL,
  message_id text,
  payload jsonb NOT NULL,
  sent_by text NOT NULL,
  sender_id uuid NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  expires_at timestamptz(3) NOT NULL,
  delivered_at timestamptz(3),
  task_id uuid,
  try_at timestamptz(3),
  attempts int NOT NULL DEFAULT 0,
  last_error text,
  CONSTRAINT workflow_message_delivered_whole CHECK ((delivered_at IS NULL) = (task_id IS NULL)),
  CONSTRAINT workflow_message_foundation_id_sender_id_fkey FOREIGN KEY (foundation_id, sender_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX workflow_message_foundation_id_message_id_key ON workflow_message (foundation_id, message_id);
CREATE INDEX workflow_message_foundation_id_sender_id_idx ON workflow_message (foundation_id, sender_id);
CREATE INDEX workflow_message_foundation_id_name_key_idx ON workflow_message (foundation_id, name, key);
CREATE INDEX workflow_message_due ON workflow_message (try_at) WHERE delivered_at IS NULL AND try_at IS NOT NULL;
CREATE TABLE workflow_failure (
  task_id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  code text NOT NULL,
  detail text NOT NULL,
  times int NOT NULL DEFAULT 1,
  at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT workflow_failure_foundation_id_task_id_fkey FOREIGN KEY (foundation_id, task_id) REFERENCES workflow_task (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX workflow_failure_foundation_id_task_id_key ON workflow_failure (foundation_id, task_id);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['workflow_subscription', 'workflow_message', 'workflow_failure'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
-- The worker looks for what is due in every foundation; it acts in each as that foundation. What is long over it deletes.
CREATE POLICY worker ON workflow_message USING (current_setting('gloria.worker', true) = 'on');
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT ON workflow_message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
GRANT SELECT, INSERT ON workflow_subscription TO gloria_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON workflow_message, workflow_failure TO gloria_app;
