-- rollback: forward only; an older release shows the parts as requests of their own, and leaves those they are part of waiting.

ALTER TABLE workflow_instance ADD COLUMN parent_task_id uuid, ADD COLUMN root_id uuid;
ALTER TABLE workflow_instance ADD CONSTRAINT workflow_instance_part_whole CHECK ((parent_task_id IS NULL) = (root_id IS NULL)) NOT VALID;
ALTER TABLE workflow_instance ADD CONSTRAINT workflow_instance_foundation_id_parent_task_id_fkey FOREIGN KEY (foundation_id, parent_task_id) REFERENCES workflow_task (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;
ALTER TABLE workflow_instance ADD CONSTRAINT workflow_instance_foundation_id_root_id_fkey FOREIGN KEY (foundation_id, root_id) REFERENCES workflow_instance (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE NOT VALID;
