import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { MAX_PAGE } from '../../http';

// OpenID AuthZEN Authorization API 1.0. Fields it does not name are ignored, as it asks.
/** How many properties one thing may have. */
const MOST_PROPERTIES = 100;
const properties = z
  .record(z.string(), z.unknown())
  .refine((value) => Object.keys(value).length <= MOST_PROPERTIES, `at most ${MOST_PROPERTIES}`)
  .optional();
const name = z.string().min(1).max(200);
const subject = z.object({ type: name.meta({ example: 'person' }), id: name, properties });
const action = z.object({ name: name.meta({ example: 'workflow:approve' }), properties });
const resource = z.object({ type: name.meta({ example: 'request' }), id: name, properties });
const context = properties;

/** One question, whole. */
export const evaluation = z.object({ subject, action, resource, context });
export type Evaluation = z.output<typeof evaluation>;
const example = {
  subject: { type: 'person', id: '0190b5a0-0000-7000-8000-000000000001' },
  action: { name: 'borrow' },
  resource: { type: 'library.book', id: '978-602-03-3295-6', properties: { value: 120_000 } },
};
export class EvaluationInput extends createZodDto(evaluation.meta({ example })) {}
const decision = z.object({ decision: z.boolean(), context: z.record(z.string(), z.unknown()).optional().meta({ description: 'For a refusal, `reason`; for a question that cannot be answered, `error`' }) });
export class EvaluationAnswer extends createZodDto(decision) {}

/** How many questions one request may hold. */
export const MOST_EVALUATIONS = 1_000;
export class EvaluationsInput extends createZodDto(
  z
    .object({
      // Whole or in part: what an evaluation leaves out is taken from here.
      subject: z.unknown().optional(),
      action: z.unknown().optional(),
      resource: z.unknown().optional(),
      context: z.unknown().optional(),
      evaluations: z.array(z.record(z.string(), z.unknown())).max(MOST_EVALUATIONS).optional(),
      options: z.object({ evaluations_semantic: z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit']).optional() }).optional(),
    })
    .meta({ example: { ...example, evaluations: [{}, { action: { name: 'lend' } }], options: { evaluations_semantic: 'execute_all' } } }),
) {}
export class EvaluationsAnswer extends createZodDto(
  z.object({
    decision: z.boolean().optional().meta({ description: 'Where no `evaluations` were sent: the answer to the one question' }),
    context: decision.shape.context,
    evaluations: z.array(decision).optional().meta({ description: 'In the order of the questions; shorter where the first deny or permit ended it' }),
  }),
) {}

const endpoint = z.url();
export class AuthzenMetadata extends createZodDto(
  z.object({ policy_decision_point: endpoint, access_evaluation_endpoint: endpoint, access_evaluations_endpoint: endpoint, search_subject_endpoint: endpoint, search_resource_endpoint: endpoint, search_action_endpoint: endpoint }),
) {}

const page = z
  .object({ token: z.string().max(2_000).optional(), limit: z.number().int().positive().optional() })
  .optional()
  .meta({ description: `\`limit\`: at most ${MAX_PAGE} are given at a time` });
export class SubjectSearchInput extends createZodDto(
  z.object({ subject: z.object({ type: name, id: z.string().optional(), properties }), action, resource, context, page }).meta({ example: { subject: { type: 'person' }, action: { name: 'workflow:approve' }, resource: { type: 'request', id: '0190b5a0-0000-7000-8000-000000000001' } } }),
) {}
export class ResourceSearchInput extends createZodDto(
  z.object({ subject, action, resource: z.object({ type: name, id: z.string().optional(), properties }), context, page }).meta({ example: { subject: example.subject, action: { name: 'workflow:read' }, resource: { type: 'request' } } }),
) {}
export class ActionSearchInput extends createZodDto(z.object({ subject, resource, context, page }).meta({ example: { subject: example.subject, resource: example.resource } })) {}
const pageAnswer = z.object({ next_token: z.string().meta({ description: 'Empty on the last page' }), count: z.int() });
const entity = z.object({ type: z.string(), id: z.string() });
export class EntitySearchAnswer extends createZodDto(z.object({ results: z.array(entity), page: pageAnswer })) {}
export class ActionSearchAnswer extends createZodDto(z.object({ results: z.array(z.object({ name: z.string() })), page: pageAnswer })) {}
