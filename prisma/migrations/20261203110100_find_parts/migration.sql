-- rollback: nothing to do.

CREATE INDEX CONCURRENTLY "workflow_instance_foundation_id_parent_task_id_idx" ON workflow_instance (foundation_id, parent_task_id);
