import { Injectable } from '@nestjs/common';
import type { ValidateFunction } from 'ajv';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { type Actor, PermissionPort, Problem } from '../../access';
import { Cursors, idempotent, listName, namingConstraints, type PageRequest } from '../../http';
import { Database, type Tx, type WorkflowDefinition } from '../../platform/database';
import { AuditService } from '../audit';
import { type Definition, definitionHash, formValidator } from './definition';
import { readDefinition } from './gate';
import { definitionPublished } from './workflow.events';

export interface PublishedDefinition {
  id: string;
  definition: Definition;
  validateForm: ValidateFunction;
}

/** Versions of definitions: immutable, named by the hash of their content. */
@Injectable()
export class DefinitionsService {
  // A version never changes, so what is kept of it never grows stale.
  private readonly compiled = new LRUCache<string, PublishedDefinition>({ max: 500 });

  constructor(
    private readonly database: Database,
    private readonly audit: AuditService,
    private readonly permissions: PermissionPort,
    private readonly cursors: Cursors,
  ) {}

  async list(actor: Actor, query: PageRequest) {
    return this.database.withTenant(actor, async (tx) => {
      const page = await this.cursors.page(
        listName('workflow/definitions', query),
        query,
        (take, after) =>
          tx.workflowDefinition.findMany({
            where: after ? { OR: [{ key: { gt: after[0]! } }, { key: after[0]!, number: { lt: Number(after[1]) } }] } : {},
            orderBy: [{ key: 'asc' }, { number: 'desc' }],
            take,
          }),
        (row) => [row.key, String(row.number)],
      );
      return { items: page.items.map(toSummary), nextCursor: page.nextCursor };
    });
  }

  /** The newest version of a key. */
  async newest(actor: Actor, key: string) {
    return this.database.withTenant(actor, async (tx) => toResponse(await this.newestRow(tx, key)));
  }

  /** Publishes a new version; publishing the newest once more answers with it and changes nothing. */
  async publish(actor: Actor, document: unknown) {
    await this.permissions.require(actor, 'workflow:publish', {});
    return this.database.withTenant(actor, (tx) => idempotent(tx, actor, async () => toResponse(await this.publishIn(tx, actor, document))));
  }

  /** The same inside a transaction already open. */
  async publishIn(tx: Tx, actor: Actor, document: unknown): Promise<WorkflowDefinition> {
    const { definition, problems } = readDefinition(document);
    if (!definition) throw new Problem('WORKFLOW_DEFINITION_INVALID', { count: problems.length }, problems);
    const hash = definitionHash(definition);
    const newest = await tx.workflowDefinition.findFirst({ where: { key: definition.key }, orderBy: { number: 'desc' } });
    if (newest?.hash === hash) return newest;
    const row = await namingConstraints({ workflow_definition_foundation_id_key_number_key: () => new Problem('STALE_VERSION'), workflow_definition_foundation_id_key_hash_key: () => new Problem('CODE_TAKEN', { field: 'version (it was published before)' }) }, () =>
      tx.workflowDefinition.create({
        data: { id: uuidv7(), foundationId: actor.foundationId, key: definition.key, number: (newest?.number ?? 0) + 1, hash, document: definition as object },
      }),
    );
    await this.audit.record(tx, actor, definitionPublished(row));
    return row;
  }

  /** A version, ready to run. */
  async byId(tx: Tx, id: string): Promise<PublishedDefinition> {
    const known = this.compiled.get(id);
    if (known) return known;
    const row = await tx.workflowDefinition.findFirst({ where: { id } });
    if (!row) throw new Problem('NOT_FOUND');
    return this.compile(row);
  }

  async byKey(tx: Tx, key: string): Promise<PublishedDefinition> {
    const row = await this.newestRow(tx, key);
    return this.compiled.get(row.id) ?? this.compile(row);
  }

  private compile(row: WorkflowDefinition): PublishedDefinition {
    const definition = row.document as unknown as Definition;
    const published = { id: row.id, definition, validateForm: formValidator(definition) };
    this.compiled.set(row.id, published);
    return published;
  }

  private async newestRow(tx: Tx, key: string): Promise<WorkflowDefinition> {
    const row = await tx.workflowDefinition.findFirst({ where: { key }, orderBy: { number: 'desc' } });
    if (!row) throw new Problem('NOT_FOUND');
    return row;
  }
}

const toSummary = (row: WorkflowDefinition) => ({ id: row.id, key: row.key, number: row.number, hash: row.hash, publishedAt: row.publishedAt.toISOString() });
const toResponse = (row: WorkflowDefinition) => ({ ...toSummary(row), document: row.document as Record<string, unknown> });
