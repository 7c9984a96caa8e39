-- rollback: forward only; an older release knows nothing of claims, parts, signers and suspended requests, and lets
-- everybody who is asked decide. While both serve, a request somebody has claimed can be answered through the older one.

-- What the release has to know that runs it; raised where documents come to say more.
ALTER TABLE workflow_definition ADD COLUMN engine int NOT NULL DEFAULT 1;

ALTER TABLE workflow_task ADD COLUMN claimed_by uuid, ADD COLUMN asking boolean NOT NULL DEFAULT false;
ALTER TABLE workflow_decision ADD COLUMN taken_back_at timestamptz(3);
-- Whose decision it is to make; several may make it in their place. Filled in by a trigger where an older release does not;
-- empty for what was opened before: there it is the person's own, and answered where they have decided.
ALTER TABLE workflow_candidate ADD COLUMN part uuid, ADD COLUMN answered boolean NOT NULL DEFAULT false;
CREATE FUNCTION workflow_candidate_own_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.part := coalesce(NEW.part, NEW.person_id);
  RETURN NEW;
END $$;
CREATE TRIGGER a_own_part BEFORE INSERT ON workflow_candidate FOR EACH ROW WHEN (NEW.part IS NULL) EXECUTE FUNCTION workflow_candidate_own_part();

-- A decision that was taken back no longer stands in the way of another; nothing else of it ever changes.
DROP TRIGGER workflow_decision_immutable ON workflow_decision;
CREATE TRIGGER workflow_decision_immutable BEFORE DELETE ON workflow_decision FOR EACH ROW EXECUTE FUNCTION gloria_refuse_change();
CREATE TRIGGER workflow_decision_unchanged BEFORE UPDATE ON workflow_decision FOR EACH ROW
  WHEN (OLD.taken_back_at IS NOT NULL OR (OLD.id, OLD.foundation_id, OLD.task_id, OLD.actor_key, OLD.verb, OLD.comment, OLD.decided_at)
        IS DISTINCT FROM (NEW.id, NEW.foundation_id, NEW.task_id, NEW.actor_key, NEW.verb, NEW.comment, NEW.decided_at))
  EXECUTE FUNCTION gloria_refuse_change();
GRANT UPDATE (taken_back_at) ON workflow_decision TO gloria_app;

-- Suspended requests wait as running ones do; cancelled ones have ended. Looser than before: nothing stored can break it.
ALTER TABLE workflow_instance DROP CONSTRAINT workflow_instance_waiting, DROP CONSTRAINT workflow_instance_ended;
ALTER TABLE workflow_instance
  ADD CONSTRAINT workflow_instance_waiting CHECK ((state IN ('running', 'suspended')) = (node IS NOT NULL)) NOT VALID,
  ADD CONSTRAINT workflow_instance_ended CHECK ((state IN ('completed', 'rejected', 'withdrawn', 'cancelled')) = (ended_at IS NOT NULL)) NOT VALID;

-- Who else follows a request: they see it and are told of it.
CREATE TABLE workflow_watcher (
  foundation_id uuid NOT NULL,
  instance_id uuid NOT NULL,
  person_id uuid NOT NULL,
  added_by text NOT NULL,
  added_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT workflow_watcher_pkey PRIMARY KEY (foundation_id, instance_id, person_id),
  CONSTRAINT workflow_watcher_foundation_id_instance_id_fkey FOREIGN KEY (foundation_id, instance_id) REFERENCES workflow_instance (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT workflow_watcher_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX workflow_watcher_foundation_id_person_id_instance_id_idx ON workflow_watcher (foundation_id, person_id, instance_id);
-- What is said about a request beside decisions.
CREATE TABLE workflow_comment (
  id uuid PRIMARY KEY,
  foundation_id uuid NOT NULL,
  instance_id uuid NOT NULL,
  actor_key text NOT NULL,
  body text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT workflow_comment_foundation_id_instance_id_fkey FOREIGN KEY (foundation_id, instance_id) REFERENCES workflow_instance (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX workflow_comment_foundation_id_instance_id_id_idx ON workflow_comment (foundation_id, instance_id, id);
CREATE TRIGGER workflow_comment_immutable BEFORE UPDATE OR DELETE ON workflow_comment FOR EACH ROW EXECUTE FUNCTION gloria_refuse_change();
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['workflow_watcher', 'workflow_comment'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation())', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, DELETE ON workflow_watcher TO gloria_app;
GRANT SELECT, INSERT ON workflow_comment TO gloria_app;

INSERT INTO permission (code, index, description) VALUES ('workflow:administer', 19, 'Skip, hand on, suspend, resume and cancel what others have filed');

-- As before, and: reopens what is taken back, changes what is noted of a step and who is asked, refuses what a newer release is needed for.
CREATE OR REPLACE FUNCTION wf_apply(p jsonb) RETURNS TABLE (submitted_at timestamptz, ended_at timestamptz, now_at timestamptz) LANGUAGE plpgsql SECURITY INVOKER AS $$
#variable_conflict use_column
DECLARE
  f uuid := (p->>'foundation_id')::uuid;
  i uuid := (p->>'instance_id')::uuid;
  after_seq int := (p->>'expected')::int + 1;
  submitted timestamptz;
  ended timestamptz;
  needed int;
BEGIN
  -- A definition may ask for more than the release that writes knows of: while two releases serve, the older one waits.
  SELECT d.engine INTO needed FROM workflow_instance w JOIN workflow_definition d ON d.foundation_id = w.foundation_id AND d.id = w.definition_id WHERE w.foundation_id = f AND w.id = i;
  IF needed > coalesce((p->>'engine')::int, 1) THEN
    RAISE EXCEPTION 'this request runs on a definition for a newer release (% of %)', coalesce((p->>'engine')::int, 1), needed USING ERRCODE = 'cannot_connect_now';
  END IF;
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
    UPDATE workflow_task t SET tally = nullif(p->'changes'->'tally', 'null'::jsonb), turn = (p->'changes'->>'turn')::int, claimed_by = (p->'changes'->>'claimed_by')::uuid, asking = (p->'changes'->>'asking')::boolean
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
  RETURN QUERY SELECT submitted, ended, now();
END $$;
