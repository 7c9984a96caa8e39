-- rollback: forward only; an older release reads grants of registered permissions like any other, and never asks about one.

-- Kinds of things other applications of the foundation protect, and what their conditions may ask. A code is
-- `<application>.<kind>`, so that none can ever be one of our own.
CREATE TABLE resource_type (
  id            uuid NOT NULL,
  foundation_id uuid NOT NULL,
  code          text NOT NULL,
  name          text NOT NULL,
  attributes    jsonb NOT NULL DEFAULT '{}',
  created_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  version       integer NOT NULL DEFAULT 1,
  CONSTRAINT resource_type_pkey PRIMARY KEY (id),
  CONSTRAINT resource_type_code CHECK (code ~ '^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$'),
  CONSTRAINT resource_type_attributes CHECK (jsonb_typeof(attributes) = 'object')
);
CREATE UNIQUE INDEX resource_type_foundation_id_id_key ON resource_type (foundation_id, id);
CREATE UNIQUE INDEX resource_type_foundation_id_code_key ON resource_type (foundation_id, code);

-- What may be done with them: `<application>.<kind>:<action>`.
CREATE TABLE custom_permission (
  id               uuid NOT NULL,
  foundation_id    uuid NOT NULL,
  resource_type_id uuid NOT NULL,
  code             text NOT NULL,
  description      text NOT NULL,
  created_at       timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT custom_permission_pkey PRIMARY KEY (id),
  CONSTRAINT custom_permission_code CHECK (code ~ '^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$'),
  CONSTRAINT custom_permission_foundation_id_resource_type_id_fkey FOREIGN KEY (foundation_id, resource_type_id) REFERENCES resource_type (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE UNIQUE INDEX custom_permission_foundation_id_code_key ON custom_permission (foundation_id, code);
CREATE INDEX custom_permission_foundation_id_resource_type_id_idx ON custom_permission (foundation_id, resource_type_id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['resource_type', 'custom_permission'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
    EXECUTE format('CREATE TRIGGER b_authz_change AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION authz_record_change()', t);
    EXECUTE format('CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event()', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON resource_type, custom_permission TO gloria_app;
GRANT UPDATE (name, attributes, updated_at, version) ON resource_type TO gloria_app;

-- A grant's permission is one of the catalogue or of its foundation: no foreign key can say "or". Both sides of each pair
-- run after the head's row lock was taken (b_authz_change), so neither can pass the other.
CREATE FUNCTION grant_permission_known() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM permission WHERE code = NEW.permission_code)
     AND NOT EXISTS (SELECT FROM custom_permission WHERE foundation_id = NEW.foundation_id AND code = NEW.permission_code) THEN
    RAISE EXCEPTION 'there is no permission %', NEW.permission_code USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'grant_rule_permission_known', TABLE = 'grant_rule';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER c_permission_known AFTER INSERT OR UPDATE ON grant_rule FOR EACH ROW EXECUTE FUNCTION grant_permission_known();
CREATE FUNCTION custom_permission_unused() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM grant_rule WHERE foundation_id = OLD.foundation_id AND permission_code = OLD.code) THEN
    RAISE EXCEPTION 'grants name the permission %', OLD.code USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'custom_permission_unused', TABLE = 'custom_permission';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER c_permission_unused AFTER DELETE ON custom_permission FOR EACH ROW EXECUTE FUNCTION custom_permission_unused();
REVOKE EXECUTE ON FUNCTION grant_permission_known(), custom_permission_unused() FROM PUBLIC;
ALTER TABLE grant_rule DROP CONSTRAINT grant_rule_permission_code_fkey;

UPDATE permission SET description = 'Administer the model: roles and their inheritance, separation of duty, resource types and permissions of other applications' WHERE code = 'role:write';
