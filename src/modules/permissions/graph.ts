import { mermaidLabel, xmlText } from '../../http';

/** One thing in a picture of what somebody holds, in a column from the left. */
export interface GraphNode {
  id: string;
  column: number;
  title: string;
  lines: readonly string[];
  kind: 'person' | 'post' | 'role' | 'grants' | 'denies';
}

export interface Graph {
  nodes: readonly GraphNode[];
  edges: readonly { from: string; to: string; label?: string }[];
}

/** Derivations as a Mermaid flowchart, from the person to each grant; a step that several share is drawn once. */
export function flowchart(person: string, derivations: readonly { effect: string; steps: readonly { id: string; text: string }[] }[]): string {
  const lines = new Set([`  person([${mermaidLabel(person)}])`]);
  derivations.forEach(({ effect, steps }) => {
    let before = 'person';
    for (const { id, text } of steps) {
      const node = `n${id.replaceAll('-', '')}`;
      lines.add(`  ${node}[${mermaidLabel(text)}]`);
      lines.add(`  ${before} --> ${node}`);
      before = node;
    }
    if (effect === 'deny') lines.add(`  style ${before} stroke:#b3261e,stroke-width:3px`);
  });
  return ['flowchart LR', ...lines].join('\n');
}

const COLOURS: Record<GraphNode['kind'], readonly [fill: string, stroke: string]> = {
  person: ['#e8eef7', '#27548a'], post: ['#eef6ea', '#3e7a2e'], role: ['#fdf3e1', '#a36a0b'], grants: ['#ffffff', '#5b6470'], denies: ['#fdecea', '#b3261e'],
};
const BOX = { width: 250, line: 16, padding: 9, gapX: 70, gapY: 14, margin: 20 };

/** A graph as SVG: columns from the left, boxes one below the other, edges as curves. Nothing in it is executed or fetched. */
export function svgOf({ nodes, edges }: Graph, title: string): string {
  const height = ({ lines }: GraphNode) => BOX.padding * 2 + BOX.line * (1 + lines.length);
  const places = new Map<string, { x: number; y: number; h: number }>();
  const bottoms: number[] = [];
  for (const node of nodes) {
    const y = bottoms[node.column] ?? BOX.margin + 30;
    places.set(node.id, { x: BOX.margin + node.column * (BOX.width + BOX.gapX), y, h: height(node) });
    bottoms[node.column] = y + height(node) + BOX.gapY;
  }
  const [width, full] = [BOX.margin * 2 + bottoms.length * BOX.width + Math.max(0, bottoms.length - 1) * BOX.gapX, Math.max(...bottoms.filter(Boolean), 80) + BOX.margin];
  const curves = edges.map(({ from, to, label }) => {
    const [a, b] = [places.get(from)!, places.get(to)!];
    const [x1, y1, y2] = [a.x + BOX.width, a.y + a.h / 2, b.y + b.h / 2];
    // Within a column, from below to above; else from right to left.
    const path = a.x === b.x ? `M${a.x + 20} ${a.y + a.h} V${b.y}` : `M${x1} ${y1} C${x1 + BOX.gapX / 2} ${y1} ${b.x - BOX.gapX / 2} ${y2} ${b.x} ${y2}`;
    return `<path d="${path}" fill="none" stroke="#8a94a3" stroke-width="1.4" marker-end="url(#arrow)"/>${label ? `<text x="${(x1 + b.x) / 2}" y="${(y1 + y2) / 2 - 5}" text-anchor="middle" fill="#5b6470" font-size="11">${xmlText(label)}</text>` : ''}`;
  });
  const fits = (text: string) => (text.length > 38 ? `${text.slice(0, 37)}…` : text);
  const boxes = nodes.map(({ id, title: heading, lines, kind }) => {
    const { x, y, h } = places.get(id)!;
    const [fill, stroke] = COLOURS[kind];
    const row = (text: string, index: number) => `<text x="${x + BOX.padding + 2}" y="${y + BOX.padding + BOX.line * (index + 1) - 4}"${index === 0 ? ' font-weight="600"' : ' fill="#3a424d"'}>${xmlText(fits(text))}</text>`;
    return `<g><title>${xmlText([heading, ...lines].join('\n'))}</title><rect x="${x}" y="${y}" width="${BOX.width}" height="${h}" rx="6" fill="${fill}" stroke="${stroke}"/>${[heading, ...lines].map(row).join('')}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${full}" width="${width}" height="${full}" font-family="system-ui, sans-serif" font-size="12.5" role="img" aria-label="${xmlText(title)}"><rect width="100%" height="100%" fill="#fbfcfe"/><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8a94a3"/></marker></defs><text x="${BOX.margin}" y="${BOX.margin + 6}" font-size="15" font-weight="600">${xmlText(title)}</text>${curves.join('')}${boxes.join('')}</svg>\n`;
}
