import { Inject, Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, type FieldError, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, type Page, type PageRequest, requireBasis, requireUnchanged, withoutSecret } from '../../http';
import { CONFIG, type Config } from '../../platform/config';
import { Database, type Tx, type WebhookEndpoint } from '../../platform/database';
import { AuditService } from '../audit';
import { WebhookSecrets } from './secrets';
import type { CreateEndpointInput, EndpointView, EndpointWithSecret, UpdateEndpointInput } from './webhooks.dto';
import { endpointChanged, endpointDeleted, endpointMade, secretRenewed } from './webhooks.events';
import { WebhooksService } from './webhooks.service';

/** For so long requests are signed with the secret there was before as well. */
const FORMER_MS = 24 * 3_600_000;

/** Which other systems are told what. */
@Injectable()
export class EndpointsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly cursors: Cursors,
    private readonly secrets: WebhookSecrets,
    private readonly webhooks: WebhooksService,
    @Inject(CONFIG) private readonly config: Pick<Config, 'environment'>,
  ) {}

  async list(actor: Actor, query: PageRequest): Promise<Page<EndpointView>> {
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('webhook-endpoints', query),
        query,
        (take, after) => tx.webhookEndpoint.findMany({ where: { deletedAt: null, ...(after ? { name: { gt: after[0]! } } : {}) }, orderBy: { name: 'asc' }, take }),
        (row) => [row.name],
      );
      return { items: page.items.map(toView), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string): Promise<EndpointView> {
    return this.database.withTenant(actor, async (tx) => toView(await this.find(tx, id)));
  }

  /** Throws 409 CODE_TAKEN, 422 where it could not be told. The secret is in this answer only. */
  async create(actor: Actor, input: CreateEndpointInput): Promise<EndpointWithSecret> {
    this.requireSound(input);
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const id = uuidv7();
        const { text, sealed, keyId } = await this.secrets.make(id);
        const row = await namingConstraints({ webhook_endpoint_name: () => new Problem('CODE_TAKEN', { field: 'name' }) }, () =>
          tx.webhookEndpoint.create({ data: { id, foundationId: actor.foundationId, ...input, secret: sealed, keyId } }),
        );
        await this.audit.record(tx, actor, endpointMade(row));
        return { ...toView(row), secret: text as string | null };
      }, withoutSecret<EndpointWithSecret>('secret')),
    );
  }

  async update(actor: Actor, id: string, { version, ...data }: UpdateEndpointInput, ifMatch: string | undefined): Promise<EndpointView> {
    const based = { ifMatch, version };
    requireBasis(based);
    this.requireSound(data);
    return this.changing(actor, id, async (tx, before) => {
      requireUnchanged(toView(before), based);
      const set = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
      const event = endpointChanged(before, { ...before, ...set });
      if (!event) return toView(before);
      await tx.webhookEndpoint.updateMany({ where: { id }, data: { ...set, version: { increment: 1 } } });
      await this.audit.record(tx, actor, event);
      return toView(await this.find(tx, id));
    });
  }

  /** A new secret; for a day requests are signed with both. */
  async renew(actor: Actor, id: string): Promise<EndpointWithSecret> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const before = await this.find(tx, id, true);
        const { text, sealed, keyId } = await this.secrets.make(id);
        const formerSecret = await this.secrets.resealed(before, keyId);
        await tx.webhookEndpoint.updateMany({ where: { id }, data: { secret: sealed, keyId, formerSecret, formerUntil: new Date(Date.now() + FORMER_MS), version: { increment: 1 } } });
        await this.audit.record(tx, actor, secretRenewed(id));
        return { ...toView(await this.find(tx, id)), secret: text as string | null };
      }, withoutSecret<EndpointWithSecret>('secret')),
    );
  }

  /** Told nothing more, what waited included. */
  async remove(actor: Actor, id: string): Promise<void> {
    await this.changing(actor, id, async (tx, row) => {
      await tx.webhookEndpoint.updateMany({ where: { id }, data: { deletedAt: new Date() } });
      await tx.webhookDelivery.updateMany({ where: { endpointId: id, state: 'pending', taskId: null }, data: { state: 'void', endedAt: new Date() } });
      // Steps wait for it: they are told that nobody will carry them out.
      await tx.webhookDelivery.updateMany({ where: { endpointId: id, state: 'pending', taskId: { not: null } }, data: { state: 'answered', attempts: 0, tryAt: new Date(), answer: { unreachable: 'the endpoint has been deleted' } } });
      await this.audit.record(tx, actor, endpointDeleted(row));
    });
  }

  /** Tells it something that means nothing, to see whether it hears. */
  async ping(actor: Actor, id: string): Promise<{ id: string }> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const endpoint = await this.find(tx, id);
        return { id: await this.webhooks.queue(tx, endpoint, { subjectId: id, type: 'ping', data: {}, taskId: null }) };
      }),
    );
  }

  private changing<T>(actor: Actor, id: string, work: (tx: Tx, row: WebhookEndpoint) => Promise<T>): Promise<T> {
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, async () => work(tx, await this.find(tx, id, true))));
  }

  private async find(tx: Tx, id: string, lock = false): Promise<WebhookEndpoint> {
    if (lock) await tx.$executeRaw`SELECT FROM webhook_endpoint WHERE id = ${id}::uuid FOR UPDATE`;
    const row = await tx.webhookEndpoint.findFirst({ where: { id, deletedAt: null } });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }

  private requireSound({ url, events = [] }: { url?: string | undefined; events?: readonly string[] | undefined }): void {
    const problems: FieldError[] = [];
    if (url !== undefined && this.config.environment === 'production' && new URL(url).protocol !== 'https:') problems.push({ pointer: '#/url', code: 'protocol', detail: 'has to begin with https:' });
    const unknown = events.flatMap((event, n) => (this.webhooks.knows(event) ? [] : [n]));
    problems.push(...unknown.map((n) => ({ pointer: `#/events/${n}`, code: 'unknown', detail: `one of ${this.webhooks.types().join(', ')}` })));
    if (problems.length > 0) throw new Problem('REQUEST_INVALID', { count: problems.length }, problems);
  }
}

const toView = ({ id, name, url, events, enabled, createdAt, version }: WebhookEndpoint): EndpointView => ({ id, name, url, events, enabled, createdAt: createdAt.toISOString(), version });
