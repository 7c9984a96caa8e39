import type { Response } from 'supertest';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- how Jest's own types are extended
  namespace jest {
    interface Matchers<R> {
      /** An RFC 9457 problem with this status and stable code. */
      toBeProblem(status: number, code: string): R;
    }
  }
}

expect.extend({
  toBeProblem(response: Response, status: number, code: string) {
    const body = response.body as { status?: number; code?: string };
    const pass = response.status === status && body.status === status && body.code === code && (response.headers['content-type'] ?? '').startsWith('application/problem+json');
    return { pass, message: () => `expected ${pass ? 'not ' : ''}problem ${status} ${code}, got ${response.status} ${response.headers['content-type']} ${JSON.stringify(response.body)}` };
  },
});
