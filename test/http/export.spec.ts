import { parse } from 'csv-parse/sync';
import { Metrics } from '../../src/platform/telemetry';
import { connected } from '../support/database';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';

describe('lists of requests', () => {
  let testApp: TestApp;
  let world: World;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
  });
  afterAll(() => testApp.close());

  const leave = async (by: string, form: object) => (await world.as(by).post('/workflow/instances', { definition: 'leave', submit: true, form: { kind: 'annual', from: '2027-03-01', until: '2027-03-02', reason: 'Family', ...form } }).expect(201)).body as { id: string };
  const found = async (by: string, query: string) => ((await world.as(by).get(`/workflow/instances?limit=200&${query}`).expect(200)).body.items as { id: string }[]).map(({ id }) => id);
  const csv = async (by: string, query = '') => {
    const { text, headers } = await world.as(by).get(`/workflow/instances/export.csv?${query}`).expect(200);
    return { headers, text, rows: parse(text, { bom: true, columns: true }) as Record<string, string>[] };
  };

  it('are searched by what was filled in and by who filed it, and by when', async () => {
    const wedding = await leave('siti', { reason: 'My sister’s wedding in 100% white_shirts' });
    const other = await leave('siti', { reason: 'Moving house' });
    const putu = await leave('putu', { reason: 'A wedding' });
    expect(await found('siti', 'q=WEDDING')).toEqual([wedding.id]);
    expect(await found('dewi', 'q=wedding')).toEqual([putu.id, wedding.id]);
    // The marks of patterns are letters like others.
    expect([await found('siti', `q=${encodeURIComponent('100% white_')}`), await found('siti', `q=${encodeURIComponent('1__% w')}`)]).toEqual([[wedding.id], []]);
    expect(await found('siti', 'q=Siti')).toEqual([other.id, wedding.id]);
    // Names of fields are not what was filled in.
    expect(await found('siti', 'q=reason')).toEqual([]);
    const tomorrow = encodeURIComponent(new Date(Date.now() + 86_400_000).toISOString());
    expect([await found('siti', `submittedFrom=${tomorrow}`), await found('siti', `submittedUntil=${tomorrow}&key=leave&state=running`)]).toEqual([[], [other.id, wedding.id]]);
    expect(await world.as('siti').get('/workflow/instances?q=x')).toBeProblem(400, 'REQUEST_INVALID');
  });

  it('are exported for a spreadsheet: what one may see, field by field, and no formulas', async () => {
    const { id } = await leave('siti', { reason: '=HYPERLINK("http://evil.test","x")', handover: 'a;b, "c"\nd' });
    const { headers, text, rows } = await csv('siti', 'key=leave');
    expect([headers['content-type'], headers['content-disposition']]).toEqual(['text/csv; charset=utf-8', 'attachment; filename="requests.csv"']);
    expect([text.charCodeAt(0), text.split('\r\n')[0]!.slice(1, 24)]).toEqual([0xfeff, 'Id,Request,State,Employ']);
    const row = rows.find((each) => each.Id === id)!;
    expect(row).toMatchObject({ Request: 'Leave', State: 'running', 'Filed by': expect.stringMatching(/^Siti/), 'Waits at': 'Head of the unit', Submissions: '1', kind: 'annual', from: '2027-03-01', handover: 'a;b, "c"\nd', reason: '\'=HYPERLINK("http://evil.test","x")' });
    expect(new Set(rows.map((each) => each['Filed by'])).size).toBe(1);
    expect((await csv('dewi')).rows.length).toBeGreaterThan(rows.length);
    expect(JSON.parse((await csv('dewi', 'q=HYPERLINK')).rows[0]!.form!)).toMatchObject({ kind: 'annual' });
    const { body } = await world.as('hendra').get('/audit/events?action=workflow.exported').expect(200);
    expect(body.items.map(({ after }: { after: object }) => after)).toEqual([{ q: 'HYPERLINK' }, {}, { key: 'leave' }]);
    expect(await world.as('siti').get('/workflow/instances/export.csv?key=nothing')).toBeProblem(404, 'NOT_FOUND');
  });

  it('are counted: how long they take, where they wait, how many go back', async () => {
    const fresh = await aFoundation(testApp);
    const file = async () => (await fresh.as('siti').post('/workflow/instances', { definition: 'leave', submit: true, form: { kind: 'unpaid', from: '2027-03-01', until: '2027-03-02', reason: 'Family' } }).expect(201)).body as { id: string; openTasks: { id: string }[] };
    const answers = async (by: string, task: string, verb: string) => (await fresh.as(by).post(`/workflow/tasks/${task}/${verb}`, { comment: 'x' }).expect(200)).body as { openTasks: { id: string }[] };
    const [one, two] = [await file(), await file()];
    await file();
    const next = await answers('joko', one.openTasks[0]!.id, 'approve');
    await answers('budi', next.openTasks[0]!.id, 'approve');
    await answers('joko', two.openTasks[0]!.id, 'return');
    await connected(testApp.database.adminUrl, async (client) => {
      await client.query(`UPDATE workflow_task SET created_at = created_at - interval '10 hours' WHERE node = 'head' AND instance_id = $1`, [one.id]);
      await client.query('ALTER TABLE workflow_instance DISABLE TRIGGER z_audited');
      await client.query(`UPDATE workflow_instance SET submitted_at = submitted_at - interval '30 hours' WHERE id = $1`, [one.id]);
      await client.query('ALTER TABLE workflow_instance ENABLE TRIGGER z_audited');
    });
    const ask = async (by: string, query = '') => (await fresh.as(by).get(`/workflow/instances/statistics?from=2026-01-01T00:00:00Z${query}`).expect(200)).body as { requests: object[]; steps: { node: string }[] };
    const seen = await ask('siti');
    expect(seen.requests).toEqual([{ key: 'leave', title: 'Leave', filed: 3, running: 1, completed: 1, rejected: 0, withdrawn: 0, cancelled: 0, sentBack: 1, medianHours: 30, p90Hours: 30 }]);
    expect(seen.steps).toEqual([
      { key: 'leave', node: 'head', title: 'Head of the unit', open: 1, answered: 2, sentBack: 1, overdue: 0, medianHours: 5, p90Hours: 9 },
      { key: 'leave', node: 'leadership', title: 'Head of the unit above', open: 0, answered: 1, sentBack: 0, overdue: 0, medianHours: 0, p90Hours: 0 },
    ]);
    const metrics = await testApp.app.get(Metrics).registry.metrics();
    expect(metrics).toMatch(/^gloria_workflow_transitions_total\{event="returned"[^}]*\} [1-9]/m);
    expect(metrics).toMatch(/^gloria_workflow_step_wait_seconds_count\{state="approved"[^}]*\} [1-9]/m);
    expect([await ask('putu'), await ask('siti', '&key=absence'), await ask('siti', '&until=2026-01-02T00:00:00Z')]).toEqual(Array.from({ length: 3 }, () => ({ requests: [], steps: [] })));
  });
});
