import { runMigrations } from 'graphile-worker';
import { Client } from 'pg';

/**
 * Installs the job library's schema as the owner and lets the runtime role use it. Its tables have row-level security
 * on and no policies: without these a worker under the runtime role starts without an error and never sees a job.
 */
export async function installJobs(ownerUrl: string): Promise<void> {
  await runMigrations({ connectionString: ownerUrl });
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(`
      GRANT USAGE ON SCHEMA graphile_worker TO gloria_app;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA graphile_worker TO gloria_app;
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA graphile_worker TO gloria_app;
      GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA graphile_worker TO gloria_app;
      DO $$
      DECLARE t regclass;
      BEGIN
        FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'graphile_worker'::regnamespace AND c.relrowsecurity
                    AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'gloria_app') LOOP
          EXECUTE format('CREATE POLICY gloria_app ON %s TO gloria_app USING (true) WITH CHECK (true)', t);
        END LOOP;
      END $$;`);
  } finally {
    await client.end();
  }
}
