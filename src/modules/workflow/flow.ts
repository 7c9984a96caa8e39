import type { Boundary, Definition, Node } from './definition';

/**
 * The token game. A token stands at a node that waits for somebody or something (`node`), or before a gateway that joins
 * several ways, on the way it came by (`via>node`). Beside a node that waits stands one for each of its boundaries that
 * does not interrupt it and has not come about (`node~0`). At most one token stands in a place; the gate at publication
 * refuses what could put a second one there.
 */
export type Place = string;

/** The parts of a definition that say where tokens go. */
export interface Flow {
  start: string;
  nodes: ReadonlyMap<string, Node>;
  /** The nodes that lead to a node, each once. */
  incoming: ReadonlyMap<string, readonly string[]>;
}

/** Which ways out of a gateway are taken: one of an exclusive gateway, one or more of an inclusive one. */
export type Choose = (gateway: string) => readonly string[];

export interface Arrival {
  places: Set<Place>;
  /** Nodes that wait now and did not before, in the order they were reached. */
  entered: string[];
  /** Every node passed or reached. */
  visited: string[];
  /** A place that held a token already; null where all went well. */
  conflict: Place | null;
}

/** More nodes than tokens of a definition of 100 nodes pass in one step, each in a place of its own. */
const PASSES = 5_000;

export type Waiting = Extract<Node, { type: 'approval' | 'task' | 'service' | 'subworkflow' | 'message' | 'timer' | 'compensate' }>;

const WAITING: ReadonlySet<Node['type']> = new Set<Waiting['type']>(['approval', 'task', 'service', 'subworkflow', 'message', 'timer', 'compensate']);

/** Whether tokens wait at a node, rather than pass through it. */
export const waits = (node: Node | undefined): node is Waiting => node !== undefined && WAITING.has(node.type) && !launches(node);

/** Whether a node files others’ requests and does not wait for them. */
export const launches = (node: Node | undefined): boolean => node?.type === 'subworkflow' && node.wait === false;

/** The node at which steps are undone, where there is one. */
export const compensatesAt = ({ nodes }: Pick<Definition, 'nodes'>): string | undefined => Object.keys(nodes).find((name) => nodes[name]!.type === 'compensate');

/** How a step is undone, if it is. */
export const undoOf = (node: Node | undefined): string | undefined => (node && 'compensation' in node ? node.compensation : undefined);

/** What can come about while a node waits: where that leads, whether the node waits no longer, and what it is. */
export interface Leaving {
  to: string;
  interrupting: boolean;
  on: Boundary;
}

/** All of a node’s, with their numbers. */
export const boundariesOf = (node: Node | undefined): readonly (readonly [at: number, leaving: Leaving])[] =>
  ((node && 'boundary' in node && node.boundary) || []).map((on, at) => [at, { to: on.to, interrupting: !('interrupting' in on) || on.interrupting !== false, on }]);

/** Where a failure of this name leads, if anywhere. */
export function handlesFailure(node: Node | undefined, code: string): string | null {
  const handled = boundariesOf(node).flatMap(([, { on }]) => ('error' in on ? [on] : []));
  return (handled.find(({ error }) => error === code) ?? handled.find(({ error }) => error === '*'))?.to ?? null;
}

/** Those that leave it waiting. */
export const beside = (node: Node | undefined) => boundariesOf(node).filter(([, { interrupting }]) => !interrupting);

/** Where a node leads when it waits no longer. */
export function exits(of: Node): string[] {
  const left = boundariesOf(of).flatMap(([, { interrupting, to }]) => (interrupting ? [to] : []));
  return waits(of) ? [...new Set([of.to, ...('onReject' in of && of.onReject !== undefined ? [of.onReject] : []), ...left])] : successors(of);
}

/** Where a node leads. */
export function successors(of: Node): string[] {
  if (launches(of)) return [(of as Extract<Node, { type: 'subworkflow' }>).to];
  if (waits(of)) return [...new Set([...exits(of), ...beside(of).map(([, { to }]) => to)])];
  switch (of.type) {
    case 'mail':
      return [of.to];
    case 'parallel':
      return of.to;
    case 'exclusive':
    case 'inclusive':
      return [...new Set([...of.branches.map(({ to }) => to), of.otherwise])];
    case 'undo':
    case 'end':
    case 'terminate':
      return [];
  }
}

export function flowOf({ start, nodes }: Pick<Definition, 'start' | 'nodes'>): Flow {
  // In one order, whatever the document's: the database keeps keys in another.
  const map = new Map(Object.entries(nodes).filter(([, { type }]) => type !== 'undo').sort(([a], [b]) => (a < b ? -1 : 1)));
  const incoming = new Map<string, string[]>([...map.keys()].map((name) => [name, []]));
  for (const [name, node] of map) for (const to of successors(node)) incoming.get(to)?.push(name);
  return { start, nodes: map, incoming };
}

export const joinPlace = (via: string, node: string): Place => `${via}>${node}`;

export const besidePlace = (node: string, boundary: number): Place => `${node}~${boundary}`;

/** The node a token stands at, before or beside. */
export const nodeAt = (place: Place): string => place.slice(place.indexOf('>') + 1).split('~', 1)[0]!;

/** Without a node's token, and those beside it. */
export const left = (places: ReadonlySet<Place>, node: string): Set<Place> => new Set([...places].filter((place) => place !== node && !place.startsWith(`${node}~`)));

/** What stands when a boundary of a node that waits has come about: nothing of the node, or all but the boundary’s own token; null where it is not to come. */
export function afterBoundary(places: ReadonlySet<Place>, node: string, at: number, { interrupting }: Pick<Leaving, 'interrupting'>): Set<Place> | null {
  if (interrupting) return left(places, node);
  const own = besidePlace(node, at);
  return places.has(own) ? new Set([...places].filter((place) => place !== own)) : null;
}

/** Where the token of a place goes from there. */
const onwards = (flow: Flow, place: Place): string[] => {
  const node = flow.nodes.get(nodeAt(place))!;
  const at = place.indexOf('~');
  return at < 0 ? exits(node) : [boundariesOf(node)[Number(place.slice(at + 1))]![1].to];
};

/** Puts tokens on ways – from where, to where – and lets them run until each waits, is joined or has ended. */
export function arrive(flow: Flow, before: ReadonlySet<Place>, ways: readonly (readonly [via: string, to: string])[], choose: Choose): Arrival {
  const arrival: Arrival = { places: new Set(before), entered: [], visited: [], conflict: null };
  const { places } = arrival;
  const put = (place: Place) => {
    if (places.has(place)) arrival.conflict ??= place;
    places.add(place);
  };
  const wait = (name: string, node: Node) => {
    put(name);
    for (const [at] of beside(node)) put(besidePlace(name, at));
    arrival.entered.push(name);
  };
  const running = [...ways];
  // Whatever is under way in the same step comes to rest first, so that it does not matter which token was quicker.
  let terminated = false;
  for (;;) {
    for (let next = running.shift(); next !== undefined; next = running.shift()) {
      const [via, name] = next;
      const node = flow.nodes.get(name);
      if (!node) throw new Error(`there is no node ${name}`);
      arrival.visited.push(name);
      // So many passes in one step are many tokens in one place, doubled by each gateway in a row: no need to count them all.
      if (arrival.visited.length > PASSES) return { ...arrival, conflict: name };
      const joins = flow.incoming.get(name)!.length > 1;
      switch (node.type) {
        case 'undo':
          throw new Error(`${name} is led to by nothing`);
        case 'end':
          break;
        case 'terminate':
          terminated = true;
          break;
        case 'mail':
          running.push([name, node.to]);
          break;
        case 'subworkflow':
          if (!launches(node)) wait(name, node);
          else running.push([name, node.to]);
          break;
        case 'exclusive':
          running.push([name, choose(name)[0]!]);
          break;
        case 'parallel':
          if (joins) put(joinPlace(via, name));
          if (joins && !flow.incoming.get(name)!.every((each) => places.has(joinPlace(each, name)))) break;
          running.push(...leave(flow, places, name, node.to));
          break;
        case 'inclusive':
          if (joins) put(joinPlace(via, name));
          else running.push(...leave(flow, places, name, choose(name)));
          break;
        default:
          wait(name, node);
      }
    }
    if (terminated) return { ...arrival, places: new Set(), entered: [], conflict: null };
    if (arrival.conflict !== null) return arrival;
    // An inclusive gateway joins when nothing more can come, which is known only when all else has come to rest.
    const ready = [...flow.nodes].find(([name, node]) => node.type === 'inclusive' && isReady(flow, places, name));
    if (!ready) return arrival;
    running.push(...leave(flow, places, ready[0], choose(ready[0])));
  }
}

function leave(flow: Flow, places: Set<Place>, gateway: string, to: readonly string[]): (readonly [string, string])[] {
  for (const via of flow.incoming.get(gateway)!) places.delete(joinPlace(via, gateway));
  return to.map((each) => [gateway, each] as const);
}

/**
 * Whether an inclusive gateway with some token before it has to wait no longer: no token elsewhere can still come by a
 * way that is empty, but for those that could as well come by one that is not (BPMN 2.0, 13.4.3).
 */
function isReady(flow: Flow, places: ReadonlySet<Place>, gateway: string): boolean {
  const ways = flow.incoming.get(gateway)!;
  const full = ways.filter((via) => places.has(joinPlace(via, gateway)));
  if (ways.length < 2 || full.length === 0) return false;
  const empty = ways.filter((via) => !full.includes(via));
  return [...places].every((place) => {
    const at = nodeAt(place);
    if (at === gateway) return true;
    const next = place.includes('>') ? [at] : onwards(flow, place);
    const reach = reachable(flow, next, gateway);
    if (next.includes(gateway)) reach.add(at);
    return !empty.some((via) => reach.has(via)) || full.some((via) => reach.has(via));
  });
}

/** These nodes and all they lead to without passing the gateway. */
function reachable(flow: Flow, from: readonly string[], gateway: string): Set<string> {
  return closure(from.filter((each) => each !== gateway), (name) => successors(flow.nodes.get(name)!).filter((each) => each !== gateway));
}

/** All that can be reached by `next`, what one starts from included. */
export function closure(from: readonly string[], next: (name: string) => readonly string[]): Set<string> {
  const seen = new Set<string>();
  const queue = [...from];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    queue.push(...next(name));
  }
  return seen;
}
