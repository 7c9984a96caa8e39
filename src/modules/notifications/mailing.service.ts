import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { type Locale, systemActor } from '../../access';
import { CONFIG, type Config } from '../../platform/config';
import { Database, everyRow, type Notification, type Tx } from '../../platform/database';
import { Mailer, MailRefused } from '../../platform/mail';
import { Outbox, type OutboxMessage } from '../../platform/outbox';
import type { Kind } from './kinds';
import { factsOf, namesIn, NotificationsService } from './notifications.service';
import { choiceOf, preferencesOf } from './preferences';
import { suppressedAmong } from './suppressions';
import { afterQuiet, nextAt } from './timing';
import { mailOf, told } from './words';

declare module '../../platform/outbox' {
  interface OutboxTopics {
    'notifications.made': { ids: string[] };
    'mail.notification': { id: string };
    'mail.digest': { personId: string };
  }
}

interface Reader {
  id: string;
  email: string | null;
  locale: Locale;
  zone: string;
}

/** What people are told goes out by mail: at once, when it is quiet no more, collected, or not at all. Runs in the worker. */
@Injectable()
export class MailingService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly mailer: Mailer,
    private readonly notifications: NotificationsService,
    @Inject(CONFIG) private readonly config: Pick<Config, 'mail'>,
  ) {}

  onModuleInit(): void {
    this.outbox.handle('notifications.made', (message) => this.sort(message));
    this.outbox.handle('mail.notification', (message) => this.one(message));
    this.outbox.handle('mail.digest', (message) => this.collected(message));
  }

  /** Decides for each how it goes, once, and queues what is to be sent. */
  private sort({ foundationId, payload }: OutboxMessage): Promise<void> {
    const { ids } = payload as { ids: string[] };
    return this.within(foundationId, async (tx) => {
      const now = new Date();
      const rows = await tx.notification.findMany({ where: { id: { in: ids }, mail: null }, orderBy: { id: 'asc' } });
      const readers = await this.readers(tx, rows.map(({ personId }) => personId));
      for (const row of rows) {
        const reader = readers.get(row.personId);
        const stored = await tx.notificationPreference.findFirst({ where: { personId: row.personId } });
        const preferences = preferencesOf(stored);
        const choice = reader?.email && this.mailer.sends ? choiceOf(preferences, row.kind as Kind) : 'off';
        const { count } = await tx.notification.updateMany({ where: { id: row.id, mail: null }, data: { mail: choice } });
        if (count === 0 || choice === 'off') continue;
        const zone = preferences.timezone ?? reader!.zone;
        if (choice === 'now') await this.outbox.send(tx, foundationId, 'mail.notification', { id: row.id }, afterQuiet(now, zone, preferences.quiet));
        else await this.queueDigest(tx, foundationId, row.personId, afterQuiet(nextAt(now, zone, preferences.digestAt), zone, preferences.quiet));
      }
    });
  }

  /** One collection a person is queued at a time. */
  private async queueDigest(tx: Tx, foundationId: string, personId: string, at: Date): Promise<void> {
    await tx.notificationPreference.createMany({ data: { foundationId, personId }, skipDuplicates: true });
    const { count } = await tx.notificationPreference.updateMany({ where: { personId, digestQueuedFor: null }, data: { digestQueuedFor: at } });
    if (count > 0) await this.outbox.send(tx, foundationId, 'mail.digest', { personId }, at);
  }

  private one({ foundationId, payload }: OutboxMessage): Promise<void> {
    const { id } = payload as { id: string };
    return this.within(foundationId, async (tx) => this.send(tx, id, await tx.notification.findMany({ where: { id, mailedAt: null, mailProblem: null } })));
  }

  private collected({ id, foundationId, payload }: OutboxMessage): Promise<void> {
    const { personId } = payload as { personId: string };
    return this.within(foundationId, async (tx) => {
      // What comes while it is being sent belongs to the next one.
      await tx.notificationPreference.updateMany({ where: { personId }, data: { digestQueuedFor: null } });
      await this.send(tx, id, await tx.notification.findMany({ where: { personId, mail: 'digest', mailedAt: null, mailProblem: null }, orderBy: { id: 'asc' }, take: 200 }));
    });
  }

  /** One mail; what was read in the meantime is not in it. The provider may get it twice where a worker dies right after. */
  private async send(tx: Tx, id: string, rows: readonly Notification[]): Promise<void> {
    const unread = rows.filter(({ readAt }) => readAt === null);
    const [first] = unread;
    if (!first) return;
    const reader = (await this.readers(tx, [first.personId])).get(first.personId);
    const done = { where: { id: { in: unread.map((row) => row.id) } } };
    if (!reader?.email) return void (await tx.notification.updateMany({ ...done, data: { mailProblem: 'no address' } }));
    const names = await namesIn(tx, unread);
    const items = [];
    for (const row of unread) {
      const link = row.instanceId && this.config.mail.appUrl ? `${this.config.mail.appUrl}/requests/${row.instanceId}` : null;
      items.push({ ...told(row.kind as Kind, factsOf(row), { ...reader, names }), link, decide: await this.notifications.decisionLink(tx, row) });
    }
    try {
      await this.mailer.send({ id, foundationId: first.foundationId, to: reader.email, ...mailOf(items, reader.locale) });
      await tx.notification.updateMany({ ...done, data: { mailedAt: new Date() } });
    } catch (error) {
      if (!(error instanceof MailRefused)) throw error;
      await tx.notification.updateMany({ ...done, data: { mailProblem: error.message.slice(0, 300) } });
    }
  }

  /** Living people, with the language and the zone they read in. */
  private async readers(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, Reader>> {
    const foundation = await tx.foundation.findFirstOrThrow({ select: { locale: true, timezone: true } });
    const people = await everyRow(tx, 'rule').person.findMany({ where: { id: { in: [...new Set(ids)] }, deletedAt: null }, select: { id: true, email: true, locale: true } });
    const unwanted = new Set((await suppressedAmong(tx, people.flatMap(({ email }) => email ?? []))).map(({ address }) => address));
    return new Map(people.map(({ id, email, locale }) => [id, { id, email: email !== null && unwanted.has(email) ? null : email, locale: (locale ?? foundation.locale) === 'en' ? 'en' : 'id', zone: foundation.timezone }]));
  }

  private within(foundationId: string, work: (tx: Tx) => Promise<void>): Promise<void> {
    return this.database.withTenant(systemActor('notifications', foundationId), work);
  }
}
