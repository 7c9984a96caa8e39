import fc from 'fast-check';
import { InstanceState } from '../../platform/database';
import { aBlockDefinition, aSpoiltDefinition, type Drawn, exclusive, inclusive, parallel, step as aStep } from '../../../test/support/workflow-definitions';
import type { Definition } from './definition';
import { type Asked, type Delta, DRAFT, type Env, type Marking, type Refusal, step, type Verb, VERBS, type WorkflowEvent } from './reducer';
import { refold, type Told } from './refold';
import { soundness } from './soundness';
import { reimbursement } from './templates/reimbursement';
import { turnOf, type Vote } from './voting';

const ONE: readonly Asked[] = [{ personId: 'ani', weight: 1 }];
const named = (drawn: Drawn): Definition => ({ key: 'drawn', title: { en: 'Drawn', id: 'Gambar' }, form: {}, ...drawn });
const flow = (nodes: Definition['nodes'], start = Object.keys(nodes)[0]!) => named({ start, nodes: { ...nodes, done: { type: 'end' } } });

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
    const env: Env = { candidates: (node) => this.asked[node] ?? ONE, taskId: () => `t${(this.ids += 1)}` };
    const result = step(this.definition, this.marking, event, env);
    if ('needs' in result) throw new Error('everybody is known');
    if ('refused' in result) return result;
    this.marking = result.next;
    const { form, ...bare } = event as WorkflowEvent & { form?: Told['form'] };
    this.history.push({ seq: this.history.length + 1, event: result.history, data: { event: bare as Told['event'], form: event.type === 'submit' ? form : undefined, opened: result.opens.map(({ id, node, asked }) => ({ id, node, asked })), skipped: result.skipped } });
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
  on(node: string, verb: Vote | 'complete' | 'return', more: { to?: string; weight?: number; turn?: number; form?: object } = {}): Refusal | null {
    const task = this.marking.tasks.find((each) => each.node === node)?.id ?? 'none';
    const form = (more.form ?? {}) as Record<string, unknown>;
    const turn = more.turn ?? 0;
    return this.tries(verb === 'complete' ? { type: verb, task, form } : verb === 'return' ? { type: verb, task, to: more.to ?? null, turn, form } : { type: verb, task, weight: more.weight ?? 1, turn, form });
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
    expect(run.marking).toEqual({ state: 'completed', round: 1, tasks: [], joins: [] });
  });

  it('refuses every verb a state does not answer to, for every state and verb', () => {
    const verbs: Verb[] = ['submit', 'approve', 'reject', 'abstain', 'complete', 'return', 'withdraw'];
    for (const state of Object.values(InstanceState)) {
      for (const type of verbs) {
        const running = new Run(reimbursement).submits({ route: 'administration' });
        const marking: Marking = state === 'running' ? running.marking : { state, round: 1, tasks: [], joins: [] };
        const event = { type, task: 't1', form: {}, to: null, weight: 1, turn: 0 } as WorkflowEvent;
        const result = step(reimbursement, marking, event, { candidates: () => ONE, taskId: () => 'x' });
        const expected = !(VERBS[state] as readonly Verb[]).includes(type) ? 'state' : state === 'running' && (type === 'complete' || type === 'abstain') ? 'verb' : undefined;
        expect([state, type, (result as Partial<Refusal>).refused]).toEqual([state, type, expected]);
      }
    }
  });

  it('knows who is asked before it opens a step', () => {
    const definition = flow({ f: parallel('a', 'b'), a: aStep('j'), b: aStep('j'), j: parallel('done') });
    const known = new Set<string>();
    const env: Env = { candidates: (node) => (known.has(node) ? ONE : undefined), taskId: (node) => node };
    expect(step(definition, DRAFT, { type: 'submit', form: {} }, env)).toEqual({ needs: ['a', 'b'] });
    known.add('a');
    expect(step(definition, DRAFT, { type: 'submit', form: {} }, env)).toEqual({ needs: ['b'] });
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
    expect([run.waiting, run.last!.skipped]).toEqual([['c'], ['a', 'b']]);
    const past = one({ a: [], b: [], c: [] }, { noCandidate: 'skip' }).run;
    expect([past.marking.state, past.last!.ended, past.last!.opens]).toEqual(['completed', true, []]);
    const ring = new Run(flow({ a: aStep('b', { noCandidate: 'skip' }), b: aStep('a', { noCandidate: 'skip', onReject: 'done' }) }), { a: [], b: [] });
    expect(ring.tries({ type: 'submit', form: {} })).toMatchObject({ refused: 'no-candidate' });
  });

  it('refolds from its history, whatever happened, and can always be completed; nothing is left when it ends', () => {
    const scale = Number(process.env.PROPERTY_RUNS ?? 1);
    let completed = 0;
    const acts = fc.array(fc.tuple(fc.constantFrom<Vote | 'complete' | 'return' | 'withdraw' | 'submit'>('approve', 'approve', 'approve', 'reject', 'abstain', 'return', 'withdraw', 'submit', 'complete'), fc.nat(), fc.nat(3)), { maxLength: 25 });
    const sound = fc.oneof(aBlockDefinition.map((drawn) => ({ drawn, blocks: true })), aSpoiltDefinition.filter((each) => soundness(each, { limit: 500 }).verdict === 'sound').map((drawn) => ({ drawn, blocks: false })));
    fc.assert(
      fc.property(sound, acts, fc.nat(2), fc.integer({ min: 1, max: 3 }), ({ drawn, blocks }, list, way, voters) => {
        const strategies = ['any', 'all', 'majority', 'sequential', { quorum: voters }] as const;
        const nodes = Object.fromEntries(Object.entries(drawn.nodes).map(([name, node], n) => [name, node.type === 'approval' ? { ...node, strategy: strategies[n % strategies.length], abstain: n % 2 === 0 } : node]));
        const asked = Array.from({ length: voters }, (_, n) => ({ personId: `p${n}`, weight: n + 1 }));
        const run = new Run(named({ ...drawn, nodes }), Object.fromEntries(Object.keys(nodes).map((name) => [name, asked])));
        const form = { way };
        const act = (type: (typeof list)[number][0], which: number) => {
          const task = run.marking.tasks[which % Math.max(1, run.marking.tasks.length)];
          if (type === 'submit') return run.tries({ type, form });
          if (type === 'withdraw') return run.tries({ type });
          if (!task) return null;
          const node = nodes[task.node] as { returns?: string[] };
          const turn = turnOf(task.tally!);
          return run.on(task.node, type, { form, weight: asked[turn]!.weight, turn, to: type === 'return' ? node.returns?.[0] : undefined });
        };
        run.submits(form);
        for (const [type, which] of list) {
          const before = run.marking;
          if (act(type, which) !== null) expect(run.marking).toBe(before);
          const { state, tasks, joins } = run.marking;
          expect(new Set(run.waiting).size).toBe(tasks.length);
          expect(tasks.length > 0).toBe(state === 'running');
          if (state !== 'running') expect(joins).toEqual([]);
        }
        expect(refold(run.definition, run.history)).toEqual({ marking: run.marking, form });
        // Every gateway takes what its branches leave over, which leads on, and everybody says yes.
        if (run.marking.state !== 'running') return;
        for (let left = 300; run.marking.state === 'running' && left > 0; left -= 1) {
          const task = run.marking.tasks[left % run.marking.tasks.length]!;
          const turn = turnOf(task.tally!);
          expect(run.on(task.node, 'approve', { form: { way: left > 150 ? -1 : left % 3 }, weight: asked[turn]!.weight, turn })).toBeNull();
        }
        const { state } = run.marking as Marking;
        if (state === 'completed') completed += 1;
        // In blocks that is enough; where ways were led elsewhere a ring may go on as long as its decisions are the same. Votes against, cast before, may still decide.
        expect(blocks ? ['completed', 'rejected'] : ['completed', 'rejected', 'running']).toContain(state);
      }),
      { numRuns: Math.ceil(2_000 * scale) },
    );
    expect(completed).toBeGreaterThan(scale < 1 ? 0 : 300);
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
    expect(told((history) => (history[1]!.data.opened = []))).toThrow('is not possible: {"needs":["b"]}');
    expect(told((history) => (history[1]!.data = {} as Told))).toThrow('entry 2 does not say what opened');
    expect(told((history) => history.push({ seq: 3, event: 'changed', data: { form: { a: 1 } } as unknown as Told }))().form).toEqual({ a: 1 });
  });
});
