import type { FieldError } from '../../access';
import { fieldErrors, pointer } from '../../http';
import { type Approval, asksPeople, type Definition, definitionDocument, formValidator, type Moment, type Node } from './definition';
import { boundariesOf, closure, flowOf, successors, undoOf, waits } from './flow';
import { returnProblem, together } from './concurrency';
import { explain, soundness } from './soundness';
import { marksOf } from './service-level';
import { expressionProblems } from './variables';

/**
 * The gate at publication: the document, or everything that is wrong with it, located. Each check is made where those
 * before it have found nothing: shape; references, fields, branches and form; ways; then every way the tokens can go.
 */
export function readDefinition(input: unknown): { definition: Definition; problems: [] } | { definition: null; problems: FieldError[] } {
  const parsed = definitionDocument.safeParse(input);
  if (!parsed.success) return { definition: null, problems: fieldErrors(parsed.error) };
  const definition = parsed.data;
  for (const check of [referenceProblems, expressionProblems, wayProblems, tokenProblems, besideProblems]) {
    const problems = check(definition);
    if (problems.length > 0) return { definition: null, problems };
  }
  return { definition, problems: [] };
}

/** More than any definition of a hundred nodes that somebody could read. */
const WAYS = 400;

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
    const ways = Object.values(nodes).flatMap(successors).length;
    if (ways > WAYS) problem(['nodes'], 'too_big', `${ways} ways lead from node to node; at most ${WAYS}`);
    absenceProblems(definition, problem);
    leaveProblems(definition, problem);
    compensationProblems(nodes, problem);
    if (has(definition.start) && nodes[definition.start]!.type === 'undo') problem(['start'], 'unknown_node', `${definition.start} undoes a step and is led to by nothing`);
    if (!has(definition.start)) problem(['start'], 'unknown_node', `there is no node ${definition.start}`);
    for (const [name, node] of Object.entries(nodes)) {
      for (const to of successors(node)) if (has(to) && nodes[to]!.type === 'undo') problem(['nodes', name], 'unknown_node', `leads to ${to}, which undoes a step and is led to by nothing`);
        else if (!has(to)) problem(['nodes', name], 'unknown_node', `leads to ${to}, which does not exist`);
      if (asksPeople(node)) {
        levelProblems(name, node, problem);
        node.returns?.forEach((to, index) => {
          if (!has(to) || !waits(nodes[to])) problem(['nodes', name, 'returns', index], 'unknown_node', `${to} is no step that can be decided`);
        });
        node.notActorOf?.forEach((other, index) => {
          if (!has(other) || !waits(nodes[other]) || ['timer', 'message', 'subworkflow', 'compensate'].includes(nodes[other].type) || other === name) problem(['nodes', name, 'notActorOf', index], 'unknown_node', `${other} is no other step that can be decided`);
        });
      }
      timeProblems(definition, name, node, problem);
      failureProblems(name, node, problem);
      if (node.type === 'subworkflow' && node.wait === false) for (const field of ['as', 'onReject', 'boundary', 'compensation'] as const) if (node[field] !== undefined) problem(['nodes', name, field], 'wait', 'what is not waited for has no outcome');
      if (node.type === 'parallel') for (const [index, to] of node.to.entries()) if (node.to.indexOf(to) !== index) problem(['nodes', name, 'to', index], 'duplicate', `leads to ${to} twice`);
      if (node.type === 'exclusive' || node.type === 'inclusive') branchProblems(definition, name, node, problem);
    }
    const steps = Object.entries(nodes).flatMap(([name, node]) => ('form' in node && node.form ? [[['nodes', name, 'form'], node.form] as const] : []));
    for (const [place, form] of [[['form'], definition.form] as const, ...steps]) {
      try {
        formValidator({ form });
      } catch (error) {
        problem([...place], 'schema', (error as Error).message.slice(0, 300));
      }
    }
  });
}

/** A field of a form that is a text, with its format, and whether it has to be filled in; null where it has none of this name. */
function textField(form: Definition['form'], name: string): { format: unknown; required: boolean } | null {
  const { properties = {}, required = [] } = form as { properties?: Record<string, { type?: unknown; format?: unknown }>; required?: unknown[] };
  const field = Object.hasOwn(properties, name) ? properties[name]! : null;
  return field?.type === 'string' ? { format: field.format, required: required.includes(name) } : null;
}

/** Whether a form requires a text of this name, in one of these formats. */
function requiresOne(form: Definition['form'], name: string, ...formats: unknown[]): boolean {
  const field = textField(form, name);
  return field !== null && field.required && formats.includes(field.format);
}

/** Of leave that is counted: that the form asks which kind it is, and from which day until which. */
function leaveProblems({ form, leave }: Definition, problem: Report): void {
  if (!leave) return;
  if (textField(form, leave.kind)?.required !== true) problem(['leave', 'kind'], 'unknown_field', `the form requires no text ${leave.kind}`);
  for (const name of ['from', 'until'] as const) if (!requiresOne(form, leave[name], 'date')) problem(['leave', name], 'unknown_field', `the form requires no date ${leave[name]}`);
}

/** Of an absence: that the form asks from when until when, and can say who stands in. */
function absenceProblems({ form, absence }: Definition, problem: Report): void {
  if (!absence) return;
  for (const name of ['from', 'until'] as const) if (!requiresOne(form, absence[name], 'date', 'date-time')) problem(['absence', name], 'unknown_field', `the form requires no date or date-time ${absence[name]}`);
  if (textField(form, absence.substitute)?.format !== 'uuid') problem(['absence', 'substitute'], 'unknown_field', `the form has no field ${absence.substitute} for a person’s id (uuid)`);
}

/** Of times that are filled in: that the form asks for them. */
function timeProblems({ form }: Definition, name: string, node: Node, problem: Report): void {
  const moments = [...(node.type === 'timer' ? [{ after: node.after, place: ['after'] }] : []), ...boundariesOf(node).flatMap(([at, { on }]) => ('after' in on ? [{ after: on.after, place: ['boundary', at, 'after'] }] : [])), ...levelPlaces(node)];
  for (const { after, place } of moments) {
    if (!('until' in after)) continue;
    if (!requiresOne(form, after.until, 'date', 'date-time')) problem(['nodes', name, ...place, 'until'], 'unknown_field', `the form requires no date or date-time ${after.until}`);
  }
}

/** Of what undoes steps: that each step has its own, each belongs to one, and there is one place where that happens. */
function compensationProblems(nodes: Definition['nodes'], problem: Report): void {
  const used = new Set<string>();
  const [first, ...others] = Object.keys(nodes).filter((name) => nodes[name]!.type === 'compensate').sort();
  for (const [name, node] of Object.entries(nodes)) {
    const undo = undoOf(node);
    if (undo === undefined) continue;
    if (!Object.hasOwn(nodes, undo) || nodes[undo]!.type !== 'undo') problem(['nodes', name, 'compensation'], 'unknown_node', `${undo} is no node that undoes a step`);
    else if (used.has(undo)) problem(['nodes', name, 'compensation'], 'duplicate', `${undo} undoes another step`);
    else if (first === undefined) problem(['nodes', name, 'compensation'], 'compensate', 'there is no node at which steps are undone');
    used.add(undo);
  }
  for (const [name, { type }] of Object.entries(nodes)) if (type === 'undo' && !used.has(name)) problem(['nodes', name], 'unreachable', 'undoes no step');
  for (const name of others) problem(['nodes', name], 'duplicate', `steps are undone at ${first!} already`);
}

/** Of what is to happen when something fails: that another system carries the step out, and each failure leads to one place. */
function failureProblems(name: string, node: Node, problem: Report): void {
  const codes = boundariesOf(node).flatMap(([at, { on }]) => ('error' in on ? [[at, on.error] as const] : []));
  for (const [n, [at, code]] of codes.entries()) {
    if (node.type !== 'service') problem(['nodes', name, 'boundary', at, 'error'], 'error', 'only what another system carries out can fail');
    if (codes.slice(0, n).some(([, other]) => other === code)) problem(['nodes', name, 'boundary', at, 'error'], 'duplicate', `${code} leads somewhere already`);
  }
}

/** The times of a service level, with where they stand. */
const levelPlaces = (node: Node): { after: Moment; place: (string | number)[] }[] =>
  marksOf(node).map(({ kind, after }, n, all) => ({ after, place: kind === 'escalation' ? ['serviceLevel', 'escalation', n - all.findIndex((each) => each.kind === 'escalation'), 'after'] : ['serviceLevel', kind] }));

/** Of a service level: that it warns before, and brings others in where one of them is enough. */
function levelProblems(name: string, node: Approval, problem: Report): void {
  const { due, warning, escalation } = node.serviceLevel ?? {};
  const place = ['nodes', name, 'serviceLevel'];
  if (warning && due && inOneUnit(warning, due) && spanOf(warning) >= spanOf(due)) problem([...place, 'warning'], 'order', 'is not before what it warns of');
  if (escalation && (node.strategy ?? 'any') !== 'any') problem([...place, 'escalation'], 'several', 'asks somebody else where one is enough; where several have to decide, let a boundary lead to another step');
}

const inOneUnit = (one: Moment, other: Moment) => Object.keys(one)[0] === Object.keys(other)[0] && !('until' in one);
const spanOf = (moment: Moment) => Object.values(moment)[0] as number;

function branchProblems(definition: Definition, name: string, { type, branches, otherwise }: Extract<Node, { type: 'exclusive' | 'inclusive' }>, problem: Report): void {
  const fields = (definition.form as { properties?: Record<string, unknown> }).properties ?? {};
  branches.forEach(({ when, to }, index) => {
    const place = ['nodes', name, 'branches', index];
    if (typeof when !== 'string' && !Object.hasOwn(fields, when.field)) problem([...place, 'when', 'field'], 'unknown_field', `the form has no field ${when.field}`);
    // A token of each way is told apart by where it goes; two to one node could not be.
    if (type === 'inclusive' && (to === otherwise || branches.slice(0, index).some((each) => each.to === to))) problem([...place, 'to'], 'duplicate', `leads to ${to} twice`);
  });
}

/** Of each node by itself: that it can be reached, can reach an end, and is in no ring of gateways only. */
function wayProblems(definition: Definition): FieldError[] {
  return collected((problem) => {
    const { nodes, incoming } = flowOf(definition);
    const leads = (name: string) => {
      const node = nodes.get(name)!;
      return asksPeople(node) ? [...successors(node), ...(node.returns ?? [])] : successors(node);
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

/** Of steps that have to do with one another: that sending back forgets nothing, and that those kept apart never wait at the same time. */
function besideProblems(definition: Definition): FieldError[] {
  return collected((problem) => {
    const flow = flowOf(definition);
    const beside = together(flow);
    for (const [name, node] of flow.nodes) {
      if (!asksPeople(node)) continue;
      node.returns?.forEach((target, index) => {
        const found = returnProblem(flow, beside, name, target);
        if (found !== null) problem(['nodes', name, 'returns', index], 'return', found);
      });
      node.notActorOf?.forEach((other, index) => {
        // Whoever answers the one could not answer the other, and would be waited for.
        if (beside(name, other)) problem(['nodes', name, 'notActorOf', index], 'together', `${other} can wait at the same time; put one after the other, or ask several people in one step`);
      });
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
