import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AddressRefused, isReachable, OutboundHttp } from './index';

describe('outgoing requests', () => {
  let server: Server;
  let port: number;
  let hits = 0;
  beforeAll(async () => {
    server = createServer((request, response) => {
      hits += 1;
      if (request.url === '/redirect') response.writeHead(302, { location: `http://127.0.0.1:${port}/` }).end();
      else if (request.url === '/large') response.end(Buffer.alloc(100_000));
      else response.end('ok');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => new Promise((done) => server.close(done)));
  const client = (allowed: string[]) => new OutboundHttp({ outboundAllowedCidrs: allowed });

  it.each(['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0', '100.64.0.1', '::1', '::ffff:127.0.0.1', 'fd00::1', 'fe80::1', '224.0.0.1', 'nonsense'])('do not reach %s', (address) => {
    expect(isReachable(address, [])).toBe(false);
  });

  it('reach public addresses, and private ones allowed on purpose', () => {
    expect(isReachable('93.184.216.34', [])).toBe(true);
    expect(isReachable('2606:2800:220:1::1', [])).toBe(true);
    expect(isReachable('10.1.2.3', ['10.1.0.0/16'])).toBe(true);
    expect(isReachable('10.2.2.3', ['10.1.0.0/16'])).toBe(false);
  });

  it('are refused before anything is sent, by literal address and by name', async () => {
    const before = hits;
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '2130706433']) {
      await expect(client([]).send(`http://${host}:${port}/`, { method: 'GET' })).rejects.toThrow(/not one outgoing requests may reach/);
    }
    await expect(client([]).send('file:///etc/passwd', { method: 'GET' })).rejects.toThrow(AddressRefused);
    expect(hits).toBe(before);
  });

  it('follow no redirect and read no more than asked for', async () => {
    const allowed = client(['127.0.0.0/8']);
    expect(await allowed.send(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' })).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect((await allowed.send(`http://localhost:${port}/redirect`, { method: 'GET' })).status).toBe(302);
    await expect(allowed.send(`http://127.0.0.1:${port}/large`, { method: 'GET', maxBytes: 1_000 })).rejects.toThrow('larger than 1000');
    await allowed.onApplicationShutdown();
  });

  it('end, however slowly what is asked goes on answering', async () => {
    const dripping = createServer((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    await new Promise<void>((done) => dripping.listen(0, '127.0.0.1', done));
    const allowed = Object.assign(client(['127.0.0.0/8']), { wholeMs: 300 });
    await expect(allowed.send(`http://127.0.0.1:${(dripping.address() as AddressInfo).port}/`, { method: 'POST', body: '{}' })).rejects.toThrow(/timeout/i);
    await allowed.onApplicationShutdown();
    dripping.closeAllConnections();
    await new Promise((done) => dripping.close(done));
  });
});
