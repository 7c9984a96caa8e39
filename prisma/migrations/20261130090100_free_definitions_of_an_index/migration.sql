-- rollback: forward only; an older release refuses to publish what was published before by looking, where it has.

-- What was published before can be published again, to go back to it: a new number for the same content.
DROP INDEX CONCURRENTLY workflow_definition_foundation_id_key_hash_key;
