// Whether a migration can be applied and marked as finished in one transaction. Asked by the engine that applies it, by
// the command that undoes what was cut off, and by the check of migrations.

/** Statements PostgreSQL refuses inside a transaction block, and scripts that end transactions themselves. */
const OUTSIDE = /\bCONCURRENTLY\b|^\s*(VACUUM|REINDEX|CLUSTER|CREATE\s+DATABASE|DROP\s+DATABASE|ALTER\s+SYSTEM|BEGIN\s*;|START\s+TRANSACTION|COMMIT|ROLLBACK)\b/im;

/** @param {string} sql @returns {boolean} */
exports.isOneTransaction = (sql) => !OUTSIDE.test(sql.replace(/--.*$/gm, '').replace(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''"));
