// Watching the first minutes of a release that serves: nginx's own log says what clients were answered.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from './refusal.mjs';
import { apiName } from './slots.mjs';

/** So many 5xx answers must be there before a share of them means anything. */
const FEWEST_ERRORS = 5;

const sizeOf = (file) => (existsSync(file) ? statSync(file).size : 0);

/** Counts answers of one upstream from a place in the access log on. */
async function countAnswers(file, from, upstream) {
  const counted = { total: 0, errors: 0 };
  if (!existsSync(file)) return counted;
  // A log that was rotated meanwhile starts over.
  const start = sizeOf(file) < from ? 0 : from;
  for await (const line of createInterface({ input: createReadStream(file, { start }) })) {
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      continue; // being written
    }
    if (!String(entry.upstream).includes(upstream)) continue;
    counted.total += 1;
    if (Number(entry.status) >= 500) counted.errors += 1;
  }
  return counted;
}

/**
 * Resolves to what was counted after WATCH_SECONDS without trouble; throws Refusal (1) as soon as too many answers are
 * 5xx or a process of the slot has fallen over.
 */
export async function watch(host, manager, colour, say) {
  const from = sizeOf(host.accessLog);
  const end = Date.now() + Number(host.settings.WATCH_SECONDS) * 1000;
  const restartsOf = async () => (await manager.list()).filter(({ name }) => name === apiName(colour)).reduce((sum, { restarts }) => sum + restarts, 0);
  const restartsBefore = await restartsOf();
  let counted = { total: 0, errors: 0 };
  let told = 0;
  for (;;) {
    counted = await countAnswers(host.accessLog, from, `127.0.0.1:${host.port(colour)}`);
    const percent = counted.total === 0 ? 0 : (100 * counted.errors) / counted.total;
    if (counted.errors >= FEWEST_ERRORS && percent > Number(host.settings.WATCH_ERROR_PERCENT)) {
      throw new Refusal(1, `${counted.errors} of ${counted.total} answers were errors of the server (${percent.toFixed(1)} %, ${host.settings.WATCH_ERROR_PERCENT} % are let pass)`);
    }
    if ((await restartsOf()) > restartsBefore) throw new Refusal(1, 'a process of the new release fell over');
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left <= 0) return counted;
    if (Date.now() - told > 10_000) {
      told = Date.now();
      say(`${counted.total} answers, ${counted.errors} errors; ${left} s to go`);
    }
    await pause(Math.min(1_000, Math.max(50, end - Date.now())));
  }
}
