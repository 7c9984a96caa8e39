import type { FieldError } from '../../access';
import { fieldErrors, pointer } from '../../http';
import { type Condition, type Definition, definitionDocument, formValidator, type Node } from './definition';
import { closure, flowOf, successors, waits } from './flow';
import { explain, soundness } from './soundness';

/**
 * The gate at publication: the document, or everything that is wrong with it, located. Each check is made where those
 * before it have found nothing: shape; references, fields, branches and form; ways; then every way the tokens can go.
 */
export function readDefinition(input: unknown): { definition: Definition; problems: [] } | { definition: null; problems: FieldError[] } {
  const parsed = definitionDocument.safeParse(input);
  if (!parsed.success) return { definition: null, problems: fieldErrors(parsed.error) };
  const definition = parsed.data;
  for (const check of [referenceProblems, wayProblems, tokenProblems]) {
    const problems = check(definition);
    if (problems.length > 0) return { definition: null, problems };
  }
  return { definition, problems: [] };
}

type Report = (path: (string | number)[], code: string, detail: string) => void;
const collected = (work: (problem: Report) => void): FieldError[] => {
  const problems: FieldError[] = [];
  work((path, code, detail) => problems.push({ pointer: pointer(path.map(String)), code, detail }));
  return problems;
};

function referenceProblems(definition: Definition): FieldError[] {
  return collected((problem) => {
    const { nodes } = definition;
    const has = (name: string) => Object.hasOwn(nodes, name);
    if (!has(definition.start)) problem(['start'], 'unknown_node', `there is no node ${definition.start}`);
    for (const [name, node] of Object.entries(nodes)) {
      for (const to of successors(node)) if (!has(to)) problem(['nodes', name], 'unknown_node', `leads to ${to}, which does not exist`);
      if (node.type === 'approval') {
        node.returns?.forEach((to, index) => {
          if (!has(to) || !waits(nodes[to])) problem(['nodes', name, 'returns', index], 'unknown_node', `${to} is no step that can be decided`);
        });
        node.notActorOf?.forEach((other, index) => {
          if (!has(other) || !waits(nodes[other]) || other === name) problem(['nodes', name, 'notActorOf', index], 'unknown_node', `${other} is no other step that can be decided`);
        });
      }
      if (node.type === 'parallel') for (const [index, to] of node.to.entries()) if (node.to.indexOf(to) !== index) problem(['nodes', name, 'to', index], 'duplicate', `leads to ${to} twice`);
      if (node.type === 'exclusive' || node.type === 'inclusive') branchProblems(definition, name, node, problem);
    }
    try {
      formValidator(definition);
    } catch (error) {
      problem(['form'], 'schema', (error as Error).message.slice(0, 300));
    }
  });
}

function branchProblems(definition: Definition, name: string, { type, branches, otherwise }: Extract<Node, { type: 'exclusive' | 'inclusive' }>, problem: Report): void {
  const fields = (definition.form as { properties?: Record<string, unknown> }).properties ?? {};
  branches.forEach(({ when, to }, index) => {
    const place = ['nodes', name, 'branches', index];
    if (!Object.hasOwn(fields, when.field)) problem([...place, 'when', 'field'], 'unknown_field', `the form has no field ${when.field}`);
    const before = branches.slice(0, index);
    // A token of each way is told apart by where it goes; two to one node could not be.
    if (type === 'inclusive' && (to === otherwise || before.some((each) => each.to === to))) problem([...place, 'to'], 'duplicate', `leads to ${to} twice`);
    if (type !== 'exclusive') return;
    for (const [other, each] of before.entries()) {
      const both = overlap(each.when, when);
      if (both !== null) problem([...place, 'when'], 'overlap', `holds together with branch ${other}, where ${both}`);
    }
  });
}

/** Circumstances in which both conditions hold; null where there are none. */
function overlap(a: Condition, b: Condition): string | null {
  const values = (of: Condition) => ('equals' in of ? [of.equals] : of.oneOf);
  if (a.field !== b.field) return `${a.field} is ${JSON.stringify(values(a)[0])} and ${b.field} is ${JSON.stringify(values(b)[0])}`;
  const both = values(a).find((value) => values(b).includes(value));
  return both === undefined ? null : `${a.field} is ${JSON.stringify(both)}`;
}

/** Of each node by itself: that it can be reached, can reach an end, and is in no ring of gateways only. */
function wayProblems(definition: Definition): FieldError[] {
  return collected((problem) => {
    const { nodes, incoming } = flowOf(definition);
    const leads = (name: string) => {
      const node = nodes.get(name)!;
      return node.type === 'approval' ? [...successors(node), ...(node.returns ?? [])] : successors(node);
    };
    const reached = closure([definition.start], leads);
    const completing = closure([...nodes].filter(([, { type }]) => type === 'end' || type === 'terminate').map(([name]) => name), (name) => incoming.get(name)!);
    const gateways = (from: string) => (waits(nodes.get(from)) ? [] : successors(nodes.get(from)!));
    for (const name of nodes.keys()) {
      if (!reached.has(name)) problem(['nodes', name], 'unreachable', 'no way leads here from the start');
      if (!completing.has(name)) problem(['nodes', name], 'no_end', 'no way leads from here to an end');
      if (!waits(nodes.get(name)) && closure(gateways(name), gateways).has(name)) problem(['nodes', name], 'loop', 'leads back to itself without any step');
    }
  });
}

/** Of all nodes together: that whatever is decided, it can be completed, and nothing runs twice at once. */
function tokenProblems(definition: Definition): FieldError[] {
  return collected((problem) => {
    const found = soundness(definition);
    if (found.verdict !== 'sound') problem(found.node === null ? ['nodes'] : ['nodes', found.node], found.verdict === 'undecided' ? 'undecided' : found.fault, explain(found));
  });
}
