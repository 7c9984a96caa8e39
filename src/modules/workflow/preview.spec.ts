import { exclusive, inclusive, parallel, step } from '../../../test/support/workflow-definitions';
import type { Definition } from './definition';
import { foresee } from './preview';

const flow = (nodes: Definition['nodes'], start = Object.keys(nodes)[0]!): Definition => ({ key: 'drawn', title: { en: 'Drawn', id: 'Gambar' }, form: {}, start, nodes: { ...nodes, done: { type: 'end' } } });
const WORLD = { now: new Date(0), zone: 'utc' };
const ONE = [{ personId: 'ani', weight: 1 }];
const THREE = ['ani', 'budi', 'cici'].map((personId, n) => ({ personId, weight: n + 1 }));
const said = (definition: Definition, asked: Record<string, typeof ONE> = {}, form = {}) => {
  const way = foresee(definition, form, { candidates: (node) => asked[node] ?? ONE, ...WORLD });
  if (!('steps' in way)) throw new Error('everybody is known');
  return [...way.steps.map(({ node, wave, state }) => `${wave} ${node}${state === 'asked' ? '' : ` ${state}`}`), way.ends ? 'ends' : 'does not end'];
};

describe('the way of a request', () => {
  it('is foreseen step by step, what waits together in one wave', () => {
    expect(said(flow({ a: step('b'), b: step('s'), s: { type: 'service', title: { en: 's', id: 's' }, to: 'done' } }))).toEqual(['1 a', '2 b', '3 s', 'ends']);
    expect(said(flow({ f: parallel('a', 'b'), a: step('a2'), a2: step('j'), b: step('j'), j: parallel('z'), z: step('done') }))).toEqual(['1 a', '1 b', '2 a2', '3 z', 'ends']);
    const choosing = flow({ x: exclusive('a', 'b'), a: step('done'), b: step('o'), o: inclusive('c', 'd'), c: step('done'), d: step('done') });
    expect([said(choosing), said(choosing, {}, { way: 0 })]).toEqual([['1 a', 'ends'], ['1 b', '2 d', 'ends']]);
  });

  it('has everybody who is asked approve, whatever it takes', () => {
    for (const strategy of ['any', 'all', 'sequential', 'majority', { quorum: 3 }, { weighted: 6 }] as const) expect(said(flow({ a: step('b', { strategy }), b: step('done') }), { a: THREE, b: ONE })).toEqual(['1 a', '2 b', 'ends']);
  });

  it('tells what is gone past, where nobody could decide, and where it would turn in a ring', () => {
    expect(said(flow({ a: step('b', { noCandidate: 'skip' }), b: step('done') }), { a: [] })).toEqual(['1 a skipped', '1 b', 'ends']);
    expect(said(flow({ a: step('b'), b: step('done') }), { b: [] })).toEqual(['1 a', '2 b nobody', 'does not end']);
    expect(said(flow({ a: step('b'), b: step('done') }), { a: [] })).toEqual(['1 a nobody', 'does not end']);
    expect(said(flow({ a: step('x'), x: exclusive('a', 'done') }))).toEqual(['1 a', 'does not end']);
  });

  it('asks for who is not known yet', () => {
    expect(foresee(flow({ a: step('b'), b: step('done') }), {}, { candidates: (node) => (node === 'a' ? ONE : undefined), ...WORLD })).toEqual({ needs: ['b'], variables: {} });
  });
});
