import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const root = join(__dirname, '../..');

export const readProjectFile = (path: string) => readFileSync(join(root, path), 'utf8');

/** Compares a generated document with the committed one; `npm run docs:generate` rewrites it instead. */
export function expectCommitted(path: string, generated: string): void {
  const file = join(root, path);
  if (process.env.UPDATE_DOCS === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, generated);
  }
  const committed = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (committed !== generated) throw new Error(`${path} is not what the code says; run npm run docs:generate and read the difference`);
  expect(committed).toBe(generated);
}
