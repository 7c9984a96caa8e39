-- rollback: forward only; an older release relies on the same rule, by whichever index.

-- One decision an actor and step that stands.
CREATE UNIQUE INDEX CONCURRENTLY workflow_decision_one_that_stands ON workflow_decision (foundation_id, task_id, actor_key) WHERE taken_back_at IS NULL;
