-- rollback: forward only; an older release asks gloria_subject_facts, which stays, and reads no paths.

-- The numbering, and now the path: in a migration of its own, since waiting for heads while the table is locked would hold up everybody.
CREATE OR REPLACE FUNCTION org_unit_renumber(p_foundation uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  node record;
  ids uuid[] := '{}';
  rights integer[] := '{}';
  depths integer[] := '{}';
  schools uuid[] := '{}';
  paths text[] := '{}';
  open_at integer[] := '{}';
  n integer := 0;
  present integer;
BEGIN
  PERFORM authz_bump(p_foundation);
  FOR node IN
    WITH RECURSIVE walk AS (
      SELECT id, kind, kind AS parent_kind, 0 AS depth, ARRAY[code, id::text] AS sorted, NULL::uuid AS school_id, ARRAY[id] AS path
        FROM org_unit WHERE foundation_id = p_foundation AND parent_id IS NULL
      UNION ALL
      SELECT u.id, u.kind, w.kind, w.depth + 1, w.sorted || ARRAY[u.code, u.id::text],
             CASE WHEN u.kind = 'school' THEN u.id ELSE w.school_id END, w.path || u.id
        FROM org_unit u JOIN walk w ON u.parent_id = w.id
       WHERE u.foundation_id = p_foundation
    )
    SELECT id, kind, parent_kind, depth, school_id, path FROM walk ORDER BY sorted COLLATE "C"
  LOOP
    IF (node.kind = 'school' AND node.parent_kind <> 'foundation') OR node.depth > 32 THEN
      RAISE EXCEPTION 'a school stands directly below the foundation, and nothing below level 32' USING ERRCODE = 'GL004';
    END IF;
    WHILE cardinality(open_at) > 0 AND depths[open_at[cardinality(open_at)]] >= node.depth LOOP
      rights[open_at[cardinality(open_at)]] := n;
      open_at := trim_array(open_at, 1);
    END LOOP;
    n := n + 1;
    ids[n] := node.id; depths[n] := node.depth; schools[n] := node.school_id; rights[n] := n; paths[n] := node.path::text;
    open_at := open_at || n;
  END LOOP;
  FOR i IN 1 .. cardinality(open_at) LOOP rights[open_at[i]] := n; END LOOP;

  SELECT count(*) INTO present FROM org_unit WHERE foundation_id = p_foundation;
  IF n <> present THEN
    RAISE EXCEPTION 'the organization tree has a cycle' USING ERRCODE = 'GL002';
  END IF;
  UPDATE org_unit u SET lft = t.lft, rgt = t.rgt, depth = t.depth, school_id = t.school_id, path = t.path::uuid[]
    FROM unnest(ids, rights, depths, schools, paths) WITH ORDINALITY AS t(id, rgt, depth, school_id, path, lft)
   WHERE u.foundation_id = p_foundation AND u.id = t.id
     AND (u.lft, u.rgt, u.depth, u.school_id, u.path) IS DISTINCT FROM (t.lft::int, t.rgt, t.depth, t.school_id, t.path::uuid[]);
END $$;

DO $$
DECLARE f uuid;
BEGIN
  PERFORM set_config('gloria.worker', 'on', true);
  FOR f IN SELECT id FROM foundation ORDER BY id LOOP
    PERFORM set_config('gloria.foundation_id', f::text, true);
    PERFORM org_unit_renumber(f);
    IF EXISTS (SELECT FROM org_unit WHERE foundation_id = f AND path[cardinality(path)] IS DISTINCT FROM id) THEN
      RAISE EXCEPTION 'a unit of foundation % has no path', f;
    END IF;
  END LOOP;
END $$;

-- What one person holds, as gloria_holding tells it, with units by their paths. Planned once a connection: planning it takes
-- several times what reading does, and no person is so unlike another that it would pay.
CREATE FUNCTION gloria_holds(p_foundation uuid, p_person uuid, p_chain uuid[]) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET plan_cache_mode = force_generic_plan AS $$
DECLARE result jsonb;
BEGIN
  WITH held AS (
    SELECT a.position_id, a.valid_from, a.valid_until, u.path AS unit, s.path AS school
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
    -- Each by the index of whom it is for: OFFSET 0 keeps a lateral read from becoming one of the whole table.
    SELECT g.id, g.permission_code, g.effect, g.scope, g.node_id, g.resource_type, g.resource_id, g.condition, g.valid_from, g.valid_until,
           NULL::uuid AS through_position, NULL::uuid AS through_role, NULL::timestamptz AS via_from, NULL::timestamptz AS via_until
      FROM grant_rule g WHERE g.foundation_id = p_foundation AND g.person_id = p_person
    UNION ALL
    SELECT g.id, g.permission_code, g.effect, g.scope, g.node_id, g.resource_type, g.resource_id, g.condition, g.valid_from, g.valid_until, NULL, NULL, NULL, NULL
      FROM grant_rule g WHERE g.foundation_id = p_foundation AND g.everyone
    UNION ALL
    SELECT g.id, g.permission_code, g.effect, g.scope, g.node_id, g.resource_type, g.resource_id, g.condition, g.valid_from, g.valid_until, g.position_id, NULL, NULL, NULL
      FROM (SELECT DISTINCT position_id FROM held) h
      CROSS JOIN LATERAL (SELECT * FROM grant_rule WHERE foundation_id = p_foundation AND position_id = h.position_id OFFSET 0) g
    UNION ALL
    SELECT g.id, g.permission_code, g.effect, g.scope, g.node_id, g.resource_type, g.resource_id, g.condition, g.valid_from, g.valid_until, r.position_id, r.through_role_id, r.valid_from, r.valid_until
      FROM roles r
      CROSS JOIN LATERAL (SELECT * FROM grant_rule WHERE foundation_id = p_foundation AND role_id = r.role_id OFFSET 0) g
  )
  SELECT jsonb_build_object(
    'person', jsonb_build_object('id', p_person),
    'appointments', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'positionId', position_id, 'from', extract(epoch FROM valid_from) * 1000, 'until', extract(epoch FROM valid_until) * 1000,
        'unit', unit, 'school', school)) FROM held), '[]'),
    'grants', coalesce((SELECT jsonb_agg(jsonb_build_object(
        'id', g.id, 'code', g.permission_code, 'effect', g.effect, 'scope', g.scope,
        'node', n.path,
        'positionId', g.through_position, 'roleId', g.through_role,
        'resource', CASE WHEN g.resource_type IS NOT NULL THEN jsonb_build_object('type', g.resource_type, 'id', g.resource_id) END,
        'condition', g.condition,
        'from', greatest(extract(epoch FROM g.valid_from), extract(epoch FROM g.via_from)) * 1000,
        'until', least(extract(epoch FROM g.valid_until), extract(epoch FROM g.via_until)) * 1000))
      FROM reached g
      LEFT JOIN org_unit n ON n.foundation_id = p_foundation AND n.id = g.node_id
     WHERE g.valid_until IS NULL OR g.valid_until > now()), '[]'),
    'lent', CASE WHEN p_chain IS NULL OR cardinality(p_chain) >= 2 THEN '[]'::jsonb ELSE coalesce((SELECT jsonb_agg(jsonb_build_object(
        'id', d.id, 'codes', CASE WHEN cardinality(d.codes) > 0 THEN to_jsonb(d.codes) END, 'node', n.path,
        'from', extract(epoch FROM d.valid_from) * 1000, 'until', extract(epoch FROM d.valid_until) * 1000,
        'lender', gloria_holds(p_foundation, d.lender_id, p_chain || p_person)))
      FROM delegation d
      JOIN person l ON l.foundation_id = d.foundation_id AND l.id = d.lender_id AND l.deleted_at IS NULL
      LEFT JOIN org_unit n ON n.foundation_id = d.foundation_id AND n.id = d.node_id
     WHERE d.foundation_id = p_foundation AND d.borrower_id = p_person AND d.valid_until > now()
       AND (cardinality(p_chain) = 0 OR d.transitive) AND d.lender_id <> ALL (p_chain || p_person)), '[]') END
  ) INTO result;
  RETURN result;
END $$;

-- The same of the asker, with the version and the moment it is of.
CREATE FUNCTION gloria_subject(p_foundation uuid, p_person uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  RETURN gloria_holds(p_foundation, p_person, '{}') || jsonb_build_object(
    'living', EXISTS (SELECT FROM person WHERE foundation_id = p_foundation AND id = p_person AND deleted_at IS NULL),
    'v', coalesce((SELECT v FROM authz_head WHERE foundation_id = p_foundation), 0)::text,
    'now', extract(epoch FROM statement_timestamp()) * 1000);
END $$;

REVOKE EXECUTE ON FUNCTION gloria_holds(uuid, uuid, uuid[]), gloria_subject(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gloria_holds(uuid, uuid, uuid[]), gloria_subject(uuid, uuid) TO gloria_app;
