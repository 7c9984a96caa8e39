import { step } from '../../../test/support/workflow-definitions';
import type { Definition } from './definition';
import { readDefinition } from './gate';

const form = {
  type: 'object', additionalProperties: false, required: ['amount', 'kind'],
  properties: { amount: { type: 'number', minimum: 0 }, kind: { type: 'string', enum: ['goods', 'service', 'travel'] }, day: { type: 'string', format: 'date' }, reviewers: { type: 'array', items: { type: 'string', format: 'uuid' }, maxItems: 5 }, lines: { type: 'array', maxItems: 50, items: { type: 'object', properties: { price: { type: 'number' }, count: { type: 'integer' } } } } },
};
const checked = { type: 'object', additionalProperties: false, required: ['account'], properties: { account: { type: 'string' }, budgeted: { type: 'number' } } };
const document = (nodes: Definition['nodes'], more: Partial<Definition> = {}) => ({ key: 'purchase', title: { en: 'Purchase', id: 'Pembelian' }, form, start: Object.keys(nodes)[0]!, nodes: { ...nodes, done: { type: 'end' as const } }, ...more });
const problems = (nodes: Definition['nodes'], more: Partial<Definition> = {}) => readDefinition(document(nodes, more)).problems.map(({ pointer, code, detail }) => `${pointer} ${code}: ${detail}`);
const choice = (...branches: [string, string][]): Definition['nodes'][string] => ({ type: 'exclusive', branches: branches.map(([when, to]) => ({ when, to })), otherwise: 'done' });
const two = { a: step('done'), b: step('done') };

describe('the gate, of expressions', () => {
  it('lets pass what can be told apart, computed, and read where it is written', () => {
    expect(problems({ x: choice(['amount > 5000', 'a'], ['amount <= 5000 and kind = "travel"', 'b']), ...two })).toEqual([]);
    expect(problems({ x: choice(['total > 5000', 'a'], ['total <= 5000 and total > 100', 'b']), ...two }, { computed: { total: 'round half up(net * 1.11, 2)', net: 'sum(for each in lines return each.price * each.count)' } })).toEqual([]);
    expect(problems({ finance: step('x', { form: checked, as: 'finance' }), x: choice(['finance.budgeted < amount', 'a']), a: step('done', { candidates: [{ people: 'reviewers' }, { relation: 'head-of-unit' }] }) })).toEqual([]);
    // Round again only when both ways are joined: nobody is asked anew beside who reads.
    const reads = step('j', { candidates: [{ people: 'finance.account' }] });
    expect(problems({ s: step('p', { form: checked, as: 'finance' }), p: { type: 'parallel', to: ['a', 'b'] }, a: reads, b: step('j'), j: { type: 'parallel', to: ['x'] }, x: choice(['amount > 3', 's']) })).toEqual([]);
    expect(problems({ x: choice(['contains(string(amount), "1")', 'a'], ['not(contains(string(amount), "1")) and amount > 3', 'b']), ...two })).toEqual([]);
  });

  it.each<[string, Definition['nodes'], Partial<Definition>, string[]]>([
    ['a name there is none of', { x: choice(['amout > 3', 'a']), a: step('done') }, {}, ['#/nodes/x/branches/0/when expression: at 1: there is no amout']],
    ['a condition that is none', { x: choice(['amount', 'a']), a: step('done') }, {}, ['#/nodes/x/branches/0/when expression: yields a number where a boolean is needed']],
    ['people who are none', { a: step('done', { candidates: [{ together: [{ relation: 'head-of-unit' }, { people: 'amount' }] }] }) }, {}, ['#/nodes/a/candidates/0/together/1/people expression: yields a number where a string or a list of string is needed']],
    ['branches that hold together', { x: choice(['amount > 5000', 'a'], ['kind = "travel"', 'b']), ...two }, {}, ['#/nodes/x/branches/1/when overlap: holds together with branch 0, where amount is 5001 and kind is "travel"']],
    ['branches that may', { x: choice(['amount > 5000', 'a'], ['count(lines) > 3', 'b']), ...two }, {}, ['#/nodes/x/branches/1/when overlap: may hold together with branch 0; say here that the other does not: not(…) and …']],
    ['a branch nothing leads to', { x: choice(['kind = "food"', 'a'], ['amount < 0', 'b']), ...two }, {}, ['#/nodes/x/branches/0/when never: can never hold', '#/nodes/x/branches/1/when never: can never hold']],
    ['what is computed of itself', { a: step('done') }, { computed: { one: 'two + 1', two: 'one + 1', three: '"one"' } }, ['#/computed/one loop: is computed of itself, by way of one, two', '#/computed/two loop: is computed of itself, by way of one, two']],
    ['a name twice', { a: step('b', { form: checked, as: 'amount' }), b: step('done', { form: checked, as: 'again' }), c: step('done', { form: checked, as: 'again' }) }, { computed: { kind: '1' } }, ['#/computed/kind duplicate: kind is a name already', '#/nodes/a/as duplicate: amount is a name already', '#/nodes/c/as duplicate: again is a name already']],
    ['a form without a name', { a: step('done', { form: checked }) }, {}, ['#/nodes/a form: what is filled in needs a name, and a name something that is filled in']],
    ['a form that is none', { a: step('done', { form: { type: 'nothing' }, as: 'x' }) }, {}, ['#/nodes/a/form schema: schema is invalid: data/type must be equal to one of the allowed values, data/type must be array, data/type must match a schema in anyOf']],
    ['what is read before it is filled in', { x: choice(['finance.budgeted > 3', 'a']), a: step('finance'), finance: step('x', { form: checked, as: 'finance' }) }, {}, ['#/nodes/x/branches/0/when unwritten: finance is filled in at finance, which need not have been done by then']],
    [
      'what may be asked again beside who reads it',
      { e: choice(['amount > 3', 'g']), g: { type: 'parallel', to: ['s', 't'] }, s: step('p', { form: checked, as: 'finance' }), t: step('p'), p: { type: 'parallel', to: ['n', 's'] }, n: step('stop', { candidates: [{ people: 'finance.account' }] }), stop: { type: 'terminate' } },
      {},
      ['#/nodes/n/candidates/0/people unwritten: finance is filled in at s, which need not have been done by then'],
    ],
    ['what only one of two ways fills in', { y: choice(['amount > 3', 'finance']), finance: step('x', { form: checked, as: 'finance' }), x: choice(['finance.budgeted > 3', 'a']), a: step('done') } as Definition['nodes'], {}, []],
  ])('refuses %s', (what, nodes, more, expected) => {
    const found = problems(nodes, more);
    expect(found).toEqual(what.startsWith('what only') ? [] : expected);
  });

  it('looks at service levels', () => {
    const level = (serviceLevel: object, more = {}) => problems({ a: step('done', { serviceLevel: serviceLevel as never, ...more }) });
    const up = [{ relation: 'head-of-unit', up: 1 }];
    expect(level({ warning: { workingDays: 1 }, due: { workingDays: 2 }, escalation: [{ after: { workingDays: 3 }, to: up }, { after: { days: 9 }, to: [{ people: 'reviewers' }] }] })).toEqual([]);
    expect(level({ warning: { hours: 48 }, due: { days: 2 } })).toEqual([]);
    expect(level({ warning: { days: 2 }, due: { days: 2 } })).toEqual(['#/nodes/a/serviceLevel/warning order: is not before what it warns of']);
    expect(level({ due: { until: 'day' } })).toEqual(['#/nodes/a/serviceLevel/due/until unknown_field: the form requires no date or date-time day']);
    expect(level({ due: { days: 1 }, escalation: [{ after: { days: 2 }, to: [{ people: 'amount' }] }] })).toEqual(['#/nodes/a/serviceLevel/escalation/0/to/0/people expression: yields a number where a string or a list of string is needed']);
    expect(level({ due: { days: 1 }, escalation: [{ after: { days: 2 }, to: up }] }, { strategy: 'all' })[0]).toContain('#/nodes/a/serviceLevel/escalation several');
  });

  it('knows on which ways a step is done', () => {
    const reading = (nodes: Definition['nodes']) => problems({ ...nodes, x: choice(['finance.budgeted > 3', 'a']), a: step('done') }).length;
    const finance = (to: string, more = {}) => step(to, { form: checked, as: 'finance', ...more });
    const ways = (to: string): Definition['nodes'][string] => ({ type: 'exclusive', branches: [{ when: 'amount > 3', to: 'finance' }], otherwise: to });
    expect(reading({ finance: finance('x') })).toBe(0);
    // Around it, past it, out of it by a time or a rejection.
    expect(reading({ y: ways('x'), finance: finance('x') })).toBe(1);
    expect(reading({ finance: finance('x', { noCandidate: 'skip' }) })).toBe(1);
    expect(reading({ finance: finance('x', { boundary: [{ after: { days: 1 }, to: 'x' }] }) })).toBe(1);
    expect(reading({ finance: finance('x', { onReject: 'x' }) })).toBe(1);
    expect(reading({ finance: finance('x', { onReject: 'done' }) })).toBe(0);
    // Joined, both ways have been gone; brought together, one.
    expect(reading({ f: { type: 'parallel', to: ['finance', 'b'] }, finance: finance('j'), b: step('j'), j: { type: 'parallel', to: ['x'] } })).toBe(0);
    expect(reading({ y: ways('b'), finance: finance('j'), b: step('j'), j: { type: 'exclusive', branches: [], otherwise: 'x' } })).toBe(1);
  });
});
