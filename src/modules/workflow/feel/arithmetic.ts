import type { DateTime } from 'luxon';
import { ANY, DATE, DAYS, fits, INSTANT, MONTHS, NUMBER, STRING, TIME, type Type } from './types';
import { Clock, Day, Duration, finite, Instant, Num, type Value } from './values';

export type Operator = '+' | '-' | '*' | '/' | '**';

const DAY = 86_400_000;

/** Which kinds an operator takes, and what it yields: DMN 1.5, 10.3.2.5. */
const TABLE: readonly (readonly [left: Type, operators: string, right: Type, yields: Type])[] = [
  [NUMBER, '+ - * / **', NUMBER, NUMBER],
  [STRING, '+', STRING, STRING],
  [DATE, '-', DATE, DAYS],
  [INSTANT, '-', INSTANT, DAYS],
  [TIME, '-', TIME, DAYS],
  ...[DATE, INSTANT].flatMap((time) => [DAYS, MONTHS].map((span) => [time, '+ -', span, time] as const)),
  ...[DATE, INSTANT].flatMap((time) => [DAYS, MONTHS].map((span) => [span, '+', time, time] as const)),
  [TIME, '+ -', DAYS, TIME],
  ...[DAYS, MONTHS].flatMap((span) => [[span, '+ -', span, span] as const, [span, '* /', NUMBER, span] as const, [NUMBER, '*', span, span] as const, [span, '/', span, NUMBER] as const]),
];

/** What comes of it; null where the kinds do not go together. */
export function arithmeticType(operator: Operator, left: Type, right: Type): Type | null {
  const found = TABLE.filter(([a, operators, b]) => operators.split(' ').includes(operator) && fits(left, a) && fits(right, b));
  return found.length === 0 ? null : found.length === 1 ? found[0]![3] : ANY;
}

/** Computes; null where the kinds do not go together, by zero, and beyond what numbers and calendars hold. */
export function arithmetic(operator: Operator, left: Value, right: Value): Value {
  if (left instanceof Num && right instanceof Num) return ofNumbers(operator, left, right);
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return left + right;
    if (left instanceof Duration && !(right instanceof Duration)) return moved(right, left, 1);
  }
  if (operator === '-') {
    if ((left instanceof Day && right instanceof Day) || (left instanceof Instant && right instanceof Instant)) return new Duration('days', left.at.toMillis() - right.at.toMillis());
    if (left instanceof Clock && right instanceof Clock) return new Duration('days', left.ms - right.ms);
  }
  if (left instanceof Duration) return ofDuration(operator, left, right);
  if (right instanceof Duration) return operator === '*' && left instanceof Num ? ofDuration('*', right, left) : operator === '+' || operator === '-' ? moved(left, right, operator === '+' ? 1 : -1) : null;
  return null;
}

function ofNumbers(operator: Operator, left: Num, right: Num): Value {
  switch (operator) {
    case '+':
      return finite(left.plus(right));
    case '-':
      return finite(left.minus(right));
    case '*':
      return finite(left.times(right));
    case '/':
      return right.isZero() ? null : finite(left.div(right));
    case '**':
      // Exponents that a request needs; others would take their time.
      return right.isInteger() && right.abs().lte(9_999) ? finite(left.pow(right)) : null;
  }
}

function ofDuration(operator: Operator, { unit, count }: Duration, right: Value): Value {
  const whole = (n: number) => (Number.isSafeInteger(n) ? new Duration(unit, n + 0) : null);
  if (right instanceof Duration) {
    if (right.unit !== unit) return null;
    if (operator === '/') return right.count === 0 ? null : new Num(count).div(right.count);
    return operator === '+' ? whole(count + right.count) : operator === '-' ? whole(count - right.count) : null;
  }
  if (!(right instanceof Num) || (operator !== '*' && operator !== '/') || (operator === '/' && right.isZero())) return null;
  const exact = new Num(count);
  return whole((operator === '*' ? exact.times(right) : exact.div(right)).trunc().toNumber());
}

/** A time so much later: days are the calendar's, and the end of a month stays in it. */
function moved(time: Value, { unit, count }: Duration, sign: 1 | -1): Value {
  if (time instanceof Clock) return unit === 'days' ? new Clock((((time.ms + sign * count) % DAY) + DAY) % DAY) : null;
  if (!(time instanceof Day || time instanceof Instant)) return null;
  const days = Math.trunc(count / DAY);
  const at: DateTime = unit === 'months' ? time.at.plus({ months: sign * count }) : time.at.plus({ days: sign * days, milliseconds: sign * (count - days * DAY) });
  if (!at.isValid || at.year < 1 || at.year > 9_999) return null;
  return time instanceof Day ? new Day(at.startOf('day')) : new Instant(at);
}
