import { DateTime } from 'luxon';

/** When work is done in a place: hours by weekday, but not on holidays. Local times of its zone. */
export interface BusinessCalendar {
  /** IANA name. */
  zone: string;
  /** Opening hours by ISO weekday, Monday first: minutes from midnight, in order, not overlapping. */
  week: readonly (readonly Hours[])[];
  /** Dates, ISO 8601, on which other hours hold: none on a holiday. */
  exceptions: ReadonlyMap<string, readonly Hours[]>;
}

export interface Hours {
  /** From inclusive, to exclusive; `to` at most 1,440. */
  from: number;
  to: number;
}

/** A stretch of working time: epoch ms, from inclusive, until exclusive. */
interface Stretch {
  from: number;
  until: number;
}

/** How far it is looked for working time: a calendar with none in so long has none. */
const HORIZON_DAYS = 3_660;

/** When work is done on a local date. */
const hoursOf = (calendar: BusinessCalendar, day: DateTime): readonly Hours[] => calendar.exceptions.get(day.toISODate()!) ?? calendar.week[day.weekday - 1] ?? [];

/** The working time of a local date, as it passes: on a day the clock is put forward less of it, on one it is put back more. */
function stretchesOf(calendar: BusinessCalendar, day: DateTime): Stretch[] {
  // 24:00 is the next day's beginning; a time the clock leaps over is that much later.
  const at = (minutes: number) => (minutes === 1_440 ? day.plus({ days: 1 }).startOf('day') : day.set({ hour: Math.floor(minutes / 60), minute: minutes % 60 })).toMillis();
  return hoursOf(calendar, day).map(({ from, to }) => ({ from: at(from), until: at(to) })).filter(({ from, until }) => from < until);
}

const dayOf = (calendar: BusinessCalendar, at: number) => DateTime.fromMillis(at, { zone: calendar.zone }).startOf('day');

/** Working time from the day of an instant on. Ends after ten years. */
function* stretchesFrom(calendar: BusinessCalendar, at: number): Generator<Stretch & { day: DateTime }> {
  let day = dayOf(calendar, at);
  for (let ahead = 0; ahead <= HORIZON_DAYS; ahead += 1, day = day.plus({ days: 1 }).startOf('day')) for (const stretch of stretchesOf(calendar, day)) yield { ...stretch, day };
}

/** Thrown where a calendar has no working time within ten years. */
export class NoBusinessTime extends Error {
  constructor() {
    super('the calendar has no working time');
  }
}

/**
 * The instant by which so much working time has passed since `from` (epoch ms both; `ms` not negative). Nothing at all has
 * passed at `from` itself, whether that is working time or not.
 */
export function addBusinessTime(calendar: BusinessCalendar, from: number, ms: number): number {
  if (ms <= 0) return from;
  let left = ms;
  for (const stretch of stretchesFrom(calendar, from)) {
    const begin = Math.max(from, stretch.from);
    if (begin >= stretch.until) continue;
    if (left <= stretch.until - begin) return begin + left;
    left -= stretch.until - begin;
  }
  throw new NoBusinessTime();
}

/** Working time between two instants, ms; negative where `to` comes before `from`. */
export function businessTimeBetween(calendar: BusinessCalendar, from: number, to: number): number {
  if (to < from) return 0 - businessTimeBetween(calendar, to, from);
  let sum = 0;
  for (let day = dayOf(calendar, from); day.toMillis() < to; day = day.plus({ days: 1 }).startOf('day')) {
    for (const stretch of stretchesOf(calendar, day)) sum += Math.max(0, Math.min(to, stretch.until) - Math.max(from, stretch.from));
  }
  return sum;
}

/**
 * So many working days later, at the same time of day – where that day is open then: else at its next opening, or its
 * close. What begins outside working time counts from the next opening. "3 working days" is not 72 hours.
 */
export function addBusinessDays(calendar: BusinessCalendar, from: number, days: number): number {
  const start = nextOpening(calendar, from);
  if (days <= 0) return start;
  const time = DateTime.fromMillis(start, { zone: calendar.zone });
  let counted = 0;
  let last: DateTime = time.startOf('day');
  for (const { day } of stretchesFrom(calendar, start)) {
    if (day.toMillis() <= last.toMillis()) continue;
    last = day;
    counted += 1;
    if (counted < days) continue;
    const wanted = day.set({ hour: time.hour, minute: time.minute, second: time.second, millisecond: time.millisecond }).toMillis();
    const open = stretchesOf(calendar, day);
    const stretch = open.find(({ until }) => wanted <= until);
    return stretch ? Math.max(wanted, stretch.from) : open.at(-1)!.until;
  }
  throw new NoBusinessTime();
}

/** The first working instant at or after one. */
function nextOpening(calendar: BusinessCalendar, at: number): number {
  for (const { from, until } of stretchesFrom(calendar, at)) if (at < until) return Math.max(at, from);
  throw new NoBusinessTime();
}

/** How many days are worked on from one local date to another, both included, by year; none where the second is before. ISO 8601; up to ten years. */
export function workingDays(calendar: BusinessCalendar, from: string, until: string): Map<number, number> {
  const found = new Map<number, number>();
  let day = DateTime.fromISO(from, { zone: 'utc' });
  for (let ahead = 0; ahead <= HORIZON_DAYS && day.toISODate()! <= until; ahead += 1, day = day.plus({ days: 1 })) {
    if (hoursOf(calendar, day).length > 0) found.set(day.year, (found.get(day.year) ?? 0) + 1);
  }
  return found;
}
