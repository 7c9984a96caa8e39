/**
 * Conditions of grants: typed comparisons over properties of subject, action, resource and context. Logic is Kleene's
 * three-valued logic, as in SQL: a property that is absent, or not of its declared type, makes a comparison unknown
 * (null). An allow applies where its condition is true, a deny where it is not false, so that what is not known never
 * allows. One tree has three readings – JavaScript (`evaluate`), a Prisma `where` (`whereTrue`, `whereFalse`) and SQL
 * (`sqlOf`) – and property tests hold them to one another.
 *
 * Strings are compared for equality only: their order is a matter of collation, on which PostgreSQL and JavaScript disagree.
 */
export type AttributeType = 'string' | 'number' | 'boolean' | 'time' | 'strings';

/** `subject.…`, `action.…`, `resource.…` or `context.…`. */
export type AttributeName = string;

/** How attributes are named. */
export const ATTRIBUTE = /^(subject|action|resource|context)\.[a-zA-Z][a-zA-Z0-9_]{0,59}$/;

export type AttributeTypes = Readonly<Record<AttributeName, AttributeType>>;

export type Operand = { attribute: AttributeName } | { value: string | number | boolean | readonly string[] };

export type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'in';

export type Condition =
  | { op: 'and' | 'or'; of: readonly Condition[] }
  | { op: 'not'; of: Condition }
  | { op: 'known'; of: { attribute: AttributeName } }
  | { op: Comparison; left: Operand; right: Operand };

/** What properties hold; undefined where there is none. */
export type Attributes = (name: AttributeName) => unknown;

/** A fault in a condition, by JSON Pointer below the condition itself. */
export interface ConditionFault {
  pointer: string;
  detail: string;
}

export const CONDITION_LIMITS = { depth: 8, nodes: 64, list: 200 } as const;

/** Times are RFC 3339 with an offset, to the millisecond, of days there are, in years every part can hold. */
const TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

type Comparable = string | number | boolean | readonly string[];

/** A property as its type says, times as epoch ms; null where it is absent or something else. */
function typed(value: unknown, type: AttributeType): Comparable | null {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? value : null;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'strings':
      return Array.isArray(value) && value.every((each) => typeof each === 'string') ? (value as string[]) : null;
    case 'time': {
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.getTime();
      const [, year, month, day] = (typeof value === 'string' ? TIME.exec(value) : null)?.map(Number) ?? [];
      if (year === undefined || year < 1900 || year > 2999 || new Date(Date.UTC(year, month! - 1, day)).getUTCDate() !== day) return null;
      const at = Date.parse(value as string);
      return Number.isNaN(at) ? null : at;
    }
  }
}

/** The type both sides of a comparison have, seen from the side that is an attribute; for literals, what they can be. */
function typeOf(operand: Operand, types: AttributeTypes): AttributeType | null {
  if ('attribute' in operand) return Object.hasOwn(types, operand.attribute) ? types[operand.attribute]! : null;
  const { value } = operand;
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'strings';
}

const isResource = (operand: Operand) => 'attribute' in operand && operand.attribute.startsWith('resource.');

/** Everything wrong with a condition; empty where it type-checks. Never throws on what has the shape of a condition. */
export function checkCondition(condition: Condition, types: AttributeTypes): ConditionFault[] {
  const faults: ConditionFault[] = [];
  let nodes = 0;
  const fault = (pointer: string, detail: string) => void faults.push({ pointer, detail });
  const known = (operand: Operand, pointer: string): AttributeType | null => {
    const type = typeOf(operand, types);
    if (type === null) fault(pointer, `there is no attribute ${(operand as { attribute: string }).attribute} here`);
    if ('value' in operand && Array.isArray(operand.value) && operand.value.length > CONDITION_LIMITS.list) fault(pointer, `more than ${CONDITION_LIMITS.list} values`);
    if ('value' in operand && typeof operand.value === 'number' && !Number.isFinite(operand.value)) fault(pointer, 'not a finite number');
    return type;
  };
  const visit = (node: Condition, pointer: string, depth: number): void => {
    nodes += 1;
    if (nodes > CONDITION_LIMITS.nodes) return;
    if (depth > CONDITION_LIMITS.depth) return fault(pointer, `deeper than ${CONDITION_LIMITS.depth}`);
    switch (node.op) {
      case 'and':
      case 'or':
        if (node.of.length === 0) fault(`${pointer}/of`, 'needs at least one condition');
        node.of.forEach((each, index) => visit(each, `${pointer}/of/${index}`, depth + 1));
        return;
      case 'not':
        return visit(node.of, `${pointer}/of`, depth + 1);
      case 'known':
        known(node.of, `${pointer}/of`);
        return;
      default: {
        const [left, right] = [known(node.left, `${pointer}/left`), known(node.right, `${pointer}/right`)];
        if ('value' in node.left && 'value' in node.right) fault(pointer, 'compares two values; nothing could change it');
        // A row's column is compared with what is known beforehand; two of one row would need another kind of query.
        if (isResource(node.left) && isResource(node.right)) fault(pointer, 'compares two attributes of the resource');
        if (left === null || right === null) return;
        if (node.op === 'in') {
          if (left !== 'string') fault(`${pointer}/left`, `is a ${left}; "in" looks for a string`);
          if (right !== 'strings') fault(`${pointer}/right`, `is a ${right}; "in" looks in a list of strings`);
          return;
        }
        const type = comparedAs(left, right);
        if (type === null) return fault(pointer, `compares a ${left} with a ${right}`);
        for (const side of ['left', 'right'] as const) {
          const operand = node[side];
          if (type === 'time' && 'value' in operand && typed(operand.value, 'time') === null) fault(`${pointer}/${side}`, 'is not a time as in RFC 3339, with its offset');
        }
        if (type === 'strings') fault(pointer, 'compares lists');
        if (['lt', 'le', 'gt', 'ge'].includes(node.op) && type !== 'number' && type !== 'time') fault(pointer, `orders a ${type}; only numbers and times have an order`);
      }
    }
  };
  visit(condition, '', 1);
  if (nodes > CONDITION_LIMITS.nodes) fault('', `more than ${CONDITION_LIMITS.nodes} parts`);
  return faults;
}

/** A literal string beside a time is a time. */
function comparedAs(left: AttributeType, right: AttributeType): AttributeType | null {
  if (left === right) return left;
  if ((left === 'time' && right === 'string') || (left === 'string' && right === 'time')) return 'time';
  return null;
}

/**
 * Whether a condition that type-checks holds: true, false, or null where that depends on what is not known.
 */
export function evaluate(condition: Condition, types: AttributeTypes, attributes: Attributes): boolean | null {
  switch (condition.op) {
    case 'and': {
      let result: boolean | null = true;
      for (const each of condition.of) {
        const one = evaluate(each, types, attributes);
        if (one === false) return false;
        if (one === null) result = null;
      }
      return result;
    }
    case 'or': {
      let result: boolean | null = false;
      for (const each of condition.of) {
        const one = evaluate(each, types, attributes);
        if (one === true) return true;
        if (one === null) result = null;
      }
      return result;
    }
    case 'not': {
      const one = evaluate(condition.of, types, attributes);
      return one === null ? null : !one;
    }
    case 'known':
      return valueOf(condition.of, typeOf(condition.of, types), attributes) !== null;
    default:
      return compare(condition, types, attributes);
  }
}

function valueOf(operand: Operand, type: AttributeType | null, attributes: Attributes): Comparable | null {
  if (type === null) return null;
  return typed('value' in operand ? operand.value : attributes(operand.attribute), type);
}

function compare(node: Extract<Condition, { left: Operand }>, types: AttributeTypes, attributes: Attributes): boolean | null {
  const [leftType, rightType] = [typeOf(node.left, types), typeOf(node.right, types)];
  if (leftType === null || rightType === null) return null;
  const as = node.op === 'in' ? null : comparedAs(leftType, rightType);
  const left = valueOf(node.left, as ?? leftType, attributes);
  const right = valueOf(node.right, as ?? rightType, attributes);
  if (left === null || right === null) return null;
  switch (node.op) {
    case 'eq':
      return left === right;
    case 'ne':
      return left !== right;
    case 'lt':
      return left < right;
    case 'le':
      return left <= right;
    case 'gt':
      return left > right;
    case 'ge':
      return left >= right;
    case 'in':
      return Array.isArray(right) && typeof left === 'string' ? right.includes(left) : null;
  }
}

/** A condition about rows only: what else it asks of has been answered. `null` is "unknown whatever the row". */
export type Residual = boolean | null | Condition;

/**
 * Answers what can be answered without a row: the attributes of subject, action and context. What is left asks of
 * `resource.…` only.
 */
export function residualOf(condition: Condition, types: AttributeTypes, attributes: Attributes): Residual {
  switch (condition.op) {
    case 'and':
    case 'or': {
      const decisive = condition.op === 'or';
      const rest: Condition[] = [];
      let unknown = false;
      for (const each of condition.of) {
        const one = residualOf(each, types, attributes);
        if (one === decisive) return decisive;
        if (one === null) unknown = true;
        else if (typeof one === 'object') rest.push(one);
      }
      if (rest.length === 0) return unknown ? null : !decisive;
      return { op: condition.op, of: unknown ? [...rest, UNKNOWN] : rest };
    }
    case 'not': {
      const one = residualOf(condition.of, types, attributes);
      return one === null ? null : typeof one === 'boolean' ? !one : { op: 'not', of: one };
    }
    case 'known':
      return isResource(condition.of) ? condition : evaluate(condition, types, attributes);
    default: {
      if (!isResource(condition.left) && !isResource(condition.right)) return compare(condition, types, attributes);
      const types_ = [typeOf(condition.left, types), typeOf(condition.right, types)];
      if (types_.includes(null)) return null;
      const as = condition.op === 'in' ? null : comparedAs(types_[0]!, types_[1]!);
      const bind = (operand: Operand, own: AttributeType): Operand | null => {
        if (isResource(operand)) return operand;
        const value = valueOf(operand, as ?? own, attributes);
        // Back to how the type is written, so that what is left is a condition like any other.
        return value === null ? null : { value: as === 'time' ? new Date(value as number).toISOString() : value };
      };
      const [left, right] = [bind(condition.left, types_[0]!), bind(condition.right, types_[1]!)];
      return left === null || right === null ? null : { op: condition.op, left, right };
    }
  }
}

/** Never true and never false: `known` of what no row has, negated both ways, is not it; an unknown comparison is. */
const UNKNOWN: Condition = { op: 'eq', left: { attribute: 'resource.\u0000' }, right: { value: '' } };

/** Where a row keeps an attribute: the path of a Prisma field (`definition.key`), its type, and whether it can be null. */
export interface RowAttribute {
  field: string;
  nullable: boolean;
  type: AttributeType;
  /** Everything a column of an enumerated type can hold, which is never null; nothing else may be asked of it. */
  oneOf?: readonly string[];
}

export type RowAttributes = Readonly<Record<AttributeName, RowAttribute>>;

/** A Prisma `where`, or that it is every row, or none. */
export type Where = boolean | object;

const every = (parts: readonly Where[]): Where => {
  if (parts.includes(false)) return false;
  const rest = parts.filter((part) => part !== true);
  return rest.length === 0 ? true : rest.length === 1 ? rest[0]! : { AND: rest };
};
const some = (parts: readonly Where[]): Where => {
  if (parts.includes(true)) return true;
  const rest = parts.filter((part) => part !== false);
  return rest.length === 0 ? false : rest.length === 1 ? rest[0]! : { OR: rest };
};

/** The rows for which a residual is true. */
export const whereTrue = (residual: Residual, rows: RowAttributes): Where => where(residual, rows, true);
/** The rows for which a residual is false – not those for which it is merely not true. */
export const whereFalse = (residual: Residual, rows: RowAttributes): Where => where(residual, rows, false);

function where(residual: Residual, rows: RowAttributes, wanted: boolean): Where {
  if (residual === null) return false;
  if (typeof residual === 'boolean') return residual === wanted;
  switch (residual.op) {
    case 'and':
    case 'or':
      // De Morgan: negation is pushed down to the comparisons, where a null column makes both readings empty.
      return ((residual.op === 'and') === wanted ? every : some)(residual.of.map((each) => where(each, rows, wanted)));
    case 'not':
      return where(residual.of, rows, !wanted);
    case 'known': {
      const row = rows[residual.of.attribute];
      if (!row) return !wanted;
      if (!row.nullable) return wanted;
      return at(row.field, wanted ? { not: null } : null);
    }
    default:
      return comparison(residual, rows, wanted);
  }
}

const MIRRORED = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' } as const;
const OPPOSITE = { eq: 'ne', ne: 'eq', lt: 'ge', le: 'gt', gt: 'le', ge: 'lt' } as const;
const PRISMA = { eq: 'equals', ne: 'not', lt: 'lt', le: 'lte', gt: 'gt', ge: 'gte' } as const;

function comparison(node: Extract<Condition, { left: Operand }>, rows: RowAttributes, wanted: boolean): Where {
  const [resource, literal] = isResource(node.left) ? [node.left, node.right] : [node.right, node.left];
  const row = 'attribute' in resource ? rows[resource.attribute] : undefined;
  if (!row || !('value' in literal)) return false;
  if (node.op === 'in') {
    // A list column looked in for a string, or a string column looked for in a list.
    if (resource === node.right) return wanted ? at(row.field, { has: literal.value }) : { NOT: at(row.field, { has: literal.value }) };
    const values = literal.value as readonly string[];
    // Nothing is in an empty list, but of what is not known not even that is said; Prisma would answer without looking.
    if (values.length === 0) return wanted ? false : row.nullable ? at(row.field, { not: null }) : true;
    return at(row.field, { [wanted ? 'in' : 'notIn']: row.oneOf ? row.oneOf.filter((each) => values.includes(each)) : values });
  }
  const op = resource === node.left ? node.op : MIRRORED[node.op];
  if (row.oneOf) return at(row.field, { [(op === 'eq') === wanted ? 'in' : 'notIn']: row.oneOf.filter((each) => each === literal.value) });
  const value = row.type === 'time' ? new Date(literal.value as string) : literal.value;
  return at(row.field, { [PRISMA[wanted ? op : OPPOSITE[op]]]: value });
}

const at = (path: string, leaf: object | null): object => path.split('.').reduceRight<object | null>((inner, name) => ({ [name]: inner }), leaf) as object;

/**
 * The condition as a SQL expression of three-valued logic. `columns` gives an expression for each attribute of the
 * resource, already of its type (double precision for numbers); literals go into `parameters`, from which `$n` is taken.
 */
export function sqlOf(residual: Residual, columns: Readonly<Record<AttributeName, string>>, types: AttributeTypes, parameters: unknown[]): string {
  if (residual === null) return 'NULL::boolean';
  if (typeof residual === 'boolean') return residual ? 'TRUE' : 'FALSE';
  switch (residual.op) {
    case 'and':
    case 'or':
      return `(${residual.of.map((each) => sqlOf(each, columns, types, parameters)).join(residual.op === 'and' ? ' AND ' : ' OR ')})`;
    case 'not':
      return `(NOT ${sqlOf(residual.of, columns, types, parameters)})`;
    case 'known': {
      const column = columns[residual.of.attribute];
      return column ? `(${column} IS NOT NULL)` : 'FALSE';
    }
    default: {
      const resource = isResource(residual.left) ? residual.left : residual.right;
      const attribute = (resource as { attribute: string }).attribute;
      const column = columns[attribute];
      const type = types[attribute];
      if (!column || !type) return 'NULL::boolean';
      const CASTS = { string: 'text', number: 'double precision', boolean: 'boolean', time: 'timestamptz', strings: 'text[]' } as const;
      const side = (operand: Operand, as: AttributeType) => ('value' in operand ? `$${parameters.push(operand.value)}::${CASTS[as]}` : column);
      if (residual.op === 'in') {
        const left = side(residual.left, 'string');
        // NULL = ANY ('{}') is false; what is not known is in no list and out of none.
        return `(CASE WHEN ${left} IS NOT NULL THEN ${left} = ANY (${side(residual.right, 'strings')}) END)`;
      }
      const OPERATORS = { eq: '=', ne: '<>', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;
      return `(${side(residual.left, type)} ${OPERATORS[residual.op]} ${side(residual.right, type)})`;
    }
  }
}
