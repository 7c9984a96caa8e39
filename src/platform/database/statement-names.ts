import type { Pool } from 'pg';

/** Statements a process names: far more than it has, far fewer than would weigh on a connection. */
const MOST = 500;

/**
 * Names for statements, so that PostgreSQL plans each once a connection and not each time. Only what is sent again is
 * named, and only so much: lists of changing length are texts without end.
 */
export class StatementNames {
  private readonly names = new Map<string, string>();
  private readonly once = new Set<string>();
  private direct = false;

  /** Names are kept by a server process; a pooler hands a connection to another one with each transaction. It has a process id of its own, by which it is known. */
  async learn(pool: Pool): Promise<void> {
    const client = await pool.connect();
    try {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      this.direct = (client as unknown as { processID: number | null }).processID === rows[0]!.pid;
    } finally {
      client.release();
    }
  }

  /** The name of a statement; empty: it has none. */
  of(sql: string): string {
    if (!this.direct) return '';
    const known = this.names.get(sql);
    if (known !== undefined || this.names.size >= MOST) return known ?? '';
    if (!this.once.has(sql)) {
      if (this.once.size >= MOST) this.once.clear();
      this.once.add(sql);
      return '';
    }
    this.once.delete(sql);
    const name = `s${this.names.size}`;
    this.names.set(sql, name);
    return name;
  }
}
