-- rollback: nothing to do.

CREATE INDEX CONCURRENTLY "workflow_decision_foundation_id_task_id_idx" ON workflow_decision (foundation_id, task_id);
