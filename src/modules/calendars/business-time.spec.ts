import fc from 'fast-check';
import { addBusinessDays, addBusinessTime, type BusinessCalendar, businessTimeBetween, type Hours, NoBusinessTime, workingDays } from './business-time';

const HOUR = 3_600_000;
const school: BusinessCalendar = { zone: 'Asia/Jakarta', week: [...Array.from({ length: 4 }, () => [{ from: 420, to: 720 }, { from: 780, to: 960 }]), [{ from: 420, to: 660 }, { from: 780, to: 900 }], [], []], exceptions: new Map([['2026-12-25', []], ['2026-12-24', [{ from: 420, to: 600 }]]]) };
const at = (local: string, offset = '+07:00') => Date.parse(`${local}:00${offset}`);
const local = (ms: number, zone = 'Asia/Jakarta') => new Date(ms).toLocaleString('sv-SE', { timeZone: zone }).slice(0, 16).replace(' ', 'T');

/** Calendars of places where the clock is put forward and back, at odd hours too, and of some where it is not. */
const ZONES = ['Asia/Jakarta', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Africa/Casablanca'];
const hours: fc.Arbitrary<Hours[]> = fc.uniqueArray(fc.integer({ min: 0, max: 96 }), { maxLength: 6 }).map((quarters) => {
  const sorted = quarters.sort((a, b) => a - b).map((quarter) => quarter * 15);
  return Array.from({ length: Math.floor(sorted.length / 2) }, (_, n) => ({ from: sorted[2 * n]!, to: sorted[2 * n + 1]! }));
});
const instant = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 11, 31) });
const calendar: fc.Arbitrary<BusinessCalendar> = fc
  .record({ zone: fc.constantFrom(...ZONES), week: fc.array(hours, { minLength: 7, maxLength: 7 }), exceptions: fc.array(fc.tuple(instant, hours), { maxLength: 40 }) })
  .map(({ exceptions, ...rest }) => ({ ...rest, exceptions: new Map(exceptions.map(([ms, each]) => [new Date(ms).toISOString().slice(0, 10), each])) }))
  .filter(({ week }) => week.some((day) => day.length > 0));
const amount = fc.integer({ min: 0, max: 50 * HOUR });
const RUNS = { numRuns: Math.ceil(100 * Number(process.env.PROPERTY_RUNS ?? 1)) };

/** The naive way: minute by minute, whether the clock on the wall says it is open. */
function isOpen(given: BusinessCalendar, ms: number): boolean {
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-GB', { timeZone: given.zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', weekday: 'short' }).formatToParts(ms).map(({ type, value }) => [type, value]));
  const weekday = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(parts.weekday!);
  const minute = Number(parts.hour) * 60 + Number(parts.minute);
  return (given.exceptions.get(`${parts.year}-${parts.month}-${parts.day}`) ?? given.week[weekday]!).some(({ from, to }) => from <= minute && minute < to);
}

describe('business time', () => {
  it.each<[string, number, string]>([
    ['2026-11-23T08:00', 2, '2026-11-23T10:00'], ['2026-11-23T11:30', 1, '2026-11-23T13:30'], ['2026-11-23T15:00', 2, '2026-11-24T08:00'], ['2026-11-27T14:00', 2, '2026-11-30T08:00'],
    ['2026-11-28T10:00', 1, '2026-11-30T08:00'], ['2026-12-24T09:00', 2, '2026-12-28T08:00'], ['2026-11-23T05:00', 0, '2026-11-23T05:00'], ['2026-11-23T15:00', 1, '2026-11-23T16:00'], ['2026-11-23T07:00', 8, '2026-11-23T16:00'],
  ])('%s and %i hours is %s', (from, more, expected) => {
    expect(local(addBusinessTime(school, at(from), more * HOUR))).toBe(expected);
  });

  it.each<[string, number, string]>([
    ['2026-11-23T08:00', 3, '2026-11-26T08:00'], ['2026-11-27T14:00', 1, '2026-11-30T14:00'], ['2026-11-28T10:00', 1, '2026-12-01T07:00'], ['2026-11-23T18:00', 1, '2026-11-25T07:00'], ['2026-11-26T15:30', 1, '2026-11-27T15:00'],
    ['2026-11-26T11:30', 1, '2026-11-27T13:00'], ['2026-12-23T15:00', 1, '2026-12-24T10:00'], ['2026-12-23T09:00', 2, '2026-12-28T09:00'], ['2026-11-28T10:00', 0, '2026-11-30T07:00'], ['2026-11-23T12:30', 1, '2026-11-24T13:00'],
  ])('%s and %i working days is %s', (from, days, expected) => {
    expect(local(addBusinessDays(school, at(from), days))).toBe(expected);
  });

  it('is as long as it lasts where the clock is put forward or back', () => {
    const night: BusinessCalendar = { zone: 'Europe/Berlin', week: Array.from({ length: 7 }, () => [{ from: 60, to: 240 }]), exceptions: new Map() };
    const length = (day: string) => businessTimeBetween(night, Date.parse(`${day}T00:00:00Z`) - 12 * HOUR, Date.parse(`${day}T00:00:00Z`) + 12 * HOUR) / HOUR;
    expect([length('2026-03-28'), length('2026-03-29'), length('2026-10-25')]).toEqual([3, 2, 4]);
    const leapt: BusinessCalendar = { ...night, week: Array.from({ length: 7 }, () => [{ from: 120, to: 180 }]) };
    expect(businessTimeBetween(leapt, Date.parse('2026-03-29T00:00:00Z') - 12 * HOUR, Date.parse('2026-03-29T00:00:00Z') + 12 * HOUR)).toBe(0);
    const whole: BusinessCalendar = { ...night, week: Array.from({ length: 7 }, () => [{ from: 0, to: 1_440 }]) };
    expect(businessTimeBetween(whole, Date.parse('2026-03-28T23:00:00Z'), Date.parse('2026-03-29T22:00:00Z')) / HOUR).toBe(23);
  });

  it('added is the time between, and never less for more or later', () => {
    fc.assert(
      fc.property(calendar, instant, instant, amount, amount, (given, one, other, some, more) => {
        const [from, later] = [Math.min(one, other), Math.max(one, other)];
        const [less, much] = [Math.min(some, more), Math.max(some, more)];
        const add = (begin: number, ms: number) => addBusinessTime(given, begin, ms);
        expect(businessTimeBetween(given, from, add(from, less))).toBe(less);
        expect(add(from, less)).toBeLessThanOrEqual(add(from, much));
        expect(add(from, less)).toBeLessThanOrEqual(add(later, less));
        expect(add(add(from, less), much)).toBe(add(from, less + much));
        expect(add(from, less)).toBeGreaterThanOrEqual(from + less);
      }),
      RUNS,
    );
  });

  it('between is what lies between, from wherever it is looked at', () => {
    fc.assert(
      fc.property(calendar, fc.tuple(instant, instant, instant), (given, three) => {
        const [a, b, c] = three.sort((one, other) => one - other) as [number, number, number];
        const between = (from: number, to: number) => businessTimeBetween(given, from, to);
        expect(between(a, b) + between(b, c)).toBe(between(a, c));
        expect(between(b, a)).toBe(0 - between(a, b));
        expect(between(a, b)).toBeGreaterThanOrEqual(0);
        expect(between(a, b)).toBeLessThanOrEqual(b - a);
      }),
      { numRuns: Math.ceil(25 * Number(process.env.PROPERTY_RUNS ?? 1)) },
    );
  });

  it('is what the clock on the wall says, minute by minute', () => {
    fc.assert(
      fc.property(calendar, instant, (given, some) => {
        const from = Math.floor(some / 900_000) * 900_000;
        // Where the clock leaps into or out of the hours, what is open between is a matter of how it is read.
        const offset = (ms: number) => new Date(ms).toLocaleString('sv-SE', { timeZone: given.zone, timeZoneName: 'longOffset' }).split(' ').at(-1);
        fc.pre(offset(from) === offset(from + 30 * HOUR));
        let minutes = 0;
        for (let at = from; at < from + 30 * HOUR; at += 900_000) if (isOpen(given, at)) minutes += 15;
        expect(businessTimeBetween(given, from, from + 30 * HOUR) / 60_000).toBe(minutes);
      }),
      { numRuns: Math.ceil(150 * Number(process.env.PROPERTY_RUNS ?? 1)) },
    );
  });

  it('of days never comes earlier for more or later, and ends when the place is open or closes', () => {
    fc.assert(
      fc.property(calendar, instant, instant, fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 15 }), (given, one, other, some, more) => {
        const [from, later] = [Math.min(one, other), Math.max(one, other)];
        const [less, much] = [Math.min(some, more), Math.max(some, more)];
        const due = addBusinessDays(given, from, less);
        expect(due).toBeGreaterThanOrEqual(from);
        expect(due).toBeLessThanOrEqual(addBusinessDays(given, from, much));
        expect(due).toBeLessThanOrEqual(addBusinessDays(given, later, less));
        expect(businessTimeBetween(given, due - 1, due + 1)).toBeGreaterThan(0);
      }),
      RUNS,
    );
  });

  it('there is none of is an error, not a date', () => {
    const never: BusinessCalendar = { zone: 'Asia/Jakarta', week: [[], [], [], [], [], [], []], exceptions: new Map() };
    expect(() => addBusinessTime(never, 0, 1)).toThrow(NoBusinessTime);
    expect(() => addBusinessDays(never, 0, 1)).toThrow(NoBusinessTime);
    expect(businessTimeBetween(never, 0, 30 * 24 * HOUR)).toBe(0);
    expect(addBusinessTime(never, 5, 0)).toBe(5);
    const once: BusinessCalendar = { ...never, exceptions: new Map([['1970-01-05', [{ from: 420, to: 480 }]]]) };
    expect(addBusinessTime(once, 0, HOUR)).toBe(Date.parse('1970-01-05T08:00:00+07:00'));
    expect(() => addBusinessTime(once, 0, HOUR + 1)).toThrow(NoBusinessTime);
  });

  it.each<[string, string, [number, number][]]>([
    ['2026-11-23', '2026-11-23', [[2026, 1]]], ['2026-11-28', '2026-11-29', []], ['2026-11-27', '2026-11-30', [[2026, 2]]], ['2026-12-24', '2026-12-26', [[2026, 1]]], ['2026-12-30', '2027-01-04', [[2026, 2], [2027, 2]]], ['2026-11-24', '2026-11-23', []],
  ])('from %s until %s there are working days by year', (from, until, expected) => {
    expect([...workingDays(school, from, until)]).toEqual(expected);
  });

  it('counts the days on which the clock on the wall says it is open at some minute', () => {
    fc.assert(
      fc.property(calendar, fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 12 }), (given, start, more) => {
        const utc = { ...given, zone: 'UTC' };
        const date = (n: number) => new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10);
        const open = Array.from({ length: more + 1 }, (_, n) => Date.UTC(2026, 0, 1 + start + n)).filter((day) => Array.from({ length: 96 }, (_, quarter) => day + quarter * 900_000).some((ms) => isOpen(utc, ms)));
        expect([...workingDays(given, date(start), date(start + more)).values()].reduce((sum, each) => sum + each, 0)).toBe(open.length);
      }),
      { numRuns: Math.ceil(RUNS.numRuns / 4) },
    );
  });
});
