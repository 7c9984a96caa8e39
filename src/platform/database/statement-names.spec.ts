import { StatementNames } from './statement-names';

/** A connection as far as names are concerned: which server process it says it is, and which answers. */
const connection = (said: number, answers: number) => ({ connect: () => Promise.resolve({ processID: said, query: () => Promise.resolve({ rows: [{ pid: answers }] }), release: () => undefined }) }) as unknown as Parameters<StatementNames['learn']>[0];

describe('names of statements', () => {
  it('are given to what is sent again, one each, and to no more than five hundred', async () => {
    const names = new StatementNames();
    await names.learn(connection(7, 7));
    expect([names.of('a'), names.of('a'), names.of('b'), names.of('a'), names.of('b')]).toEqual(['', 's0', '', 's0', 's1']);
    for (let n = 0; n < 2_000; n += 1) names.of(`once ${n}`);
    for (let n = 0; n < 2_000; n += 1) for (let times = 0; times < 2; times += 1) names.of(`often ${n}`);
    expect([names.of('a'), names.of('often 0'), names.of('often 497'), names.of('often 498'), names.of('often 498')]).toEqual(['s0', 's2', 's499', '', '']);
  });

  it('are given to nothing before it is known who answers, nor where that is another than the connection says', async () => {
    const names = new StatementNames();
    const thrice = () => [names.of('a'), names.of('a'), names.of('a')];
    expect(thrice()).toEqual(['', '', '']);
    await names.learn(connection(7, 8));
    expect(thrice()).toEqual(['', '', '']);
  });
});
