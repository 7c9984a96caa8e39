-- rollback: forward only; an older release sends no links, and leaves what was decided by them.

CREATE TABLE workflow_mail_decision (
  foundation_id uuid NOT NULL,
  task_id uuid NOT NULL,
  person_id uuid NOT NULL,
  verb text NOT NULL,
  at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (foundation_id, task_id, person_id),
  CONSTRAINT workflow_mail_decision_verb CHECK (verb IN ('approve', 'reject')),
  CONSTRAINT workflow_mail_decision_foundation_id_task_id_fkey FOREIGN KEY (foundation_id, task_id) REFERENCES workflow_task (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE,
  CONSTRAINT workflow_mail_decision_foundation_id_person_id_fkey FOREIGN KEY (foundation_id, person_id) REFERENCES person (foundation_id, id) ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX workflow_mail_decision_foundation_id_person_id_idx ON workflow_mail_decision (foundation_id, person_id);
ALTER TABLE workflow_mail_decision ENABLE ROW LEVEL SECURITY;
ALTER TABLE workflow_mail_decision FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON workflow_mail_decision USING (foundation_id = gloria_foundation()) WITH CHECK (foundation_id = gloria_foundation());
GRANT SELECT, INSERT ON workflow_mail_decision TO gloria_app;
