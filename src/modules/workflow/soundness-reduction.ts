import { asksPeople, type Node } from './definition';
import { boundariesOf, type Flow, successors, type Waiting, waits } from './flow';

/** One step of a run: a step that was decided – and how – or the ways a gateway took, in the order they were taken. */
export type Move = { step: string; outcome: 'done' | 'rejected' } | { step: string; returnTo: string } | { step: string; boundary: number } | { gateway: string; ways: readonly string[] };

/** What a step of a folded flow stands for in a run. */
export interface Step {
  /** What is put into a run when a token comes to it, and when it is decided by its first outcome. */
  enter: readonly Move[];
  done: readonly Move[];
}

/**
 * Folds what can only go one way into single steps, until nothing folds any more: steps one after the other, parallel
 * blocks of one step a branch, and alternatives that lead to the same node (Murata's reductions, of blocks). The
 * smaller flow has the same verdict, and a run of it, written out by `steps`, is one of the whole. Without this a split
 * into 17 branches would have 131,072 states.
 */
export function reduce({ start, nodes: given, incoming: ways }: Flow): { flow: Flow; steps: ReadonlyMap<string, Step> } {
  const flow = { start, nodes: new Map(given), incoming: new Map([...ways].map(([name, from]) => [name, [...from]])) };
  const { nodes, incoming } = flow;
  const steps = new Map<string, Step>();
  const targets = new Set([...nodes.values()].flatMap((node) => (asksPeople(node) ? (node.returns ?? []) : [])));
  const stepOf = (name: string): Step => steps.get(name) ?? { enter: [], done: [{ step: name, outcome: 'done' }] };
  /** A step with one outcome that tokens come to by ways only. */
  const plain = (name: string): Waiting | null => {
    const node = nodes.get(name);
    return waits(node) && boundariesOf(node).length === 0 && !('onReject' in node && node.onReject !== undefined) && !(asksPeople(node) && node.returns) && !targets.has(name) ? node : null;
  };
  /** A plain step only `from` leads to. */
  const only = (name: string, from: string): Waiting | null => (name !== from && name !== flow.start && incoming.get(name)!.length === 1 && incoming.get(name)![0] === from ? plain(name) : null);
  const become = (name: string, node: Node) => {
    for (const to of successors(nodes.get(name)!)) incoming.set(to, incoming.get(to)!.filter((each) => each !== name));
    nodes.set(name, node);
    for (const to of successors(node)) incoming.get(to)!.push(name);
  };
  const remove = (name: string) => {
    become(name, { type: 'end' });
    nodes.delete(name);
    incoming.delete(name);
  };
  const joins = (name: string) => ['parallel', 'inclusive'].includes(nodes.get(name)!.type) && incoming.get(name)!.length > 1;

  /** One after the other: the second becomes part of the first. */
  const series = (name: string): boolean => {
    const first = plain(name);
    const second = first && only(first.to, name);
    if (!first || !second || second.to === name) return false;
    steps.set(name, { enter: stepOf(name).enter, done: [...stepOf(name).done, ...stepOf(first.to).enter, ...stepOf(first.to).done] });
    become(name, { ...first, to: second.to });
    remove(first.to);
    return true;
  };
  /** A split into single steps that are joined again becomes a step. */
  const block = (name: string): boolean => {
    const split = nodes.get(name)!;
    if (split.type !== 'parallel' || incoming.get(name)!.length > 1) return false;
    const branches = split.to.map((each) => only(each, name));
    const join = branches[0]?.to;
    if (join === undefined || join === name || join === flow.start || !branches.every((each) => each?.to === join)) return false;
    const end = nodes.get(join)!;
    if (end.type !== 'parallel' || end.to.length !== 1 || incoming.get(join)!.length !== branches.length || end.to[0] === name) return false;
    const inside = split.to.map(stepOf);
    steps.set(name, { enter: inside.flatMap(({ enter }) => enter), done: inside.flatMap(({ done }) => done) });
    const [to] = end.to as [string];
    const removed = split.to;
    become(name, { type: 'service', title: { en: name, id: name }, to });
    for (const each of removed) remove(each);
    remove(join);
    return true;
  };
  /** Of alternatives that lead to the same node one stands for all; a single way is no alternative. */
  const choice = (name: string): boolean => {
    const node = nodes.get(name)!;
    if (node.type !== 'exclusive') return false;
    const out = successors(node);
    const seen = new Map<string, string>();
    for (const each of out) {
      const step = only(each, name);
      const to = step ? step.to : each;
      if (joins(to) || to === name) continue;
      const known = seen.get(to);
      if (known === undefined) {
        seen.set(to, each);
        continue;
      }
      // The one with a step stands for the one without: it can be where the other is, and before.
      const [kept, gone] = step && known === to ? [each, known] : [known, each];
      if (only(gone, name) === null && gone !== to) continue;
      seen.set(to, kept);
      const rest = out.filter((one) => one !== gone);
      become(name, { type: 'exclusive', branches: rest.slice(1).map((one) => ({ when: { field: '', equals: '' }, to: one })), otherwise: rest[0]! });
      if (gone !== to) remove(gone);
      return true;
    }
    const single = out.length === 1 ? only(out[0]!, name) : null;
    const [from] = incoming.get(name)!;
    if (!single || incoming.get(name)!.length !== 1 || name === flow.start || from === name) return false;
    // The way through it becomes what is put into a run when the step behind it is come to.
    const target = out[0]!;
    steps.set(target, { enter: [{ gateway: name, ways: [target] } satisfies Move, ...stepOf(target).enter], done: stepOf(target).done });
    const before = nodes.get(from!)!;
    remove(name);
    nodes.set(from!, redirected(before, name, target));
    incoming.get(target)!.push(from!);
    return true;
  };

  for (let changed = true; changed; ) {
    changed = false;
    for (const name of [...nodes.keys()]) if (nodes.has(name) && (series(name) || block(name) || choice(name))) changed = true;
  }
  return { flow, steps };
}

/** The node with every way to one led to another. */
function redirected(node: Node, from: string, to: string): Node {
  const way = (each: string) => (each === from ? to : each);
  switch (node.type) {
    case 'approval':
    case 'subworkflow':
      return { ...node, ...outcomes(node, way), ...(node.onReject === undefined ? {} : { onReject: way(node.onReject) }) };
    case 'task':
    case 'service':
    case 'message':
      return { ...node, ...outcomes(node, way) };
    case 'timer':
    case 'compensate':
    case 'mail':
      return { ...node, to: way(node.to) };
    case 'parallel':
      return { ...node, to: node.to.map(way) };
    case 'exclusive':
    case 'inclusive':
      return { ...node, branches: node.branches.map((each) => ({ ...each, to: way(each.to) })), otherwise: way(node.otherwise) };
    case 'undo':
    case 'end':
    case 'terminate':
      return node;
  }
}

const outcomes = ({ to, boundary }: Extract<Node, { boundary?: unknown }>, way: (to: string) => string) => ({ to: way(to), ...(boundary ? { boundary: boundary.map((each) => ({ ...each, to: way(each.to) })) } : {}) });
