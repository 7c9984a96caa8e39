import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant } from '../../http';
import { CreateResourceType, RegisterPermission } from './resource-types.dto';
import { code, CreateGrant, CreateRole, CreateSodSet, scope } from './permissions.dto';

/** Most entries of one section: a document is one request. */
const MOST = 5_000;
const name = z.string().min(1).max(200);
const validity = { validFrom: instant.optional(), validUntil: instant.optional() };
const reason = z.string().trim().max(500).optional();
const subject = z.union([z.strictObject({ everyone: z.literal(true) }), z.strictObject({ role: name }), z.strictObject({ position: name }), z.strictObject({ person: name })]);

/** Authorization by names: codes of units, positions and roles, and employee numbers. What is left out is not there. */
const documentBody = z
  .strictObject({
    format: z.literal('gloria-authorization-1'),
    resourceTypes: z.array(CreateResourceType.schema).max(MOST).default([]),
    permissions: z.array(RegisterPermission.schema).max(MOST).default([]),
    roles: z.array(z.strictObject({ code: CreateRole.schema.shape.code, name: CreateRole.schema.shape.name, juniors: z.array(name).max(50).default([]) })).max(MOST).default([]),
    grants: z
      .array(
        z.strictObject({
          permission: code,
          effect: z.enum(['allow', 'deny']).default('allow'),
          scope,
          node: name.optional().meta({ description: 'Code of the unit, for scope node' }),
          subject: subject.meta({ description: 'Everyone, a role or position by its code, a person by employee number' }),
          kind: z.string().max(120).optional().meta({ description: 'The kind of rows it is for; all where left out' }),
          condition: CreateGrant.schema.shape.condition,
          ...validity,
          reason,
        }),
      )
      .max(MOST)
      .default([]),
    roleAssignments: z.array(z.strictObject({ role: name, position: name.optional(), person: name.optional(), ...validity, reason })).max(MOST).default([]),
    separationOfDuty: z.array(z.strictObject({ kind: z.enum(['static', 'dynamic']), name: CreateSodSet.schema.shape.name, cardinality: z.int().min(2).max(50), members: z.array(name).min(2).max(50) })).max(MOST).default([]),
  })
  .meta({ example: { format: 'gloria-authorization-1', roles: [{ code: 'librarian', name: 'Librarian' }], grants: [{ permission: 'person:read', scope: 'school', subject: { role: 'librarian' } }], roleAssignments: [{ role: 'librarian', position: 'sma-1-deputy' }] } });
export class AuthorizationDocument extends createZodDto(documentBody) {}
export class ImportAuthorizationQuery extends createZodDto(z.strictObject({ dryRun: z.enum(['true', 'false']).default('false') })) {}

const counts = z.object({ resourceTypes: z.int(), permissions: z.int(), roles: z.int(), grants: z.int(), roleAssignments: z.int(), separationOfDuty: z.int() });
export class ImportAuthorizationReport extends createZodDto(z.object({ dryRun: z.boolean(), added: counts, unchanged: counts })) {}
