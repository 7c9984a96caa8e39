import type { AuditEvent } from '../audit';
import type { Delta, Marking, WorkflowEvent } from './transition';

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
    ...('part' in event && event.part && PASSES.has(event.type) ? { part: event.part.of } : {}),
    ...(event.type === 'transfer' || event.type === 'delegate' ? { handedTo: event.to } : {}),
    ...(event.type === 'undelegate' ? { from: event.from } : {}),
    ...(inSteadOf.length > 0 ? { inSteadOf } : {}),
  },
});

/** What is done to parts of others. */
const PASSES: ReadonlySet<string> = new Set(['transfer', 'delegate', 'undelegate', 'add-signer', 'remove-signer']);

const standing = ({ state, round, tasks }: Marking): Record<string, Json> => ({ state, round, waiting: tasks.map(({ node }) => node) });

export const definitionPublished = (row: { id: string; key: string; number: number; hash: string }): AuditEvent => ({
  action: 'workflow_definition.published',
  target: { type: 'workflow_definition', id: row.id },
  after: { key: row.key, number: row.number, hash: row.hash },
});

export const draftOfDefinition = (what: 'saved' | 'deleted', row: { id: string; key: string; version: number }): AuditEvent => ({
  action: `workflow_draft.${what}`,
  target: { type: 'workflow_draft', id: row.id },
  after: { key: row.key, version: row.version },
});

export const definitionRetired = (what: 'retired' | 'restored', row: { id: string; key: string }): AuditEvent => ({
  action: `workflow_definition.${what}`,
  target: { type: 'workflow_retirement', id: row.id },
  after: { key: row.key },
});

export const substituted = (what: 'begun' | 'ended', row: { id: string; personId: string; substituteId: string; validFrom: Date; validUntil: Date; instanceId: string | null }): AuditEvent => ({
  action: `workflow_substitution.${what}`,
  target: { type: 'workflow_substitution', id: row.id },
  after: { personId: row.personId, substituteId: row.substituteId, validFrom: row.validFrom.toISOString(), validUntil: row.validUntil.toISOString(), instanceId: row.instanceId },
});

export const commented = (instanceId: string, commentId: string): AuditEvent => ({ action: 'workflow.commented', target: { type: 'workflow_instance', id: instanceId }, after: { commentId } });

export const attached = (instanceId: string, fileId: string, added: boolean): AuditEvent => ({
  action: added ? 'workflow.attached' : 'workflow.detached',
  target: { type: 'workflow_instance', id: instanceId },
  [added ? 'after' : 'before']: { fileId },
});

export const copiedIn = (instanceId: string, personId: string, added: boolean): AuditEvent => ({
  action: added ? 'workflow.copied_in' : 'workflow.copied_out',
  target: { type: 'workflow_instance', id: instanceId },
  after: { personId },
});

export const nudged = (instanceId: string, taskId: string): AuditEvent => ({ action: 'workflow.nudged', target: { type: 'workflow_instance', id: instanceId }, after: { taskId } });

export const exported = (filters: Readonly<Record<string, string | undefined>>): AuditEvent => ({ action: 'workflow.exported', target: { type: 'route', id: 'GET /api/v1/workflow/instances/export.csv' }, after: { ...filters } });

export const messageSent = (id: string, { name, key, messageId }: { name: string; key: string; messageId?: string | undefined }): AuditEvent => ({ action: 'workflow_message.sent', target: { type: 'workflow_message', id }, after: { name, key, messageId: messageId ?? null } });

export const messageDiscarded = (id: string, { name, key }: { name: string; key: string }): AuditEvent => ({ action: 'workflow_message.discarded', target: { type: 'workflow_message', id }, before: { name, key } });

export const stepFailed = (instanceId: string, facts: { taskId: string; code: string; detail: string }): AuditEvent => ({ action: 'workflow.step_failure_reported', target: { type: 'workflow_instance', id: instanceId }, after: facts });

export const incidentRetried = (instanceId: string, facts: { kind: 'timer' | 'message' | 'failure'; id: string }): AuditEvent => ({ action: 'workflow.incident_retried', target: { type: 'workflow_instance', id: instanceId }, after: facts });
