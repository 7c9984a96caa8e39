-- rollback: forward only; an older release goes on with what it knows: grants for some rows or under a condition, and what is lent, are left out of what it compiles (denies stay).

-- ── Grants for some rows, and under a condition ──────────────────────────────────────────────────────────────────

ALTER TABLE grant_rule
  ADD COLUMN resource_type text,
  ADD COLUMN resource_id text,
  ADD COLUMN condition jsonb,
  ADD COLUMN granted_by text;
ALTER TABLE grant_rule ADD CONSTRAINT grant_rule_resource CHECK (resource_id IS NULL OR resource_type IS NOT NULL) NOT VALID;
ALTER TABLE grant_rule ADD CONSTRAINT grant_rule_condition CHECK (condition IS NULL OR (condition ? 'test' AND condition ? 'types')) NOT VALID;

-- The same grant does not hold twice at the same time. A trigger, because jsonb and nulls are no keys: it runs after the
-- head's row lock was taken (b_authz_change), so that two transactions cannot both find nothing.
CREATE FUNCTION grant_rule_alone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM grant_rule g
     WHERE g.foundation_id = NEW.foundation_id AND g.id <> NEW.id AND g.permission_code = NEW.permission_code
       AND (g.effect, g.scope, g.everyone) = (NEW.effect, NEW.scope, NEW.everyone)
       AND (g.node_id, g.role_id, g.person_id, g.position_id, g.resource_type, g.resource_id, g.condition)
           IS NOT DISTINCT FROM (NEW.node_id, NEW.role_id, NEW.person_id, NEW.position_id, NEW.resource_type, NEW.resource_id, NEW.condition)
       AND tstzrange(g.valid_from, g.valid_until) && tstzrange(NEW.valid_from, NEW.valid_until)) THEN
    RAISE EXCEPTION 'the same grant holds in this period already' USING ERRCODE = 'unique_violation', CONSTRAINT = 'grant_rule_once', TABLE = 'grant_rule';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER c_grant_alone AFTER INSERT OR UPDATE ON grant_rule FOR EACH ROW EXECUTE FUNCTION grant_rule_alone();

-- ── Delegation ───────────────────────────────────────────────────────────────────────────────────────────────────

CREATE TABLE delegation (
  id            uuid NOT NULL,
  foundation_id uuid NOT NULL,
  lender_id     uuid NOT NULL,
  borrower_id   uuid NOT NULL,
  codes         text[] NOT NULL DEFAULT '{}',
  node_id       uuid,
  transitive    boolean NOT NULL DEFAULT false,
  valid_from    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  valid_until   timestamptz(3) NOT NULL,
  reason        text NOT NULL,
  created_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT delegation_pkey PRIMARY KEY (id),
  CONSTRAINT delegation_not_self CHECK (lender_id <> borrower_id),
  CONSTRAINT delegation_period CHECK (valid_until > valid_from AND valid_until <= valid_from + interval '366 days'),
  CONSTRAINT delegation_foundation_id_lender_id_fkey FOREIGN KEY (foundation_id, lender_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT delegation_foundation_id_borrower_id_fkey FOREIGN KEY (foundation_id, borrower_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT delegation_foundation_id_node_id_fkey FOREIGN KEY (foundation_id, node_id) REFERENCES org_unit (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX delegation_foundation_id_lender_id_idx ON delegation (foundation_id, lender_id);
CREATE INDEX delegation_foundation_id_borrower_id_idx ON delegation (foundation_id, borrower_id);
CREATE INDEX delegation_foundation_id_node_id_idx ON delegation (foundation_id, node_id);
ALTER TABLE delegation ENABLE ROW LEVEL SECURITY;
ALTER TABLE delegation FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON delegation USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
GRANT SELECT, INSERT, DELETE ON delegation TO gloria_app;
GRANT UPDATE (valid_until) ON delegation TO gloria_app;
CREATE TRIGGER b_authz_change AFTER INSERT OR UPDATE OR DELETE ON delegation FOR EACH ROW EXECUTE FUNCTION authz_record_change();
-- Few loans at a time: each is read with all its lender holds, at every change. GL009. After the head's row lock, like the rest.
CREATE FUNCTION delegation_few() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF (SELECT count(*) FROM delegation WHERE foundation_id = NEW.foundation_id AND lender_id = NEW.lender_id AND valid_until > now()) > 8
     OR (SELECT count(*) FROM delegation WHERE foundation_id = NEW.foundation_id AND borrower_id = NEW.borrower_id AND valid_until > now()) > 8
     OR (SELECT count(*) FROM delegation WHERE foundation_id = NEW.foundation_id AND lender_id = NEW.lender_id AND borrower_id = NEW.borrower_id AND valid_until > now()) > 2 THEN
    RAISE EXCEPTION 'too many delegations at a time' USING ERRCODE = 'GL009';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER c_delegation_few AFTER INSERT ON delegation FOR EACH ROW EXECUTE FUNCTION delegation_few();
REVOKE EXECUTE ON FUNCTION delegation_few() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON delegation
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();

-- ── What a subject holds ─────────────────────────────────────────────────────────────────────────────────────────

-- What one person holds of their own that has not ended, and what was lent to them, with what each lender holds. `p_chain`:
-- those it was lent on to already, the asker first; three people at most, nobody twice, and beyond the first loan only
-- what may be lent on. NULL: what is lent is not asked. Times are epoch ms.
CREATE FUNCTION gloria_holding(p_foundation uuid, p_person uuid, p_chain uuid[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER AS $$
DECLARE result jsonb;
BEGIN
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
    'person', jsonb_build_object('id', p_person),
    'appointments', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'positionId', position_id, 'from', extract(epoch FROM valid_from) * 1000, 'until', extract(epoch FROM valid_until) * 1000,
        'unit', jsonb_build_array(lft, rgt), 'school', CASE WHEN school_lft IS NOT NULL THEN jsonb_build_array(school_lft, school_rgt) END)) FROM held), '[]'),
    'grants', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'id', g.id, 'code', g.permission_code, 'effect', g.effect, 'scope', g.scope,
        'node', CASE WHEN n.id IS NOT NULL THEN jsonb_build_array(n.lft, n.rgt) END,
        'positionId', x.through_position, 'roleId', x.through_role,
        'resource', CASE WHEN g.resource_type IS NOT NULL THEN jsonb_build_object('type', g.resource_type, 'id', g.resource_id) END,
        'condition', g.condition,
        'from', greatest(extract(epoch FROM g.valid_from), extract(epoch FROM x.via_from)) * 1000,
        'until', least(extract(epoch FROM g.valid_until), extract(epoch FROM x.via_until)) * 1000))
      FROM reached x JOIN grant_rule g ON g.foundation_id = p_foundation AND g.id = x.id
      LEFT JOIN org_unit n ON n.foundation_id = p_foundation AND n.id = g.node_id
     WHERE g.valid_until IS NULL OR g.valid_until > now()), '[]'),
    'lent', CASE WHEN p_chain IS NULL OR cardinality(p_chain) >= 2 THEN '[]'::jsonb ELSE coalesce((SELECT jsonb_agg(jsonb_build_object(
        'id', d.id, 'codes', CASE WHEN cardinality(d.codes) > 0 THEN to_jsonb(d.codes) END, 'node', CASE WHEN n.id IS NOT NULL THEN jsonb_build_array(n.lft, n.rgt) END,
        'from', extract(epoch FROM d.valid_from) * 1000, 'until', extract(epoch FROM d.valid_until) * 1000,
        'lender', gloria_holding(p_foundation, d.lender_id, p_chain || p_person)))
      FROM delegation d
      JOIN person l ON l.foundation_id = d.foundation_id AND l.id = d.lender_id AND l.deleted_at IS NULL
      LEFT JOIN org_unit n ON n.foundation_id = d.foundation_id AND n.id = d.node_id
     WHERE d.foundation_id = p_foundation AND d.borrower_id = p_person AND d.valid_until > now()
       AND (cardinality(p_chain) = 0 OR d.transitive) AND d.lender_id <> ALL (p_chain || p_person)), '[]') END
  ) INTO result;
  RETURN result;
END $$;

-- The facts of one subject in one round trip, setting its own tenant.
CREATE FUNCTION gloria_subject_facts(p_foundation uuid, p_person uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  RETURN gloria_holding(p_foundation, p_person, '{}') || jsonb_build_object(
    'v', coalesce((SELECT v FROM authz_head WHERE foundation_id = p_foundation), 0)::text,
    'now', extract(epoch FROM statement_timestamp()) * 1000);
END $$;

-- What the release before this one asks. It knows neither rows nor conditions: an allow that has one is none to it.
CREATE OR REPLACE FUNCTION gloria_compile_subject(p_foundation uuid, p_person uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY INVOKER AS $$
DECLARE facts jsonb := gloria_subject_facts(p_foundation, p_person);
BEGIN
  RETURN facts - 'lent' || jsonb_build_object('grants', coalesce((
    SELECT jsonb_agg(g) FROM jsonb_array_elements(facts->'grants') g
     WHERE g->>'effect' = 'deny' OR (jsonb_typeof(g->'resource') = 'null' AND jsonb_typeof(g->'condition') = 'null')), '[]'));
END $$;

REVOKE EXECUTE ON FUNCTION grant_rule_alone(), gloria_holding(uuid, uuid, uuid[]), gloria_subject_facts(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gloria_holding(uuid, uuid, uuid[]), gloria_subject_facts(uuid, uuid) TO gloria_app;
