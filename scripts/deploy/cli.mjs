// What these programs share: arguments, steps that are told as they happen, an end with a clear message.
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readHost } from './host.mjs';
import { Refusal } from './refusal.mjs';

export function homeOrRefuse() {
  const home = process.env.GLORIA_HOME ?? '/srv/gloria';
  return readHost(home);
}

/** Where the output of a run is kept, once its host is known. */
let log = null;

/** Keeps everything said from now on in a file too, and outlives the terminal it was started from: a connection that is lost ends no deployment. */
export function outliveTerminal(host, name) {
  mkdirSync(host.logs, { recursive: true });
  log = join(host.logs, `${name}.log`);
  keep(`\n${new Date().toISOString()} ${process.argv.slice(2).join(' ')}\n`);
  process.on('SIGHUP', () => keep('The terminal is gone; this goes on.\n'));
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

function keep(text) {
  if (!log) return;
  try {
    appendFileSync(log, text);
  } catch {
    // A full disk must not end what is under way; what was done stands in releases.jsonl.
    log = null;
  }
}

export function print(text) {
  keep(text);
  process.stdout.write(text);
}

/** Says what is done, with the seconds since the start; steps are numbered so that a log can be followed. */
export function narrator(count) {
  const begun = Date.now();
  let number = 0;
  const stamp = () => `${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s`;
  return {
    step: (name, text) => print(`${stamp()}  [${++number}/${count}] ${name}: ${text}\n`),
    say: (text) => print(`${stamp()}        ${text}\n`),
    seconds: () => Math.round((Date.now() - begun) / 100) / 10,
  };
}

/** Runs `work` and turns what it throws into a message and an exit code. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    if (error.code === 'ENOSPC') error = new Refusal(1, `the disk is full (${error.path ?? 'writing'}). Nothing more was done: make room, then run the same command again`);
    const expected = error instanceof Refusal;
    keep(`✘ ${expected ? error.message : error.stack}\n`);
    process.stderr.write(`\n✘ ${expected ? error.message : error.stack}\n`);
    process.exitCode = expected ? error.exitCode : 70;
  }
}

export const kitOf = (url) => join(new URL('.', url).pathname, '..', '..');
