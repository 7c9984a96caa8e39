import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, uuid } from '../../http';
import { code, properties, resourceAsked } from './permissions.dto';

export class ExplainInput extends createZodDto(
  z
    .strictObject({ permission: code, personId: uuid.optional().meta({ description: 'Whom to ask about; yourself where left out' }), resource: resourceAsked.optional(), context: properties, subject: properties, action: properties })
    .meta({ example: { permission: 'workflow:approve', resource: { type: 'request', unitId: '0190b5a0-0000-7000-8000-000000000001' } } }),
) {}
const step = z.object({
  kind: z.enum(['delegation', 'appointment', 'role_assignment', 'role_inheritance', 'grant']),
  id: uuid,
  text: z.string(),
});
const missing = z.object({
  kind: z.enum(['grant', 'condition', 'deny', 'later']),
  text: z.string(),
  grantId: uuid.nullable().meta({ description: 'The grant whose condition is not met, that denies, or that counts later' }),
  from: instant.nullable().meta({ description: 'When it will be allowed by itself' }),
});
export class Explanation extends createZodDto(
  z.object({
    allowed: z.boolean(),
    version: z.string(),
    text: z.string().meta({ description: 'The answer in a sentence, in the caller’s language' }),
    derivations: z.array(z.object({ effect: z.enum(['allow', 'deny']), steps: z.array(step) })).meta({ description: 'What it rests on, each from the person to the grant; without all of it the answer turns, without anything else it stays' }),
    missing: z.array(missing).meta({ description: 'For a refusal: what is nearest to allowing it' }),
    grantableBy: z.array(z.object({ personId: uuid, name: z.string() })).meta({ description: 'For a refusal, and who may check others: who could change it, twenty at most' }),
    mermaid: z.string().meta({ description: 'The derivations as a Mermaid flowchart' }),
  }),
) {}
export class GraphQuery extends createZodDto(z.strictObject({ personId: uuid.optional() })) {}
