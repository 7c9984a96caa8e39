-- rollback: forward only; an older release knows of no abstention and shows a vote it does not know as it stands.

ALTER TYPE workflow_decision_verb ADD VALUE IF NOT EXISTS 'abstain';
