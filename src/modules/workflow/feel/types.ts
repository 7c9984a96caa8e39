import { ExpressionLimit, LIMITS } from './limits';
import { clockFrom, type Context, dayFrom, instantFrom, type Kind, Num, type Value } from './values';

/** What an expression yields, as far as it is known before it runs; anything may be null besides. */
export type Type = { kind: Exclude<Kind, 'list' | 'context'> } | { kind: 'any' } | { kind: 'list'; of: Type } | { kind: 'context'; entries: Readonly<Record<string, Type>> };

export const ANY: Type = { kind: 'any' };
export const NULL: Type = { kind: 'null' };
export const NUMBER: Type = { kind: 'number' };
export const STRING: Type = { kind: 'string' };
export const BOOLEAN: Type = { kind: 'boolean' };
export const DATE: Type = { kind: 'date' };
export const TIME: Type = { kind: 'time' };
export const INSTANT: Type = { kind: 'date and time' };
export const DAYS: Type = { kind: 'days and time duration' };
export const MONTHS: Type = { kind: 'years and months duration' };
export const listOf = (of: Type): Type => ({ kind: 'list', of });
export const contextOf = (entries: Readonly<Record<string, Type>>): Type => ({ kind: 'context', entries });

/** Whether what is of the one type can be where the other is asked for. */
export function fits(given: Type, wanted: Type): boolean {
  if (given.kind === 'any' || wanted.kind === 'any' || given.kind === 'null') return true;
  if (given.kind === 'list' && wanted.kind === 'list') return fits(given.of, wanted.of);
  return given.kind === wanted.kind;
}

/** What either of two may be. */
export function either(one: Type, other: Type): Type {
  if (one.kind === 'null') return other;
  if (other.kind === 'null') return one;
  if (one.kind === 'list' && other.kind === 'list') return listOf(either(one.of, other.of));
  return JSON.stringify(one) === JSON.stringify(other) ? one : ANY;
}

export function typeText(type: Type): string {
  return type.kind === 'list' ? `list of ${typeText(type.of)}` : type.kind;
}

/** The part of JSON Schema that says what is in a field. */
export interface Schema {
  type?: unknown;
  format?: unknown;
  enum?: unknown;
  const?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema | boolean;
}

/** The type of what a JSON Schema lets through; `any` where it does not say. */
export function typeOfSchema(schema: Schema | boolean | undefined): Type {
  if (schema === undefined || typeof schema === 'boolean') return ANY;
  const named = (Array.isArray(schema.type) ? (schema.type as unknown[]) : [schema.type]).filter((each) => each !== 'null');
  const values = Array.isArray(schema.enum) ? (schema.enum as unknown[]) : 'const' in schema ? [schema.const] : [];
  const kind = named.length === 1 && named[0] !== undefined ? named[0] : kindOfAll(values);
  switch (kind) {
    case 'string':
      return schema.format === 'date' ? DATE : schema.format === 'date-time' ? INSTANT : schema.format === 'time' ? TIME : STRING;
    case 'number':
    case 'integer':
      return NUMBER;
    case 'boolean':
      return BOOLEAN;
    case 'array':
      return listOf(typeOfSchema(schema.items));
    case 'object':
      return contextOf(Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, each]) => [name, typeOfSchema(each)])));
    default:
      return ANY;
  }
}

function kindOfAll(values: readonly unknown[]): string | undefined {
  const kinds = new Set(values.filter((each) => each !== null).map((each) => typeof each));
  return kinds.size === 1 ? [...kinds][0] : undefined;
}

/** A JSON value as the type says; null where it is something else. */
export function fromJson(json: unknown, type: Type, zone: string, depth = 0): Value {
  if (json === null || json === undefined) return null;
  if (depth > LIMITS.depth) throw new ExpressionLimit('depth');
  switch (type.kind) {
    case 'date':
      return typeof json === 'string' ? dayFrom(json) : null;
    case 'time':
      return typeof json === 'string' ? clockFrom(json.replace(/(Z|[+-]\d{2}:\d{2})$/i, '')) : null;
    case 'date and time':
      return typeof json === 'string' ? instantFrom(json.toUpperCase(), zone) : null;
    case 'list':
      return Array.isArray(json) ? json.map((each) => fromJson(each, type.of, zone, depth + 1)) : null;
    case 'context':
      return typeof json === 'object' && !Array.isArray(json) ? contextFrom(json, (name) => (Object.hasOwn(type.entries, name) ? type.entries[name]! : ANY), zone, depth + 1) : null;
    default:
      return plain(json, zone, depth + 1);
  }
}

function plain(json: unknown, zone: string, depth: number): Value {
  if (typeof json === 'string' || typeof json === 'boolean') return json;
  // The shortest decimal that is this double: what was written.
  if (typeof json === 'number') return new Num(String(json));
  if (Array.isArray(json)) return json.map((each) => fromJson(each, ANY, zone, depth));
  return typeof json === 'object' && json !== null ? contextFrom(json, () => ANY, zone, depth) : null;
}

function contextFrom(json: object, typeOf: (name: string) => Type, zone: string, depth: number): Context {
  return Object.fromEntries(Object.entries(json).map(([name, each]) => [name, fromJson(each, typeOf(name), zone, depth)]));
}
