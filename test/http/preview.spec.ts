import fc from 'fast-check';
import type { Node } from '../../src/modules/workflow/definition';
import { aFoundation, startApp, type TestApp, type World } from '../support/app';
import { Flows } from '../support/workflow';
import { aBlockDefinition } from '../support/workflow-definitions';

/** What the preview says, against what happens: the same steps, put to the same people, when everybody approves. */
describe('a preview', () => {
  let testApp: TestApp;
  let world: World;
  let flows: Flows;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    flows = await Flows.of(world);
  });
  afterAll(() => testApp.close());

  it('is what is filed becomes, when everybody approves', async () => {
    const people = ['lina', 'eko', 'maya', 'budi', 'joko'] as const;
    const ids = await world.ids();
    const handleOf = new Map(people.map((handle) => [ids.person(handle), handle]));
    const asks = fc.record({ who: fc.nat(people.length - 1), apart: fc.boolean(), again: fc.boolean(), skip: fc.boolean(), elsewhere: fc.boolean() });
    const form = { type: 'object', properties: { way: { type: 'integer' } } };
    let compared = 0;
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(aBlockDefinition, fc.array(asks, { minLength: 30, maxLength: 30 }), fc.nat(2), async (drawn, list, way) => {
        const names = Object.keys(drawn.nodes).filter((name) => drawn.nodes[name]!.type === 'approval');
        const nodes: Record<string, Node> = { ...drawn.nodes };
        for (const [n, name] of names.entries()) {
          const { who, apart, again, skip, elsewhere } = list[n % list.length]!;
          const { to } = drawn.nodes[name] as { to: string };
          nodes[name] = flows.step(to, people[who]!, { skipDecided: again, differentDepartment: elsewhere, ...(skip ? { noCandidate: 'skip' as const } : {}), ...(apart && n > 0 ? { notActorOf: [names[n - 1]!] } : {}) });
        }
        const document = { ...flows.document({}, drawn.start), form, nodes };
        const published = await world.as('dewi').post('/workflow/definitions', { document, anyway: true });
        // Steps that are kept apart and can wait together are not published.
        if (published.status !== 201) return;
        const { steps, ends } = (await world.as('siti').post('/workflow/instances/preview', { definition: document.key, form: { way } }).expect(200)).body as { steps: { node: string; state: string; asked: { id: string }[] }[]; ends: boolean };
        const filed = await world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: { way } });
        if (!ends) return;
        expect([document.key, filed.status]).toEqual([document.key, 201]);
        const asked = new Map<string, string[]>();
        let request = filed.body as { id: string; state: string; openTasks: { id: string; node: string }[] };
        for (let left = 100; request.state === 'running' && left > 0; left -= 1) {
          const { body } = await world.as('siti').get(`/workflow/instances/${request.id}/people`).expect(200);
          for (const task of body.tasks as { node: string; asked: { id: string }[] }[]) asked.set(task.node, task.asked.map(({ id }) => id).sort());
          const { id, node } = request.openTasks[0]!;
          const by = handleOf.get(asked.get(node)![0]!)!;
          const answer = await world.as(by).post(`/workflow/tasks/${id}/approve`, {});
          expect([node, by, answer.status]).toEqual([node, by, 200]);
          request = answer.body as typeof request;
        }
        expect(request.state).toBe('completed');
        const foreseen = steps.filter(({ state }) => state === 'asked').map(({ node, asked: who }) => [node, who.map(({ id }) => id).sort()] as const);
        expect(new Map(foreseen)).toEqual(asked);
        compared += foreseen.length;
        passed += steps.length - foreseen.length;
      }),
      { numRuns: Math.ceil(30 * Number(process.env.PROPERTY_RUNS ?? 1)) },
    );
    expect([compared > 10, passed > 0]).toEqual([true, true]);
  });

  it('knows of those who have approved already, and of the department of whoever files it', async () => {
    const document = flows.document({ a: flows.step('b', 'lina'), b: flows.step('c', ['lina', 'eko'], { skipDecided: true, strategy: 'all' }), c: flows.step('d', 'lina', { skipDecided: true }), d: flows.step('done', ['joko', 'budi'], { differentDepartment: true }) });
    await world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    const { steps } = (await world.as('siti').post('/workflow/instances/preview', { definition: document.key, form: {} }).expect(200)).body as { steps: { node: string; state: string; asked: object[] }[] };
    expect(steps.map(({ node, state, asked }) => [node, state, asked.length])).toEqual([['a', 'asked', 1], ['b', 'asked', 2], ['c', 'skipped', 1], ['d', 'asked', 1]]);
  });
});
