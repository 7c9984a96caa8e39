import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemActor } from '../access';
import { AuditService } from '../modules/audit';
import { Database } from '../platform/database';
import { BACKFILLS, type Backfill } from './backfills';
import { inApplication } from './context';

const USAGE = `usage: gloria backfill list
       gloria backfill run <name> [--batch <rows>] [--pause <ms>]

Changes stored data in every foundation, a batch (500 rows) a transaction, with its audit events and how far it came. It may be
stopped or killed at any time: the next run goes on where it was. A backfill that is done does nothing.
`;

interface Progress {
  last_id: string | null;
  seen: string;
  changed: string;
  finished: boolean;
}

export async function backfill(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { batch: { type: 'string', default: '500' }, pause: { type: 'string', default: '0' }, help: { type: 'boolean' } } });
  const [action, name = ''] = positionals;
  const [batch, pauseMs] = [Number(values.batch), Number(values.pause)];
  const wrong = !['list', 'run'].includes(action ?? '') || (action === 'run' && !(name in BACKFILLS)) || !(Number.isInteger(batch) && batch > 0 && batch <= 10_000) || !(pauseMs >= 0);
  if (values.help || wrong) {
    process.stderr.write(`${USAGE}\n${Object.entries(BACKFILLS).map(([each, { about }]) => `  ${each}: ${about}`).join('\n')}\n`);
    process.exit(values.help ? 0 : 64);
  }
  await inApplication(async (app) => {
    const database = app.get(Database);
    const stopping = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
    for (const foundation of await foundations(database)) {
      if (action === 'list') await tell(database, foundation);
      else await runIn(database, app.get(AuditService), foundation, name, BACKFILLS[name]!, { batch, pauseMs, signal: stopping.signal });
    }
    if (stopping.signal.aborted) process.stdout.write('Stopped between two batches; run it again to go on.\n');
  });
}

/** Every foundation, by the policy that lets work of the installation see which there are. */
async function foundations(database: Database): Promise<{ id: string; code: string }[]> {
  const { rows } = await database.asWorker((client) => client.query<{ id: string; code: string }>('SELECT id, code FROM foundation ORDER BY code'));
  return rows;
}

async function tell(database: Database, { id, code }: { id: string; code: string }): Promise<void> {
  await database.withTenant({ foundationId: id }, async (tx) => {
    for (const [name, { about }] of Object.entries(BACKFILLS)) {
      const [row] = await tx.$queryRaw<Progress[]>`SELECT last_id::text, seen::text, changed::text, finished_at IS NOT NULL AS finished FROM backfill_progress WHERE name = ${name}`;
      process.stdout.write(`${code}  ${name}  ${row ? `${row.finished ? 'done' : 'under way'}, ${row.seen} seen, ${row.changed} changed` : 'not begun'}  (${about})\n`);
    }
  });
}

/** Batch after batch until there is no row left; each commits rows, events and progress together. */
async function runIn(database: Database, audit: AuditService, foundation: { id: string; code: string }, name: string, work: Backfill, { batch, pauseMs, signal }: { batch: number; pauseMs: number; signal: AbortSignal }): Promise<void> {
  const actor = systemActor(`backfill:${name}`, foundation.id);
  const total = await database.withTenant(actor, (tx) => work.total(tx));
  while (!signal.aborted) {
    const { done, line } = await database.withTenant(
      actor,
      async (tx) => {
        await tx.$executeRaw`INSERT INTO backfill_progress (foundation_id, name) VALUES (${foundation.id}::uuid, ${name}) ON CONFLICT DO NOTHING`;
        // Two runs at once take turns at the row: neither does what the other did.
        const [progress] = await tx.$queryRaw<Progress[]>`SELECT last_id::text, seen::text, changed::text, finished_at IS NOT NULL AS finished FROM backfill_progress WHERE name = ${name} FOR UPDATE`;
        const before = progress!;
        if (before.finished) return { done: true, line: `done, ${before.seen} seen, ${before.changed} changed` };
        const step = await work.step(tx, before.last_id, batch);
        await audit.record(tx, actor, ...step.events);
        const after = { seen: Number(before.seen) + step.seen, changed: Number(before.changed) + step.events.length };
        await tx.$executeRaw`
          UPDATE backfill_progress SET last_id = coalesce(${step.last}::uuid, last_id), seen = ${after.seen}, changed = ${after.changed}, finished_at = CASE WHEN ${step.last === null} THEN now() END WHERE name = ${name}`;
        return { done: step.last === null, line: `${step.last === null ? 'done, ' : ''}${after.seen} of ${total} seen, ${after.changed} changed` };
      },
      { timeout: 60_000 },
    );
    process.stdout.write(`${foundation.code}  ${line}\n`);
    if (done) return;
    if (pauseMs > 0) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}
