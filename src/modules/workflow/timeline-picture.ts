import { DateTime } from 'luxon';
import type { Locale } from '../../access';
import { xmlText } from '../../http';

/** Something that happened, in words. */
export interface Shown {
  at: string;
  event: string;
  text: string;
  comment: string | null;
  /** The steps that waited from then on, and for whom. */
  opened: readonly { title: string; asked: readonly { name: string }[] }[];
}

const WIDTH = 760;
const LEFT = 150;
const LINE = 17;
const CHARACTERS = 84;
/** Lines of what somebody said. */
const SAID = 4;

const GOOD = new Set(['approved', 'step_completed', 'message_received', 'part_completed']);
const BAD = new Set(['rejected', 'step_failed', 'part_ended', 'cancelled', 'withdrawn', 'overdue', 'time_ran_out']);
const BACK = new Set(['returned', 'taken_back', 'compensated', 'information_asked']);
const colourOf = (event: string) => (GOOD.has(event) ? '#3e7a2e' : BAD.has(event) ? '#b3261e' : BACK.has(event) ? '#a36a0b' : '#27548a');

/** Text in lines of so many characters, broken between words where there are any. */
export function wrapped(text: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((each) => each !== '').flatMap((each) => each.match(new RegExp(`.{1,${length}}`, 'gsu'))!)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= length) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** What happened to a request as SVG, the oldest above: when, what, what was said, and who was asked next. Nothing in it is executed or fetched. */
export function timelineSvg(items: readonly Shown[], title: string, locale: Locale, zone: string): string {
  const waits = locale === 'en' ? 'waits for' : 'menunggu';
  let y = 62;
  let day = '';
  const rows = items.map(({ at, event, text, comment, opened }) => {
    const time = DateTime.fromISO(at, { zone }).setLocale(locale);
    const date = time.toLocaleString(DateTime.DATE_MED);
    const said = comment === null ? [] : wrapped(comment, CHARACTERS);
    const lines = [
      ...wrapped(text, CHARACTERS).map((line, n) => ({ line, style: `font-weight="${n === 0 ? 600 : 400}"` })),
      ...said.slice(0, SAID).map((line, n) => ({ line: n === SAID - 1 && said.length > SAID ? `${line} …` : line, style: 'fill="#3a424d" font-style="italic"' })),
      ...opened.flatMap((each) => wrapped(`→ ${each.title}${each.asked.length === 0 ? '' : ` ${waits} ${each.asked.map(({ name }) => name).join(', ')}`}`, CHARACTERS).map((line) => ({ line, style: 'fill="#5b6470"' }))),
    ];
    const top = y;
    y += Math.max(lines.length, 2) * LINE + 16;
    const when = `${date === day ? '' : `<text x="${LEFT - 24}" y="${top}" text-anchor="end" fill="#5b6470" font-size="11.5">${xmlText(date)}</text>`}<text x="${LEFT - 24}" y="${date === day ? top : top + LINE}" text-anchor="end" fill="#3a424d">${time.toFormat('HH:mm')}</text>`;
    day = date;
    return `<g>${when}<circle cx="${LEFT}" cy="${top - 4}" r="6" fill="#fbfcfe" stroke="${colourOf(event)}" stroke-width="3"/>${lines.map(({ line, style }, n) => `<text x="${LEFT + 20}" y="${top + n * LINE}" ${style}>${xmlText(line)}</text>`).join('')}</g>`;
  });
  const height = Math.max(y + 6, 90);
  const line = items.length > 1 ? `<path d="M${LEFT} 58V${y - 30}" stroke="#c9d1dc" stroke-width="2"/>` : '';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12.5" role="img" aria-label="${xmlText(title)}"><rect width="100%" height="100%" fill="#fbfcfe"/><text x="24" y="30" font-size="15" font-weight="600">${xmlText(title)}</text>${line}${rows.join('')}</svg>\n`;
}
