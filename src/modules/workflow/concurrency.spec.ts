import fc from 'fast-check';
import { aBlockDefinition, aSpoiltDefinition, type Drawn, exclusive, inclusive, parallel, step } from '../../../test/support/workflow-definitions';
import { statesOf } from '../../../test/support/workflow-states';
import { alwaysBefore, returnProblem, together } from './concurrency';
import type { Node } from './definition';
import { flowOf, waits } from './flow';
import { soundness } from './soundness';

const SCALE = Number(process.env.PROPERTY_RUNS ?? 1);
const runs = (number: number) => ({ numRuns: Math.ceil(number * SCALE) });
const drawn = (nodes: Record<string, Node>, start = Object.keys(nodes)[0]!): Drawn => ({ start, nodes: { ...nodes, done: { type: 'end' } } });

/** The pairs of steps that wait together in some state, by looking at all of them. */
function seenTogether(definition: Drawn): Set<string> {
  const seen = new Set<string>();
  for (const places of statesOf(definition)) {
    const steps = [...places].filter((name) => waits(definition.nodes[name]));
    for (const one of steps) for (const other of steps) if (one !== other) seen.add(`${one} ${other}`);
  }
  return seen;
}

function saidTogether(definition: Drawn): Set<string> {
  const beside = together(flowOf(definition));
  const steps = Object.keys(definition.nodes).filter((name) => waits(definition.nodes[name]));
  return new Set(steps.flatMap((one) => steps.filter((other) => one !== other && beside(one, other)).map((other) => `${one} ${other}`)));
}

describe('steps that can wait at the same time', () => {
  it('are those that do in some state, of sound definitions without inclusive gateways and ends of all', () => {
    let pairs = 0;
    fc.assert(
      fc.property(fc.oneof(aBlockDefinition, aSpoiltDefinition), (definition) => {
        fc.pre(!Object.values(definition.nodes).some(({ type }) => type === 'inclusive' || type === 'terminate') && soundness(definition).verdict === 'sound');
        const seen = seenTogether(definition);
        pairs += seen.size;
        expect(saidTogether(definition)).toEqual(seen);
      }),
      runs(600),
    );
    if (SCALE >= 1) expect(pairs).toBeGreaterThan(60);
  });

  it('are never fewer than those that do, whatever the gateways', () => {
    fc.assert(
      fc.property(fc.oneof(aBlockDefinition, aSpoiltDefinition), (definition) => {
        fc.pre(soundness(definition).verdict === 'sound');
        const said = saidTogether(definition);
        for (const pair of seenTogether(definition)) expect(said).toContain(pair);
      }),
      runs(600),
    );
  });

  it('sending back to a step that is allowed forgets nothing: what waited can wait again', () => {
    let allowed = 0;
    fc.assert(
      fc.property(aSpoiltDefinition, (definition) => {
        fc.pre(soundness(definition).verdict === 'sound');
        const flow = flowOf(definition);
        const beside = together(flow);
        for (const [name, node] of flow.nodes) {
          for (const target of (node.type === 'approval' && node.returns) || []) {
            if (returnProblem(flow, beside, name, target) !== null) continue;
            allowed += 1;
            for (const pair of seenTogether(definition)) {
              const [one, other] = pair.split(' ');
              // Whatever waits beside the step is come to again from the target alone.
              if (one === name) expect([...reachedFrom(definition, target)]).toContain(other);
            }
          }
        }
      }),
      runs(2_000),
    );
    if (SCALE >= 1) expect(allowed).toBeGreaterThan(10);
  });

  const split = { f: parallel('a', 'b'), a: step('done'), b: step('c'), c: step('done') };
  it.each<[string, Drawn, string, string, string | null]>([
    ['to a step before the split', drawn({ s: step('f'), ...split }), 'c', 's', null],
    ['within its branch, beside another', drawn(split), 'c', 'b', 'a would be called off and not come back'],
    ['to a sibling branch', drawn(split), 'b', 'a', 'a does not lie on every way to b'],
    ['to a later step', drawn(split), 'b', 'c', 'c does not lie on every way to b'],
    ['to an alternative', drawn({ x: exclusive('a', 'b'), a: step('c'), b: step('c'), c: step('done') }), 'c', 'a', 'a does not lie on every way to c'],
    ['to itself', drawn({ a: step('done') }), 'a', 'a', null],
  ])('sent back %s', (_what, definition, from, to, expected) => {
    const flow = flowOf(definition);
    expect(returnProblem(flow, together(flow), from, to)).toBe(expected);
  });

  it('inclusive gateways that are joined leave nothing beside what follows, by any way that is taken', () => {
    const flow = flowOf(drawn({ o: inclusive('a', 'b'), a: step('j'), b: step('j'), j: inclusive('z'), z: step('done') }));
    expect([together(flow)('a', 'b'), alwaysBefore(flow, 'z', 'a'), alwaysBefore(flow, 'z', 'z')]).toEqual([true, false, true]);
  });
});

function reachedFrom(definition: Drawn, start: string): Set<string> {
  const reached = new Set<string>();
  for (const places of statesOf({ ...definition, start })) for (const place of places) reached.add(place);
  return reached;
}
