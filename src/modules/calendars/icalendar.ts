import ICAL from 'ical.js';

/** A day of an imported event. */
export interface Holiday {
  /** ISO 8601 date. */
  day: string;
  name: string;
  uid: string;
}

export interface ReadCalendar {
  holidays: Holiday[];
  /** Events that are no holidays, and why. */
  skipped: { uid: string | null; name: string; reason: string }[];
}

/** Not an iCalendar file. */
export class NoCalendar extends Error {}

/** So many days of one event, and of one file: more is a mistake, or meant to do harm. */
const MOST = { event: 400, file: 5_000, repeated: 500 };

/**
 * The all-day events of an iCalendar file (RFC 5545), day by day, repeated ones written out for the years asked for; both
 * years included. Events at hours of a day, cancelled ones and those that run too long are skipped, and said.
 */
export function readICalendar(text: string, years: { from: number; to: number }): ReadCalendar {
  let events: ICAL.Component[];
  try {
    const parsed = new ICAL.Component(ICAL.parse(text) as ConstructorParameters<typeof ICAL.Component>[0]);
    if (parsed.name !== 'vcalendar') throw new Error(`it begins with ${parsed.name}`);
    events = parsed.getAllSubcomponents('vevent');
  } catch (error) {
    throw new NoCalendar((error as Error).message.slice(0, 200));
  }
  if (events.filter((event) => event.hasProperty('rrule') || event.hasProperty('rdate')).length > MOST.repeated) throw new NoCalendar(`more than ${MOST.repeated} events that repeat`);
  const read: ReadCalendar = { holidays: [], skipped: [] };
  for (const component of events) {
    const event = new ICAL.Event(component);
    const name = String(component.getFirstPropertyValue('summary') ?? '').trim().slice(0, 120) || '–';
    const uid = component.getFirstPropertyValue('uid')?.toString() ?? null;
    const days = uid === null ? 'it has no UID' : readable(event, component, years);
    if (typeof days === 'string') read.skipped.push({ uid, name, reason: days });
    else read.holidays.push(...days.map((day) => ({ day, name, uid: uid! })));
    if (read.holidays.length > MOST.file) throw new NoCalendar(`more than ${MOST.file} days`);
  }
  return read;
}

/** The same, where the library gives up. */
function readable(event: ICAL.Event, component: ICAL.Component, years: { from: number; to: number }): string[] | string {
  try {
    return daysOf(event, component, years);
  } catch (error) {
    return `it cannot be read: ${(error as Error).message.slice(0, 100)}`;
  }
}

/**
 * Whether an event repeats on the same day of each year, or of every so many: what holidays do. Other rules are not
 * followed: some that never come about are looked for without end.
 */
function isYearly(component: ICAL.Component, start: ICAL.Time): boolean {
  const rules = component.getAllProperties('rrule').map((property) => property.getFirstValue() as ICAL.Recur);
  return rules.every((rule) => {
    const parts = Object.entries(rule.parts as Record<string, unknown>);
    const same = parts.every(([name, value]) => Array.isArray(value) && value.length === 1 && ((name === 'BYMONTH' && Number(value[0]) === start.month) || (name === 'BYMONTHDAY' && Number(value[0]) === start.day)));
    return rule.freq === 'YEARLY' && rule.interval >= 1 && rule.interval <= 100 && same;
  });
}

/** The days of an event within the years, or why it has none. */
function daysOf(event: ICAL.Event, component: ICAL.Component, { from, to }: { from: number; to: number }): string[] | string {
  if (component.getFirstPropertyValue('status')?.toString().toUpperCase() === 'CANCELLED') return 'it is cancelled';
  if (component.hasProperty('recurrence-id')) return 'it changes one occurrence of another event';
  const start = event.startDate as ICAL.Time | null;
  if (!start) return 'it has no beginning';
  if (!start.isDate) return 'it is at an hour, not all day';
  const length = Math.max(1, Math.round(event.duration.toSeconds() / 86_400));
  if (length > MOST.event) return `it is longer than ${MOST.event} days`;
  if (!isYearly(component, start)) return 'it repeats otherwise than yearly on its day';
  if (start.year < 1_800) return 'it begins too long ago';
  const found: string[] = [];
  const add = (begin: ICAL.Time) => {
    for (let n = 0; n < length; n += 1) {
      const day = begin.clone();
      day.day += n;
      if (day.year >= from && day.year <= to) found.push(day.toString().slice(0, 10));
    }
  };
  if (!event.isRecurring()) add(start);
  else {
    const occurrences = event.iterator();
    for (let [next, seen] = [occurrences.next() as ICAL.Time | undefined, 0]; next && next.year <= to; next = occurrences.next() as ICAL.Time | undefined) {
      if (next.year >= from - 1) add(next);
      seen += 1;
      if (found.length > MOST.event || seen > MOST.file) return 'it comes too often';
    }
  }
  return found.length === 0 ? `none of it lies in ${from} to ${to}` : found;
}
