-- rollback: forward only; an older release shows such files as those of the request.

ALTER TABLE workflow_attachment ADD COLUMN comment_id uuid;
