// Talks to the running API as many people: keeps each one's session token fresh, measures every call.
import { Agent, request } from 'undici';

export class Api {
  #agent = new Agent({ connections: 32, keepAliveTimeout: 30_000 });
  #tokens = new Map();
  latencies = [];
  requests = 0;

  constructor(url, organization) {
    this.url = url;
    this.organization = organization;
  }

  /** @returns {Promise<{ status: number, body: any, requestId: string }>} */
  async call(who, method, path, body, { measured = false } = {}) {
    const requestId = `replay-${process.pid}-${(this.requests += 1)}`;
    const headers = { 'content-type': 'application/json', 'x-request-id': requestId, ...(who.apiKey ? { 'x-api-key': who.apiKey } : { authorization: `Bearer ${await this.#token(who)}` }) };
    const start = performance.now();
    const answer = await request(`${this.url}/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), dispatcher: this.#agent });
    const text = await answer.body.text();
    if (measured) this.latencies.push(performance.now() - start);
    return { status: answer.statusCode, body: text ? JSON.parse(text) : null, requestId };
  }

  /** The same, for calls that must succeed. */
  async must(who, method, path, body) {
    const { status, body: answer } = await this.call(who, method, path, body);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  async #token(who) {
    const held = this.#tokens.get(who.handle);
    if (held && held.until > performance.now()) return held.token;
    const answer = await request(`${this.url}/dev/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ person: who.handle, sessionId: held?.sessionId, organization: this.organization, unlinked: true }),
      dispatcher: this.#agent,
    });
    if (answer.statusCode !== 200) throw new Error(`${this.url} has no development issuer (HTTP ${answer.statusCode}); the replay needs one to sign people in`);
    const { token, sessionId } = await answer.body.json();
    this.#tokens.set(who.handle, { token, sessionId, until: performance.now() + 45_000 });
    return token;
  }

  close() {
    return this.#agent.destroy();
  }
}
