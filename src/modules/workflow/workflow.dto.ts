import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, uuid } from '../../http';
import { fileView } from '../files';
import { absence } from './templates/absence';

const state = z.enum(['draft', 'running', 'returned', 'withdrawn', 'completed', 'rejected', 'suspended', 'cancelled']);
const form = z.record(z.string().max(100), z.unknown()).refine((value) => JSON.stringify(value).length <= 65_536, 'at most 64 KiB');
const exampleForm = { amount: '250000', currency: 'IDR', description: 'Bus tickets to the regional olympiad', route: 'administration' };
const comment = z.string().trim().min(1).max(2_000);
export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}

// Definitions ---------------------------------------------------------------------------------------------------------
const definition = z.object({ id: uuid, key: z.string(), number: z.int(), hash: z.string(), publishedAt: instant, retiredAt: instant.nullable().meta({ description: 'Since when nothing is filed by it any more' }), document: z.record(z.string(), z.unknown()) });
export class DefinitionResponse extends createZodDto(definition) {}
export class JsonSchema extends createZodDto(z.record(z.string(), z.unknown())) {}
const problems = z.array(z.object({ pointer: z.string(), code: z.string(), detail: z.string() })).meta({ description: 'None: it can be published' });
export class DefinitionCheck extends createZodDto(z.object({ problems, warnings: problems.meta({ description: 'Steps that nobody could decide in some units' }) })) {}
export class Flowchart extends createZodDto(z.object({ mermaid: z.string() })) {}
export class TemplateList extends createZodDto(z.object({ items: z.array(z.object({ key: z.string(), title: z.object({ en: z.string(), id: z.string() }), document: z.record(z.string(), z.unknown()) })) })) {}
export class DefinitionPage extends createZodDto(pageOf(definition.omit({ document: true }))) {}
const number = z.coerce.number().int().min(1).max(2_147_483_647);
export class VersionParam extends createZodDto(z.strictObject({ key: z.string().max(60), number })) {}
export class ChangesQuery extends createZodDto(z.strictObject({ from: number.optional().meta({ description: 'Left out: the one before' }), to: number.optional().meta({ description: 'Left out: the newest' }) })) {}
const versionName = z.object({ number: z.int(), hash: z.string() });
const names = z.array(z.string());
export class DefinitionChanges extends createZodDto(
  z.object({
    from: versionName,
    to: versionName,
    nodes: z.object({ added: names, removed: names, changed: names }),
    changes: z.array(z.object({ pointer: z.string().meta({ example: '#/nodes/head/candidates/0' }), change: z.enum(['added', 'removed', 'changed']), before: z.unknown(), after: z.unknown() })),
  }),
) {}
const draftSummary = { key: z.string(), version: z.int(), savedBy: z.string().meta({ example: 'person:0190b5a0-0000-7000-8000-000000000001' }), savedAt: instant };
export class DraftPage extends createZodDto(pageOf(z.object(draftSummary))) {}
export class DraftResponse extends createZodDto(z.object({ ...draftSummary, document: z.record(z.string(), z.unknown()), problems })) {}
export class SaveDefinitionDraft extends createZodDto(z.strictObject({ document: z.record(z.string(), z.unknown()).meta({ description: 'Need not be valid yet' }) }).meta({ example: { document: absence } })) {}
export class ListDefinitionsQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class KeyParam extends createZodDto(z.strictObject({ key: z.string().max(60) })) {}
const anyway = z.boolean().default(false).meta({ description: 'Though the organization has nobody for some step' });
export class PublishDefinition extends createZodDto(z.strictObject({ document: z.record(z.string(), z.unknown()), anyway }).meta({ example: { document: absence } })) {}
export class CheckDefinition extends createZodDto(z.strictObject({ document: z.record(z.string(), z.unknown()) }).meta({ example: { document: absence } })) {}
export class PublishDraft extends createZodDto(z.strictObject({ anyway }).meta({ example: { anyway: false } })) {}

// Instances -----------------------------------------------------------------------------------------------------------
const votes = z.object({ approve: z.int(), reject: z.int(), abstain: z.int(), open: z.int().meta({ description: 'Not cast yet' }) });
const openTask = z.object({ id: uuid, node: z.string(), title: z.string().meta({ description: 'In the caller’s language' }), since: instant, dueAt: instant.nullable().meta({ description: 'By when it is to be decided, where the definition says' }), overdue: z.boolean(), claimedBy: uuid.nullable().meta({ description: 'Who has taken it on; nobody else answers it meanwhile' }), awaitsInformation: z.boolean().meta({ description: 'Whether whoever filed it is asked for information' }), votes: votes.nullable().meta({ description: 'How many people have decided how; null where another system carries it out' }) });
const instance = z.object({
  id: uuid,
  definition: z.object({ id: uuid, key: z.string().meta({ example: 'reimbursement' }) }),
  state,
  initiatorId: uuid,
  unitId: uuid,
  partOf: z.object({ instanceId: uuid, taskId: uuid }).nullable().meta({ description: 'The step of another request that has filed it' }),
  form: z.record(z.string(), z.unknown()),
  variables: z.record(z.string(), z.unknown()).meta({ description: 'What was computed of the form, and what was filled in at its steps, by the names the definition gives it', example: { total: 250000 } }),
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
const criteria = {
  state: state.optional(),
  key: z.string().max(60).optional().meta({ description: 'Of this kind' }),
  initiatorId: uuid.optional(),
  unitId: uuid.optional(),
  partOf: uuid.optional().meta({ description: 'Filed by a step of this request' }),
  q: z.string().trim().min(2).max(100).optional().meta({ description: 'In what was filled in, or the name of whoever filed it' }),
  submittedFrom: instant.optional(),
  submittedUntil: instant.optional(),
};
export class ListInstancesQuery extends createZodDto(z.strictObject({ ...pageQuery, ...criteria })) {}
const exportQuery = z.strictObject(criteria);
export class ExportInstancesQuery extends createZodDto(exportQuery) {}
export type RequestCriteria = z.output<typeof exportQuery>;
export class CreateInstance extends createZodDto(
  z
    .strictObject({
      definition: z.string().max(60).meta({ description: 'Key; its newest version is used' }),
      form: form.default({}),
      unitId: uuid.optional().meta({ description: 'One of the caller’s own units; needed only by who has several' }),
      files: z.array(uuid).max(20).default([]).meta({ description: 'Files of the caller’s (`POST /files`) to attach' }),
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
  state: z.enum(['asked', 'skipped', 'nobody']).meta({ description: 'skipped: gone past, nobody could decide it, or those asked have approved already; nobody: nobody could, and it would not get there' }),
  kind: z.enum(['approval', 'task', 'service', 'subworkflow', 'message', 'timer', 'compensate', 'undo']),
  strategy: z.string().nullable().meta({ description: 'How several decisions become one; null for what another system carries out', example: 'any' }),
  dueAt: instant.nullable().meta({ description: 'By when at the latest, if everybody keeps to the times the definition gives them; null where it gives none, and after that' }),
  asked: z.array(z.object({ id: uuid, name: z.string(), why: z.string().meta({ example: 'Heads the unit (Head of science, Science)' }) })),
});
const leaveAsked = z.object({ kind: z.string().meta({ example: 'Annual leave' }), year: z.int(), days: z.int().meta({ description: 'Working days it asks for' }), remaining: z.number().meta({ description: 'As it stands, days of requests already filed taken off' }) });
export type LeaveAsked = z.output<typeof leaveAsked>;
export class LeaveAskedResponse extends createZodDto(z.object({ items: z.array(leaveAsked).meta({ description: 'By year; none where its leave is not counted' }) })) {}
const preview = z.object({ steps: z.array(foreseen), ends: z.boolean().meta({ description: 'Whether it comes to its end, if everybody approves' }), leave: z.array(leaveAsked).meta({ description: 'Days of leave it asks for, where they are counted' }) });
export type Preview = z.output<typeof preview>;
export class PreviewResponse extends createZodDto(preview) {}
export class SaveDraft extends createZodDto(z.strictObject({ form, seq: z.int().nonnegative().max(2_147_483_647).meta({ description: 'The seq read; refused when it has changed since' }) }).meta({ example: { form: exampleForm, seq: 0 } })) {}
export class SubmitInstance extends createZodDto(z.strictObject({ form: form.optional().meta({ description: 'Replaces what was filled in' }) }).meta({ example: { form: exampleForm } })) {}
const step = z.string().max(60).optional().meta({ description: 'Node the caller believes to answer; refused when the task is another step' });
export class Withdrawal extends createZodDto(z.strictObject({ comment: comment.optional() }).meta({ example: { comment: 'Filed twice by mistake' } })) {}
export class Remark extends createZodDto(z.strictObject({ comment: comment.optional(), step }).meta({ example: { comment: 'Receipt checked' } })) {}
const answer = form.optional().meta({ description: 'What the definition asks for at this step, where it does' });
export class Answered extends createZodDto(z.strictObject({ comment: comment.optional(), step, form: answer }).meta({ example: { comment: 'Receipt checked' } })) {}
export class Reason extends createZodDto(z.strictObject({ comment, step }).meta({ example: { comment: 'The receipt is missing' } })) {}
export class Failed extends createZodDto(z.strictObject({ code: z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,59}$/).meta({ description: 'What went wrong, as the definition names it' }), comment }).meta({ example: { code: 'account-closed', comment: 'The bank refused the transfer' } })) {}
export class SendBack extends createZodDto(
  z.strictObject({ comment, step, to: z.string().max(60).optional().meta({ description: 'The step it goes back to, one of those the definition names; left out, the initiator' }) }).meta({ example: { comment: 'The receipt is missing' } }),
) {}

const taskId = uuid;
const bulkItem = z.discriminatedUnion('verb', [
  z.strictObject({ taskId, verb: z.enum(['approve', 'complete']), comment: comment.optional(), step, form: answer }),
  z.strictObject({ taskId, verb: z.literal('abstain'), comment: comment.optional(), step }),
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

// Handling -------------------------------------------------------------------------------------------------------------
const person = uuid.meta({ description: 'A person' });
const examplePerson = '0190b5a0-0000-7000-8000-000000000001';
export class Explanation extends createZodDto(z.strictObject({ comment }).meta({ example: { comment: 'Which account is it to be paid to?' } })) {}
const handOver = z.strictObject({ to: person, from: person.optional().meta({ description: 'Whose part it is; only for who administers requests. Left out, the caller’s own' }), comment: comment.optional() }).meta({ example: { to: examplePerson, comment: 'You know this better' } });
export class HandOverInput extends createZodDto(handOver) {}
export type HandOver = z.output<typeof handOver>;
const handOn = z.strictObject({ to: person, comment: comment.optional() }).meta({ example: { to: examplePerson } });
export class HandOnInput extends createZodDto(handOn) {}
export type HandOn = z.output<typeof handOn>;
const namePerson = z.strictObject({ person, comment: comment.optional() }).meta({ example: { person: examplePerson } });
export class NamePersonInput extends createZodDto(namePerson) {}
export type NamePerson = z.output<typeof namePerson>;
const addSigner = z
  .strictObject({ person, place: z.enum(['next', 'last']).default('last').meta({ description: 'Where people decide one after the other: after whose turn it is, or after all' }), weight: z.int().min(1).max(100).default(1), comment: comment.optional() })
  .meta({ example: { person: examplePerson, place: 'next' } });
export class AddSignerInput extends createZodDto(addSigner) {}
export type AddSigner = z.output<typeof addSigner>;
export class CopyIn extends createZodDto(z.strictObject({ person }).meta({ example: { person: examplePerson } })) {}
export class WatcherParam extends createZodDto(z.strictObject({ id: uuid, person })) {}
export class CopiedIn extends createZodDto(z.object({ id: uuid })) {}
const named = { id: uuid, name: z.string() };
export class PeopleResponse extends createZodDto(
  z.object({
    tasks: z.array(
      z.object({
        taskId: uuid,
        node: z.string(),
        title: z.string(),
        asked: z.array(z.object({ ...named, why: z.string().meta({ example: 'Heads the unit (Head of science, Science)' }), inThePlaceOf: z.object(named).nullable(), answered: z.boolean() })),
      }),
    ),
    watchers: z.array(z.object({ ...named, addedBy: z.string(), since: instant })),
  }),
) {}
const commentView = z.object({ id: uuid, by: z.string().meta({ example: `person:${examplePerson}` }), body: z.string(), files: z.array(fileView), at: instant });
export class CommentResponse extends createZodDto(commentView) {}
export class CommentPage extends createZodDto(pageOf(commentView)) {}
export class ListCommentsQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class AttachmentsResponse extends createZodDto(z.object({ items: z.array(fileView) })) {}
export class AttachmentResponse extends createZodDto(fileView) {}
export class Attach extends createZodDto(z.strictObject({ file: uuid.meta({ description: 'One of the caller’s own, sent by `POST /files`' }) }).meta({ example: { file: '0190b5a0-0000-7000-8000-000000000001' } })) {}
export class AttachmentParam extends createZodDto(z.strictObject({ id: uuid, file: uuid })) {}
export class WriteComment extends createZodDto(z.strictObject({ body: comment, files: z.array(uuid).max(10).default([]).meta({ description: 'Files of the caller’s (`POST /files`) to attach with it' }) }).meta({ example: { body: 'The receipts are in the folder on my desk' } })) {}

const substitute = z
  .strictObject({ personId: person.optional().meta({ description: 'Who is away; left out, the caller' }), substituteId: person, from: instant.optional().meta({ description: 'Left out: from now on' }), until: instant.meta({ description: 'The first instant at which they are back' }) })
  .meta({ example: { substituteId: examplePerson, until: '2027-01-04T00:00:00Z' } });
export class SubstituteInput extends createZodDto(substitute) {}
export type Substitute = z.output<typeof substitute>;
const substitution = z.object({ id: uuid, person: z.object(named), substitute: z.object(named), from: instant, until: instant, instanceId: uuid.nullable().meta({ description: 'The request for leave it came of' }) });
export type SubstitutionView = z.output<typeof substitution>;
export class SubstitutionResponse extends createZodDto(substitution) {}
export class SubstitutionPage extends createZodDto(pageOf(substitution)) {}
const listSubstitutions = z.strictObject({ ...pageQuery, of: z.enum(['me', 'everybody']).default('me'), personId: person.optional() });
export class ListSubstitutions extends createZodDto(listSubstitutions) {}
export type ListSubstitutionsQuery = z.output<typeof listSubstitutions>;

const counted = { open: z.int(), answered: z.int(), sentBack: z.int(), overdue: z.int().meta({ description: 'Not decided by when it was to be' }) };
const hours = { medianHours: z.number().nullable().meta({ example: 21.6 }), p90Hours: z.number().nullable().meta({ description: 'Nine in ten took no longer', example: 144 }) };
const statistics = z.object({
  requests: z.array(z.object({ key: z.string(), title: z.string(), filed: z.int(), running: z.int(), completed: z.int(), rejected: z.int(), withdrawn: z.int(), cancelled: z.int(), sentBack: z.int().meta({ description: 'Requests that were sent back at least once' }), ...hours })),
  steps: z.array(z.object({ key: z.string(), node: z.string(), title: z.string(), ...counted, ...hours })).meta({ description: 'The slowest first' }),
});
export type Statistics = z.output<typeof statistics>;
export class StatisticsResponse extends createZodDto(statistics) {}
const statisticsQuery = z.strictObject({ key: z.string().max(60).optional(), from: instant.meta({ description: 'Submitted last from then on' }), until: instant.optional().meta({ description: 'And before; left out: now' }) });
export class StatisticsQuery extends createZodDto(statisticsQuery) {}
export type StatisticsQueryInput = z.output<typeof statisticsQuery>;

const incident = z.object({
  id: uuid,
  instanceId: uuid,
  definition: z.string(),
  node: z.string(),
  title: z.string(),
  kind: z.enum(['timer', 'message', 'failure']).meta({ description: 'A time that has come, a message that has, or what another system or a person ran into' }),
  boundary: z.int().nullable().meta({ description: 'Which boundary of the step, by its number; null for the step itself' }),
  since: instant,
  attempts: z.int(),
  problem: z.string().meta({ example: 'WORKFLOW_NO_CANDIDATE: Nobody can decide the step "Head of the unit" for this request; ask an administrator to fill the position.' }),
  nextTryAt: instant.nullable().meta({ description: 'null: it is not tried again by itself' }),
});
export class IncidentPage extends createZodDto(pageOf(incident)) {}
export class ListIncidentsQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class IncidentRetried extends createZodDto(z.object({ id: uuid })) {}

const historyEntry = z.object({ seq: z.int(), event: z.string().meta({ example: 'approved' }), node: z.string().nullable(), actor: z.string().meta({ example: 'person:0190b5a0-0000-7000-8000-000000000001' }), data: z.record(z.string(), z.unknown()), at: instant });
export class HistoryResponse extends createZodDto(z.object({ items: z.array(historyEntry) })) {}

const somebody = z.object({ id: uuid, name: z.string() });
const timelineEntry = z.object({
  at: instant,
  event: z.string().meta({ description: 'As in the history, or `commented`, `attached`', example: 'approved' }),
  text: z.string().meta({ description: 'A sentence in the caller’s language', example: 'Joko Widodo approved “Head of the unit”' }),
  by: somebody.nullable().meta({ description: 'null where Gloria or another system did it' }),
  inThePlaceOf: z.array(somebody),
  step: z.object({ node: z.string(), title: z.string() }).nullable(),
  comment: z.string().nullable(),
  file: somebody.nullable(),
  opened: z.array(z.object({ taskId: uuid, node: z.string(), title: z.string(), asked: z.array(somebody) })).meta({ description: 'The steps that waited from then on, and for whom' }),
});
export class TimelineResponse extends createZodDto(z.object({ title: z.string().meta({ description: 'What kind of request it is' }), items: z.array(timelineEntry) })) {}

// Inbox ---------------------------------------------------------------------------------------------------------------
const inboxItem = z.object({
  taskId: uuid,
  instanceId: uuid,
  definition: z.string(),
  node: z.string(),
  title: z.string(),
  why: z.string().meta({ description: 'Why this is the caller’s', example: 'You hold Finance administration (Finance staff, SMA 1)' }),
  claimed: z.boolean().meta({ description: 'Whether the caller has taken it on' }),
  awaitsInformation: z.boolean().meta({ description: 'Whether whoever filed it is asked for information' }),
  initiator: z.object({ id: uuid, name: z.string() }),
  form: z.record(z.string(), z.unknown()),
  since: instant,
  dueAt: instant.nullable().meta({ description: 'By when it is to be decided, where the definition says' }),
  overdue: z.boolean(),
});
export type InboxItem = z.output<typeof inboxItem>;
export class InboxPage extends createZodDto(pageOf(inboxItem)) {}
export class InboxQuery extends createZodDto(z.strictObject({ ...pageQuery, definition: z.string().max(60).optional() })) {}
