import fc from 'fast-check';
import { InstanceState } from '../../platform/database';
import { readDefinition } from './definition';
import { type Delta, type Marking, step, type Verb, VERBS, type WorkflowEvent } from './reducer';
import { reimbursement } from './templates/reimbursement';

const start: Marking = { state: 'draft', node: null, round: 0 };
const form = (route: string) => ({ route });
const event = (verb: Verb, route = 'administration'): WorkflowEvent => (verb === 'withdraw' ? { type: 'withdraw' } : { type: verb, form: form(route) });
const run = (marking: Marking, ...events: WorkflowEvent[]): Marking =>
  events.reduce((at, each) => {
    const result = step(reimbursement, at, each);
    if ('refused' in result) throw new Error(`${each.type} refused at ${at.node ?? at.state}`);
    return result.next;
  }, marking);

describe('the reducer', () => {
  it.each([
    ['administration', ['administration', 'supervisor', 'payment-request', 'payment']],
    ['administration-and-budget', ['administration', 'budget-owner', 'supervisor', 'payment-request', 'payment']],
    ['pre-approver', ['pre-approval', 'supervisor', 'payment-request', 'payment']],
    ['supervisor', ['supervisor', 'payment-request', 'payment']],
  ])('route %s passes %j', (route, nodes) => {
    let at = run(start, event('submit', route));
    const passed: string[] = [];
    while (at.node !== null) {
      passed.push(at.node);
      at = run(at, event(at.node.startsWith('payment') ? 'complete' : 'approve', route));
    }
    expect(passed).toEqual(nodes);
    expect(at).toEqual({ state: 'completed', node: null, round: 1 });
  });

  it('refuses every verb a state does not answer to, for every state and verb', () => {
    const verbs: Verb[] = ['submit', 'approve', 'complete', 'return', 'reject', 'withdraw'];
    for (const state of Object.values(InstanceState)) {
      for (const verb of verbs) {
        const marking = { state, node: state === 'running' ? 'administration' : null, round: 1 };
        const refused = 'refused' in step(reimbursement, marking, event(verb));
        const expected = !(VERBS[state] as readonly Verb[]).includes(verb) || (state === 'running' && verb === 'complete');
        expect([state, verb, refused]).toEqual([state, verb, expected]);
      }
    }
  });

  it('reaches every state, and from every reachable marking an end', () => {
    const seen = new Map<string, Marking>();
    const queue = [start];
    for (let at = queue.pop(); at; at = queue.pop()) {
      const key = `${at.state} ${at.node}`;
      if (seen.has(key)) continue;
      seen.set(key, at);
      for (const route of ['administration', 'administration-and-budget', 'pre-approver', 'supervisor']) {
        for (const verb of VERBS[at.state]) {
          const result = step(reimbursement, at, event(verb, route));
          if (!('refused' in result)) queue.push({ ...result.next, round: 1 });
        }
      }
    }
    expect(new Set([...seen.values()].map(({ state }) => state))).toEqual(new Set(Object.values(InstanceState)));
    const waiting = Object.entries(reimbursement.nodes).filter(([, node]) => node.type === 'approval' || node.type === 'service').map(([name]) => name);
    expect(new Set([...seen.values()].flatMap(({ node }) => (node ? [node] : [])))).toEqual(new Set(waiting));
  });

  it('keeps its invariants under any sequence of events: a node waits exactly while running, rounds only grow, ends stay ended', () => {
    const events = fc.array(fc.tuple(fc.constantFrom<Verb>('submit', 'approve', 'complete', 'return', 'reject', 'withdraw'), fc.constantFrom('administration', 'administration-and-budget', 'pre-approver', 'supervisor')), { maxLength: 40 });
    fc.assert(
      fc.property(events, (list) => {
        let at = start;
        const history: Delta[] = [];
        for (const [verb, route] of list) {
          const result = step(reimbursement, at, event(verb, route));
          if ('refused' in result) continue;
          expect(['completed', 'rejected']).not.toContain(at.state);
          expect(result.next.round).toBe(at.round + (verb === 'submit' ? 1 : 0));
          expect(result.closes === null).toBe(at.node === null);
          expect(result.ended).toBe(['completed', 'rejected', 'withdrawn'].includes(result.next.state));
          at = result.next;
          expect(at.node !== null).toBe(at.state === 'running');
          history.push(result);
        }
        expect(history.at(-1)?.next ?? start).toEqual(at);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the gate', () => {
  const spoilt = (change: (document: ReturnType<typeof structuredClone<typeof reimbursement>>) => void) => {
    const document = structuredClone(reimbursement);
    change(document);
    return readDefinition(document).problems.map(({ pointer, code }) => `${pointer} ${code}`);
  };
  it('admits the shipped template', () => expect(readDefinition(reimbursement).problems).toEqual([]));
  it.each<[string, Parameters<typeof spoilt>[0], string[]]>([
    ['a start that is not there', (d) => { d.start = 'nowhere'; }, ['#/start unknown_node']],
    ['a way to nowhere', (d) => { (d.nodes.supervisor as { to: string }).to = 'nowhere'; }, ['#/nodes/supervisor unknown_node']],
    ['a node nothing leads to', (d) => { d.nodes.extra = { type: 'end' }; }, ['#/nodes/extra unreachable']],
    ['no way to the end', (d) => { (d.nodes.payment as { to: string }).to = 'payment-request'; }, ['administration', 'budget', 'budget-owner', 'pre-approval', 'payment-request', 'payment', 'route', 'supervisor'].map((name) => `#/nodes/${name} no_end`).concat('#/nodes/done unreachable')],
    ['a decision that asks a field the form has not', (d) => { (d.nodes.budget as { branches: { when: { field: string } }[] }).branches[0]!.when.field = 'mood'; }, ['#/nodes/budget/branches/0/when/field unknown_field']],
    ['decisions in a ring', (d) => { (d.nodes.budget as { otherwise: string }).otherwise = 'route'; (d.nodes.route as { otherwise: string }).otherwise = 'budget'; }, ['#/nodes/route loop', '#/nodes/budget loop', '#/nodes/administration unreachable']],
    ['a form that is no schema', (d) => { d.form = { type: 'objekt' }; d.nodes = { end: { type: 'end' } }; d.start = 'end'; }, ['#/form schema']],
    ['an approval nobody is asked for', (d) => { (d.nodes.supervisor as { candidates: unknown[] }).candidates = []; }, ['#/nodes/supervisor/candidates too_small']],
    ['an unknown kind of node', (d) => { (d.nodes as Record<string, unknown>).done = { type: 'party' }; }, ['#/nodes/done/type invalid_union']],
  ])('refuses %s', (_name, change, expected) => {
    const found = spoilt(change);
    expect(found.toSorted()).toEqual(expected.toSorted());
  });
});
