import type { Definition, Node } from '../../src/modules/workflow/definition';
import type { World } from './app';

export interface Instance {
  id: string;
  state: string;
  round: number;
  seq: number;
  variables: Record<string, unknown>;
  openTasks: { id: string; node: string; claimedBy: string | null; awaitsInformation: boolean; dueAt: string | null; overdue: boolean; votes: { approve: number; reject: number; abstain: number; open: number } | null }[];
}

const TITLE = { en: 'A step', id: 'Langkah' };

/** Definitions for tests: steps put to people by name, so that who decides does not depend on posts. */
export class Flows {
  private keys = 0;

  private constructor(
    private readonly world: World,
    private readonly personId: (handle: string) => string,
  ) {}

  static async of(world: World): Promise<Flows> {
    const ids = await world.ids();
    return new Flows(world, (handle) => ids.person(handle));
  }

  /** A step put to these people together. */
  step(to: string, who: string | readonly string[], more: Partial<Extract<Node, { type: 'approval' }>> = {}): Node {
    const people = (typeof who === 'string' ? [who] : who).map((handle, n) => ({ person: this.personId(handle), weight: n + 1 }));
    return { type: 'approval', title: TITLE, candidates: people.length === 1 ? people : [{ together: people }], to, ...more };
  }

  document(nodes: Record<string, Node>, start = Object.keys(nodes)[0]!): Definition {
    this.keys += 1;
    const form = { type: 'object', properties: { way: { type: 'string' }, also: { type: 'string' } }, additionalProperties: false };
    const ends = Object.values(nodes).some((node) => JSON.stringify(node).includes('"done"'));
    return { key: `drawn-${this.keys}`, title: { en: 'Drawn', id: 'Gambar' }, form, start, nodes: { ...nodes, ...(ends ? { done: { type: 'end' as const } } : {}) } };
  }

  /** Publishes a definition of these nodes, the first of which it starts with, and files a request of it. */
  async filed(nodes: Record<string, Node>, form: Record<string, unknown> = {}, by = 'siti', more: Partial<Definition> = {}): Promise<Running> {
    const document = { ...this.document(nodes), ...more };
    await this.world.as('dewi').post('/workflow/definitions', { document, anyway: true }).expect(201);
    const { body } = await this.world.as(by).post('/workflow/instances', { definition: document.key, submit: true, form }).expect(201);
    return new Running(this.world, body as Instance, by);
  }
}

/** A request, and what people do to it. */
export class Running {
  /** Every open step there has been, by node, the latest. */
  private readonly tasks = new Map<string, string>();

  constructor(
    private readonly world: World,
    private instance: Instance,
    private readonly by: string,
  ) {
    this.sees(instance);
  }

  get id(): string {
    return this.instance.id;
  }
  get state(): string {
    return this.instance.state;
  }
  get variables(): Record<string, unknown> {
    return this.instance.variables;
  }
  get waiting(): string[] {
    return this.instance.openTasks.map(({ node }) => node).sort();
  }
  votes(node: string) {
    return this.instance.openTasks.find((task) => task.node === node)?.votes ?? null;
  }
  taskOf(node: string): string {
    return this.tasks.get(node)!;
  }

  /** Answers the step at a node. @returns the answer, whatever it is. */
  async tries(handle: string, verb: 'approve' | 'reject' | 'abstain' | 'return' | 'complete', node: string, more: { to?: string; form?: object } = {}) {
    const answer = await this.world.as(handle).post(`/workflow/tasks/${this.taskOf(node)}/${verb}`, { comment: `${verb} it`, ...more });
    if (answer.status === 200) this.sees(answer.body as Instance);
    return answer;
  }

  /** Does something about the step at a node that is no decision, or about the whole request where none is named. */
  async handles(handle: string, verb: string, node: string | null, body: object = {}) {
    const path = node === null ? `/workflow/instances/${this.id}/${verb}` : `/workflow/tasks/${this.taskOf(node)}/${verb}`;
    const answer = await this.world.as(handle).post(path, body);
    if (answer.status === 200) this.sees(answer.body as Instance);
    return answer;
  }
  task(node: string) {
    return this.instance.openTasks.find((task) => task.node === node) ?? null;
  }

  /** A decision, where it has to be accepted. */
  async does(...given: Parameters<Running['tries']>): Promise<this> {
    const answer = await this.tries(...given);
    if (answer.status !== 200) throw new Error(`${given.slice(0, 3).join(' ')}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return this;
  }

  async filer(verb: 'submit' | 'withdraw', body: object = {}) {
    const answer = await this.world.as(this.by).post(`/workflow/instances/${this.id}/${verb}`, body);
    if (answer.status === 200) this.sees(answer.body as Instance);
    return answer;
  }

  /** Whether the step at a node is in somebody's inbox. */
  async isAsked(handle: string, node: string): Promise<boolean> {
    const { body } = await this.world.as(handle).get('/me/tasks?limit=200').expect(200);
    return (body.items as { taskId: string }[]).some(({ taskId }) => taskId === this.taskOf(node));
  }

  private sees(instance: Instance): void {
    this.instance = instance;
    for (const { id, node } of instance.openTasks) this.tasks.set(node, id);
  }
}
