-- rollback: forward only; changes nothing.

ALTER TABLE workflow_instance VALIDATE CONSTRAINT workflow_instance_waiting;
ALTER TABLE workflow_instance VALIDATE CONSTRAINT workflow_instance_ended;
