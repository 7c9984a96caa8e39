import { createZodDto } from 'nestjs-zod';
import { z } from 'zod';
import { instant, pageOf, pageQuery, rowVersion as version, uuid } from '../../http';
import type { Appointment, Foundation, OrgUnit, Person, Position } from '../../platform/database';

// What a code, a name, a number is: the same for single rows and for an import.
export const code = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/, 'letters, digits, . _ -, at most 60').meta({ example: 'sma-1' });
export const name = z.string().trim().min(1).max(200);
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const deletedFilter = { deleted: flag.optional().meta({ description: 'true: deleted ones only' }) };
const search = z.string().trim().min(1).max(100).optional().meta({ description: 'Part of the name or code' });
export class IdParam extends createZodDto(z.strictObject({ id: uuid })) {}

// Foundation ----------------------------------------------------------------------------------------------------------
const timezone = z.string().refine((value) => Intl.supportedValuesOf('timeZone').includes(value) || value === 'UTC', 'must be an IANA time zone').meta({ example: 'Asia/Jakarta' });
export class FoundationResponse extends createZodDto(z.object({ id: uuid, code: z.string(), name: z.string(), timezone: z.string(), locale: z.string() })) {}
export class UpdateFoundation extends createZodDto(
  z.strictObject({ name: name.optional(), timezone: timezone.optional(), locale: z.enum(['en', 'id']).optional() }).meta({ example: { timezone: 'Asia/Makassar' } }),
) {}

// Units ---------------------------------------------------------------------------------------------------------------
const unit = z.object({
  id: uuid,
  kind: z.enum(['foundation', 'school', 'department']),
  parentId: uuid.nullable(),
  schoolId: uuid.nullable().meta({ description: 'The school it belongs to; itself for a school' }),
  code: z.string().meta({ example: 'sma-1' }),
  name: z.string().meta({ example: 'SMA 1' }),
  depth: z.int(),
  deletedAt: instant.nullable(),
  version: z.int(),
});
export class UnitResponse extends createZodDto(unit) {}
export class UnitPage extends createZodDto(pageOf(unit)) {}
export class ListUnitsQuery extends createZodDto(z.strictObject({ ...pageQuery, ...deletedFilter, search, parentId: uuid.optional(), below: uuid.optional().meta({ description: 'Anywhere below this unit' }) })) {}
export class CreateUnit extends createZodDto(
  z.strictObject({ code, name: name.meta({ example: 'SMA 1' }), parentId: uuid.optional().meta({ description: 'The foundation’s root where left out' }) }).meta({ example: { code: 'sma-1', name: 'SMA 1' } }),
) {}
export class UpdateUnit extends createZodDto(z.strictObject({ code: code.optional(), name: name.optional(), parentId: uuid.optional(), version }).meta({ example: { name: 'SMA Harapan 1', version: 1 } })) {}
export class VersionInput extends createZodDto(z.strictObject({ version }).meta({ example: { version: 2 } })) {}
export class VersionQuery extends createZodDto(z.strictObject({ version: z.coerce.number('the version you read, as ?version=').int().positive().max(2_147_483_647) })) {}

interface TreeNode {
  id: string;
  kind: 'foundation' | 'school' | 'department';
  code: string;
  name: string;
  children: TreeNode[];
}
const treeNode: z.ZodType<TreeNode> = z
  .object({ id: uuid, kind: z.enum(['foundation', 'school', 'department']), code: z.string(), name: z.string(), get children() { return z.array(treeNode); } })
  .meta({ id: 'OrganizationTreeNode' });
export class TreeResponse extends createZodDto(z.object({ roots: z.array(treeNode).meta({ description: 'The visible units; each one’s visible units below it' }) })) {}
export class TreeQuery extends createZodDto(z.strictObject({ root: uuid.optional() })) {}

// Positions -----------------------------------------------------------------------------------------------------------
const position = z.object({
  id: uuid,
  unitId: uuid,
  code: z.string().meta({ example: 'sma-1-head' }),
  title: z.string().meta({ example: 'Head of SMA 1' }),
  isHead: z.boolean(),
  deletedAt: instant.nullable(),
  version: z.int(),
});
export class PositionResponse extends createZodDto(position) {}
export class PositionPage extends createZodDto(pageOf(position)) {}
export class ListPositionsQuery extends createZodDto(z.strictObject({ ...pageQuery, ...deletedFilter, search, unitId: uuid.optional() })) {}
export class CreatePosition extends createZodDto(z.strictObject({ unitId: uuid, code, title: name, isHead: z.boolean().default(false) }).meta({ example: { unitId: '0190b5a0-0000-7000-8000-000000000001', code: 'sma-1-head', title: 'Head of SMA 1', isHead: true } })) {}
export class UpdatePosition extends createZodDto(z.strictObject({ unitId: uuid.optional(), code: code.optional(), title: name.optional(), isHead: z.boolean().optional(), version }).meta({ example: { title: 'Head of school', version: 1 } })) {}

// People --------------------------------------------------------------------------------------------------------------
export const employeeNumber = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9./-]{0,29}$/, 'letters, digits, . / -, at most 30').meta({ description: 'NIP', example: '198703122010012004' });
export const email = z.email().max(254);
export const phone = z.string().regex(/^\+?[0-9 ()-]{5,25}$/);
export const locale = z.enum(['en', 'id']);
const person = z.object({
  id: uuid,
  employeeNumber: z.string(),
  fullName: z.string(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  locale: locale.nullable(),
  deletedAt: instant.nullable(),
  version: z.int(),
});
export class PersonResponse extends createZodDto(person) {}
export class PersonPage extends createZodDto(pageOf(person)) {}
export class ListPeopleQuery extends createZodDto(z.strictObject({ ...pageQuery, ...deletedFilter, search, employeeNumber: employeeNumber.optional(), unitId: uuid.optional().meta({ description: 'Holding a position in or below this unit now' }) })) {}
const appointmentTimes = { acting: z.boolean().default(false).meta({ description: 'Standing in for a vacant position (PLT)' }), validFrom: instant.optional(), validUntil: instant.nullable().optional() };
export class CreatePerson extends createZodDto(
  z.strictObject({
    employeeNumber,
    fullName: name.meta({ example: 'Siti Rahayu' }),
    email: email.optional(),
    phone: phone.optional(),
    locale: locale.optional(),
    appointment: z.strictObject({ positionId: uuid, ...appointmentTimes }).optional().meta({ description: 'First position; needed unless the caller writes people everywhere' }),
  }).meta({ example: { employeeNumber: '198703122010012004', fullName: 'Siti Rahayu', email: 'siti@yayasan.sch.id', locale: 'id', appointment: { positionId: '0190b5a0-0000-7000-8000-000000000001' } } }),
) {}
export class UpdatePerson extends createZodDto(
  z.strictObject({ employeeNumber: employeeNumber.optional(), fullName: name.optional(), email: email.nullable().optional(), phone: phone.nullable().optional(), locale: locale.nullable().optional(), version }).meta({ example: { phone: '+62 812 3456 7890', version: 1 } }),
) {}

// Appointments --------------------------------------------------------------------------------------------------------
const appointment = z.object({ id: uuid, personId: uuid, positionId: uuid, acting: z.boolean(), validFrom: instant, validUntil: instant.nullable(), version: z.int() });
export class AppointmentResponse extends createZodDto(appointment) {}
export class AppointmentPage extends createZodDto(pageOf(appointment)) {}
export class ListAppointmentsQuery extends createZodDto(z.strictObject({ ...pageQuery, personId: uuid.optional(), positionId: uuid.optional(), at: instant.optional().meta({ description: 'Held at this instant' }) })) {}
export class CreateAppointment extends createZodDto(z.strictObject({ personId: uuid, positionId: uuid, ...appointmentTimes }).meta({ example: { personId: '0190b5a0-0000-7000-8000-000000000001', positionId: '0190b5a0-0000-7000-8000-000000000002', acting: true, validFrom: '2026-07-01T00:00:00+07:00' } })) {}
export class UpdateAppointment extends createZodDto(z.strictObject({ acting: z.boolean().optional(), validUntil: instant.nullable().optional(), version }).meta({ example: { validUntil: '2027-07-01T00:00:00+07:00', version: 1 } })) {}

// Import --------------------------------------------------------------------------------------------------------------
export class ImportQuery extends createZodDto(z.strictObject({ dryRun: flag.default(false).meta({ description: 'Check everything, write nothing' }) })) {}
const counts = z.object({ created: z.int(), changed: z.int(), unchanged: z.int() });
export class ImportReport extends createZodDto(z.object({ dryRun: z.boolean(), units: counts, positions: counts, people: counts, appointments: counts })) {}

// -----------------------------------------------------------------------------------------------------------------------
const iso = (date: Date | null) => date?.toISOString() ?? null;
export const toFoundationResponse = ({ id, code: own, name: called, timezone: zone, locale: language }: Foundation) => ({ id, code: own, name: called, timezone: zone, locale: language });
export const toUnitResponse = (row: OrgUnit): z.output<typeof unit> => ({
  id: row.id, kind: row.kind, parentId: row.parentId, schoolId: row.schoolId, code: row.code, name: row.name, depth: row.depth, deletedAt: iso(row.deletedAt), version: row.version,
});
export const toPositionResponse = (row: Position): z.output<typeof position> => ({
  id: row.id, unitId: row.unitId, code: row.code, title: row.title, isHead: row.isHead, deletedAt: iso(row.deletedAt), version: row.version,
});
export const toPersonResponse = (row: Person): z.output<typeof person> => ({
  id: row.id, employeeNumber: row.employeeNumber, fullName: row.fullName, email: row.email, phone: row.phone,
  locale: row.locale === 'en' || row.locale === 'id' ? row.locale : null, deletedAt: iso(row.deletedAt), version: row.version,
});
export const toAppointmentResponse = (row: Appointment): z.output<typeof appointment> => ({
  id: row.id, personId: row.personId, positionId: row.positionId, acting: row.acting, validFrom: row.validFrom.toISOString(), validUntil: iso(row.validUntil), version: row.version,
});
