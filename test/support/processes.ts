import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from './documents';

/** A built process of the product, running on its own. */
export interface Running {
  child: ChildProcess;
  url: string;
  output: () => string;
  /** kill -9. */
  kill: () => Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop: () => Promise<number | null>;
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Starts dist/main.js or dist/worker.js and resolves once it says it is ready. */
export async function startProcess(entry: 'main' | 'worker', environment: Record<string, string>): Promise<Running> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, `dist/${entry}.js`)], {
    cwd: root,
    env: { PATH: process.env.PATH, ...environment, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = once(child, 'exit');
  await Promise.race([once(child, 'message'), ended.then(() => { throw new Error(`${entry} did not start:\n${text}`); })]);
  const finish = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  };
  return { child, url: `http://127.0.0.1:${port}`, output: () => text, kill: async () => void (await finish('SIGKILL')), stop: () => finish('SIGTERM') };
}
