import { exclusive, inclusive, parallel, step } from '../../../test/support/workflow-definitions';
import type { Definition } from './definition';
import { flowchartOf, svgOf } from './picture';
import { TEMPLATES } from './templates';

const definition: Definition = {
  key: 'drawn', title: { en: 'Drawn', id: 'Gambar' }, form: {}, start: 'x',
  nodes: {
    x: exclusive('f', 'stop'), f: parallel('a', 'o'), o: inclusive('b', 'c'),
    a: step('j', { title: { en: 'First <b>"step"</b> & more', id: 'Pertama' }, strategy: { quorum: 2 }, candidates: [{ together: [{ role: 'clerk', within: 'school' }, { position: 'head-1', within: 'foundation' }] }] }),
    b: step('j2', { strategy: { weighted: 3 }, candidates: [{ relation: 'head-of-unit', up: 2 }], returns: ['a'] }), c: step('j2', { strategy: 'majority', onReject: 'stop', candidates: [{ person: '00000000-0000-4000-8000-000000000001' }] }),
    j2: inclusive('j'), j: parallel('s'), s: { type: 'service', title: { en: 'Paid', id: 'Dibayar' }, to: 'done' }, stop: { type: 'terminate' }, done: { type: 'end' },
  },
};

describe('a picture', () => {
  it('shows every node and way of a definition, with who decides and how many', () => {
    const svg = svgOf(definition, 'en', 'Drawn <here>', null);
    const all = Object.values(definition.nodes);
    const count = (pattern: RegExp) => [...svg.matchAll(pattern)].length;
    expect(count(/<rect x=/g)).toBe(all.filter(({ type }) => type === 'approval' || type === 'service').length);
    expect(count(/<circle/g)).toBe(all.filter(({ type }) => type === 'end' || type === 'terminate').length + 1);
    expect(count(/marker-end="url\(#arrow-on\)"/g)).toBe(13);
    expect([count(/url\(#arrow-rejected\)/g), count(/url\(#arrow-returned\)/g)]).toEqual([1, 1]);
    for (const text of ['2 of them', 'weight 3', 'the majority', 'clerk (school) + head-1 (foundation)', 'head of the unit 2 above', 'a person named', 'another system', 'way: 0', 'otherwise', 'rejected', 'sent back', 'completed at once']) expect([text, svg.includes(`>${text}<`)]).toEqual([text, true]);
    // Text is text, whoever wrote it.
    expect(svg).not.toContain('<b>');
    expect(svg).toContain('First &#60;b&#62;&#34;step&#34;&#60;/b&#62; &#38; more');
    expect(svg).toContain('Drawn &#60;here&#62;');
    const indonesian = svgOf(definition, 'id', 'Gambar', null);
    for (const text of ['2 di antaranya', 'bobot 3', 'mayoritas', 'clerk (sekolah) + head-1 (yayasan)', 'sistem lain', 'dikembalikan', 'Pertama']) expect([text, indonesian.includes(`>${text}<`)]).toEqual([text, true]);
  });

  it('of a request tells what waits, with its votes, from what has been answered and what has not come', () => {
    const svg = svgOf(definition, 'en', 'Drawn', { waiting: new Map([['a', '✓ 1 · ✗ 0 · … 1'], ['b', '']]), answered: new Set(['c', 'a']), overdue: new Set() });
    const boxes = [...svg.matchAll(/<title>(\w+): [^]*?<rect [^>]*fill="(#\w+)"/g)].map(([, name, fill]) => [name, fill]);
    expect(Object.fromEntries(boxes)).toEqual({ a: '#fff4c2', b: '#fff4c2', c: '#e6f2e1', s: '#f3f4f6' });
    expect(svg).toContain('>✓ 1 · ✗ 0 · … 1<');
  });

  it('is drawn of every template, nothing outside of it', () => {
    for (const template of TEMPLATES) {
      const svg = svgOf(template, 'id', template.title.id, null);
      const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number) as [number, number, number];
      for (const [, x, y] of svg.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)) expect(Number(x) >= 0 && Number(y) >= 0 && Number(x) <= width && Number(y) <= height).toBe(true);
    }
  });

  it('as text is a flowchart', () => {
    expect(flowchartOf(definition, 'en').split('\n')).toEqual([
      'flowchart LR', '  start(("submitted")) --> n0', '  n0{"×"}', '  n1{"+"}', '  n2{"○"}', '  n3["First #lt;b#gt;#quot;step#quot;#lt;/b#gt; #amp; more<br>clerk (school) + head-1 (foundation)<br>2 of them"]', '  n4["A step<br>head of the unit 2 above<br>weight 3"]', '  n5["A step<br>a person named<br>the majority"]', '  n6{"○"}', '  n7{"+"}', '  n8["Paid<br>another system"]', '  n9((("completed at once")))', '  n10((("completed")))',
      '  n0 -->|"way: 0"| n9', '  n0 -->|"otherwise"| n1', '  n1 --> n3', '  n1 --> n2', '  n2 -->|"way: 0"| n5', '  n2 -->|"otherwise"| n4', '  n3 --> n7', '  n4 --> n6', '  n4 -.->|"sent back"| n3', '  n5 --> n6', '  n5 -.->|"rejected"| n9', '  n6 --> n7', '  n7 --> n8', '  n8 --> n10',
    ]);
  });
});
