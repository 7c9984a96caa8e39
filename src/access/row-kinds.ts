import type { AttributeType, AttributeTypes, RowAttribute, RowAttributes } from './condition';
import type { ResourceFacts } from './rows';

/**
 * The kinds of rows that grants can be made for and conditions can ask about. For each: where a row keeps what
 * `resource.<name>` means, as a Prisma field. The same description gives the types that conditions are checked against,
 * the properties of one row and the `where` of many, so that a check and a list cannot disagree. A contract test compares
 * it with the database's schema.
 */
const describe = (attributes: Record<string, { field: string; type: AttributeType; nullable?: boolean; oneOf?: readonly string[] }>): RowAttributes =>
  Object.fromEntries(Object.entries(attributes).map(([name, { nullable = false, ...rest }]) => [`resource.${name}`, { nullable, ...rest }]));

export const ROW_KINDS = {
  unit: describe({ code: { field: 'code', type: 'string' }, kind: { field: 'kind', type: 'string', oneOf: ['foundation', 'school', 'department'] } }),
  position: describe({ code: { field: 'code', type: 'string' } }),
  person: describe({ employeeNumber: { field: 'employeeNumber', type: 'string' } }),
  appointment: describe({ acting: { field: 'acting', type: 'boolean' } }),
  request: describe({ definition: { field: 'key', type: 'string' }, state: { field: 'state', type: 'string', oneOf: ['draft', 'running', 'returned', 'withdrawn', 'completed', 'rejected', 'suspended', 'cancelled'] }, createdAt: { field: 'createdAt', type: 'time' }, submittedAt: { field: 'submittedAt', type: 'time', nullable: true } }),
  api_key: describe({ expiresAt: { field: 'expiresAt', type: 'time' } }),
} as const satisfies Record<string, RowAttributes>;

export type RowKindName = keyof typeof ROW_KINDS;

/** Whether this can be the id of a row of ours, written as the database writes it. */
export const isRowId = (id: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

export const isRowKind = (name: string): name is RowKindName => Object.hasOwn(ROW_KINDS, name);

/**
 * The facts of one row of a kind, its properties read from it as the kind says. `row` may be one that is only about to be
 * made: what it does not have yet is not known.
 */
export function rowFacts(kind: RowKindName, row: object, place: Pick<ResourceFacts, 'ownerPersonId' | 'unitPath'>): ResourceFacts {
  const fields = row as Readonly<Record<string, unknown>>;
  return { type: kind, id: typeof fields.id === 'string' ? fields.id : undefined, ...place, properties: Object.fromEntries(Object.entries(ROW_KINDS[kind]).map(([name, { field }]) => [name.slice('resource.'.length), fields[field]])) };
}

/** What conditions may ask about the person and the request, whatever the row. */
const ALWAYS: AttributeTypes = { 'subject.id': 'string', 'context.time': 'time' };

/** The attributes a condition on rows of this kind – null: on no row in particular – may use, with their types. */
export function attributeTypesOf(kind: RowKindName | null): AttributeTypes {
  return { ...ALWAYS, ...Object.fromEntries(Object.entries<RowAttribute>(kind === null ? {} : ROW_KINDS[kind]).map(([name, { type }]) => [name, type])) };
}
