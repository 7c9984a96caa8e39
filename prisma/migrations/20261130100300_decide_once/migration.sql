-- rollback: forward only; the index before keeps the rule for decisions that stand.

DROP INDEX CONCURRENTLY workflow_decision_foundation_id_task_id_actor_key_key;
