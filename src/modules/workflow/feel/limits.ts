/** What one evaluation may use up. */
export const LIMITS = { characters: 2_000, depth: 32, steps: 10_000, list: 1_000, text: 65_536 } as const;

/** An evaluation has used up what it may: never a wrong answer, never a process that hangs. */
export class ExpressionLimit extends Error {
  constructor(readonly limit: keyof typeof LIMITS) {
    super(`more than ${LIMITS[limit]} ${WORDS[limit]}`);
  }
}

const WORDS: Record<keyof typeof LIMITS, string> = { characters: 'characters', depth: 'parts inside one another', steps: 'steps', list: 'elements of a list', text: 'characters of text' };
