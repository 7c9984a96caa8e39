import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Outbox } from '../../src/platform/outbox';
import { TimersService } from '../../src/modules/workflow';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { FakePostmark } from '../support/fake-postmark';
import { Flows } from '../support/workflow';

const PASSWORD = 'a-password-of-the-webhook';

interface Told {
  id: string;
  kind: string;
  title: string;
  body: string;
  instanceId: string;
  taskId: string | null;
  readAt: string | null;
}

describe('notifications', () => {
  const postmark = new FakePostmark();
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let personId: (handle: string) => string;
  beforeAll(async () => {
    await postmark.start();
    testApp = await startApp({ POSTMARK_API_KEY: postmark.token, POSTMARK_API_URL: postmark.url, POSTMARK_FROM_EMAIL: 'Gloria <gloria@school.test>', APP_URL: 'https://app.school.test/', POSTMARK_WEBHOOK_PASSWORD: PASSWORD });
  });
  beforeEach(async () => {
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    personId = (handle) => ids.person(handle);
    await sql('DELETE FROM outbox_message');
    postmark.sent.length = 0;
  });
  afterAll(async () => {
    await testApp.close();
    await postmark.stop();
  });

  const sql = <T extends object>(text: string, values: unknown[] = []) => connected(testApp.database.adminUrl, async (client) => (await client.query<T>(text, values)).rows);
  const told = async (handle: string, query = '') => ((await world.as(handle).get(`/me/notifications${query}`).expect(200)).body as { items: Told[] }).items;
  const kinds = async (handle: string, instanceId: string) => (await told(handle)).filter((each) => each.instanceId === instanceId).map(({ kind }) => kind);
  /** The worker delivers all that is due. */
  const delivers = async () => {
    while ((await testApp.app.get(Outbox).deliverDue(100)) > 0);
    return postmark.sent.splice(0);
  };
  const address = async (handle: string, email: string, locale = 'en') => {
    const { body } = await world.as('dewi').get(`/people/${personId(handle)}`).expect(200);
    await world.as('dewi').patch(`/people/${personId(handle)}`, { email, locale, version: body.version }).expect(200);
  };

  it('tell people what a definition says in its own words, each in their language', async () => {
    await address('siti', 'siti@school.test');
    await address('joko', 'joko@school.test', 'id');
    const mail = {
      type: 'mail' as const, title: { en: 'Told', id: 'Diberitahu' }, to: 'done', recipients: ['initiator' as const, { relation: 'head-of-unit' as const }, { people: 'also' }],
      subject: { en: 'To {way}', id: 'Ke {way}' }, text: { en: 'You go to {way}; {answer.bus} and {nothing.left}. {not a name}', id: 'Anda ke {way}.' },
    };
    const form = { type: 'object', properties: { bus: { type: 'string' } } };
    const document = { ...flows.document({ a: flows.step('m', 'lina', { form, as: 'answer' }), m: mail }), form: { type: 'object', properties: { way: { type: 'string' }, also: { type: 'string' } } } };
    const { body } = await world.as('dewi').post('/workflow/definitions/check', { document }).expect(200);
    expect(body.problems).toEqual([{ pointer: '#/nodes/m/text/en', code: 'expression', detail: 'at 1: there is no nothing' }]);
    document.nodes.m = { ...mail, text: { ...mail.text, en: 'You go to {way}; {answer.bus}. {not a name}' } };
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    const { body: filed } = await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: { way: 'Solo <b>', also: personId('eko') } }).expect(201);
    await delivers();
    await world.as('lina').post(`/workflow/tasks/${filed.openTasks[0].id}/approve`, { form: { bus: 'Bus 12' } }).expect(200);
    const sent = await delivers();
    expect(sent.filter(({ Subject }) => Subject.includes('Solo')).map(({ To, Subject }) => `${To} ${Subject}`).sort()).toEqual(['eko@harapan.example To Solo <b>', 'joko@school.test Ke Solo <b>', 'siti@school.test To Solo <b>']);
    expect(sent.find(({ To }) => To.startsWith('siti'))!.TextBody).toContain('You go to Solo <b>; Bus 12. {not a name}');
    expect(sent.find(({ To, Subject }) => To.startsWith('siti') && Subject.includes('Solo'))!.HtmlBody).not.toContain('<b>');
    expect((await told('eko')).map(({ kind, title }) => `${kind} ${title}`)).toEqual(['request.message To Solo <b>']);
  });

  it('tell whoever is asked, and whose request it is, what happens; nobody what they did themselves', async () => {
    const request = await flows.filed({ a: flows.step('b', ['lina', 'eko'], { strategy: 'sequential', returns: ['a'] }), b: flows.step('done', 'maya') });
    expect([await kinds('lina', request.id), await kinds('eko', request.id), await kinds('siti', request.id)]).toEqual([['step.asked'], [], []]);
    await request.does('lina', 'approve', 'a');
    expect(await kinds('eko', request.id)).toEqual(['step.asked']);
    await request.handles('eko', 'ask', 'a', { comment: 'Which day?' });
    expect(await kinds('siti', request.id)).toEqual(['request.information_asked']);
    await request.handles('siti', 'answer', 'a', { comment: 'Monday' });
    expect([await kinds('eko', request.id), await kinds('lina', request.id)]).toEqual([['request.information_given', 'step.asked'], ['step.asked']]);
    await request.does('eko', 'approve', 'a');
    await world.as('siti').post(`/workflow/instances/${request.id}/watchers`, { person: personId('joko') }).expect(201);
    await world.as('maya').post(`/workflow/instances/${request.id}/comments`, { body: 'Soon' }).expect(201);
    await request.does('maya', 'return', 'b');
    expect(await kinds('siti', request.id)).toEqual(['request.returned', 'request.commented', 'request.information_asked']);
    await request.filer('submit');
    await request.handles('dewi', 'cancel', null, { comment: 'Filed twice' });
    expect([await kinds('siti', request.id), await kinds('joko', request.id), await kinds('dewi', request.id)]).toEqual([
      ['request.cancelled', 'request.returned', 'request.commented', 'request.information_asked'], ['request.cancelled', 'request.commented', 'request.copied_in'], [],
    ]);
  });

  it('are read in one’s language, by oneself, until they are read', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    const [first] = await told('lina');
    expect(first).toMatchObject({ kind: 'step.asked', instanceId: request.id, taskId: request.taskOf('a'), readAt: null, title: 'Drawn: your decision is asked for' });
    expect(first!.body).toMatch(/^Siti .+ filed Drawn; “A step” waits for you\.$/);
    await address('lina', 'lina@school.test', 'id');
    expect((await told('lina'))[0]!.title).toBe('Gambar: keputusan Anda diminta');
    expect((await world.as('lina').get('/me/notifications/unread').expect(200)).body).toEqual({ unread: 1 });
    // Nobody reads another one's.
    expect((await world.as('eko').post('/me/notifications/read', { ids: [first!.id] }).expect(200)).body).toEqual({ unread: 0 });
    expect(await told('lina', '?unread=true')).toHaveLength(1);
    expect((await world.as('lina').post('/me/notifications/read', {}).expect(200)).body).toEqual({ unread: 0 });
    expect([await told('lina', '?unread=true'), (await told('lina'))[0]!.readAt]).toEqual([[], expect.any(String)]);
  });

  it('are mailed once, in the reader’s language, with a link; what was read before is not', async () => {
    await address('lina', 'lina@school.test');
    await address('siti', 'siti@school.test', 'id');
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    const [mail, ...more] = await delivers();
    expect([mail, more]).toEqual([expect.objectContaining({ From: 'Gloria <gloria@school.test>', To: 'lina@school.test', Subject: 'Drawn: your decision is asked for', TextBody: expect.stringContaining(`https://app.school.test/requests/${request.id}`) }), []]);
    expect(mail!.HtmlBody).toContain('Open the request');
    await request.does('lina', 'approve', 'a');
    expect((await delivers()).map(({ To, Subject }) => [To, Subject])).toEqual([['siti@school.test', 'Gambar: disetujui']]);
    await flows.filed({ a: flows.step('done', 'lina') });
    await world.as('lina').post('/me/notifications/read', {}).expect(200);
    expect(await delivers()).toEqual([]);
    // A step for whoever has no address is told in the application alone.
    await flows.filed({ a: flows.step('done', 'eko') });
    const [{ email }] = (await sql<{ email: string | null }>('SELECT email FROM person WHERE id = $1', [personId('eko')])) as [{ email: string | null }];
    expect((await delivers()).length).toBe(email ? 1 : 0);
  });

  it('cannot break a mail by what people are called or write', async () => {
    await address('lina', 'lina@school.test');
    const { body } = await world.as('dewi').get(`/people/${personId('siti')}`).expect(200);
    await world.as('dewi').patch(`/people/${personId('siti')}`, { fullName: '<script>alert("Siti")</script>', version: body.version }).expect(200);
    await flows.filed({ a: flows.step('done', 'lina') });
    const [mail] = await delivers();
    expect(mail!.HtmlBody).not.toContain('<script>');
    expect(mail!.HtmlBody).toContain('&#60;script&#62;');
  });

  it('go out again where the provider was away, and not where an address takes none', async () => {
    await address('lina', 'lina@school.test');
    await flows.filed({ a: flows.step('done', 'lina') });
    postmark.failNext = 1;
    expect(await delivers()).toEqual([]);
    await sql('UPDATE outbox_message SET available_at = now() WHERE delivered_at IS NULL');
    expect(await delivers()).toHaveLength(1);
    postmark.inactive.add('lina@school.test');
    await flows.filed({ a: flows.step('done', 'lina') });
    expect(await delivers()).toEqual([]);
    postmark.inactive.clear();
    expect(await sql('SELECT mail_problem FROM notification WHERE mail_problem IS NOT NULL AND person_id = $1', [personId('lina')])).toEqual([{ mail_problem: expect.stringContaining('inactive') }]);
    expect(await sql('SELECT 1 FROM outbox_message WHERE delivered_at IS NULL')).toEqual([]);
  });

  it('wait for the end of quiet hours, are collected once a day, or do not go out, as people prefer', async () => {
    await address('lina', 'lina@school.test');
    const prefer = (body: object) => world.as('lina').patch('/me/notification-preferences', body);
    const clock = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString().slice(11, 16);
    expect((await world.as('lina').get('/me/notification-preferences').expect(200)).body).toMatchObject({ timezone: null, quiet: null, digestAt: '07:00', mail: { 'step.asked': 'now', 'request.commented': 'digest' }, version: 0 });
    const { body } = await prefer({ timezone: 'Etc/UTC', quiet: { from: clock(-60), until: clock(120) } }).expect(200);
    expect(body).toMatchObject({ timezone: 'Etc/UTC', quiet: { from: clock(-60), until: clock(120) }, version: 2 });
    await flows.filed({ a: flows.step('done', 'lina') });
    expect(await delivers()).toEqual([]);
    const [{ minutes }] = (await sql<{ minutes: number }>(`SELECT round(extract(epoch FROM available_at - now()) / 60)::int AS minutes FROM outbox_message WHERE delivered_at IS NULL`)) as [{ minutes: number }];
    expect(Math.abs(minutes - 120)).toBeLessThanOrEqual(1);
    await sql('UPDATE outbox_message SET available_at = now() WHERE delivered_at IS NULL');
    expect(await delivers()).toHaveLength(1);

    await prefer({ quiet: null, digestAt: clock(30), mail: { 'step.asked': 'digest' } }).expect(200);
    for (let n = 0; n < 3; n += 1) await flows.filed({ a: flows.step('done', 'lina') });
    expect(await delivers()).toEqual([]);
    expect(await sql(`SELECT topic FROM outbox_message WHERE delivered_at IS NULL`)).toEqual([{ topic: 'mail.digest' }]);
    await sql('UPDATE outbox_message SET available_at = now() WHERE delivered_at IS NULL');
    const [digest, ...more] = await delivers();
    expect([digest!.Subject, digest!.TextBody.split('your decision is asked for').length - 1, more]).toEqual(['3 things happened', 3, []]);
    // The next one is queued anew.
    await flows.filed({ a: flows.step('done', 'lina') });
    await delivers();
    expect(await sql(`SELECT topic FROM outbox_message WHERE delivered_at IS NULL`)).toEqual([{ topic: 'mail.digest' }]);

    await sql('DELETE FROM outbox_message');
    await prefer({ mail: { 'step.asked': 'off' } }).expect(200);
    await flows.filed({ a: flows.step('done', 'lina') });
    expect(await delivers()).toEqual([]);
    expect(await sql(`SELECT topic FROM outbox_message WHERE delivered_at IS NULL`)).toEqual([]);
    expect(await prefer({ timezone: 'Mars/Olympus' })).toBeProblem(400, 'REQUEST_INVALID');
    expect(await prefer({ mail: { 'step.asked': 'sometimes' } })).toBeProblem(400, 'REQUEST_INVALID');
  });

  it('reach who stands in for somebody, and those who are asked as well', async () => {
    await world.as('lina').post('/workflow/substitutions', { substituteId: personId('eko'), until: new Date(Date.now() + 3_600_000).toISOString() }).expect(201);
    const serviceLevel = { warning: { hours: 1 }, due: { hours: 2 }, escalation: [{ after: { hours: 3 }, to: [{ person: personId('maya') }] }] };
    const request = await flows.filed({ a: flows.step('done', 'lina', { serviceLevel }) });
    expect([await kinds('lina', request.id), await kinds('eko', request.id), await kinds('maya', request.id)]).toEqual([['step.asked'], ['step.asked'], []]);
    await sql(`UPDATE workflow_timer m SET due_at = m.due_at - interval '4 hours' FROM workflow_task t WHERE t.id = m.task_id AND t.instance_id = $1`, [request.id]);
    while ((await testApp.app.get(TimersService).fireDue()) > 0);
    expect([await kinds('lina', request.id), await kinds('eko', request.id), await kinds('maya', request.id)]).toEqual([['step.overdue', 'step.reminded', 'step.asked'], ['step.overdue', 'step.reminded', 'step.asked'], ['step.asked']].map((each) => expect.arrayContaining(each)));
    // Not who filed it, who could not decide it.
    const own = await flows.filed({ a: flows.step('done', 'lina') }, {}, 'eko');
    expect(await kinds('eko', own.id)).toEqual([]);
  });

  it('are asked for by whoever waits, every few hours', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    expect((await request.handles('siti', 'nudge', 'a')).status).toBe(200);
    expect(await kinds('lina', request.id)).toEqual(['step.nudged', 'step.asked']);
    expect((await told('lina'))[0]!.title).toMatch(/^Drawn: Siti .+ asks you to look at it$/);
    expect(await request.handles('siti', 'nudge', 'a')).toBeProblem(409, 'WORKFLOW_NUDGED');
    expect((await request.handles('lina', 'nudge', 'a')).status).toBe(403);
    await sql(`UPDATE notification SET created_at = created_at - interval '5 hours'`);
    expect((await request.handles('dewi', 'nudge', 'a')).status).toBe(200);
    await request.does('lina', 'approve', 'a');
    expect(await request.handles('siti', 'nudge', 'a')).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
  });

  it('stop for an address Postmark reports as taking none, and nobody else reports', async () => {
    await address('lina', 'Lina@school.test');
    await flows.filed({ a: flows.step('done', 'lina') });
    const [mail] = await delivers();
    const report = (body: object, password = PASSWORD) => testApp.http.post('/api/v1/webhooks/postmark').auth('postmark', password).send(body);
    const bounce = { RecordType: 'Bounce', Type: 'HardBounce', Email: 'lina@school.test', Inactive: true, Metadata: mail!.Metadata, MessageID: 'x', Details: 'unknown user' };
    expect(await report(bounce, 'guessed')).toBeProblem(401, 'AUTH_TOKEN_INVALID');
    expect(await testApp.http.post('/api/v1/webhooks/postmark').send(bounce)).toBeProblem(401, 'AUTH_TOKEN_INVALID');
    const suppressed = async () => (await world.as('lina').get('/me/notification-preferences').expect(200)).body.suppressed as object | null;
    // A soft bounce stops nothing, nor what is about no mail of ours, or of no foundation there is.
    for (const other of [{ ...bounce, Type: 'SoftBounce', Inactive: false }, { ...bounce, RecordType: 'Open' }, { ...bounce, Metadata: {} }, { ...bounce, Metadata: { foundation: '00000000-0000-7000-8000-000000000000' } }]) await report(other).expect(204);
    expect(await suppressed()).toBeNull();
    await report(bounce).expect(204);
    await report(bounce).expect(204);
    expect(await suppressed()).toEqual({ reason: 'HardBounce', since: expect.any(String) });
    await flows.filed({ a: flows.step('done', 'lina') });
    expect([await delivers(), (await told('lina')).length]).toEqual([[], 2]);
    await report({ RecordType: 'SubscriptionChange', Recipient: 'lina@school.test', SuppressSending: false, Metadata: mail!.Metadata }).expect(204);
    expect(await suppressed()).toBeNull();
    await report({ RecordType: 'SpamComplaint', Email: 'lina@school.test', Metadata: mail!.Metadata }).expect(204);
    expect(await suppressed()).toMatchObject({ reason: 'SpamComplaint' });
    // Another address is another matter.
    await address('lina', 'lina.new@school.test');
    await flows.filed({ a: flows.step('done', 'lina') });
    expect([await suppressed(), (await delivers()).map(({ To }) => To)]).toEqual([null, ['lina.new@school.test']]);
  });

  it('are written to a folder without a Postmark token, and shown where people sign in without an account', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gloria-mail-'));
    const local = await startApp({ MAIL_DIR: dir });
    try {
      const here = await aFoundation(local);
      const there = await Flows.of(here);
      const { body } = await here.as('dewi').get(`/people/${(await here.ids()).person('lina')}`).expect(200);
      await here.as('dewi').patch(`/people/${body.id as string}`, { email: 'lina@school.test', locale: 'en', version: body.version }).expect(200);
      await there.filed({ a: there.step('done', 'lina') });
      while ((await local.app.get(Outbox).deliverDue(100)) > 0);
      expect(readdirSync(dir)).toHaveLength(1);
      const page = await local.http.get('/dev/mail').expect(200);
      expect(page.text).toContain('Drawn: your decision is asked for');
      expect(page.text).toContain('lina@school.test');
    } finally {
      await local.close();
    }
    await testApp.http.get('/dev/mail').expect(404);
  });
});
