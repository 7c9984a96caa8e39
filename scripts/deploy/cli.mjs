// What both programs share: arguments, steps that are told as they happen, an end with a clear message.
import { join } from 'node:path';
import { readHost } from './host.mjs';
import { Refusal } from './refusal.mjs';

export function homeOrRefuse() {
  const home = process.env.GLORIA_HOME ?? '/srv/gloria';
  return readHost(home);
}

/** Says what is done, with the seconds since the start; steps are numbered so that a log can be followed. */
export function narrator(count) {
  const begun = Date.now();
  let number = 0;
  const stamp = () => `${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s`;
  return {
    step: (name, text) => process.stdout.write(`${stamp()}  [${++number}/${count}] ${name}: ${text}\n`),
    say: (text) => process.stdout.write(`${stamp()}        ${text}\n`),
    seconds: () => Math.round((Date.now() - begun) / 100) / 10,
  };
}

/** Runs `work` and turns what it throws into a message and an exit code. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    const expected = error instanceof Refusal;
    process.stderr.write(`\n✘ ${expected ? error.message : error.stack}\n`);
    process.exitCode = expected ? error.exitCode : 70;
  }
}

export const kitOf = (url) => join(new URL('.', url).pathname, '..', '..');
