import { asksPeople, type Node } from './definition';
import { beside as besides, besidePlace, boundariesOf, closure, exits, type Flow, joinPlace, nodeAt, successors, waits } from './flow';

/** A node that waits, what may come about beside it, or the way from one node to another. */
type Item = string;

/**
 * Which steps can wait at the same time, by the structure alone: never fewer pairs than there are, and more only after
 * inclusive gateways, and where an end of all comes at once (Kovalyov and Esparza: A polynomial algorithm to compute the concurrency relation of free-choice
 * signal transition graphs, 1996). Polynomial, where looking at every state is not. Sending back calls off whatever else
 * waits, and so puts nothing beside anything.
 */
export function together({ start, nodes }: Flow): (one: string, other: string) => boolean {
  const known = new Map<Item, Set<Item>>();
  const others = (item: Item) => known.get(item) ?? known.set(item, new Set()).get(item)!;
  const pairs: [Item, Item][] = [];
  const add = (one: Item, other: Item) => {
    if (others(one).has(other)) return;
    others(one).add(other);
    others(other).add(one);
    pairs.push([one, other], [other, one]);
  };
  const ins = new Map<string, Item[]>([...nodes.keys()].map((name) => [name, name === start ? [joinPlace('', start)] : []]));
  const outs = (name: string) => successors(nodes.get(name)!).map((to) => joinPlace(name, to));
  for (const name of nodes.keys()) for (const out of outs(name)) ins.get(nodeAt(out))?.push(out);
  // What each item becomes when it moves on, and with which others it has to.
  const moves = (item: Item): { needs: readonly Item[]; becomes: readonly Item[] } => {
    const name = nodeAt(item);
    const node = nodes.get(name)!;
    if (item.includes('~')) return { needs: [], becomes: [joinPlace(name, boundariesOf(node)[Number(item.slice(item.indexOf('~') + 1))]![1].to)] };
    if (!item.includes('>')) return { needs: [], becomes: exits(node).map((to) => joinPlace(name, to)) };
    if (waits(node)) return { needs: [], becomes: [name, ...besides(node).map(([at]) => besidePlace(name, at))] };
    return { needs: node.type === 'parallel' ? ins.get(name)!.filter((each) => each !== item) : [], becomes: outs(name) };
  };
  const apart = (items: readonly Item[]) => items.forEach((one, n) => items.slice(n + 1).forEach((other) => add(one, other)));
  for (const [name, node] of nodes) {
    if (node.type === 'parallel' || node.type === 'inclusive') apart(outs(name));
    else apart([name, ...besides(node).map(([at]) => besidePlace(name, at))]);
  }
  for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
    const [item, other] = pair;
    const { needs, becomes } = moves(item);
    if (needs.includes(other) || !needs.every((each) => others(each).has(other))) continue;
    for (const each of becomes) add(each, other);
  }
  return (one, other) => others(one).has(other);
}

/** Whether every way from the start to a step leads through another one. */
export function alwaysBefore({ start, nodes }: Flow, step: string, target: string): boolean {
  const leads = (name: string) => {
    const node = nodes.get(name)!;
    return [...successors(node), ...(asksPeople(node) ? (node.returns ?? []) : [])].filter((to) => to !== target);
  };
  return step === target || start === target || !closure([start], leads).has(step);
}

/** The nodes a step of this kind may be sent back to without forgetting anything: on every way to it, and beside nothing that waits with it. */
export function returnProblem(flow: Flow, beside: ReturnType<typeof together>, step: string, target: string): string | null {
  if (!alwaysBefore(flow, step, target)) return `${target} does not lie on every way to ${step}`;
  const forgotten = [...flow.nodes].find(([name, node]: [string, Node]) => waits(node) && beside(step, name) && beside(target, name));
  return forgotten ? `${forgotten[0]} would be called off and not come back` : null;
}
