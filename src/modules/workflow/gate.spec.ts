import { exclusive, inclusive, parallel, step } from '../../../test/support/workflow-definitions';
import type { Definition, Node } from './definition';
import { readDefinition } from './gate';
import { reimbursement } from './templates/reimbursement';

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
    ['a step undone by what undoes none', (d) => { (d.nodes.payment as { compensation?: string }).compensation = 'done'; }, ['#/nodes/payment/compensation unknown_node']],
    ['undoing that happens nowhere', (d) => { (d.nodes.payment as { compensation?: string }).compensation = 'u'; d.nodes.u = { type: 'undo', title: d.title }; }, ['#/nodes/payment/compensation compensate']],
    ['undoing that is led to, or belongs to no step', (d) => { (d.nodes.payment as { to: string }).to = 'u'; d.nodes.u = { type: 'undo', title: d.title }; }, ['#/nodes/payment unknown_node', '#/nodes/u unreachable']],
    ['two steps undone by one, and two places for it', (d) => { for (const name of ['payment', 'payment-request']) (d.nodes[name] as { compensation?: string }).compensation = 'u'; d.nodes.u = { type: 'undo', title: d.title }; for (const name of ['c', 'd']) d.nodes[name] = { type: 'compensate', title: d.title, to: 'done' }; }, ['#/nodes/payment/compensation duplicate', '#/nodes/d duplicate']],
    ['an unknown kind of node', (d) => { (d.nodes as Record<string, unknown>).done = { type: 'party' }; }, ['#/nodes/done/type invalid_union']],
  ])('refuses %s', (_name, change, expected) => {
    const found = spoilt(change);
    expect(found.toSorted()).toEqual(expected.toSorted());
  });

  it('locates what is wrong with ways, branches and what steps refer to', () => {
    const form = { type: 'object', properties: { way: { type: 'integer' }, kind: { type: 'string' } } };
    const found = (nodes: Record<string, Node>, start = Object.keys(nodes)[0]!) =>
      readDefinition({ key: 'drawn', title: { en: 'Drawn', id: 'Gambar' }, form, start, nodes: { ...nodes, done: { type: 'end' } } } satisfies Definition).problems.map(({ pointer, code, detail }) => `${pointer} ${code}: ${detail}`);
    const when = (field: string, ...oneOf: (string | number)[]) => ({ field, oneOf });
    expect(found({ f: parallel('a', 'b'), a: step('j'), b: step('j', { returns: ['f', 'a', 'nowhere'] }), j: parallel('done') })).toEqual(['#/nodes/b/returns/0 unknown_node: f is no step that can be decided', '#/nodes/b/returns/2 unknown_node: nowhere is no step that can be decided']);
    expect(found({ a: step('b'), b: step('done', { notActorOf: ['a', 'b', 'done'] }) })).toEqual(['#/nodes/b/notActorOf/1 unknown_node: b is no other step that can be decided', '#/nodes/b/notActorOf/2 unknown_node: done is no other step that can be decided']);
    expect(found({ f: parallel('a', 'a'), a: step('done') })).toEqual(['#/nodes/f/to/1 duplicate: leads to a twice']);
    expect(found({ o: inclusive('a', 'a'), a: step('done') })).toEqual(['#/nodes/o/branches/0/to duplicate: leads to a twice']);
    expect(found({ a: step('done', { onReject: 'nowhere' }) })).toEqual(['#/nodes/a unknown_node: leads to nowhere, which does not exist']);
    const choosing = (...branches: ReturnType<typeof when>[]) => found({ x: { type: 'exclusive', branches: branches.map((each) => ({ when: each, to: 'a' })), otherwise: 'done' }, a: step('done') });
    expect(choosing(when('way', 1, 2), when('way', 3))).toEqual([]);
    expect(choosing(when('way', 1, 2), when('way', 3, 2))).toEqual(['#/nodes/x/branches/1/when overlap: holds together with branch 0, where way is 2']);
    expect(choosing(when('way', 1), when('kind', 'a'))).toEqual(['#/nodes/x/branches/1/when overlap: holds together with branch 0, where way is 1 and kind is "a"']);
    // Ways that may be taken together may hold together.
    expect(found({ o: { type: 'inclusive', branches: [{ when: when('way', 1), to: 'a' }, { when: when('way', 1), to: 'b' }], otherwise: 'c' }, a: step('j'), b: step('j'), c: step('j'), j: inclusive('done') })).toEqual([]);
    expect(found({ x: exclusive('f', 'x2'), x2: exclusive('f', 'x'), f: step('done') })).toEqual(['#/nodes/x loop: leads back to itself without any step', '#/nodes/x2 loop: leads back to itself without any step']);
    expect(found({ f: parallel('a', 'b'), a: step('c'), b: step('c'), c: step('done') })).toEqual(['#/nodes/c twice: is reached a second time while it still waits, after: a is done; b is done']);
    expect(found({ x: exclusive('a', 'b'), a: step('j'), b: step('j'), j: parallel('done') })).toEqual(['#/nodes/j stuck: can never be completed, after: x goes to b; b is done; then it waits at b → j']);
    const sides = { f: parallel('a', 'b'), a: step('c', { notActorOf: ['b'] }), c: step('done', { returns: ['a'], notActorOf: ['a'] }), b: step('done') };
    expect(found(sides)).toEqual(['#/nodes/a/notActorOf/0 together: b can wait at the same time; put one after the other, or ask several people in one step', '#/nodes/c/returns/0 return: b would be called off and not come back']);
    const fan = Array.from({ length: 20 }, (_, n) => `x${n}`);
    expect(found({ ...Object.fromEntries(fan.flatMap((name, n) => [[name, exclusive(`s${n}`, ...fan.slice(0, 20).map((__, m) => `s${m}`))], [`s${n}`, step(fan[n + 1] ?? 'done')]])) })[0]).toBe('#/nodes too_big: 420 ways lead from node to node; at most 400');
    const many = Array.from({ length: 16 }, (_, n) => n);
    expect(found({ f: parallel(...many.map((n) => `a${n}`)), ...Object.fromEntries(many.flatMap((n) => [[`a${n}`, step('done', { onReject: `b${n}` })], [`b${n}`, step('done')]])) })).toEqual([expect.stringMatching(/^#\/nodes undecided: there are more than 20\d{3} states/)]);
  });
});
