import { NoCalendar, readICalendar } from './icalendar';

const file = (...events: string[]) => ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', ...events.flatMap((event) => ['BEGIN:VEVENT', ...event.split('\n').map((line) => line.trim()), 'END:VEVENT']), 'END:VCALENDAR', ''].join('\r\n');
const years = { from: 2026, to: 2028 };
const daysOf = (...events: string[]) => readICalendar(file(...events), years).holidays.map(({ day, name }) => `${day} ${name}`);
const skippedOf = (...events: string[]) => readICalendar(file(...events), years).skipped.map(({ uid, reason }) => `${uid}: ${reason}`);

describe('an iCalendar file', () => {
  it('gives its all-day events, day by day, the last exclusive', () => {
    expect(daysOf('UID:a\nDTSTART;VALUE=DATE:20260817\nSUMMARY:Kemerdekaan', 'UID:b\nDTSTART;VALUE=DATE:20261230\nDTEND;VALUE=DATE:20270102\nSUMMARY:Libur')).toEqual(['2026-08-17 Kemerdekaan', '2026-12-30 Libur', '2026-12-31 Libur', '2027-01-01 Libur']);
    expect(daysOf('UID:a\nDTSTART;VALUE=DATE:20260228\nDURATION:P2D')).toEqual(['2026-02-28 –', '2026-03-01 –']);
  });
  it('writes repeated ones out for the years asked for, without those taken out', () => {
    expect(daysOf('UID:a\nDTSTART;VALUE=DATE:20200501\nSUMMARY:Buruh\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20270501')).toEqual(['2026-05-01 Buruh', '2028-05-01 Buruh']);
    expect(daysOf('UID:a\nDTSTART;VALUE=DATE:20251231\nDTEND;VALUE=DATE:20260102\nSUMMARY:N\nRRULE:FREQ=YEARLY;COUNT=2')).toEqual(['2026-01-01 N', '2026-12-31 N', '2027-01-01 N']);
  });
  it('skips what is no holiday, and says why', () => {
    expect(skippedOf('UID:a\nDTSTART:20260817T080000Z', 'UID:b\nDTSTART;VALUE=DATE:20260817\nSTATUS:CANCELLED', 'DTSTART;VALUE=DATE:20260817', 'UID:c\nSUMMARY:x', 'UID:d\nDTSTART;VALUE=DATE:20100101', 'UID:e\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20290101', 'UID:f\nDTSTART;VALUE=DATE:20260101\nRECURRENCE-ID;VALUE=DATE:20260101', 'UID:g\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY', 'UID:h\nDTSTART;VALUE=DATE:19000101\nRRULE:FREQ=DAILY')).toEqual([
      'a: it is at an hour, not all day', 'b: it is cancelled', 'null: it has no UID', 'c: it has no beginning', 'd: none of it lies in 2026 to 2028', 'e: it is longer than 400 days', 'f: it changes one occurrence of another event', 'g: it repeats otherwise than yearly on its day', 'h: it repeats otherwise than yearly on its day',
    ]);
  });
  it('is not looked through for what never comes, and does not fail on what cannot be read', () => {
    const rules = ['FREQ=DAILY;BYDAY=1MO', 'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30', 'FREQ=DAILY;INTERVAL=9007199254740991', 'FREQ=YEARLY;INTERVAL=9007199254740991', 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'FREQ=YEARLY;BYWEEKNO=1', 'FREQ=SECONDLY'];
    expect(skippedOf(...rules.map((rule, n) => `UID:r${n}\nDTSTART;VALUE=DATE:20260101\nRRULE:${rule}`))).toEqual(rules.map((_, n) => `r${n}: it repeats otherwise than yearly on its day`));
    expect(daysOf('UID:a\nDTSTART;VALUE=DATE:20260817\nRRULE:FREQ=YEARLY;BYMONTH=8;BYMONTHDAY=17;INTERVAL=2')).toEqual(['2026-08-17 –', '2028-08-17 –']);
    expect(() => readICalendar(file(...Array.from({ length: 501 }, (_, n) => `UID:u${n}\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY`)), years)).toThrow('more than 500 events that repeat');
  });
  it('is refused where it is none, or too much', () => {
    for (const text of ['', 'hello', 'BEGIN:VEVENT\r\nEND:VEVENT\r\n', 'BEGIN:VCALENDAR\r\n']) expect(() => readICalendar(text, years)).toThrow(NoCalendar);
    const many = Array.from({ length: 20 }, (_, n) => `UID:u${n}\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20270101`);
    expect(() => readICalendar(file(...many), years)).toThrow('more than 5000 days');
  });
});
