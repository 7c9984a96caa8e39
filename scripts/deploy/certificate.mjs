import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** Whole days until the first certificate of a PEM file expires; negative where it has; -Infinity where there is none to read. */
export function daysLeft(file) {
  if (!existsSync(file)) return -Infinity;
  try {
    return Math.floor((Date.parse(new X509Certificate(readFileSync(file)).validTo) - Date.now()) / 86_400_000);
  } catch {
    return -Infinity;
  }
}
