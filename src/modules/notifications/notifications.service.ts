import { Injectable } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, Denied, type UserActor } from '../../access';
import { Cursors, listName } from '../../http';
import { Database, everyRow, type Notification, type Prisma, type Tx } from '../../platform/database';
import { Outbox } from '../../platform/outbox';
import { WebhooksService } from '../webhooks';
import { type Facts, type Kind, KIND_NAMES } from './kinds';
import type { ListNotificationsQuery, NotificationView, PreferencesUpdate, PreferencesView } from './notifications.dto';
import { minuteOf, preferencesOf, preferencesView } from './preferences';
import { suppressedAmong } from './suppressions';
import { told } from './words';

/** Something a person is to be told. */
export interface Notice {
  personId: string;
  kind: Kind;
  instanceId: string | null;
  taskId: string | null;
  facts: Facts;
}

/** What other systems are told: what several people are told of one thing is told them once, with ids and no names. */
function byCause(notices: readonly Notice[]): { subjectId: string; type: string; data: object }[] {
  const found = new Map<string, { subjectId: string; type: string; data: { people: string[] } }>();
  for (const { personId, kind, instanceId, taskId, facts: { said: _said, ...facts } } of notices) {
    if (instanceId === null) continue;
    const key = JSON.stringify([kind, instanceId, taskId]);
    const told = found.get(key) ?? { subjectId: instanceId, type: kind, data: { requestId: instanceId, taskId, ...facts, people: [] as string[] } };
    told.data.people.push(personId);
    found.set(key, told);
  }
  return [...found.values()];
}

/** Makes the address at which the reader of a mail decides a step; null where they are to sign in. */
type DecisionLinks = (tx: Tx, asked: { foundationId: string; taskId: string; personId: string }) => Promise<string | null>;

const COUNTED = 1_000;

/** What people are told: made in the transaction of its cause, read in the application, mailed by the worker. */
@Injectable()
export class NotificationsService {
  private decisionLinks: DecisionLinks = () => Promise.resolve(null);

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly cursors: Cursors,
    private readonly webhooks: WebhooksService,
  ) {
    webhooks.register(KIND_NAMES);
  }

  /** How steps are decided from a mail; said by whoever runs them. */
  decideBy(links: DecisionLinks): void {
    this.decisionLinks = links;
  }

  /** Where the reader of this decides what it asks for. */
  async decisionLink(tx: Tx, { kind, foundationId, taskId, personId }: Notification): Promise<string | null> {
    return taskId !== null && kind.startsWith('step.') ? this.decisionLinks(tx, { foundationId, taskId, personId }) : null;
  }

  /** Tells people, once this transaction is committed; nobody but people who are there. */
  async tell(tx: Tx, foundationId: string, notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0) return;
    const rows = notices.map((notice) => ({ ...notice, id: uuidv7(), foundationId, facts: notice.facts as unknown as Prisma.InputJsonObject }));
    await tx.notification.createMany({ data: rows });
    await this.outbox.send(tx, foundationId, 'notifications.made', { ids: rows.map(({ id }) => id) });
    await this.webhooks.publish(tx, byCause(notices));
  }

  /** When somebody was last told this about a step. */
  async lastTold(tx: Tx, kind: Kind, taskId: string, personIds: readonly string[]): Promise<Date | null> {
    const last = await tx.notification.findFirst({ where: { kind, taskId, personId: { in: [...personIds] } }, orderBy: { id: 'desc' }, select: { createdAt: true } });
    return last?.createdAt ?? null;
  }

  /** The caller's own, newest first. */
  async list(actor: Actor, query: ListNotificationsQuery): Promise<{ items: NotificationView[]; nextCursor: string | null }> {
    const { personId } = asPerson(actor);
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('me/notifications', { personId, ...query }),
        query,
        (take, after) => tx.notification.findMany({ where: { personId, ...(query.unread === 'true' ? { readAt: null } : {}), ...(after ? { id: { lt: after[0]! } } : {}) }, orderBy: { id: 'desc' }, take }),
        (row) => [row.id],
      );
      const names = await namesIn(tx, page.items);
      const view = (row: Notification): NotificationView => ({
        id: row.id, kind: row.kind as Kind, ...told(row.kind as Kind, factsOf(row), { locale: actor.locale, zone: actor.timezone, names }), instanceId: row.instanceId, taskId: row.taskId, at: row.createdAt.toISOString(), readAt: row.readAt?.toISOString() ?? null,
      });
      return { items: page.items.map(view), nextCursor: page.nextCursor };
    });
  }

  async unread(actor: Actor): Promise<{ unread: number }> {
    const { personId } = asPerson(actor);
    return this.database.withTenant(actor, async (tx) => ({ unread: (await tx.notification.findMany({ where: { personId, readAt: null }, select: { id: true }, take: COUNTED })).length }));
  }

  /** Marks some, or all, as read; those that are stay as they are. */
  async read(actor: Actor, ids: readonly string[] | undefined): Promise<{ unread: number }> {
    const { personId } = asPerson(actor);
    await this.database.withTenant(actor, (tx) => tx.notification.updateMany({ where: { personId, readAt: null, ...(ids ? { id: { in: [...ids] } } : {}) }, data: { readAt: new Date() } }));
    return this.unread(actor);
  }

  async preferences(actor: Actor): Promise<PreferencesView> {
    const { personId } = asPerson(actor);
    return this.database.withTenant(actor, async (tx) => {
      const row = await tx.notificationPreference.findFirst({ where: { personId } });
      return preferencesView(preferencesOf(row), row?.version ?? 0, await suppressionOf(tx, personId));
    });
  }

  /** Changes what is sent; of the choices by kind, those that are. */
  async prefer(actor: Actor, { timezone, quiet, digestAt, mail }: PreferencesUpdate): Promise<PreferencesView> {
    const { personId, foundationId } = asPerson(actor);
    return this.database.withTenant(actor, async (tx) => {
      await tx.notificationPreference.createMany({ data: { foundationId, personId }, skipDuplicates: true });
      const [before] = await tx.$queryRaw<{ mail: object }[]>`SELECT mail FROM notification_preference WHERE foundation_id = gloria_foundation() AND person_id = ${personId}::uuid FOR UPDATE`;
      const row = await tx.notificationPreference.update({
        where: { foundationId_personId: { foundationId, personId } },
        data: {
          timezone,
          ...(quiet === undefined ? {} : { quietFrom: quiet && minuteOf(quiet.from), quietUntil: quiet && minuteOf(quiet.until) }),
          digestAt: digestAt === undefined ? undefined : minuteOf(digestAt),
          mail: { ...before!.mail, ...mail },
          version: { increment: 1 },
        },
      });
      return preferencesView(preferencesOf(row), row.version, await suppressionOf(tx, personId));
    });
  }
}

export const factsOf = ({ facts }: Pick<Notification, 'facts'>): Facts => facts as unknown as Facts;

/** What the people in these are called. */
export async function namesIn(tx: Tx, rows: readonly Pick<Notification, 'facts'>[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(rows.map(factsOf).flatMap(({ initiator, by }) => [initiator, ...(by ? [by] : [])]))];
  if (ids.length === 0) return new Map();
  const people = await everyRow(tx, 'name').person.findMany({ where: { id: { in: ids } }, select: { id: true, fullName: true } });
  return new Map(people.map(({ id, fullName }) => [id, fullName]));
}

/** Why somebody's address is not mailed any more. */
async function suppressionOf(tx: Tx, personId: string): Promise<PreferencesView['suppressed']> {
  const person = await everyRow(tx, 'rule').person.findFirst({ where: { id: personId }, select: { email: true } });
  const [found] = await suppressedAmong(tx, person?.email ? [person.email] : []);
  return found ? { reason: found.reason, since: found.since.toISOString() } : null;
}

/** Keys have no inbox. */
function asPerson(actor: Actor): UserActor {
  if (actor.kind !== 'user') throw new Denied('SESSION_REQUIRED');
  return actor;
}
