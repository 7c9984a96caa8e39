import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Problem } from '../../access';
import { Cursors, idempotent, listName, type Page } from '../../http';
import { Database, type Prisma, type Tx, type WebhookDelivery, type WebhookEndpoint } from '../../platform/database';
import { AuditService } from '../audit';
import type { DeliveriesQuery, DeliveryView } from './webhooks.dto';
import { deliveryRetried } from './webhooks.events';

/** What another system answered to being asked to carry out a step; or that it never did. */
export type Answer = { status: number; content: unknown } | { unreachable: string };

/** Something a system is to be told. */
export interface Told {
  /** Of one subject nothing is told before what came before. */
  subjectId: string;
  type: string;
  data: object;
  /** The step it is asked to carry out; its answer goes to whoever asked. */
  taskId: string | null;
}

export interface Step {
  foundationId: string;
  taskId: string;
}

/** Whether a step is to be asked for: now, not while its request is halted, or never, since it is over. */
export type Wanted = 'now' | 'later' | 'never';

/** Whose steps are carried out. */
export interface Steps {
  wanted(step: Step): Promise<Wanted>;
  /** Says what follows from an answer; throws where that cannot be done now, and is asked again. */
  answered(step: Step, answer: Answer): Promise<void>;
}

/** What other systems are told: made in the transaction of its cause, delivered by the worker. */
@Injectable()
export class WebhooksService {
  private readonly known = new Set<string>();
  private steps: Steps | null = null;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly cursors: Cursors,
  ) {}

  /** Names what endpoints may ask to be told of. */
  register(types: readonly string[]): void {
    for (const type of types) this.known.add(type);
  }
  knows(type: string): boolean {
    return this.known.has(type);
  }
  types(): string[] {
    return [...this.known].sort();
  }

  /** Registers whose steps other systems are asked to carry out. */
  stepsOf(steps: Steps): void {
    if (this.steps) throw new Error('steps belong to somebody already');
    this.steps = steps;
  }
  wanted(step: Step): Promise<Wanted> {
    return this.owner().wanted(step);
  }
  answered(step: Step, answer: Answer): Promise<void> {
    return this.owner().answered(step, answer);
  }
  private owner(): Steps {
    if (!this.steps) throw new Error('steps belong to nobody');
    return this.steps;
  }

  /** Tells everybody who wants to know, once this transaction is committed. */
  async publish(tx: Tx, told: readonly Omit<Told, 'taskId'>[]): Promise<void> {
    if (told.length === 0) return;
    const endpoints = await tx.webhookEndpoint.findMany({ where: { deletedAt: null, events: { hasSome: [...new Set(told.map(({ type }) => type))] } } });
    for (const each of told) for (const endpoint of endpoints) if (endpoint.events.includes(each.type)) await this.queue(tx, endpoint, { ...each, taskId: null });
  }

  /** Tells the endpoint of this name; null where there is none. @returns the delivery’s id. */
  async call(tx: Tx, name: string, told: Told): Promise<string | null> {
    const endpoint = await tx.webhookEndpoint.findFirst({ where: { name, deletedAt: null } });
    return endpoint && this.queue(tx, endpoint, told);
  }

  /** Which of these names endpoints have. */
  async named(tx: Tx, names: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set((await tx.webhookEndpoint.findMany({ where: { name: { in: [...names] }, deletedAt: null }, select: { name: true } })).map(({ name }) => name));
  }

  async queue(tx: Tx, { id: endpointId, foundationId }: Pick<WebhookEndpoint, 'id' | 'foundationId'>, { data, ...told }: Told): Promise<string> {
    const id = uuidv7();
    await tx.webhookDelivery.create({ data: { id, foundationId, endpointId, data: data as Prisma.InputJsonObject, ...told } });
    return id;
  }

  /** These steps are over: nobody need be asked any more. One that is just being asked is not waited for; its answer comes too late. */
  async void(tx: Tx, taskIds: readonly string[]): Promise<void> {
    await tx.$executeRaw`
      UPDATE webhook_delivery SET state = 'void', ended_at = now()
       WHERE id IN (SELECT d.id FROM webhook_delivery d WHERE d.foundation_id = gloria_foundation() AND d.task_id = ANY (${[...taskIds]}::uuid[]) AND d.state = 'pending' FOR UPDATE SKIP LOCKED)`;
  }

  /** Asks for a step again that was asked for before: what follows from the answer, where there is one, or anew. @returns whether there was any. */
  async again(tx: Tx, taskId: string): Promise<boolean> {
    const [row] = await tx.webhookDelivery.findMany({ where: { taskId, endpoint: { deletedAt: null } }, orderBy: { seq: 'desc' }, take: 1 });
    if (!row) return false;
    await this.revive(tx, row);
    return true;
  }

  /** The newest first. */
  async list(actor: Actor, query: DeliveriesQuery): Promise<Page<DeliveryView>> {
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('webhook-deliveries', query),
        query,
        (take, after) => tx.webhookDelivery.findMany({ where: { ...(query.state ? { state: query.state } : {}), ...(query.endpointId ? { endpointId: query.endpointId } : {}), ...(after ? { id: { lt: after[0]! } } : {}) }, orderBy: { id: 'desc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toView), nextCursor: page.nextCursor };
    });
  }

  /** Tells it again, whatever became of it. Throws 409 WEBHOOK_STEP where it asks for a step, which may be over by now. */
  async retry(actor: Actor, id: string): Promise<DeliveryView> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        await tx.$executeRaw`SELECT FROM webhook_delivery WHERE id = ${id}::uuid FOR UPDATE`;
        const row = await tx.webhookDelivery.findUnique({ where: { id }, include: { endpoint: true } });
        if (!row || row.endpoint.deletedAt) throw new Problem('NOT_FOUND');
        if (row.taskId !== null) throw new Problem('WEBHOOK_STEP');
        await this.revive(tx, row);
        await this.audit.record(tx, actor, deliveryRetried(row));
        return toView(await tx.webhookDelivery.findUniqueOrThrow({ where: { id } }));
      }),
    );
  }

  private async revive(tx: Tx, { id, state }: WebhookDelivery): Promise<void> {
    await tx.webhookDelivery.updateMany({ where: { id }, data: state === 'answered' ? { tryAt: new Date() } : { state: 'pending', attempts: 0, tryAt: new Date(), endedAt: null } });
  }
}

const toView = (row: WebhookDelivery): DeliveryView => ({
  id: row.id, endpointId: row.endpointId, type: row.type, subjectId: row.subjectId, state: row.state as DeliveryView['state'], attempts: row.attempts, createdAt: row.createdAt.toISOString(),
  nextTryAt: row.endedAt ? null : row.tryAt.toISOString(), endedAt: row.endedAt?.toISOString() ?? null, problem: row.lastError,
});
