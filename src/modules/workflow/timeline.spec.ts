import { sentenceOf, HAPPENINGS } from './timeline';

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
