import { isDatabaseUnavailable } from './database-errors';

describe('what a database that is not there says', () => {
  it.each([
    new Error('Client has encountered a connection error and is not queryable'),
    new Error('Connection terminated unexpectedly'),
    Object.assign(new Error('server conn crashed?'), { code: '08P01' }),
    Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' }),
    Object.assign(new Error('sorry, too many clients already'), { code: '53300' }),
    Object.assign(new Error('wrapped'), { cause: new Error('connect ECONNREFUSED 127.0.0.1:5432') }),
    new Error('timeout exceeded when trying to connect'),
    ...['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028'].map((code) => Object.assign(new Error('closed'), { code })),
    ...['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections'].map((kind) => Object.assign(new Error('Raw query failed'), { code: 'P2010', meta: { driverAdapterError: Object.assign(new Error(kind), { cause: { kind } }) } })),
  ])('is known: %s', (error) => expect(isDatabaseUnavailable(error)).toBe(true));

  it.each([new Error('something else'), Object.assign(new Error('duplicate key'), { code: '23505' }), Object.assign(new Error('Raw query failed'), { code: 'P2010', meta: { driverAdapterError: Object.assign(new Error('x'), { cause: { kind: 'SyntaxError' } }) } }), null, 'text'])('is not taken for a defect or a refusal: %s', (error) => expect(isDatabaseUnavailable(error)).toBe(false));
});
