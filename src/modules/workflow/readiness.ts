import { type Approval, asksPeople, type Definition } from './definition';

/** Who could decide a step of what is filed for a unit, if somebody else files it. */
export type Deciders = ReadonlyMap<string, ReadonlySet<string>>;

/** A unit people work in. */
export interface FilingUnit {
  id: string;
  name: string;
  people: ReadonlySet<string>;
  /** Not of steps whose people a request names itself. */
  deciders: Deciders;
}

/** What stands in the way of a step, and in which units. */
export interface Gap {
  node: string;
  /** `nobody`: nobody could decide it. `apart`: nobody who has not had to decide a step it is kept apart from. `alone`: one person only, who works there and could not file it themselves. */
  gap: 'nobody' | 'apart' | 'alone';
  units: readonly string[];
  /** Whether it is so in every unit people work in. */
  everywhere: boolean;
  /** Whether nobody's request gets past the step, for this or the other reason. */
  blocks: boolean;
}

const MUST = (node: Approval) => node.noCandidate !== 'skip';

/**
 * Steps that, as the organization stands, somebody's request would not get past: for each unit people work in, whether
 * each step has somebody, also when the steps it is kept apart from are decided by others.
 */
export function gapsOf({ nodes }: Pick<Definition, 'nodes'>, units: readonly FilingUnit[]): Gap[] {
  const found = new Map<string, { node: string; gap: Gap['gap']; units: string[] }>();
  const add = (node: string, gap: Gap['gap'], unit: string) => {
    const key = `${node} ${gap}`;
    (found.get(key) ?? found.set(key, { node, gap, units: [] }).get(key)!).units.push(unit);
  };
  for (const unit of units) {
    for (const [name, node] of Object.entries(nodes)) {
      if (!asksPeople(node) || !MUST(node)) continue;
      const able = unit.deciders.get(name);
      if (able === undefined) continue;
      if (able.size === 0) add(name, 'nobody', unit.name);
      else if (node.notActorOf && !canBeApart(nodes, name, unit.deciders)) add(name, 'apart', unit.name);
      else if (able.size === 1 && [...able].every((person) => unit.people.has(person))) add(name, 'alone', unit.name);
    }
  }
  const gaps = [...found.values()];
  const stuck = (node: string) => gaps.filter((each) => each.node === node && each.gap !== 'alone').flatMap((each) => each.units).length === units.length;
  return gaps.map((each) => ({ ...each, everywhere: each.units.length === units.length, blocks: each.gap !== 'alone' && stuck(each.node) }));
}

/** Whether a step and those it is kept apart from can each have somebody, none of these deciding the step itself. */
function canBeApart(nodes: Definition['nodes'], name: string, deciders: Deciders): boolean {
  const others = ((nodes[name] as Approval).notActorOf ?? []).map((other) => deciders.get(other)).filter((each) => each !== undefined && each.size > 0) as ReadonlySet<string>[];
  // One who decides it, such that every other step has somebody else.
  return [...deciders.get(name)!].some((person) => others.every((each) => [...each].some((other) => other !== person)));
}
