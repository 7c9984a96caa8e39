import { Injectable } from '@nestjs/common';
import canonicalize from 'canonicalize';
import type { z } from 'zod';
import { type Actor, PermissionPort, Problem } from '../../access';
import { idempotent } from '../../http';
import { Database, everyRow, type Tx } from '../../platform/database';
import { GrantsService } from './grants.service';
import { ResourceTypes } from './resource-types.service';
import { RolesService } from './roles.service';
import { SeparationOfDuty } from './separation-of-duty.service';
import type { TypedCondition } from './subject';
import type { AuthorizationDocument, ImportAuthorizationReport } from './transfer.dto';

type Document = z.output<typeof AuthorizationDocument.schema>;
type Section = keyof Report['added'];
type Report = z.output<typeof ImportAuthorizationReport.schema>;
const SECTIONS: readonly Section[] = ['resourceTypes', 'permissions', 'roles', 'grants', 'roleAssignments', 'separationOfDuty'];
/** Ids by name, of what entries name. */
interface Names {
  role: Map<string, string>;
  position: Map<string, string>;
  person: Map<string, string>;
  unit: Map<string, string>;
}

/**
 * Authorization as one document of names, to be kept, compared and brought to another foundation. Of grants, those in force or
 * to come; not those for single rows, which belong to the rows, nor delegations, which belong to who lends, nor what is sealed
 * for emergencies.
 */
@Injectable()
export class AuthorizationTransfer {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionPort,
    private readonly roles: RolesService,
    private readonly grants: GrantsService,
    private readonly duties: SeparationOfDuty,
    private readonly resourceTypes: ResourceTypes,
  ) {}

  async export(actor: Actor): Promise<Document> {
    await this.permissions.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, (tx) => read(tx, present()));
  }

  /**
   * Adds what is not there yet, by the same rules as one at a time, all or nothing; takes nothing away. Throws 400
   * REQUEST_INVALID naming every entry that names what is not known, or that is there and differs.
   */
  async import(actor: Actor, document: Document, { dryRun }: { dryRun: boolean }): Promise<Report> {
    await this.permissions.require(actor, 'role:write', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, () => this.add(tx, actor, document, dryRun)), { timeout: 120_000, dryRun });
  }

  private async add(tx: Tx, actor: Actor, document: Document, dryRun: boolean): Promise<Report> {
    const there = await read(tx, present());
    const names = await namesIn(tx, document);
    const missing = missingIn(document, names, there);
    if (missing.length > 0) throw new Problem('REQUEST_INVALID', { count: missing.length }, missing.slice(0, 100));
    const report: Report = { dryRun, added: noCounts(), unchanged: noCounts() };
    const each = async <S extends Section>(section: S, make: (entry: Document[S][number], at: string) => Promise<void>) => {
      const isThere = known(there[section], present());
      for (const [index, entry] of document[section].entries()) {
        if (isThere(entry)) report.unchanged[section] += 1;
        else {
          const at = `#/${section}/${index}`;
          await make(entry as Document[S][number], at).catch((error: unknown) => {
            // One that is there for another period, or for another reason.
            if (error instanceof Problem && error.code === 'CODE_TAKEN') throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: at, code: 'differs', detail: 'is there, and is not the same' }]);
            throw error;
          });
          report.added[section] += 1;
        }
      }
    };
    await each('resourceTypes', async (entry) => void (await this.resourceTypes.createIn(tx, actor, entry)));
    await each('permissions', async (entry) => void (await this.resourceTypes.registerIn(tx, actor, entry)));
    // A role after those it inherits.
    document = { ...document, roles: inOrder(document.roles) };
    await each('roles', async ({ juniors, ...role }) => void names.role.set(role.code, (await this.roles.createIn(tx, actor, { ...role, juniorIds: juniors.map((code) => names.role.get(code)!) })).id));
    // What registering gave to administrators may be among the grants.
    if (report.added.permissions > 0) there.grants = (await read(tx, present())).grants;
    await each('grants', async ({ node, subject, kind, ...grant }, at) => {
      const to = 'everyone' in subject ? ({ type: 'everyone' } as const) : 'role' in subject ? ({ type: 'role', id: names.role.get(subject.role)! } as const) : 'position' in subject ? ({ type: 'position', id: names.position.get(subject.position)! } as const) : ({ type: 'person', id: names.person.get(subject.person)! } as const);
      await this.grants.createGrantIn(tx, actor, { ...grant, nodeId: node === undefined ? undefined : names.unit.get(node)!, subject: to, resource: kind === undefined ? undefined : { type: kind } }, at);
    });
    await each('roleAssignments', async ({ role, position, person, ...rest }) => void (await this.grants.assignIn(tx, actor, { ...rest, roleId: names.role.get(role)!, positionId: position === undefined ? undefined : names.position.get(position)!, personId: person === undefined ? undefined : names.person.get(person)! })));
    await each('separationOfDuty', async (set) => void (await this.duties.createIn(tx, actor, { ...set, members: set.kind === 'static' ? set.members.map((code) => names.role.get(code)!) : set.members })));
    return report;
  }
}

const noCounts = (): Report['added'] => ({ resourceTypes: 0, permissions: 0, roles: 0, grants: 0, roleAssignments: 0, separationOfDuty: 0 });

/** What begins within a second has begun: clocks differ by less, and what was made in this transaction began a moment ago. */
const present = () => new Date(Date.now() + 1_000);

/** Everything there is, by names, in one order. */
async function read(tx: Tx, now: Date): Promise<Document> {
  const lasting = { OR: [{ validUntil: null }, { validUntil: { gt: now } }] };
  const named = { role: { select: { code: true } }, position: { select: { code: true } }, person: { select: { employeeNumber: true } } } as const;
  const [types, permissions, roles, grants, assignments, sets] = [
    await tx.resourceType.findMany(),
    await tx.customPermission.findMany(),
    await tx.role.findMany({ include: { juniors: { include: { junior: { select: { code: true } } } } } }),
    await tx.grant.findMany({ where: { ...lasting, resourceId: null }, include: { ...named, node: { select: { code: true } } } }),
    await tx.roleAssignment.findMany({ where: lasting, include: named }),
    await tx.sodSet.findMany({ include: { members: true } }),
  ];
  const codes = new Map(roles.map(({ id, code }) => [id, code]));
  const period = ({ validFrom, validUntil, reason }: { validFrom: Date; validUntil: Date | null; reason: string | null }) => ({
    // What has begun has begun.
    validFrom: validFrom > now ? validFrom.toISOString() : undefined,
    validUntil: validUntil?.toISOString(),
    reason: reason ?? undefined,
  });
  return sorted({
    format: 'gloria-authorization-1',
    resourceTypes: types.map(({ code, name, attributes }) => ({ code, name, attributes: attributes as never })),
    permissions: permissions.map(({ code, description }) => ({ code, description })),
    roles: roles.map(({ code, name, juniors }) => ({ code, name, juniors: juniors.map(({ junior }) => junior.code).sort() })),
    grants: grants.map((grant) => ({
      permission: grant.permissionCode,
      effect: grant.effect,
      scope: grant.scope,
      node: grant.node?.code,
      subject: grant.role ? { role: grant.role.code } : grant.position ? { position: grant.position.code } : grant.person ? { person: grant.person.employeeNumber } : { everyone: true },
      kind: grant.resourceType ?? undefined,
      condition: (grant.condition as unknown as TypedCondition | null)?.test,
      ...period(grant),
    })),
    roleAssignments: assignments.map((each) => ({ role: each.role.code, position: each.position?.code, person: each.person?.employeeNumber, ...period(each) })),
    separationOfDuty: sets.map(({ kind, name, cardinality, members }) => ({ kind: kind as 'static' | 'dynamic', name, cardinality, members: members.map(({ roleId, permissionCode }) => (roleId === null ? permissionCode! : codes.get(roleId)!)).sort() })),
  });
}

function sorted(document: Document): Document {
  for (const section of SECTIONS) (document[section] as object[]).sort((a, b) => (canonicalize(a)! < canonicalize(b)! ? -1 : 1));
  return document;
}

async function namesIn(tx: Tx, { grants, roleAssignments }: Document): Promise<Names> {
  const subjects = grants.map(({ subject }) => subject);
  const positions = [...subjects.flatMap((each) => ('position' in each ? each.position : [])), ...roleAssignments.flatMap(({ position }) => position ?? [])];
  const people = [...subjects.flatMap((each) => ('person' in each ? each.person : [])), ...roleAssignments.flatMap(({ person }) => person ?? [])];
  const living = { deletedAt: null };
  const [roles, units, posts, persons] = [
    await tx.role.findMany({ select: { id: true, code: true } }),
    await everyRow(tx, 'reference').orgUnit.findMany({ where: { ...living, code: { in: grants.flatMap(({ node }) => node ?? []) } }, select: { id: true, code: true } }),
    await everyRow(tx, 'reference').position.findMany({ where: { ...living, code: { in: positions } }, select: { id: true, code: true } }),
    await everyRow(tx, 'reference').person.findMany({ where: { ...living, employeeNumber: { in: people } }, select: { id: true, employeeNumber: true } }),
  ];
  return {
    role: new Map(roles.map(({ id, code }) => [code, id])),
    unit: new Map(units.map(({ id, code }) => [code, id])),
    position: new Map(posts.map(({ id, code }) => [code, id])),
    person: new Map(persons.map(({ id, employeeNumber }) => [employeeNumber, id])),
  };
}

/** Everything an import cannot do, by where it stands in the document. */
function missingIn(document: Document, names: Names, present: Document): { pointer: string; code: string; detail: string }[] {
  const faults: { pointer: string; code: string; detail: string }[] = [];
  const roles = new Set([...names.role.keys(), ...document.roles.map(({ code }) => code)]);
  const demand = (there: boolean, pointer: string, what: string) => void (there || faults.push({ pointer, code: 'unknown', detail: `there is no ${what}` }));
  const differs = <T extends object>(section: Section, entries: readonly T[], there: readonly T[], name: (entry: T) => string) => {
    const by = new Map(there.map((entry) => [name(entry), canonicalize(entry)]));
    entries.forEach((entry, index) => by.has(name(entry)) && by.get(name(entry)) !== canonicalize(entry) && faults.push({ pointer: `#/${section}/${index}`, code: 'differs', detail: `${name(entry)} is there, and is not the same` }));
  };
  document.roles.forEach((role, index) => role.juniors.sort().forEach((junior) => demand(roles.has(junior), `#/roles/${index}/juniors`, `role ${junior}`)));
  document.separationOfDuty.forEach((set, index) => set.kind === 'static' && set.members.sort().forEach((member) => demand(roles.has(member), `#/separationOfDuty/${index}/members`, `role ${member}`)));
  differs('resourceTypes', document.resourceTypes, present.resourceTypes, ({ code }) => code);
  differs('permissions', document.permissions, present.permissions, ({ code }) => code);
  differs('roles', document.roles, present.roles, ({ code }) => code);
  differs('separationOfDuty', document.separationOfDuty, present.separationOfDuty, ({ name }) => name);
  const cycle = document.roles.length - inOrder(document.roles).length;
  if (cycle > 0) faults.push({ pointer: '#/roles', code: 'cycle', detail: `${cycle} roles inherit one another, or one that is there inherits them` });
  document.grants.forEach(({ scope, node, subject }, index) => {
    if ((scope === 'node') !== (node !== undefined)) faults.push({ pointer: `#/grants/${index}/node`, code: 'node', detail: 'node goes with scope node, and only with it' });
    if (node !== undefined) demand(names.unit.has(node), `#/grants/${index}/node`, `unit ${node}`);
    if ('role' in subject) demand(roles.has(subject.role), `#/grants/${index}/subject`, `role ${subject.role}`);
    if ('position' in subject) demand(names.position.has(subject.position), `#/grants/${index}/subject`, `position ${subject.position}`);
    if ('person' in subject) demand(names.person.has(subject.person), `#/grants/${index}/subject`, `person ${subject.person}`);
  });
  document.roleAssignments.forEach(({ role, position, person }, index) => {
    const at = `#/roleAssignments/${index}`;
    demand(roles.has(role), `${at}/role`, `role ${role}`);
    if ((position === undefined) === (person === undefined)) faults.push({ pointer: at, code: 'subject', detail: 'give position or person, one of them' });
    if (position !== undefined) demand(names.position.has(position), `${at}/position`, `position ${position}`);
    if (person !== undefined) demand(names.person.has(person), `${at}/person`, `person ${person}`);
  });
  return faults;
}

/** Roles so that each comes after those of the document it inherits; without those that are in a cycle. */
function inOrder(roles: Document['roles']): Document['roles'] {
  const left = new Map(roles.map((role) => [role.code, role]));
  const done: Document['roles'] = [];
  for (let before = -1; done.length > before; ) {
    before = done.length;
    for (const role of [...left.values()]) if (role.juniors.every((code) => !left.has(code))) {
      left.delete(role.code);
      done.push(role);
    }
  }
  return done;
}

/** Whether an entry is among these, as of now; why counts only where the entry says so. */
function known(entries: readonly object[], now: Date): (entry: object) => boolean {
  const bare = (entry: { validFrom?: string }) => canonicalize({ ...entry, validFrom: entry.validFrom !== undefined && new Date(entry.validFrom) > now ? new Date(entry.validFrom).toISOString() : undefined, reason: undefined })!;
  const reasons = new Map<string, (string | undefined)[]>();
  for (const entry of entries) reasons.set(bare(entry), [...(reasons.get(bare(entry)) ?? []), (entry as { reason?: string }).reason]);
  return (entry) => {
    const { reason } = entry as { reason?: string };
    return (reasons.get(bare(entry)) ?? []).some((each) => reason === undefined || each === reason);
  };
}
