import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { Flows } from '../support/workflow';

interface Item {
  event: string;
  text: string;
  by: { id: string; name: string } | null;
  comment: string | null;
  file: { name: string } | null;
  opened: { title: string; asked: { name: string }[] }[];
}

describe('the timeline of a request', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  let names: Map<string, string>;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
    const ids = await world.ids();
    const { items } = (await world.as('dewi').get('/people?limit=200').expect(200)).body as { items: { id: string; fullName: string }[] };
    names = new Map(['siti', 'lina', 'eko', 'joko', 'dewi'].map((handle) => [handle, items.find(({ id }) => id === ids.person(handle))!.fullName]));
  });
  afterAll(() => testApp.close());
  const of = async (by: string, id: string) => ((await world.as(by).get(`/workflow/instances/${id}/timeline`).expect(200)).body as { items: Item[] }).items;
  const name = (handle: string) => names.get(handle)!;

  it('tells in order what was done, said and added, by whom and to whom', async () => {
    const person = (await world.ids()).person;
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'joko') });
    await request.handles('lina', 'ask', 'a', { comment: 'Which account?' });
    await world.as('siti').post(`/workflow/instances/${request.id}/comments`, { body: 'Just a moment' }).expect(201);
    const { body: file } = await world.as('siti').sends('Rekening.pdf', Buffer.from('%PDF-1.4\n%%EOF')).expect(201);
    await world.as('siti').post(`/workflow/instances/${request.id}/attachments`, { file: file.id }).expect(201);
    await request.handles('siti', 'answer', 'a', { comment: 'The second' });
    await request.handles('lina', 'delegate', 'a', { to: person('joko') });
    await request.does('lina', 'approve', 'a');
    const items = await of('siti', request.id);
    const step = (node: string) => items[0]!.opened[0]!.title.replace(/a$/, node);
    expect(items.map(({ text, comment }) => [text, comment])).toEqual([
      [`${name('siti')} submitted the request`, null],
      [`${name('lina')} asked for information before “${step('a')}”`, 'Which account?'],
      [`${name('siti')} commented`, 'Just a moment'],
      [`${name('siti')} attached Rekening.pdf`, null],
      [`${name('siti')} gave the information asked for at “${step('a')}”`, 'The second'],
      [`${name('lina')} lets ${name('joko')} decide “${step('a')}” in their place`, null],
      [`${name('lina')} approved “${step('a')}”`, items[6]!.comment],
    ]);
    expect(items[0]!.opened).toMatchObject([{ asked: [{ name: name('lina') }] }]);
    expect(items[6]!.opened).toMatchObject([{ asked: [{ name: name('joko') }] }]);
    const picture = await world.as('siti').get(`/workflow/instances/${request.id}/timeline.svg`).expect(200);
    expect([picture.headers['content-type'], picture.headers['content-security-policy']]).toEqual(['image/svg+xml; charset=utf-8', expect.stringContaining("default-src 'none'")]);
    expect((picture.body as Buffer).toString()).toContain('Which account?');
    expect(await world.as('putu').get(`/workflow/instances/${request.id}/timeline.svg`)).toBeProblem(404, 'NOT_FOUND');
  });

  it('tells where it went back to', async () => {
    const request = await flows.filed({ a: flows.step('b', 'lina'), b: flows.step('done', 'joko', { returns: ['a'] }) });
    await request.does('lina', 'approve', 'a');
    await world.as('joko').post(`/workflow/tasks/${request.taskOf('b')}/return`, { comment: 'Again', to: 'a' }).expect(200);
    const last = (await of('siti', request.id)).at(-1)!;
    expect(last.text).toMatch(new RegExp(`^${name('joko')} sent it back from “.+” to “.+”$`));
    expect(last.comment).toBe('Again');
  });

  it('is for who may see the request', async () => {
    const request = await flows.filed({ a: flows.step('done', 'lina') });
    expect(await world.as('fitri').get(`/workflow/instances/${request.id}/timeline`)).toBeProblem(404, 'NOT_FOUND');
    expect((await of('lina', request.id)).map(({ event }) => event)).toEqual(['submitted']);
  });
});
