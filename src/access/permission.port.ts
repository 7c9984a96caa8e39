import type { Actor } from './actor';
import type { PermissionCode } from './permission-codes';
import type { ProblemCode } from './problem-codes';
import type { RowKindName } from './row-kinds';
import type { ResourceFacts, RowFilter } from './rows';

/**
 * What every module may ask about permissions, wherever it stands. Implemented by modules/permissions, bound in
 * app.module.ts. Every method answers from the authorization version read at the start of the request or newer.
 */
export abstract class PermissionPort {
  /** Throws 403 `PERMISSION_DENIED` unless the actor holds the code for exactly this row. */
  abstract require(actor: Actor, code: PermissionCode, resource: ResourceFacts): Promise<void>;

  /** Whether the actor holds the code for this row; for rows that must answer 404 rather than 403. */
  abstract allows(actor: Actor, code: PermissionCode, resource: ResourceFacts): Promise<boolean>;

  /** Whether the actor holds the code in some scope. */
  abstract allowsKind(actor: Actor, code: PermissionCode): Promise<boolean>;

  /** The people who lent what lets the actor do this, nearest first; none where it is the actor's own, or not allowed. */
  abstract inWhoseStead(actor: Actor, code: PermissionCode, resource: ResourceFacts): Promise<string[]>;

  /** Those of these people who hold the code for this row, by what they hold themselves or were lent. Read in the open transaction. */
  abstract whoMay(tx: object, actor: Actor, code: PermissionCode, resource: ResourceFacts, personIds: readonly string[]): Promise<ReadonlySet<string>>;

  /** Throws 403 `PERMISSION_DENIED` unless the actor holds the code in some scope. The door's question. */
  abstract requireKind(actor: Actor, code: PermissionCode): Promise<void>;

  /**
   * Throws 409 LAST_ADMINISTRATOR unless somebody who can sign in could still grant everywhere after what the open
   * transaction `tx` has changed. For changes of people and posts.
   */
  abstract requireAdministratorLeft(tx: object, actor: Actor): Promise<void>;

  /** Throws 403 GRANT_EXCEEDS_OWN unless the actor holds all that comes with these positions; for appointing people. */
  abstract requirePositionsHeld(tx: object, actor: Actor, positionIds: readonly string[], until: Date | null): Promise<void>;

  /**
   * After posts were given, ended or moved in the open transaction: throws 409 LAST_ADMINISTRATOR where nobody would be
   * left who can grant, 403 GRANT_EXCEEDS_OWN where the actor themself could do more than before, or is rid of a deny.
   */
  abstract requirePostsChanged(tx: object, actor: Actor, positionIds: readonly string[], before?: object | null): Promise<void>;

  /** What the actor holds as the open transaction sees it; to compare with where the tree itself has changed. */
  abstract holdings(tx: object, actor: Actor): Promise<object | null>;

  /** Throws 403 GRANT_EXCEEDS_OWN unless the actor holds all that the person holds; for letting an account become them. */
  abstract requirePersonHeld(tx: object, actor: Actor, personId: string): Promise<void>;

  /**
   * Check and write, atomically: from here on nobody's authorization changes until the open transaction ends, and what is
   * asked for the actor it resolves to is answered from exactly that. Only for use within the transaction. Whoever changes
   * authorization waits meanwhile, so ask late.
   */
  abstract holdStill<A extends Actor>(tx: object, actor: A): Promise<A>;

  /**
   * Gets what the actor holds ready, before any transaction is open: asked for inside one, it would wait for a second
   * connection while holding the first.
   */
  abstract prepare(actor: Actor): Promise<void>;

  /**
   * Throws 403 `DUTIES_KEPT_APART` where doing this would be one duty too many of a dynamic set of separation of duty;
   * `had` are the permissions the same person has used on the same thing before.
   */
  abstract requireDutyApart(tx: object, code: PermissionCode, had: readonly PermissionCode[], target: { type: string; id: string }): Promise<void>;

  /** The rows of one kind that the code reaches, for list queries. */
  abstract filter(actor: Actor, code: PermissionCode, kind: RowKindName): Promise<RowFilter>;
}

/** Records an enforced refusal durably before it is answered. Implemented by modules/audit. */
export abstract class DenialPort {
  abstract record(actor: Actor, denial: { code: ProblemCode; permission?: string; target?: { type: string; id: string } }): Promise<void>;
}
