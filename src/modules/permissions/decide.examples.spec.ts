import type { AttributeTypes, Condition, ResourceFacts } from '../../access';
import { decide, derivationsOf, filterOf, holdsAtLeast, isRaised, scopesOf, type Wanted } from './decide';
import { compileSubject, type HoldingFacts, NO_RULES, type SubjectFacts } from './subject';

const FOREVER = { from: null, until: null };
const uuid = (n: number) => `00000000-0000-4000-9000-00000000000${n}`;
const ROW = '00000000-0000-4000-8000-000000000001';
const OTHER_ROW = '00000000-0000-4000-8000-000000000002';
const grant = (id: string, more: Partial<HoldingFacts['grants'][number]> = {}) => ({ id, code: 'a:b', effect: 'allow' as const, scope: 'all' as const, node: null, positionId: null, roleId: null, resource: null, condition: null, ...FOREVER, ...more });
const deny = (id: string, more: Parameters<typeof grant>[1] = {}) => grant(id, { effect: 'deny', ...more });
const loan = (id: string, lender: HoldingFacts, more: Partial<HoldingFacts['lent'][number]> = {}) => ({ id, codes: null, node: null, lender, ...FOREVER, ...more });
const holding = (id: string, grants: HoldingFacts['grants'], lent: HoldingFacts['lent'] = []): HoldingFacts => ({ person: { id }, appointments: [], grants, lent });
const subject = (grants: HoldingFacts['grants'], lent: HoldingFacts['lent'] = [], more: Partial<SubjectFacts> = {}) => compileSubject({ v: '1', now: 0, ...holding('ani', grants, lent), ...more }, 5);
const when = (test: Condition, types: AttributeTypes = { 'resource.kind': 'string', 'context.level': 'number', 'subject.id': 'string', 'subject.level': 'number', 'action.mode': 'string' }) => ({ test, types });
const is = (attribute: string, value: string | number) => when({ op: 'eq', left: { attribute }, right: { value } });
const asking = (resource?: ResourceFacts, more = {}) => ({ permission: 'a:b', resource, ...more });
const answer = (...given: Parameters<typeof decide>) => {
  const { allowed, because } = decide(...given);
  return allowed || because.kind === 'deny' ? `${because.kind} ${(because as { grantId: string }).grantId}` : because.kind;
};

describe('an allow', () => {
  it('of everything reaches every row; of units those in them and below; of one’s own those one owns', () => {
    const reach = (more: Parameters<typeof grant>[1], row: ResourceFacts) => answer(subject([grant('g', more)]), asking(row));
    expect(reach({}, {})).toBe('allow g');
    const node = { scope: 'node' as const, node: ['f', 's'] };
    expect([['f', 's'], ['f', 's', 'd']].map((unitPath) => reach(node, { unitPath }))).toEqual(['allow g', 'allow g']);
    expect([['f'], ['f', 't'], undefined].map((unitPath) => reach(node, { unitPath }))).toEqual(['out-of-scope', 'out-of-scope', 'out-of-scope']);
    // A row that belongs to several places lies in each of them.
    expect(reach(node, { unitPath: [['f', 't'], ['f', 's', 'd']] })).toBe('allow g');
    expect(reach(node, { unitPath: [['f', 't'], ['f']] })).toBe('out-of-scope');
    expect(reach({ scope: 'own' }, { ownerPersonId: 'ani' })).toBe('allow g');
    expect(reach({ scope: 'own' }, { ownerPersonId: 'budi' })).toBe('out-of-scope');
    expect(reach({ scope: 'own' }, {})).toBe('out-of-scope');
  });

  it('for a kind of rows, or one of them, is for no other', () => {
    const of = (resource: { type: string; id: string | null }, row: ResourceFacts) => answer(subject([grant(uuid(1), { resource })]), asking(row));
    expect([{ type: 'request' }, { type: 'request', id: ROW }, { type: 'invoice' }, {}].map((row) => of({ type: 'request', id: null }, row))).toEqual([`allow ${uuid(1)}`, `allow ${uuid(1)}`, 'out-of-scope', 'out-of-scope']);
    for (const id of [ROW, 'INV-1']) expect([{ type: 'request', id }, { type: 'request', id: OTHER_ROW }, { type: 'invoice', id }, { type: 'request' }, { id }].map((row) => of({ type: 'request', id }, row))).toEqual([`allow ${uuid(1)}`, ...Array<string>(4).fill('out-of-scope')]);
    // For one row, and only where it is one's own or in one's unit.
    const mine = subject([grant(uuid(1), { resource: { type: 'request', id: ROW }, scope: 'own' })]);
    expect(answer(mine, asking({ type: 'request', id: ROW, ownerPersonId: 'ani' }))).toBe(`allow ${uuid(1)}`);
    expect(answer(mine, asking({ type: 'request', id: ROW, ownerPersonId: 'budi' }))).toBe('out-of-scope');
  });

  it('is enough for the door, whatever it is for and under whatever condition', () => {
    const limits = [{ scope: 'own' as const }, { resource: { type: 'request', id: null } }, { resource: { type: 'request', id: ROW } }, { condition: is('resource.kind', 'leave') }];
    for (const more of limits) expect(answer(subject([grant(uuid(1), more)]), asking())).toBe(`allow ${uuid(1)}`);
    expect(answer(subject([grant('g')]), { permission: 'c:d' })).toBe('not-held');
  });

  it('applies where its condition is true, not where it is unknown', () => {
    const held = subject([grant('g', { condition: is('resource.kind', 'leave') })]);
    expect(['leave', 'overtime', 7].map((kind) => answer(held, asking({ properties: { kind } })))).toEqual(['allow g', 'condition-unmet', 'condition-unmet']);
    expect(answer(held, asking({}))).toBe('condition-unmet');
    const twice = subject([grant('g', { condition: is('resource.kind', 'leave'), roleId: 'r' }), grant('g', { condition: is('resource.kind', 'leave') }), grant('h', { condition: is('resource.kind', 'leave') }), grant('far', { scope: 'own' })]);
    expect(decide(twice, asking({})).because).toEqual({ kind: 'condition-unmet', grantIds: ['g', 'h'] });
    // One of single rows that is not for this row leaves the condition the nearest.
    expect(answer(subject([grant('g', { condition: is('resource.kind', 'leave') }), grant(uuid(1), { resource: { type: 'request', id: ROW } })]), asking({}))).toBe('condition-unmet');
  });

  it('says in which scopes it is held where it does not reach', () => {
    const held = subject([grant('g', { scope: 'own' }), grant(uuid(1), { scope: 'node', node: ['f', 's'], resource: { type: 'request', id: ROW } }), grant('h', { scope: 'own', resource: { type: 'request', id: null } })]);
    expect(decide(held, asking({ ownerPersonId: 'budi' })).because).toEqual({ kind: 'out-of-scope', held: ['own', 'node'] });
    expect(scopesOf(held.rules.get('a:b')!)).toEqual(['own', 'node']);
    expect(scopesOf(NO_RULES)).toEqual([]);
    expect(answer(subject([deny('d', { scope: 'own' })]), asking({}))).toBe('not-held');
  });
});

describe('a condition', () => {
  it('asks of person, action, request and row what was said of them, and of nothing inherited', () => {
    const ask = (condition: ReturnType<typeof is>, more = {}, row: ResourceFacts = {}) => decide(subject([grant('g', { condition })]), asking(row, more)).allowed;
    expect(ask(is('subject.id', 'ani'))).toBe(true);
    // Whoever asks is not to be talked out of who they are.
    expect(ask(is('subject.id', 'budi'), { subject: { id: 'budi' } })).toBe(false);
    expect([{ subject: { level: 3 } }, { subject: { level: 4 } }, {}].map((more) => ask(is('subject.level', 3), more))).toEqual([true, false, false]);
    expect([{ action: { mode: 'soft' } }, { subject: { mode: 'soft' } }, {}].map((more) => ask(is('action.mode', 'soft'), more))).toEqual([true, false, false]);
    expect([{ context: { level: 3 } }, { action: { level: 3 } }, {}].map((more) => ask(is('context.level', 3), more))).toEqual([true, false, false]);
    expect(ask(is('resource.kind', 'leave'), {}, { properties: { kind: 'leave' } })).toBe(true);
    expect(ask(is('resource.kind', 'leave'), {}, { properties: Object.create({ kind: 'leave' }) as Record<string, unknown> })).toBe(false);
    const elsewhere = when({ op: 'eq', left: { attribute: 'place.kind' }, right: { value: 'leave' } }, { 'place.kind': 'string' });
    expect(ask(elsewhere, { context: { kind: 'leave' }, subject: { kind: 'leave' }, action: { kind: 'leave' } }, { properties: { kind: 'leave' } })).toBe(false);
  });
});

describe('a deny', () => {
  it('wins over every allow it reaches, one’s own or lent, and over none else', () => {
    const held = (more: Parameters<typeof grant>[1]) => subject([grant('g'), deny('d', more)], [loan('l', holding('budi', [grant('h')]))]);
    expect(answer(held({ scope: 'own' }), asking({ ownerPersonId: 'ani' }))).toBe('deny d');
    expect(answer(held({ scope: 'own' }), asking({ ownerPersonId: 'budi' }))).toBe('allow g');
    expect(answer(held({ resource: { type: 'request', id: null } }), asking({ type: 'request' }))).toBe('deny d');
    expect(answer(held({ resource: { type: 'request', id: null } }), asking({ type: 'invoice' }))).toBe('allow g');
    expect(decide(held({ roleId: 'r' }), asking({})).because).toEqual({ kind: 'deny', grantId: 'd', scope: 'all', roleId: 'r', loans: [] });
  });

  it('applies where its condition is true or unknown', () => {
    const held = subject([grant('g'), deny('d', { condition: is('resource.kind', 'leave') })]);
    expect([{ kind: 'leave' }, { kind: 'overtime' }, {}].map((properties) => answer(held, asking({ properties })))).toEqual(['deny d', 'allow g', 'deny d']);
  });

  it('shuts the door only where it denies everything', () => {
    const door = (more: Parameters<typeof grant>[1]) => answer(subject([grant('g'), deny('d', more)]), asking());
    expect(door({})).toBe('deny d');
    for (const more of [{ scope: 'own' as const }, { scope: 'node' as const, node: ['f'] }, { resource: { type: 'request', id: null } }, { condition: is('resource.kind', 'leave') }]) expect(door(more)).toBe('allow g');
  });
});

describe('what is lent', () => {
  const rich = holding('budi', [grant('g', { scope: 'own' })]);
  it('lets do what the lender may, with the loans it came through, the nearest first', () => {
    const through = holding('cici', [], [loan('far', rich)]);
    const held = subject([], [loan('near', through)]);
    expect(decide(held, asking({ ownerPersonId: 'budi' }))).toEqual({ allowed: true, because: { kind: 'allow', grantId: 'g', scope: 'own', roleId: null, loans: [{ id: 'near', lenderId: 'cici' }, { id: 'far', lenderId: 'budi' }] } });
    expect(answer(held, asking({ ownerPersonId: 'ani' }))).toBe('not-held');
    expect(answer(subject([grant('mine', { scope: 'own' })], [loan('l', rich)]), asking({ ownerPersonId: 'cici' }))).toBe('out-of-scope');
  });

  it('is for its permissions only, and for rows in its unit; the door knows no rows', () => {
    const all = holding('budi', [grant('g')]);
    const allowed = (more: Parameters<typeof loan>[2], row?: ResourceFacts) => decide(subject([], [loan('l', all, more)]), asking(row)).allowed;
    expect([allowed({ codes: ['a:b'] }, {}), allowed({ codes: ['c:d'] }, {}), allowed({ codes: ['c:d'] })]).toEqual([true, false, false]);
    const node = { node: ['f', 's'] };
    expect([allowed(node), allowed(node, { unitPath: ['f', 's', 'd'] }), allowed(node, { unitPath: ['f', 't'] }), allowed(node, {})]).toEqual([true, true, false, false]);
  });

  it('is asked after what is one’s own, whatever that is limited to', () => {
    const row = { type: 'request', id: ROW };
    expect(answer(subject([grant(uuid(1), { resource: row })], [loan('l', holding('budi', [grant('g')]))]), asking(row))).toBe(`allow ${uuid(1)}`);
    expect(answer(subject([grant(uuid(1), { resource: row })], [loan('l', holding('budi', [grant('g')]))]), asking({ type: 'request', id: OTHER_ROW }))).toBe('allow g');
  });
});

describe('derivations', () => {
  const cited = (...given: Parameters<typeof derivationsOf>) => derivationsOf(...given).map(({ effect, grant: { id }, holderId, loans }) => [effect, id, holderId, ...loans.map((each) => `${each.id} of ${each.lenderId}`)]);
  it('are every deny that applies; else every allow, one’s own before what is lent; else what keeps lenders from it', () => {
    const lender = holding('budi', [grant('h'), grant('i', { scope: 'own' })]);
    const barred = holding('cici', [grant('x'), deny('n')]);
    const own = [grant('g'), grant(uuid(1), { resource: { type: 'request', id: ROW } }), grant(uuid(2), { resource: { type: 'request', id: OTHER_ROW } }), grant('c', { code: 'c:d' })];
    const row = { type: 'request', id: ROW, ownerPersonId: 'ani' };
    expect(cited(subject([...own, deny('d'), deny('e', { scope: 'own' }), deny('f', { resource: { type: 'invoice', id: null } })], [loan('l', lender)]), asking(row))).toEqual([['deny', 'd', 'ani'], ['deny', 'e', 'ani']]);
    expect(cited(subject(own, [loan('l', lender), loan('m', barred), loan('k', lender, { codes: ['c:d'] })]), asking(row))).toEqual([['allow', 'g', 'ani'], ['allow', uuid(1), 'ani'], ['allow', 'h', 'budi', 'l of budi']]);
    expect(cited(subject([], [loan('m', barred)]), asking(row))).toEqual([['deny', 'n', 'cici', 'm of cici']]);
    expect(cited(subject([], [loan('o', holding('dodi', [], [loan('l', lender)]))]), asking({ ...row, ownerPersonId: 'budi' }))).toEqual([['allow', 'h', 'budi', 'o of dodi', 'l of budi'], ['allow', 'i', 'budi', 'o of dodi', 'l of budi']]);
    expect(cited(subject(own), { permission: 'x:y' })).toEqual([]);
  });
});

describe('a filter', () => {
  const filter = (grants: HoldingFacts['grants'], lent: HoldingFacts['lent'] = [], ...given: [Record<string, unknown>?, object?]) => filterOf(subject(grants, lent), 'a:b', 'request', ...given);
  const ALL = { reach: 'all', ids: null, when: true };
  it('of nothing is none, of everything all', () => {
    expect(filter([])).toEqual({ kind: 'none' });
    expect(filter([grant('g', { code: 'c:d' })])).toEqual({ kind: 'none' });
    expect(filter([grant('g', { resource: { type: 'invoice', id: null } })])).toEqual({ kind: 'none' });
    expect(filter([grant('g'), grant('h', { scope: 'own' })])).toEqual({ kind: 'all' });
    expect(filter([grant('g', { resource: { type: 'request', id: null } })])).toEqual({ kind: 'all' });
    expect(filter([], [loan('l', holding('budi', [grant('g')]))])).toEqual({ kind: 'all' });
    expect(filter([grant('g'), deny('d')])).toEqual({ kind: 'none' });
    expect(filter([deny('d', { scope: 'own' })])).toEqual({ kind: 'none' });
  });

  it('says how far each grant reaches, for which rows and under what is left of its condition', () => {
    expect(filter([grant('g', { scope: 'own' })])).toEqual({ kind: 'some', anyOf: [{ reach: { own: 'ani' }, ids: null, when: true }], lent: [], noneOf: [] });
    expect(filter([grant('g', { scope: 'node', node: ['f', 's'] })])).toMatchObject({ anyOf: [{ reach: { units: ['s'] } }] });
    expect(filter([grant('g', { resource: { type: 'request', id: 'INV-1' } })])).toMatchObject({ kind: 'some', anyOf: [{ reach: 'all', ids: ['INV-1'] }] });
    expect(filter([grant(uuid(1), { resource: { type: 'request', id: OTHER_ROW } }), grant(uuid(2), { resource: { type: 'request', id: ROW } }), grant(uuid(3), { resource: { type: 'invoice', id: ROW } })])).toMatchObject({ kind: 'some', anyOf: [{ reach: 'all', ids: [ROW, OTHER_ROW], when: true }] });
    const open = is('resource.kind', 'leave');
    expect(filter([grant('g', { condition: open })])).toMatchObject({ kind: 'some', anyOf: [{ reach: 'all', ids: null, when: open.test }] });
    const level = { condition: is('context.level', 3) };
    expect([{ level: 3 }, { level: 4 }, undefined].map((context) => filter([grant('g', level)], [], context).kind)).toEqual(['all', 'none', 'none']);
    expect(filter([grant('g', { condition: is('subject.level', 3) })], [], {}, { subject: { level: 3 } }).kind).toBe('all');
    expect(filter([grant('g', { condition: is('action.mode', 'soft') })], [], {}, { action: { mode: 'soft' } }).kind).toBe('all');
  });

  it('takes out what is denied, at worst', () => {
    const own = { reach: { own: 'ani' }, ids: null, when: true };
    expect(filter([grant('g'), grant('h', { scope: 'own' }), deny('d', { scope: 'own' })], [loan('l', holding('budi', [grant('i', { scope: 'own' })]))])).toEqual({ kind: 'some', anyOf: [ALL], lent: [], noneOf: [own] });
    // A condition that cannot be answered denies everything it is for; one that is not met, nothing.
    const level = { condition: is('context.level', 3) };
    expect([{}, { level: 3 }, { level: 4 }].map((context) => filter([grant('g'), deny('d', level)], [], context).kind)).toEqual(['none', 'none', 'all']);
    expect(filter([grant('g'), deny('d', { ...level, scope: 'own' })])).toMatchObject({ kind: 'some', noneOf: [{ reach: { own: 'ani' }, when: null }] });
    expect(filter([grant('g'), deny('d', { resource: { type: 'request', id: 'INV-1' } })])).toMatchObject({ kind: 'some', noneOf: [{ reach: 'all', ids: ['INV-1'] }] });
    expect(filter([grant('g'), deny('d', { resource: { type: 'invoice', id: null } })])).toEqual({ kind: 'all' });
    expect(filter([grant('g'), deny('d', { condition: is('resource.kind', 'leave') })])).toMatchObject({ kind: 'some', noneOf: [{ reach: 'all', when: { op: 'eq' } }] });
  });

  it('has what is lent within its bounds', () => {
    const all = holding('budi', [grant('g')]);
    expect(filter([], [loan('l', all, { node: ['f', 's'] })])).toEqual({ kind: 'some', anyOf: [], lent: [{ within: 's', filter: { kind: 'all' } }], noneOf: [] });
    expect(filter([], [loan('l', all, { codes: ['c:d'] })])).toEqual({ kind: 'none' });
    expect(filter([], [loan('l', all, { codes: ['a:b'] })])).toEqual({ kind: 'all' });
    expect(filter([], [loan('l', holding('budi', [grant('g', { code: 'c:d' })]))])).toEqual({ kind: 'none' });
    const own = holding('budi', [grant('g', { scope: 'own' })]);
    expect(filter([grant('g', { scope: 'own' })], [loan('l', own)])).toMatchObject({ kind: 'some', anyOf: [{ reach: { own: 'ani' } }], lent: [{ within: null, filter: { kind: 'some', anyOf: [{ reach: { own: 'budi' } }] } }] });
    expect(filter([deny('d', { scope: 'own' })], [loan('l', all)])).toMatchObject({ kind: 'some', anyOf: [ALL], lent: [], noneOf: [{ reach: { own: 'ani' } }] });
    expect(filter([], [loan('l', holding('budi', [grant('g', { condition: is('context.level', 3) })]))], { level: 3 }).kind).toBe('all');
    expect(filter([], [loan('l', holding('budi', [grant('g', { condition: is('subject.level', 3) })]))], {}, { subject: { level: 3 } }).kind).toBe('all');
  });
});

describe('holding at least', () => {
  const request = { type: 'request', id: null };
  const wanted = (more: Partial<Wanted> = {}): Wanted => ({ scope: 'all', units: [], resource: null, condition: null, until: null, ...more });
  const may = (grants: HoldingFacts['grants'], more: Partial<Wanted> = {}, ...ignoring: [ReadonlySet<string>?]) => holdsAtLeast(subject(grants), 'a:b', wanted(more), ...ignoring);
  it('is for the rows one holds it for', () => {
    expect(may([grant('g')], { resource: { type: 'request', id: ROW } })).toBe(true);
    const kind = [grant('g', { resource: request })];
    expect([null, request, { type: 'request', id: ROW }, { type: 'invoice', id: null }].map((resource) => may(kind, { resource }))).toEqual([false, true, true, false]);
    const one = [grant(uuid(1), { resource: { type: 'request', id: ROW } })];
    expect([null, request, { type: 'request', id: ROW }, { type: 'request', id: OTHER_ROW }].map((resource) => may(one, { resource }))).toEqual([false, false, true, false]);
  });

  it('is of none whose condition asks who one is', () => {
    const condition = is('resource.kind', 'leave');
    const open = { test: condition.test, types: { 'resource.kind': 'string' as const } };
    expect(may([grant('g', { condition: open })], { condition: open })).toBe(true);
    expect(may([grant('g', { condition: open })])).toBe(false);
    expect(may([grant('g')], { condition: open })).toBe(true);
    const personal = { test: condition.test, types: { ...open.types, 'subject.id': 'string' as const } };
    expect(may([grant('g', { condition: personal })], { condition: personal })).toBe(false);
  });

  it('is of units that lie in those held, all of them; of nothing else but everywhere', () => {
    const held = [grant('g', { scope: 'node', node: ['f', 's'] }), grant('h', { scope: 'node', node: ['f', 't'] })];
    expect(may(held, { scope: 'node', units: [['f', 's'], ['f', 't', 'd']] })).toBe(true);
    expect(may(held, { scope: 'node', units: [['f', 's'], ['f', 'u']] })).toBe(false);
    expect(may(held, { scope: 'node', units: [] })).toBe(false);
    expect(may(held, { scope: 'school', units: [['f', 's']] })).toBe(false);
    expect(may([grant('g')], { scope: 'own' })).toBe(true);
  });

  it('is not under a deny, but for those that bind everybody', () => {
    expect(may([grant('g'), deny('d')])).toBe(false);
    expect(may([grant('g'), deny('d')], {}, new Set(['d']))).toBe(true);
    expect(may([grant('g'), deny('d'), deny('e')], {}, new Set(['d']))).toBe(false);
    expect(may([deny('d')], {}, new Set(['d']))).toBe(false);
    expect(holdsAtLeast(subject([], [loan('l', holding('budi', [grant('g')]))]), 'a:b', wanted())).toBe(false);
  });

  it('ends no later than it does for oneself', () => {
    expect([8, 9, 10, null].map((until) => may([grant('g', { until: 9 })], { until }))).toEqual([true, true, false, false]);
    expect(may([grant('g')], { until: 9 })).toBe(true);
  });
});

describe('raising', () => {
  const raised = (before: HoldingFacts['grants'], after: HoldingFacts['grants']) => isRaised(subject(before), subject(after));
  const node = (...path: string[]) => grant('n', { scope: 'node', node: path });
  const own = grant('o', { scope: 'own' });
  it('is something more, or a deny less; not less, nor the same by another way', () => {
    expect([raised([], [grant('g')]), raised([grant('g')], []), raised([grant('g')], [grant('h', { roleId: 'r' })])]).toEqual([true, false, false]);
    expect([raised([deny('d')], []), raised([], [deny('d')]), raised([deny('d')], [deny('e')])]).toEqual([true, false, false]);
    expect([raised([grant('g')], [grant('g', { code: 'c:d' })]), raised([grant('g', { code: 'c:d' })], [])]).toEqual([true, false]);
  });

  it('goes by how far it reaches', () => {
    expect([raised([own], [grant('g')]), raised([node('f')], [grant('g')]), raised([own, node('f')], [grant('g')])]).toEqual([true, true, true]);
    expect([raised([grant('g')], [own, node('f')]), raised([own], [own]), raised([node('f', 's')], [own]), raised([own], [node('f', 's')])]).toEqual([false, false, true, true]);
    expect([raised([node('f')], [node('f', 's')]), raised([node('f', 's')], [node('f')]), raised([node('f', 't')], [node('f', 's')])]).toEqual([false, true, true]);
    const posts = (...units: string[][]) => compileSubject({ v: '1', now: 0, person: { id: 'ani' }, appointments: units.map((unit, n) => ({ positionId: `p${n}`, unit, school: null, ...FOREVER })), grants: [grant('g', { scope: 'department' })], lent: [] }, 5);
    expect([isRaised(posts(['f', 's']), posts(['f', 's', 'd'])), isRaised(posts(['f', 's']), posts(['f', 's'], ['f', 't'])), isRaised(posts(['f', 's'], ['f', 't']), posts(['f', 't']))]).toEqual([false, true, false]);
    expect([raised([deny('d', { scope: 'own' })], [deny('d')]), raised([deny('d')], [deny('d', { scope: 'own' })])]).toEqual([false, true]);
  });

  it('goes by the rows and the condition', () => {
    const request = { type: 'request', id: null };
    const row = { type: 'request', id: ROW };
    expect([raised([grant('g', { resource: request })], [grant('g')]), raised([grant('g')], [grant('g', { resource: request })]), raised([grant('g', { resource: request })], [grant(uuid(1), { resource: row })]), raised([grant(uuid(1), { resource: row })], [grant('g', { resource: request })])]).toEqual([true, false, false, true]);
    const [leave, overtime] = [is('resource.kind', 'leave'), is('resource.kind', 'overtime')];
    expect([raised([grant('g', { condition: leave })], [grant('g', { condition: leave })]), raised([grant('g', { condition: leave })], [grant('g', { condition: overtime })]), raised([grant('g', { condition: leave })], [grant('g')]), raised([grant('g')], [grant('g', { condition: leave })])]).toEqual([false, true, true, false]);
  });

  it('is a loan more, or a lender who can do more', () => {
    const lent = (id: string, ...grants: HoldingFacts['grants']) => subject([], [loan(id, holding('budi', grants))]);
    expect([isRaised(lent('l', grant('g')), lent('l', grant('g'))), isRaised(subject([]), lent('l', grant('g'))), isRaised(lent('m', grant('g')), lent('l', grant('g'))), isRaised(lent('l', grant('g')), subject([]))]).toEqual([false, true, true, false]);
    expect([isRaised(lent('l', own), lent('l', grant('g'))), isRaised(lent('l', grant('g')), lent('l', own))]).toEqual([true, false]);
  });
});
