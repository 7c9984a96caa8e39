import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { pageOf, pageQuery, uuid } from '../../http';
import { code, kind, properties, resourceAsked } from './permissions.dto';

const page = { limit: pageQuery.limit, cursor: pageQuery.cursor };
const who = uuid.optional().meta({ description: 'Whom to ask about; yourself where left out' });
const given = { context: properties, subject: properties, action: properties };

export class ListResourcesInput extends createZodDto(
  z.strictObject({ permission: code, type: kind, personId: who, ...given, ...page }).meta({ example: { permission: 'workflow:approve', type: 'request' } }),
) {}
export class ResourceIdPage extends createZodDto(pageOf(z.object({ id: z.string() }))) {}
export class ListSubjectsInput extends createZodDto(
  z.strictObject({ permission: code, resource: resourceAsked.optional(), ...given, ...page }).meta({ example: { permission: 'workflow:approve', resource: { type: 'request', unitId: '0190b5a0-0000-7000-8000-000000000001' } } }),
) {}
export class SubjectIdPage extends createZodDto(pageOf(z.object({ personId: z.string() }))) {}
export class ListActionsInput extends createZodDto(
  z.strictObject({ personId: who, resource: resourceAsked.optional(), ...given, ...page }).meta({ example: { resource: { type: 'request', id: '0190b5a0-0000-7000-8000-000000000001' } } }),
) {}
export class ActionPage extends createZodDto(pageOf(z.object({ permission: z.string() }))) {}
