import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant } from '../../http';

const token = z.string().min(1).max(400).meta({ description: 'What stands behind the # of the link', example: '1.AQ' });
const comment = z.string().trim().min(1).max(2_000);
export class ShowMailDecision extends createZodDto(z.strictObject({ token }).meta({ example: { token: '1.AQ' } })) {}
const mailDecision = z
  .strictObject({ token, verb: z.enum(['approve', 'reject']), comment: comment.optional().meta({ description: 'Left out only where it is approved' }) })
  .refine(({ verb, comment: said }) => verb === 'approve' || said !== undefined, { path: ['comment'], error: 'say why it is rejected' })
  .meta({ example: { token: '1.AQ', verb: 'approve' } });
export type MailDecision = z.output<typeof mailDecision>;
export class MakeMailDecision extends createZodDto(mailDecision) {}
const shown = z.object({
  locale: z.enum(['en', 'id']),
  definition: z.string().meta({ example: 'Leave' }),
  step: z.string(),
  initiator: z.string(),
  reader: z.string().meta({ description: 'Whose decision it is' }),
  fields: z.array(z.object({ label: z.string(), value: z.string() })).meta({ description: 'What is filled in' }),
  submittedAt: instant.nullable(),
  dueAt: instant.nullable(),
  link: z.string().nullable().meta({ description: 'The request in the application' }),
});
export type MailDecisionShown = z.output<typeof shown>;
export class MailDecisionShownResponse extends createZodDto(shown) {}
const made = z.object({ verb: z.enum(['approve', 'reject']) });
export type MailDecisionMade = z.output<typeof made>;
export class MailDecisionMadeResponse extends createZodDto(made) {}
