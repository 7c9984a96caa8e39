import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Problem } from '../access';
import { Keyring, mac, sameMac } from '../platform/keyring';

export const MAX_PAGE = 200;

/** The query parameters every list takes; spread into a list's own schema. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50).meta({ description: `Rows a page, at most ${MAX_PAGE}` }),
  cursor: z.string().max(2_000).optional().meta({ description: '`nextCursor` of the page before' }),
};

export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

export interface Page<T> {
  items: T[];
  /** Opaque; null on the last page. */
  nextCursor: string | null;
}

/** The schema of a page of something. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable().meta({ description: 'Send it as `cursor` for the next page; null on the last' }) });

/**
 * Cursors: where a page ended, signed. `list` names the list and its filters, so that a cursor from another list, or
 * for other filters, is refused like a forged one (400 CURSOR_INVALID).
 */
@Injectable()
export class Cursors {
  constructor(private readonly keyring: Keyring) {}

  async encode(list: string, position: readonly string[]): Promise<string> {
    const { kid, bytes } = await this.keyring.current('cursor');
    const body = Buffer.from(JSON.stringify(position)).toString('base64url');
    return `${kid}.${body}.${mac(bytes, 'cursor', `${list}\0${body}`).toString('base64url')}`;
  }

  async decode(list: string, cursor: string): Promise<string[]> {
    const [kid, body, signature, ...rest] = cursor.split('.');
    if (!kid || !body || !signature || rest.length > 0 || !/^\d{1,6}$/.test(kid)) throw new Problem('CURSOR_INVALID');
    const key = await this.keyring.find('cursor', kid);
    if (!key || !sameMac(mac(key.bytes, 'cursor', `${list}\0${body}`), Buffer.from(signature, 'base64url'))) throw new Problem('CURSOR_INVALID');
    return JSON.parse(Buffer.from(body, 'base64url').toString()) as string[];
  }

  /**
   * One page of a list. `fetch` gets how many rows to read (one more than asked for) and where the page before ended;
   * `position` says where a row stands, in the order of the list.
   */
  async page<R>(
    list: string,
    request: PageRequest,
    fetch: (take: number, after: string[] | null) => Promise<R[]>,
    position: (row: R) => readonly string[],
  ): Promise<Page<R>> {
    const after = request.cursor ? await this.decode(list, request.cursor) : null;
    const rows = await fetch(request.limit + 1, after);
    const items = rows.slice(0, request.limit);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > request.limit && last !== undefined ? await this.encode(list, position(last)) : null };
  }
}

/** A list's name for its cursors: the list and whatever filters it. */
export function listName(name: string, filters: object): string {
  const given = Object.entries(filters).filter(([key, value]) => key !== 'limit' && key !== 'cursor' && value !== undefined);
  return `${name}?${JSON.stringify(given.sort())}`;
}
