import { Client, escapeIdentifier } from 'pg';

export interface TestDatabase {
  appUrl: string;
  ownerUrl: string;
  /** As superuser, to look behind row-level security. */
  adminUrl: string;
}

const as = (base: string, database: string, user?: string, password?: string) => {
  const url = new URL(base);
  url.pathname = `/${database}`;
  if (user !== undefined) Object.assign(url, { username: user, password });
  return url.toString();
};

/**
 * A database of this Jest worker's own, cloned from the migrated template; or the prepared one of TEST_DATABASE_URL,
 * so that a release's tests can run on another release's schema. Test files share it and keep apart by foundation.
 */
export async function testDatabase(suffix = ''): Promise<TestDatabase> {
  const adminUrl = process.env.TEST_POSTGRES_ADMIN_URL;
  if (!adminUrl) throw new Error('run tests by npm test: TEST_POSTGRES_ADMIN_URL is not set');
  if (process.env.TEST_DATABASE_URL) {
    const name = new URL(process.env.TEST_DATABASE_URL).pathname.slice(1);
    return { appUrl: process.env.TEST_DATABASE_URL, ownerUrl: process.env.TEST_MIGRATION_DATABASE_URL ?? '', adminUrl: as(adminUrl, name) };
  }
  const name = `gloria_test_${process.env.JEST_WORKER_ID ?? '1'}${suffix}`;
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    // Two workers cloning the template at once disturb each other: one at a time.
    await admin.query('SELECT pg_advisory_lock(7411)');
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (!rowCount) await admin.query(`CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE gloria_test_template OWNER gloria_owner`);
  } finally {
    await admin.end();
  }
  return { appUrl: as(adminUrl, name, 'gloria_app', 'app'), ownerUrl: as(adminUrl, name, 'gloria_owner', 'owner'), adminUrl: as(adminUrl, name) };
}

/** Runs `work` with a plain connection and closes it. */
export async function connected<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
