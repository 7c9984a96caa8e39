import type { FileStore } from './modules/files';
import type { Database } from './platform/database';
import type { Housekeeping } from './platform/jobs';

/** What the worker does by the clock. Each may run at any time, on any number of workers, and again. */
export function housekeeping(database: Database, files: FileStore): Housekeeping[] {
  const asWorker = (statement: string) => database.asWorker(async (client) => void (await client.query(statement)));
  return [
    {
      name: 'audit-partitions',
      schedule: '17 1 * * *',
      // This month and the next three, so that a worker may be down for weeks before events have nowhere to go.
      run: async () => {
        await database.hot('SELECT audit.ensure_partition((current_date + make_interval(months => n))::date) FROM generate_series(0, 3) AS n', []);
      },
    },
    { name: 'file-expiry', schedule: '7 * * * *', run: () => files.expire() },
    { name: 'idempotency-expiry', schedule: '27 * * * *', run: () => asWorker(`DELETE FROM idempotency_record WHERE created_at < now() - interval '24 hours'`) },
    { name: 'message-expiry', schedule: '57 2 * * *', run: () => asWorker(`DELETE FROM workflow_message WHERE greatest(expires_at, delivered_at) < now() - interval '30 days'`) },
    { name: 'notification-expiry', schedule: '47 2 * * *', run: () => asWorker(`DELETE FROM notification WHERE created_at < now() - interval '400 days'`) },
    { name: 'webhook-expiry', schedule: '7 3 * * *', run: () => asWorker(`DELETE FROM webhook_delivery WHERE ended_at < now() - interval '30 days'`) },
    { name: 'outbox-expiry', schedule: '37 2 * * *', run: () => asWorker(`DELETE FROM outbox_message WHERE delivered_at < now() - interval '7 days'`) },
  ];
}
