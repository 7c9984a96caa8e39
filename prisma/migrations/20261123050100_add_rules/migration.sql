-- rollback: forward only; constraints, triggers and policies of the first tables.

-- ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────
-- What Prisma's schema language cannot express. The runtime role is `gloria_app` (not owner, no DDL, no
-- BYPASSRLS); roles are cluster-wide and come from the bootstrap (prisma/roles.sql), a migration only GRANTs.
-- ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

-- ids made inside the database (triggers). UUIDv7, RFC 9562 §5.7; uuidv7() itself exists only from Postgres 18 on.
CREATE FUNCTION gloria_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
      52, 1), 53, 1), 'hex')::uuid
$$;

-- The tenant of the running transaction; NULL (no rows) where nobody set it.
CREATE FUNCTION gloria_foundation() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('gloria.foundation_id', true), '')::uuid
$$;

-- ── Integrity rules ──────────────────────────────────────────────────────────────────────────────────────────────

ALTER TABLE org_unit
  ADD CONSTRAINT org_unit_root_shape CHECK ((kind = 'foundation') = (parent_id IS NULL)),
  ADD CONSTRAINT org_unit_not_own_parent CHECK (parent_id IS DISTINCT FROM id);
CREATE UNIQUE INDEX org_unit_one_root ON org_unit (foundation_id) WHERE kind = 'foundation';
CREATE UNIQUE INDEX org_unit_code_living ON org_unit (foundation_id, code) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX position_code_living ON position (foundation_id, code) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX position_one_head ON position (foundation_id, unit_id) WHERE is_head AND deleted_at IS NULL;
CREATE UNIQUE INDEX person_number_living ON person (foundation_id, employee_number) WHERE deleted_at IS NULL;
CREATE SCHEMA extensions;
CREATE EXTENSION btree_gist WITH SCHEMA extensions;
ALTER TABLE appointment
  ADD CONSTRAINT appointment_period CHECK (valid_until IS NULL OR valid_until > valid_from),
  -- Nobody holds the same position twice at the same time.
  ADD CONSTRAINT appointment_no_overlap EXCLUDE USING gist
    (foundation_id WITH =, person_id WITH =, position_id WITH =, tstzrange(valid_from, valid_until) WITH &&);
ALTER TABLE role_inheritance ADD CONSTRAINT role_inheritance_not_self CHECK (senior_id <> junior_id);
ALTER TABLE role_assignment
  ADD CONSTRAINT role_assignment_one_subject CHECK (num_nonnulls(person_id, position_id) = 1),
  ADD CONSTRAINT role_assignment_period CHECK (valid_until IS NULL OR valid_until > valid_from);
CREATE UNIQUE INDEX role_assignment_once ON role_assignment
  (foundation_id, role_id, person_id, position_id, valid_from) NULLS NOT DISTINCT;
ALTER TABLE grant_rule
  ADD CONSTRAINT grant_rule_one_subject CHECK (num_nonnulls(role_id, person_id, position_id) = CASE WHEN everyone THEN 0 ELSE 1 END),
  ADD CONSTRAINT grant_rule_node_scope CHECK ((scope = 'node') = (node_id IS NOT NULL)),
  ADD CONSTRAINT grant_rule_period CHECK (valid_until IS NULL OR valid_until > valid_from);
CREATE UNIQUE INDEX grant_rule_once ON grant_rule
  (foundation_id, permission_code, effect, scope, node_id, role_id, person_id, position_id, everyone, valid_from) NULLS NOT DISTINCT;
ALTER TABLE permission ADD CONSTRAINT permission_code_shape CHECK (code ~ '^[a-z][a-z-]*:[a-z][a-z-]*$');
ALTER TABLE api_key ADD CONSTRAINT api_key_lifetime CHECK (expires_at > created_at AND expires_at <= created_at + interval '366 days');
ALTER TABLE workflow_definition ADD CONSTRAINT workflow_definition_number CHECK (number > 0);
ALTER TABLE workflow_instance
  ADD CONSTRAINT workflow_instance_waiting CHECK ((state = 'running') = (node IS NOT NULL)),
  ADD CONSTRAINT workflow_instance_submitted CHECK ((state = 'draft') = (round = 0)),
  ADD CONSTRAINT workflow_instance_ended CHECK ((state IN ('completed', 'rejected', 'withdrawn')) = (ended_at IS NOT NULL));
ALTER TABLE workflow_task ADD CONSTRAINT workflow_task_closed CHECK ((state = 'open') = (closed_at IS NULL));
-- At most one open task a node and instance: two activations of the same step cannot both commit.
CREATE UNIQUE INDEX workflow_task_one_open ON workflow_task (foundation_id, instance_id, node) WHERE state = 'open';
CREATE INDEX workflow_task_open ON workflow_task (foundation_id, id) WHERE state = 'open';
ALTER TABLE workflow_history ADD CONSTRAINT workflow_history_seq CHECK (seq > 0);
CREATE INDEX outbox_message_due ON outbox_message (available_at) WHERE delivered_at IS NULL AND dead_at IS NULL;

-- A published version never changes; retiring and replacing happen by new rows.
CREATE FUNCTION gloria_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% rows are immutable', TG_TABLE_NAME USING ERRCODE = 'GL003';
END $$;
CREATE TRIGGER workflow_definition_immutable BEFORE UPDATE OR DELETE ON workflow_definition
  FOR EACH ROW EXECUTE FUNCTION gloria_refuse_change();
CREATE TRIGGER workflow_history_immutable BEFORE UPDATE OR DELETE ON workflow_history
  FOR EACH ROW EXECUTE FUNCTION gloria_refuse_change();
CREATE TRIGGER workflow_decision_immutable BEFORE UPDATE OR DELETE ON workflow_decision
  FOR EACH ROW EXECUTE FUNCTION gloria_refuse_change();

-- ── Authorization head and changelog ─────────────────────────────────────────────────────────────────────────────

-- Raises the foundation's head once a transaction and returns it. The row lock it takes serialises everything that
-- changes authorization in one foundation, so the tree and role-graph triggers below may read, check and write
-- without a race. SECURITY DEFINER: the runtime role may not write head or changelog by itself.
CREATE FUNCTION authz_bump(p_foundation uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  mark text := pg_current_xact_id()::text || ':' || p_foundation::text;
  head bigint;
BEGIN
  IF current_setting('gloria.authz_mark', true) = mark THEN
    SELECT v INTO head FROM authz_head WHERE foundation_id = p_foundation;
    RETURN head;
  END IF;
  INSERT INTO authz_head AS h (foundation_id, v) VALUES (p_foundation, 1)
    ON CONFLICT (foundation_id) DO UPDATE SET v = h.v + 1 RETURNING v INTO head;
  PERFORM set_config('gloria.authz_mark', mark, true);
  RETURN head;
END $$;

CREATE FUNCTION authz_record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  this_row jsonb := coalesce(new_row, old_row);
  foundation uuid := (this_row->>'foundation_id')::uuid;
BEGIN
  IF old_row IS NOT DISTINCT FROM new_row THEN RETURN NULL; END IF;
  INSERT INTO authz_change (foundation_id, v, table_name, op, row_id, before, after)
    VALUES (foundation, authz_bump(foundation), TG_TABLE_NAME, TG_OP, (this_row->>'id')::uuid, old_row, new_row);
  RETURN NULL;
END $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['position', 'appointment', 'user_account', 'role', 'role_inheritance', 'role_assignment',
                           'grant_rule'] LOOP
    EXECUTE format('CREATE TRIGGER b_authz_change AFTER INSERT OR UPDATE OR DELETE ON %I
                    FOR EACH ROW EXECUTE FUNCTION authz_record_change()', t);
  END LOOP;
END $$;
-- Intervals are derived: renumbering is no change of its own.
CREATE TRIGGER b_authz_change AFTER INSERT OR DELETE ON org_unit FOR EACH ROW EXECUTE FUNCTION authz_record_change();
CREATE TRIGGER b_authz_change_update AFTER UPDATE ON org_unit FOR EACH ROW
  WHEN ((OLD.parent_id, OLD.kind, OLD.code, OLD.name, OLD.deleted_at)
        IS DISTINCT FROM (NEW.parent_id, NEW.kind, NEW.code, NEW.name, NEW.deleted_at))
  EXECUTE FUNCTION authz_record_change();
CREATE TRIGGER b_authz_change_update AFTER UPDATE ON person FOR EACH ROW
  WHEN (OLD.deleted_at IS DISTINCT FROM NEW.deleted_at)
  EXECUTE FUNCTION authz_record_change();

-- ── Organization tree as preorder intervals ──────────────────────────────────────────────────────────────────────

-- Renumbers one foundation's tree: a walk from the root in code order, interval ends by a stack in one pass. The
-- head's row lock (authz_bump) keeps two renumberings apart. A unit the walk does not reach hangs on a cycle: GL002.
-- SECURITY DEFINER because derived columns are not the application's to write.
CREATE FUNCTION org_unit_renumber(p_foundation uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  node record;
  ids uuid[] := '{}';
  rights integer[] := '{}';
  depths integer[] := '{}';
  schools uuid[] := '{}';
  open_at integer[] := '{}';
  n integer := 0;
  present integer;
BEGIN
  PERFORM authz_bump(p_foundation);
  FOR node IN
    WITH RECURSIVE walk AS (
      SELECT id, kind, kind AS parent_kind, 0 AS depth, ARRAY[code, id::text] AS path, NULL::uuid AS school_id
        FROM org_unit WHERE foundation_id = p_foundation AND parent_id IS NULL
      UNION ALL
      SELECT u.id, u.kind, w.kind, w.depth + 1, w.path || ARRAY[u.code, u.id::text],
             CASE WHEN u.kind = 'school' THEN u.id ELSE w.school_id END
        FROM org_unit u JOIN walk w ON u.parent_id = w.id
       WHERE u.foundation_id = p_foundation
    )
    SELECT id, kind, parent_kind, depth, school_id FROM walk ORDER BY path COLLATE "C"
  LOOP
    IF (node.kind = 'school' AND node.parent_kind <> 'foundation') OR node.depth > 32 THEN
      RAISE EXCEPTION 'a school stands directly below the foundation, and nothing below level 32' USING ERRCODE = 'GL004';
    END IF;
    WHILE cardinality(open_at) > 0 AND depths[open_at[cardinality(open_at)]] >= node.depth LOOP
      rights[open_at[cardinality(open_at)]] := n;
      open_at := trim_array(open_at, 1);
    END LOOP;
    n := n + 1;
    ids[n] := node.id; depths[n] := node.depth; schools[n] := node.school_id; rights[n] := n;
    open_at := open_at || n;
  END LOOP;
  FOR i IN 1 .. cardinality(open_at) LOOP rights[open_at[i]] := n; END LOOP;

  SELECT count(*) INTO present FROM org_unit WHERE foundation_id = p_foundation;
  IF n <> present THEN
    RAISE EXCEPTION 'the organization tree has a cycle' USING ERRCODE = 'GL002';
  END IF;
  UPDATE org_unit u SET lft = t.lft, rgt = t.rgt, depth = t.depth, school_id = t.school_id
    FROM unnest(ids, rights, depths, schools) WITH ORDINALITY AS t(id, rgt, depth, school_id, lft)
   WHERE u.foundation_id = p_foundation AND u.id = t.id
     AND (u.lft, u.rgt, u.depth, u.school_id) IS DISTINCT FROM (t.lft::int, t.rgt, t.depth, t.school_id);
END $$;

-- Transition tables do not go with a column list, so the update trigger asks itself whether the shape changed; the
-- renumbering's own UPDATE changes no shape and so ends the recursion.
CREATE FUNCTION org_unit_shape_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE foundation uuid;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    FOR foundation IN SELECT DISTINCT n.foundation_id FROM after_rows n JOIN before_rows o ON o.id = n.id
      WHERE (n.parent_id, n.kind, n.code) IS DISTINCT FROM (o.parent_id, o.kind, o.code)
    LOOP PERFORM org_unit_renumber(foundation); END LOOP;
  ELSIF TG_OP = 'INSERT' THEN
    FOR foundation IN SELECT DISTINCT foundation_id FROM after_rows LOOP PERFORM org_unit_renumber(foundation); END LOOP;
  ELSE
    FOR foundation IN SELECT DISTINCT foundation_id FROM before_rows LOOP PERFORM org_unit_renumber(foundation); END LOOP;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER a_org_unit_tree_insert AFTER INSERT ON org_unit REFERENCING NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION org_unit_shape_changed();
CREATE TRIGGER a_org_unit_tree_update AFTER UPDATE ON org_unit REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
  FOR EACH STATEMENT EXECUTE FUNCTION org_unit_shape_changed();
CREATE TRIGGER a_org_unit_tree_delete AFTER DELETE ON org_unit REFERENCING OLD TABLE AS before_rows
  FOR EACH STATEMENT EXECUTE FUNCTION org_unit_shape_changed();

-- ── Role graph ───────────────────────────────────────────────────────────────────────────────────────────────────

-- Rebuilds the foundation's closure (reflexive, transitive). Under the head's row lock, so that two edges added at
-- the same time cannot close a cycle between them: GL005.
CREATE FUNCTION role_closure_rebuild() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE foundation uuid := coalesce(CASE WHEN TG_OP <> 'DELETE' THEN NEW.foundation_id END, OLD.foundation_id);
BEGIN
  PERFORM authz_bump(foundation);
  IF EXISTS (
    WITH RECURSIVE reach(senior_id, junior_id) AS (
      SELECT senior_id, junior_id FROM role_inheritance WHERE foundation_id = foundation
      UNION
      SELECT r.senior_id, i.junior_id FROM reach r
        JOIN role_inheritance i ON i.senior_id = r.junior_id AND i.foundation_id = foundation
    ) SELECT 1 FROM reach WHERE senior_id = junior_id
  ) THEN
    RAISE EXCEPTION 'the role graph has a cycle' USING ERRCODE = 'GL005';
  END IF;
  DELETE FROM role_closure WHERE foundation_id = foundation;
  INSERT INTO role_closure (foundation_id, senior_id, junior_id)
  WITH RECURSIVE reach(senior_id, junior_id) AS (
    SELECT id, id FROM role WHERE foundation_id = foundation
    UNION
    SELECT r.senior_id, i.junior_id FROM reach r
      JOIN role_inheritance i ON i.senior_id = r.junior_id AND i.foundation_id = foundation
  ) SELECT foundation, senior_id, junior_id FROM reach;
  RETURN NULL;
END $$;
CREATE TRIGGER a_role_closure AFTER INSERT OR DELETE ON role FOR EACH ROW EXECUTE FUNCTION role_closure_rebuild();
CREATE TRIGGER a_role_closure AFTER INSERT OR UPDATE OR DELETE ON role_inheritance
  FOR EACH ROW EXECUTE FUNCTION role_closure_rebuild();

-- ── Audit ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- The audit schema belongs to a role that cannot log in; partitions live in a schema of their own.
CREATE SCHEMA audit;
CREATE SCHEMA audit_partition;

CREATE TABLE audit.event (
  id             uuid NOT NULL,
  foundation_id  uuid NOT NULL,
  seq            bigint GENERATED ALWAYS AS IDENTITY,
  xid            xid8 NOT NULL DEFAULT pg_current_xact_id(),
  occurred_at    timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  schema_version smallint NOT NULL DEFAULT 1,
  action         text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
  outcome        text NOT NULL CHECK (outcome IN ('success', 'denied', 'failure')),
  reason_code    text,
  actor_kind     text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'system', 'webhook')),
  actor_id       text NOT NULL,
  session_id     text,
  target_type    text NOT NULL,
  target_id      text NOT NULL,
  context        jsonb NOT NULL,
  authz          jsonb,
  before         jsonb,
  after          jsonb,
  PRIMARY KEY (occurred_at, id)
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE audit.event IS 'What happened: one row an action, append-only, partitioned by month.';
COMMENT ON COLUMN audit.event.seq IS 'Order of insertion; not the order of commit.';
COMMENT ON COLUMN audit.event.xid IS 'Transaction that wrote the event and the change it records.';
COMMENT ON COLUMN audit.event.occurred_at IS 'Database clock.';
COMMENT ON COLUMN audit.event.schema_version IS 'Version of the row''s meaning.';
COMMENT ON COLUMN audit.event.action IS 'What was done, past tense, `<resource>.<verb>`.';
COMMENT ON COLUMN audit.event.outcome IS 'success, denied or failure.';
COMMENT ON COLUMN audit.event.reason_code IS 'For a denial or failure: the stable error code.';
COMMENT ON COLUMN audit.event.actor_kind IS 'user, api_key, system or webhook.';
COMMENT ON COLUMN audit.event.actor_id IS 'Person id, key id or the system''s name.';
COMMENT ON COLUMN audit.event.session_id IS 'Clerk session of a user.';
COMMENT ON COLUMN audit.event.target_type IS 'Table of the row concerned.';
COMMENT ON COLUMN audit.event.target_id IS 'Id of the row concerned.';
COMMENT ON COLUMN audit.event.context IS 'Request id, route, client address.';
COMMENT ON COLUMN audit.event.authz IS 'The authorization version it rests on.';
COMMENT ON COLUMN audit.event.before IS 'The changed fields before.';
COMMENT ON COLUMN audit.event.after IS 'The changed fields after.';
CREATE INDEX event_xid ON audit.event (xid, target_id);
CREATE INDEX event_page ON audit.event (foundation_id, occurred_at DESC, id DESC);
CREATE INDEX event_target ON audit.event (foundation_id, target_type, target_id, occurred_at DESC);
CREATE INDEX event_actor ON audit.event (foundation_id, actor_id, occurred_at DESC);
CREATE INDEX event_action ON audit.event (foundation_id, action, occurred_at DESC);
CREATE INDEX event_request ON audit.event (foundation_id, (context->>'requestId'));

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'GL006';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON audit.event
  FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON audit.event
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- Makes the partition of the month p_day falls into, if it is missing. A TRUNCATE trigger on the parent does not
-- fire for a partition truncated by name, so each partition gets its own; row-level security likewise.
CREATE FUNCTION audit.ensure_partition(p_day date) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first date := date_trunc('month', p_day)::date;
  name text := 'event_' || to_char(first, 'YYYYMM');
BEGIN
  IF p_day > (now() + interval '13 months')::date OR p_day < (now() - interval '1 month')::date THEN
    RAISE EXCEPTION 'partition % is out of range', name USING ERRCODE = '22023';
  END IF;
  IF to_regclass('audit_partition.' || name) IS NOT NULL THEN RETURN name; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('audit.ensure_partition'));
  IF to_regclass('audit_partition.' || name) IS NOT NULL THEN RETURN name; END IF;
  EXECUTE format('CREATE TABLE audit_partition.%I PARTITION OF audit.event FOR VALUES FROM (%L) TO (%L)',
                 name, first::timestamptz, (first + interval '1 month')::timestamptz);
  EXECUTE format('ALTER TABLE audit_partition.%I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE audit_partition.%I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON audit_partition.%I
                  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()', name);
  RETURN name;
END $$;

-- Nothing unaudited: at COMMIT each changed row of an audited table must be named by an event of the same
-- transaction, so that a forgotten code path, updateMany or raw SQL cannot commit. GL007. The function reads as the
-- audit schema's owner, whatever the caller may read. Argument: the column that holds the row's id (default id).
CREATE FUNCTION audit.require_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  row_id text := (CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END)->>coalesce(TG_ARGV[0], 'id');
BEGIN
  IF NOT EXISTS (SELECT 1 FROM audit.event WHERE xid = pg_current_xact_id() AND target_id = row_id AND target_type = TG_TABLE_NAME) THEN
    RAISE EXCEPTION 'no audit event names % %', TG_TABLE_NAME, row_id USING ERRCODE = 'GL007';
  END IF;
  RETURN NULL;
END $$;

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['foundation', 'position', 'person', 'appointment', 'user_account', 'invitation', 'role',
                           'role_inheritance', 'role_assignment', 'grant_rule', 'workflow_definition', 'workflow_instance'] LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON %I
                    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event()', t);
  END LOOP;
END $$;
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR DELETE ON org_unit
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
CREATE CONSTRAINT TRIGGER z_audited_update AFTER UPDATE ON org_unit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.parent_id, OLD.kind, OLD.code, OLD.name, OLD.deleted_at)
        IS DISTINCT FROM (NEW.parent_id, NEW.kind, NEW.code, NEW.name, NEW.deleted_at))
  EXECUTE FUNCTION audit.require_event();
-- The minute-wise notes of last use are no business change.
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR DELETE ON api_key
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();
CREATE CONSTRAINT TRIGGER z_audited_update AFTER UPDATE ON api_key DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.name, OLD.secret_hash, OLD.scopes, OLD.cidrs, OLD.expires_at, OLD.revoked_at)
        IS DISTINCT FROM (NEW.name, NEW.secret_hash, NEW.scopes, NEW.cidrs, NEW.expires_at, NEW.revoked_at))
  EXECUTE FUNCTION audit.require_event();
CREATE CONSTRAINT TRIGGER z_audited AFTER UPDATE ON user_session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION audit.require_event('sid');

-- ── Hot statements: one round trip each, setting their own context ───────────────────────────────────────────────

-- Everything the door needs to know of a signed-in caller: tenant, account, session (noted on first sight and once a
-- minute), head version. status: no_foundation | unlinked | revoked | ok.
CREATE FUNCTION gloria_begin_request(p_org text, p_clerk_user text, p_sid text)
RETURNS TABLE (status text, foundation_id uuid, timezone text, foundation_locale text, user_id uuid, person_id uuid, person_name text, locale text, v bigint, now_ms double precision)
LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE
  f foundation%ROWTYPE;
  a user_account%ROWTYPE;
  s user_session%ROWTYPE;
BEGIN
  PERFORM set_config('gloria.clerk_org_id', p_org, true);
  SELECT * INTO f FROM foundation WHERE clerk_org_id = p_org;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'no_foundation', NULL::uuid, NULL::text, NULL::text, NULL::uuid, NULL::uuid, NULL::text, NULL::text, NULL::bigint, NULL::double precision;
    RETURN;
  END IF;
  PERFORM set_config('gloria.foundation_id', f.id::text, true);
  SELECT * INTO a FROM user_account WHERE foundation_id = f.id AND clerk_user_id = p_clerk_user;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unlinked', f.id, f.timezone, f.locale, NULL::uuid, NULL::uuid, NULL::text, NULL::text, NULL::bigint, NULL::double precision;
    RETURN;
  END IF;
  SELECT * INTO s FROM user_session WHERE foundation_id = f.id AND sid = p_sid;
  IF NOT FOUND THEN
    INSERT INTO user_session (sid, foundation_id, user_id) VALUES (p_sid, f.id, a.id) ON CONFLICT DO NOTHING;
    SELECT * INTO s FROM user_session WHERE foundation_id = f.id AND sid = p_sid;
  ELSIF s.last_seen_at < now() - interval '1 minute' AND s.revoked_at IS NULL THEN
    UPDATE user_session SET last_seen_at = now() WHERE foundation_id = f.id AND sid = p_sid;
  END IF;
  RETURN QUERY
    SELECT CASE WHEN s.sid IS NULL OR s.user_id <> a.id OR s.revoked_at IS NOT NULL OR p.deleted_at IS NOT NULL THEN 'revoked' ELSE 'ok' END,
           f.id, f.timezone, f.locale, a.id, p.id, p.full_name, p.locale, coalesce(h.v, 0), (extract(epoch FROM clock_timestamp()) * 1000)::double precision
      FROM person p LEFT JOIN authz_head h ON h.foundation_id = f.id
     WHERE p.foundation_id = f.id AND p.id = a.person_id;
END $$;

-- The authorization version alone.
CREATE FUNCTION gloria_authz_head(p_foundation uuid) RETURNS bigint LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  RETURN coalesce((SELECT v FROM authz_head WHERE foundation_id = p_foundation), 0);
END $$;

-- The same for an API key: the row by its public id, and the head version. The caller checks the secret.
CREATE FUNCTION gloria_find_api_key(p_key_id text)
RETURNS TABLE (id uuid, foundation_id uuid, timezone text, foundation_locale text, name text, secret_hash bytea, pepper_kid text,
               scopes text[], cidrs text[], created_by_id uuid, usable boolean, noted boolean, v bigint, now_ms double precision)
LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE k api_key%ROWTYPE;
BEGIN
  PERFORM set_config('gloria.api_key_id', p_key_id, true);
  SELECT * INTO k FROM api_key WHERE key_id = p_key_id;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM set_config('gloria.foundation_id', k.foundation_id::text, true);
  RETURN QUERY
    SELECT k.id, k.foundation_id, f.timezone, f.locale, k.name, k.secret_hash, k.pepper_kid, k.scopes, k.cidrs, k.created_by_id,
           k.revoked_at IS NULL AND k.expires_at > now() AND p.deleted_at IS NULL,
           coalesce(k.last_used_at >= now() - interval '1 minute', false), coalesce(h.v, 0),
           (extract(epoch FROM clock_timestamp()) * 1000)::double precision
      FROM foundation f JOIN person p ON p.foundation_id = f.id AND p.id = k.created_by_id
      LEFT JOIN authz_head h ON h.foundation_id = f.id
     WHERE f.id = k.foundation_id;
END $$;

-- Notes that a key was used, once its secret has been checked.
CREATE FUNCTION gloria_note_api_key_use(p_foundation uuid, p_id uuid) RETURNS void LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  UPDATE api_key SET last_used_at = now() WHERE foundation_id = p_foundation AND id = p_id;
END $$;

-- A subject's grants with everything they depend on, in one round trip: the present version and clock, the person's
-- appointments with their intervals, and every grant that names the person, one of their positions, a role reached
-- from either, or everyone. Rows not valid yet come too, so that the next validity boundary is known; past ones do not.
CREATE FUNCTION gloria_compile_subject(p_foundation uuid, p_person uuid) RETURNS jsonb
LANGUAGE plpgsql SECURITY INVOKER AS $$
DECLARE result jsonb;
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  WITH held AS (
    SELECT a.position_id, a.valid_from, a.valid_until, u.lft, u.rgt, s.lft AS school_lft, s.rgt AS school_rgt
      FROM appointment a
      JOIN position p ON p.foundation_id = a.foundation_id AND p.id = a.position_id AND p.deleted_at IS NULL
      JOIN org_unit u ON u.foundation_id = p.foundation_id AND u.id = p.unit_id AND u.deleted_at IS NULL
      LEFT JOIN org_unit s ON s.foundation_id = u.foundation_id AND s.id = u.school_id
     WHERE a.foundation_id = p_foundation AND a.person_id = p_person AND (a.valid_until IS NULL OR a.valid_until > now())
  ), roles AS (
    -- A role through a position is good while both the appointment and the assignment are.
    SELECT c.junior_id AS role_id, r.role_id AS through_role_id, r.position_id, r.valid_from, r.valid_until
      FROM role_assignment r JOIN role_closure c ON c.foundation_id = r.foundation_id AND c.senior_id = r.role_id
     WHERE r.foundation_id = p_foundation AND (r.valid_until IS NULL OR r.valid_until > now())
       AND (r.person_id = p_person OR r.position_id IN (SELECT position_id FROM held))
  ), reached AS (
    SELECT g.id, NULL::uuid AS through_position, NULL::uuid AS through_role, NULL::timestamptz AS via_from, NULL::timestamptz AS via_until
      FROM grant_rule g WHERE g.foundation_id = p_foundation AND (g.person_id = p_person OR g.everyone)
    UNION ALL
    SELECT g.id, g.position_id, NULL, NULL, NULL FROM grant_rule g
     WHERE g.foundation_id = p_foundation AND g.position_id IN (SELECT position_id FROM held)
    UNION ALL
    SELECT g.id, r.position_id, r.through_role_id, r.valid_from, r.valid_until
      FROM grant_rule g JOIN roles r ON r.role_id = g.role_id WHERE g.foundation_id = p_foundation
  )
  SELECT jsonb_build_object(
    'v', coalesce((SELECT v FROM authz_head WHERE foundation_id = p_foundation), 0)::text,
    'now', extract(epoch FROM statement_timestamp()) * 1000,
    'appointments', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'positionId', position_id, 'from', extract(epoch FROM valid_from) * 1000, 'until', extract(epoch FROM valid_until) * 1000,
        'unit', jsonb_build_array(lft, rgt), 'school', CASE WHEN school_lft IS NOT NULL THEN jsonb_build_array(school_lft, school_rgt) END)) FROM held), '[]'),
    'grants', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'id', g.id, 'code', g.permission_code, 'effect', g.effect, 'scope', g.scope,
        'node', CASE WHEN n.id IS NOT NULL THEN jsonb_build_array(n.lft, n.rgt) END,
        'positionId', x.through_position, 'roleId', x.through_role,
        'from', greatest(extract(epoch FROM g.valid_from), extract(epoch FROM x.via_from)) * 1000,
        'until', least(extract(epoch FROM g.valid_until), extract(epoch FROM x.via_until)) * 1000))
      FROM reached x JOIN grant_rule g ON g.foundation_id = p_foundation AND g.id = x.id
      LEFT JOIN org_unit n ON n.foundation_id = p_foundation AND n.id = g.node_id
     WHERE g.valid_until IS NULL OR g.valid_until > now()), '[]')
  ) INTO result;
  RETURN result;
END $$;

-- ── Row-level security and rights ────────────────────────────────────────────────────────────────────────────────

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['org_unit', 'position', 'person', 'appointment', 'user_account', 'user_session', 'invitation',
      'role', 'role_inheritance', 'role_closure', 'role_assignment', 'grant_rule', 'authz_head', 'authz_change',
      'workflow_definition', 'workflow_instance', 'workflow_task', 'workflow_candidate',
      'workflow_decision', 'workflow_history'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;

-- The tenant itself is found by its Clerk organization, before its id is known.
ALTER TABLE foundation ENABLE ROW LEVEL SECURITY;
ALTER TABLE foundation FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON foundation
  USING (id = gloria_foundation() OR clerk_org_id = nullif(current_setting('gloria.clerk_org_id', true), ''))
  WITH CHECK (id = gloria_foundation());
-- A key is found by its public id, before its tenant is known.
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_key
  USING (foundation_id = gloria_foundation() OR key_id = nullif(current_setting('gloria.api_key_id', true), ''))
  WITH CHECK (foundation_id = gloria_foundation());
-- The worker claims due messages of every tenant, and clears away what is past its time.
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['outbox_message', 'idempotency_record'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
    EXECUTE format($policy$CREATE POLICY worker ON %I USING (current_setting('gloria.worker', true) = 'on') WITH CHECK (current_setting('gloria.worker', true) = 'on')$policy$, t);
  END LOOP;
END $$;
-- The catalogue is the same for everybody and written by migrations only.
ALTER TABLE permission ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON permission FOR SELECT USING (true);

ALTER TABLE audit.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.event FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_read ON audit.event FOR SELECT USING (foundation_id = gloria_foundation());
CREATE POLICY tenant_write ON audit.event FOR INSERT WITH CHECK (foundation_id = gloria_foundation());

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public, audit TO gloria_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO gloria_app;
GRANT INSERT, UPDATE, DELETE ON org_unit, position, person, appointment, user_account, user_session, invitation, role,
  role_inheritance, role_assignment, grant_rule, api_key, idempotency_record, outbox_message, workflow_instance,
  workflow_task, workflow_candidate TO gloria_app;
GRANT INSERT, UPDATE ON foundation TO gloria_app;
GRANT INSERT ON workflow_definition, workflow_decision, workflow_history TO gloria_app;
REVOKE UPDATE ON org_unit FROM gloria_app;
GRANT UPDATE (kind, parent_id, code, name, updated_at, deleted_at, version) ON org_unit TO gloria_app;
-- Column-level: xid, seq and the clock are the database's; a writer that could set xid could hide behind the sealer.
GRANT SELECT ON audit.event TO gloria_app;
GRANT INSERT (id, foundation_id, action, outcome, reason_code, actor_kind, actor_id, session_id, target_type, target_id,
  context, authz, before, after) ON audit.event TO gloria_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public, audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gloria_uuid7(), gloria_foundation(), gloria_begin_request(text, text, text),
  gloria_find_api_key(text), gloria_compile_subject(uuid, uuid), gloria_authz_head(uuid), gloria_note_api_key_use(uuid, uuid), audit.ensure_partition(date) TO gloria_app;

-- The log's tables and functions belong to a role that cannot log in; the schemas stay the migrator's.
GRANT USAGE, CREATE ON SCHEMA audit, audit_partition TO gloria_audit;
GRANT USAGE ON SCHEMA public TO gloria_audit;
GRANT EXECUTE ON FUNCTION gloria_foundation() TO gloria_audit;
ALTER TABLE audit.event OWNER TO gloria_audit;
ALTER FUNCTION audit.refuse_change() OWNER TO gloria_audit;
ALTER FUNCTION audit.ensure_partition(date) OWNER TO gloria_audit;
ALTER FUNCTION audit.require_event() OWNER TO gloria_audit;
SELECT audit.ensure_partition((current_date + make_interval(months => n))::date) FROM generate_series(0, 3) AS n;
