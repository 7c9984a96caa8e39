import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';
import { absence } from './templates/absence';

const state = z.enum(['draft', 'running', 'returned', 'withdrawn', 'completed', 'rejected']);
const form = z.record(z.string().max(100), z.unknown()).refine((value) => JSON.stringify(value).length <= 65_536, 'at most 64 KiB');
const exampleForm = { amount: '250000', currency: 'IDR', description: 'Bus tickets to the regional olympiad', route: 'administration' };
const comment = z.string().trim().min(1).max(2_000);
export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}

// Definitions ---------------------------------------------------------------------------------------------------------
const definition = z.object({ id: uuid, key: z.string(), number: z.int(), hash: z.string(), publishedAt: instant, document: z.record(z.string(), z.unknown()) });
export class DefinitionResponse extends createZodDto(definition) {}
export class JsonSchema extends createZodDto(z.record(z.string(), z.unknown())) {}
export class DefinitionCheck extends createZodDto(z.object({ problems: z.array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() })).meta({ description: 'None: it can be published' }) })) {}
export class Flowchart extends createZodDto(z.object({ mermaid: z.string() })) {}
export class TemplateList extends createZodDto(z.object({ items: z.array(z.object({ key: z.string(), title: z.object({ en: z.string(), id: z.string() }), document: z.record(z.string(), z.unknown()) })) })) {}
export class DefinitionPage extends createZodDto(pageOf(definition.omit({ document: true }))) {}
export class ListDefinitionsQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class KeyParam extends createZodDto(z.strictObject({ key: z.string().max(60) })) {}
export class PublishDefinition extends createZodDto(z.strictObject({ document: z.record(z.string(), z.unknown()) }).meta({ example: { document: absence } })) {}

// Instances -----------------------------------------------------------------------------------------------------------
const votes = z.object({ approve: z.int(), reject: z.int(), abstain: z.int(), open: z.int().meta({ description: 'Not cast yet' }) });
const openTask = z.object({ id: uuid, node: z.string(), title: z.string().meta({ description: 'In the caller’s language' }), since: instant, votes: votes.nullable().meta({ description: 'How many people have decided how; null where another system carries it out' }) });
const instance = z.object({
  id: uuid,
  definition: z.object({ id: uuid, key: z.string().meta({ example: 'reimbursement' }) }),
  state,
  initiatorId: uuid,
  unitId: uuid,
  form: z.record(z.string(), z.unknown()),
  round: z.int().meta({ description: 'Submissions so far' }),
  seq: z.int().meta({ description: 'Entries in the history so far' }),
  openTasks: z.array(openTask).meta({ description: 'What it waits for' }),
  createdAt: instant,
  submittedAt: instant.nullable(),
  endedAt: instant.nullable(),
});
export type InstanceView = z.output<typeof instance>;
export class InstanceResponse extends createZodDto(instance) {}
export class InstancePage extends createZodDto(pageOf(instance)) {}
export class ListInstancesQuery extends createZodDto(z.strictObject({ ...pageQuery, state: state.optional(), key: z.string().max(60).optional(), initiatorId: uuid.optional(), unitId: uuid.optional() })) {}
export class CreateInstance extends createZodDto(
  z
    .strictObject({
      definition: z.string().max(60).meta({ description: 'Key; its newest version is used' }),
      form: form.default({}),
      unitId: uuid.optional().meta({ description: 'One of the caller’s own units; needed only by who has several' }),
      submit: z.boolean().default(false).meta({ description: 'false: keep as a draft' }),
    })
    .meta({ example: { definition: 'reimbursement', form: exampleForm, submit: true } }),
) {}
export class PreviewInstance extends createZodDto(
  z.strictObject({ definition: z.string().max(60).meta({ description: 'Key; its newest version is used' }), form: form.default({}), unitId: uuid.optional() }).meta({ example: { definition: 'reimbursement', form: exampleForm } }),
) {}
const foreseen = z.object({
  node: z.string(),
  title: z.string().meta({ description: 'In the caller’s language' }),
  wave: z.int().meta({ description: 'Steps of one wave may wait at the same time; from 1' }),
  state: z.enum(['asked', 'skipped', 'nobody']).meta({ description: 'skipped: gone past, nobody could decide it; nobody: nobody could, and it would not get there' }),
  kind: z.enum(['approval', 'service']),
  strategy: z.string().nullable().meta({ description: 'How several decisions become one; null for what another system carries out', example: 'any' }),
  asked: z.array(z.object({ id: uuid, name: z.string(), why: z.string().meta({ example: 'Heads the unit (Head of science, Science)' }) })),
});
const preview = z.object({ steps: z.array(foreseen), ends: z.boolean().meta({ description: 'Whether it comes to its end, if everybody approves' }) });
export type Preview = z.output<typeof preview>;
export class PreviewResponse extends createZodDto(preview) {}
export class SaveDraft extends createZodDto(z.strictObject({ form, seq: z.int().nonnegative().max(2_147_483_647).meta({ description: 'The seq read; refused when it has changed since' }) }).meta({ example: { form: exampleForm, seq: 0 } })) {}
export class SubmitInstance extends createZodDto(z.strictObject({ form: form.optional().meta({ description: 'Replaces what was filled in' }) }).meta({ example: { form: exampleForm } })) {}
const step = z.string().max(60).optional().meta({ description: 'Node the caller believes to answer; refused when the task is another step' });
export class Withdrawal extends createZodDto(z.strictObject({ comment: comment.optional() }).meta({ example: { comment: 'Filed twice by mistake' } })) {}
export class Remark extends createZodDto(z.strictObject({ comment: comment.optional(), step }).meta({ example: { comment: 'Receipt checked' } })) {}
export class Reason extends createZodDto(z.strictObject({ comment, step }).meta({ example: { comment: 'The receipt is missing' } })) {}
export class SendBack extends createZodDto(
  z.strictObject({ comment, step, to: z.string().max(60).optional().meta({ description: 'The step it goes back to, one of those the definition names; left out, the initiator' }) }).meta({ example: { comment: 'The receipt is missing' } }),
) {}

const taskId = uuid;
const bulkItem = z.discriminatedUnion('verb', [
  z.strictObject({ taskId, verb: z.enum(['approve', 'abstain', 'complete']), comment: comment.optional(), step }),
  z.strictObject({ taskId, verb: z.literal('reject'), comment, step }),
  z.strictObject({ taskId, verb: z.literal('return'), comment, step, to: z.string().max(60).optional() }),
]);
export type BulkItem = z.output<typeof bulkItem>;
export class BulkDecisions extends createZodDto(
  z
    .strictObject({ items: z.array(bulkItem).min(1).max(200).refine((items) => new Set(items.map((each) => each.taskId)).size === items.length, 'each task once') })
    .meta({ example: { items: [{ taskId: '0190b5a0-0000-7000-8000-000000000001', verb: 'approve' }, { taskId: '0190b5a0-0000-7000-8000-000000000002', verb: 'return', comment: 'The receipt is missing' }] } }),
) {}
const bulkResult = z.object({
  taskId,
  status: z.int().meta({ description: 'As of a request of its own', example: 200 }),
  instance: instance.nullable(),
  problem: z.object({ code: z.string().meta({ example: 'WORKFLOW_TASK_CLOSED' }), detail: z.string() }).nullable(),
});
export type BulkResult = z.output<typeof bulkResult>;
export class BulkResults extends createZodDto(z.object({ items: z.array(bulkResult).meta({ description: 'In the order sent' }) })) {}

const historyEntry = z.object({ seq: z.int(), event: z.string().meta({ example: 'approved' }), node: z.string().nullable(), actor: z.string().meta({ example: 'person:0190b5a0-0000-7000-8000-000000000001' }), data: z.record(z.string(), z.unknown()), at: instant });
export class HistoryResponse extends createZodDto(z.object({ items: z.array(historyEntry) })) {}

// Inbox ---------------------------------------------------------------------------------------------------------------
const inboxItem = z.object({
  taskId: uuid,
  instanceId: uuid,
  definition: z.string(),
  node: z.string(),
  title: z.string(),
  why: z.string().meta({ description: 'Why this is the caller’s', example: 'You hold Finance administration (Finance staff, SMA 1)' }),
  initiator: z.object({ id: uuid, name: z.string() }),
  form: z.record(z.string(), z.unknown()),
  since: instant,
});
export type InboxItem = z.output<typeof inboxItem>;
export class InboxPage extends createZodDto(pageOf(inboxItem)) {}
export class InboxQuery extends createZodDto(z.strictObject({ ...pageQuery, definition: z.string().max(60).optional() })) {}
