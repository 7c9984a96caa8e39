import fc from 'fast-check';
import { step } from '../../../test/support/workflow-definitions';
import { type FilingUnit, gapsOf } from './readiness';

const unit = (name: string, deciders: Record<string, string[]>, people: string[] = ['siti']): FilingUnit => ({ id: name, name, people: new Set(people), deciders: new Map(Object.entries(deciders).map(([node, each]) => [node, new Set(each)])) });
const nodes = { a: step('b'), b: step('c', { notActorOf: ['a'] }), c: step('done', { noCandidate: 'skip' }), done: { type: 'end' as const } };
const said = (...units: FilingUnit[]) => gapsOf({ nodes }, units).map(({ node, gap, units: where, everywhere, blocks }) => `${node} ${gap} ${where.join('+')}${everywhere ? ' everywhere' : ''}${blocks ? ' blocks' : ''}`);

describe('whether somebody can decide every step', () => {
  it('finds steps nobody, or nobody else, could decide, in some units or all', () => {
    expect(said(unit('X', { a: ['ani'], b: ['budi'], c: [] }), unit('Y', { a: [], b: ['budi'], c: [] }))).toEqual(['a nobody Y']);
    expect(said(unit('X', { a: ['ani'], b: ['ani'], c: [] }))).toEqual(['b apart X everywhere blocks']);
    expect(said(unit('X', { a: ['ani'], b: ['ani'], c: [] }), unit('Y', { a: ['ani'], b: [], c: [] }))).toEqual(['b apart X blocks', 'b nobody Y blocks']);
    expect(said(unit('X', { a: ['ani', 'budi'], b: ['ani'], c: [] }))).toEqual([]);
    expect(said(unit('X', { a: ['siti'], b: ['budi', 'siti'], c: [] }))).toEqual(['a alone X everywhere']);
    expect(said()).toEqual([]);
  });

  it('says a step can be kept apart exactly when some choice of people keeps it apart', () => {
    const people = fc.uniqueArray(fc.constantFrom('ani', 'budi', 'cici'), { minLength: 1, maxLength: 3 });
    const three = { a: step('b'), b: step('c'), c: step('done', { notActorOf: ['a', 'b'] }), done: { type: 'end' as const } };
    fc.assert(
      fc.property(people, people, people, (a, b, c) => {
        const possible = a.some((one) => b.some((two) => c.some((three) => three !== one && three !== two)));
        expect(gapsOf({ nodes: three }, [unit('X', { a, b, c }, [])]).some(({ gap }) => gap === 'apart')).toBe(!possible);
      }),
    );
  });
});
