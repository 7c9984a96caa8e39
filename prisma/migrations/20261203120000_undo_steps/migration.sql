-- rollback: forward only; an older release runs no definition that undoes steps.

ALTER TABLE workflow_instance ADD COLUMN done text[] NOT NULL DEFAULT '{}';
