import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem, rowFacts } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, type PageRequest, requireBasis, requireUnchanged } from '../../http';
import { type BusinessCalendar as Row, Database, everyRow, type Tx } from '../../platform/database';
import { AuditService } from '../audit';
import type { BusinessCalendar, Hours } from './business-time';
import { type CalendarView, type CreateCalendar, type Imported, type ListDaysQuery, minutesOf, type SetDayInput, type UpdateCalendar } from './calendars.dto';
import { calendarChanged, calendarCreated, calendarDeleted, daySet, daysImported, daysRemoved } from './calendars.events';
import { NoCalendar, readICalendar } from './icalendar';

type LocalHours = readonly { from: string; to: string }[];

/** Where nobody has said when work is done: Monday to Friday, seven to four, in the foundation's zone. */
const USUAL: Hours[] = [{ from: 420, to: 960 }];

/** Holidays are written out from last year to so many years on. */
const YEARS_AHEAD = 5;

/** When work is done where: calendars of units, which those below follow. */
@Injectable()
export class CalendarsService {
  // Under its version, which counts changes of its days too.
  private readonly compiled = new LRUCache<string, BusinessCalendar>({ max: 200 });

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
  ) {}

  /** The calendar a unit goes by: its own, else that of the nearest unit above, else the usual week. */
  async ofUnit(tx: Tx, unitId: string): Promise<BusinessCalendar> {
    const [row] = await tx.$queryRaw<Row[]>`
      SELECT c.id, c.foundation_id AS "foundationId", c.unit_id AS "unitId", c.name, c.timezone, c.week, c.version, c.updated_at AS "updatedAt"
        FROM org_unit own JOIN org_unit above ON above.foundation_id = own.foundation_id AND above.id = ANY (own.path) JOIN business_calendar c ON c.foundation_id = above.foundation_id AND c.unit_id = above.id
       WHERE own.foundation_id = gloria_foundation() AND own.id = ${unitId}::uuid ORDER BY above.depth DESC LIMIT 1`;
    if (!row) {
      const { timezone } = await tx.foundation.findFirstOrThrow({ select: { timezone: true } });
      return { zone: timezone, week: [USUAL, USUAL, USUAL, USUAL, USUAL, [], []], exceptions: new Map() };
    }
    const key = `${row.id}:${row.version}`;
    const known = this.compiled.get(key);
    if (known) return known;
    const days = await tx.businessCalendarDay.findMany({ where: { calendarId: row.id } });
    const calendar: BusinessCalendar = { zone: row.timezone, week: (row.week as unknown as LocalHours[]).map(toMinutes), exceptions: new Map(days.map(({ day, hours }) => [dateOf(day), toMinutes(hours as unknown as LocalHours)])) };
    this.compiled.set(key, calendar);
    return calendar;
  }

  async list(actor: Actor, query: PageRequest) {
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('calendars', query),
        query,
        (take, after) => tx.businessCalendar.findMany({ where: after ? { id: { gt: after[0]! } } : {}, orderBy: { id: 'asc' }, take }),
        (row) => [row.id],
      );
      return { items: page.items.map(toView), nextCursor: page.nextCursor };
    });
  }

  async get(actor: Actor, id: string): Promise<CalendarView> {
    return this.database.withTenant(actor, async (tx) => toView(await this.find(tx, id)));
  }

  async create(actor: Actor, input: CreateCalendar): Promise<CalendarView> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        await this.requireWrites(tx, actor, input.unitId);
        const row = await namingConstraints({ business_calendar_foundation_id_unit_id_key: () => new Problem('CODE_TAKEN', { field: 'unitId' }) }, () =>
          tx.businessCalendar.create({ data: { id: uuidv7(), foundationId: actor.foundationId, unitId: input.unitId, name: input.name, timezone: input.timezone, week: input.week } }),
        );
        await this.audit.record(tx, actor, calendarCreated(row));
        return toView(row);
      }),
    );
  }

  async update(actor: Actor, id: string, { version, ...data }: UpdateCalendar, ifMatch: string | undefined): Promise<CalendarView> {
    const based = { ifMatch, version };
    requireBasis(based);
    return this.changing(actor, id, async (tx, before) => {
      requireUnchanged(toView(before), based);
      const set = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
      const event = calendarChanged(before, { ...before, ...set });
      if (!event) return toView(before);
      await tx.businessCalendar.updateMany({ where: { id }, data: { ...set, version: { increment: 1 } } });
      await this.audit.record(tx, actor, event);
      return toView(await this.find(tx, id));
    });
  }

  async remove(actor: Actor, id: string): Promise<void> {
    await this.changing(actor, id, async (tx, row) => {
      const days = await tx.businessCalendarDay.deleteMany({ where: { calendarId: id } });
      await tx.businessCalendar.deleteMany({ where: { id } });
      await this.audit.record(tx, actor, calendarDeleted(row), ...(days.count > 0 ? [daysRemoved(id, days.count)] : []));
    });
  }

  /** Days on which other hours hold, in their order. */
  async days(actor: Actor, id: string, query: ListDaysQuery) {
    return this.database.withTenant(actor, async (tx) => {
      await this.find(tx, id);
      const page = await this.cursors.page(
        listName('calendars/days', { id, ...query }),
        query,
        (take, after) =>
          tx.businessCalendarDay.findMany({
            where: { calendarId: id, AND: [query.from ? { day: { gte: new Date(query.from) } } : {}, query.to ? { day: { lte: new Date(query.to) } } : {}, after ? { day: { gt: new Date(after[0]!) } } : {}] },
            orderBy: { day: 'asc' },
            take,
          }),
        (row) => [dateOf(row.day)],
      );
      return { items: page.items.map(toDay), nextCursor: page.nextCursor };
    });
  }

  /** Other hours on a day; none at all on a holiday. */
  async setDay(actor: Actor, id: string, day: string, { name, hours }: SetDayInput) {
    return this.changing(actor, id, async (tx) => {
      const data = { name, hours: [...hours] as object[], source: null };
      const key = { foundationId: actor.foundationId, calendarId: id, day: new Date(day) };
      const row = await tx.businessCalendarDay.upsert({ where: { foundationId_calendarId_day: key }, create: { ...key, ...data }, update: data });
      await this.touched(tx, id);
      await this.audit.record(tx, actor, daySet(id, day, name));
      return toDay(row);
    });
  }

  async removeDay(actor: Actor, id: string, day: string): Promise<void> {
    await this.changing(actor, id, async (tx) => {
      const { count } = await tx.businessCalendarDay.deleteMany({ where: { calendarId: id, day: new Date(day) } });
      if (count === 0) throw new Problem('NOT_FOUND');
      await this.touched(tx, id);
      await this.audit.record(tx, actor, daySet(id, day, null));
    });
  }

  /** All-day events of an iCalendar file become holidays; imported again, they are changed, not doubled. Days somebody wrote stay. */
  async importDays(actor: Actor, id: string, ics: string): Promise<Imported> {
    return this.changing(actor, id, async (tx) => {
      const read = readOrRefuse(ics);
      const known = new Map((await tx.businessCalendarDay.findMany({ where: { calendarId: id } })).map((row) => [dateOf(row.day), row]));
      const result: Imported = { added: 0, changed: 0, unchanged: 0, kept: [], skipped: read.skipped };
      const wanted = new Map(read.holidays.map((each) => [each.day, each]));
      const add = [];
      for (const { day, name, uid } of wanted.values()) {
        const before = known.get(day);
        if (!before) add.push({ foundationId: actor.foundationId, calendarId: id, day: new Date(day), name, hours: [], source: uid });
        else if (before.source === null) result.kept.push({ day, name: before.name });
        else if (before.name === name && before.source === uid) result.unchanged += 1;
        else {
          await tx.businessCalendarDay.updateMany({ where: { calendarId: id, day: new Date(day) }, data: { name, source: uid } });
          result.changed += 1;
        }
      }
      if (add.length > 0) await tx.businessCalendarDay.createMany({ data: add });
      result.added = add.length;
      if (result.added + result.changed > 0) {
        await this.touched(tx, id);
        await this.audit.record(tx, actor, daysImported(id, { added: result.added, changed: result.changed }));
      }
      return result;
    });
  }

  private async changing<T>(actor: Actor, id: string, work: (tx: Tx, row: Row) => Promise<T>): Promise<T> {
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        await tx.$queryRaw`SELECT 1 FROM business_calendar WHERE id = ${id}::uuid FOR UPDATE`;
        const row = await this.find(tx, id);
        await this.requireWrites(tx, actor, row.unitId);
        return work(tx, row);
      }) as Promise<T>,
    );
  }

  /** What is kept of it under its version is right no longer. */
  private async touched(tx: Tx, id: string): Promise<void> {
    await tx.businessCalendar.updateMany({ where: { id }, data: { version: { increment: 1 } } });
  }

  private async requireWrites(tx: Tx, actor: Actor, unitId: string): Promise<void> {
    const unit = await everyRow(tx, 'rule').orgUnit.findFirst({ where: { id: unitId, deletedAt: null } });
    if (!unit) throw new Problem('NOT_FOUND');
    await this.permissions.require(actor, 'organization:write', rowFacts('unit', unit, { unitPath: unit.path }));
  }

  private async find(tx: Tx, id: string): Promise<Row> {
    const row = await tx.businessCalendar.findFirst({ where: { id } });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }
}

const dateOf = (day: Date) => day.toISOString().slice(0, 10);

const toMinutes = (hours: LocalHours): Hours[] => hours.map(({ from, to }) => ({ from: minutesOf(from), to: minutesOf(to) }));

function toView({ id, unitId, name, timezone, week, version, updatedAt }: Row): CalendarView {
  return { id, unitId, name, timezone, week: week as never, version, updatedAt: updatedAt.toISOString() };
}

const toDay = ({ day, name, hours, source }: { day: Date; name: string; hours: unknown; source: string | null }) => ({ day: dateOf(day), name, hours: hours as { from: string; to: string }[], imported: source !== null });

function readOrRefuse(ics: string): ReturnType<typeof readICalendar> {
  const year = new Date().getUTCFullYear();
  try {
    return readICalendar(ics, { from: year - 1, to: year + YEARS_AHEAD });
  } catch (error) {
    if (!(error instanceof NoCalendar)) throw error;
    throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: '#/ics', code: 'icalendar', detail: error.message }]);
  }
}
