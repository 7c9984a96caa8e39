-- rollback: forward only; the trigger c_grant_alone says what the index said, and more: periods that overlap.
DROP INDEX CONCURRENTLY IF EXISTS grant_rule_once;
