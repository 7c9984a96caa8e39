import fc from 'fast-check';
import { brokenBy } from './duties';

const SET = { name: 'Approving and paying', cardinality: 2, duties: ['approve', 'complete', 'submit'] };

describe('a dynamic set', () => {
  it.each<[string, string, string[], boolean]>([
    ['a first duty', 'approve', [], false],
    ['the same duty again', 'approve', ['approve', 'approve'], false],
    ['a second one', 'complete', ['approve'], true],
    ['one that is none of it', 'read', ['approve', 'complete'], false],
    ['one after what is none of it', 'approve', ['read', 'write'], false],
  ])('%s', (_, code, had, broken) => {
    expect(brokenBy([SET], code, had)).toBe(broken ? SET : null);
  });

  it('allows as many as are fewer than its cardinality, and names the first of several', () => {
    const three = { ...SET, name: 'Three hands', cardinality: 3 };
    expect(brokenBy([three], 'complete', ['approve'])).toBeNull();
    expect(brokenBy([three], 'complete', ['approve', 'submit'])).toBe(three);
    expect(brokenBy([three, SET], 'complete', ['approve'])).toBe(SET);
    expect(brokenBy([], 'complete', ['approve'])).toBeNull();
  });

  it('is kept exactly when nobody ends with too many of it, whatever the order', () => {
    const duty = fc.constantFrom('approve', 'complete', 'submit', 'read');
    fc.assert(
      fc.property(fc.array(duty, { maxLength: 8 }), fc.integer({ min: 2, max: 3 }), (wanted, cardinality) => {
        const set = { ...SET, cardinality };
        const done: string[] = [];
        for (const each of wanted) if (!brokenBy([set], each, done)) done.push(each);
        expect(new Set(done.filter((each) => set.duties.includes(each))).size).toBeLessThan(cardinality);
        // And nothing was refused that could have been done.
        for (const each of wanted) if (!done.includes(each)) expect(new Set([...done, each].filter((one) => set.duties.includes(one))).size).toBe(cardinality);
      }),
    );
  });
});
