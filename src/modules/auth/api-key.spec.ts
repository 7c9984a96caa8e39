import fc from 'fast-check';
import { makeApiKey, parseApiKey } from './api-key';

describe('the text of an API key', () => {
  it('is read back as it was made', () => {
    for (let n = 0; n < 100; n += 1) {
      const made = makeApiKey(n % 2 === 0);
      expect(made.text).toMatch(n % 2 === 0 ? /^gl_live_/ : /^gl_test_/);
      expect(parseApiKey(made.text)).toEqual({ keyId: made.keyId, secret: made.secret });
    }
  });

  it('with any one character changed is no key', () => {
    const { text } = makeApiKey(true);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: text.length - 1 }), fc.constantFrom(...'abcxyz0189_-ABZ'), (at, character) => {
        fc.pre(text[at] !== character);
        expect(parseApiKey(text.slice(0, at) + character + text.slice(at + 1))).toBeNull();
      }),
    );
  });
});
