import { type Approval, asksPeople, ballotOf, type Condition, type Definition } from './definition';
import { ExpressionLimit } from './feel';
import { arrive, beside, besidePlace, type Choose, compensatesAt, type Flow, flowOf, joinPlace, launches, left, nodeAt, type Place, undoOf, type Waiting } from './flow';
import type { Asked, Delta, Env, Form, Marking, Needs, OpenTask, Refusal } from './transition';
import { holds, inputsOf, Unevaluated } from './variables';
import { canBeApproved, cast, openTally, outcome, type Tally } from './voting';

/** Lets tokens run, opens the steps they come to, and goes past those that nobody could decide and that say so. */
export function advance(definition: Definition, from: Marking, ways: readonly (readonly [string, string])[], form: Form, env: Env, told: Pick<Delta, 'closes' | 'history' | 'node'>): Delta | Refusal | Needs {
  const flow = compiled(definition);
  let places: Set<Place> = new Set([...from.tasks.flatMap((task) => placesOf(definition, task)), ...from.joins.map(({ node, via }) => joinPlace(via, node))]);
  const opens: Delta['opens'] = [];
  const tallies = new Map<string, Tally | null>();
  const skipped: Delta['skipped'] = [];
  const needs: string[] = [];
  const mails: string[] = [];
  const launched: Delta['launches'] = [];
  let running = [...ways];
  let passes = 0;
  /** Goes on from a step that has nothing to wait for. Past more of them than there are it is a ring that never would. */
  const passed = (name: string, to: string) => {
    if ((passes += 1) > flow.nodes.size) throw new Unevaluated(name, 'it goes round without ever waiting');
    places = left(places, name);
    running.push([name, to]);
  };
  let { variables } = from;
  while (running.length > 0) {
    const arrival = arrive(flow, places, running, chooser(flow, (when) => holds(definition, when, form, variables, env)));
    // The gate admits no definition in which this can happen.
    if (arrival.conflict !== null) throw new Error(`${definition.key} comes a second time to ${arrival.conflict}`);
    places = arrival.places;
    for (const name of arrival.visited) if (launches(definition.nodes[name])) launched.push({ node: name, parts: inputsOf(definition, name, { ...form, ...variables }, env) });
    mails.push(...arrival.visited.filter((name) => definition.nodes[name]?.type === 'mail'));
    running = [];
    for (const name of arrival.entered) {
      const node = definition.nodes[name] as Waiting;
      if (node.type === 'compensate') {
        const last = undoOf(definition.nodes[from.done?.at(-1) ?? '']);
        if (last !== undefined) {
          opens.push({ id: env.taskId(last), node: last, asked: [], sequential: false });
          tallies.set(last, null);
          continue;
        }
        passed(name, node.to);
        continue;
      }
      const known = asksPeople(node) ? env.candidates(name) : [];
      // Come to a second time at once, in a ring, nothing is taken as approved: somebody has to say it again.
      const asked = skipped.some((each) => each.node === name) ? known?.map(({ personId, weight }) => ({ personId, weight })) : known;
      if (asked === undefined) {
        needs.push(name);
        continue;
      }
      const parts = node.type === 'subworkflow' ? inputsOf(definition, name, { ...form, ...variables }, env) : undefined;
      if (parts?.length === 0) {
        if (node.type === 'subworkflow' && node.as !== undefined) variables = { ...variables, [node.as]: [] };
        passed(name, node.to);
        continue;
      }
      const tally = asksPeople(node) ? tallyOf(asked) : parts ? openTally(parts.map(() => 1)) : null;
      const nobody = asksPeople(node) && (asked.length === 0 || !canBeApproved(ballotOf(node), tally!));
      if (nobody && node.noCandidate !== 'skip') return { refused: 'no-candidate', node: name };
      // Whoever has approved already does not have to be asked again.
      if (nobody || (asksPeople(node) && tally!.approve.people > 0 && outcome(ballotOf(node), tally!) === 'approve')) {
        skipped.push({ node: name, asked });
        // Past more steps than there are: a ring of steps nobody can decide.
        if (skipped.length > flow.nodes.size) return { refused: 'no-candidate', node: name };
        places = left(places, name);
        running.push([name, node.to]);
        continue;
      }
      // What is filled in here was not yet, or not any more.
      if ('as' in node && node.as !== undefined && Object.hasOwn(variables, node.as)) variables = Object.fromEntries(Object.entries(variables).filter(([each]) => each !== node.as));
      opens.push({ id: env.taskId(name), node: name, asked, sequential: (node as Partial<Approval>).strategy === 'sequential', ...(parts ? { parts } : {}) });
      tallies.set(name, tally);
    }
  }
  if (needs.length > 0) return { needs, variables: { ...form, ...variables } };
  const tasks = [...from.tasks, ...opens.map(({ id, node }) => ({ id, node, tally: tallies.get(node)!, claimedBy: null, asking: false, fired: [] }))];
  const stands = (node: string) => places.has(standsAt(definition, node));
  const stays = tasks.filter(({ node }) => stands(node));
  const ended = places.size === 0;
  return {
    ...told,
    reopens: [],
    next: { state: ended ? 'completed' : 'running', round: from.round, tasks: stays, joins: [...places].filter((place) => place.includes('>')).map((place) => ({ via: place.slice(0, place.indexOf('>')), node: nodeAt(place) })), variables, ...(from.done?.length ? { done: from.done } : {}) },
    // What a terminating end leaves behind closes with it.
    closes: [...told.closes, ...from.tasks.filter(({ node }) => !stands(node)).map(({ id }): Delta['closes'][number] => ({ id, state: 'cancelled' }))],
    opens: opens.filter(({ node }) => stands(node)),
    skipped,
    mails,
    launches: launched,
    dropped: opens.filter(({ node }) => !stands(node)).map(({ node, asked }) => ({ node, asked })),
    ended,
  };
}

/** The node at which the token of a step stands: what undoes another one, where that is asked for. */
const standsAt = (definition: Definition, node: string): string => (definition.nodes[node]?.type === 'undo' ? compensatesAt(definition)! : node);

/** Where a task's tokens stand. */
const placesOf = (definition: Definition, { node, fired }: OpenTask): Place[] => [standsAt(definition, node), ...beside(definition.nodes[node]).flatMap(([at]) => (fired.includes(at) ? [] : [besidePlace(node, at)]))];

/** Nobody has voted yet, but those who approved before. */
function tallyOf(asked: readonly Asked[]): Tally {
  return asked.filter(({ approved }) => approved).reduce((tally, { weight }) => cast(tally, 'approve', weight), openTally(asked.map(({ weight }) => weight)));
}

const flows = new WeakMap<Definition, Flow>();

function compiled(definition: Definition): Flow {
  const known = flows.get(definition) ?? flowOf(definition);
  flows.set(definition, known);
  return known;
}

/** Which ways gateways take, by which of their conditions hold. */
function chooser(flow: Flow, holding: (when: Condition) => boolean): Choose {
  return (gateway) => {
    const node = flow.nodes.get(gateway)!;
    if (node.type !== 'exclusive' && node.type !== 'inclusive') throw new Error(`${gateway} decides nothing`);
    try {
      const taken = node.branches.filter(({ when }) => holding(when)).map(({ to }) => to);
      return taken.length === 0 ? [node.otherwise] : node.type === 'exclusive' ? taken.slice(0, 1) : taken;
    } catch (error) {
      if (error instanceof ExpressionLimit) throw new Unevaluated(gateway, error.message);
      throw error;
    }
  };
}
