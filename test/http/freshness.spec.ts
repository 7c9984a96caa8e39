import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import Redis from 'ioredis';
import { RowSources } from '../../src/access';
import { WarmUp } from '../../src/modules/permissions';
import { decide } from '../../src/modules/permissions/decide';
import { Subjects } from '../../src/modules/permissions/subjects.service';
import { Database } from '../../src/platform/database';
import { Freshness, LEASE_MS } from '../../src/platform/freshness';
import { aFoundation, startApp, type TestApp, World } from '../support/app';
import { connected } from '../support/database';

/** Two applications on one database, as two processes behind a balancer are. */
describe('what an instance knows', () => {
  let one: TestApp;
  let two: TestApp;
  let here: World;
  let there: World;
  let ids: Awaited<ReturnType<World['ids']>>;
  beforeAll(async () => {
    one = await startApp({ REDIS_URL: '' });
    two = await startApp({ REDIS_URL: process.env.TEST_REDIS_URL ?? '' });
    here = await aFoundation(one);
    there = new World(two, here.organization, here.code);
    ids = await here.ids();
  });
  afterAll(async () => {
    await one.close();
    await two.close();
  });
  const leased = (app: TestApp) => app.app.get(Freshness).leased(ids.foundation);
  const untilLeased = async (app: TestApp) => {
    while (!leased(app)) await new Promise((done) => setTimeout(done, 5));
  };
  const until = async (so: () => boolean) => {
    while (!so()) await new Promise((done) => setTimeout(done, 5));
  };
  const may = async (world: World, permission = 'audit:read') => ((await world.as('siti').post('/permissions/check', { permission }).expect(200)).body as { allowed: boolean; version: string });
  const give = async () => (await here.as('dewi').post('/grants', { permission: 'audit:read', scope: 'all', subject: { type: 'person', id: ids.person('siti') } }).expect(201)).body as { id: string };

  it('is asked for once, and then not at all while it has a lease and nothing changes', async () => {
    await untilLeased(two);
    await there.as('siti').get('/me/permissions').expect(200);
    const database = two.app.get(Database);
    let asked = 0;
    const query = jest.spyOn(database.hotPool, 'query').mockImplementation(((...given: unknown[]) => {
      asked += 1;
      return (Object.getPrototypeOf(database.hotPool) as { query: (...args: unknown[]) => unknown }).query.apply(database.hotPool, given);
    }) as never);
    for (let round = 0; round < 20; round += 1) await there.as('siti').get('/me/permissions').expect(200);
    query.mockRestore();
    // A slow machine may lose the lease for a moment.
    expect(asked).toBeLessThan(5);
  });

  it('names places that mean the same before and after other units come and go', async () => {
    const subjects = one.app.get(Subjects);
    const people = (await here.as('dewi').get('/people?limit=200').expect(200)).body.items as { id: string }[];
    const known = async () => {
      const moment = await one.app.get(Freshness).ask(ids.foundation);
      return Promise.all(people.map(({ id }) => subjects.get(ids.foundation, id, moment)));
    };
    const before = await known();
    // It comes first, so that every number of the tree moves.
    await here.as('dewi').post('/schools', { code: '000', name: 'First of all' }).expect(201);
    const after = await known();
    const units = (await here.as('dewi').get('/departments?limit=200').expect(200)).body.items as { id: string }[];
    const rows = await one.app.get(Database).withTenant({ foundationId: ids.foundation }, (tx) => one.app.get(RowSources).of('unit').facts(tx, units.map(({ id }) => id)));
    const answers = (held: typeof before) => held.map((subject) => rows.map((resource) => ['organization:read', 'workflow:read', 'person:read'].map((permission) => decide(subject, { permission, resource }).allowed)));
    expect(answers(before)).toEqual(answers(after));
    const given = answers(after).flat(2);
    expect([given.includes(true), given.includes(false)]).toEqual([true, true]);
  });

  it('is never older than a change that was answered, whoever made it', async () => {
    await untilLeased(one);
    await untilLeased(two);
    for (let round = 0; round < 20; round += 1) {
      const grant = await give();
      expect((await may(there)).allowed).toBe(true);
      const revoked = await here.as('dewi').delete(`/grants/${grant.id}`).expect(204);
      const { allowed, version } = await may(there);
      expect([round, allowed]).toEqual([round, false]);
      expect(BigInt(version)).toBeGreaterThanOrEqual(BigInt(revoked.headers['x-authorization-version'] as string));
    }
  });

  it('ends with the session, on every instance at once', async () => {
    await untilLeased(two);
    await there.as('lina').get('/me').expect(200);
    await there.as('lina').get('/me').expect(200);
    await here.as('lina').delete(`/me/sessions/${here.sessionOf('lina') ?? there.sessionOf('lina')}`).expect(204);
    const same = there.sessionOf('lina');
    expect(same).toBeDefined();
    await here.as('dewi').delete(`/sessions/${same}`);
    expect(await there.as('lina').get('/me')).toBeProblem(401, 'AUTH_SESSION_ENDED');
  });

  it('is at least what a caller has seen, and no version there has not been', async () => {
    const made = (await here.as('dewi').post('/roles', { code: 'seen', name: 'Seen' }).expect(201)).headers['x-authorization-version'] as string;
    const ask = (atLeast: string) => there.as('siti').post('/permissions/check', { permission: 'workflow:submit', atLeast });
    expect(BigInt(((await ask(made).expect(200)).body as { version: string }).version)).toBeGreaterThanOrEqual(BigInt(made));
    expect(await ask((BigInt(made) + 5n).toString())).toBeProblem(400, 'REQUEST_INVALID');
    expect(await ask('soon')).toBeProblem(400, 'REQUEST_INVALID');
  });

  it('of one that is gone is waited for as long as its lease may last, once', async () => {
    await untilLeased(two);
    await connected(one.database.adminUrl, (client) => client.query('INSERT INTO authz_lease (instance_id, foundation_id, v) VALUES ($1, $2, 0)', [randomUUID(), ids.foundation]));
    const timed = async () => {
      const from = performance.now();
      await here.as('dewi').delete(`/grants/${(await give()).id}`).expect(204);
      return performance.now() - from;
    };
    expect(await timed()).toBeGreaterThanOrEqual(LEASE_MS);
    await connected(one.database.adminUrl, async (client) => {
      const { rows } = await client.query('SELECT count(*)::int AS n FROM authz_lease WHERE foundation_id = $1 AND v = 0', [ids.foundation]);
      expect(rows).toEqual([{ n: 0 }]);
    });
  });

  it('is prepared when an instance starts, for those who came last', async () => {
    await here.as('siti').get('/me/permissions').expect(200);
    const third = await startApp();
    try {
      expect(await third.app.get(WarmUp).run()).toBeGreaterThanOrEqual(1);
      const database = third.app.get(Database);
      const facts = jest.spyOn(database, 'hot');
      await new World(third, here.organization, here.code).as('siti').get('/me/permissions').expect(200);
      expect(facts.mock.calls.filter(([text]) => text.includes('gloria_subject'))).toEqual([]);
    } finally {
      await third.close();
    }
  });

  it('is left behind by nobody who ends in good order', async () => {
    const third = await startApp();
    await new World(third, here.organization, here.code).as('siti').get('/me/permissions').expect(200);
    await untilLeased(third);
    const rows = () => connected(one.database.adminUrl, async (client) => (await client.query('SELECT instance_id FROM authz_lease WHERE foundation_id = $1', [ids.foundation])).rows.length);
    const before = await rows();
    await third.close();
    expect(await rows()).toBe(before - 1);
  });

  it.each(['PostgreSQL', 'an answer of its own'])('is not restored by a beat that was under way when %s told of a newer head', async (teller) => {
    await untilLeased(one);
    const freshness = one.app.get(Freshness);
    const inside = freshness as unknown as { client: { query: (text: string, values: unknown[]) => Promise<unknown> }; hear: (message: string, endsLease: boolean) => void };
    const { client } = inside;
    const query = client.query.bind(client);
    const { v } = leased(one)!;
    await new Promise<void>((told) => {
      client.query = async (text, values) => {
        const answer = await query(text, values);
        if (!text.includes('gloria_beat')) return answer;
        client.query = query;
        // Read before it, told of after it, and only now back.
        if (teller === 'PostgreSQL') inside.hear(`${ids.foundation}:${v + 1n}`, true);
        else freshness.learn(ids.foundation, v + 1n);
        setImmediate(told);
        return answer;
      };
    });
    expect(leased(one)).toBeNull();
    await untilLeased(one);
    expect(leased(one)!.v).toBe(v);
  });

  it('outlives a Redis that takes a subscription and does not answer', async () => {
    const at = new URL(process.env.TEST_REDIS_URL ?? '');
    const [port, host] = [Number(at.port), at.hostname];
    let deaf = false;
    let unanswered = 0;
    const sockets = new Set<Socket>();
    const between = createServer((socket) => {
      const onward = connect(port, host);
      for (const each of [socket, onward]) {
        sockets.add(each);
        each.on('error', () => undefined).on('close', () => (socket.destroy(), onward.destroy()));
      }
      socket.on('data', (data) => {
        if (deaf && /\r\nsubscribe\r\n/i.test(data.toString())) unanswered += 1;
        else onward.write(data);
      });
      onward.on('data', (data) => socket.write(data));
    });
    await new Promise<void>((listening) => between.listen(0, '127.0.0.1', listening));
    const refused: unknown[] = [];
    const note = (error: unknown) => refused.push(error);
    process.on('unhandledRejection', note);
    at.port = String((between.address() as AddressInfo).port);
    at.hostname = '127.0.0.1';
    const three = await startApp({ REDIS_URL: at.href });
    try {
      await until(() => sockets.size >= 4);
      deaf = true;
      for (const socket of sockets) socket.destroy();
      await until(() => unanswered > 0);
      await new Promise((done) => setTimeout(done, 200));
      expect(refused).toEqual([]);
      expect((await three.http.get('/health/ready')).status).toBe(200);
    } finally {
      process.off('unhandledRejection', note);
      await three.close();
      for (const socket of sockets) socket.destroy();
      between.close();
    }
  });

  it('is not what somebody says who can only reach Redis', async () => {
    await untilLeased(two);
    const before = leased(two)!.v;
    const redis = new Redis(process.env.TEST_REDIS_URL ?? '');
    await redis.publish('gloria_authz', `${ids.foundation}:999999999999`);
    await redis.publish('gloria_authz', 'nonsense');
    redis.disconnect();
    await new Promise((done) => setTimeout(done, 100));
    expect(leased(two)?.v ?? before).toBe(before);
  });

  it('counts for nothing once the database has gone back', async () => {
    await untilLeased(two);
    const grant = await give();
    expect((await may(there)).allowed).toBe(true);
    await untilLeased(two);
    const { v } = leased(two)!;
    // What recovery to an earlier moment looks like to an instance that went on running: an older head, another history.
    await connected(one.database.adminUrl, async (client) => {
      await client.query('BEGIN');
      await client.query(`SET LOCAL session_replication_role = 'replica'`);
      await client.query('DELETE FROM grant_rule WHERE id = $1', [grant.id]);
      await client.query('UPDATE authz_head SET v = v - 3, stamp = gen_random_uuid() WHERE foundation_id = $1', [ids.foundation]);
      await client.query('COMMIT');
    });
    while ((leased(two)?.v ?? v) >= v) await new Promise((done) => setTimeout(done, 10));
    expect((await may(there)).allowed).toBe(false);
    // Changes are waited for as before, although their versions have been there already.
    for (let round = 0; round < 5; round += 1) {
      const again = await give();
      expect((await may(there)).allowed).toBe(true);
      await here.as('dewi').delete(`/grants/${again.id}`).expect(204);
      expect((await may(there)).allowed).toBe(false);
    }
  });

  it('is not what the database is told by somebody who can only send messages', async () => {
    await untilLeased(two);
    await connected(one.database.appUrl, (client) => client.query(`SELECT pg_notify('gloria_authz', $1)`, [`${ids.foundation}:999999999999`]));
    await new Promise((done) => setTimeout(done, 100));
    const grant = await give();
    expect((await may(there)).allowed).toBe(true);
    await here.as('dewi').delete(`/grants/${grant.id}`).expect(204);
    expect((await may(there)).allowed).toBe(false);
  });
});
