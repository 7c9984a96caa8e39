import { asksPeople, type Definition } from './definition';
import { afterBoundary, arrive, type Arrival, besidePlace, boundariesOf, type Flow, flowOf, left, nodeAt, type Place, successors, waits } from './flow';
import { type Move, reduce, type Step } from './soundness-reduction';

export type { Move } from './soundness-reduction';

export type Verdict =
  | { verdict: 'sound' }
  /** With a run that shows it. `twice`: a second token came to `node`. `stuck`: after it nothing leads to the end any more. `dead`: no run comes to `node`. */
  | { verdict: 'unsound'; fault: 'twice' | 'stuck' | 'dead'; node: string; run: Move[]; waiting: Place[] }
  /** There are more states than are looked at. */
  | { verdict: 'undecided'; node: null; states: number };

/** How many states are looked at before a definition counts as undecided, and how many ways there may be on from one. */
export const STATES = 20_000;
const WAYS = 1_000;
/** How many nodes tokens pass in all. */
const VISITS = 1_000_000;

interface State {
  places: ReadonlySet<Place>;
  /** How it was reached: from which state, by what. */
  from: State | null;
  moves: readonly Move[];
  next: State[];
}

/**
 * Whether every run can be completed without giving up – rejections that end it, returns to the initiator and
 * withdrawals are always possible and prove nothing –, whether one place ever holds two tokens, and whether every node is
 * of use (van der Aalst's soundness, with implicit termination). By looking at every state there is, of the definition
 * with its plain blocks folded together, unless `fold` says otherwise.
 */
export function soundness(definition: Pick<Definition, 'start' | 'nodes'>, { limit = STATES, fold = true } = {}): Verdict {
  const flow = flowOf(definition);
  const { flow: folded, steps } = fold ? reduce(flow) : { flow, steps: new Map<string, Step>() };
  return explored(folded, steps, limit);
}

function explored(flow: Flow, steps: ReadonlyMap<string, Step>, limit: number): Verdict {
  const known = new Map<string, State>();
  const queue: State[] = [];
  const used = new Set<string>();
  let twice: Verdict | null = null;
  let tooMany = false;
  let visits = 0;
  const undecided: Verdict = { verdict: 'undecided', node: null, states: limit + 1 };
  const reach = (from: State | null, before: ReadonlySet<Place>, ways: readonly (readonly [string, string])[], moves: readonly Move[]): void => {
    let tried = 0;
    for (const { arrival, chosen } of arrivals(flow, before, ways)) {
      // Gateways in a row multiply: ten of two ways each are a thousand ways for one token.
      tried += 1;
      visits += arrival.visited.length;
      tooMany ||= tried > WAYS || visits > VISITS;
      if (tooMany) return;
      const all = [...moves, ...chosen, ...arrival.entered.flatMap((name) => steps.get(name)?.enter ?? [])];
      for (const name of [...arrival.entered, ...arrival.visited.filter((each) => !waits(flow.nodes.get(each)))]) used.add(name);
      if (arrival.conflict !== null) {
        twice ??= { verdict: 'unsound', fault: 'twice', node: nodeAt(arrival.conflict), run: runTo({ places: before, from, moves: all, next: [] }), waiting: [...before] };
        return;
      }
      const key = [...arrival.places].sort().join('|');
      let state = known.get(key);
      if (!state) {
        state = { places: arrival.places, from, moves: all, next: [] };
        known.set(key, state);
        queue.push(state);
      }
      from?.next.push(state);
    }
  };
  reach(null, new Set(), [['', flow.start]], []);
  for (let at = 0; at < queue.length && twice === null; at += 1) {
    if (queue.length > limit || tooMany) return undecided;
    const state = queue[at]!;
    for (const name of state.places) {
      const node = flow.nodes.get(name);
      if (!waits(node)) continue;
      const rest = left(state.places, name);
      reach(state, rest, [[name, node.to]], steps.get(name)?.done ?? [{ step: name, outcome: 'done' }]);
      for (const [at, boundary] of boundariesOf(node)) {
        const after = afterBoundary(state.places, name, at, boundary);
        if (after) reach(state, after, [[name, boundary.to]], [{ step: name, boundary: at }]);
      }
      if ('onReject' in node && node.onReject !== undefined) reach(state, rest, [[name, node.onReject]], [{ step: name, outcome: 'rejected' }]);
      for (const to of (asksPeople(node) && node.returns) || []) reach(state, new Set(), [[name, to]], [{ step: name, returnTo: to }]);
    }
  }
  if (twice !== null) return twice;
  if (tooMany) return undecided;
  const completing = new Set<State>();
  const before = new Map<State, State[]>();
  for (const state of queue) {
    for (const next of state.next) {
      const known = before.get(next);
      if (known) known.push(state);
      else before.set(next, [state]);
    }
  }
  const open = queue.filter(({ places }) => places.size === 0);
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (completing.has(state)) continue;
    completing.add(state);
    open.push(...(before.get(state) ?? []));
  }
  // Where nothing at all can be done any more says more than where it was lost, or a ring of steps that never ends.
  const lost = queue.filter((state) => !completing.has(state));
  const stuck = lost.find(({ next }) => next.length === 0) ?? lost[0];
  if (stuck) {
    const waiting = [...stuck.places];
    const place = waiting.find((each) => each.includes('>')) ?? waiting[0]!;
    return { verdict: 'unsound', fault: 'stuck', node: nodeAt(place), run: runTo(stuck), waiting };
  }
  const dead = [...flow.nodes.keys()].find((name) => !used.has(name));
  return dead === undefined ? { verdict: 'sound' } : { verdict: 'unsound', fault: 'dead', node: dead, run: [], waiting: [] };
}

function runTo(state: State): Move[] {
  const moves: Move[][] = [];
  for (let at: State | null = state; at !== null; at = at.from) moves.push([...at.moves]);
  return moves.reverse().flat();
}

/** Everything that can come of it, one for each way the gateways on the way can decide. */
function* arrivals(flow: Flow, before: ReadonlySet<Place>, ways: readonly (readonly [string, string])[]): Generator<{ arrival: Arrival; chosen: Move[] }> {
  // An odometer of choices: each run follows the digits there are, and adds one for each choice that is new to it.
  const digits: { at: number; of: number }[] = [];
  for (;;) {
    const chosen: Move[] = [];
    let turn = 0;
    const arrival = arrive(flow, before, ways, (gateway) => {
      const options = optionsOf(flow, gateway);
      const digit = (digits[turn] ??= { at: 0, of: options.length });
      turn += 1;
      const taken = options[digit.at]!;
      chosen.push({ gateway, ways: taken });
      return taken;
    });
    yield { arrival, chosen };
    while (digits.length > 0 && digits.at(-1)!.at === digits.at(-1)!.of - 1) digits.pop();
    if (digits.length === 0) return;
    digits.at(-1)!.at += 1;
  }
}

/** What a gateway can decide: one way, or any of its branches together, or else the other. */
function optionsOf(flow: Flow, gateway: string): readonly (readonly string[])[] {
  const node = flow.nodes.get(gateway)!;
  if (node.type === 'exclusive') return successors(node).map((to) => [to]);
  if (node.type !== 'inclusive') throw new Error(`${gateway} decides nothing`);
  const branches = node.branches.map(({ to }) => to);
  const subsets = Array.from({ length: 2 ** branches.length - 1 }, (_, bits) => branches.filter((__, n) => ((bits + 1) >> n) & 1));
  return [...subsets, [node.otherwise]];
}

/** Runs a run: where its tokens stand after it, or the place where a second one came. For whoever doubts a verdict. */
export function replay(definition: Pick<Definition, 'start' | 'nodes'>, run: readonly Move[]): { places: ReadonlySet<Place>; conflict: Place | null } {
  const flow = flowOf(definition);
  const decided = new Map<string, (readonly string[])[]>();
  for (const move of run) if ('gateway' in move) decided.set(move.gateway, [...(decided.get(move.gateway) ?? []), move.ways]);
  const choose = (gateway: string) => {
    const ways = decided.get(gateway)?.shift();
    if (!ways) throw new Error(`the run does not say where ${gateway} goes`);
    return ways;
  };
  let at = arrive(flow, new Set(), [['', flow.start]], choose);
  for (const move of run) {
    if ('gateway' in move) continue;
    if (at.conflict !== null) throw new Error('the run goes on after a second token came');
    const node = flow.nodes.get(move.step);
    if (!at.places.has(move.step) || !waits(node)) throw new Error(`${move.step} does not wait`);
    const rest = left(at.places, move.step);
    if ('boundary' in move) {
      const boundary = boundariesOf(node)[move.boundary]![1];
      const after = afterBoundary(at.places, move.step, move.boundary, boundary);
      if (!after) throw new Error(`${besidePlace(move.step, move.boundary)} is not to come`);
      at = arrive(flow, after, [[move.step, boundary.to]], choose);
      continue;
    }
    at = 'returnTo' in move ? arrive(flow, new Set(), [[move.step, move.returnTo]], choose) : arrive(flow, rest, [[move.step, move.outcome === 'done' ? node.to : (node as { onReject: string }).onReject]], choose);
  }
  return at;
}

/** A verdict in words. */
export function explain(found: Exclude<Verdict, { verdict: 'sound' }>): string {
  if (found.verdict === 'undecided') return `there are more than ${found.states - 1} states it can be in: too many to be sure of it`;
  if (found.fault === 'dead') return 'whatever is decided, nothing ever comes here';
  const steps = found.run.map((move) => ('gateway' in move ? `${move.gateway} goes to ${move.ways.join(' and ')}` : 'returnTo' in move ? `${move.step} is sent back to ${move.returnTo}` : 'boundary' in move ? `boundary ${move.boundary} of ${move.step} comes about` : `${move.step} is ${move.outcome}`));
  const after = steps.length === 0 ? 'from the start' : `after: ${steps.join('; ')}`;
  return found.fault === 'twice' ? `is reached a second time while it still waits, ${after}` : `can never be completed, ${after}; then it waits at ${found.waiting.map((place) => place.replace('>', ' → ')).join(', ')}`;
}
