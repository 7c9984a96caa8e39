import { Injectable } from '@nestjs/common';
import type { RowKindName } from './row-kinds';
import type { ResourceFacts, RowFilter } from './rows';

/** How the rows of a kind are found, by the module that keeps them. `tx` is an open transaction of their foundation. */
export interface RowSource {
  /** Ids of the living rows a filter lets through, ascending, after one; `take` at most. */
  ids(tx: object, filter: RowFilter, take: number, after: string | null): Promise<string[]>;
  /** What a permission is asked about these living rows; those there are not are left out. */
  facts(tx: object, ids: readonly string[]): Promise<ResourceFacts[]>;
}

/** Every kind of rows there is, for whoever asks about rows of any kind: modules register theirs when they are made. */
@Injectable()
export class RowSources {
  private readonly sources = new Map<RowKindName, RowSource>();

  register(kind: RowKindName, source: RowSource): void {
    if (this.sources.has(kind)) throw new Error(`rows of kind ${kind} have a source already`);
    this.sources.set(kind, source);
  }

  of(kind: RowKindName): RowSource {
    const source = this.sources.get(kind);
    if (!source) throw new Error(`rows of kind ${kind} have no source`);
    return source;
  }
}
