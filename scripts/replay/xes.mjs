// Reads event logs in XES (IEEE 1849), streamed, gzipped or not: one case at a time, whatever the log's size.
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { SaxesParser } from 'saxes';

/**
 * @typedef {{ activity: string, resource: string, role: string, at: string }} LoggedEvent
 * @typedef {{ id: string, attributes: Record<string, string>, events: LoggedEvent[] }} Case
 */

/**
 * @param {string} path `.xes` or `.xes.gz`
 * @returns {AsyncGenerator<Case>} in the order of the file; throws where the file is no well-formed XES
 */
export async function* readCases(path) {
  const file = createReadStream(path);
  const source = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => source.destroy(error));

  /** @type {Case[]} */
  let ready = [];
  let current = null;
  let event = null;
  let isLog = false;
  const parser = new SaxesParser();
  parser.on('error', (error) => { throw new Error(`${path}: ${error.message}`); });
  parser.on('opentag', ({ name, attributes, isSelfClosing: _ }) => {
    if (name === 'log') isLog = true;
    else if (name === 'trace') current = { id: '', attributes: {}, events: [] };
    else if (name === 'event') event = {};
    else if (attributes.key !== undefined && attributes.value !== undefined) {
      if (event) event[attributes.key] = attributes.value;
      else if (current) current.attributes[attributes.key] = attributes.value;
    }
  });
  parser.on('closetag', ({ name }) => {
    if (name === 'event' && current) {
      current.events.push({ activity: event['concept:name'] ?? '', resource: event['org:resource'] ?? '', role: event['org:role'] ?? '', at: event['time:timestamp'] ?? '' });
      for (const [key, value] of Object.entries(event)) if (key.startsWith('(case)_')) current.attributes[key] = value;
      event = null;
    } else if (name === 'trace') {
      current.id = current.attributes['concept:name'] ?? '';
      ready.push(current);
      current = null;
    }
  });

  source.setEncoding('utf8');
  for await (const chunk of source) {
    parser.write(chunk);
    const batch = ready;
    ready = [];
    yield* batch;
  }
  parser.close();
  if (!isLog) throw new Error(`${path} is no XES log`);
  yield* ready;
}
