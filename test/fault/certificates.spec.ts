import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { root } from '../support/documents';
import { freePort } from '../support/processes';
import { ProdlikeHost, recordDrill, runToEnd, succeeded } from '../support/prodlike';

/** Certificates by ACME from a real authority's software (Pebble), validated over HTTP through the host's own nginx. */
describe('a certificate', () => {
  let host: ProdlikeHost;
  const programs: ChildProcess[] = [];
  let environment: Record<string, string>;
  let authority: ChildProcess;
  let startAuthority: () => Promise<void>;

  const served = () =>
    new Promise<{ serial: string; issuer: string }>((done, fail) => {
      const socket = connect({ host: '127.0.0.1', port: host.is.ports.https, servername: host.is.serverName, rejectUnauthorized: false }, () => {
        const certificate = socket.getPeerCertificate();
        socket.end();
        done({ serial: certificate.serialNumber, issuer: String(certificate.issuer.CN) });
      });
      socket.on('error', fail);
    });
  const answers = async (url: string) => {
    while (spawnSync('curl', ['-sk', '-o', '/dev/null', url]).status !== 0) await pause(100);
  };

  beforeAll(async () => {
    spawnSync(process.execPath, ['--input-type=module', '-e', `import { ensurePackages } from '${root}/scripts/debian.mjs'; ensurePackages(['certbot', 'pebble']);`], { stdio: 'inherit' });
    host = await ProdlikeHost.start('certificates', {}, ['--no-deploy']);
    const dir = join(host.is.dir, 'pebble');
    mkdirSync(dir);
    const [acme, management, dns, dnsManagement, tls] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=endpoint CA', '-addext', 'keyUsage=critical,keyCertSign');
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=localhost');
    writeFileSync(join(dir, 'extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
    openssl('x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'extensions', '-out', 'cert.pem');
    writeFileSync(join(dir, 'pebble.json'), JSON.stringify({ pebble: { listenAddress: `127.0.0.1:${acme}`, managementListenAddress: `127.0.0.1:${management}`, certificate: join(dir, 'cert.pem'), privateKey: join(dir, 'key.pem'), httpPort: host.is.ports.http, tlsPort: tls, ocspResponderURL: '', externalAccountBindingRequired: false } }));
    programs.push(spawn('pebble-challtestsrv', ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`, '-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv4', '', '-defaultIPv6', ''], { stdio: 'ignore' }));
    startAuthority = async () => {
      authority = spawn('pebble', ['-config', join(dir, 'pebble.json'), '-dnsserver', `127.0.0.1:${dns}`], { stdio: 'ignore', env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' } });
      programs.push(authority);
      await answers(`https://localhost:${acme}/dir`);
    };
    await startAuthority();
    await answers(`http://127.0.0.1:${dnsManagement}/`);
    execFileSync('curl', ['-s', '-d', JSON.stringify({ host: `${host.is.serverName}.`, addresses: ['127.0.0.1'] }), `http://127.0.0.1:${dnsManagement}/add-a`]);
    appendFileSync(join(host.is.home, 'host.conf'), `ACME_SERVER=https://localhost:${acme}/dir\nACME_EMAIL=admin@${host.is.serverName}\n`);
    environment = { ...host.environment, PATH: process.env.PATH!, REQUESTS_CA_BUNDLE: join(dir, 'ca.pem') };
  }, 180_000);
  afterAll(async () => {
    for (const program of programs) program.kill('SIGTERM');
    await host?.stop();
  }, 60_000);

  const certificate = (...args: string[]) => runToEnd(join(root, 'scripts/certificate.sh'), args, environment);

  it('is got and renewed by ACME; nginx goes on, and no request is lost meanwhile', async () => {
    const master = readFileSync(join(host.is.home, 'nginx/nginx.pid'), 'utf8');
    const first = await served();
    expect(first.issuer).toBe('Gloria prodlike CA');
    const issued = await certificate();
    succeeded(issued);
    await pause(500);
    const second = await served();
    expect(second.issuer).toMatch(/Pebble/);

    let asked = 0;
    const failed: string[] = [];
    let running = true;
    const asking = (async () => {
      while (running) {
        const { status } = spawnSync('curl', ['-sk', '-m', '2', '-o', '/dev/null', '--resolve', `${host.is.serverName}:${host.is.ports.https}:127.0.0.1`, `https://${host.is.serverName}:${host.is.ports.https}/`]);
        asked += 1;
        if (status !== 0) failed.push(`curl ${status}`);
        await pause(5);
      }
    })();
    const started = Date.now();
    const renewed = await certificate('--force');
    succeeded(renewed);
    await pause(500);
    running = false;
    await asking;
    const third = await served();
    expect(third.serial).not.toBe(second.serial);
    expect(readFileSync(join(host.is.home, 'nginx/nginx.pid'), 'utf8')).toBe(master);
    expect([failed, asked > 50]).toEqual([[], true]);
    recordDrill('certificate', { renewalSeconds: (Date.now() - started) / 1000, asked, failed: 0 });
    // Not due: nothing happens, and that is success.
    expect(await certificate()).toMatchObject({ code: 0, output: expect.stringContaining('not yet due') });
    expect((await served()).serial).toBe(third.serial);
  }, 120_000);

  it('that cannot be got, or that nginx refuses, leaves the one that is served', async () => {
    const before = await served();
    authority.kill('SIGKILL');
    await pause(200);
    const unreachable = await certificate('--force');
    expect([unreachable.code, unreachable.output]).toEqual([1, expect.stringContaining('the one that is served stays')]);
    expect(await served()).toEqual(before);

    // A key that does not fit its certificate, as a half-written renewal would leave them.
    const lineage = join(host.is.dir, 'lineage');
    mkdirSync(lineage);
    writeFileSync(join(lineage, 'fullchain.pem'), readFileSync(host.is.tls.certificate));
    execFileSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', join(lineage, 'privkey.pem')], { stdio: 'ignore' });
    chmodSync(join(lineage, 'privkey.pem'), 0o600);
    const refused = await runToEnd(join(root, 'scripts/certificate.sh'), ['install'], { ...environment, RENEWED_LINEAGE: lineage });
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('nginx refuses the new certificate; the old one stays')]);
    expect(spawnSync('bash', ['-c', `nginx -t -q -c ${join(host.is.home, 'nginx/nginx.conf')}`]).status).toBe(0);
    expect(await served()).toEqual(before);
  }, 60_000);
});
