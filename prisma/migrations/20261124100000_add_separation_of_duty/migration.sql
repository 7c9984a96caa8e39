-- rollback: forward only; an older release keeps static sets because the database does, and knows nothing of dynamic ones.

-- Separation of duty as in INCITS 359: of the members of a set, one person may have fewer than `cardinality` – roles held at
-- the same time (static), or permissions used on the same request (dynamic).
CREATE TABLE sod_set (
  id            uuid NOT NULL,
  foundation_id uuid NOT NULL,
  kind          text NOT NULL,
  name          text NOT NULL,
  cardinality   integer NOT NULL,
  created_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at    timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  version       integer NOT NULL DEFAULT 1,
  CONSTRAINT sod_set_pkey PRIMARY KEY (id),
  CONSTRAINT sod_set_kind CHECK (kind IN ('static', 'dynamic')),
  CONSTRAINT sod_set_cardinality CHECK (cardinality >= 2)
);
CREATE UNIQUE INDEX sod_set_foundation_id_id_key ON sod_set (foundation_id, id);
CREATE UNIQUE INDEX sod_set_foundation_id_name_key ON sod_set (foundation_id, name);

CREATE TABLE sod_member (
  id              uuid NOT NULL,
  foundation_id   uuid NOT NULL,
  set_id          uuid NOT NULL,
  role_id         uuid,
  permission_code text,
  CONSTRAINT sod_member_pkey PRIMARY KEY (id),
  CONSTRAINT sod_member_one CHECK (num_nonnulls(role_id, permission_code) = 1),
  CONSTRAINT sod_member_foundation_id_set_id_fkey FOREIGN KEY (foundation_id, set_id) REFERENCES sod_set (foundation_id, id) ON DELETE CASCADE ON UPDATE CASCADE,
  CONSTRAINT sod_member_foundation_id_role_id_fkey FOREIGN KEY (foundation_id, role_id) REFERENCES role (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX sod_member_foundation_id_set_id_idx ON sod_member (foundation_id, set_id);
CREATE INDEX sod_member_foundation_id_role_id_idx ON sod_member (foundation_id, role_id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['sod_set', 'sod_member'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
    EXECUTE format('CREATE TRIGGER b_authz_change AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION authz_record_change()', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON sod_set TO gloria_app;
GRANT SELECT, INSERT, DELETE ON sod_member TO gloria_app;
CREATE CONSTRAINT TRIGGER z_audited AFTER INSERT OR UPDATE OR DELETE ON sod_set
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.require_event();

-- Refuses what would give one person too many roles of a static set at the same time, now or later: GL008, the set's name
-- as the message. Runs after the head's row lock was taken (b_authz_change), so that two transactions cannot each find
-- the other's role missing. Authorized roles are those assigned, to the person or a post, and all they inherit.
CREATE FUNCTION sod_keep_roles_apart() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  broken text;
  -- Only an appointment, or a role given to a person, concerns one person alone – and whoever they lend to.
  whom uuid := CASE WHEN EXISTS (SELECT FROM delegation WHERE foundation_id = NEW.foundation_id AND valid_until > now()) THEN NULL ELSE (to_jsonb(NEW)->>'person_id')::uuid END;
BEGIN
  IF NOT EXISTS (SELECT FROM sod_set WHERE foundation_id = NEW.foundation_id AND kind = 'static') THEN RETURN NULL; END IF;
  WITH assigned AS (
    SELECT s.id AS set_id, s.name, s.cardinality, m.role_id, h.person_id, h.period
      FROM sod_set s
      JOIN sod_member m ON m.foundation_id = s.foundation_id AND m.set_id = s.id
      JOIN role_closure c ON c.foundation_id = m.foundation_id AND c.junior_id = m.role_id
      JOIN role_assignment r ON r.foundation_id = c.foundation_id AND r.role_id = c.senior_id
      CROSS JOIN LATERAL (
        SELECT r.person_id, tstzrange(r.valid_from, r.valid_until) AS period WHERE r.person_id IS NOT NULL
        UNION ALL
        SELECT a.person_id, tstzrange(a.valid_from, a.valid_until) * tstzrange(r.valid_from, r.valid_until)
          FROM appointment a WHERE a.foundation_id = r.foundation_id AND a.position_id = r.position_id
      ) h
     WHERE s.foundation_id = NEW.foundation_id AND s.kind = 'static' AND h.period && tstzrange(now(), NULL)
       AND (whom IS NULL OR h.person_id = whom)
  ), authorized AS (
    SELECT set_id, name, cardinality, role_id, person_id, period FROM assigned
    UNION ALL
    -- What is lent counts as held: a role of the lender's, where anything it allows is lent.
    SELECT a.set_id, a.name, a.cardinality, a.role_id, d.borrower_id, a.period * tstzrange(d.valid_from, d.valid_until)
      FROM assigned a JOIN (
        SELECT lender_id, borrower_id, codes, valid_from, valid_until FROM delegation WHERE foundation_id = NEW.foundation_id AND valid_until > now()
        UNION ALL
        SELECT first.lender_id, second.borrower_id, CASE WHEN first.codes = '{}' THEN second.codes ELSE first.codes END,
               greatest(first.valid_from, second.valid_from), least(first.valid_until, second.valid_until)
          FROM delegation first JOIN delegation second ON second.foundation_id = first.foundation_id AND second.lender_id = first.borrower_id
         WHERE first.foundation_id = NEW.foundation_id AND first.transitive AND first.valid_until > now() AND second.valid_until > now()
           AND greatest(first.valid_from, second.valid_from) < least(first.valid_until, second.valid_until)
      ) d ON d.lender_id = a.person_id
     WHERE a.period && tstzrange(d.valid_from, d.valid_until)
       AND (d.codes = '{}' OR EXISTS (SELECT FROM role_closure c JOIN grant_rule g ON g.foundation_id = c.foundation_id AND g.role_id = c.junior_id
             WHERE c.foundation_id = NEW.foundation_id AND c.senior_id = a.role_id AND g.effect = 'allow' AND g.permission_code = ANY (d.codes)))
  ), several AS (
    SELECT set_id, person_id FROM authorized GROUP BY set_id, person_id, cardinality HAVING count(DISTINCT role_id) >= cardinality
  )
  -- The most are held where some period begins. A join, so that it grows with the people and not with their square.
  SELECT a.name INTO broken
    FROM several JOIN authorized a USING (set_id, person_id) JOIN authorized b USING (set_id, person_id)
   WHERE b.period @> greatest(lower(a.period), now())
   GROUP BY a.set_id, a.person_id, a.name, a.cardinality, greatest(lower(a.period), now())
  HAVING count(DISTINCT b.role_id) >= a.cardinality
   LIMIT 1;
  IF broken IS NOT NULL THEN RAISE EXCEPTION '%', broken USING ERRCODE = 'GL008'; END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['role_assignment', 'appointment', 'role_inheritance', 'delegation', 'sod_set', 'sod_member'] LOOP
    EXECUTE format('CREATE TRIGGER d_roles_apart AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION sod_keep_roles_apart()', t);
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION sod_keep_roles_apart() FROM PUBLIC;
