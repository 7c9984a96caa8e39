import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { functionNames } from '../../src/modules/workflow/feel';
import { readDefinition } from '../../src/modules/workflow/gate';
import { flowchartOf } from '../../src/modules/workflow/picture';
import { readProjectFile, root } from '../support/documents';

const PATH = 'docs/workflow.md';

/** docs/workflow.md teaches by example: what it shows has to be so. */
describe('the guide to definitions', () => {
  const pairs = [...readProjectFile(PATH).matchAll(/```json\n([^]*?)```\n\n```mermaid\n([^]*?)```/g)].map(([, document, picture]) => ({ document: JSON.parse(document!) as Record<string, unknown>, picture: picture! }));

  it('shows definitions that stand the gate, each with the picture the product draws', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(2);
    let text = readProjectFile(PATH);
    for (const { document, picture } of pairs) {
      const { definition, problems } = readDefinition(document);
      expect(problems).toEqual([]);
      const drawn = `${flowchartOf(definition!, 'en')}\n`;
      if (process.env.UPDATE_DOCS === '1') text = text.replace(`\`\`\`mermaid\n${picture}\`\`\``, () => `\`\`\`mermaid\n${drawn}\`\`\``);
      else expect(picture).toBe(drawn);
    }
    if (process.env.UPDATE_DOCS === '1') writeFileSync(join(root, PATH), text);
  });

  it('names every kind of node and every fault the gate can find in the ways of tokens', () => {
    const text = readProjectFile(PATH);
    for (const word of ['approval', 'task', 'mail', 'service', 'subworkflow', 'compensate', 'undo', 'message', 'timer', 'exclusive', 'parallel', 'inclusive', 'end', 'terminate', 'stuck', 'twice', 'dead', 'undecided', 'return', 'together', 'any', 'all', 'sequential', 'majority']) expect([word, text.includes(`| \`${word}\` |`)]).toEqual([word, true]);
  });

  it('lists every function of expressions', () => {
    const text = readProjectFile(PATH);
    const listed = functionNames.map((name) => `\`${name}\``).join(', ');
    const found = /and the functions\n([^]*?)\.\nLeft out/.exec(text)![1]!;
    if (process.env.UPDATE_DOCS === '1') writeFileSync(join(root, PATH), text.replace(found, () => listed));
    else expect(found).toBe(listed);
  });

  it('is right about what a join of alternatives would do', () => {
    const document = structuredClone(pairs[1]!.document) as { nodes: Record<string, { to?: unknown; otherwise?: string }> };
    document.nodes.budget!.to = 'agreed';
    document.nodes.committee!.to = 'agreed';
    const { problems } = readDefinition(document);
    expect(problems).toEqual([{ pointer: '#/nodes/agreed', code: 'stuck', detail: expect.stringContaining('can never be completed, after: cost goes to') }]);
  });
});
