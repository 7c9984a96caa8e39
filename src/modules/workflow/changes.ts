import { createPatch, Pointer } from 'rfc6902';
import type { Definition } from './definition';

export interface Change {
  /** JSON Pointer into the document. */
  pointer: string;
  change: 'added' | 'removed' | 'changed';
  before: unknown;
  after: unknown;
}

export interface Changes {
  /** Nodes, in the order of their names. */
  nodes: { added: string[]; removed: string[]; changed: string[] };
  changes: Change[];
}

const KINDS = { add: 'added', remove: 'removed', replace: 'changed' } as const;

/** What has to be done to one document to make it another (RFC 6902), with what was there before; and which nodes that touches. */
export function changesBetween(before: Definition, after: Definition): Changes {
  const known = new Set([...Object.keys(before.nodes), ...Object.keys(after.nodes)]);
  const changes = createPatch(before, after).map(({ op, path, ...rest }): Change => {
    const kind = KINDS[op as keyof typeof KINDS];
    return {
      pointer: `#${path}`,
      change: kind,
      // Where a list has moved on meanwhile there may be nothing.
      before: kind === 'added' ? null : ((Pointer.fromJSON(path).get(before) as unknown) ?? null),
      after: 'value' in rest ? rest.value : null,
    };
  });
  const nodes: Changes['nodes'] = { added: [], removed: [], changed: [] };
  for (const name of [...known].sort()) {
    if (!Object.hasOwn(before.nodes, name)) nodes.added.push(name);
    else if (!Object.hasOwn(after.nodes, name)) nodes.removed.push(name);
    else if (changes.some(({ pointer }) => pointer.startsWith(`#/nodes/${name}/`) || pointer === `#/nodes/${name}`)) nodes.changed.push(name);
  }
  return { nodes, changes };
}
