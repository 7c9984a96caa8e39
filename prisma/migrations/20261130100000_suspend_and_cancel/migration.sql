-- rollback: forward only; an older release cannot answer requests in states it does not know, nor lists that hold one:
-- suspend and cancel nothing while one serves.

ALTER TYPE workflow_instance_state ADD VALUE IF NOT EXISTS 'suspended';
ALTER TYPE workflow_instance_state ADD VALUE IF NOT EXISTS 'cancelled';
ALTER TYPE workflow_task_state ADD VALUE IF NOT EXISTS 'skipped';
