import { DateTime } from 'luxon';
import fc from 'fast-check';
import { afterQuiet, nextAt } from './timing';

const zones = fc.constantFrom('Asia/Jakarta', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia');
const instant = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2028, 0, 1) }).map((ms) => new Date(ms));
const minute = fc.integer({ min: 0, max: 1_439 });
const minuteIn = (at: Date, zone: string) => { const local = DateTime.fromJSDate(at, { zone }); return local.hour * 60 + local.minute; };
const isQuiet = (at: Date, zone: string, { from, until }: { from: number; until: number }) => { const n = minuteIn(at, zone); return from < until ? n >= from && n < until : from > until && (n >= from || n < until); };

describe('quiet hours', () => {
  const jakarta = (text: string) => DateTime.fromISO(text, { zone: 'Asia/Jakarta' }).toJSDate();

  it.each([
    ['2026-11-24T20:59', { from: 1_260, until: 360 }, '2026-11-24T20:59'], ['2026-11-24T21:00', { from: 1_260, until: 360 }, '2026-11-25T06:00'], ['2026-11-25T05:59', { from: 1_260, until: 360 }, '2026-11-25T06:00'], ['2026-11-25T06:00', { from: 1_260, until: 360 }, '2026-11-25T06:00'],
    ['2026-11-24T12:30', { from: 720, until: 780 }, '2026-11-24T13:00'], ['2026-11-24T12:30', { from: 720, until: 720 }, '2026-11-24T12:30'], ['2026-11-24T12:30', null, '2026-11-24T12:30'],
  ])('at %s with %j: %s', (now, quiet, expected) => expect(afterQuiet(jakarta(now), 'Asia/Jakarta', quiet)).toEqual(jakarta(expected)));

  it('send nothing while it is quiet, nothing earlier than now, and nothing more than a day later', () => {
    fc.assert(
      fc.property(instant, zones, minute, minute, (now, zone, from, until) => {
        const at = afterQuiet(now, zone, { from, until });
        expect(at.getTime()).toBeGreaterThanOrEqual(now.getTime());
        expect(at.getTime() - now.getTime()).toBeLessThanOrEqual(25 * 3_600_000);
        // But where clocks are put forward over its end.
        if (minuteIn(at, zone) === until || at.getTime() === now.getTime()) expect(isQuiet(at, zone, { from, until })).toBe(false);
      }),
    );
  });

  it('the next time of the day is after now, and within a day', () => {
    fc.assert(
      fc.property(instant, zones, minute, (now, zone, at) => {
        const next = nextAt(now, zone, at).getTime() - now.getTime();
        expect(next).toBeGreaterThan(0);
        expect(next).toBeLessThanOrEqual(25.5 * 3_600_000);
      }),
    );
  });
});
