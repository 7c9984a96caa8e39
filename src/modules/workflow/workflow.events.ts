import type { AuditEvent } from '../audit';
import type { Delta, Marking } from './reducer';

type Json = NonNullable<AuditEvent['after']>[string];

export const draftSaved = (instanceId: string, facts: { definition: string; created: boolean }): AuditEvent => ({
  action: facts.created ? 'workflow.drafted' : 'workflow.draft_changed',
  target: { type: 'workflow_instance', id: instanceId },
  after: { definition: facts.definition },
});

/** submitted, approved, returned … with where the request stood before and after; what was filled in is not repeated. */
export const transitioned = (instanceId: string, before: Marking, delta: Delta, facts: { taskId: string | null; seq: number; inSteadOf: string[] }): AuditEvent => ({
  action: `workflow.${delta.history}`,
  target: { type: 'workflow_instance', id: instanceId },
  before: { ...before } as Record<string, Json>,
  after: { ...delta.next, seq: facts.seq, taskId: facts.taskId, ...(facts.inSteadOf.length > 0 ? { inSteadOf: facts.inSteadOf } : {}) },
});

export const definitionPublished = (row: { id: string; key: string; number: number; hash: string }): AuditEvent => ({
  action: 'workflow_definition.published',
  target: { type: 'workflow_definition', id: row.id },
  after: { key: row.key, number: row.number, hash: row.hash },
});
