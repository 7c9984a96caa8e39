-- rollback: forward only; no row breaks these rules, and none is changed.
ALTER TABLE grant_rule VALIDATE CONSTRAINT grant_rule_resource;
ALTER TABLE grant_rule VALIDATE CONSTRAINT grant_rule_condition;
