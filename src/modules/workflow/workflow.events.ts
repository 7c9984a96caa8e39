import type { AuditEvent } from '../audit';
import type { Delta, Marking, WorkflowEvent } from './reducer';

type Json = NonNullable<AuditEvent['after']>[string];

export const draftSaved = (instanceId: string, facts: { definition: string; created: boolean }): AuditEvent => ({
  action: facts.created ? 'workflow.drafted' : 'workflow.draft_changed',
  target: { type: 'workflow_instance', id: instanceId },
  after: { definition: facts.definition },
});

/** submitted, approved, returned … with where the request stood before and after; what was filled in is not repeated. */
export const transitioned = (instanceId: string, before: Marking, { next, history }: Delta, { event, seq, inSteadOf }: { event: WorkflowEvent; seq: number; inSteadOf: string[] }): AuditEvent => ({
  action: `workflow.${history}`,
  target: { type: 'workflow_instance', id: instanceId },
  before: standing(before),
  after: {
    ...standing(next),
    seq,
    taskId: 'task' in event ? event.task : null,
    ...(history === 'voted' ? { vote: event.type } : {}),
    ...(event.type === 'return' && event.to !== null ? { to: event.to } : {}),
    ...(inSteadOf.length > 0 ? { inSteadOf } : {}),
  },
});

const standing = ({ state, round, tasks }: Marking): Record<string, Json> => ({ state, round, waiting: tasks.map(({ node }) => node) });

export const definitionPublished = (row: { id: string; key: string; number: number; hash: string }): AuditEvent => ({
  action: 'workflow_definition.published',
  target: { type: 'workflow_definition', id: row.id },
  after: { key: row.key, number: row.number, hash: row.hash },
});
