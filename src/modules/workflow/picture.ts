import { graphlib, layout } from '@dagrejs/dagre';
import type { Locale } from '../../access';
import { mermaidLabel, xmlText } from '../../http';
import { type Approval, asksPeople, type CandidateAlternative, type CandidateRule, type Condition, type Definition, type Moment, type Node } from './definition';
import { boundariesOf, type Leaving, undoOf, type Waiting, waits } from './flow';

/** What of an instance is drawn into the picture of its definition. */
export interface Standing {
  /** Nodes that wait, with votes where there are any. */
  waiting: ReadonlyMap<string, string>;
  /** Steps that have been answered. */
  answered: ReadonlySet<string>;
  /** Steps that wait and should have been answered by now. */
  overdue: ReadonlySet<string>;
}

interface Way {
  from: string;
  to: string;
  label: string;
  kind: 'on' | 'rejected' | 'returned' | 'timed';
}

const WORDS = {
  en: { any: 'one of them', all: 'all of them', sequential: 'one after the other', majority: 'the majority', quorum: (n: number) => `${n} of them`, weighted: (n: number) => `weight ${n}`, rejected: 'rejected', returned: 'sent back', otherwise: 'otherwise', start: 'submitted', end: 'completed', terminate: 'completed at once', head: 'head of the unit', above: (n: number) => (n === 1 ? 'head of the unit above' : `head of the unit ${n} above`), person: 'a person named', initiator: 'whoever filed it', unit: 'unit', school: 'school', foundation: 'foundation', service: 'another system', until: 'until', timer: { minutes: (n: number) => `${n} min`, hours: (n: number) => `${n} h`, days: (n: number) => (n === 1 ? '1 day' : `${n} days`), workingHours: (n: number) => `${n} working h`, workingDays: (n: number) => (n === 1 ? '1 working day' : `${n} working days`) } },
  id: { any: 'salah satu', all: 'semuanya', sequential: 'berurutan', majority: 'mayoritas', quorum: (n: number) => `${n} di antaranya`, weighted: (n: number) => `bobot ${n}`, rejected: 'ditolak', returned: 'dikembalikan', otherwise: 'selain itu', start: 'diajukan', end: 'selesai', terminate: 'langsung selesai', head: 'pimpinan unit', above: (n: number) => (n === 1 ? 'pimpinan unit di atasnya' : `pimpinan ${n} unit di atasnya`), person: 'orang tertentu', initiator: 'pengaju', unit: 'unit', school: 'sekolah', foundation: 'yayasan', service: 'sistem lain', until: 'sampai', timer: { minutes: (n: number) => `${n} menit`, hours: (n: number) => `${n} jam`, days: (n: number) => `${n} hari`, workingHours: (n: number) => `${n} jam kerja`, workingDays: (n: number) => `${n} hari kerja` } },
} as const;

function ruleText(rule: CandidateRule, locale: Locale): string {
  const words = WORDS[locale];
  if ('role' in rule) return `${rule.role} (${words[rule.within]})`;
  if ('position' in rule) return `${rule.position} (${words[rule.within]})`;
  if ('person' in rule) return words.person;
  if ('people' in rule) return rule.people;
  return rule.up === undefined ? words.head : words.above(rule.up);
}

const alternativeText = (alternative: CandidateAlternative, locale: Locale) => ('together' in alternative ? alternative.together : [alternative]).map((rule) => ruleText(rule, locale)).join(' + ');

function momentText(moment: Moment, locale: Locale): string {
  const words = WORDS[locale];
  if ('until' in moment) return `⏱ ${words.until} ${moment.until}`;
  const [[unit, count]] = Object.entries(moment) as [[keyof typeof words.timer, number]];
  return `⏱ ${words.timer[unit](count)}`;
}

const messageText = ({ name }: { name: string }) => `✉ ${name}`;

const boundaryText = ({ on, interrupting }: Leaving, locale: Locale) => `${'after' in on ? momentText(on.after, locale) : 'message' in on ? messageText(on.message) : `⚠ ${on.error}`}${interrupting ? '' : ' +'}`;

type Box = Waiting | Extract<Node, { type: 'mail' | 'subworkflow' | 'undo' }>;

/** Whether a node is drawn with its title: all but gateways and ends. */
const isBox = (node: Node): node is Box => node.type === 'mail' || node.type === 'subworkflow' || node.type === 'undo' || waits(node);

/** Under its title: who decides, and how many. */
function linesOf(node: Box, locale: Locale): string[] {
  const words = WORDS[locale];
  if (node.type === 'compensate') return ['↶'];
  if (node.type === 'service' || node.type === 'undo') return [node.call ? `⇄ ${node.call.endpoint}` : words.service];
  if (node.type === 'timer') return [momentText(node.after, locale)];
  if (node.type === 'mail') return [`✉ ${node.recipients.map((each) => (each === 'initiator' ? words.initiator : ruleText(each, locale))).join(' + ')}`];
  if (node.type === 'subworkflow') return [`${node.each === undefined ? '▤' : '▤▤'} ${node.definition}${node.wait === false ? ' →' : ''}`];
  if (node.type === 'message') return [messageText(node.message)];
  const several = (asked: NonNullable<Approval['strategy']>) => (typeof asked === 'string' ? words[asked] : 'quorum' in asked ? words.quorum(asked.quorum) : words.weighted(asked.weighted));
  return [alternativeText(node.candidates[0]!, locale), ...(node.type === 'task' || node.strategy === undefined ? [] : [several(node.strategy)])];
}

const conditionText = (condition: Condition) => (typeof condition === 'string' ? condition : `${condition.field}: ${('equals' in condition ? [condition.equals] : condition.oneOf).join(', ')}`);

function waysOf(name: string, node: Node, locale: Locale): Way[] {
  const words = WORDS[locale];
  const on = (to: string, label = ''): Way => ({ from: name, to, label, kind: 'on' });
  const timed = boundariesOf(node).map(([, leaving]): Way => ({ ...on(leaving.to, boundaryText(leaving, locale)), kind: 'error' in leaving.on ? 'rejected' : 'timed' }));
  const undo = undoOf(node);
  if (undo !== undefined) timed.push({ ...on(undo, '↶'), kind: 'returned' });
  switch (node.type) {
    case 'approval':
      return [on(node.to), ...(node.onReject === undefined ? [] : [{ ...on(node.onReject, words.rejected), kind: 'rejected' as const }]), ...(node.returns ?? []).map((to) => ({ ...on(to, words.returned), kind: 'returned' as const })), ...timed];
    case 'subworkflow':
      return [on(node.to), ...(node.onReject === undefined ? [] : [{ ...on(node.onReject, words.rejected), kind: 'rejected' as const }]), ...timed];
    case 'task':
      return [on(node.to), ...(node.returns ?? []).map((to) => ({ ...on(to, words.returned), kind: 'returned' as const })), ...timed];
    case 'service':
    case 'message':
      return [on(node.to), ...timed];
    case 'timer':
    case 'compensate':
    case 'mail':
      return [on(node.to)];
    case 'parallel':
      return node.to.map((to) => on(to));
    case 'exclusive':
    case 'inclusive':
      return [...node.branches.map(({ when, to }) => on(to, conditionText(when))), on(node.otherwise, node.branches.length > 0 ? words.otherwise : '')];
    case 'undo':
    case 'end':
    case 'terminate':
      return [];
  }
}

const SIGN = { exclusive: '×', parallel: '+', inclusive: '○' } as const;

/** A definition as a Mermaid flowchart. */
export function flowchartOf(definition: Definition, locale: Locale): string {
  const words = WORDS[locale];
  const ids = new Map(Object.keys(definition.nodes).map((name, n) => [name, `n${n}`]));
  const shape = (node: Node): string => {
    if (isBox(node)) return `[${mermaidLabel(node.title[locale], ...linesOf(node, locale))}]`;
    if (node.type === 'end' || node.type === 'terminate') return `(((${mermaidLabel(words[node.type])})))`;
    return `{${mermaidLabel(SIGN[node.type])}}`;
  };
  const arrow = ({ label, kind }: Way) => (kind === 'on' ? '-->' : '-.->') + (label === '' ? '' : `|${mermaidLabel(label)}|`);
  return [
    'flowchart LR',
    `  start((${mermaidLabel(words.start)})) --> ${ids.get(definition.start)}`,
    ...Object.entries(definition.nodes).map(([name, node]) => `  ${ids.get(name)}${shape(node)}`),
    ...Object.entries(definition.nodes).flatMap(([name, node]) => waysOf(name, node, locale).map((way) => `  ${ids.get(name)} ${arrow(way)} ${ids.get(way.to)}`)),
  ].join('\n');
}

const SIZE = { width: 236, line: 15, padding: 9, gateway: 34, end: 26, margin: 18, heading: 30 };
const fits = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const STROKE: Record<Way['kind'], string> = { on: '#5b6470', rejected: '#b3261e', returned: '#a36a0b', timed: '#6b4fa0' };

/** A definition – or an instance standing in it – as SVG, laid out from left to right (layered, by dagre). Nothing in it is executed or fetched. */
export function svgOf(definition: Definition, locale: Locale, title: string, standing: Standing | null): string {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 46, edgesep: 14 });
  const text = (node: Node) => (isBox(node) ? linesOf(node, locale) : []);
  const extra = (name: string) => (standing?.waiting.get(name) ? [standing.waiting.get(name)!] : []);
  graph.setNode('>', { width: SIZE.end, height: SIZE.end });
  for (const [name, node] of Object.entries(definition.nodes)) {
    const step = isBox(node);
    const small = node.type === 'end' || node.type === 'terminate' ? SIZE.end : SIZE.gateway;
    graph.setNode(name, step ? { width: SIZE.width, height: SIZE.padding * 2 + SIZE.line * (1 + text(node).length + extra(name).length) } : { width: small, height: small });
  }
  const ways: Way[] = [{ from: '>', to: definition.start, label: '', kind: 'on' }, ...Object.entries(definition.nodes).flatMap(([name, node]) => waysOf(name, node, locale))];
  ways.forEach(({ from, to, label }, n) => graph.setEdge(from, to, label === '' ? {} : { width: Math.min(label.length, 24) * 6 + 8, height: 14, labelpos: 'c' }, String(n)));
  layout(graph);

  const lines = ways.map(({ from, to, label, kind }, n) => {
    const edge = graph.edge(from, to, String(n)) as { points: { x: number; y: number }[]; x?: number; y?: number };
    const path = edge.points.map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
    const caption = label === '' ? '' : `<text x="${edge.x!.toFixed(1)}" y="${(edge.y! - 3).toFixed(1)}" text-anchor="middle" font-size="10.5" fill="${STROKE[kind]}" stroke="#fbfcfe" stroke-width="3" paint-order="stroke">${xmlText(fits(label, 24))}</text>`;
    return `<path d="${path}" fill="none" stroke="${STROKE[kind]}" stroke-width="1.4" stroke-linejoin="round"${kind === 'on' ? '' : ' stroke-dasharray="5 4"'} marker-end="url(#arrow-${kind})"/>${caption}`;
  });
  const boxes = [...Object.entries(definition.nodes), ['>', null] as const].map(([name, node]) => {
    const { x, y, width, height } = graph.node(name) as { x: number; y: number; width: number; height: number };
    if (node === null) return `<g><title>${xmlText(WORDS[locale].start)}</title><circle cx="${x}" cy="${y}" r="${width / 2 - 2}" fill="#fff" stroke="#3e7a2e" stroke-width="1.6"/></g>`;
    if (node.type === 'end' || node.type === 'terminate') return `<g><title>${xmlText(WORDS[locale][node.type])}</title><circle cx="${x}" cy="${y}" r="${width / 2 - 2}" fill="${node.type === 'terminate' ? '#3a424d' : '#fff'}" stroke="#3a424d" stroke-width="3"/></g>`;
    if (!isBox(node)) return `<g><title>${xmlText(name)}</title><path d="M${x - width / 2} ${y}L${x} ${y - height / 2}L${x + width / 2} ${y}L${x} ${y + height / 2}Z" fill="#fdf3e1" stroke="#a36a0b"/><text x="${x}" y="${y + 5}" text-anchor="middle" font-size="16" fill="#a36a0b">${SIGN[node.type]}</text></g>`;
    const [fill, stroke] = standing?.overdue.has(name) ? ['#fde3e1', '#b3261e'] : standing?.waiting.has(name) ? ['#fff4c2', '#b07c00'] : standing?.answered.has(name) ? ['#e6f2e1', '#3e7a2e'] : !asksPeople(node) ? ['#f3f4f6', '#5b6470'] : ['#e8eef7', '#27548a'];
    const rows = [node.title[locale], ...text(node), ...extra(name)];
    const row = (content: string, at: number) => `<text x="${x}" y="${(y - height / 2 + SIZE.padding + SIZE.line * (at + 1) - 4).toFixed(1)}" text-anchor="middle"${at === 0 ? ' font-weight="600"' : ' fill="#3a424d" font-size="11"'}>${xmlText(fits(content, at === 0 ? 32 : 40))}</text>`;
    return `<g><title>${xmlText([`${name}: ${rows[0]}`, ...rows.slice(1)].join('\n'))}</title><rect x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="${asksPeople(node) ? 7 : 0}" fill="${fill}" stroke="${stroke}"${standing?.waiting.has(name) ? ' stroke-width="2.4"' : ''}/>${rows.map(row).join('')}</g>`;
  });
  const size = graph.graph() as { width: number; height: number };
  const [width, height] = [Math.ceil(Math.max(size.width, 300) + SIZE.margin * 2), Math.ceil(size.height + SIZE.margin * 2 + SIZE.heading)];
  const markers = Object.entries(STROKE).map(([kind, stroke]) => `<marker id="arrow-${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${stroke}"/></marker>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12.5" role="img" aria-label="${xmlText(title)}"><rect width="100%" height="100%" fill="#fbfcfe"/><defs>${markers.join('')}</defs><text x="${SIZE.margin}" y="${SIZE.margin + 8}" font-size="15" font-weight="600">${xmlText(title)}</text><g transform="translate(${SIZE.margin} ${SIZE.margin + SIZE.heading})">${lines.join('')}${boxes.join('')}</g></svg>\n`;
}
