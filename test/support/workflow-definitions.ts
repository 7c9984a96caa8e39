import fc from 'fast-check';
import type { Definition, Node } from '../../src/modules/workflow/definition';
import { closure, successors, waits } from '../../src/modules/workflow/flow';

/** Drawn definitions: well-formed blocks put into one another, and the same with ways led elsewhere. */
export type Drawn = Pick<Definition, 'start' | 'nodes'>;

const TITLE = { en: 'A step', id: 'Langkah' };
export const step = (to: string, more: Partial<Extract<Node, { type: 'approval' }>> = {}): Node => ({ type: 'approval', title: TITLE, candidates: [{ relation: 'head-of-unit' }], to, ...more });
export const exclusive = (...ways: string[]): Node => ({ type: 'exclusive', branches: ways.slice(1).map((to, n) => ({ when: { field: 'way', equals: n }, to })), otherwise: ways[0]! });
export const inclusive = (...ways: string[]): Node => ({ type: 'inclusive', branches: ways.slice(1).map((to, n) => ({ when: { field: 'way', equals: n }, to })), otherwise: ways[0]! });
export const timer = (to: string): Node => ({ type: 'timer', title: TITLE, after: { hours: 1 }, to });
export const task = (to: string): Node => ({ type: 'task', title: TITLE, candidates: [{ relation: 'head-of-unit' }], to });
export const mail = (to: string): Node => ({ type: 'mail', title: TITLE, recipients: ['initiator'], subject: TITLE, text: TITLE, to });
export const part = (to: string): Node => ({ type: 'subworkflow', title: TITLE, definition: 'other', input: {}, to });
export const message = (to: string): Node => ({ type: 'message', title: TITLE, message: { name: 'told' }, to });
export const parallel = (...to: string[]): Node => ({ type: 'parallel', to });

type Block = { kind: 'step' } | { kind: 'series' | 'parallel' | 'exclusive' | 'inclusive' | 'loop'; of: Block[] };

const aBlock: fc.Arbitrary<Block> = fc.letrec<{ block: Block }>((tie) => ({
  block: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constant<Block>({ kind: 'step' }),
    fc.record({ kind: fc.constantFrom('series' as const, 'parallel' as const, 'exclusive' as const, 'inclusive' as const, 'loop' as const), of: fc.array(tie('block'), { minLength: 1, maxLength: 3 }) }),
  ),
})).block;

/** Lays a block out between what leads to it and where it leads. @returns the node it begins with. */
function laid(nodes: Record<string, Node>, block: Block, to: string): string {
  const name = () => `n${Object.keys(nodes).length}`;
  const reserve = () => {
    const made = name();
    nodes[made] = { type: 'end' };
    return made;
  };
  if (block.kind === 'step') {
    const made = reserve();
    nodes[made] = step(to);
    return made;
  }
  if (block.kind === 'series') return block.of.reduceRight((next, each) => laid(nodes, each, next), to);
  const split = reserve();
  if (block.kind === 'loop') {
    // Done, then once more or on.
    const decides = reserve();
    const body = laid(nodes, { kind: 'series', of: [{ kind: 'step' }, ...block.of.slice(0, 1)] }, decides);
    nodes[decides] = exclusive(to, body);
    nodes[split] = step(body);
    return split;
  }
  const join = reserve();
  const branches = block.of.map((each) => laid(nodes, each, join));
  nodes[join] = (block.kind === 'parallel' ? parallel : block.kind === 'inclusive' ? inclusive : exclusive)(to);
  nodes[split] = (block.kind === 'parallel' ? parallel : block.kind === 'inclusive' ? inclusive : exclusive)(...new Set(branches));
  return split;
}

export const aBlockDefinition: fc.Arbitrary<Drawn> = aBlock.map((block) => {
  const nodes: Record<string, Node> = { done: { type: 'end' } };
  const start = laid(nodes, { kind: 'series', of: [block, { kind: 'step' }] }, 'done');
  return { start, nodes };
});

/** With some of its nodes made into others or led elsewhere; no ring of gateways only, and all reachable. */
export const aSpoiltDefinition: fc.Arbitrary<Drawn> = fc.tuple(aBlockDefinition, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(9), fc.nat()), { minLength: 1, maxLength: 3 })).map(([{ start, nodes: given }, edits]) => {
  const nodes = { ...given };
  const names = Object.keys(nodes);
  for (const [at, other, kind, third] of edits) {
    const name = names[at % names.length]!;
    const to = names[other % names.length]!;
    const also = names[third % names.length]!;
    const node = nodes[name]!;
    const ways = successors(node);
    if (kind === 0 && node.type === 'approval') nodes[name] = { ...node, returns: [to] };
    else if (kind === 1 && (node.type === 'approval' || node.type === 'subworkflow')) nodes[name] = { ...node, onReject: to };
    else if ((kind === 7 || kind === 8) && node.type === 'approval') nodes[name] = { ...node, boundary: [...(node.boundary ?? []), third % 2 === 0 ? { after: { hours: 1 }, to, interrupting: kind === 7 } : { message: { name: 'told' }, to, interrupting: kind === 7 }].slice(0, 5) };
    else if (kind === 9 && node.type === 'approval') nodes[name] = [timer, timer, message, message, task, mail, part][third % 7]!(node.to);
    else if (kind === 2) nodes[name] = parallel(...new Set([...ways, to]));
    else if (kind === 3) nodes[name] = exclusive(...new Set([...ways, to]));
    else if (kind === 4) nodes[name] = step(to);
    else if (kind === 5) nodes[name] = inclusive(...new Set([to, also]));
    else if (node.type === 'end') nodes[name] = { type: 'terminate' };
    else nodes[name] = step(ways[0] ?? to);
  }
  for (const [name, node] of Object.entries(nodes)) if (node.type === 'approval' && node.returns && !node.returns.every((each) => waits(nodes[each]))) nodes[name] = { ...node, returns: undefined };
  const reached = closure([start], (name) => [...successors(nodes[name]!), ...((nodes[name] as { returns?: string[] }).returns ?? [])]);
  return { start, nodes: Object.fromEntries(Object.entries(nodes).filter(([name]) => reached.has(name))) };
}).filter(({ nodes }) => {
  const gateways = (from: string) => (waits(nodes[from]) ? [] : successors(nodes[from]!));
  return Object.keys(nodes).every((name) => waits(nodes[name]) || !closure(gateways(name), gateways).has(name));
});
