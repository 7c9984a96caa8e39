import { DateTime } from 'luxon';
import { addBusinessDays, addBusinessTime, type BusinessCalendar, businessTimeBetween } from '../calendars';
import type { Moment } from './definition';
import type { Form } from './transition';

/** When something is due. */
export interface Due {
  at: Date;
  /** Whether it was filled in: it does not move while time stands still. */
  absolute: boolean;
  /** Whether it is counted in working time. */
  working: boolean;
}

const HOUR = 3_600_000;

/**
 * When a moment comes that is waited for from `now` on. Days are days of the calendar in its zone; a day that is filled in
 * begins in it; working hours and days are those of the calendar. What is filled in and no time – the gate asks the form
 * for one – has come. Throws NoBusinessTime where the calendar has none.
 */
export function dueAt(moment: Moment, form: Form, now: Date, calendar: BusinessCalendar): Due {
  const { zone } = calendar;
  if ('until' in moment) {
    const filled = form[moment.until];
    const at = typeof filled === 'string' ? DateTime.fromISO(filled, { zone }) : DateTime.invalid('empty');
    return { at: at.isValid ? at.toJSDate() : now, absolute: true, working: false };
  }
  const from = now.getTime();
  if ('workingHours' in moment) return { at: new Date(addBusinessTime(calendar, from, moment.workingHours * HOUR)), absolute: false, working: true };
  if ('workingDays' in moment) return { at: new Date(addBusinessDays(calendar, from, moment.workingDays)), absolute: false, working: true };
  return { at: DateTime.fromJSDate(now, { zone }).plus(moment).toJSDate(), absolute: false, working: false };
}

/** When what stood still since `halted` and was due at `due` is due, going on now: when as much working time as was left has passed. */
export function resumedAt(due: Date, halted: Date, now: Date, calendar: BusinessCalendar): Date {
  const left = Math.max(0, businessTimeBetween(calendar, halted.getTime(), due.getTime()));
  return new Date(addBusinessTime(calendar, now.getTime(), left));
}
