import request from 'supertest';
import fc from 'fast-check';
import { Keyring } from '../../src/platform/keyring';
import { Outbox } from '../../src/platform/outbox';
import { readToken, tokenOf } from '../../src/modules/workflow/mail-links';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { FakePostmark } from '../support/fake-postmark';
import { Flows, type Instance } from '../support/workflow';

const DAY = 24 * 3_600_000;

describe('decisions by a link in a mail', () => {
  const postmark = new FakePostmark();
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let person: (handle: string) => string;
  beforeAll(async () => {
    await postmark.start();
    testApp = await startApp({ POSTMARK_API_KEY: postmark.token, POSTMARK_API_URL: postmark.url, POSTMARK_FROM_EMAIL: 'Gloria <gloria@school.test>', APP_URL: 'https://app.school.test', PUBLIC_URL: 'https://api.school.test' });
  });
  beforeEach(async () => {
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    person = (handle) => ids.person(handle);
    await connected(testApp.database.adminUrl, (client) => client.query('DELETE FROM outbox_message'));
    postmark.sent.length = 0;
  });
  afterAll(async () => {
    await testApp.close();
    await postmark.stop();
  });

  const anybody = () => request(testApp.app.getHttpServer());
  const post = (path: string, body: object) => anybody().post(`/api/v1/mail-decisions${path}`).set('accept-language', 'en').send(body);
  /** The tokens in the mails that have gone out since, by the address they went to. */
  const mailed = async (): Promise<Record<string, string | undefined>> => {
    while ((await testApp.app.get(Outbox).deliverDue(100)) > 0);
    return Object.fromEntries(postmark.sent.splice(0).map(({ To, TextBody, HtmlBody }) => {
      const token = /https:\/\/api\.school\.test\/api\/v1\/mail-decisions#(\S+)/.exec(TextBody)?.[1];
      expect(token === undefined ? HtmlBody.includes('mail-decisions') : HtmlBody.includes(token)).toBe(token !== undefined);
      return [To.split('@')[0], token];
    }));
  };
  const tokenFor = async (handle: string) => (await mailed())[handle]!;
  const stateOf = async (id: string) => ((await world.as('siti').get(`/workflow/instances/${id}`).expect(200)).body as { state: string }).state;

  it('show what is asked for, and decide it, once, as its reader, on record as such', async () => {
    const filed = await flows.filed({ a: flows.step('done', 'lina') }, { way: '<script>alert(1)</script>' });
    const token = await tokenFor('lina');
    const { body } = await post('/shown', { token }).expect(200);
    expect(body).toMatchObject({ locale: 'en', definition: 'Drawn', step: 'A step', fields: [{ label: 'way', value: '<script>alert(1)</script>' }], link: `https://app.school.test/requests/${filed.id}` });
    expect(body.initiator).toMatch(/^Siti/);
    expect(body.reader).toMatch(/^Lina/);
    expect(await stateOf(filed.id)).toBe('running');
    expect(await post('', { token, verb: 'reject' })).toBeProblem(400, 'REQUEST_INVALID');
    await post('', { token, verb: 'approve', comment: 'By mail' }).set('x-request-id', 'decided-by-mail').expect(200, { verb: 'approve' });
    expect(await stateOf(filed.id)).toBe('completed');
    // A button pressed twice, a network that repeats.
    await post('', { token, verb: 'approve', comment: 'By mail' }).expect(200, { verb: 'approve' });
    expect(await post('', { token, verb: 'reject', comment: 'No' })).toBeProblem(409, 'WORKFLOW_LINK_USED');
    expect(await post('/shown', { token })).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    const { body: log } = await world.as('hendra').get(`/audit/events?targetType=workflow_instance&targetId=${filed.id}&limit=50`).expect(200);
    const [event] = (log.items as { actor: object; context: object; action: string }[]).filter(({ context }) => JSON.stringify(context).includes('decided-by-mail'));
    expect(JSON.stringify(event)).toContain('mail-link');
    expect(event).toMatchObject({ actor: { kind: 'user', id: person('lina') } });
    const { items } = (await world.as('siti').get(`/workflow/instances/${filed.id}/history`).expect(200)).body as { items: { actor: string; data: { comment?: string } }[] };
    expect(items.at(-1)).toMatchObject({ actor: `person:${person('lina')}`, data: { comment: 'By mail' } });
  });

  it('are not made by whoever follows links: the page is the same for all, and a script of its own is all that runs in it', async () => {
    const filed = await flows.filed({ a: flows.step('done', 'lina') });
    const token = await tokenFor('lina');
    for (const path of ['', `?token=${token}`]) {
      const page = await anybody().get(`/api/v1/mail-decisions${path}`).expect(200);
      expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
      expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self';/);
      expect(page.text).not.toContain(token);
      await anybody().head(`/api/v1/mail-decisions${path}`).expect(200);
    }
    await anybody().head('/api/v1/mail-decisions/shown').expect(404);
    expect(await stateOf(filed.id)).toBe('running');
  });

  it('are not offered where steps are sensitive, ask for more than a word, or for something else', async () => {
    const form = { type: 'object', properties: { way: { type: 'string' } } };
    const service = { type: 'task' as const, title: { en: 'Do it', id: 'Kerjakan' }, candidates: [{ person: person('budi') }], to: 'done' };
    await flows.filed({ f: { type: 'parallel', to: ['a', 'b', 'c', 'd'] }, a: flows.step('j', 'lina', { sensitivity: 'high' }), b: flows.step('j', 'joko', { form, as: 'answer' }), c: { ...service, to: 'j' }, d: flows.step('j', 'agus', { sensitivity: 'normal' }), j: { type: 'parallel', to: ['done'] } });
    const tokens = await mailed();
    expect(Object.keys(tokens).sort()).toEqual(['agus', 'budi', 'joko', 'lina']);
    expect(Object.entries(tokens).filter(([, token]) => token !== undefined).map(([handle]) => handle)).toEqual(['agus']);
  });

  it('no token but ours opens anything', async () => {
    const filed = await flows.filed({ a: flows.step('done', 'lina') });
    const token = await tokenFor('lina');
    const keyring = testApp.app.get(Keyring);
    const link = (await readToken(keyring, token))!;
    expect(link).toMatchObject({ taskId: filed.taskOf('a'), personId: person('lina') });
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'ABCXYZabcxyz0189_-.'), async (at, character) => {
        const forged = token.slice(0, at) + character + token.slice(at + 1);
        expect(await readToken(keyring, forged)).toEqual(forged === token ? link : null);
      }),
      { numRuns: 500 },
    );
    await fc.assert(fc.asyncProperty(fc.string({ maxLength: 300 }), async (text) => expect(await readToken(keyring, text)).toBeNull()), { numRuns: 300 });
    for (const forged of [`${token}A`, token.slice(0, -1), `9${token}`, '1.AQ', '../1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']) expect(await post('', { token: forged, verb: 'approve' })).toBeProblem(404, 'WORKFLOW_LINK_INVALID');
    expect(await stateOf(filed.id)).toBe('running');
  });

  it('are void after a week, and once the step was given to somebody else, even where it comes back', async () => {
    const filed = await flows.filed({ a: flows.step('done', 'lina') });
    const token = await tokenFor('lina');
    const keyring = testApp.app.get(Keyring);
    const link = (await readToken(keyring, token))!;
    expect(await post('', { token: await tokenOf(keyring, { ...link, madeAt: Date.now() - 7 * DAY - 1_000 }), verb: 'approve' })).toBeProblem(410, 'WORKFLOW_LINK_EXPIRED');
    expect((await filed.handles('lina', 'transfer', 'a', { to: person('joko') })).status).toBe(200);
    expect(await post('', { token, verb: 'approve' })).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect((await filed.handles('joko', 'transfer', 'a', { to: person('lina') })).status).toBe(200);
    for (const path of ['', '/shown']) expect(await post(path, { token, ...(path === '' ? { verb: 'approve' } : {}) })).toBeProblem(410, 'WORKFLOW_LINK_EXPIRED');
    expect(await stateOf(filed.id)).toBe('running');
  });

  it('are void once it was sent back: what is asked for then is another step', async () => {
    const filed = await flows.filed({ a: flows.step('done', 'lina') });
    const token = await tokenFor('lina');
    await filed.does('lina', 'return', 'a');
    expect(await post('', { token, verb: 'approve' })).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    expect((await filed.filer('submit', { form: {} })).status).toBe(200);
    expect(await post('', { token, verb: 'approve' })).toBeProblem(409, 'WORKFLOW_TASK_CLOSED');
    await post('', { token: await tokenFor('lina'), verb: 'approve' }).expect(200);
  });

  it('keep apart whom the definition keeps apart, and give nobody back what they may no longer', async () => {
    const apart = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', ['lina', 'joko'], { notActorOf: ['a'] }) });
    while ((await testApp.app.get(Outbox).deliverDue(100)) > 0);
    const keyring = testApp.app.get(Keyring);
    const foundationId = (await world.ids()).foundation;
    const tokenTo = async (node: string, handle: string) => {
      const { body } = await world.as('siti').get(`/workflow/instances/${apart.id}`).expect(200);
      return tokenOf(keyring, { foundationId, taskId: (body as Instance).openTasks.find((task) => task.node === node)!.id, personId: person(handle), madeAt: Date.now() });
    };
    await post('', { token: await tokenTo('a', 'lina'), verb: 'approve' }).expect(200);
    expect(await post('', { token: await tokenTo('b', 'lina'), verb: 'approve' })).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    await world.as('joko').post('/workflow/substitutions', { substituteId: person('lina'), until: new Date(Date.now() + DAY).toISOString() }).expect(201);
    expect(await post('', { token: await tokenTo('b', 'lina'), verb: 'approve' })).toBeProblem(403, 'WORKFLOW_SEPARATION');
    // Somebody else’s step, and one’s own request, by a link that was never mailed.
    expect(await post('', { token: await tokenTo('b', 'eko'), verb: 'approve' })).toBeProblem(403, 'WORKFLOW_NOT_CANDIDATE');
    expect(await post('', { token: await tokenTo('b', 'siti'), verb: 'approve' })).toBeProblem(403, 'WORKFLOW_OWN_STEP');
    await connected(testApp.database.adminUrl, async (client) => {
      await client.query("SET session_replication_role = 'replica'");
      await client.query(`DELETE FROM user_session WHERE user_id IN (SELECT id FROM user_account WHERE person_id = $1)`, [person('joko')]);
      await client.query(`DELETE FROM user_account WHERE person_id = $1`, [person('joko')]);
    });
    expect(await post('', { token: await tokenTo('b', 'joko'), verb: 'approve' })).toBeProblem(410, 'WORKFLOW_LINK_EXPIRED');
    const elsewhere = await tokenOf(keyring, { foundationId: '0190b5a0-0000-7000-8000-000000000001', taskId: apart.taskOf('a'), personId: person('budi'), madeAt: Date.now() });
    expect(await post('', { token: elsewhere, verb: 'approve' })).toBeProblem(410, 'WORKFLOW_LINK_EXPIRED');
  });

  it('have one outcome, however many are pressed at once, in the application too', async () => {
    const filed = await flows.filed({ a: flows.step('done', 'lina') });
    const token = await tokenFor('lina');
    const answers = await Promise.all([
      ...Array.from({ length: 3 }, () => post('', { token, verb: 'approve' })), ...Array.from({ length: 3 }, () => post('', { token, verb: 'reject', comment: 'No' })),
      world.as('lina').post(`/workflow/tasks/${filed.taskOf('a')}/reject`, { comment: 'No' }),
    ]);
    const { items } = (await world.as('siti').get(`/workflow/instances/${filed.id}/history`).expect(200)).body as { items: { event: string }[] };
    expect(items).toHaveLength(2);
    expect(new Set(answers.filter(({ status }) => status === 200).map(({ body }) => body.verb ?? 'reject'))).toEqual(new Set([items[1]!.event === 'approved' ? 'approve' : 'reject']));
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
  });
});
