import { DateTime } from 'luxon';

/** Minutes of the day in a zone. */
export interface Quiet {
  from: number;
  until: number;
}

/** When something may go out that is ready now: at once, or when it is quiet no more. `from` after `until` is over midnight; the same minute is never quiet. */
export function afterQuiet(now: Date, zone: string, quiet: Quiet | null): Date {
  if (!quiet || quiet.from === quiet.until) return now;
  const local = DateTime.fromJSDate(now, { zone });
  const minute = local.hour * 60 + local.minute;
  const within = quiet.from < quiet.until ? minute >= quiet.from && minute < quiet.until : minute >= quiet.from || minute < quiet.until;
  return within ? next(local, quiet.until) : now;
}

/** The next time the clock shows this minute, after now. */
export function nextAt(now: Date, zone: string, minute: number): Date {
  return next(DateTime.fromJSDate(now, { zone }), minute);
}

function next(local: DateTime, minute: number): Date {
  const today = local.startOf('day').set({ hour: Math.floor(minute / 60), minute: minute % 60 });
  return (today > local ? today : local.plus({ days: 1 }).startOf('day').set({ hour: Math.floor(minute / 60), minute: minute % 60 })).toJSDate();
}
