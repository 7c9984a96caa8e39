-- rollback: forward only; an older release is quicker by it too.
CREATE INDEX CONCURRENTLY IF NOT EXISTS grant_rule_everyone ON grant_rule (foundation_id) WHERE everyone;
