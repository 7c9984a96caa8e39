-- rollback: forward only; an older release reads the first step that waits and writes through its own statement. It does
-- not know votes or gateways that join: publish definitions that have them when no process of it serves any more.

-- What has been voted, where several people decide; empty for steps opened by an older release, which had no votes.
ALTER TABLE workflow_task ADD COLUMN tally jsonb;
-- Whose turn it is, where people decide one after the other.
ALTER TABLE workflow_task ADD COLUMN turn int;
ALTER TABLE workflow_candidate ADD COLUMN weight int NOT NULL DEFAULT 1;
ALTER TABLE workflow_candidate ADD COLUMN turn int NOT NULL DEFAULT 0;

-- A token that waits to be joined with others; those at steps are the open tasks.
CREATE TABLE workflow_join (
  foundation_id uuid NOT NULL,
  instance_id uuid NOT NULL,
  node text NOT NULL,
  via text NOT NULL,
  CONSTRAINT workflow_join_pkey PRIMARY KEY (foundation_id, instance_id, node, via),
  CONSTRAINT workflow_join_foundation_id_instance_id_fkey FOREIGN KEY (foundation_id, instance_id) REFERENCES workflow_instance (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
ALTER TABLE workflow_join ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflow_join FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON workflow_join USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
GRANT SELECT, INSERT, DELETE ON workflow_join TO gloria_app;

-- Writes one transition, on condition that nobody was faster: no row where somebody was, or where a step it closes or
-- counts a vote on no longer waits – the caller then undoes all of it. `p`: see the store.
CREATE FUNCTION wf_apply(p jsonb) RETURNS TABLE (submitted_at timestamptz, ended_at timestamptz, now_at timestamptz) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE
  f uuid := (p->>'foundation_id')::uuid;
  i uuid := (p->>'instance_id')::uuid;
  after_seq int := (p->>'expected')::int + 1;
  submitted timestamptz;
  ended timestamptz;
BEGIN
  UPDATE workflow_instance w
     SET state = (p->>'state')::workflow_instance_state, node = p->>'node', round = (p->>'round')::int, seq = after_seq, updated_at = now(),
         form = CASE WHEN p->'form' = 'null'::jsonb THEN w.form ELSE p->'form' END,
         submitted_at = CASE WHEN (p->>'submitted')::boolean THEN now() ELSE w.submitted_at END,
         ended_at = CASE WHEN (p->>'ended')::boolean THEN coalesce(w.ended_at, now()) END
   WHERE w.foundation_id = f AND w.id = i AND w.seq = after_seq - 1 RETURNING w.submitted_at, w.ended_at INTO submitted, ended;
  IF NOT FOUND THEN RETURN; END IF;

  INSERT INTO workflow_history (foundation_id, instance_id, seq, event, node, actor_key, data) VALUES (f, i, after_seq, p->>'event', p->>'at_node', p->>'actor', p->'data');

  IF jsonb_array_length(p->'closes') > 0 THEN
    UPDATE workflow_task t SET state = (c.state)::workflow_task_state, closed_at = now()
      FROM jsonb_to_recordset(p->'closes') AS c(id uuid, state text)
     WHERE t.foundation_id = f AND t.instance_id = i AND t.id = c.id AND t.state = 'open';
    IF (SELECT count(*) FROM workflow_task t JOIN jsonb_to_recordset(p->'closes') AS c(id uuid, state text) ON t.id = c.id
         WHERE t.foundation_id = f AND t.instance_id = i AND t.state::text = c.state) < jsonb_array_length(p->'closes') THEN RETURN; END IF;
  END IF;
  IF p->'counts' <> 'null'::jsonb THEN
    UPDATE workflow_task t SET tally = p->'counts'->'tally', turn = (p->'counts'->>'turn')::int
     WHERE t.foundation_id = f AND t.instance_id = i AND t.id = (p->'counts'->>'id')::uuid AND t.state = 'open';
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  IF p->'decision' <> 'null'::jsonb THEN
    INSERT INTO workflow_decision (id, foundation_id, task_id, actor_key, verb, comment)
    VALUES ((p->'decision'->>'id')::uuid, f, (p->'decision'->>'task_id')::uuid, p->>'actor', (p->'decision'->>'verb')::workflow_decision_verb, p->'decision'->>'comment');
  END IF;

  IF p->'joins' <> 'null'::jsonb THEN
    DELETE FROM workflow_join j WHERE j.foundation_id = f AND j.instance_id = i
       AND NOT EXISTS (SELECT FROM jsonb_to_recordset(p->'joins') AS w(node text, via text) WHERE w.node = j.node AND w.via = j.via);
    INSERT INTO workflow_join (foundation_id, instance_id, node, via)
    SELECT f, i, w.node, w.via FROM jsonb_to_recordset(p->'joins') AS w(node text, via text) ON CONFLICT DO NOTHING;
  END IF;
  IF jsonb_array_length(p->'opens') > 0 THEN
    INSERT INTO workflow_task (id, foundation_id, instance_id, node, round, tally, turn)
    SELECT o.id, f, i, o.node, (p->>'round')::int, nullif(o.tally, 'null'::jsonb), o.turn FROM jsonb_to_recordset(p->'opens') AS o(id uuid, node text, tally jsonb, turn int);
    INSERT INTO workflow_candidate (foundation_id, task_id, person_id, reason, weight, turn)
    SELECT f, o.id, c.person_id, c.reason, c.weight, c.turn
      FROM jsonb_to_recordset(p->'opens') AS o(id uuid, candidates jsonb), jsonb_to_recordset(o.candidates) AS c(person_id uuid, reason jsonb, weight int, turn int);
  END IF;
  RETURN QUERY SELECT submitted, ended, now();
END $$;
REVOKE EXECUTE ON FUNCTION wf_apply(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wf_apply(jsonb) TO gloria_app;
