import type { Actor } from '../../access';
import type { Tx } from '../../platform/database';
import type { WebhooksService } from '../webhooks';
import { carriedOutElsewhere, type Definition, type Node } from './definition';
import type { FailuresService } from './failures.service';
import type { InstanceRow } from './instances.store';
import type { Form } from './transition';

/** The endpoint asked to carry out a step, if one is. */
export const endpointOf = (node: Node | undefined): string | undefined => (carriedOutElsewhere(node) ? node.call?.endpoint : undefined);

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
  const of = definition.nodes[node];
  const name = endpointOf(of);
  if (!carriedOutElsewhere(of) || name === undefined) return;
  const data = { task: { id: taskId, node, title: of.title }, request: { id: row.id, definition: row.key, initiatorId: row.initiator_id, unitId: row.unit_id, round: row.round, form: row.form, variables } };
  const queued = await webhooks.call(tx, name, { subjectId: row.id, type: 'step.called', data, taskId });
  if (queued === null) await failures.report(tx, actor, row.id, { taskId, code: 'no-endpoint', detail: `there is no endpoint ${name}` });
}
