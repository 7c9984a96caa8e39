import fc from 'fast-check';
import { parallel, step } from '../../../test/support/workflow-definitions';
import { type Answer, approvedAlready, givenAgain, keptApart } from './separation';

const definition = { nodes: { a: step('b'), b: step('c', { notActorOf: ['a'] }), c: step('d', { notActorOf: ['a', 'b'], differentDepartment: true }), d: parallel('done'), s: { type: 'service' as const, title: { en: 's', id: 's' }, to: 'done' } } };
const answer = (node: string, people: string[], more: Partial<Answer> = {}): Answer => ({ node, people, verb: 'approve', stands: true, ...more });
const apart = (name: string, answers: Answer[], department: string[] = []) => [...keptApart(definition, name, { initiatorId: 'siti', answers, department })].sort();

describe('separation of duty', () => {
  it('keeps whoever filed it from every step', () => {
    for (const name of [...Object.keys(definition.nodes), 'nowhere']) expect([name, apart(name, [])]).toEqual([name, ['siti']]);
  });

  it('keeps from a step everybody who had to do with those it is kept apart from, and nobody else', () => {
    const answers = [answer('a', ['ani', 'budi']), answer('b', ['cici'], { verb: 'reject' }), answer('s', ['dedi'], { verb: 'complete' })];
    expect([apart('a', answers), apart('b', answers), apart('c', answers), apart('s', answers)]).toEqual([['cici', 'siti'], ['ani', 'budi', 'siti'], ['ani', 'budi', 'cici', 'siti'], ['siti']]);
    expect(apart('b', [answer('a', ['ani'], { verb: 'return' }), answer('a', ['budi'], { stands: false }), answer('a', ['cici'], { verb: 'abstain' })])).toEqual(['cici', 'siti']);
  });

  it('keeps apart both ways, but of what has to be answered again', () => {
    const facts = { initiatorId: 'siti', department: [], answers: [answer('b', ['cici'], { verb: 'reject' }), answer('c', ['dedi'], { stands: false }), answer('s', ['eko'])] };
    expect([apart('a', facts.answers), apart('c', facts.answers)]).toEqual([['cici', 'siti'], ['cici', 'siti']]);
    expect(apart('a', [answer('b', ['ani'], { verb: 'return' })])).toEqual(['siti']);
    expect([apart('a', [answer('b', ['ani'], { again: true })]), apart('c', [answer('b', ['ani'], { again: true })])]).toEqual([['siti'], ['ani', 'siti']]);
  });

  it('keeps colleagues of the department only from steps that ask for another', () => {
    expect([apart('b', [], ['eko']), apart('c', [], ['eko', 'fitri'])]).toEqual([['siti'], ['eko', 'fitri', 'siti']]);
  });

  it('never keeps fewer apart the more has been answered', () => {
    const anAnswer = fc.record({ node: fc.constantFrom('a', 'b', 'c', 's'), people: fc.array(fc.constantFrom('ani', 'budi', 'cici'), { minLength: 1, maxLength: 2 }), verb: fc.constantFrom('approve' as const, 'reject' as const, 'return' as const), stands: fc.boolean() });
    fc.assert(
      fc.property(fc.array(anAnswer, { maxLength: 6 }), anAnswer, fc.constantFrom('a', 'b', 'c'), (answers, one, name) => {
        for (const person of apart(name, answers)) expect(apart(name, [...answers, one])).toContain(person);
        // By the letter: somebody is kept apart exactly when some answer says so.
        const others: Record<string, readonly string[]> = { a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'b'] };
        for (const person of ['ani', 'budi', 'cici']) {
          const says = answers.some((each) => each.stands && each.verb !== 'return' && each.people.includes(person as never) && others[name]!.includes(each.node));
          expect([person, apart(name, answers).includes(person)]).toEqual([person, says]);
        }
      }),
    );
  });

  it('knows who has approved themselves, not in whose place, and not what no longer counts', () => {
    expect([...approvedAlready([answer('a', ['ani', 'budi']), answer('b', ['cici'], { verb: 'reject' }), answer('b', ['dedi'], { stands: false }), answer('c', [])])]).toEqual(['ani']);
  });

  it('lets people look again at what was led back past them, and at no more', () => {
    const answers = [{ ...answer('a', ['ani']), at: 1 }, { ...answer('b', ['budi']), at: 2 }, { ...answer('c', ['cici']), at: 3 }, { ...answer('c', ['dedi']), at: 7 }, { ...answer('a', ['eka']), at: 9 }];
    const approved = (...ledBack: { to: string; at: number }[]) => [...approvedAlready(givenAgain({ start: 'a', ...definition }, answers, ledBack))];
    expect(approved({ to: 'b', at: 5 })).toEqual(['ani', 'dedi', 'eka']);
    expect(approved({ to: 'c', at: 5 }, { to: 'a', at: 1 })).toEqual(['budi', 'dedi', 'eka']);
    expect(approved({ to: 'a', at: 8 })).toEqual(['eka']);
  });
});
