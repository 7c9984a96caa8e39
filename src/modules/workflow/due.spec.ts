import type { BusinessCalendar } from '../calendars';
import { dueAt, resumedAt } from './due';

describe('when something is due', () => {
  const now = new Date('2026-03-28T22:30:00Z');
  const work = [{ from: 420, to: 720 }, { from: 780, to: 900 }];
  const week = (zone: string): BusinessCalendar => ({ zone, week: [work, work, work, work, work, [], []], exceptions: new Map([['2026-04-03', []]]) });
  const at = (moment: Parameters<typeof dueAt>[0], form = {}, zone = 'Asia/Jakarta') => {
    const due = dueAt(moment, form, now, week(zone));
    return [due.at.toISOString(), due.absolute];
  };
  it('counts minutes and hours by the clock, and days by the calendar of the zone', () => {
    expect([at({ minutes: 90 }), at({ hours: 36 }), at({ days: 2 })]).toEqual([['2026-03-29T00:00:00.000Z', false], ['2026-03-30T10:30:00.000Z', false], ['2026-03-30T22:30:00.000Z', false]]);
    // The clocks go forward that night: a day later it is the same time, 23 hours on.
    expect([at({ days: 1 }, {}, 'Europe/Berlin'), at({ hours: 24 }, {}, 'Europe/Berlin')]).toEqual([['2026-03-29T21:30:00.000Z', false], ['2026-03-29T22:30:00.000Z', false]]);
  });
  it('takes what is filled in: a day from its beginning in the zone, an instant as it is', () => {
    expect(at({ until: 'day' }, { day: '2026-04-02' })).toEqual(['2026-04-01T17:00:00.000Z', true]);
    expect(at({ until: 'day' }, { day: '2026-04-02T08:00:00+09:00' })).toEqual(['2026-04-01T23:00:00.000Z', true]);
    for (const form of [{}, { day: 'soon' }, { day: 7 }]) expect(at({ until: 'day' }, form)).toEqual([now.toISOString(), true]);
  });
  it('counts working time by the calendar: 3 working days are not 72 hours', () => {
    // Sunday morning in Jakarta; Good Friday is a holiday.
    expect([dueAt({ workingHours: 8 }, {}, now, week('Asia/Jakarta')), at({ workingDays: 3 })]).toEqual([{ at: new Date('2026-03-31T01:00:00Z'), absolute: false, working: true }, ['2026-04-02T00:00:00.000Z', false]]);
    expect(at({ workingDays: 4 })[0]).toBe('2026-04-06T00:00:00.000Z');
  });
  it('keeps what was left of working time while time stood still', () => {
    const calendar = week('Asia/Jakarta');
    // Monday 08:00, due in six working hours, at 15:00; halted at 10:00 with four left; on Thursday at 14:00 one hour of them passes, and the holiday is skipped.
    const due = dueAt({ workingHours: 6 }, {}, new Date('2026-03-30T01:00:00Z'), calendar).at;
    expect([due.toISOString(), resumedAt(due, new Date('2026-03-30T03:00:00Z'), new Date('2026-04-02T07:00:00Z'), calendar).toISOString()]).toEqual(['2026-03-30T08:00:00.000Z', '2026-04-06T03:00:00.000Z']);
    expect(resumedAt(due, new Date('2026-03-30T09:00:00Z'), new Date('2026-04-02T07:00:00Z'), calendar).toISOString()).toBe('2026-04-02T07:00:00.000Z');
  });
});
