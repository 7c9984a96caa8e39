// Holds the audit log against what was done: every call's events, by request id, no more and no less.
import { everything } from './cast.mjs';

/**
 * @param {import('./api.mjs').Api} api
 * @param {object} auditor
 * @param {import('./drive.mjs').Trace[]} traces
 * @param {string} from ISO instant before the first call
 * @returns {Promise<{ expected: number, found: number, missing: string[], surplus: string[] }>}
 */
export async function checkAudit(api, auditor, traces, from) {
  const wanted = new Map(traces.map((trace) => [trace.requestId, trace]));
  const found = new Map();
  let surplus = [];
  for (const event of await everything(api, auditor, `/audit/events?from=${encodeURIComponent(from)}`)) {
    const requestId = event.context.requestId;
    if (!requestId.startsWith(`replay-${process.pid}-`)) continue;
    if (!wanted.has(requestId)) {
      if (event.action.startsWith('workflow.') || event.action === 'access.denied') surplus.push(`${event.action} ${requestId}`);
      continue;
    }
    found.set(requestId, [...(found.get(requestId) ?? []), event]);
  }
  const missing = [];
  let expected = 0;
  let matched = 0;
  for (const { requestId, instanceId, expected: actions } of traces) {
    const events = found.get(requestId) ?? [];
    expected += actions.length;
    for (const action of actions) {
      const at = events.findIndex((event) => event.action === action && (action === 'access.denied' || event.target.id === instanceId));
      if (at === -1) missing.push(`${action} ${requestId}`);
      else {
        events.splice(at, 1);
        matched += 1;
      }
    }
    surplus = surplus.concat(events.map((event) => `${event.action} ${requestId}`));
  }
  return { expected, found: matched, missing, surplus };
}
