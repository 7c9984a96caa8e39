import { v7 as uuidv7 } from 'uuid';
import { permissionCodes } from '../access';
import { type AuditEvent, plain } from '../modules/audit';
import { grantCreated } from '../modules/permissions';
import { everyRow, type Tx } from '../platform/database';

export interface BackfillStep {
  /** Highest id looked at; null where there was no row left. */
  last: string | null;
  seen: number;
  /** What was changed, one event for each row: they are recorded in the same transaction. */
  events: AuditEvent[];
}

/** A change of stored data, in steps that each commit by themselves and may be cut off between any two. */
export interface Backfill {
  about: string;
  /** Rows there are to look at. */
  total(tx: Tx): Promise<number>;
  /** Looks at up to `limit` rows with an id above `after`, in the order of ids, and changes what needs it. */
  step(tx: Tx, after: string | null, limit: number): Promise<BackfillStep>;
}

/** As the organization module records it: that a name changed, never the name. */
const PERSONAL = plain('personal');

const LOWEST = '00000000-0000-0000-0000-000000000000';

export const BACKFILLS: Record<string, Backfill> = {
  'give-administrators-what-is-new': {
    about: 'administrators hold every permission there is, those of later releases too: what they do not hold they could not grant',
    async total(tx) {
      return tx.role.count({ where: { code: 'administrator', system: true } });
    },
    async step(tx, after, limit) {
      const rows = await tx.role.findMany({ where: { code: 'administrator', system: true, ...(after === null ? {} : { id: { gt: after } }) }, orderBy: { id: 'asc' }, take: limit });
      const events: AuditEvent[] = [];
      for (const { id: roleId, foundationId } of rows) {
        const held = await tx.grant.findMany({ where: { roleId, effect: 'allow', scope: 'all', resourceType: null }, select: { permissionCode: true } });
        for (const permissionCode of permissionCodes.filter((code) => !held.some((each) => each.permissionCode === code))) {
          events.push(grantCreated(await tx.grant.create({ data: { id: uuidv7(), foundationId, permissionCode, scope: 'all', roleId, reason: 'standard' } })));
        }
      }
      return { last: rows.at(-1)?.id ?? null, seen: rows.length, events };
    },
  },
  'collapse-spaces-in-names': {
    about: 'names of people without surplus spaces, which lists that came from spreadsheets are full of: a search for the name as it reads finds them',
    async total(tx) {
      return everyRow(tx, 'whole').person.count();
    },
    async step(tx, after, limit) {
      const rows = await tx.$queryRaw<{ id: string; full_name: string }[]>`
        SELECT id::text, full_name FROM person WHERE id > ${after ?? LOWEST}::uuid ORDER BY id LIMIT ${limit} FOR UPDATE`;
      const changes = rows.map(({ id, full_name: before }) => ({ id, before, after: before.replace(/\s+/g, ' ').trim() })).filter((each) => each.before !== each.after && each.after !== '');
      if (changes.length > 0) {
        await tx.$executeRaw`
          UPDATE person p SET full_name = c.name, version = p.version + 1, updated_at = now()
            FROM unnest(${changes.map(({ id }) => id)}::uuid[], ${changes.map((each) => each.after)}::text[]) AS c(id, name) WHERE p.id = c.id`;
      }
      return {
        last: rows.at(-1)?.id ?? null,
        seen: rows.length,
        events: changes.map((each) => ({ action: 'person.changed', target: { type: 'person', id: each.id }, before: { fullName: PERSONAL }, after: { fullName: PERSONAL } })),
      };
    },
  },
};
