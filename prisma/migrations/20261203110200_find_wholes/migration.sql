-- rollback: nothing to do.

CREATE INDEX CONCURRENTLY "workflow_instance_foundation_id_root_id_idx" ON workflow_instance (foundation_id, root_id);
