import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import canonicalize from 'canonicalize';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, actorKey, PermissionPort, Problem, rowFacts, systemActor } from '../../access';
import { Cursors, idempotent, listName, type Page } from '../../http';
import { Database, type Tx, type WorkflowMessage } from '../../platform/database';
import { AuditService } from '../audit';
import { formProblems } from './definition';
import { DefinitionsService, type PublishedDefinition } from './definitions.service';
import { personBehind } from './filing';
import { type InstanceRow, readInstance, requestFacts } from './instances.store';
import { holdMessages, lends, waitingFor } from './messages.store';
import { inTheWay, TRIED_AGAIN_AT } from './retrying';
import { Transitions } from './transitions.service';
import type { ListMessagesQuery, MessageView, SendMessage } from './messages.dto';
import { messageDiscarded, messageSent } from './workflow.events';

/** Messages are about requests nobody knows yet: for whoever administers all of them. */
const ANY_REQUEST = rowFacts('request', {}, {});
/** After so long it is looked at once more by itself, should whoever sent it have died before handing it over. */
const SOON_MS = 2_000;

/**
 * What other systems tell requests. A message belongs to the step that has waited for its name and subject longest, of a
 * request its sender may report to; where none does yet, it is kept until one waits, or its time is over.
 */
@Injectable()
export class MessagesService {
  private readonly logger = new Logger('messages');

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly definitions: DefinitionsService,
    private readonly transitions: Transitions,
    private readonly cursors: Cursors,
  ) {}

  /**
   * Takes a message in and hands it over if a step waits for it. Throws 409 WORKFLOW_MESSAGE_REUSED, and, with nothing kept,
   * 409 WORKFLOW_MESSAGE_UNEXPECTED where it may not wait and nobody waits for it, 422 WORKFLOW_FORM_INVALID where it is not
   * what the step asks for.
   */
  async send(actor: Actor, input: SendMessage): Promise<MessageView> {
    const senderId = personBehind(actor);
    const { id } = await this.database.withTenant(actor, (tx) =>
      idempotent(tx, actor, async () => {
        // Nor does anybody send the same one meanwhile.
        await holdMessages(tx, actor.foundationId, [input, ...(input.messageId === undefined ? [] : [{ name: '#', key: input.messageId }])]);
        const before = input.messageId === undefined ? null : await tx.workflowMessage.findFirst({ where: { messageId: input.messageId } });
        if (before) {
          if (fingerprint(before.name, before.key, before.payload) !== fingerprint(input.name, input.key, input.payload)) throw new Problem('WORKFLOW_MESSAGE_REUSED');
          return { id: before.id };
        }
        const found = await this.receiver(tx, actor, { ...input, senderId }, { lock: false });
        if (found.to) answerOf(found.to.published, found.to.node, found.to.boundary, input.payload);
        else if (input.waitMinutes === 0) throw new Problem('WORKFLOW_MESSAGE_UNEXPECTED');
        const made = uuidv7();
        const now = Date.now();
        await tx.workflowMessage.create({
          data: {
            id: made, foundationId: actor.foundationId, name: input.name, key: input.key, messageId: input.messageId ?? null, payload: input.payload as object, sentBy: actorKey(actor), senderId,
            expiresAt: new Date(now + Math.max(input.waitMinutes, 1) * 60_000), tryAt: found.to ? new Date(now + SOON_MS) : null,
          },
        });
        await this.audit.record(tx, actor, messageSent(made, input));
        return { id: made };
      }),
    );
    await this.deliver(actor.foundationId, id);
    return this.database.withTenant(actor, async (tx) => this.view(tx, await tx.workflowMessage.findUniqueOrThrow({ where: { id } })));
  }

  /** Hands over what may be, in any foundation, up to `limit`; resolves to how many were. */
  async deliverDue(limit = 100): Promise<number> {
    const due = await this.database.asWorker(async (client) => {
      const { rows } = await client.query<{ id: string; foundation_id: string }>(
        `SELECT id, foundation_id FROM workflow_message WHERE delivered_at IS NULL AND try_at <= now() AND expires_at > now() ORDER BY try_at LIMIT $1`,
        [limit],
      );
      return rows;
    });
    let delivered = 0;
    for (const { id, foundation_id: foundationId } of due) if (await this.deliver(foundationId, id)) delivered += 1;
    return delivered;
  }

  /** Those that no request has got yet, or all, newest first. */
  async list(actor: Actor, query: ListMessagesQuery): Promise<Page<MessageView>> {
    await this.permissions.require(actor, 'workflow:administer', ANY_REQUEST);
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('workflow/messages', query),
        query,
        (take, after) => tx.workflowMessage.findMany({ where: { ...(query.waiting === 'true' ? { deliveredAt: null } : {}), ...(query.name === undefined ? {} : { name: query.name }), ...(after ? { id: { lt: after[0]! } } : {}) }, orderBy: { id: 'desc' }, take }),
        (row) => [row.id],
      );
      const items: MessageView[] = [];
      for (const row of page.items) items.push(await this.view(tx, row));
      return { items, nextCursor: page.nextCursor };
    });
  }

  /** Gives up a message that no request has got. Throws 404, 409 WORKFLOW_MESSAGE_DELIVERED. */
  async discard(actor: Actor, id: string): Promise<void> {
    await this.permissions.require(actor, 'workflow:administer', ANY_REQUEST);
    await this.database.withTenant(actor, async (tx) => {
      await tx.$executeRaw`SELECT FROM workflow_message WHERE id = ${id}::uuid FOR UPDATE`;
      const row = await tx.workflowMessage.findUnique({ where: { id } });
      if (!row) throw new Problem('NOT_FOUND');
      if (row.deliveredAt) throw new Problem('WORKFLOW_MESSAGE_DELIVERED');
      await tx.workflowMessage.delete({ where: { id } });
      await this.audit.record(tx, actor, messageDiscarded(id, row));
    });
  }

  /** Whether a request got it now. */
  private async deliver(foundationId: string, id: string): Promise<boolean> {
    const actor = systemActor('message', foundationId);
    try {
      return await this.database.withTenant(actor, async (tx) => {
        const message = await tx.workflowMessage.findUnique({ where: { id } });
        if (!message || message.deliveredAt) return false;
        const found = await this.receiver(tx, actor, message, { lock: true });
        if (!found.to) {
          // Looked for once more, so that nobody begins to wait just now and is not seen.
          await holdMessages(tx, foundationId, [message]);
          const now = await this.receiver(tx, actor, message, { lock: false });
          if (now.to) return false;
          if (now.denied) throw new Error('a step waits for it whose request its sender may not report to');
          await tx.$executeRaw`UPDATE workflow_message SET try_at = NULL, attempts = 0, last_error = NULL WHERE id = ${id}::uuid AND delivered_at IS NULL`;
          return false;
        }
        const { row, taskId, boundary, node, published } = found.to;
        const mine = await tx.$queryRaw<object[]>`SELECT 1 AS mine FROM workflow_message WHERE id = ${id}::uuid AND delivered_at IS NULL FOR UPDATE SKIP LOCKED`;
        if (mine.length === 0) return false;
        const answer = answerOf(published, node, boundary, message.payload as Record<string, unknown>);
        await this.transitions.run(tx, actor, row, { type: 'message', task: taskId, boundary, ...(answer ? { answer } : {}), form: row.form }, { message: { id, sentBy: message.sentBy } });
        await tx.$executeRaw`UPDATE workflow_message SET delivered_at = now(), task_id = ${taskId}::uuid, try_at = NULL, last_error = NULL WHERE id = ${id}::uuid`;
        return true;
      });
    } catch (error) {
      const what = inTheWay(error);
      this.logger.warn({ message: id, what }, 'a message could not be handed over');
      await this.database.withTenant(actor, (tx) => tx.$executeRaw`
        UPDATE workflow_message SET attempts = attempts + 1, last_error = ${what}, try_at = ${TRIED_AGAIN_AT}
         WHERE id = ${id}::uuid AND delivered_at IS NULL`);
      return false;
    }
  }

  /** The step that gets a message, with its request, locked if asked; `denied`: one waits, but not for this sender. */
  private async receiver(tx: Tx, actor: Actor, { name, key, senderId }: { name: string; key: string; senderId: string }, { lock }: { lock: boolean }) {
    let denied = false;
    for (const { instanceId, taskId, boundary } of await waitingFor(tx, name, key)) {
      const row = lock ? await this.transitions.locked(tx, actor, instanceId) : (await readInstance(tx, instanceId, null, false))!;
      const task = row.tasks.find((each) => each.id === taskId && (boundary === null || !each.fired.includes(boundary)));
      if (!task || row.state !== 'running') continue;
      if (await this.mayReport(tx, actor, senderId, row)) return { to: { row, taskId, boundary, node: task.node, published: await this.definitions.byId(tx, row.definition_id) }, denied };
      denied = true;
    }
    return { to: null, denied };
  }

  /** Whoever holds `workflow:complete` for it, but nobody about what they filed themselves, nor for who filed it and has lent them something. */
  private async mayReport(tx: Tx, actor: Actor, personId: string, row: InstanceRow): Promise<boolean> {
    if (personId === row.initiator_id || (await lends(tx, row.initiator_id, personId))) return false;
    return (await this.permissions.whoMay(tx, actor, 'workflow:complete', requestFacts(row), [personId])).has(personId);
  }

  private async view(tx: Tx, row: WorkflowMessage): Promise<MessageView> {
    const task = row.taskId === null ? null : await tx.workflowTask.findUnique({ where: { id: row.taskId }, select: { instanceId: true, node: true } });
    return {
      id: row.id, name: row.name, key: row.key, messageId: row.messageId, sentBy: row.sentBy, createdAt: row.createdAt.toISOString(), expiresAt: row.expiresAt.toISOString(),
      state: row.deliveredAt ? 'delivered' : row.expiresAt.getTime() <= Date.now() ? 'expired' : 'waiting',
      delivered: task && { at: row.deliveredAt!.toISOString(), instanceId: task.instanceId, node: task.node }, problem: row.lastError,
    };
  }
}

/** What a step is filled in with. Throws 422 WORKFLOW_FORM_INVALID. */
function answerOf({ validateAnswer }: PublishedDefinition, node: string, boundary: number | null, payload: Record<string, unknown>): Record<string, unknown> | undefined {
  const validate = boundary === null ? validateAnswer.get(node) : undefined;
  if (!validate) return undefined;
  const problems = formProblems(validate, payload).map((each) => ({ ...each, pointer: each.pointer.replace('#/form', '#/payload') }));
  if (problems.length > 0) throw new Problem('WORKFLOW_FORM_INVALID', { count: problems.length }, problems);
  return payload;
}

const fingerprint = (name: string, key: string, payload: unknown) => createHash('sha256').update(canonicalize([name, key, payload])!).digest('hex');
