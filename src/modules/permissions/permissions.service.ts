import { Injectable } from '@nestjs/common';
import { type Actor, Denied, type PermissionCode, PermissionPort, type ResourceFacts, type RowFilter } from '../../access';
import { Metrics } from '../../platform/telemetry';
import { decide, type Decision, filterOf } from './decide';
import { Subjects } from './subjects.service';

/** Asks `decide` on behalf of whoever acts. The system's own commands hold no permissions and are not asked. */
@Injectable()
export class PermissionsService extends PermissionPort {
  constructor(
    private readonly subjects: Subjects,
    private readonly metrics: Metrics,
  ) {
    super();
  }

  async require(actor: Actor, code: PermissionCode, resource: ResourceFacts): Promise<void> {
    if (!(await this.ask(actor, code, resource))) throw new Denied('PERMISSION_DENIED', { permission: code });
  }

  async requireKind(actor: Actor, code: PermissionCode): Promise<void> {
    if (!(await this.ask(actor, code))) throw new Denied('PERMISSION_DENIED', { permission: code });
  }

  allows(actor: Actor, code: PermissionCode, resource: ResourceFacts): Promise<boolean> {
    return this.ask(actor, code, resource);
  }

  async filter(actor: Actor, code: PermissionCode): Promise<RowFilter> {
    const subject = await this.subjects.of(actor);
    if (!subject) return { kind: 'all' };
    return outsideKeyScope(actor, code) ? { kind: 'none' } : filterOf(subject, code);
  }

  /** The decision itself, with its reason; for advisory questions. */
  async explainFor(actor: Actor, personId: string, code: string, resource: ResourceFacts | undefined): Promise<Decision> {
    const subject = await this.subjects.get(actor.foundationId, personId, { v: actor.authzVersion, now: actor.startedAt });
    const decision = decide(subject, { permission: code, resource });
    this.metrics.decisions.inc({ use: 'advisory', result: decision.allowed ? 'allow' : 'deny' });
    return decision;
  }

  private async ask(actor: Actor, code: PermissionCode, resource?: ResourceFacts): Promise<boolean> {
    const subject = await this.subjects.of(actor);
    const allowed = subject === null || (!outsideKeyScope(actor, code) && decide(subject, { permission: code, resource }).allowed);
    this.metrics.decisions.inc({ use: 'enforced', result: allowed ? 'allow' : 'deny' });
    return allowed;
  }
}

/** A key may do what its creator may, and of that only what it was made for. */
function outsideKeyScope(actor: Actor, code: PermissionCode): boolean {
  return actor.kind === 'api_key' && !actor.scopes.includes(code);
}
