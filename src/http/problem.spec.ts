import { Problem, PROBLEMS } from '../access';
import { postgresError, isDatabaseUnavailable } from '../platform/database';
import { localeOf } from './problem.filter';
import { pointer } from './validation.pipe';

describe('problems', () => {
  it('have both languages for every code, with the same placeholders', () => {
    for (const [code, { en, id, status }] of Object.entries(PROBLEMS)) {
      const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      expect([code, names(en)]).toEqual([code, names(id)]);
      expect(status).toBeGreaterThanOrEqual(400);
    }
    expect(new Problem('PERMISSION_DENIED', { permission: 'a:b' }).detail('en')).toContain('a:b');
  });

  it('point into the body by RFC 6901', () => {
    expect(pointer(['a/b', 'c~d', 3, 'e f'])).toBe('#/a~1b/c~0d/3/e%20f');
    expect(pointer([])).toBe('#');
  });

  it.each([[undefined, 'id'], ['en-US,en;q=0.9', 'en'], ['id', 'id'], ['fr', 'id'], ['fr, en;q=0.3', 'en'], ['*', 'id']])('for Accept-Language %s speak %s', (header, locale) => {
    expect(localeOf(header)).toBe(locale);
  });

  it('tell a database that refused from one that is gone', () => {
    expect(postgresError({ code: 'P2010', meta: { driverAdapterError: { cause: { originalCode: 'GL007', originalMessage: 'no audit event names x' } } } })).toEqual({ sqlState: 'GL007', constraint: null, message: 'no audit event names x' });
    expect(postgresError({ code: '23505', constraint: 'x_key' })).toMatchObject({ sqlState: '23505', constraint: 'x_key' });
    expect(postgresError(new Error('anything'))).toBeNull();
    expect(isDatabaseUnavailable(Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1')))).toBe(true);
    expect(isDatabaseUnavailable({ code: '57P01' })).toBe(true);
    expect(isDatabaseUnavailable({ code: '53300' })).toBe(true);
    expect(isDatabaseUnavailable({ code: '23505' })).toBe(false);
    expect(isDatabaseUnavailable(new TypeError('x is not a function'))).toBe(false);
  });
});
