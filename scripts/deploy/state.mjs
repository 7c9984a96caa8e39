// What is remembered between runs: who is deploying (lock), how far a run came (journal), what was done (releases.jsonl).
import { spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './host.mjs';
import { Refusal } from './refusal.mjs';

/**
 * Takes the host's one deployment lock, or throws Refusal (75) naming who holds it. flock(2) on a descriptor of this
 * process: it ends with the process, however that ends, and programs started from here do not inherit it.
 */
export function takeLock(host, what) {
  mkdirSync(host.state, { recursive: true });
  const handle = openSync(host.lock, 'a+');
  const { status } = spawnSync('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', handle] });
  const holder = `${host.lock}.json`;
  if (status !== 0) {
    closeSync(handle);
    const by = existsSync(holder) ? JSON.parse(readFileSync(holder, 'utf8')) : null;
    throw new Refusal(75, `another deployment is under way${by ? `: ${by.what}, process ${by.pid}, since ${by.since}` : ''}; nothing was changed`);
  }
  writeFileSync(holder, JSON.stringify({ pid: process.pid, what, since: new Date().toISOString() }));
  return () => {
    rmSync(holder, { force: true });
    closeSync(handle);
  };
}

const journalFile = (host) => join(host.state, 'journal.json');

/** What a run under way, or one that was cut off, had reached; null where none was. */
export function readJournal(host) {
  return existsSync(journalFile(host)) ? JSON.parse(readFileSync(journalFile(host), 'utf8')) : null;
}
export const writeJournal = (host, entry) => writeWhole(journalFile(host), `${JSON.stringify(entry)}\n`);
export const clearJournal = (host) => rmSync(journalFile(host), { force: true });

const historyFile = (host) => join(host.state, 'releases.jsonl');

/** Every deployment and return so far, oldest first. A last line that a crash cut off is left out. */
export function readHistory(host) {
  if (!existsSync(historyFile(host))) return [];
  return readFileSync(historyFile(host), 'utf8').split('\n').flatMap((line) => {
    try {
      return line ? [JSON.parse(line)] : [];
    } catch {
      return [];
    }
  });
}

/** The same where something has failed already: a disk that takes no record must not hide why. @returns what could not be written, or null */
export function recordFailure(host, entry) {
  try {
    record(host, entry);
    clearJournal(host);
    return null;
  } catch (error) {
    return `state/releases.jsonl does not say so: ${error.message}`;
  }
}

export function record(host, entry) {
  mkdirSync(host.state, { recursive: true });
  const file = historyFile(host);
  const cutOff = existsSync(file) && !readFileSync(file, 'utf8').endsWith('\n') && readFileSync(file, 'utf8') !== '';
  const handle = openSync(file, 'a');
  try {
    appendFileSync(handle, `${cutOff ? '\n' : ''}${JSON.stringify({ at: new Date().toISOString(), environment: host.settings.ENVIRONMENT, ...entry })}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  if (entry.result === 'live') writeWhole(join(host.home, '.last-deployed-version'), `${entry.version}\n`);
}
