import { Injectable } from '@nestjs/common';
import { DateTime } from 'luxon';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { Database, everyRow, type LeaveKind, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import { CalendarsService, workingDays } from '../calendars';
import { type Balance, balanceOf, type Rate, type YearSums } from './balance';
import type { BalanceView, CreateKind, EntriesFilter, EntryView, Grant, KindView, RateInput } from './leave.dto';
import { entryMade, kindCreated, kindNamed, rateSet } from './leave.events';

type Title = { en: string; id: string };
type Cause = 'asked' | 'taken';

/** Days a request asks for, or has taken. */
export interface Used {
  instanceId: string;
  personId: string;
  unitId: string;
  /** What the form says: the kind’s code, and the first and the last day. */
  kind: string;
  from: string;
  until: string;
  /** null: none of it counts any more. */
  cause: Cause | null;
}

/** Leave that is counted: kinds, what is added to somebody’s days and what uses them, and what is left. */
@Injectable()
export class LeaveService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly calendars: CalendarsService,
    private readonly cursors: Cursors,
  ) {}

  async kinds(actor: Actor): Promise<{ items: KindView[] }> {
    return this.database.withTenant(actor, async (tx) => {
      const rows = await tx.leaveKind.findMany({ orderBy: { code: 'asc' }, include: { rates: { orderBy: { fromYear: 'asc' } } } });
      return { items: rows.map((row) => ({ code: row.code, title: row.title as Title, rates: row.rates.map(rateFrom) })) };
    });
  }

  async create(actor: Actor, { code, title, fromYear, days, carryOver }: CreateKind): Promise<KindView> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const kind = await namingConstraints({ leave_kind_foundation_id_code_key: () => new Problem('CODE_TAKEN', { field: 'code' }) }, () => tx.leaveKind.create({ data: { id: uuidv7(), foundationId: actor.foundationId, code, title } }));
        const rate = { fromYear: fromYear ?? thisYear(actor), days, carryOver };
        await tx.leaveRate.create({ data: { ...rate, foundationId: actor.foundationId, kindId: kind.id } });
        await this.audit.record(tx, actor, kindCreated(kind), rateSet(kind.id, null, rate));
        return { code, title, rates: [rate] };
      }),
    );
  }

  async name(actor: Actor, code: string, title: Title): Promise<KindView> {
    return this.database.withTenant(actor, async (tx) => {
      const kind = await this.find(tx, code);
      await tx.leaveKind.updateMany({ where: { id: kind.id }, data: { title } });
      await this.audit.record(tx, actor, kindNamed(kind, title));
      return { code, title, rates: await ratesOf(tx, kind.id) };
    });
  }

  /** From a year on that is not over. */
  async setRate(actor: Actor, code: string, year: number, input: RateInput): Promise<KindView> {
    if (year < thisYear(actor)) throw invalid('path:year', 'too_small', 'what is over stays as it was');
    return this.database.withTenant(actor, async (tx) => {
      const kind = await this.find(tx, code);
      const rate = { fromYear: year, ...input };
      const before = (await ratesOf(tx, kind.id)).find(({ fromYear }) => fromYear === year) ?? null;
      await tx.leaveRate.upsert({ where: { foundationId_kindId_fromYear: { foundationId: actor.foundationId, kindId: kind.id, fromYear: year } }, create: { ...rate, foundationId: actor.foundationId, kindId: kind.id }, update: input });
      await this.audit.record(tx, actor, rateSet(kind.id, before, rate));
      return { code, title: kind.title as Title, rates: await ratesOf(tx, kind.id) };
    });
  }

  /** Of every kind, in one year. */
  async balances(actor: Actor, { person, year = thisYear(actor) }: { person?: string; year?: number }) {
    const personId = await this.whose(actor, person);
    return this.database.withTenant(actor, async (tx) => {
      if (!(await everyRow(tx, 'rule').person.findFirst({ where: { id: personId }, select: { id: true } }))) throw new Problem('NOT_FOUND');
      const items: BalanceView[] = [];
      for (const kind of await tx.leaveKind.findMany({ orderBy: { code: 'asc' } })) items.push({ kind: { code: kind.code, title: (kind.title as Title)[actor.locale] }, ...(await this.balance(tx, personId, kind.id, year, actor.timezone)) });
      return { personId, year, items };
    });
  }

  /** What has changed somebody’s days, the latest first. */
  async entries(actor: Actor, query: EntriesFilter) {
    const personId = await this.whose(actor, query.person);
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('leave/entries', { personId, ...query }),
        query,
        (take, after) => tx.leaveEntry.findMany({ where: { personId, year: query.year, ...(query.kind ? { kind: { code: query.kind } } : {}), ...(after ? { id: { lt: after[0]! } } : {}) }, orderBy: { id: 'desc' }, take, include: { kind: { select: { code: true } } } }),
        (row) => [row.id],
      );
      return { items: page.items.map(entryView), nextCursor: page.nextCursor };
    });
  }

  /** Adds days to what people have, or takes some away: all of them, or none. */
  async grant(actor: Actor, items: readonly Grant[]): Promise<{ items: EntryView[] }> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const made: EntryView[] = [];
        for (const [n, { person, kind: code, year, days, note }] of items.entries()) {
          const kind = await tx.leaveKind.findFirst({ where: { code } });
          if (!kind) throw invalid(`#/items/${n}/kind`, 'unknown', 'there is no such kind of leave');
          if (!(await everyRow(tx, 'rule').person.findFirst({ where: { id: person, deletedAt: null }, select: { id: true } }))) throw invalid(`#/items/${n}/person`, 'unknown', 'there is no such person');
          const row = { id: uuidv7(), foundationId: actor.foundationId, personId: person, kindId: kind.id, year, days, cause: 'granted', instanceId: null, note, createdBy: actorKey(actor) };
          const { createdAt } = await tx.leaveEntry.create({ data: row });
          await this.audit.record(tx, actor, entryMade(row));
          made.push(entryView({ ...row, kind: { code }, createdAt }));
        }
        return { items: made };
      }),
    );
  }

  /**
   * Makes the entries of a request what they are to be: of a kind that is counted, its working days by year, asked for or
   * taken, or none. Throws 409 LEAVE_BALANCE where it asks for more than is left. People’s days change one at a time.
   */
  async use(tx: Tx, actor: Actor, { instanceId, personId, unitId, kind: code, from, until, cause }: Used): Promise<void> {
    const kinds = new Map((await tx.leaveKind.findMany()).map((kind) => [kind.id, kind]));
    const kind = [...kinds.values()].find((each) => each.code === code);
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`leave ${personId}`}, 0))::text`;
    const key = (kindId: string, year: number, of: string) => `${kindId} ${year} ${of}`;
    const wanted = new Map<string, number>();
    if (kind && cause) for (const [year, days] of workingDays(await this.calendars.ofUnit(tx, unitId), from, until)) wanted.set(key(kind.id, year, cause), -days);
    const there = await tx.leaveEntry.groupBy({ by: ['kindId', 'year', 'cause'], where: { instanceId }, _sum: { days: true } });
    const current = new Map(there.map((row) => [key(row.kindId, row.year, row.cause), Number(row._sum.days)]));
    const used: { kindId: string; year: number; days: number }[] = [];
    for (const each of new Set([...wanted.keys(), ...current.keys()])) {
      const [kindId, year, of] = each.split(' ') as [string, string, Cause];
      const days = (wanted.get(each) ?? 0) - (current.get(each) ?? 0);
      if (days === 0) continue;
      const row = { id: uuidv7(), foundationId: actor.foundationId, personId, kindId, year: Number(year), days, cause: of, instanceId, note: null, createdBy: actorKey(actor) };
      await tx.leaveEntry.create({ data: row });
      await this.audit.record(tx, actor, entryMade(row));
      if (days < 0 && of === 'asked') used.push(row);
    }
    for (const { kindId, year, days } of used) {
      const { remaining } = await this.balance(tx, personId, kindId, year, actor.timezone);
      if (remaining < 0) throw new Problem('LEAVE_BALANCE', { days: -days, kind: (kinds.get(kindId)!.title as Title)[actor.locale], year, remaining: remaining - days });
    }
  }

  /** What is left of a kind of leave for what a form asks: how many working days, and the balance without them, by year; none where it is not counted. */
  async foresee(tx: Tx, actor: Actor, { personId, unitId, kind: code, from, until }: Omit<Used, 'instanceId' | 'cause'>): Promise<{ kind: string; year: number; days: number; remaining: number }[]> {
    const kind = await tx.leaveKind.findFirst({ where: { code } });
    if (!kind) return [];
    const found: { kind: string; year: number; days: number; remaining: number }[] = [];
    for (const [year, days] of workingDays(await this.calendars.ofUnit(tx, unitId), from, until)) found.push({ kind: (kind.title as Title)[actor.locale], year, days, remaining: (await this.balance(tx, personId, kind.id, year, actor.timezone)).remaining });
    return found;
  }

  private async balance(tx: Tx, personId: string, kindId: string, year: number, zone: string): Promise<Balance> {
    const rows = await tx.leaveEntry.groupBy({ by: ['year', 'cause'], where: { personId, kindId, year: { lte: year } }, _sum: { days: true } });
    const sums = new Map<number, YearSums>();
    for (const { year: of, cause, _sum } of rows) sums.set(of, { ...(sums.get(of) ?? { granted: 0, asked: 0, taken: 0 }), [cause]: Number(_sum.days) });
    const rates = await ratesOf(tx, kindId);
    // From the year of their first post on.
    const first = await everyRow(tx, 'rule').appointment.findFirst({ where: { personId }, orderBy: { validFrom: 'asc' }, select: { validFrom: true } });
    const since = first ? Math.max(DateTime.fromJSDate(first.validFrom, { zone }).year, rates[0]?.fromYear ?? 0) : Infinity;
    return balanceOf(rates, sums, since, year);
  }

  private async whose(actor: Actor, person: string | undefined): Promise<string> {
    const own = actor.kind === 'system' ? null : actor.personId;
    if (person === undefined && own !== null) return own;
    if (actor.kind !== 'user' || person !== own) await this.permissions.require(actor, 'workflow:administer', {});
    return person!;
  }

  private async find(tx: Tx, code: string): Promise<LeaveKind> {
    const kind = await tx.leaveKind.findFirst({ where: { code } });
    if (!kind) throw new Problem('NOT_FOUND');
    return kind;
  }
}

const thisYear = ({ timezone }: Actor): number => DateTime.now().setZone(timezone).year;

const invalid = (pointer: string, code: string, detail: string) => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer, code, detail }]);

const rateFrom = ({ fromYear, days, carryOver }: { fromYear: number; days: unknown; carryOver: unknown }): Rate => ({ fromYear, days: Number(days), carryOver: Number(carryOver) });

async function ratesOf(tx: Tx, kindId: string): Promise<Rate[]> {
  return (await tx.leaveRate.findMany({ where: { kindId }, orderBy: { fromYear: 'asc' } })).map(rateFrom);
}

const entryView = ({ id, kind: { code }, year, days, cause, instanceId, note, createdBy, createdAt }: { id: string; kind: { code: string }; year: number; days: unknown; cause: string; instanceId: string | null; note: string | null; createdBy: string; createdAt: Date }): EntryView => ({
  id, kind: code, year, days: Number(days), cause: cause as EntryView['cause'], instanceId, note, by: createdBy, at: createdAt.toISOString(),
});
