import type { Node } from '../../src/modules/workflow/definition';
import { arrive as arriveAt, boundariesOf, type Choose, flowOf, successors, waits } from '../../src/modules/workflow/flow';
import type { Drawn } from './workflow-definitions';

/** The naive way: whether anything leads from these places to the end, by trying everything. */
export function completesFrom(definition: Drawn, places: ReadonlySet<string>): boolean {
  for (const at of statesFrom(definition, [places])) if (at.size === 0) return true;
  return false;
}

/** Every state there is. */
export function statesOf(definition: Drawn): Iterable<ReadonlySet<string>> {
  const from = everyArrival(flowOf(definition), new Set(), '', definition.start).filter(({ conflict }) => conflict === null);
  return statesFrom(definition, from.map(({ places }) => places));
}

function* statesFrom(definition: Drawn, queue: ReadonlySet<string>[]): Generator<ReadonlySet<string>> {
  const flow = flowOf(definition);
  const seen = new Set<string>();
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const key = [...at].sort().join('|');
    if (seen.has(key)) continue;
    seen.add(key);
    yield at;
    queue.push(...successorsOf(flow, at));
  }
}

function successorsOf(flow: ReturnType<typeof flowOf>, places: ReadonlySet<string>): ReadonlySet<string>[] {
  const found: ReadonlySet<string>[] = [];
  for (const name of places) {
    const node = flow.nodes.get(name);
    if (!waits(node)) continue;
    const [rest, still] = [new Set(places), (at: number) => new Set([...places].filter((place) => place !== `${name}~${at}`))];
    for (const place of places) if (place === name || place.startsWith(`${name}~`)) rest.delete(place);
    const moves: [Set<string>, string][] = [[rest, node.to]];
    if ('onReject' in node && node.onReject !== undefined) moves.push([rest, node.onReject]);
    if (node.type === 'approval') {
      for (const to of node.returns ?? []) moves.push([new Set<string>(), to]);
      boundariesOf(node).forEach(([at, { to, interrupting }]) => {
        if (interrupting) moves.push([rest, to]);
        else if (places.has(`${name}~${at}`)) moves.push([still(at), to]);
      });
    }
    for (const [before, to] of moves) for (const arrival of everyArrival(flow, before, name, to)) if (arrival.conflict === null) found.push(arrival.places);
  }
  return found;
}

function everyArrival(flow: ReturnType<typeof flowOf>, before: Set<string>, name: string, to: string) {
  const found: { places: Set<string>; conflict: string | null }[] = [];
  const tried: string[][][] = [[]];
  for (let script = tried.pop(); script !== undefined; script = tried.pop()) {
    const rest = [...script];
    let open = false;
    const arrival = arriveWith(flow, before, name, to, (gateway) => {
      const next = rest.shift();
      if (next) return next;
      if (!open) {
        open = true;
        for (const ways of waysOf(flow, gateway)) tried.push([...script!, ways]);
      }
      return waysOf(flow, gateway)[0]!;
    });
    if (!open) found.push(arrival);
  }
  return found;
}

const arriveWith = (flow: ReturnType<typeof flowOf>, before: Set<string>, via: string, to: string, choose: Choose) => arriveAt(flow, before, [[via, to]], choose);

function waysOf(flow: ReturnType<typeof flowOf>, gateway: string): string[][] {
  const node = flow.nodes.get(gateway)!;
  if (node.type === 'exclusive') return successors(node).map((to) => [to]);
  const branches = (node as Extract<Node, { type: 'inclusive' }>).branches.map(({ to }) => to);
  const subsets = branches.reduce<string[][]>((all, each) => [...all, ...all.map((some) => [...some, each])], [[]]).slice(1);
  return [...subsets, [(node as Extract<Node, { type: 'inclusive' }>).otherwise]];
}
