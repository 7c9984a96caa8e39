// Drives one case through the API, move by move, until its end or the first refusal. Every move is asked of the API, also
// those that make no sense: what is counted as refused was refused by it.
import { randomUUID } from 'node:crypto';

/** @typedef {{ requestId: string, instanceId: string|null, expected: string[] }} Trace what the audit log must hold of one call */

const ACTION = { approve: 'workflow.approved', return: 'workflow.returned', complete: 'workflow.step_completed', withdraw: 'workflow.withdrawn' };

/**
 * @param {import('./api.mjs').Api} api
 * @param {(role: string) => object} cast
 * @param {import('./flow.mjs').Move[]} moves
 * @param {string[]} routes one a submission
 * @param {string} amount
 * @param {Trace[]} traces filled in
 * @returns {Promise<{ accepted: true, decisions: number } | { accepted: false, decisions: number, step: string, rule: string }>}
 */
export async function driveCase(api, cast, moves, routes, amount, traces) {
  let instance = null;
  let task = null;
  let submissions = 0;
  let decisions = 0;
  const refused = (move, rule) => ({ accepted: false, decisions, step: move.name, rule });

  for (const move of moves) {
    const who = cast(move.by);
    const form = () => ({ amount, currency: 'EUR', description: 'Travel expenses', route: routes[Math.min(submissions, routes.length - 1)] ?? 'supervisor' });
    let answer;
    let expected;
    if (move.verb === 'draft' && instance) {
      answer = await api.call(who, 'PUT', `/workflow/instances/${instance.id}/form`, { form: form(), seq: instance.seq }, { measured: true });
      expected = ['workflow.draft_changed'];
    } else if (move.verb === 'draft' || (move.verb === 'submit' && !instance)) {
      const submit = move.verb === 'submit';
      answer = await api.call(who, 'POST', '/workflow/instances', { definition: 'reimbursement', submit, form: form() }, { measured: true });
      expected = submit ? ['workflow.drafted', 'workflow.submitted'] : ['workflow.drafted'];
      if (submit) submissions += 1;
    } else if (move.verb === 'submit') {
      answer = await api.call(who, 'POST', `/workflow/instances/${instance.id}/submit`, { form: form() }, { measured: true });
      expected = [instance.round === 0 ? 'workflow.submitted' : 'workflow.resubmitted'];
      submissions += 1;
    } else if (move.verb === 'withdraw') {
      // Before anything was filed, of a request that is not there.
      answer = await api.call(who, 'POST', `/workflow/instances/${instance?.id ?? randomUUID()}/withdraw`, {}, { measured: true });
      expected = [ACTION.withdraw];
    } else {
      // With nothing open the step answered last is answered again, as somebody does whose page is old; before anything
      // was submitted, one that is not there.
      task = instance?.openTasks[0] ?? task;
      answer = await api.call(who, 'POST', `/workflow/tasks/${task?.id ?? randomUUID()}/${move.verb}`, { comment: move.name, ...(move.step ? { step: move.step } : {}) }, { measured: true });
      expected = [ACTION[move.verb]];
    }
    if (answer.status >= 500 || answer.status === 429 || answer.status === 401) throw new Error(`${move.name}: HTTP ${answer.status} ${JSON.stringify(answer.body)}`);
    if (answer.status >= 400) {
      traces.push({ requestId: answer.requestId, instanceId: instance?.id ?? null, expected: answer.status === 403 ? ['access.denied'] : [] });
      return refused(move, answer.body.code);
    }
    task = instance?.openTasks[0] ?? task;
    instance = answer.body;
    decisions += 1;
    traces.push({ requestId: answer.requestId, instanceId: instance.id, expected });
  }
  return { accepted: true, decisions };
}
