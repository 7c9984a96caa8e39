import type { DecisionVerb } from '../../platform/database';
import { asksPeople, type Definition } from './definition';
import { closure, flowOf, successors } from './flow';

/** An answer to a step, and everybody who had to do with it: by themselves, by a key of theirs, or because it was in their place. */
export interface Answer {
  node: string;
  verb: DecisionVerb;
  people: readonly string[];
  /** Whether it counts still: not sent back since, nor of a submission before. */
  stands: boolean;
  /** Whether the request was led back since to where it comes to that step again. */
  again?: boolean;
}

/** Somebody led a request back to a step: epoch ms. */
export interface LedBack {
  to: string;
  at: number;
}

type Ways = Pick<Definition, 'start' | 'nodes'>;

/**
 * Who may not decide a step of somebody's request, by its separation of duty: whoever answered a step it is kept apart
 * from, or one that is kept apart from it – but of the latter what has to be answered again, when they will be kept from it.
 */
export function keptApart(definition: Pick<Definition, 'nodes'>, name: string, facts: { initiatorId: string; answers: readonly Answer[]; department: readonly string[] }): ReadonlySet<string> {
  const node = definition.nodes[name];
  const apart = new Set([facts.initiatorId]);
  const keeps = (from: string, other: string) => {
    const of = definition.nodes[from];
    return asksPeople(of) && (of.notActorOf ?? []).includes(other);
  };
  for (const { node: other, people, stands, verb, again } of facts.answers) {
    if (!stands || verb === 'return' || !(keeps(name, other) || (keeps(other, name) && !again))) continue;
    for (const person of people) apart.add(person);
  }
  if (asksPeople(node) && node.differentDepartment) for (const person of facts.department) apart.add(person);
  return apart;
}

/** The steps a step is kept apart from, by itself or by them. */
export function keptFrom(nodes: Definition['nodes'], name: string): string[] {
  const node = nodes[name];
  const own = (asksPeople(node) && node.notActorOf) || [];
  return [...new Set([...own, ...Object.entries(nodes).flatMap(([other, of]) => (asksPeople(of) && of.notActorOf?.includes(name) ? [other] : []))])];
}

/** The same answers, with those that have to be given again since the request was led back to before them. */
export function givenAgain<A extends Answer & { at: number }>(definition: Ways, answers: readonly A[], ledBack: readonly LedBack[]): A[] {
  const { nodes } = flowOf(definition);
  const passes = ledBack.map(({ to, at }) => ({ at, steps: closure([to], (name) => (nodes.has(name) ? successors(nodes.get(name)!) : [])) }));
  return answers.map((each) => ({ ...each, again: passes.some(({ at, steps }) => each.at <= at && steps.has(each.node)) }));
}

/** Who has approved a step of the request that counts still, by themselves and not for somebody else. */
export function approvedAlready(answers: readonly Answer[]): ReadonlySet<string> {
  return new Set(answers.filter(({ verb, stands, again }) => verb === 'approve' && stands && !again).flatMap(({ people }) => people.slice(0, 1)));
}
