import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { type Instance } from '../support/workflow';

describe('leave that is counted', () => {
  let testApp: TestApp;
  let world: World;
  let person: (handle: string) => string;
  /** A year in which nothing else is asked for; its days: Monday the 1st of March is the 60th. */
  const year = new Date().getFullYear() + 1;
  beforeAll(async () => {
    testApp = await startApp();
  });
  beforeEach(async () => {
    world = await aFoundation(testApp);
    const ids = await world.ids();
    person = (handle) => ids.person(handle);
    await world.as('dewi').post('/leave/kinds', { code: 'annual', title: { en: 'Annual leave', id: 'Cuti tahunan' }, fromYear: year, days: 12, carryOver: 6 }).expect(201);
  });
  afterAll(() => testApp.close());

  /** The n-th Monday of the year, and so many days on. */
  const monday = (nth: number, more = 0, of = year) => {
    const first = new Date(Date.UTC(of, 0, 1));
    return new Date(Date.UTC(of, 0, 1 + ((8 - first.getUTCDay()) % 7) + (nth - 1) * 7 + more)).toISOString().slice(0, 10);
  };
  const files = (handle: string, from: string, until: string, kind = 'annual') => world.as(handle).post('/workflow/instances', { definition: 'leave', submit: true, form: { kind, from, until, reason: 'Family' } });
  const filed = async (...given: Parameters<typeof files>): Promise<Instance> => (await files(...given).expect(201)).body as Instance;
  const left = async (handle: string, of = year) => ((await world.as(handle).get(`/leave/balances?year=${of}`).expect(200)).body as { items: { asked: number; taken: number; remaining: number; carriedOver: number; granted: number; entitled: number }[] }).items[0]!;
  const decides = (verb: string, { openTasks }: Instance) => world.as('joko').post(`/workflow/tasks/${openTasks[0]!.id}/${verb}`, { comment: 'so' }).expect(200);

  it('asks for working days, takes them when it is completed, and gives them back when it is not', async () => {
    expect(await left('siti')).toMatchObject({ entitled: 12, asked: 0, taken: 0, remaining: 12 });
    // Two weeks, and the weekend between them is none of it.
    const two = await filed('siti', monday(10), monday(11, 4));
    expect(await left('siti')).toMatchObject({ asked: 10, taken: 0, remaining: 2 });
    await decides('approve', two);
    expect(await left('siti')).toMatchObject({ asked: 0, taken: 10, remaining: 2 });
    for (const verb of ['reject', 'return'] as const) {
      const one = await filed('siti', monday(20), monday(20));
      expect(await left('siti')).toMatchObject({ asked: 1, remaining: 1 });
      await decides(verb, one);
      expect(await left('siti')).toMatchObject({ asked: 0, remaining: 2 });
      if (verb === 'return') {
        await world.as('siti').post(`/workflow/instances/${one.id}/submit`, { form: { kind: 'annual', from: monday(20), until: monday(20, 1), reason: 'Family' } }).expect(200);
        expect(await left('siti')).toMatchObject({ asked: 2, remaining: 0 });
        await world.as('siti').post(`/workflow/instances/${one.id}/withdraw`, {}).expect(200);
        expect(await left('siti')).toMatchObject({ asked: 0, taken: 10, remaining: 2 });
      }
    }
    const { items } = (await world.as('siti').get(`/leave/entries?kind=annual&year=${year}`).expect(200)).body as { items: { days: number; cause: string; instanceId: string }[] };
    expect(items.filter(({ instanceId }) => instanceId === two.id).map(({ cause, days }) => `${cause} ${days}`).sort()).toEqual(['asked -10', 'asked 10', 'taken -10']);
    expect(items.filter(({ cause }) => cause === 'asked').reduce((sum, { days }) => sum + days, 0)).toBe(0);
  });

  it('is refused where not so many days are left, and nothing is filed then', async () => {
    await filed('siti', monday(10), monday(11, 4));
    const refused = await files('siti', monday(20), monday(20, 2));
    expect(refused).toBeProblem(409, 'LEAVE_BALANCE');
    expect(refused.body.detail).toMatch(/^3 (days of Annual leave|hari Cuti tahunan)/);
    expect(await left('siti')).toMatchObject({ asked: 10, remaining: 2 });
    // Of a kind that is not counted there is no end.
    await filed('siti', monday(20), monday(24, 4), 'sick');
    // However many are filed at once.
    const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => files('siti', monday(30 + n), monday(30 + n))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409]);
    expect(await left('siti')).toMatchObject({ asked: 12, remaining: 0 });
  });

  it('is not counted on holidays, and by year where it lies in two', async () => {
    const unit = (await world.ids()).unit('sma-1');
    const { body: calendar } = await world.as('dewi').post('/calendars', { unitId: unit, name: 'Science', timezone: 'Asia/Jakarta', week: Array.from({ length: 7 }, (_, n) => (n < 5 ? [{ from: '07:00', to: '15:00' }] : [])) }).expect(201);
    await world.as('dewi').put(`/calendars/${calendar.id}/days/${monday(10, 1)}`, { name: 'Nyepi', hours: [] }).expect(200);
    await filed('siti', monday(10), monday(10, 4));
    expect(await left('siti')).toMatchObject({ asked: 4 });
    await filed('siti', `${year}-12-28`, `${year + 1}-01-05`);
    const [before, after] = [await left('siti'), await left('siti', year + 1)];
    expect(before.asked + after.asked).toBeGreaterThanOrEqual(4 + 5);
    expect(after.asked).toBeGreaterThan(0);
    // What is left over, but at most six.
    expect(after.carriedOver).toBe(Math.min(6, before.remaining));
  });

  it('is granted and taken away by administrators, all of it or nothing, with a reason', async () => {
    const item = (days: number, more: object = {}) => ({ person: person('siti'), kind: 'annual', year, days, note: 'Came in August', ...more });
    expect(await world.as('dewi').post('/leave/entries', { items: [item(3), item(1, { kind: 'moon' })] })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await left('siti')).toMatchObject({ granted: 0, remaining: 12 });
    for (const bad of [item(0), item(0.3), item(1, { note: ' ' }), item(1, { person: '0190b5a0-0000-7000-8000-000000000001' })]) expect(await world.as('dewi').post('/leave/entries', { items: [bad] })).toBeProblem(400, 'REQUEST_INVALID');
    await world.as('dewi').post('/leave/entries', { items: [item(-7), item(0.5)] }).expect(201);
    expect(await left('siti')).toMatchObject({ granted: -6.5, remaining: 5.5 });
    for (const handle of ['siti', 'joko']) expect(await world.as(handle).post('/leave/entries', { items: [item(5)] })).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('joko').get(`/leave/balances?person=${person('siti')}`)).toBeProblem(403, 'PERMISSION_DENIED');
    expect(await world.as('joko').get(`/leave/entries?person=${person('siti')}`)).toBeProblem(403, 'PERMISSION_DENIED');
    await world.as('dewi').get(`/leave/balances?person=${person('siti')}&year=${year}`).expect(200);
  });

  it('is shown before it is filed, and to whoever decides', async () => {
    const form = { kind: 'annual', from: monday(10), until: monday(10, 2), reason: 'Family' };
    const { body: preview } = await world.as('siti').post('/workflow/instances/preview', { definition: 'leave', form }).expect(200);
    expect(preview.leave).toEqual([{ kind: expect.any(String), year, days: 3, remaining: 12 }]);
    const { id } = await filed('siti', monday(10), monday(10, 2));
    expect((await world.as('joko').get(`/workflow/instances/${id}/leave`).expect(200)).body.items).toEqual([{ kind: expect.any(String), year, days: 3, remaining: 9 }]);
    expect(await world.as('putu').get(`/workflow/instances/${id}/leave`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('changes its rate from a year on that is not over, and its name', async () => {
    await world.as('dewi').put(`/leave/kinds/annual/rates/${year + 1}`, { days: 14, carryOver: 0 }).expect(200);
    expect([(await left('siti')).remaining, (await left('siti', year + 1)).remaining, (await left('siti', year + 2)).remaining]).toEqual([12, 20, 14]);
    expect(await world.as('dewi').put(`/leave/kinds/annual/rates/${year - 2}`, { days: 14 })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await world.as('dewi').put(`/leave/kinds/moon/rates/${year}`, { days: 14 })).toBeProblem(404, 'NOT_FOUND');
    const { body } = await world.as('dewi').patch('/leave/kinds/annual', { title: { en: 'Yearly leave', id: 'Cuti' } }).expect(200);
    expect(body).toEqual({ code: 'annual', title: { en: 'Yearly leave', id: 'Cuti' }, rates: [{ fromYear: year, days: 12, carryOver: 6 }, { fromYear: year + 1, days: 14, carryOver: 0 }] });
    expect((await world.as('siti').get('/leave/kinds').expect(200)).body.items).toEqual([body]);
    expect(await world.as('dewi').post('/leave/kinds', { code: 'annual', title: { en: 'A', id: 'B' }, days: 1 })).toBeProblem(409, 'CODE_TAKEN');
    expect(await world.as('siti').post('/leave/kinds', { code: 'other', title: { en: 'A', id: 'B' }, days: 1 })).toBeProblem(403, 'PERMISSION_DENIED');
  });

  it('is no part of a definition whose form does not ask for it', async () => {
    const { body: template } = await world.as('dewi').get('/workflow/definitions/leave').expect(200);
    const document = { ...template.document, key: 'leave-too', leave: { kind: 'why', from: 'reason', until: 'until' } };
    const { body } = await world.as('dewi').post('/workflow/definitions/check', { document }).expect(200);
    expect((body.problems as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`)).toEqual(['#/leave/kind unknown_field', '#/leave/from unknown_field']);
  });
});
