import fc from 'fast-check';
import { sentenceOf, HAPPENINGS } from './timeline';
import { timelineSvg, wrapped } from './timeline-picture';

describe('sentences of a timeline', () => {
  it('name who did what at which step, in both languages, and no two are alike', () => {
    for (const locale of ['en', 'id'] as const) {
      const said = HAPPENINGS.map((event) => sentenceOf(event, { by: 'Siti', step: 'Check', whom: 'Budi' }, locale));
      expect(new Set(said).size).toBe(HAPPENINGS.length);
      for (const sentence of said) expect(sentence).toMatch(/Siti|Check/);
    }
    const lacking = (event: (typeof HAPPENINGS)[number]) => sentenceOf(event, { by: 'Siti', step: 'Check', whom: '' }, 'en');
    expect([lacking('returned'), lacking('escalated')]).toEqual(['Siti sent it back from “Check”', '“Check” went to others as well']);
  });
});

describe('a timeline as a picture', () => {
  const item = (more: object) => ({ at: '2026-06-12T01:30:00Z', event: 'approved', text: 'Siti approved “Check”', comment: null, opened: [], ...more });

  it('breaks text without losing any of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 5, max: 40 }), (text, length) => {
        const lines = wrapped(text, length);
        expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(length);
      }),
    );
  });

  it('says each day once, in the zone and language of whoever looks, and executes nothing', () => {
    const svg = timelineSvg([item({}), item({ at: '2026-06-12T03:00:00Z', comment: '<script>alert(1)</script> & more', opened: [{ title: 'Next', asked: [{ name: 'Budi' }] }] }), item({ at: '2026-06-12T18:00:00Z', event: 'rejected' })], 'Leave', 'id', 'Asia/Jakarta');
    expect([svg.match(/12 Jun 2026/g)?.length, svg.match(/13 Jun 2026/g)?.length]).toEqual([1, 1]);
    for (const said of ['08:30', '10:00', '01:00', '→ Next menunggu Budi', '&#60;script&#62;']) expect(svg).toContain(said);
    expect(svg).not.toContain('<script');
    expect(timelineSvg([], 'Leave', 'en', 'utc')).toMatch(/^<svg [^]*<\/svg>\n$/);
  });
});
