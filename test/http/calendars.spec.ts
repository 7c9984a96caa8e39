import { TimersService } from '../../src/modules/workflow';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { Flows, type Running } from '../support/workflow';

describe('calendars', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let unit: (code: string) => string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    unit = (code) => ids.unit(code);
  });
  afterAll(() => testApp.close());

  const always = [{ from: '00:00', to: '24:00' }];
  const everyDay = Array.from({ length: 7 }, () => always);
  const dewi = () => world.as('dewi');
  const due = async (request: Running) => {
    const { rows } = await connected(testApp.database.adminUrl, (client) => client.query<{ due_at: Date; state: string; now: Date }>('SELECT m.due_at, m.state::text, now() FROM workflow_timer m JOIN workflow_task t ON t.id = m.task_id WHERE t.instance_id = $1', [request.id]));
    return { ...rows[0]!, hours: Math.round((rows[0]!.due_at.getTime() - rows[0]!.now.getTime()) / 36_000) / 100 };
  };

  it('are of units, are changed based on what was read, and are refused where they make no sense', async () => {
    const { body, headers } = await dewi().post('/calendars', { unitId: unit('sma-1'), name: 'SMA 1', timezone: 'Asia/Makassar', week: everyDay }).expect(201);
    expect(await dewi().post('/calendars', { unitId: unit('sma-1'), name: 'Again', timezone: 'Asia/Jakarta', week: everyDay })).toBeProblem(409, 'CODE_TAKEN');
    const path = `/calendars/${body.id}`;
    expect(await dewi().patch(path, { name: 'SMA' })).toBeProblem(428, 'PRECONDITION_REQUIRED');
    expect((await dewi().patch(path, { name: 'SMA' }).set('if-match', headers.etag as string).expect(200)).body).toMatchObject({ name: 'SMA', version: 2 });
    expect(await dewi().patch(path, { name: 'Other', version: 1 })).toBeProblem(409, 'STALE_VERSION');
    for (const wrong of [{ timezone: 'Mars/Base' }, { week: [] }, { week: [[], [], [], [], [], [], []] }, { week: [[{ from: '09:00', to: '08:00' }], [], [], [], [], [], []] }, { week: [[{ from: '08:00', to: '10:00' }, { from: '09:00', to: '11:00' }], [], [], [], [], [], []] }]) {
      expect(await dewi().patch(path, { version: 2, ...wrong })).toBeProblem(400, 'REQUEST_INVALID');
    }
    for (const refused of [await world.as('siti').patch(path, { version: 2, name: 'x' }), await world.as('siti').post(`${path}/days/import`, { ics: 'x' }), await world.as('siti').put(`${path}/days/2026-12-25`, { name: 'x', hours: [] })]) expect(refused).toBeProblem(403, 'PERMISSION_DENIED');
    expect((await world.as('siti').get('/calendars').expect(200)).body.items).toHaveLength(1);
    expect((await world.as('siti').get(path).expect(200)).body.timezone).toBe('Asia/Makassar');
    expect(await dewi().get('/calendars/0190b5a0-0000-7000-8000-000000000001')).toBeProblem(404, 'NOT_FOUND');
    await dewi().delete(path).expect(204);
    expect(await dewi().get(path)).toBeProblem(404, 'NOT_FOUND');
  });

  it('take holidays from iCalendar files, once, and keep what somebody wrote', async () => {
    const { body } = await dewi().post('/calendars', { unitId: unit('sma-1'), name: 'SMA 1', timezone: 'Asia/Jakarta', week: everyDay }).expect(201);
    const path = `/calendars/${body.id}`;
    const year = new Date().getUTCFullYear();
    const ics = (name: string) => ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//t//EN', 'BEGIN:VEVENT', 'UID:m', `DTSTART;VALUE=DATE:${year}0817`, `SUMMARY:${name}`, 'RRULE:FREQ=YEARLY', 'END:VEVENT', 'BEGIN:VEVENT', 'UID:n', `DTSTART:${year}0101T080000Z`, 'SUMMARY:Meeting', 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');
    await dewi().put(`${path}/days/${year + 1}-08-17`, { name: 'Open day', hours: [{ from: '08:00', to: '10:00' }] }).expect(200);
    expect((await dewi().post(`${path}/days/import`, { ics: ics('Merdeka') }).expect(200)).body).toEqual({ added: 5, changed: 0, unchanged: 0, kept: [{ day: `${year + 1}-08-17`, name: 'Open day' }], skipped: [{ uid: 'n', name: 'Meeting', reason: 'it is at an hour, not all day' }] });
    expect((await dewi().post(`${path}/days/import`, { ics: ics('Merdeka') }).expect(200)).body).toMatchObject({ added: 0, changed: 0, unchanged: 5 });
    expect((await dewi().post(`${path}/days/import`, { ics: ics('Kemerdekaan') }).expect(200)).body).toMatchObject({ added: 0, changed: 5, unchanged: 0 });
    expect(await dewi().post(`${path}/days/import`, { ics: 'nonsense' })).toBeProblem(400, 'REQUEST_INVALID');
    const { items } = (await world.as('siti').get(`${path}/days?from=${year}-01-01&to=${year + 1}-12-31`).expect(200)).body;
    expect(items).toEqual([{ day: `${year}-08-17`, name: 'Kemerdekaan', hours: [], imported: true }, { day: `${year + 1}-08-17`, name: 'Open day', hours: [{ from: '08:00', to: '10:00' }], imported: false }]);
    await dewi().delete(`${path}/days/${year}-08-17`).expect(204);
    expect(await dewi().delete(`${path}/days/${year}-08-17`)).toBeProblem(404, 'NOT_FOUND');
    await dewi().delete(path).expect(204);
  });

  it('say when working time is over: of the unit, else of the one above, else the usual week', async () => {
    const nodes = { a: flows.step('done', 'lina', { boundary: [{ after: { workingHours: 5 }, to: 'late' }] }), late: flows.step('done', 'eko') };
    const usual = await due(await flows.filed(nodes));
    // Five hours of a nine-hour day: the same day, the next, or after the week-end.
    expect(usual.hours >= 5 && usual.hours < 80).toBe(true);
    const at = new Date(usual.due_at.getTime() + 7 * 3_600_000);
    expect([at.getUTCDay() >= 1 && at.getUTCDay() <= 5, at.getUTCHours() * 60 + at.getUTCMinutes() > 420 && at.getUTCHours() * 60 + at.getUTCMinutes() <= 960]).toEqual([true, true]);
    const { body } = await dewi().post('/calendars', { unitId: unit('sma-1'), name: 'Always open', timezone: 'Asia/Jakarta', week: everyDay }).expect(201);
    // siti’s unit stands below the school.
    expect((await due(await flows.filed(nodes))).hours).toBeCloseTo(5, 1);
    const today = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Jakarta' }).format(new Date());
    await dewi().put(`/calendars/${body.id}/days/${today}`, { name: 'Closed', hours: [] }).expect(200);
    const closed = await due(await flows.filed(nodes));
    expect(closed.due_at.toISOString().slice(11, 19)).toBe('22:00:00');
    await dewi().delete(`/calendars/${body.id}/days/${today}`).expect(204);
    const paused = await flows.filed(nodes);
    await paused.handles('dewi', 'suspend', null, { comment: 'x' });
    await connected(testApp.database.adminUrl, (client) => client.query(`UPDATE workflow_timer m SET due_at = m.due_at - interval '30 hours', halted_at = m.halted_at - interval '30 hours' FROM workflow_task t WHERE t.id = m.task_id AND t.instance_id = $1`, [paused.id]));
    await paused.handles('dewi', 'resume', null, { comment: 'x' });
    expect([(await due(paused)).state, Math.abs((await due(paused)).hours - 5) < 0.05]).toEqual(['pending', true]);
    expect(await testApp.app.get(TimersService).fireDue()).toBe(0);
  });
});
