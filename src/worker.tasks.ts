import type { Database } from './platform/database';
import type { Housekeeping } from './platform/jobs';

/** What the worker does by the clock. Each may run at any time, on any number of workers, and again. */
export function housekeeping(database: Database): Housekeeping[] {
  const asWorker = async (statement: string) => {
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`SELECT set_config('gloria.worker', 'on', true)`);
      await client.query(statement);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  };
  return [
    {
      name: 'audit-partitions',
      schedule: '17 1 * * *',
      // This month and the next three, so that a worker may be down for weeks before events have nowhere to go.
      run: async () => {
        await database.hot('SELECT audit.ensure_partition((current_date + make_interval(months => n))::date) FROM generate_series(0, 3) AS n', []);
      },
    },
    { name: 'idempotency-expiry', schedule: '27 * * * *', run: () => asWorker(`DELETE FROM idempotency_record WHERE created_at < now() - interval '24 hours'`) },
    { name: 'notification-expiry', schedule: '47 2 * * *', run: () => asWorker(`DELETE FROM notification WHERE created_at < now() - interval '400 days'`) },
    { name: 'outbox-expiry', schedule: '37 2 * * *', run: () => asWorker(`DELETE FROM outbox_message WHERE delivered_at < now() - interval '7 days'`) },
  ];
}
