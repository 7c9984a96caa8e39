import { Injectable } from '@nestjs/common';
import { DateTime } from 'luxon';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, Denied, type FieldError, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints } from '../../http';
import { Database, everyRow, type Tx, type WorkflowSubstitution } from '../../platform/database';
import { AuditService } from '../audit';
import { CalendarsService } from '../calendars';
import type { Definition } from './definition';
import { personOf } from './filing';
import { namesOf } from './instances.view';
import type { Form } from './transition';
import type { ListSubstitutionsQuery, Substitute, SubstitutionView } from './workflow.dto';
import { substituted } from './workflow.events';

const LONGEST_DAYS = 366;

/** Who decides in whose place while they are away. It gives no right: a substitute decides what they could decide if they were asked. */
@Injectable()
export class SubstitutionsService {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly calendars: CalendarsService,
    private readonly cursors: Cursors,
  ) {}

  /** Those that are not over, newest first: the caller's own on either side; everybody's for who administers requests. */
  async list(actor: Actor, query: ListSubstitutionsQuery) {
    const personId = personOf(actor);
    const whose = query.personId ?? personId;
    if (query.of === 'everybody' || whose !== personId) await this.permissions.require(actor, 'workflow:administer', {});
    return this.database.withTenant(actor, async (tx) => {
      const people = query.of === 'everybody' && query.personId === undefined ? {} : { OR: [{ personId: whose }, { substituteId: whose }] };
      const page = await this.cursors.page(
        listName('workflow/substitutions', { personId, ...query }),
        query,
        (take, after) => tx.workflowSubstitution.findMany({ where: { AND: [{ endedAt: null, validUntil: { gt: new Date() } }, people, after ? { id: { lt: after[0]! } } : {}] }, orderBy: { id: 'desc' }, take }),
        (row) => [row.id],
      );
      const names = await namesOf(tx, page.items.flatMap((row) => [row.personId, row.substituteId]));
      return { items: page.items.map((row) => viewOf(row, names)), nextCursor: page.nextCursor };
    });
  }

  /** From now or later on; for oneself, or, by who administers requests, for anybody. */
  async begin(actor: Actor, { personId: asked, substituteId, from, until }: Substitute): Promise<SubstitutionView> {
    const personId = asked ?? personOf(actor);
    if (actor.kind !== 'user' || personId !== actor.personId) await this.permissions.require(actor, 'workflow:administer', {});
    return this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        const [start, end] = [from ? new Date(from) : new Date(), new Date(until)];
        const problem = (pointer: string, code: string, detail: string) => new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer, code, detail }]);
        if (end <= start || end <= new Date()) throw problem('#/until', 'order', 'is not after the beginning, or over already');
        if (end.getTime() - start.getTime() > LONGEST_DAYS * 86_400_000) throw problem('#/until', 'too_big', `at most ${LONGEST_DAYS} days`);
        for (const [field, id] of [['personId', personId], ['substituteId', substituteId]] as const) if (!(await livingPerson(tx, id))) throw problem(`#/${field}`, 'unknown', 'there is no such person');
        if (substituteId === personId) throw problem('#/substituteId', 'self', 'nobody stands in for themselves');
        const row = await namingConstraints({ workflow_substitution_no_overlap: () => new Problem('WORKFLOW_SUBSTITUTED') }, () =>
          tx.workflowSubstitution.create({ data: { id: uuidv7(), foundationId: actor.foundationId, personId, substituteId, validFrom: start, validUntil: end, createdBy: actorKey(actor) } }),
        );
        await this.audit.record(tx, actor, substituted('begun', row));
        return viewOf(row, await namesOf(tx, [personId, substituteId]));
      }),
    );
  }

  /** Before its time: by who is away, who stands in, or who administers requests. */
  async end(actor: Actor, id: string): Promise<void> {
    await this.database.withTenant(actor, async (tx) => {
      const row = await tx.workflowSubstitution.findFirst({ where: { id, endedAt: null } });
      const own = row && actor.kind === 'user' && [row.personId, row.substituteId].includes(actor.personId);
      if (!own && !(await this.permissions.allows(actor, 'workflow:administer', {}))) throw row ? new Denied('NOT_FOUND', {}, { type: 'workflow_substitution', id }) : new Problem('NOT_FOUND');
      if (!row) throw new Problem('NOT_FOUND');
      await tx.workflowSubstitution.update({ where: { id }, data: { endedAt: new Date() } });
      await this.audit.record(tx, actor, substituted('ended', row));
    });
  }

  /** What is wrong with an absence that is filed. */
  async problemsOf(tx: Tx, { absence }: Definition, form: Form, initiatorId: string): Promise<FieldError[]> {
    if (!absence) return [];
    const [from, until, substitute] = [form[absence.from], form[absence.until], form[absence.substitute]] as (string | undefined)[];
    const problems: FieldError[] = [];
    if (DateTime.fromISO(until!) < DateTime.fromISO(from!)) problems.push({ pointer: `#/form/${absence.until}`, code: 'order', detail: `is before ${absence.from}` });
    if (substitute === initiatorId) problems.push({ pointer: `#/form/${absence.substitute}`, code: 'self', detail: 'nobody stands in for themselves' });
    else if (substitute !== undefined && !(await livingPerson(tx, substitute))) problems.push({ pointer: `#/form/${absence.substitute}`, code: 'unknown', detail: 'there is no such person' });
    return problems;
  }

  /** Of an absence that was approved: the days from the first to the last, in which nobody stands in yet. */
  async follow(tx: Tx, actor: Actor, { id: instanceId, initiator_id: personId, unit_id: unitId }: { id: string; initiator_id: string; unit_id: string }, { absence }: Definition, form: Form): Promise<void> {
    const substituteId = absence && (form[absence.substitute] as string | undefined);
    // Who has left in the meantime stands in for nobody.
    if (!absence || !substituteId || !(await livingPerson(tx, substituteId))) return;
    const { zone } = await this.calendars.ofUnit(tx, unitId);
    const at = (name: string) => DateTime.fromISO(form[name] as string, { zone });
    const whole = (name: string) => /^\d{4}-\d{2}-\d{2}$/.test(form[name] as string);
    const last = at(absence.until);
    const [from, until] = [at(absence.from).toJSDate(), (whole(absence.until) ? last.plus({ days: 1 }) : last).toJSDate()];
    // One after the other, also where two are approved at once.
    await tx.$executeRaw`SELECT FROM person WHERE id = ${personId}::uuid FOR UPDATE`;
    const free = await tx.$queryRaw<{ from: Date; until: Date }[]>`
      SELECT lower(r) AS from, upper(r) AS until
        FROM unnest(tstzmultirange(tstzrange(${from}::timestamptz, greatest(${until}::timestamptz, ${from}::timestamptz)))
                    - coalesce((SELECT range_agg(tstzrange(s.valid_from, s.valid_until)) FROM workflow_substitution s WHERE s.foundation_id = gloria_foundation() AND s.person_id = ${personId}::uuid AND s.ended_at IS NULL), '{}')) AS r`;
    for (const span of free) {
      const row = await tx.workflowSubstitution.create({ data: { id: uuidv7(), foundationId: actor.foundationId, personId, substituteId, validFrom: span.from, validUntil: span.until, instanceId, createdBy: actorKey(actor) } });
      await this.audit.record(tx, actor, substituted('begun', row));
    }
  }
}

const livingPerson = (tx: Tx, id: string) => everyRow(tx, 'rule').person.findFirst({ where: { id, deletedAt: null }, select: { id: true } });

const viewOf = (row: WorkflowSubstitution, names: ReadonlyMap<string, string>): SubstitutionView => ({
  id: row.id,
  person: { id: row.personId, name: names.get(row.personId) ?? '?' },
  substitute: { id: row.substituteId, name: names.get(row.substituteId) ?? '?' },
  from: row.validFrom.toISOString(),
  until: row.validUntil.toISOString(),
  instanceId: row.instanceId,
});
