-- rollback: forward only; the same answers, by indexes.

-- What one person holds: grants of the person and those of everybody are two reads by index, not one of the whole table.
CREATE OR REPLACE FUNCTION gloria_holding(p_foundation uuid, p_person uuid, p_chain uuid[]) RETURNS jsonb
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
      FROM grant_rule g WHERE g.foundation_id = p_foundation AND g.person_id = p_person
    UNION ALL
    SELECT g.id, NULL, NULL, NULL, NULL FROM grant_rule g WHERE g.foundation_id = p_foundation AND g.everyone
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

-- Whether the same grant holds already: compared with those of the same subject only.
CREATE OR REPLACE FUNCTION grant_rule_alone() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE alike uuid[];
BEGIN
  -- Each of these has an index; what is left to compare is what this one subject has.
  alike := CASE
    WHEN NEW.person_id IS NOT NULL THEN ARRAY(SELECT id FROM grant_rule WHERE foundation_id = NEW.foundation_id AND person_id = NEW.person_id)
    WHEN NEW.position_id IS NOT NULL THEN ARRAY(SELECT id FROM grant_rule WHERE foundation_id = NEW.foundation_id AND position_id = NEW.position_id)
    WHEN NEW.role_id IS NOT NULL THEN ARRAY(SELECT id FROM grant_rule WHERE foundation_id = NEW.foundation_id AND role_id = NEW.role_id)
    ELSE ARRAY(SELECT id FROM grant_rule WHERE foundation_id = NEW.foundation_id AND everyone)
  END;
  IF EXISTS (
    SELECT FROM grant_rule g
     WHERE g.id = ANY (alike) AND g.id <> NEW.id AND g.permission_code = NEW.permission_code
       AND (g.effect, g.scope, g.everyone) = (NEW.effect, NEW.scope, NEW.everyone)
       AND (g.node_id, g.role_id, g.person_id, g.position_id, g.resource_type, g.resource_id, g.condition)
           IS NOT DISTINCT FROM (NEW.node_id, NEW.role_id, NEW.person_id, NEW.position_id, NEW.resource_type, NEW.resource_id, NEW.condition)
       AND tstzrange(g.valid_from, g.valid_until) && tstzrange(NEW.valid_from, NEW.valid_until)) THEN
    RAISE EXCEPTION 'the same grant holds in this period already' USING ERRCODE = 'unique_violation', CONSTRAINT = 'grant_rule_once', TABLE = 'grant_rule';
  END IF;
  RETURN NULL;
END $$;
