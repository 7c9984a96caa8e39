import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { readProjectFile } from '../support/documents';

/** Every request in docs/permissions.md, in its order, by the administrator of a foundation. */
it('the guide to permissions can be followed as it stands', async () => {
  const testApp: TestApp = await startApp();
  try {
    const world: World = await aFoundation(testApp);
    const ids = await world.ids();
    const made: Record<string, string> = {};
    const fill = (text: string) =>
      text.replace(/<([^>]+)>/g, (_, name: string) => {
        const [kind, code] = name.split(' ') as [string, string];
        if (name === 'in a week') return new Date(Date.now() + 7 * 86_400_000).toISOString();
        if (kind === 'person') return ids.person(code);
        if (kind === 'unit') return ids.unit(code);
        if (kind === 'position') return ids.position(code);
        return made[name] ?? ids.role(code);
      });
    const blocks = [...readProjectFile('docs/permissions.md').matchAll(/```http\n([\s\S]*?)```/g)].map(([, block]) => block!);
    const requests = blocks.flatMap((block) => block.split(/^(?=(?:POST|GET) )/m)).map((text) => /^(POST|GET) \/((?:api|access)\/v1\/\S+)\n([\s\S]*)$/.exec(text)!);
    expect(requests.length).toBeGreaterThan(7);
    for (const [, method, path, body] of requests) {
      if (method === 'GET') {
        expect([path, (await testApp.http.get(`/${path}`).set('authorization', `Bearer ${world.token('dewi')}`)).status]).toEqual([path, 200]);
        continue;
      }
      const input = JSON.parse(fill(body!)) as { code?: string };
      const answer = await testApp.http.post(`/${path}`).set('authorization', `Bearer ${world.token('dewi')}`).send(input);
      expect([path, answer.status, answer.status < 300 ? '' : answer.text]).toEqual([path, /permissions\/|access\//.test(path!) ? 200 : 201, '']);
      if (input.code) made[`role ${input.code}`] = (answer.body as { id: string }).id;
    }
  } finally {
    await testApp.close();
  }
}, 60_000);
