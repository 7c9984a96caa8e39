import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { isRowId, isRowKind, Problem, type ResourceFacts, RowSources } from '../../access';
import { everyRow, type Tx } from '../../platform/database';
import type { resourceAsked } from './permissions.dto';

export type ResourceAsked = z.output<typeof resourceAsked>;

/** What is known about the rows that questions name. */
@Injectable()
export class AskedRows {
  constructor(private readonly sources: RowSources) {}

  /**
   * The facts of each row asked about, in their order. One of our own that is only named – type and id, and nothing said
   * about it – is read; of any other, what is said counts. Throws 404 NOT_FOUND for an unknown unit.
   */
  async factsOf(tx: Tx, asked: readonly (ResourceAsked | undefined)[]): Promise<(ResourceFacts | undefined)[]> {
    const units = [...new Set(asked.flatMap((row) => row?.unitId ?? []))];
    const found = units.length === 0 ? [] : await everyRow(tx, 'reference').orgUnit.findMany({ where: { id: { in: units }, deletedAt: null }, select: { id: true, path: true } });
    if (found.length !== units.length) throw new Problem('NOT_FOUND');
    const paths = new Map(found.map(({ id, path }) => [id, path]));
    const named = new Map<string, string[]>();
    for (const row of asked) if (row && isNamed(row)) named.set(row.type!, [...(named.get(row.type!) ?? []), row.id!]);
    const read = new Map<string, ResourceFacts>();
    for (const [type, ids] of named) if (isRowKind(type)) for (const facts of await this.sources.of(type).facts(tx, ids)) read.set(`${type}:${facts.id}`, facts);
    return asked.map((row) => {
      if (!row) return undefined;
      const { unitId, ...facts } = row;
      return read.get(`${row.type}:${row.id}`) ?? { ...facts, unitPath: unitId === undefined ? undefined : paths.get(unitId) };
    });
  }
}

const isNamed = ({ type, id, ownerPersonId, unitId, properties }: ResourceAsked) =>
  type !== undefined && isRowKind(type) && id !== undefined && isRowId(id) && ownerPersonId === undefined && unitId === undefined && properties === undefined;
