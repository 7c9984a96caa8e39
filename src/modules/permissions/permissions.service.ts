import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type Actor, Denied, type PermissionCode, PermissionPort, type ResourceFacts, type RowFilter, type RowKindName } from '../../access';
import type { Tx } from '../../platform/database';
import type { Moment } from '../../platform/freshness';
import { Metrics } from '../../platform/telemetry';
import { BoundedGranting } from './bounded-granting';
import { decide, type Decision, filterOf, type Question } from './decide';
import { SeparationOfDuty } from './separation-of-duty.service';
import type { CompiledSubject } from './subject';
import { Subjects } from './subjects.service';

/** Asks `decide` on behalf of whoever acts. The system's own commands hold no permissions and are not asked. */
@Injectable()
export class PermissionsService extends PermissionPort {
  /** What actors hold whose authorization stands still, for as long as the transaction knows them. */
  private readonly still = new WeakMap<Actor, CompiledSubject>();
  private readonly counted;
  private readonly advised;

  constructor(
    private readonly subjects: Subjects,
    metrics: Metrics,
    private readonly moduleRef: ModuleRef,
  ) {
    super();
    const counted = (use: 'enforced' | 'advisory') => ({ allow: metrics.tally(metrics.decisions, { use, result: 'allow' }), deny: metrics.tally(metrics.decisions, { use, result: 'deny' }) });
    this.counted = counted('enforced');
    this.advised = counted('advisory');
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

  async inWhoseStead(actor: Actor, code: PermissionCode, resource: ResourceFacts): Promise<string[]> {
    const subject = this.still.get(actor) ?? (await this.subjects.of(actor));
    const decision = subject && decide(subject, { permission: code, resource, context: circumstances(actor) });
    return decision?.allowed ? decision.because.loans.map(({ lenderId }) => lenderId) : [];
  }

  async whoMay(tx: object, actor: Actor, code: PermissionCode, resource: ResourceFacts, personIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (personIds.length === 0) return new Set();
    const subjects = await this.subjects.getMany(actor.foundationId, personIds, await this.subjects.momentOf(actor), tx as Tx);
    const question = { permission: code, resource, context: circumstances(actor) };
    return new Set(personIds.filter((id) => decide(subjects.get(id)!, question).allowed));
  }

  allowsKind(actor: Actor, code: PermissionCode): Promise<boolean> {
    return this.ask(actor, code);
  }

  async filter(actor: Actor, code: PermissionCode, kind: RowKindName): Promise<RowFilter> {
    const subject = await this.subjects.of(actor);
    if (!subject) return { kind: 'all' };
    return outsideKeyScope(actor, code) ? { kind: 'none' } : filterOf(subject, code, kind, circumstances(actor));
  }

  async prepare(actor: Actor): Promise<void> {
    await this.subjects.of(actor);
  }

  async holdStill<A extends Actor>(tx: object, actor: A): Promise<A> {
    if (actor.kind === 'system') return actor;
    const [head] = await (tx as Tx).$queryRaw<{ v: bigint; stamp: string; now_ms: number }[]>`SELECT v, stamp, now_ms FROM gloria_hold_head(${actor.foundationId}::uuid)`;
    const { v, stamp, now_ms: now } = head!;
    const subjects = await this.subjects.getMany(actor.foundationId, [actor.personId], { v, stamp, now, notBefore: now }, tx as Tx);
    const still = { ...actor, authzVersion: v };
    this.still.set(still, subjects.get(actor.personId)!);
    return still;
  }

  requireAdministratorLeft(tx: object, actor: Actor): Promise<void> {
    return this.bounded.requireAdministratorLeft(tx as Tx, actor);
  }

  async requirePostsChanged(tx: object, actor: Actor, positionIds: readonly string[], before?: object | null): Promise<void> {
    await this.bounded.keepAdministratorOfPositions(tx as Tx, actor, positionIds);
    await this.bounded.requireNotRaised(tx as Tx, actor, before === undefined ? await this.subjects.of(actor) : (before as CompiledSubject | null));
  }

  holdings(tx: object, actor: Actor): Promise<object | null> {
    return this.bounded.holdings(tx as Tx, actor);
  }

  requirePositionsHeld(tx: object, actor: Actor, positionIds: readonly string[], until: Date | null): Promise<void> {
    return this.bounded.requirePositionsHeld(tx as Tx, actor, positionIds, until);
  }

  requirePersonHeld(tx: object, actor: Actor, personId: string): Promise<void> {
    return this.bounded.requirePersonHeld(tx as Tx, actor, personId);
  }

  requireDutyApart(tx: object, code: PermissionCode, had: readonly PermissionCode[], target: { type: string; id: string }): Promise<void> {
    return this.moduleRef.get(SeparationOfDuty).requireDutyApart(tx as Tx, code, had, target);
  }

  // Looked up when needed: it asks this port in turn.
  private get bounded(): BoundedGranting {
    return this.moduleRef.get(BoundedGranting);
  }

  /** The decision itself, with its reason, as of a moment; for advisory questions. */
  async explainFor(actor: Actor, personId: string, moment: Moment, { context, ...question }: Question): Promise<Decision> {
    const subject = await this.subjects.get(actor.foundationId, personId, moment);
    const decision: Decision = this.beyondKey(actor, personId, question.permission) ? { allowed: false, because: { kind: 'not-held' } } : decide(subject, { ...question, context: this.contextOf(actor, context) });
    this.countAdvisory(decision.allowed);
    return decision;
  }

  /** Advisory decisions are counted, not written. */
  countAdvisory(allowed: boolean): void {
    (allowed ? this.advised.allow : this.advised.deny).add();
  }

  /** What conditions may ask of the circumstances: what is given, and always our own clock. */
  contextOf(actor: Actor, given: Question['context']): NonNullable<Question['context']> {
    return { ...given, ...circumstances(actor) };
  }

  /** Whether an API key that asks about its own person, and not as one that may ask about anybody, was not made for this permission. */
  beyondKey(actor: Actor, personId: string, code: string): boolean {
    return actor.kind === 'api_key' && actor.personId === personId && outsideKeyScope(actor, 'permission:check') && outsideKeyScope(actor, code);
  }

  private async ask(actor: Actor, code: PermissionCode, resource?: ResourceFacts): Promise<boolean> {
    // What is ready is not waited for: a promise more would cost as much as the decision.
    const subject = actor.kind === 'system' ? null : (this.still.get(actor) ?? this.subjects.ready(actor) ?? (await this.subjects.of(actor)));
    const allowed = subject === null || (!outsideKeyScope(actor, code) && decide(subject, { permission: code, resource, context: circumstances(actor) }).allowed);
    (allowed ? this.counted.allow : this.counted.deny).add();
    return allowed;
  }
}

/** What conditions may ask of the request: the database's clock when it began. */
const circumstances = (actor: Actor) => ({
  // Written out only where a condition asks.
  get time() {
    return new Date(actor.startedAt).toISOString();
  },
});

/** A key may do what its creator may, and of that only what it was made for. */
function outsideKeyScope(actor: Actor, code: string): boolean {
  return actor.kind === 'api_key' && !actor.scopes.includes(code);
}
