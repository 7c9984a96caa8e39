-- rollback: forward only; an older release does not call it.

-- Keeps authorization as it is until the open transaction ends: whoever changes it waits, whoever checks and writes does
-- not. SECURITY DEFINER because a share lock asks for a right to write, which the runtime role does not have here.
CREATE FUNCTION gloria_hold_head(p_foundation uuid, OUT v bigint, OUT stamp text, OUT now_ms double precision) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  SELECT h.v, coalesce(h.stamp::text, h.v::text) INTO v, stamp FROM authz_head h WHERE h.foundation_id = p_foundation FOR SHARE;
  IF v IS NULL THEN RAISE EXCEPTION 'there is no authorization to hold' USING ERRCODE = 'no_data_found'; END IF;
  now_ms := extract(epoch FROM clock_timestamp()) * 1000;
END $$;
REVOKE EXECUTE ON FUNCTION gloria_hold_head(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gloria_hold_head(uuid) TO gloria_app;
