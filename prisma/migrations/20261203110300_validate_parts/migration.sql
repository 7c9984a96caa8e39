-- rollback: forward only; changes nothing.

ALTER TABLE workflow_instance VALIDATE CONSTRAINT workflow_instance_part_whole;
ALTER TABLE workflow_instance VALIDATE CONSTRAINT workflow_instance_foundation_id_parent_task_id_fkey;
ALTER TABLE workflow_instance VALIDATE CONSTRAINT workflow_instance_foundation_id_root_id_fkey;
