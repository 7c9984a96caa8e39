import fc from 'fast-check';
import { InstanceState } from '../../platform/database';
import { aBlockDefinition, aSpoiltDefinition, type Drawn, exclusive, inclusive, parallel, part as aPart, step as aStep, task as aTask } from '../../../test/support/workflow-definitions';
import type { Definition } from './definition';
import { step } from './reducer';
import { refold, type Told, toldOf } from './refold';
import { soundness } from './soundness';
import { reimbursement } from './templates/reimbursement';
import { type Asked, type Delta, DRAFT, type Env, type Marking, type Part, type Refusal, type Verb, VERBS, type WorkflowEvent } from './transition';
import { writtenBefore } from './variables';
import { turnOf, type Vote } from './voting';

const ONE: readonly Asked[] = [{ personId: 'ani', weight: 1 }];
const named = (drawn: Drawn): Definition => ({ key: 'drawn', title: { en: 'Drawn', id: 'Gambar' }, form: {}, ...drawn });
const flow = (nodes: Definition['nodes'], start = Object.keys(nodes)[0]!) => named({ start, nodes: { ...nodes, done: { type: 'end' } } });

/** With its conditions as expressions. */
const spelt = (node: Definition['nodes'][string]) => ('branches' in node ? { ...node, branches: node.branches.map(({ when, to }) => ({ when: typeof when === 'string' ? when : `${when.field} = ${'equals' in when ? String(when.equals) : '0'}`, to })) } : node);
const LEVEL = { due: { days: 2 }, warning: { days: 1 }, escalation: [{ after: { days: 3 }, to: [{ relation: 'head-of-unit' as const }] }] };
const WORLD = { now: new Date('2026-06-12T01:30:00Z'), zone: 'Asia/Jakarta' };

/** Somebody works through an instance: keeps its marking and its history. */
class Run {
  marking: Marking = DRAFT;
  readonly history: { seq: number; event: string; data: Told }[] = [];
  private ids = 0;

  constructor(
    readonly definition: Definition,
    private readonly asked: Readonly<Record<string, readonly Asked[]>> = {},
  ) {}

  /** @returns what was refused; null where it was done. */
  tries(event: WorkflowEvent): Refusal | null {
    const env: Env = { candidates: (node) => this.asked[node] ?? ONE, taskId: () => `t${(this.ids += 1)}`, ...WORLD };
    const result = step(this.definition, this.marking, event, env);
    if ('needs' in result) throw new Error('everybody is known');
    if ('refused' in result) return result;
    this.marking = result.next;
    this.history.push({ seq: this.history.length + 1, event: result.history, data: toldOf(event, result, WORLD) });
    this.last = result;
    return null;
  }
  last: Delta | null = null;

  does(event: WorkflowEvent): this {
    const refused = this.tries(event);
    if (refused) throw new Error(`${event.type} refused: ${JSON.stringify(refused)} at ${this.waiting.join()}`);
    return this;
  }
  submits(form: Told['form'] = {}): this {
    return this.does({ type: 'submit', form: form! });
  }
  /** A decision on the step that waits at this node. */
  on(node: string, verb: Vote | 'complete' | 'return', more: { to?: string; of?: string; weight?: number; turn?: number; form?: object } = {}): Refusal | null {
    const task = this.marking.tasks.find((each) => each.node === node)?.id ?? 'none';
    const form = (more.form ?? {}) as Record<string, unknown>;
    const part: Part = { of: more.of ?? 'ani', weight: more.weight ?? 1, turn: more.turn ?? 0 };
    return this.tries(verb === 'complete' ? { type: verb, task, form } : verb === 'return' ? { type: verb, task, to: more.to ?? null, part, form } : { type: verb, task, part, form });
  }
  get waiting(): string[] {
    return this.marking.tasks.map(({ node }) => node);
  }
}

describe('the reducer', () => {
  it.each([
    ['administration', ['administration', 'supervisor', 'payment-request', 'payment']],
    ['administration-and-budget', ['administration', 'budget-owner', 'supervisor', 'payment-request', 'payment']],
    ['pre-approver', ['pre-approval', 'supervisor', 'payment-request', 'payment']],
    ['supervisor', ['supervisor', 'payment-request', 'payment']],
  ])('route %s of the reimbursement passes %j', (route, nodes) => {
    const run = new Run(reimbursement).submits({ route });
    const passed: string[] = [];
    while (run.waiting.length > 0) {
      const [at] = run.waiting as [string];
      passed.push(at);
      expect(run.on(at, at.startsWith('payment') ? 'complete' : 'approve', { form: { route } })).toBeNull();
    }
    expect(passed).toEqual(nodes);
    expect(run.marking).toEqual({ state: 'completed', round: 1, tasks: [], joins: [], variables: {} });
  });

  it('refuses every verb a state does not answer to, for every state and verb', () => {
    const verbs = [...new Set(Object.values(VERBS).flat())] as Verb[];
    expect(verbs).toHaveLength(25);
    const part: Part = { of: 'ani', weight: 1, turn: 0 };
    for (const state of Object.values(InstanceState)) {
      for (const type of verbs) {
        const running = new Run(reimbursement).submits({ route: 'administration' });
        const marking: Marking = state === 'running' ? running.marking : { state, round: 1, tasks: [], joins: [], variables: {} };
        const event = { type, task: 't1', form: {}, to: type === 'return' ? null : 'budi', by: 'ani', from: 'budi', part, boundary: null, before: running.marking } as unknown as WorkflowEvent;
        const result = step(reimbursement, marking, event, { candidates: () => ONE, taskId: () => 'x', ...WORLD });
        const other: Partial<Record<Verb, string>> = { complete: 'verb', abstain: 'verb', release: 'verb', answer: 'verb', 'remove-signer': 'last', fire: 'verb', message: 'verb', part: 'verb', fail: 'verb' };
        const expected = !(VERBS[state] as readonly Verb[]).includes(type) ? 'state' : state === 'running' ? other[type] : undefined;
        expect([state, type, (result as Partial<Refusal>).refused]).toEqual([state, type, expected]);
      }
    }
  });

  it('knows who is asked before it opens a step', () => {
    const definition = flow({ f: parallel('a', 'b'), a: aStep('j'), b: aStep('j'), j: parallel('done') });
    const known = new Set<string>();
    const env: Env = { candidates: (node) => (known.has(node) ? ONE : undefined), taskId: (node) => node, ...WORLD };
    expect(step(definition, DRAFT, { type: 'submit', form: {} }, env)).toEqual({ needs: ['a', 'b'], variables: {} });
    known.add('a');
    expect(step(definition, DRAFT, { type: 'submit', form: {} }, env)).toEqual({ needs: ['b'], variables: {} });
    known.add('b');
    expect(step(definition, DRAFT, { type: 'submit', form: {} }, env)).toMatchObject({ history: 'submitted', opens: [{ node: 'a', asked: ONE, sequential: false }, { node: 'b' }], ended: false });
  });

  it('joins what was split when all have come, in either order', () => {
    for (const order of [['a', 'b'], ['b', 'a']] as const) {
      const run = new Run(flow({ f: parallel('a', 'b'), a: aStep('j'), b: aStep('j'), j: parallel('c'), c: aStep('done') })).submits();
      expect(run.waiting).toEqual(['a', 'b']);
      expect(run.on(order[0], 'approve')).toBeNull();
      expect([run.waiting, run.marking.joins]).toEqual([[order[1]], [{ node: 'j', via: order[0] }]]);
      expect(run.on(order[1], 'approve')).toBeNull();
      expect([run.waiting, run.marking.joins]).toEqual([['c'], []]);
    }
  });

  it('takes the ways that hold, and joins those that were taken', () => {
    const ways = (form: object) => ({ o: { type: 'inclusive' as const, branches: [{ when: { field: 'x', equals: 1 }, to: 'a' }, { when: { field: 'y', oneOf: [1, 2] }, to: 'b' }], otherwise: 'c' }, form });
    const of = (form: Record<string, unknown>) => new Run(flow({ o: ways(form).o, a: aStep('j'), b: aStep('j'), c: aStep('j'), j: inclusive('z'), z: aStep('done') })).submits(form);
    expect([of({ x: 1, y: 2 }).waiting, of({ y: 1 }).waiting, of({}).waiting, of(Object.create({ x: 1 }) as Record<string, unknown>).waiting]).toEqual([['a', 'b'], ['b'], ['c'], ['c']]);
    const run = of({ x: 1, y: 2 });
    expect(run.on('a', 'approve')).toBeNull();
    expect(run.waiting).toEqual(['b']);
    expect(run.on('b', 'approve')).toBeNull();
    expect(run.waiting).toEqual(['z']);
    const one = of({ x: 1 });
    expect(one.on('a', 'approve')).toBeNull();
    expect(one.waiting).toEqual(['z']);
  });

  it('takes the first way where several hold that may not', () => {
    const both = new Run({ ...flow({ x: { type: 'exclusive', branches: [{ when: 'way > 1', to: 'a' }, { when: 'way > 0', to: 'b' }], otherwise: 'done' }, a: aStep('done'), b: aStep('done') }), form: { properties: { way: { type: 'integer' } } } });
    expect(both.submits({ way: 2 }).waiting).toEqual(['a']);
  });

  it('ends with its last token, or all at once', () => {
    const both = new Run(flow({ f: parallel('a', 'b'), a: aStep('done'), b: aStep('done') })).submits();
    expect(both.on('a', 'approve')).toBeNull();
    expect([both.marking.state, both.last!.ended]).toEqual(['running', false]);
    expect(both.on('b', 'approve')).toBeNull();
    expect([both.marking.state, both.last!.ended]).toEqual(['completed', true]);
    const stop = new Run(flow({ f: parallel('a', 'b'), a: aStep('stop'), b: aStep('done'), stop: { type: 'terminate' } })).submits();
    expect(stop.on('a', 'approve')).toBeNull();
    expect(stop.last).toMatchObject({ next: { state: 'completed', tasks: [], joins: [] }, closes: [{ id: 't1', state: 'approved' }, { id: 't2', state: 'cancelled' }], ended: true });
  });

  it('rejected ends it, with all that waits, or goes where the step says', () => {
    const run = new Run(flow({ f: parallel('a', 'b'), a: aStep('j'), b: aStep('j', { onReject: 'c' }), c: aStep('j'), j: exclusive('done') })).submits();
    expect(run.on('b', 'reject')).toBeNull();
    expect([run.waiting, run.last!.history]).toEqual([['a', 'c'], 'rejected']);
    expect(run.last!.closes).toEqual([{ id: 't2', state: 'rejected' }]);
    expect(run.on('a', 'reject')).toBeNull();
    expect(run.last).toMatchObject({ next: { state: 'rejected', tasks: [], joins: [] }, closes: [{ id: 't1', state: 'rejected' }, { id: 't3', state: 'cancelled' }], history: 'rejected', node: 'a', ended: true });
  });

  it('sends back to the initiator, or to a step it may be sent back to, and takes up from there', () => {
    const definition = flow({ a: aStep('f'), f: parallel('b', 'c'), b: aStep('j', { returns: ['a'] }), c: aStep('j'), j: parallel('done') });
    const run = new Run(definition).submits();
    run.on('a', 'approve');
    run.on('c', 'approve');
    expect(run.on('b', 'return', { to: 'c' })).toEqual({ refused: 'target', targets: ['a'] });
    expect(run.on('b', 'return', { to: 'a' })).toBeNull();
    expect(run.marking).toMatchObject({ state: 'running', round: 1, tasks: [{ node: 'a' }], joins: [] });
    expect(run.on('a', 'return', { to: 'a' })).toEqual({ refused: 'target', targets: [] });
    expect(run.on('a', 'return')).toBeNull();
    expect(run.last).toMatchObject({ next: { state: 'returned', tasks: [] }, history: 'returned', node: 'a', ended: false, closes: [{ state: 'returned' }] });
    run.submits();
    expect([run.marking.round, run.last!.history, run.waiting]).toEqual([2, 'resubmitted', ['a']]);
    run.does({ type: 'withdraw' });
    expect(run.last).toMatchObject({ next: { state: 'withdrawn', tasks: [] }, closes: [{ state: 'cancelled' }], history: 'withdrawn', node: null, ended: true });
    const service = new Run(flow({ s: { type: 'service', title: { en: 's', id: 's' }, to: 'done' } })).submits();
    expect([service.on('s', 'approve'), service.on('s', 'reject'), service.on('s', 'return', { to: 's' })]).toEqual([{ refused: 'verb' }, { refused: 'verb' }, { refused: 'target', targets: [] }]);
    expect(service.on('nowhere', 'approve')).toEqual({ refused: 'task' });
  });

  it('counts votes until they decide', () => {
    const asked = ['ani', 'budi', 'cici'].map((personId, n) => ({ personId, weight: n + 1 }));
    const voting = (more: Parameters<typeof aStep>[1]) => new Run(flow({ a: aStep('b', more), b: aStep('done') }), { a: asked }).submits();
    const majority = voting({ strategy: 'majority', abstain: true });
    expect(majority.marking.tasks[0]!.tally!.open).toEqual({ people: 3, weight: 6 });
    expect(majority.on('a', 'abstain', { weight: 3 })).toBeNull();
    expect(majority.last).toMatchObject({ history: 'voted', node: 'a', closes: [], opens: [], ended: false, next: { tasks: [{ id: 't1', tally: { abstain: { people: 1, weight: 3 }, open: { people: 2, weight: 3 } } }] } });
    expect(majority.on('a', 'approve', { weight: 2 })).toBeNull();
    expect(majority.waiting).toEqual(['b']);
    const all = voting({ strategy: 'all' });
    expect(all.on('a', 'abstain')).toEqual({ refused: 'verb' });
    all.on('a', 'approve', { weight: 1 });
    all.on('a', 'approve', { weight: 2 });
    expect(all.waiting).toEqual(['a']);
    all.on('a', 'approve', { weight: 3 });
    expect([all.waiting, all.last!.history]).toEqual([['b'], 'approved']);
    const veto = voting({ strategy: { quorum: 1 }, rejections: 1 });
    veto.on('a', 'reject');
    expect(veto.marking.state).toBe('rejected');
    const order = voting({ strategy: 'sequential' });
    expect(order.last!.opens[0]!.sequential).toBe(true);
    expect([order.on('a', 'approve', { turn: 1 }), order.on('a', 'return', { turn: 1 })]).toEqual([{ refused: 'turn' }, { refused: 'turn' }]);
    for (const turn of [0, 1, 2]) {
      expect(turnOf(order.marking.tasks[0]!.tally!)).toBe(turn);
      expect(order.on('a', 'approve', { turn })).toBeNull();
    }
    expect(order.waiting).toEqual(['b']);
  });

  it('refuses to open a step that nobody, or too few, could decide; or goes past it, if that says so', () => {
    const one = (asked: Record<string, readonly Asked[]>, more: Parameters<typeof aStep>[1] = {}) => {
      const run = new Run(flow({ a: aStep('b', more), b: aStep('c', more), c: aStep('done', { noCandidate: 'skip' }) }), asked);
      return { run, refused: run.tries({ type: 'submit', form: {} }) };
    };
    expect(one({ a: [] }).refused).toEqual({ refused: 'no-candidate', node: 'a' });
    expect(one({ a: ONE }, { strategy: { quorum: 2 } }).refused).toEqual({ refused: 'no-candidate', node: 'a' });
    expect(one({ a: [] }, { noCandidate: 'refuse' }).run.marking).toBe(DRAFT);
    const { run } = one({ a: [], b: [] }, { noCandidate: 'skip' });
    expect([run.waiting, run.last!.skipped.map(({ node }) => node)]).toEqual([['c'], ['a', 'b']]);
    const past = one({ a: [], b: [], c: [] }, { noCandidate: 'skip' }).run;
    expect([past.marking.state, past.last!.ended, past.last!.opens]).toEqual(['completed', true, []]);
    const ring = new Run(flow({ a: aStep('b', { noCandidate: 'skip' }), b: aStep('a', { noCandidate: 'skip', onReject: 'done' }) }), { a: [], b: [] });
    expect(ring.tries({ type: 'submit', form: {} })).toMatchObject({ refused: 'no-candidate' });
  });

  const THREE = ['ani', 'budi', 'cici'].map((personId, n) => ({ personId, weight: n + 1 }));
  const partOf = (of: string, weight = 1, turn = 0): Part => ({ of, weight, turn });

  it('lets one person take a step on, and nobody else answer it meanwhile', () => {
    const run = new Run(flow({ a: aStep('b'), b: aStep('done', { strategy: 'all' }) }), { a: THREE, b: THREE }).submits();
    expect([run.tries({ type: 'release', task: 't1' }), run.tries({ type: 'claim', task: 't1', by: 'budi' }), run.tries({ type: 'claim', task: 't1', by: 'budi' }), run.tries({ type: 'claim', task: 't1', by: 'ani' })]).toEqual([{ refused: 'verb' }, null, null, { refused: 'claimed' }]);
    expect([run.on('a', 'approve'), run.on('a', 'return'), run.tries({ type: 'transfer', task: 't1', part: partOf('ani'), to: 'dedi' })]).toEqual([{ refused: 'claimed' }, { refused: 'claimed' }, { refused: 'claimed' }]);
    run.does({ type: 'release', task: 't1' });
    expect([run.last!.history, run.marking.tasks[0]!.claimedBy, run.tries({ type: 'claim', task: 't1', by: 'ani' })]).toEqual(['released', null, null]);
    // With who has claimed it the claim goes; and where several have to answer, nobody takes it from the others.
    run.does({ type: 'transfer', task: 't1', part: partOf('ani'), to: 'dedi' });
    expect([run.marking.tasks[0]!.claimedBy, run.on('a', 'approve', { of: 'dedi' }), run.tries({ type: 'claim', task: 't2', by: 'ani' })]).toEqual([null, null, { refused: 'verb' }]);
    expect(run.last!.next.tasks[0]).toMatchObject({ id: 't2', claimedBy: null, asking: false, fired: [] });
  });

  it('waits for information once at a time, whatever is answered meanwhile', () => {
    const run = new Run(flow({ a: aStep('done') })).submits().does({ type: 'ask', task: 't1' });
    expect([run.last!.history, run.last!.node, run.marking.tasks[0]!.asking, run.tries({ type: 'ask', task: 't1' })]).toEqual(['information_asked', 'a', true, { refused: 'verb' }]);
    run.does({ type: 'answer', task: 't1' });
    expect([run.last!.history, run.marking.tasks[0]!.asking, run.tries({ type: 'answer', task: 't1' })]).toEqual(['information_given', false, { refused: 'verb' }]);
    expect([run.tries({ type: 'ask', task: 't1' }), run.on('a', 'approve')]).toEqual([null, null]);
    expect(run.marking.state).toBe('completed');
  });

  it('asks further people, and some no longer, and never decides by asking nobody', () => {
    const run = new Run(flow({ a: aStep('done', { strategy: 'sequential' }) }), { a: THREE }).submits();
    run.on('a', 'approve');
    expect(run.tries({ type: 'add-signer', task: 't1', part: partOf('dedi', 5, 0) })).toEqual({ refused: 'turn' });
    run.does({ type: 'add-signer', task: 't1', part: partOf('dedi', 5, 2) });
    expect([run.last!.history, run.marking.tasks[0]!.tally!.open]).toEqual(['signer_added', { people: 3, weight: 10 }]);
    run.does({ type: 'remove-signer', task: 't1', part: partOf('budi', 2, 1), form: {} });
    expect([run.last!.history, run.marking.tasks[0]!.tally!.open]).toEqual(['signer_removed', { people: 2, weight: 8 }]);
    run.does({ type: 'remove-signer', task: 't1', part: partOf('dedi', 5, 1), form: {} });
    // Whoever is left has approved: it goes on.
    run.does({ type: 'remove-signer', task: 't1', part: partOf('cici', 3, 1), form: {} });
    expect([run.last!.history, run.last!.closes, run.marking.state]).toEqual(['signer_removed', [{ id: 't1', state: 'approved' }], 'completed']);
    const alone = new Run(flow({ a: aStep('done') })).submits().does({ type: 'claim', task: 't1', by: 'ani' });
    expect(alone.tries({ type: 'remove-signer', task: 't1', part: partOf('ani'), form: {} })).toEqual({ refused: 'last' });
    const tied = new Run(flow({ a: aStep('done', { strategy: 'majority', tie: 'approve' }) })).submits();
    expect(tied.tries({ type: 'remove-signer', task: 't1', part: partOf('ani'), form: {} })).toEqual({ refused: 'last' });
    const quorum = new Run(flow({ a: aStep('done', { strategy: { quorum: 3 } }) }), { a: THREE }).submits();
    expect(quorum.tries({ type: 'remove-signer', task: 't1', part: partOf('ani'), form: {} })).toEqual({ refused: 'last' });
    const claimed = new Run(flow({ a: aStep('done') }), { a: THREE }).submits().does({ type: 'claim', task: 't1', by: 'ani' });
    claimed.does({ type: 'remove-signer', task: 't1', part: partOf('budi', 2), form: {} });
    expect(claimed.marking.tasks[0]!.claimedBy).toBe('ani');
    claimed.does({ type: 'remove-signer', task: 't1', part: partOf('ani'), form: {} });
    expect(claimed.marking.tasks[0]!.claimedBy).toBeNull();
  });

  it('does not ask again who has approved already', () => {
    const approved = THREE.map((each, n) => ({ ...each, approved: n === 0 }));
    const past = new Run(flow({ a: aStep('done') }), { a: approved });
    past.submits();
    expect([past.marking.state, past.last!.skipped]).toEqual(['completed', [{ node: 'a', asked: approved }]]);
    expect(refold(past.definition, past.history).marking).toEqual(past.marking);
    // Led back to at once it is asked after all: somebody has to say it again.
    const ring = new Run(flow({ a: aStep('x'), x: exclusive('a', 'done') }), { a: approved }).submits({ way: 5 });
    expect([ring.waiting, ring.last!.opens[0]!.asked, ring.marking.tasks[0]!.tally!.approve.people]).toEqual([['a'], THREE.map(({ personId, weight }) => ({ personId, weight })), 0]);
    const all = new Run(flow({ a: aStep('done', { strategy: 'sequential' }) }), { a: approved }).submits();
    expect(all.marking.tasks[0]!.tally).toMatchObject({ approve: { people: 1, weight: 1 }, open: { people: 2, weight: 5 } });
    expect([all.on('a', 'approve', { turn: 0 }), all.on('a', 'approve', { of: 'budi', weight: 2, turn: 1 }), all.on('a', 'approve', { of: 'cici', weight: 3, turn: 2 })]).toEqual([{ refused: 'turn' }, null, null]);
    expect(refold(all.definition, all.history).marking).toEqual(all.marking);
  });

  it('takes back what was done last: everything is as it was', () => {
    const run = new Run(flow({ f: parallel('a', 'c'), a: aStep('j'), c: aStep('j', { strategy: 'all' }), j: parallel('b'), b: aStep('done') }), { c: THREE }).submits();
    run.on('a', 'approve');
    const before = run.marking;
    for (const each of THREE.slice(0, 2)) run.on('c', 'approve', { of: each.personId, weight: each.weight });
    const voted = run.marking;
    run.on('c', 'approve', { of: 'cici', weight: 3 });
    expect(run.waiting).toEqual(['b']);
    run.does({ type: 'take-back', task: 't2', before: voted });
    expect([run.marking, run.last!.reopens, run.last!.closes, run.last!.history, run.last!.node]).toEqual([voted, ['t2'], [{ id: 't3', state: 'cancelled' }], 'taken_back', 'c']);
    expect(refold(run.definition, run.history).marking).toEqual(voted);
    const rejected = new Run(flow({ a: aStep('done') })).submits();
    const waiting = rejected.marking;
    rejected.on('a', 'reject');
    expect(rejected.tries({ type: 'take-back', task: 'x', before: waiting })).toEqual({ refused: 'task' });
    rejected.does({ type: 'take-back', task: 't1', before: waiting });
    expect([rejected.marking, rejected.last!.ended, rejected.on('a', 'approve')]).toEqual([waiting, false, null]);
    expect(before.tasks).toHaveLength(1);
  });

  it('is halted, goes on, is skipped along and cancelled', () => {
    const run = new Run(flow({ a: aStep('b', { onReject: 'done' }), b: { type: 'service', title: { en: 's', id: 's' }, to: 'done' } })).submits().does({ type: 'suspend' });
    expect([run.marking.state, run.waiting, run.on('a', 'approve'), run.last!.history]).toEqual(['suspended', ['a'], { refused: 'state' }, 'suspended']);
    run.does({ type: 'resume' });
    run.does({ type: 'skip', task: 't1', form: {} });
    expect([run.waiting, run.last!.history, run.last!.closes]).toEqual([['b'], 'skipped', [{ id: 't1', state: 'skipped' }]]);
    run.does({ type: 'suspend' }).does({ type: 'cancel' });
    expect([run.marking, run.last!.closes, run.last!.ended]).toEqual([{ state: 'cancelled', round: 1, tasks: [], joins: [], variables: {} }, [{ id: 't2', state: 'cancelled' }], true]);
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
  });

  it('goes on by itself when a time has come: away from the step, or beside it, once', () => {
    const boundary = [{ after: { hours: 1 }, to: 'late' }, { after: { hours: 2 }, to: 'also', interrupting: false }];
    const definition = flow({ t: { type: 'timer', title: { en: 't', id: 't' }, after: { days: 1 }, to: 'a' }, a: aStep('done', { boundary }), late: aStep('done'), also: aStep('done') });
    const run = new Run(definition).submits();
    expect([run.on('t', 'approve'), run.on('t', 'complete'), run.tries({ type: 'fire', task: 't1', boundary: 0, form: {} })]).toEqual([{ refused: 'verb' }, { refused: 'verb' }, { refused: 'verb' }]);
    run.does({ type: 'fire', task: 't1', boundary: null, form: {} });
    expect([run.waiting, run.last!.history, run.last!.closes]).toEqual([['a'], 'timer_fired', [{ id: 't1', state: 'completed' }]]);
    expect(run.tries({ type: 'fire', task: 't2', boundary: null, form: {} })).toEqual({ refused: 'verb' });
    run.does({ type: 'fire', task: 't2', boundary: 1, form: {} });
    expect([run.waiting, run.last!.history, run.last!.closes, run.marking.tasks[0]!.fired]).toEqual([['a', 'also'], 'time_ran_out', [], [1]]);
    expect(run.tries({ type: 'fire', task: 't2', boundary: 1, form: {} })).toEqual({ refused: 'verb' });
    run.does({ type: 'fire', task: 't2', boundary: 0, form: {} });
    expect([run.waiting, run.last!.closes]).toEqual([['also', 'late'], [{ id: 't2', state: 'timed_out' }]]);
    expect(refold(definition, run.history).marking).toEqual(run.marking);
    run.on('also', 'approve');
    run.on('late', 'approve');
    expect(run.marking.state).toBe('completed');
  });

  it('refolds from its history, whatever happened, and can always be completed; nothing is left when it ends', () => {
    const scale = Number(process.env.PROPERTY_RUNS ?? 1);
    const seen = new Map<string, number>();
    const verbs = ['approve', 'approve', 'approve', 'approve', 'reject', 'abstain', 'return', 'withdraw', 'submit', 'complete', 'claim', 'release', 'ask', 'answer', 'transfer', 'delegate', 'undelegate', 'add-signer', 'remove-signer', 'skip', 'suspend', 'resume', 'cancel', 'take-back', 'fire', 'fire', 'message', 'message', 'part', 'part', 'fail'] as const satisfies Verb[];
    const acts = fc.array(fc.tuple(fc.constantFrom(...verbs), fc.nat(), fc.nat()), { maxLength: 25 });
    const sound = fc.oneof(aBlockDefinition.map((drawn) => ({ drawn, blocks: true })), aSpoiltDefinition.filter((each) => soundness(each, { limit: 500 }).verdict === 'sound').map((drawn) => ({ drawn, blocks: false })));
    fc.assert(
      fc.property(sound, acts, fc.nat(2), fc.integer({ min: 1, max: 3 }), ({ drawn, blocks }, list, way, voters) => {
        const strategies = ['all', 'any', 'majority', 'sequential', 'any', { quorum: voters }] as const;
        const nodes = Object.fromEntries(Object.entries(drawn.nodes).map(([name, node], n) => [name, node.type === 'approval' && n % 5 === 4 && !node.boundary && !node.onReject && !node.returns ? (n % 2 === 0 ? aPart : aTask)(node.to) : node.type === 'approval' ? { ...node, strategy: strategies[n % strategies.length], abstain: n % 2 === 0, boundary: node.boundary ?? (n % 3 === 1 ? [{ after: { hours: 1 }, to: node.to }] : undefined), ...(n % 2 === 1 ? { as: name, form: {} } : {}), serviceLevel: LEVEL } : n % 2 === 0 ? spelt(node) : node]));
        const asked = Array.from({ length: voters }, (_, n) => ({ personId: `p${n}`, weight: n + 1, approved: n === 0 && way === 2 ? true : undefined }));
        const run = new Run({ ...named({ ...drawn, nodes }), form: { properties: { way: { type: 'integer' } } }, computed: { twice: 'way * 2', more: 'twice + 1' } }, Object.fromEntries(Object.keys(nodes).map((name, n) => [name, n % 3 === 0 ? asked : asked.map((each) => ({ ...each, approved: undefined }))])));
        const form = { way };
        // Who is asked, as the tables would have it: a part leaves when it is decided.
        const parts = new Map<string, Part[]>();
        const noted = (event: WorkflowEvent) => {
          for (const { id, asked: people } of run.last!.opens) parts.set(id, people.map(({ personId: of, weight, approved }, turn) => ({ of, weight, turn, approved })).filter(({ approved }) => !approved));
          if (event.type === 'fire') for (const each of event.asks ?? []) parts.set(event.task, [...parts.get(event.task)!, each]);
          if (!('part' in event) || !event.part) return;
          const { task, part } = event;
          const others = parts.get(task)!.filter(({ of }) => of !== part.of);
          const moved = (by: number) => others.map((each) => (each.turn >= part.turn ? { ...each, turn: each.turn + by } : each));
          if (event.type === 'transfer') parts.set(task, [...others, { ...part, of: event.to }]);
          else if (event.type === 'add-signer') parts.set(task, [...moved(1), part]);
          else if (event.type === 'remove-signer') parts.set(task, moved(-1));
          else if (event.type !== 'delegate' && event.type !== 'undelegate') parts.set(task, others);
        };
        const written = writtenBefore(run.definition);
        let before = run.marking;
        let kept = structuredClone([...parts]);
        const eventOf = (type: (typeof verbs)[number], which: number, more: number): WorkflowEvent | null => {
          const task = run.marking.tasks[which % Math.max(1, run.marking.tasks.length)];
          if (type === 'submit') return { type, form };
          if (type === 'suspend' || type === 'resume') return { type: run.marking.state === 'suspended' ? 'resume' : 'suspend' };
          // Seldom: nothing goes on after it.
          if (type === 'withdraw' || type === 'cancel') return more % 3 === 0 ? { type } : null;
          if (type === 'take-back') return before.tasks[0] && before.state === 'running' && ['voted', 'approved', 'rejected', 'returned', 'step_completed'].includes(run.last!.history) ? { type, task: before.tasks[0].id, before } : null;
          if (!task) return null;
          const node = nodes[task.node] as Extract<Definition['nodes'][string], { type: 'approval' | 'task' | 'timer' | 'message' | 'subworkflow' }>;
          if (type === 'fire' && node.type === 'approval' && more % 2 === 0) {
            const at = [100, 101, 110, 111][which % 4]!;
            const asks = at >= 110 && (node.strategy ?? 'any') === 'any' ? [{ of: `e${run.history.length}`, weight: 1, turn: turnOf(task.tally!) + task.tally!.open.people }] : undefined;
            return { type, task: task.id, boundary: at, ...(asks ? { asks } : {}), form };
          }
          if (type === 'fire' || type === 'message') return { type, task: task.id, boundary: node.type === 'approval' ? more % (node.boundary?.length ?? 1) : null, form };
          if (type === 'fail') return { type, task: task.id, code: 'lost', form };
          if (type === 'part') return { type, task: task.id, request: 'r', says: more % 2 === 0 ? 'reject' : 'approve', answer: {}, form };
          if (node.type !== 'approval' && node.type !== 'task') return type === 'skip' ? { type, task: task.id, form } : null;
          const waiting = parts.get(task.id)!;
          const sequential = (nodes[task.node] as { strategy?: string }).strategy === 'sequential';
          const part = sequential ? waiting.find(({ turn }) => turn === turnOf(task.tally!))! : waiting[more % waiting.length]!;
          const base = { task: task.id, form, part };
          if (type === 'return') return { type, ...base, to: (nodes[task.node] as { returns?: string[] }).returns?.[0] ?? null };
          if (type === 'transfer' || type === 'delegate') return { type, task: task.id, part, to: `q${more}-${run.history.length}` };
          if (type === 'undelegate') return { type, task: task.id, part, from: 'q' };
          if (type === 'add-signer') return { type, task: task.id, part: { of: `s${run.history.length}`, weight: 1, turn: more % 2 === 0 ? turnOf(task.tally!) + 1 : turnOf(task.tally!) + task.tally!.open.people } };
          if (type === 'remove-signer') return { type, ...base, part: waiting[more % waiting.length]! };
          if (type === 'claim') return task.claimedBy === null ? { type, task: task.id, by: part.of } : { type: 'release', task: task.id };
          // What was asked is answered, what was claimed released: drawn by themselves the two would seldom meet.
          if (type === 'ask' || type === 'answer') return { type: task.asking ? 'answer' : 'ask', task: task.id };
          if (type === 'release') return { type, task: task.id };
          // What is to be done is done, where others are decided.
          if (node.type === 'task' && ['approve', 'reject', 'abstain'].includes(type)) return { type: 'complete', ...base };
          if (type === 'complete' || type === 'skip') return { type, task: task.id, form };
          return { type, ...base, ...(type === 'approve' ? { answer: { said: more } } : {}) };
        };
        const acted = (event: WorkflowEvent) => {
          const [marking, told] = [run.marking, structuredClone([...parts])];
          if (run.tries(event) !== null) {
            expect(run.marking).toBe(marking);
            return false;
          }
          seen.set(run.last!.history, (seen.get(run.last!.history) ?? 0) + 1);
          // What the gate takes as filled in is, whenever a step is come to; but by those who go past one.
          if (way !== 2 && !run.history.some((each) => each.event === 'skipped')) for (const { node } of run.last!.opens) for (const name of written.get(node)!) expect([node, name, Object.hasOwn(run.marking.variables, name)]).toEqual([node, name, true]);
          if (event.type === 'take-back') {
            parts.clear();
            for (const [id, each] of kept) parts.set(id, each);
          } else noted(event);
          [before, kept] = [marking, told];
          return true;
        };
        acted({ type: 'submit', form });
        for (const [type, which, more] of list) {
          const event = eventOf(type, which, more);
          if (event === null || !acted(event)) continue;
          const { state, tasks, joins } = run.marking;
          expect(new Set(run.waiting).size).toBe(tasks.length);
          expect(tasks.length > 0).toBe(state === 'running' || state === 'suspended');
          for (const { id, tally } of tasks) {
            if (tally === null || nodes[run.marking.tasks.find((each) => each.id === id)!.node]!.type === 'subworkflow') continue;
            const weights = parts.get(id)!.map(({ weight }) => weight);
            expect(tally.open).toEqual({ people: weights.length, weight: weights.reduce((sum, each) => sum + each, 0) });
          }
          if (state !== 'running' && state !== 'suspended') expect(joins).toEqual([]);
        }
        expect(refold(run.definition, run.history)).toEqual({ marking: run.marking, form });
        if (run.history.length > 0) expect(run.marking.variables).toMatchObject({ twice: way * 2, more: way * 2 + 1 });
        if (Object.keys(run.marking.variables).length > 2) seen.set('filled in', (seen.get('filled in') ?? 0) + 1);
        acted({ type: 'resume' });
        // Every gateway takes what its branches leave over, which leads on, and everybody says yes.
        if (run.marking.state !== 'running') return;
        for (let left = 300; run.marking.state === 'running' && left > 0; left -= 1) {
          const task = run.marking.tasks[left % run.marking.tasks.length]!;
          if (task.claimedBy !== null) acted({ type: 'release', task: task.id });
          if (nodes[task.node]!.type === 'subworkflow') {
            expect(acted({ type: 'part', task: task.id, request: 'r', says: 'approve', answer: {}, form: { way: -1 } })).toBe(true);
            continue;
          }
          if (task.tally === null) {
            expect(acted({ type: nodes[task.node]!.type === 'timer' ? 'fire' : 'message', task: task.id, boundary: null, form: { way: left > 150 ? -1 : left % 3 } })).toBe(true);
            continue;
          }
          const part = parts.get(task.id)!.toSorted((a, b) => a.turn - b.turn)[0]!;
          if (nodes[task.node]!.type === 'task') {
            expect(acted({ type: 'complete', task: task.id, part, form: { way: -1 } })).toBe(true);
            continue;
          }
          expect(acted({ type: 'approve', task: task.id, part, answer: { said: 0 }, form: { way: left > 150 ? -1 : left % 3 } })).toBe(true);
        }
        const { state } = run.marking as Marking;
        if (state === 'completed') seen.set('completed', (seen.get('completed') ?? 0) + 1);
        // In blocks that is enough; where ways were led elsewhere a ring may go on as long as its decisions are the same. Votes against, cast before, may still decide.
        expect(blocks ? ['completed', 'rejected'] : ['completed', 'rejected', 'running']).toContain(state);
      }),
      { numRuns: Math.ceil(3_000 * scale) },
    );
    if (scale >= 1) for (const what of ['completed', 'filled in', 'approved', 'voted', 'rejected', 'returned', 'step_completed', 'taken_back', 'claimed', 'released', 'information_asked', 'information_given', 'transferred', 'signer_added', 'signer_removed', 'skipped', 'suspended', 'resumed', 'cancelled', 'timer_fired', 'time_ran_out', 'message_received', 'part_completed', 'part_ended', 'reminded', 'overdue', 'escalated']) expect([what, (seen.get(what) ?? 0) > 2]).toEqual([what, true]);
  });

  it('goes on with a message, leaves a step by one, or begins something beside it; once', () => {
    const told = { name: 'told' };
    const run = new Run(flow({ m: { type: 'message', title: { en: 'M', id: 'M' }, message: told, as: 'said', form: {}, to: 'a' }, a: aStep('done', { boundary: [{ message: told, to: 'b', interrupting: false }, { message: told, to: 'c' }, { after: { hours: 1 }, to: 'c' }] }), b: aStep('done'), c: aStep('done') })).submits();
    const comes = (task: string, boundary: number | null, answer?: object) => run.tries({ type: 'message', task, boundary, form: {}, ...(answer ? { answer: answer as Record<string, unknown> } : {}) });
    expect([comes('t1', 0), run.tries({ type: 'fire', task: 't1', boundary: null, form: {} }), comes('t1', null, { ref: 1 }), run.waiting, run.marking.variables]).toEqual([{ refused: 'verb' }, { refused: 'verb' }, null, ['a'], { said: { ref: 1 } }]);
    expect([comes('t2', null), comes('t2', 2), comes('t2', 0), comes('t2', 0), run.waiting]).toEqual([{ refused: 'verb' }, { refused: 'verb' }, null, { refused: 'verb' }, ['a', 'b']]);
    expect([comes('t2', 1), run.waiting, run.last!.closes]).toEqual([null, ['b', 'c'], [{ id: 't2', state: 'cancelled' }]]);
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
  });

  it('has something done by one of those asked, and tells people on the way', () => {
    const title = { en: 'T', id: 'T' };
    const run = new Run(flow({ a: aStep('m'), m: { type: 'mail', title, recipients: ['initiator'], subject: title, text: title, to: 't' }, t: { type: 'task', title, candidates: [{ relation: 'head-of-unit' }], as: 'did', form: {}, to: 'done' } })).submits();
    expect([run.on('a', 'approve'), run.last!.mails, run.waiting]).toEqual([null, ['m'], ['t']]);
    expect([run.on('t', 'approve'), run.on('t', 'reject'), run.on('t', 'abstain'), run.on('t', 'complete')]).toEqual(Array.from({ length: 4 }, () => ({ refused: 'verb' })));
    const done = (of: string) => run.tries({ type: 'complete', task: 't2', part: { of, weight: 1, turn: 0 }, answer: { well: true }, form: {} });
    run.does({ type: 'claim', task: 't2', by: 'ani' });
    expect([done('budi'), done('ani'), run.last!.history, run.last!.closes, run.marking]).toEqual([{ refused: 'claimed' }, null, 'step_completed', [{ id: 't2', state: 'completed' }], { state: 'completed', round: 1, tasks: [], joins: [], variables: { did: { well: true } } }]);
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
  });

  it('files other requests, one for each of a list, and goes on when all are completed', () => {
    const title = { en: 'P', id: 'P' };
    const filing = (more: object) => ({ type: 'subworkflow' as const, title, definition: 'other', input: { who: 'item', day: 'day' }, each: 'people', as: 'trips', to: 'a', ...more });
    const of = (form: Record<string, unknown>, more: object = {}) => new Run({ ...flow({ p: filing(more), a: aStep('done'), r: aStep('done') }, 'p'), form: { properties: { people: { type: 'array', items: { type: 'string' } }, day: { type: 'string' } } } }).submits(form);
    const ends = (run: Run, request: string, says: 'approve' | 'reject') => run.tries({ type: 'part', task: 't1', request, says, answer: { id: request }, form: {} });
    const run = of({ people: ['x', 'y'], day: 'Monday' });
    expect([run.waiting, run.last!.opens[0]!.parts]).toEqual([['p'], [{ who: 'x', day: 'Monday' }, { who: 'y', day: 'Monday' }]]);
    expect(run.marking.tasks[0]!.tally!.open).toEqual({ people: 2, weight: 2 });
    expect([ends(run, 'one', 'approve'), run.waiting, ends(run, 'two', 'approve'), run.waiting, run.marking.variables]).toEqual([null, ['p'], null, ['a'], { trips: [{ id: 'one' }, { id: 'two' }] }]);
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
    const [out, elsewhere] = [of({ people: ['x', 'y'] }), of({ people: ['x', 'y'] }, { onReject: 'r' })];
    expect([ends(out, 'one', 'reject'), out.marking.state, ends(elsewhere, 'one', 'reject'), elsewhere.waiting]).toEqual([null, 'rejected', null, ['r']]);
    expect([out, elsewhere].map((each) => refold(each.definition, each.history).marking)).toEqual([out.marking, elsewhere.marking]);
    // None to file, and none that is waited for.
    const none = of({ people: [] });
    expect([none.waiting, none.marking.variables]).toEqual([['a'], { trips: [] }]);
    const launched = of({ people: ['x'] }, { wait: false, as: undefined });
    expect([launched.waiting, launched.last!.launches]).toEqual([['a'], [{ node: 'p', parts: [{ who: 'x' }] }]]);
    expect(new Run({ ...flow({ p: filing({}), a: aStep('done') }, 'p'), form: { properties: { people: { type: 'array' }, day: {} } } }).tries({ type: 'submit', form: { people: Array.from({ length: 51 }, () => 1) } })).toEqual({ refused: 'expression', where: 'p', detail: 'more than 50 requests' });
  });

  it('does not go round for ever past steps that have nothing to wait for', () => {
    const title = { en: 'S', id: 'S' };
    const nodes: Definition['nodes'] = { s: { type: 'subworkflow', title, definition: 'other', input: {}, each: 'none', to: 'x' }, x: exclusive('s', 'done') };
    expect(new Run({ ...flow(nodes), form: { properties: { none: { type: 'array' }, way: { type: 'integer' } } } }).tries({ type: 'submit', form: { none: [] } })).toEqual({ refused: 'expression', where: 's', detail: 'it goes round without ever waiting' });
    expect(new Run(flow({ c: { type: 'compensate', title, to: 'x' }, x: exclusive('c', 'done') })).tries({ type: 'submit', form: {} })).toMatchObject({ refused: 'expression', where: 'c' });
  });

  it('undoes what has been carried out, each time it was, once and in reverse order', () => {
    const title = { en: 'S', id: 'S' };
    const service = (to: string, compensation?: string) => ({ type: 'service' as const, title, to, ...(compensation ? { compensation } : {}) });
    const undo = { type: 'undo' as const, title };
    let longest = 0;
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), fc.array(fc.nat(5), { maxLength: 6 }), fc.array(fc.constantFrom('complete' as const, 'skip' as const), { minLength: 1, maxLength: 8 }), fc.boolean(), (can, back, verbs, beside) => {
        const steps = can.map((each, n): [string, Definition['nodes'][string]] => [`s${n}`, service(n + 1 < can.length ? `s${n + 1}` : 'd', each ? `u${n}` : undefined)]);
        const undos = can.flatMap((each, n): [string, Definition['nodes'][string]][] => (each ? [[`u${n}`, undo]] : []));
        const nodes: Definition['nodes'] = {
          ...(beside ? { f: parallel('s0', 'x'), x: service('done', 'ux'), ux: undo } : {}), ...Object.fromEntries(steps), ...Object.fromEntries(undos),
          d: aStep('done', { onReject: 'c', returns: steps.map(([name]) => name) }), c: { type: 'compensate', title, to: 'after' }, after: aStep('done'),
        };
        const run = new Run(flow(nodes, beside ? 'f' : 's0')).submits();
        const expected: string[] = [];
        const task = (node: string) => run.marking.tasks.find((each) => each.node === node)!.id;
        const carryOut = (name: string) => {
          run.does({ type: 'complete', task: task(name), form: {} });
          if ((nodes[name] as { compensation?: string }).compensation) expected.push((nodes[name] as { compensation: string }).compensation);
        };
        if (beside) carryOut('x');
        const upTo = () => {
          while (run.waiting[0] !== 'd') carryOut(run.waiting[0]!);
        };
        upTo();
        for (const to of back) {
          run.does({ type: 'return', task: task('d'), to: `s${to % can.length}`, part: null, form: {} });
          upTo();
        }
        expect(run.on('d', 'reject')).toBeNull();
        const undone: string[] = [];
        for (let n = 0; run.waiting[0] !== 'after'; n += 1) {
          expect(run.waiting).toHaveLength(1);
          undone.push(run.waiting[0]!);
          expect([run.on(run.waiting[0]!, 'approve'), run.tries({ type: 'fail', task: task(run.waiting[0]!), code: 'x', form: {} })]).toEqual([{ refused: 'verb' }, { refused: 'unhandled' }]);
          run.does({ type: verbs[n % verbs.length]!, task: task(run.waiting[0]!), form: {} });
        }
        expect(undone).toEqual(expected.toReversed());
        longest = Math.max(longest, undone.length);
        expect(run.marking.done).toBeUndefined();
        expect(refold(run.definition, run.history).marking).toEqual(run.marking);
      }),
      { numRuns: 300 },
    );
    expect(longest).toBeGreaterThan(6);
  });

  it('undoes what is carried out beside it while it undoes', () => {
    const title = { en: 'S', id: 'S' };
    const nodes: Definition['nodes'] = { f: parallel('a', 'b'), a: { type: 'service', title, to: 'c', compensation: 'ua' }, b: { type: 'service', title, to: 'done', compensation: 'ub' }, c: { type: 'compensate', title, to: 'done' }, ua: { type: 'undo', title }, ub: { type: 'undo', title } };
    const run = new Run(flow(nodes)).submits();
    const complete = (node: string) => run.does({ type: 'complete', task: run.marking.tasks.find((each) => each.node === node)!.id, form: {} }).waiting;
    expect([complete('a'), complete('b'), complete('ua'), complete('ub')]).toEqual([['b', 'ua'], ['ua'], ['ub'], []]);
    expect([run.marking.state, refold(run.definition, run.history).marking]).toEqual(['completed', run.marking]);
  });

  it('leads what has failed where the definition says: by its name, or else any', () => {
    const nodes = (boundary?: object) => ({ s: { type: 'service' as const, title: { en: 'S', id: 'S' }, to: 'done', ...(boundary ? { boundary: boundary as never } : {}) }, a: aStep('done'), b: aStep('done') });
    const fails = (boundary: object | undefined, code: string) => {
      const run = new Run(flow(nodes(boundary), 's')).submits();
      const refused = run.tries({ type: 'fail', task: 't1', code, form: {} });
      expect(refold(run.definition, run.history).marking).toEqual(run.marking);
      return refused ?? [run.waiting, run.last!.closes[0]!.state, run.last!.history];
    };
    const both = [{ error: '*', to: 'b' }, { error: 'known', to: 'a' }];
    expect([fails(both, 'known'), fails(both, 'else'), fails([both[1]], 'else'), fails(undefined, 'known')]).toEqual([[['a'], 'failed', 'step_failed'], [['b'], 'failed', 'step_failed'], { refused: 'unhandled' }, { refused: 'unhandled' }]);
  });

  it('keeps what is filled in at steps: of several people a list, until the step is asked again', () => {
    const decision = flow({ a: aStep('b', { form: {}, as: 'first' }), b: aStep('done', { form: {}, as: 'both', strategy: 'all', returns: ['a', 'b'] }) });
    const two = [{ personId: 'ani', weight: 1 }, { personId: 'budi', weight: 1 }];
    const run = new Run({ ...decision, form: { properties: { n: { type: 'number' } } }, computed: { doubled: 'n * 2', day: 'today()' } }, { b: two }).submits({ n: 1.1 });
    expect(run.marking.variables).toEqual({ doubled: 2.2, day: '2026-06-12' });
    const by = (task: string, person: number, answer: object) => run.does({ type: 'approve', task, part: { of: two[person]!.personId, weight: 1, turn: person }, form: { n: 1.1 }, answer } as WorkflowEvent);
    by('t1', 0, { ok: 1 });
    expect(run.marking.variables).toEqual({ doubled: 2.2, day: '2026-06-12', first: { ok: 1 } });
    by('t2', 1, { ok: 2 });
    expect(run.marking.variables).toMatchObject({ first: { ok: 1 }, both: [{ ok: 2 }] });
    run.does({ type: 'return', task: 't2', to: 'a', part: { of: 'ani', weight: 1, turn: 0 }, form: { n: 1.1 } });
    expect(Object.keys(run.marking.variables).sort()).toEqual(['both', 'day', 'doubled']);
    by('t3', 0, { ok: 3 });
    expect(run.marking.variables).toEqual({ doubled: 2.2, day: '2026-06-12', first: { ok: 3 } });
    by('t4', 0, { ok: 4 });
    by('t4', 1, { ok: 5 });
    expect([run.marking.state, run.marking.variables.both]).toEqual(['completed', [{ ok: 4 }, { ok: 5 }]]);
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
  });

  it('refuses what an expression cannot compute within its limits, and changes nothing', () => {
    const choosing = flow({ a: aStep('x'), x: { type: 'exclusive', branches: [{ when: 'some i in all, j in all satisfies i > j + 1000', to: 'b' }], otherwise: 'done' }, b: aStep('done') });
    const run = new Run({ ...choosing, form: { properties: { all: { type: 'array', items: { type: 'number' } } } } }).submits({ all: [1, 2] });
    expect(run.tries({ type: 'approve', task: 't1', part: { of: 'ani', weight: 1, turn: 0 }, form: { all: Array.from({ length: 500 }, (_, n) => n) } })).toEqual({ refused: 'expression', where: 'x', detail: 'more than 10000 steps' });
    expect(new Run({ ...choosing, form: { properties: { all: { type: 'array' } } }, nodes: { ...choosing.nodes, x: exclusive('done', 'b') }, computed: { n: 'count(all)' } }).tries({ type: 'submit', form: { all: Array.from({ length: 1_001 }, () => 1) } })).toEqual({ refused: 'expression', where: 'n', detail: 'more than 1000 elements of a list' });
  });

  it('reminds, is overdue, and asks others as well, once each; who had taken it on does not keep it from them', () => {
    const run = new Run(flow({ a: aStep('done', { serviceLevel: LEVEL }) })).submits();
    const fires = (boundary: number, asks?: Part[]) => run.tries({ type: 'fire', task: 't1', boundary, asks, form: {} });
    run.does({ type: 'claim', task: 't1', by: 'ani' });
    expect([fires(100), run.last!.history, fires(100), fires(101), run.last!.history, run.marking.tasks[0]!.claimedBy]).toEqual([null, 'reminded', { refused: 'verb' }, null, 'overdue', 'ani']);
    expect([fires(110, [{ of: 'budi', weight: 2, turn: 1 }]), run.last!.history, run.marking.tasks[0]]).toEqual([null, 'escalated', expect.objectContaining({ claimedBy: null, fired: [100, 101, 110], tally: expect.objectContaining({ open: { people: 2, weight: 3 } }) })]);
    expect([fires(111), fires(120)]).toEqual([{ refused: 'verb' }, { refused: 'verb' }]);
    run.does({ type: 'approve', task: 't1', part: { of: 'budi', weight: 2, turn: 1 }, form: {} });
    expect(run.marking.state).toBe('completed');
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
  });

  it('keeps of a step that was come to and at once called off by an end of all what refolding needs', () => {
    const run = new Run(flow({ a: aStep('f'), f: parallel('b', 's'), b: aStep('done'), s: aStep('t', { noCandidate: 'skip' }), t: { type: 'terminate' } }), { s: [] }).submits();
    run.on('a', 'approve');
    expect([run.marking.state, run.last!.dropped.map(({ node }) => node), run.last!.opens]).toEqual(['completed', ['b'], []]);
    expect(refold(run.definition, run.history).marking).toEqual(run.marking);
  });

  it('is not refolded from a history that cannot have happened', () => {
    const run = new Run(flow({ a: aStep('b'), b: aStep('done') })).submits();
    run.on('a', 'approve');
    const told = (change: (history: typeof run.history) => void) => {
      const history = structuredClone(run.history);
      change(history);
      return () => refold(run.definition, history);
    };
    expect(told(() => undefined)().marking).toEqual(run.marking);
    expect(told((history) => history.splice(0, 1))).toThrow('entry 1 is missing');
    expect(told((history) => (history[1]!.event = 'rejected'))).toThrow('entry 2 is approved, not rejected');
    expect(told((history) => ((history[1]!.data.event as { task: string }).task = 'x'))).toThrow('entry 2, approved, is not possible: {"refused":"task"}');
    expect(told((history) => (history[1]!.data.opened = []))).toThrow('is not possible: {"needs":["b"],"variables":{}}');
    expect(told((history) => (history[1]!.data = {} as Told))).toThrow('entry 2 does not say what opened');
    expect(told((history) => history.push({ seq: 3, event: 'changed', data: { form: { a: 1 } } as unknown as Told }))().form).toEqual({ a: 1 });
  });
});
