import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Client } from 'pg';
import { decide } from '../../src/modules/permissions/decide';
import { compileSubject, type SubjectFacts } from '../../src/modules/permissions/subject';
import { connected, testDatabase } from '../support/database';
import { oracle, type World } from '../support/permission-oracle';
import { asked, pathOf, time, world } from '../support/permission-worlds';

const WORLDS = 150 * Number(process.env.PROPERTY_RUNS ?? 1);

/** What the database says a person holds, compiled and decided, against the naive oracle over what was written into it. */
describe('a subject’s facts from the database', () => {
  it('lead to the decisions of the naive oracle', async () => {
    const { adminUrl } = await testDatabase();
    await connected(adminUrl, async (client) => {
      let allowed = 0;
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(world, fc.array(fc.tuple(time, asked), { minLength: 12, maxLength: 12 }), async (drawn, questions) => {
          const given = structuredClone(drawn);
          await client.query('BEGIN');
          try {
            const { base, ids, paths, foundation } = await write(client, given);
            expect(paths).toEqual(new Map(given.units.map((unit) => [ids.get(unit.id), pathOf(given.units, unit.id).map((id) => ids.get(id))])));
            // The same world with the ids the database knows.
            const known = JSON.parse(JSON.stringify(given), (_, value: unknown) => (typeof value === 'string' && ids.has(value) ? ids.get(value) : value)) as World;
            for (const { id } of known.people) {
              const { rows } = await client.query<{ facts: SubjectFacts }>('SELECT gloria_subject($1, $2) AS facts', [foundation, id]);
              const facts = rows[0]!.facts;
              for (const [at, ask] of questions) {
                const asOfHere = JSON.parse(JSON.stringify(ask), (_, value: unknown) => (typeof value === 'string' && ids.has(value) ? ids.get(value) : value)) as typeof ask;
                const expected = oracle(known, id, at, asOfHere);
                const decision = decide(compileSubject(facts, base + at * 1_000), { permission: asOfHere.code, resource: asOfHere.row, context: asOfHere.context });
                expect([asOfHere, at, decision.allowed]).toEqual([asOfHere, at, expected]);
                compared += 1;
                if (expected) allowed += 1;
              }
            }
          } finally {
            await client.query('ROLLBACK');
          }
        }),
        { numRuns: WORLDS },
      );
      // Mostly one in fifteen; questions of one world are alike, so that it varies much.
      expect([compared, allowed > compared / 50]).toEqual([WORLDS * 36, true]);
    });
  }, 120_000 * Number(process.env.PROPERTY_RUNS ?? 1));
});

/** Writes a world as a foundation of its own. Its moments lie in the future, one second each, so that none is over. */
async function write(client: Client, given: World): Promise<{ foundation: string; base: number; ids: Map<string, string>; paths: Map<string, string[]> }> {
  const foundation = randomUUID();
  const ids = new Map<string, string>();
  const id = (name: string) => ids.get(name) ?? ids.set(name, randomUUID()).get(name)!;
  await client.query(`SELECT set_config('gloria.foundation_id', $1, true)`, [foundation]);
  const base = Math.ceil(Date.now() / 1000) * 1000 + 3_600_000;
  const when = (moment: number | null) => (moment === null ? null : new Date(base + moment * 1_000));
  // Nothing here came through the application: its events are not asked for, its triggers are.
  for (const table of ['foundation', 'org_unit', 'position', 'person', 'appointment', 'role', 'role_inheritance', 'role_assignment', 'grant_rule', 'delegation']) await client.query(`ALTER TABLE ${table} DISABLE TRIGGER z_audited`);
  const insert = async (table: string, rows: Record<string, unknown>[]) => {
    for (const row of rows) {
      const names = Object.keys(row);
      await client.query(`INSERT INTO ${table} (${names.join()}) VALUES (${names.map((_, n) => `$${n + 1}`).join()})`, Object.values(row));
    }
  };
  const PAST = new Date(0);
  const never = (period: { from: number | null; until: number | null }) => period.from !== null && period.until !== null && period.until <= period.from;
  await insert('foundation', [{ id: foundation, code: foundation.slice(0, 8), name: 'Yayasan', clerk_org_id: foundation }]);
  for (const { id: name, schoolId, parentId } of given.units) {
    await insert('org_unit', [{ id: id(name), foundation_id: foundation, kind: schoolId === null ? 'foundation' : schoolId === name ? 'school' : 'department', parent_id: parentId === null ? null : id(parentId), code: name, name }]);
  }
  await insert('person', given.people.map(({ id: name }) => ({ id: id(name), foundation_id: foundation, employee_number: name, full_name: name })));
  await insert('position', given.positions.map(({ id: name, unitId }) => ({ id: id(name), foundation_id: foundation, unit_id: id(unitId), code: name, title: name })));
  // Nobody holds the same position twice at once, and no period is empty: the database refuses both.
  given.appointments = given.appointments.filter((post, n, all) => !never(post) && all.findIndex((each) => each.personId === post.personId && each.positionId === post.positionId) === n);
  await insert('appointment', given.appointments.map((post) => ({ id: randomUUID(), foundation_id: foundation, person_id: id(post.personId), position_id: id(post.positionId), valid_from: when(post.from) ?? PAST, valid_until: when(post.until) })));
  await insert('role', ['r1', 'r2', 'r3'].map((name) => ({ id: id(name), foundation_id: foundation, code: name, name })));
  await insert('role_inheritance', given.inherits.map(({ seniorId, juniorId }) => ({ id: randomUUID(), foundation_id: foundation, senior_id: id(seniorId), junior_id: id(juniorId) })));
  given.assignments = given.assignments.filter((each, n, all) => !never(each) && all.findIndex((other) => other.roleId === each.roleId && JSON.stringify(other.to) === JSON.stringify(each.to)) === n);
  await insert('role_assignment', given.assignments.map((each) => ({ id: randomUUID(), foundation_id: foundation, role_id: id(each.roleId), person_id: 'person' in each.to ? id(each.to.person) : null, position_id: 'position' in each.to ? id(each.to.position) : null, valid_from: when(each.from) ?? PAST, valid_until: when(each.until) })));
  const key = (grant: World['grants'][number]) => JSON.stringify({ ...grant, id: null, from: null, until: null });
  given.grants = given.grants.filter((each, n, all) => !never(each) && all.findIndex((other) => key(other) === key(each)) === n);
  for (const grant of given.grants) {
    if (grant.resource?.id) id(grant.resource.id);
    const to = grant.to;
    await insert('grant_rule', [{
      id: id(grant.id), foundation_id: foundation, permission_code: { 'a:b': 'workflow:read', 'c:d': 'workflow:approve' }[grant.code], effect: grant.effect, scope: grant.scope, node_id: grant.nodeId === null ? null : id(grant.nodeId),
      role_id: to !== 'everyone' && 'role' in to ? id(to.role) : null, person_id: to !== 'everyone' && 'person' in to ? id(to.person) : null, position_id: to !== 'everyone' && 'position' in to ? id(to.position) : null, everyone: to === 'everyone',
      resource_type: grant.resource?.type ?? null, resource_id: grant.resource?.id ? id(grant.resource.id) : null,
      condition: grant.condition ? JSON.stringify(JSON.parse(JSON.stringify(grant.condition), (_, value: unknown) => (value === 'ani' || value === 'budi' ? id(value) : value))) : null,
      valid_from: when(grant.from) ?? PAST, valid_until: when(grant.until),
    }]);
  }
  ids.set('a:b', 'workflow:read').set('c:d', 'workflow:approve');
  // A delegation always ends, and lends something.
  given.delegations = given.delegations.filter((each) => !never(each) && each.codes?.length !== 0);
  // Twice from the same one is as often as it goes.
  given.delegations = given.delegations.filter((each, n, all) => all.slice(0, n).filter(({ lenderId, borrowerId }) => lenderId === each.lenderId && borrowerId === each.borrowerId).length < 2);
  for (const each of given.delegations) each.from ??= -1;
  for (const each of given.delegations) each.until ??= 1_000;
  await insert('delegation', given.delegations.map((each) => ({ id: id(each.id), foundation_id: foundation, lender_id: id(each.lenderId), borrower_id: id(each.borrowerId), codes: (each.codes ?? []).map((code) => ids.get(code)), node_id: each.nodeId === null ? null : id(each.nodeId), transitive: each.transitive, valid_from: when(each.from), valid_until: when(each.until), reason: 'drill' })));
  const { rows } = await client.query<{ id: string; path: string[] }>('SELECT id, path FROM org_unit WHERE foundation_id = $1', [foundation]);
  return { foundation, base, ids, paths: new Map(rows.map(({ id: unit, path }) => [unit, path])) };
}
