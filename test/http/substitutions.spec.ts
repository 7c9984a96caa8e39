import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows, type Running } from '../support/workflow';
import { refoldsToWhereItStands } from '../support/workflow-history';

const HOUR = 3_600_000;
const inHours = (n: number) => new Date(Date.now() + n * HOUR).toISOString();

describe('somebody who is away', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let personId: (handle: string) => string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    personId = (handle) => ids.person(handle);
  });
  afterAll(() => testApp.close());
  afterEach(() => connected(testApp.database.adminUrl, (client) => client.query('ALTER TABLE workflow_substitution DISABLE TRIGGER z_audited; UPDATE workflow_substitution SET ended_at = now(); ALTER TABLE workflow_substitution ENABLE TRIGGER z_audited')));

  const away = async (who: string, substitute: string, until = inHours(5), more = {}) => (await world.as(who).post('/workflow/substitutions', { substituteId: personId(substitute), until, ...more }).expect(201)).body as { id: string };
  const why = async (handle: string, request: Running, node: string) => ((await world.as(handle).get('/me/tasks?limit=200').expect(200)).body.items as { taskId: string; why: string }[]).find(({ taskId }) => taskId === request.taskOf(node))?.why;

  it('has requests decided in their place, in both names, while it lasts', async () => {
    const before = await flows.filed({ a: flows.step('done', 'lina') });
    expect(await before.tries('eko', 'approve', 'a')).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    const { id } = await away('lina', 'eko', `${new Date().getFullYear() + 1}-01-04T00:00:00Z`);
    const later = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'maya') });
    expect(await why('eko', before, 'a')).toMatch(/^Named for this step – in the place of Lina .+, who is away until \d{4}-01-04$/);
    expect([await before.isAsked('lina', 'a'), await later.isAsked('eko', 'a'), await later.isAsked('eko', 'b')]).toEqual([true, true, false]);
    await later.does('eko', 'approve', 'a');
    const { items } = (await world.as('siti').get(`/workflow/instances/${later.id}/history`).expect(200)).body as { items: { actor: string; data: { stead?: string[] } }[] };
    expect([items[1]!.actor, items[1]!.data.stead]).toEqual([`person:${personId('eko')}`, [personId('lina')]]);
    const { body } = await world.as('hendra').get(`/audit/events?targetId=${later.id}&action=workflow.approved`).expect(200);
    expect(body.items[0].after.inSteadOf).toEqual([personId('lina')]);
    expect(await later.tries('lina', 'approve', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    // Who stands in sees what they have to decide, and comments on it; afterwards no longer.
    await world.as('eko').get(`/workflow/instances/${before.id}`).expect(200);
    await world.as('eko').post(`/workflow/instances/${before.id}/comments`, { body: 'I stand in for Lina' }).expect(201);
    await world.as('eko').delete(`/workflow/substitutions/${id}`).expect(204);
    expect([await before.isAsked('eko', 'a'), (await before.tries('eko', 'approve', 'a')).status]).toEqual([false, 403]);
    await before.does('lina', 'approve', 'a');
  });

  it('gives nobody a right: not over what they filed, nor past separation of duty, nor without the permission', async () => {
    await away('lina', 'eko');
    const own = await flows.filed({ a: flows.step('done', 'lina') }, {}, 'eko');
    expect([await own.isAsked('eko', 'a'), await own.isAsked('lina', 'a')]).toEqual([false, true]);
    expect(await own.tries('eko', 'approve', 'a')).toBeProblem(403, 'WORKFLOW_OWN_STEP');
    const apart = await flows.filed({ a: flows.step('b', 'eko'), b: flows.step('done', 'lina', { notActorOf: ['a'] }) });
    await apart.does('eko', 'approve', 'a');
    expect(await apart.isAsked('eko', 'b')).toBe(false);
    expect(await apart.tries('eko', 'approve', 'b')).toBeProblem(403, 'WORKFLOW_SEPARATION');
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    const { body: grant } = await world.as('dewi').post('/grants', { permission: 'workflow:approve', effect: 'deny', scope: 'all', subject: { type: 'person', id: personId('eko') } }).expect(201);
    expect(await request.isAsked('eko', 'a')).toBe(false);
    expect(await request.tries('eko', 'approve', 'a')).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('dewi').delete(`/grants/${grant.id as string}`).expect(204);
    expect(await request.isAsked('eko', 'a')).toBe(true);
  });

  it('may have a substitute who is away as well; rings end, and nobody decides their own request by way of others', async () => {
    await away('lina', 'eko');
    await away('eko', 'maya');
    await away('maya', 'lina');
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'maya') });
    expect([await request.isAsked('maya', 'a'), await request.isAsked('eko', 'a')]).toEqual([true, true]);
    await request.does('maya', 'approve', 'a');
    const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/history`).expect(200)).body as { items: { data: { stead?: string[] } }[] };
    expect(items[1]!.data.stead).toEqual([personId('lina'), personId('eko')]);
    const filedByEko = await flows.filed({ a: flows.step('done', 'lina') }, {}, 'eko');
    expect([await filedByEko.isAsked('maya', 'a'), await filedByEko.isAsked('lina', 'a')]).toEqual([false, true]);
    expect(await filedByEko.tries('maya', 'approve', 'a')).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
  });

  it('has one part in a decision, and whoever stands in for several answers once', async () => {
    await away('lina', 'eko');
    const both = await flows.filed({ a: flows.step('done', ['lina', 'eko', 'joko'], { strategy: 'all' }) });
    await both.does('eko', 'approve', 'a');
    expect([await both.isAsked('eko', 'a'), (await both.tries('eko', 'approve', 'a')).body.code]).toEqual([false, 'WORKFLOW_ALREADY_DECIDED']);
    await both.does('lina', 'approve', 'a');
    await away('joko', 'maya');
    await away('maya', 'budi');
    const two = await flows.filed({ a: flows.step('done', ['joko', 'maya'], { strategy: 'all' }) });
    await two.does('budi', 'approve', 'a');
    expect([await two.isAsked('budi', 'a'), (await two.tries('budi', 'approve', 'a')).body.code]).toEqual([false, 'WORKFLOW_ALREADY_DECIDED']);
    expect(two.votes('a')).toMatchObject({ approve: 1, open: 1 });
    await two.does('joko', 'approve', 'a');
    const claimed = await flows.filed({ a: flows.step('b', ['lina', 'joko']), b: flows.step('done', 'budi') });
    await claimed.handles('eko', 'claim', 'a');
    expect([claimed.task('a')!.claimedBy, await claimed.isAsked('lina', 'a'), await claimed.isAsked('joko', 'a')]).toEqual([personId('lina'), true, false]);
    const bulk = await world.as('eko').post('/workflow/tasks/decisions', { items: [{ taskId: claimed.taskOf('a'), verb: 'approve' }] }).expect(200);
    expect(bulk.body.items[0].status).toBe(200);
    expect((await world.as('eko').post(`/workflow/instances/${claimed.id}/take-back`, {})).status).toBe(200);
    expect(await claimed.isAsked('eko', 'a')).toBe(true);
  });

  it('is so by an approved leave, for the days in which nobody stands in yet', async () => {
    const year = new Date().getFullYear() + 2;
    const file = (form: object) => world.as('joko').post('/workflow/instances', { definition: 'leave', submit: true, form: { kind: 'annual', reason: 'Family', ...form } });
    const dates = { from: `${year}-03-01`, until: `${year}-03-10` };
    expect((await file({ ...dates, substitute: personId('joko') })).body.errors).toEqual([{ pointer: '#/form/substitute', code: 'self', detail: 'nobody stands in for themselves' }]);
    expect((await file({ ...dates, substitute: randomUUID() })).body.errors).toMatchObject([{ pointer: '#/form/substitute', code: 'unknown' }]);
    expect((await file({ from: `${year}-03-02`, until: `${year}-03-01` })).body.errors).toMatchObject([{ pointer: '#/form/until', code: 'order' }]);
    await away('joko', 'maya', `${year}-03-06T00:00:00+07:00`, { from: `${year}-03-04T00:00:00+07:00` });
    const { body } = await file({ ...dates, substitute: personId('lina') });
    expect(body.state).toBe('running');
    await world.as('budi').post(`/workflow/tasks/${body.openTasks[0].id}/approve`, {}).expect(200);
    const { items } = (await world.as('joko').get('/workflow/substitutions').expect(200)).body as { items: { substitute: { id: string }; from: string; until: string; instanceId: string | null }[] };
    const at = (day: string) => new Date(`${year}-${day}T00:00:00+07:00`).toISOString();
    expect(items.map(({ substitute, from, until, instanceId }) => [substitute.id === personId('lina'), from, until, instanceId]).sort((a, b) => (a[1]! < b[1]! ? -1 : 1))).toEqual([
      [true, at('03-01'), at('03-04'), body.id], [false, at('03-04'), at('03-06'), null], [true, at('03-06'), at('03-11'), body.id],
    ]);
    expect((await world.as('joko').get(`/workflow/instances/${body.id}`).expect(200)).body.state).toBe('completed');
    // Without a substitute nothing follows.
    const { body: plain } = await file({ from: `${year}-05-01`, until: `${year}-05-01` });
    await world.as('budi').post(`/workflow/tasks/${plain.openTasks[0].id}/approve`, {}).expect(200);
    expect((await world.as('joko').get('/workflow/substitutions').expect(200)).body.items).toHaveLength(3);
  });

  it('says so for themselves; for others who administers requests does', async () => {
    const body = { personId: personId('lina'), substituteId: personId('eko'), until: inHours(3) };
    expect(await world.as('siti').post('/workflow/substitutions', body)).toBeProblem(403, 'PERMISSION_DENIED');
    const { id } = (await world.as('dewi').post('/workflow/substitutions', body).set('Idempotency-Key', 'a-substitute').expect(201)).body as { id: string };
    expect((await world.as('dewi').post('/workflow/substitutions', body).set('Idempotency-Key', 'a-substitute').expect(201)).body.id).toBe(id);
    expect(await world.as('lina').post('/workflow/substitutions', { substituteId: personId('maya'), until: inHours(1) })).toBeProblem(409, 'WORKFLOW_SUBSTITUTED');
    for (const [wrong, pointer] of [[{ until: inHours(-1) }, '#/until'], [{ from: inHours(2), until: inHours(1) }, '#/until'], [{ until: inHours(24 * 400) }, '#/until'], [{ substituteId: randomUUID() }, '#/substituteId'], [{ personId: undefined, substituteId: personId('dewi') }, '#/substituteId']] as const) {
      const answer = await world.as('dewi').post('/workflow/substitutions', { ...body, ...wrong });
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
    }
    const ids = async (handle: string, query = '') => ((await world.as(handle).get(`/workflow/substitutions${query}`).expect(200)).body.items as { id: string }[]).map((each) => each.id);
    expect([await ids('lina'), await ids('eko'), await ids('siti'), await ids('dewi'), await ids('dewi', '?of=everybody'), await ids('dewi', `?personId=${personId('eko')}`)]).toEqual([[id], [id], [], [], [id], [id]]);
    expect(await world.as('siti').get(`/workflow/substitutions?personId=${personId('eko')}`)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('siti').delete(`/workflow/substitutions/${id}`)).toBeProblem(404, 'NOT_FOUND');
    await world.as('lina').delete(`/workflow/substitutions/${id}`).expect(204);
    expect(await world.as('lina').delete(`/workflow/substitutions/${id}`)).toBeProblem(404, 'NOT_FOUND');
    const { body: audit } = await world.as('hendra').get(`/audit/events?targetId=${id}`).expect(200);
    expect(audit.items.map(({ action }: { action: string }) => action)).toEqual(['workflow_substitution.ended', 'access.denied', 'workflow_substitution.begun']);
  });

  it('is found by the database as by the naive oracle: everybody reached by those who are away now, by a way without repetition', async () => {
    const { foundation } = await world.ids();
    const people = ['siti', 'joko', 'budi', 'lina', 'eko', 'maya'].map(personId);
    const edge = fc.record({ from: fc.nat(5), to: fc.nat(5), when: fc.constantFrom('now', 'now', 'now', 'over', 'later', 'ended') });
    await connected(testApp.database.adminUrl, async (client) => {
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(edge, { selector: ({ from }) => from, maxLength: 6 }), async (drawn) => {
          const edges = drawn.filter(({ from, to }) => from !== to);
          await client.query('BEGIN');
          try {
            await client.query(`SELECT set_config('gloria.foundation_id', $1, true)`, [foundation]);
            for (const { from, to, when } of edges) {
              const [start, end] = when === 'over' ? ['-2 hours', '-1 hour'] : when === 'later' ? ['1 hour', '2 hours'] : ['-1 hour', '1 hour'];
              await client.query(`INSERT INTO workflow_substitution (id, foundation_id, person_id, substitute_id, valid_from, valid_until, created_by, ended_at) VALUES ($1, $2, $3, $4, now() + $5::interval, now() + $6::interval, 'x', $7)`, [randomUUID(), foundation, people[from], people[to], start, end, when === 'ended' ? new Date() : null]);
            }
            const active = edges.filter(({ when }) => when === 'now');
            for (const [me, id] of people.entries()) {
              const reached = new Map<number, number[]>([[me, []]]);
              for (const queue = [me]; queue.length > 0; ) {
                const at = queue.shift()!;
                for (const { from, to } of active) if (to === at && !reached.has(from)) {
                  queue.push(from);
                  reached.set(from, [from, ...reached.get(at)!]);
                }
              }
              const { rows } = await client.query<{ person_id: string; chain: string[] }>('SELECT person_id::text, chain::text[] FROM wf_stands_in($1)', [id]);
              expect(new Map(rows.map((row) => [people.indexOf(row.person_id), row.chain.map((each) => people.indexOf(each))]))).toEqual(reached);
            }
          } finally {
            await client.query('ROLLBACK');
          }
        }),
        { numRuns: Math.ceil(60 * Number(process.env.PROPERTY_RUNS ?? 1)) },
      );
    });
  });

  it('leaves histories that refold', async () => {
    expect(await refoldsToWhereItStands(testApp, (await world.ids()).foundation)).toBeGreaterThan(10);
  });
});
