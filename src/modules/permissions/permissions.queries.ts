import { Injectable } from '@nestjs/common';
import { type Actor, PERMISSION_CODES, permissionCodes, PermissionPort, Problem, rowKindsOf } from '../../access';
import { Cursors, listName } from '../../http';
import { Database, everyRow } from '../../platform/database';
import { AskedRows } from './asked-rows';
import { heldOf } from './held';
import type { CheckInput, ListPermissionsQuery } from './permissions.dto';
import { PermissionsService } from './permissions.service';
import { ResourceTypes } from './resource-types.service';
import { Subjects } from './subjects.service';

@Injectable()
export class PermissionsQueries {
  constructor(
    private readonly database: Database,
    private readonly permissions: PermissionsService,
    private readonly port: PermissionPort,
    private readonly subjects: Subjects,
    private readonly resourceTypes: ResourceTypes,
    private readonly cursors: Cursors,
    private readonly rows: AskedRows,
  ) {}

  /** The catalogue and what is registered for other applications, by code. */
  async catalogue(actor: Actor, query: ListPermissionsQuery) {
    await this.port.require(actor, 'permission:read', {});
    return this.database.withTenant(actor, (tx) =>
      this.cursors.page(
        listName('permissions', query),
        query,
        async (take, after) => {
          const custom = await this.resourceTypes.registered(tx, take, after?.[0] ?? null);
          const own = permissionCodes.filter((code) => !after || code > after[0]!).map((code) => ({ code, description: PERMISSION_CODES[code].description, index: PERMISSION_CODES[code].index as number | null, kinds: [...rowKindsOf(code)] as string[] }));
          const registered = custom.map(({ code, description }) => ({ code, description, index: null, kinds: [code.slice(0, code.indexOf(':'))] }));
          return [...own, ...registered].sort((a, b) => (a.code < b.code ? -1 : 1)).slice(0, take);
        },
        ({ code }) => [code],
      ),
    );
  }

  /** An advisory decision: counted, not audited. */
  async check(actor: Actor, input: CheckInput) {
    const { results } = await this.checkAll(actor, [input], true);
    return results[0]!;
  }

  /** Many at once, answered at one moment: units and people are looked up together, each subject is compiled once. */
  async checkAll(actor: Actor, checks: readonly CheckInput[], single = false) {
    const own = actor.kind === 'system' ? undefined : actor.personId;
    const asked = checks.map((check) => ({ ...check, personId: check.personId ?? own }));
    if (asked.some(({ personId }) => personId !== own)) await this.port.require(actor, 'permission:check', {});
    const rows = await this.database.withTenant(actor, async (tx) => {
      const people = new Set(asked.map(({ personId }) => personId));
      const known = await everyRow(tx, 'reference').person.count({ where: { id: { in: [...people].filter((id) => id !== undefined) }, deletedAt: null } });
      if (known !== people.size) throw new Problem('NOT_FOUND');
      await this.resourceTypes.requireKnown(tx, asked.map(({ permission }) => permission), (index) => (single ? '#/permission' : `#/checks/${index}/permission`));
      return this.rows.factsOf(tx, asked.map(({ resource }) => resource));
    });
    const wanted = checks.map(({ atLeast }) => BigInt(atLeast ?? 0));
    const moment = await this.subjects.momentOf(actor, wanted.reduce((most, each) => (each > most ? each : most), 0n));
    const future = wanted.findIndex((each) => each > moment.v);
    if (future >= 0) throw new Problem('REQUEST_INVALID', { count: 1 }, [{ pointer: single ? '#/atLeast' : `#/checks/${future}/atLeast`, code: 'future', detail: 'is no version there has been' }]);
    const results = [];
    await this.subjects.getMany(actor.foundationId, asked.map(({ personId }) => personId!), moment);
    for (const [index, { personId, permission, context, subject, action }] of asked.entries()) {
      const { allowed, because } = await this.permissions.explainFor(actor, personId!, moment, { permission, context, subject, action, resource: rows[index] });
      results.push({ allowed, version: moment.v.toString(), because });
    }
    return { results };
  }

  async mine(actor: Actor) {
    const subject = await this.subjects.of(actor);
    if (!subject) return { permissions: [] };
    return {
      permissions: [...heldOf(subject)]
        .map(([code, held]) => ({ code, ...held }))
        .filter(({ code, scopes }) => scopes.length > 0 && (actor.kind !== 'api_key' || actor.scopes.includes(code))),
    };
  }
}
