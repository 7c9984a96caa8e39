import type { Actor } from '../../access';
import type { Tx } from '../../platform/database';
import type { WebhooksService } from '../webhooks';
import type { Definition } from './definition';
import type { FailuresService } from './failures.service';
import type { InstanceRow } from './instances.store';
import type { Form } from './transition';

/** The endpoints a definition asks to carry out steps, by the node. */
export function endpointsOf({ nodes }: Definition): Map<string, string> {
  return new Map(Object.entries(nodes).flatMap(([name, node]) => ((node.type === 'service' || node.type === 'undo') && node.call ? [[name, node.call.endpoint] as const] : [])));
}

/** Asks another system to carry out a step that waits. Where there is none of that name, that is on record. */
export async function callStep(
  tx: Tx,
  { webhooks, failures }: { webhooks: WebhooksService; failures: FailuresService },
  actor: Actor,
  row: Pick<InstanceRow, 'id' | 'key' | 'initiator_id' | 'unit_id' | 'form' | 'round'>,
  definition: Definition,
  { id: taskId, node }: { id: string; node: string },
  variables: Form,
): Promise<void> {
  const name = endpointsOf(definition).get(node);
  if (name === undefined) return;
  const of = definition.nodes[node] as Extract<Definition['nodes'][string], { type: 'service' | 'undo' }>;
  const data = { task: { id: taskId, node, title: of.title }, request: { id: row.id, definition: row.key, initiatorId: row.initiator_id, unitId: row.unit_id, round: row.round, form: row.form, variables } };
  const queued = await webhooks.call(tx, name, { subjectId: row.id, type: 'step.called', data, taskId });
  if (queued === null) await failures.report(tx, actor, row.id, { taskId, code: 'no-endpoint', detail: `there is no endpoint ${name}` });
}
