-- rollback: forward only; an older release does not look at what is new in the answer.

-- Whether the subject is a living person of the foundation: somebody who is not holds nothing.
CREATE OR REPLACE FUNCTION gloria_subject_facts(p_foundation uuid, p_person uuid) RETURNS jsonb LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
  PERFORM set_config('gloria.foundation_id', p_foundation::text, true);
  RETURN gloria_holding(p_foundation, p_person, '{}') || jsonb_build_object(
    'living', EXISTS (SELECT FROM person WHERE foundation_id = p_foundation AND id = p_person AND deleted_at IS NULL),
    'v', coalesce((SELECT v FROM authz_head WHERE foundation_id = p_foundation), 0)::text,
    'now', extract(epoch FROM statement_timestamp()) * 1000);
END $$;
