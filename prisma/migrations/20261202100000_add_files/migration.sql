-- rollback: forward only; an older release shows no files and leaves what was stored.

CREATE TABLE stored_file (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  person_id uuid NOT NULL,
  name text NOT NULL,
  key_id text NOT NULL,
  content_type text,
  bytes int,
  sha256 bytea,
  seal bytea,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  attached_at timestamptz(3),
  CONSTRAINT stored_file_foundation_id_id_key UNIQUE (foundation_id, id),
  CONSTRAINT stored_file_whole CHECK ((bytes IS NULL) = (content_type IS NULL) AND (bytes IS NULL) = (sha256 IS NULL) AND (bytes IS NULL) = (seal IS NULL)),
  CONSTRAINT stored_file_attached_whole CHECK (attached_at IS NULL OR bytes IS NOT NULL),
  CONSTRAINT stored_file_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX stored_file_foundation_id_person_id_id_idx ON stored_file (foundation_id, person_id, id);
CREATE INDEX stored_file_loose ON stored_file (created_at) WHERE attached_at IS NULL;
CREATE TABLE workflow_attachment (
  file_id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  instance_id uuid NOT NULL,
  added_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT workflow_attachment_foundation_id_file_id_fkey FOREIGN KEY (foundation_id, file_id) REFERENCES stored_file (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT workflow_attachment_foundation_id_instance_id_fkey FOREIGN KEY (foundation_id, instance_id) REFERENCES workflow_instance (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX workflow_attachment_foundation_id_instance_id_file_id_idx ON workflow_attachment (foundation_id, instance_id, file_id);
CREATE UNIQUE INDEX workflow_attachment_foundation_id_file_id_key ON workflow_attachment (foundation_id, file_id);
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['stored_file', 'workflow_attachment'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
-- What was never attached is deleted by the worker, in every foundation.
CREATE POLICY worker ON stored_file USING (current_setting('gloria.worker', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON stored_file TO gloria_app;
GRANT SELECT, INSERT, DELETE ON workflow_attachment TO gloria_app;
