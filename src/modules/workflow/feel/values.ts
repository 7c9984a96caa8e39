import { Decimal } from 'decimal.js';
import { DateTime } from 'luxon';

/** Numbers as DMN 1.5 (10.3.2.3) has them: 34 decimal digits, rounded half even; never binary floats. */
export const Num = Decimal.clone({ precision: 34, rounding: Decimal.ROUND_HALF_EVEN, minE: -6_143, maxE: 6_144, toExpNeg: -7_000, toExpPos: 7_000, defaults: true });
export type Num = Decimal;

/** A day, without a zone: midnight in UTC. */
export class Day {
  constructor(readonly at: DateTime) {}
}

/** A time of day, in milliseconds since midnight. */
export class Clock {
  constructor(readonly ms: number) {}
}

/** An instant, in the zone it was said in. */
export class Instant {
  constructor(readonly at: DateTime) {}
}

/** Days and time, in milliseconds; years and months, in months. They are not to be compared with one another. */
export class Duration {
  constructor(
    readonly unit: 'days' | 'months',
    readonly count: number,
  ) {}
}

export interface Context {
  readonly [name: string]: Value;
}

export type Value = null | boolean | string | Num | Day | Clock | Instant | Duration | readonly Value[] | Context;

export type Kind = 'null' | 'boolean' | 'string' | 'number' | 'date' | 'time' | 'date and time' | 'days and time duration' | 'years and months duration' | 'list' | 'context';

export function kindOf(value: Value): Kind {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return 'string';
  if (value instanceof Num) return 'number';
  if (value instanceof Day) return 'date';
  if (value instanceof Clock) return 'time';
  if (value instanceof Instant) return 'date and time';
  if (value instanceof Duration) return value.unit === 'days' ? 'days and time duration' : 'years and months duration';
  return isList(value) ? 'list' : 'context';
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

export const isContext = (value: Value): value is Context => kindOf(value) === 'context';

/** A number no larger than decimal128 holds; null for what is none. */
export const finite = (value: Num): Num | null => (value.isFinite() ? value : null);

/** What lies before what, as numbers or text; null where there is no order. */
function rank(value: Value): string | Num | number | null {
  if (typeof value === 'string' || value instanceof Num) return value;
  if (value instanceof Day || value instanceof Instant) return value.at.toMillis();
  if (value instanceof Clock) return value.ms;
  return value instanceof Duration ? value.count : null;
}

/** −1, 0 or 1; null where the two are of different kinds, or of one that has no order. Text is ordered by code points. */
export function compare(one: Value, other: Value): number | null {
  const [a, b] = [rank(one), rank(other)];
  if (a === null || b === null || kindOf(one) !== kindOf(other)) return null;
  if (a instanceof Num) return a.comparedTo(b as Num);
  if (typeof a === 'string') return Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b as string)));
  return Math.sign(a - (b as number));
}

/** Whether two are the same: null where they are of different kinds, neither being null. */
export function equal(one: Value, other: Value): boolean | null {
  if (one === null || other === null) return one === other;
  if (kindOf(one) !== kindOf(other)) return null;
  if (typeof one === 'boolean') return one === other;
  if (isList(one) && isList(other)) return one.length === other.length && one.every((each, n) => equal(each, other[n]!) === true);
  if (isContext(one) && isContext(other)) {
    const names = Object.keys(one);
    return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && equal(one[name]!, other[name]!) === true);
  }
  return compare(one, other) === 0;
}

export function dayFrom(text: string): Day | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const at = DateTime.fromISO(text, { zone: 'utc' });
  return at.isValid ? new Day(at) : null;
}

export function clockFrom(text: string): Clock | null {
  const found = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,3}))?$/.exec(text);
  if (!found) return null;
  const [, hours, minutes, seconds, fraction = '0'] = found;
  return new Clock(((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000 + Number(fraction.padEnd(3, '0')));
}

/** An instant; where its zone is not said, in `zone`. */
export function instantFrom(text: string, zone: string): Instant | null {
  if (!/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2})?)?$/.test(text)) return null;
  const at = DateTime.fromISO(text, { zone, setZone: true });
  return at.isValid ? new Instant(at) : null;
}

const DAY = 86_400_000;

export function durationFrom(text: string): Duration | null {
  const found = /^(-?)P(?:(\d{1,6})Y)?(?:(\d{1,6})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})(?:\.(\d{1,3}))?S)?)?$/.exec(text);
  if (!found || /[PT]$/.test(text)) return null;
  const [, minus, years, months, days, hours, minutes, seconds, fraction] = found;
  const sign = minus ? -1 : 1;
  const n = (part: string | undefined) => Number(part ?? 0);
  if (years ?? months) return days ?? hours ?? minutes ?? seconds ? null : new Duration('months', sign * (n(years) * 12 + n(months)) + 0);
  return new Duration('days', sign * (n(days) * DAY + ((n(hours) * 60 + n(minutes)) * 60 + n(seconds)) * 1_000 + n((fraction ?? '').padEnd(3, '0'))) + 0);
}

/** As text, the way literals are written. */
export function textOf(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Num) return value.toFixed();
  if (value instanceof Day) return value.at.toFormat('yyyy-MM-dd');
  if (value instanceof Instant) return value.at.toISO({ suppressMilliseconds: true })!;
  if (value instanceof Clock) return DateTime.fromMillis(value.ms, { zone: 'utc' }).toFormat(value.ms % 1_000 === 0 ? 'HH:mm:ss' : 'HH:mm:ss.SSS');
  if (value instanceof Duration) return durationText(value);
  return JSON.stringify(toJson(value));
}

function durationText({ unit, count }: Duration): string {
  const minus = count < 0 ? '-' : '';
  const all = Math.abs(count);
  const part = (n: number, letter: string) => (n === 0 ? '' : `${n}${letter}`);
  if (unit === 'months') return all === 0 ? 'P0M' : `${minus}P${part(Math.floor(all / 12), 'Y')}${part(all % 12, 'M')}`;
  const time = part(Math.floor((all % DAY) / 3_600_000), 'H') + part(Math.floor((all % 3_600_000) / 60_000), 'M') + part((all % 60_000) / 1_000, 'S');
  return all === 0 ? 'PT0S' : `${minus}P${part(Math.floor(all / DAY), 'D')}${time ? `T${time}` : ''}`;
}

/** As JSON: numbers as JSON numbers, so to the 15 digits those keep everywhere; times as ISO 8601 text. */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (value instanceof Num) return value.toNumber();
  if (isList(value)) return value.map(toJson);
  if (isContext(value)) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toJson(each)]));
  return textOf(value);
}
