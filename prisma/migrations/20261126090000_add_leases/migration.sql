-- rollback: forward only; an older release asks for the head with every request and needs no lease.

-- Which instances may answer for a moment without asking: each with the head it has acted on, and a count of its beats.
CREATE TABLE authz_lease (
  instance_id   uuid NOT NULL,
  foundation_id uuid NOT NULL,
  v             bigint NOT NULL,
  beat          bigint NOT NULL DEFAULT 1,
  CONSTRAINT authz_lease_pkey PRIMARY KEY (foundation_id, instance_id)
) WITH (fillfactor = 50);
ALTER TABLE authz_lease ENABLE ROW LEVEL SECURITY;
ALTER TABLE authz_lease FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON authz_lease USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
GRANT SELECT, INSERT, UPDATE, DELETE ON authz_lease TO gloria_app;

-- A head is known by its stamp: after recovery to an earlier moment the same versions come again, of another history.
-- Null until the first rise; then the version stands for it.
ALTER TABLE authz_head ADD COLUMN stamp uuid;
ALTER TABLE authz_head ALTER COLUMN stamp SET DEFAULT gen_random_uuid();
CREATE OR REPLACE FUNCTION authz_bump(p_foundation uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
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
    ON CONFLICT (foundation_id) DO UPDATE SET v = h.v + 1, stamp = gen_random_uuid() RETURNING v INTO head;
  PERFORM set_config('gloria.authz_mark', mark, true);
  RETURN head;
END $$;

-- An instance says which heads it has acted on, and learns the present ones. `registered`: its row was there before, so
-- that whoever changes authorization after the head was read here has seen it; only then is the answer worth a lease. Nor
-- where it has acted on more than there is: the database has gone back, and its word would count for changes to come.
CREATE FUNCTION gloria_beat(p_instance uuid, p_foundations uuid[], p_vs bigint[])
RETURNS TABLE (foundation_id uuid, v bigint, stamp text, registered boolean, now_ms double precision) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE
  f uuid;
  p_v bigint;
  head bigint;
  head_stamp text;
  was_there boolean;
  all_there boolean := true;
BEGIN
  -- In one order, so that beats and what clears away dead instances cannot wait for each other.
  FOR f, p_v IN SELECT * FROM unnest(p_foundations, p_vs) AS u(a, b) ORDER BY a LOOP
    PERFORM set_config('gloria.foundation_id', f::text, true);
    UPDATE authz_lease SET v = greatest(v, p_v), beat = beat + 1 WHERE foundation_id = f AND instance_id = p_instance;
    was_there := FOUND;
    IF NOT was_there THEN
      all_there := false;
      INSERT INTO authz_lease (instance_id, foundation_id, v) VALUES (p_instance, f, p_v);
    END IF;
    head := 0;
    SELECT h.v, coalesce(h.stamp::text, h.v::text) INTO head, head_stamp FROM authz_head h WHERE h.foundation_id = f;
    IF coalesce(head, 0) < (SELECT l.v FROM authz_lease l WHERE l.foundation_id = f AND l.instance_id = p_instance) THEN
      UPDATE authz_lease SET v = 0 WHERE foundation_id = f AND instance_id = p_instance;
      was_there := false;
    END IF;
    RETURN QUERY SELECT f, coalesce(head, 0), head_stamp, was_there, (extract(epoch FROM clock_timestamp()) * 1000)::double precision;
  END LOOP;
  -- A count that a crash takes back is one that is counted again; a row must not be lost.
  IF all_there THEN PERFORM set_config('synchronous_commit', 'off', true); END IF;
END $$;

-- An instance no longer answers for these foundations on its own.
CREATE FUNCTION gloria_leave(p_instance uuid, p_foundations uuid[]) RETURNS void LANGUAGE plpgsql SECURITY INVOKER AS $$
DECLARE f uuid;
BEGIN
  FOR f IN SELECT u FROM unnest(p_foundations) AS u ORDER BY u LOOP
    PERFORM set_config('gloria.foundation_id', f::text, true);
    DELETE FROM authz_lease WHERE foundation_id = f AND instance_id = p_instance;
  END LOOP;
END $$;

-- Tells everybody who listens of the present head, and who has not acted on it yet.
CREATE FUNCTION gloria_announce(p_foundation uuid, p_instance uuid, OUT v bigint, OUT lagging jsonb) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  v := coalesce((SELECT h.v FROM authz_head h WHERE h.foundation_id = p_foundation), 0);
  lagging := coalesce((SELECT jsonb_agg(jsonb_build_object('instance', l.instance_id, 'beat', l.beat)) FROM authz_lease l
                        WHERE l.foundation_id = p_foundation AND l.instance_id <> p_instance AND l.v < gloria_announce.v), '[]');
  IF lagging <> '[]' THEN PERFORM pg_notify('gloria_authz', p_foundation::text || ':' || v::text); END IF;
END $$;

-- Who has still not acted on a head; the instances given are cleared away where they have not beaten since.
CREATE FUNCTION gloria_lagging(p_foundation uuid, p_v bigint, p_dead jsonb) RETURNS uuid[] LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  DELETE FROM authz_lease l USING jsonb_to_recordset(p_dead) AS d(instance uuid, beat bigint)
   WHERE l.foundation_id = p_foundation AND l.instance_id = d.instance AND l.beat = d.beat AND l.v < p_v;
  RETURN coalesce((SELECT array_agg(l.instance_id) FROM authz_lease l WHERE l.foundation_id = p_foundation AND l.v < p_v), '{}');
END $$;

-- The head and the database's clock, for who has no lease.
CREATE FUNCTION gloria_moment(p_foundation uuid, OUT v bigint, OUT stamp text, OUT now_ms double precision) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  SELECT h.v, coalesce(h.stamp::text, h.v::text) INTO v, stamp FROM authz_head h WHERE h.foundation_id = p_foundation;
  v := coalesce(v, 0);
  now_ms := extract(epoch FROM clock_timestamp()) * 1000;
END $$;

-- Who used Gloria last, over all foundations: what an instance prepares when it starts.
CREATE FUNCTION gloria_recently_active(p_limit integer) RETURNS TABLE (foundation_id uuid, person_id uuid) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE f uuid;
BEGIN
  PERFORM set_config('gloria.worker', 'on', true);
  FOR f IN SELECT id FROM foundation ORDER BY id LOOP
    PERFORM set_config('gloria.foundation_id', f::text, true);
    RETURN QUERY
      SELECT f, a.person_id FROM user_session s JOIN user_account a ON a.foundation_id = s.foundation_id AND a.id = s.user_id
       WHERE s.foundation_id = f AND s.revoked_at IS NULL AND s.last_seen_at > now() - interval '1 day'
       GROUP BY a.person_id ORDER BY max(s.last_seen_at) DESC LIMIT p_limit;
  END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION gloria_beat(uuid, uuid[], bigint[]), gloria_leave(uuid, uuid[]), gloria_announce(uuid, uuid), gloria_lagging(uuid, bigint, jsonb), gloria_moment(uuid), gloria_recently_active(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gloria_beat(uuid, uuid[], bigint[]), gloria_leave(uuid, uuid[]), gloria_announce(uuid, uuid), gloria_lagging(uuid, bigint, jsonb), gloria_moment(uuid), gloria_recently_active(integer) TO gloria_app;

-- What a signed-in caller is known by is kept under the head too: ending a session raises it. The row itself is no
-- authorization, so that the changelog says only whose it was and that it ended.
CREATE FUNCTION authz_record_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO authz_change (foundation_id, v, table_name, op, row_id, before, after)
    VALUES (NEW.foundation_id, authz_bump(NEW.foundation_id), TG_TABLE_NAME, TG_OP, NEW.user_id,
            jsonb_build_object('sid', OLD.sid, 'revoked_at', OLD.revoked_at), jsonb_build_object('sid', NEW.sid, 'revoked_at', NEW.revoked_at));
  RETURN NULL;
END $$;
CREATE TRIGGER b_authz_change AFTER UPDATE ON user_session FOR EACH ROW WHEN (OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) EXECUTE FUNCTION authz_record_end();
REVOKE EXECUTE ON FUNCTION authz_record_end() FROM PUBLIC;

-- So do the names and zones a caller is known by. They are no authorization either, and personal: the changelog leaves them out.
CREATE FUNCTION authz_touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM authz_bump((to_jsonb(NEW)->>TG_ARGV[0])::uuid);
  RETURN NULL;
END $$;
CREATE TRIGGER b_authz_touch AFTER UPDATE ON foundation FOR EACH ROW WHEN ((OLD.timezone, OLD.locale) IS DISTINCT FROM (NEW.timezone, NEW.locale)) EXECUTE FUNCTION authz_touch('id');
CREATE TRIGGER b_authz_touch AFTER UPDATE ON person FOR EACH ROW WHEN ((OLD.full_name, OLD.locale) IS DISTINCT FROM (NEW.full_name, NEW.locale)) EXECUTE FUNCTION authz_touch('foundation_id');
REVOKE EXECUTE ON FUNCTION authz_touch() FROM PUBLIC;
