-- rollback: forward only; an older release leaves it as it is, and the requests whose definitions need it.

ALTER TABLE workflow_instance ADD COLUMN variables jsonb NOT NULL DEFAULT '{}';

-- As before, and: what is computed and what is filled in at steps is kept.
CREATE OR REPLACE FUNCTION wf_apply(p jsonb) RETURNS TABLE (submitted_at timestamptz, ended_at timestamptz, now_at timestamptz) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE
  f uuid := (p->>'foundation_id')::uuid;
  i uuid := (p->>'instance_id')::uuid;
  after_seq int := (p->>'expected')::int + 1;
  submitted timestamptz;
  ended timestamptz;
  needed int;
  was text;
  clock timestamptz := clock_timestamp();
BEGIN
  -- A definition may ask for more than the release that writes knows of: while two releases serve, the older one waits.
  SELECT d.engine, w.state::text INTO needed, was FROM workflow_instance w JOIN workflow_definition d ON d.foundation_id = w.foundation_id AND d.id = w.definition_id WHERE w.foundation_id = f AND w.id = i;
  IF needed > coalesce((p->>'engine')::int, 1) THEN
    RAISE EXCEPTION 'this request runs on a definition for a newer release (% of %)', coalesce((p->>'engine')::int, 1), needed USING ERRCODE = 'cannot_connect_now';
  END IF;
  UPDATE workflow_instance w
     SET state = (p->>'state')::workflow_instance_state, node = p->>'node', round = (p->>'round')::int, seq = after_seq, updated_at = now(),
         form = CASE WHEN p->'form' = 'null'::jsonb THEN w.form ELSE p->'form' END,
         -- An older release says nothing of them, and runs no definition that has any.
         variables = coalesce(p->'variables', w.variables),
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
  IF jsonb_array_length(p->'closes') > 0 THEN
    UPDATE workflow_timer m SET state = 'void' FROM jsonb_to_recordset(p->'closes') AS c(id uuid) WHERE m.foundation_id = f AND m.task_id = c.id AND m.state IN ('pending', 'halted');
  END IF;
  -- While a request is suspended time stands still, and while a step waits for information; but for times that were filled in.
  IF was = 'running' AND p->>'state' = 'suspended' THEN
    UPDATE workflow_timer m SET state = 'halted', halted_at = clock FROM workflow_task t
     WHERE m.foundation_id = f AND m.state = 'pending' AND t.foundation_id = f AND t.id = m.task_id AND t.instance_id = i;
  ELSIF was = 'suspended' AND p->>'state' = 'running' THEN
    UPDATE workflow_timer m SET state = 'pending', halted_at = NULL, due_at = CASE WHEN m.absolute THEN m.due_at ELSE m.due_at + (clock - m.halted_at) END FROM workflow_task t
     WHERE m.foundation_id = f AND m.state = 'halted' AND (m.absolute OR NOT t.asking) AND t.foundation_id = f AND t.id = m.task_id AND t.instance_id = i;
  ELSIF jsonb_typeof(p->'changes') = 'object' AND (p->'changes'->>'asking')::boolean THEN
    UPDATE workflow_timer m SET state = 'halted', halted_at = clock WHERE m.foundation_id = f AND m.state = 'pending' AND NOT m.absolute AND m.task_id = (p->'changes'->>'id')::uuid;
  ELSIF jsonb_typeof(p->'changes') = 'object' THEN
    UPDATE workflow_timer m SET state = 'pending', halted_at = NULL, due_at = m.due_at + (clock - m.halted_at) WHERE m.foundation_id = f AND m.state = 'halted' AND m.task_id = (p->'changes'->>'id')::uuid;
  END IF;
  IF jsonb_typeof(p->'reopens') = 'array' AND jsonb_array_length(p->'reopens') > 0 THEN
    UPDATE workflow_timer m SET state = CASE WHEN o.asking AND NOT m.absolute THEN 'halted' ELSE 'pending' END::workflow_timer_state, halted_at = CASE WHEN o.asking AND NOT m.absolute THEN coalesce(m.halted_at, clock) END
      FROM jsonb_to_recordset(p->'reopens') AS o(id uuid, asking boolean) WHERE m.foundation_id = f AND m.task_id = o.id AND m.state = 'void';
  END IF;
  -- What is left of working time ends when the calendar says so.
  IF jsonb_typeof(p->'moves') = 'array' THEN
    UPDATE workflow_timer m SET due_at = v.due_at FROM jsonb_to_recordset(p->'moves') AS v(id uuid, due_at timestamptz) WHERE m.foundation_id = f AND m.id = v.id AND m.state = 'pending';
  END IF;
  IF p->>'fired' IS NOT NULL THEN
    UPDATE workflow_timer t SET state = 'fired', last_error = NULL, retry_at = NULL WHERE t.foundation_id = f AND t.id = (p->>'fired')::uuid AND t.state IN ('pending', 'void');
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  IF jsonb_typeof(p->'reopens') = 'array' THEN
    UPDATE workflow_task t SET state = 'open', closed_at = NULL, tally = nullif(o.tally, 'null'::jsonb), turn = o.turn, claimed_by = o.claimed_by, asking = o.asking
      FROM jsonb_to_recordset(p->'reopens') AS o(id uuid, tally jsonb, turn int, claimed_by uuid, asking boolean)
     WHERE t.foundation_id = f AND t.instance_id = i AND t.id = o.id;
  END IF;
  IF jsonb_typeof(p->'takes_back') = 'object' THEN
    UPDATE workflow_decision d SET taken_back_at = now()
     WHERE d.foundation_id = f AND d.task_id = (p->'takes_back'->>'task_id')::uuid AND d.actor_key = p->>'actor' AND d.taken_back_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
    UPDATE workflow_candidate c SET answered = false
     WHERE c.foundation_id = f AND c.task_id = (p->'takes_back'->>'task_id')::uuid AND coalesce(c.part, c.person_id) = (p->'takes_back'->>'part')::uuid;
  END IF;
  IF jsonb_typeof(p->'changes') = 'object' THEN
    UPDATE workflow_task t SET tally = nullif(p->'changes'->'tally', 'null'::jsonb), turn = (p->'changes'->>'turn')::int, claimed_by = (p->'changes'->>'claimed_by')::uuid, asking = (p->'changes'->>'asking')::boolean,
           fired = coalesce((SELECT array_agg(n::int) FROM jsonb_array_elements_text(p->'changes'->'fired') AS n), '{}')
     WHERE t.foundation_id = f AND t.instance_id = i AND t.id = (p->'changes'->>'id')::uuid AND t.state = 'open';
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  -- Who is asked changes: some no longer, the turns of others move, some as well.
  IF jsonb_typeof(p->'asked') = 'object' THEN
    DELETE FROM workflow_candidate c
     WHERE c.foundation_id = f AND c.task_id = (p->'asked'->>'task_id')::uuid AND c.person_id IN (SELECT (r.id)::uuid FROM jsonb_array_elements_text(p->'asked'->'remove') AS r(id));
    UPDATE workflow_candidate c SET turn = c.turn + (p->'asked'->>'shift')::int
     WHERE c.foundation_id = f AND c.task_id = (p->'asked'->>'task_id')::uuid AND c.turn >= (p->'asked'->>'from_turn')::int;
    INSERT INTO workflow_candidate (foundation_id, task_id, person_id, reason, weight, turn, part)
    SELECT f, (p->'asked'->>'task_id')::uuid, c.person_id, c.reason, c.weight, c.turn, c.part FROM jsonb_to_recordset(p->'asked'->'add') AS c(person_id uuid, reason jsonb, weight int, turn int, part uuid);
  END IF;
  IF p->'counts' <> 'null'::jsonb THEN
    UPDATE workflow_task t SET tally = p->'counts'->'tally', turn = (p->'counts'->>'turn')::int
     WHERE t.foundation_id = f AND t.instance_id = i AND t.id = (p->'counts'->>'id')::uuid AND t.state = 'open';
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  IF p->'decision' <> 'null'::jsonb THEN
    -- Somebody has decided for this part already: an older release, which knows no parts, would count it once more.
    IF EXISTS (SELECT FROM workflow_candidate c WHERE c.foundation_id = f AND c.task_id = (p->'decision'->>'task_id')::uuid AND c.answered
         AND coalesce(c.part, c.person_id) = coalesce((p->'decision'->>'part')::uuid, CASE WHEN p->>'actor' LIKE 'person:%' THEN substr(p->>'actor', 8)::uuid END)) THEN RETURN; END IF;
    INSERT INTO workflow_decision (id, foundation_id, task_id, actor_key, verb, comment)
    VALUES ((p->'decision'->>'id')::uuid, f, (p->'decision'->>'task_id')::uuid, p->>'actor', (p->'decision'->>'verb')::workflow_decision_verb, p->'decision'->>'comment');
    -- An older release names no part; then it is the person's own.
    UPDATE workflow_candidate c SET answered = true
     WHERE c.foundation_id = f AND c.task_id = (p->'decision'->>'task_id')::uuid
       AND coalesce(c.part, c.person_id) = coalesce((p->'decision'->>'part')::uuid, CASE WHEN p->>'actor' LIKE 'person:%' THEN substr(p->>'actor', 8)::uuid END);
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
    INSERT INTO workflow_candidate (foundation_id, task_id, person_id, reason, weight, turn, part, answered)
    SELECT f, o.id, c.person_id, c.reason, c.weight, c.turn, coalesce(c.part, c.person_id), coalesce(c.answered, false)
      FROM jsonb_to_recordset(p->'opens') AS o(id uuid, candidates jsonb), jsonb_to_recordset(o.candidates) AS c(person_id uuid, reason jsonb, weight int, turn int, part uuid, answered boolean);
  END IF;
  IF jsonb_typeof(p->'timers') = 'array' THEN
    INSERT INTO workflow_timer (id, foundation_id, task_id, boundary, due_at, absolute, working)
    SELECT m.id, f, m.task_id, m.boundary, m.due_at, m.absolute, m.working FROM jsonb_to_recordset(p->'timers') AS m(id uuid, task_id uuid, boundary int, due_at timestamptz, absolute boolean, working boolean);
  END IF;
  RETURN QUERY SELECT submitted, ended, now();
END $$;
