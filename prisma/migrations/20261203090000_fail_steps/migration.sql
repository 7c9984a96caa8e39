-- rollback: forward only; an older release shows a state it does not know as it stands.

ALTER TYPE workflow_task_state ADD VALUE IF NOT EXISTS 'failed';
