import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { ATTRIBUTE, CUSTOM_PERMISSION, CUSTOM_TYPE } from '../../access';
import { pageOf, pageQuery, rowVersion, uuid } from '../../http';
import type { CustomPermission, ResourceType } from '../../platform/database';

const name = z.string().trim().min(1).max(120);
const attributes = z
  .record(z.string().regex(ATTRIBUTE), z.enum(['string', 'number', 'boolean', 'time', 'strings']))
  .refine((value) => Object.keys(value).length <= 50, 'at most 50')
  .meta({ description: 'What conditions may ask, with types: of the thing, of who asks, of what is done, of the circumstances', example: { 'resource.value': 'number', 'context.branch': 'string' } });
const resourceType = z.object({ id: uuid, code: z.string(), name: z.string(), attributes: z.record(z.string(), z.string()), version: z.int() });
export class ResourceTypeResponse extends createZodDto(resourceType) {}
export class ResourceTypePage extends createZodDto(pageOf(resourceType)) {}
export class ListResourceTypesQuery extends createZodDto(z.strictObject(pageQuery)) {}
export class CreateResourceType extends createZodDto(
  z
    .strictObject({ code: z.string().regex(CUSTOM_TYPE).meta({ description: '`<application>.<kind>`', example: 'library.book' }), name, attributes: attributes.default({}) })
    .meta({ example: { code: 'library.book', name: 'Books of the library', attributes: { 'resource.value': 'number' } } }),
) {}
export class UpdateResourceType extends createZodDto(
  z.strictObject({ name: name.optional(), attributes: attributes.optional(), version: rowVersion.optional() }).meta({ example: { name: 'Books', version: 1 } }),
) {}
const customPermission = z.object({ code: z.string(), description: z.string() });
export class CustomPermissionResponse extends createZodDto(customPermission) {}
const customCode = z.string().regex(CUSTOM_PERMISSION).meta({ description: '`<resource type>:<action>`', example: 'library.book:borrow' });
export class RegisterPermission extends createZodDto(
  z.strictObject({ code: customCode, description: z.string().trim().min(1).max(200) }).meta({ example: { code: 'library.book:borrow', description: 'Borrow books' } }),
) {}
export class PermissionCodeParam extends createZodDto(z.strictObject({ code: customCode })) {}

export const toResourceTypeResponse = (row: ResourceType): z.output<typeof resourceType> => ({ id: row.id, code: row.code, name: row.name, attributes: row.attributes as Record<string, string>, version: row.version });
export const toCustomPermissionResponse = ({ code, description }: CustomPermission): z.output<typeof customPermission> => ({ code, description });
