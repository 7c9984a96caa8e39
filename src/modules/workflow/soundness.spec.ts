import fc from 'fast-check';
import { aBlockDefinition, aSpoiltDefinition, type Drawn, exclusive, inclusive, parallel, step } from '../../../test/support/workflow-definitions';
import { completesFrom } from '../../../test/support/workflow-states';
import type { Node } from './definition';
import { explain, replay, soundness, type Verdict } from './soundness';
import { flowOf } from './flow';
import { reduce } from './soundness-reduction';

const SCALE = Number(process.env.PROPERTY_RUNS ?? 1);
const runs = (number: number) => ({ numRuns: Math.ceil(number * SCALE) });
const drawn = (nodes: Record<string, Node>, start = Object.keys(nodes)[0]!): Drawn => ({ start, nodes: { ...nodes, done: { type: 'end' } } });
const said = (found: Verdict) => (found.verdict === 'unsound' ? `${found.fault} ${found.node}` : found.verdict);

describe('a definition', () => {
  it('of blocks put into one another is sound', () => {
    fc.assert(
      fc.property(aBlockDefinition, (definition) => {
        expect(soundness(definition).verdict).toBe('sound');
      }),
      runs(1_000),
    );
  });

  it('folded together has the verdict it has as it is, and its counter-examples happen', () => {
    const seen = { sound: 0, twice: 0, stuck: 0, dead: 0, folded: 0 };
    fc.assert(
      fc.property(aSpoiltDefinition, (definition) => {
        const [folded, plain] = [soundness(definition), soundness(definition, { fold: false })];
        fc.pre(plain.verdict !== 'undecided');
        expect([folded.verdict, folded.verdict === 'unsound' && folded.fault]).toEqual([plain.verdict, plain.verdict === 'unsound' && plain.fault]);
        if (reduce(flowOf(definition)).flow.nodes.size < Object.keys(definition.nodes).length) seen.folded += 1;
        if (folded.verdict !== 'unsound') return void (seen.sound += 1);
        seen[folded.fault] += 1;
        for (const found of [folded, plain]) {
          if (found.verdict !== 'unsound' || found.fault === 'dead') continue;
          const after = replay(definition, found.run);
          if (found.fault === 'twice') expect(after.conflict).not.toBeNull();
          else {
            expect([after.conflict, [...after.places].sort()]).toEqual([null, expect.anything()]);
            expect(completesFrom(definition, after.places)).toBe(false);
          }
        }
      }),
      runs(4_000),
    );
    // What no run comes to is rarely drawn; it has an example of its own.
    if (SCALE >= 1) for (const [what, times] of Object.entries(seen)) if (what !== 'dead') expect([what, times > 25]).toEqual([what, true]);
  });

  it.each<[string, Drawn, string]>([
    ['one step', drawn({ a: step('done') }), 'sound'],
    ['two branches joined', drawn({ f: parallel('a', 'b'), a: step('j'), b: step('j'), j: parallel('done') }), 'sound'],
    ['two branches that end by themselves', drawn({ f: parallel('a', 'b'), a: step('done'), b: step('done') }), 'sound'],
    ['alternatives joined as if they were parallel', drawn({ x: exclusive('a', 'b'), a: step('j'), b: step('j'), j: parallel('done') }), 'stuck j'],
    ['parallel branches merged as if they were alternatives', drawn({ f: parallel('a', 'b'), a: step('c'), b: step('c'), c: step('done') }), 'twice c'],
    ['a branch sent back alone', drawn({ f: parallel('a', 'b'), a: step('c'), c: step('j', { returns: ['a'] }), b: step('j'), j: parallel('done') }), 'stuck j'],
    ['a branch sent back to before the split', drawn({ s: step('f'), f: parallel('a', 'b'), a: step('j', { returns: ['s'] }), b: step('j'), j: parallel('done') }), 'sound'],
    ['a rejection that leads on', drawn({ a: step('done', { onReject: 'b' }), b: step('done') }), 'sound'],
    ['a rejection out of a branch', drawn({ f: parallel('a', 'b'), a: step('j', { onReject: 'done' }), b: step('j'), j: parallel('done') }), 'stuck j'],
    ['a branch that ends everything', drawn({ f: parallel('a', 'b'), a: step('stop'), b: step('done'), stop: { type: 'terminate' } }), 'sound'],
    ['some of several ways, joined when no more can come', drawn({ o: inclusive('a', 'b', 'c'), a: step('j'), b: step('j'), c: step('j'), j: inclusive('done') }), 'sound'],
    ['some of several ways, joined as if all were taken', drawn({ o: inclusive('a', 'b'), a: step('j'), b: step('j'), j: parallel('done') }), 'stuck j'],
    ['two inclusive gateways that wait for one another', drawn({ f: parallel('a', 'b'), a: step('p'), b: step('q'), p: inclusive('x'), q: inclusive('y'), x: step('p2'), y: step('q2'), p2: exclusive('done', 'q'), q2: exclusive('done', 'p') }), 'stuck p'],
    ['a branch nothing ever comes to', drawn({ f: parallel('stop', 'a'), a: step('done'), stop: { type: 'terminate' } }), 'dead a'],
    ['a step in a ring for ever', drawn({ a: step('b'), b: step('a', { onReject: 'a' }) }), 'stuck a'],
    ['more states than are looked at', drawn({ f: parallel(...Array.from({ length: 16 }, (_, n) => `a${n}`)), ...Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`a${n}`, step('done', { onReject: `b${n}` })])), ...Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`b${n}`, step('done')])) }), 'undecided'],
  ])('%s', (_, definition, expected) => {
    expect(said(soundness(definition))).toBe(expected);
  });

  it('with a split into many branches is one step, not as many states as subsets', () => {
    const names = Array.from({ length: 17 }, (_, n) => `a${n}`);
    const wide = drawn({ f: parallel(...names), ...Object.fromEntries(names.map((name) => [name, step('j')])), j: parallel('z'), z: step('done') });
    expect(reduce(flowOf({ ...wide })).flow.nodes.size).toBeLessThan(4);
    expect(soundness(wide, { limit: 10 })).toEqual({ verdict: 'sound' });
    // And what comes after it is still found, with a run through all of it.
    const spoilt: Drawn = { ...wide, nodes: { ...wide.nodes, z: exclusive('p', 'q'), p: step('k'), q: step('k'), k: parallel('done') } };
    const found = soundness(spoilt, { limit: 10 });
    expect(said(found)).toBe('stuck k');
    const { run } = found as Extract<Verdict, { verdict: 'unsound' }>;
    expect([...replay(spoilt, run).places]).toEqual(['q>k']);
    expect(explain(found as never)).toMatch(/^can never be completed, after: a0 is done; .*a16 is done; z goes to q; q is done; then it waits at q → k$/);
  });

  it('whose gateways in a row have more ways than can be tried is undecided, and soon', () => {
    const names = Array.from({ length: 12 }, (_, n) => `o${n}`);
    const rows = drawn({ ...Object.fromEntries(names.map((name, n) => [name, inclusive(...Array.from({ length: 6 }, (__, way) => `s${n}-${way}`), names[n + 1] ?? 'done')])), ...Object.fromEntries(names.flatMap((_, n) => Array.from({ length: 6 }, (__, way) => [`s${n}-${way}`, step('done')]))) });
    expect(said(soundness(rows))).toBe('undecided');
    expect(said(soundness(rows, { fold: false }))).toBe('undecided');
  });

  it('whose tokens double at each gateway is refused, and soon', () => {
    const stages = Array.from({ length: 24 }, (_, n) => n);
    const doubling = drawn({ ...Object.fromEntries(stages.flatMap((n) => [[`p${n}`, parallel(`x${n}`, `y${n}`)], [`x${n}`, exclusive(`m${n}`)], [`y${n}`, exclusive(`m${n}`)], [`m${n}`, exclusive(n === 23 ? 'done' : `p${n + 1}`)]])) });
    expect(soundness(doubling).verdict).toBe('unsound');
    const split = Array.from({ length: 14 }, (_, n) => `a${n}`);
    const product = drawn({ f: parallel(...split), ...Object.fromEntries(split.map((name) => [name, step('d0', { onReject: 'd0' })])), ...Object.fromEntries(Array.from({ length: 9 }, (_, n) => [[`d${n}`, exclusive(`l${n}`, `r${n}`)], [`l${n}`, exclusive(n === 8 ? 'done' : `d${n + 1}`)], [`r${n}`, exclusive(n === 8 ? 'done' : `d${n + 1}`)]] as const).flat()) });
    expect(soundness(product).verdict).toBe('undecided');
  });

  it('is explained in words', () => {
    const words = (definition: Drawn, limit?: number) => explain(soundness(definition, { limit }) as never);
    expect(words(drawn({ f: parallel('a', 'b'), a: step('c'), b: step('c'), c: step('done') }))).toBe('is reached a second time while it still waits, after: a is done; b is done');
    expect(words(drawn({ a: step('b', { returns: ['a'] }), b: step('a') }))).toBe('can never be completed, from the start; then it waits at a');
    expect(words(drawn({ a: step('done') }), 0)).toBe('there are more than 0 states it can be in: too many to be sure of it');
    expect(() => replay(drawn({ a: step('done') }), [{ step: 'b', outcome: 'done' }])).toThrow('b does not wait');
    expect(() => replay(drawn({ x: exclusive('a', 'done'), a: step('done') }), [])).toThrow('does not say where x goes');
  });
});
