import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readProjectFile, root } from '../support/documents';
import { FakeS3 } from '../support/fake-s3';
import { recordDrill, sessionToken } from '../support/prodlike';

const DOMAIN = 'harapan.sch.id';
const NAME = `api.${DOMAIN}`;
const ORGANIZATION = 'org_2x';

/** The commands of docs/deployment.md below a heading, as they stand there. */
function commandsBelow(heading: string): string[] {
  const section = readProjectFile('docs/deployment.md').split(/^(?=#{2,3} )/m).find((each) => each.startsWith(`${heading}\n`));
  const commands = [...(section ?? '').matchAll(/```bash\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
  if (commands.length === 0) throw new Error(`docs/deployment.md has no commands below "${heading}"`);
  return commands;
}

/** docs/deployment.md, literally, on a Debian with systemd that holds Node and git: from nothing to a TLS-served, backed-up cluster. */
describe('a clean Debian machine', () => {
  const machine = `gloria-machine-${process.pid}`;
  const work = mkdtempSync(join(tmpdir(), 'gloria-machine-'));
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
  const store = new FakeS3('gloria-backups');
  let environment: Record<string, string>;
  let address: string;
  let authority: string;
  let folder = '/root';

  const podman = (...args: string[]): Promise<{ code: number; output: string }> =>
    new Promise((done) => {
      const child = spawn('podman', args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.on('exit', (code) => done({ code: code ?? 1, output }));
    });
  const inside = (command: string) => podman('exec', '--workdir', folder, machine, 'bash', '-c', command);
  /** What stands for the world outside, and is no command of the document. */
  const outside = async (command: string) => {
    const { code, output } = await inside(`set -euo pipefail; ${command}`);
    if (code !== 0) throw new Error(`${command}\n${output}`);
    return output.trim();
  };
  const started = async () => {
    const until = Date.now() + 60_000;
    for (;;) {
      const state = (await inside('systemctl is-system-running')).output.trim();
      if (/running|degraded/.test(state)) break;
      if (Date.now() > until) throw new Error(`systemd: ${state}`);
      await pause(500);
    }
    address = (await podman('inspect', machine, '--format', '{{.NetworkSettings.IPAddress}}')).output.trim();
  };
  /** The name that leads to the machine, after each start. */
  const named = () => outside(`echo '127.0.0.1 ${NAME}' >> /etc/hosts`);
  const startAuthority = async () => {
    await outside(`cd /opt/world; nohup pebble-challtestsrv -dns01 127.0.0.1:8053 -management 127.0.0.1:8055 -http01 '' -https01 '' -tlsalpn01 '' -defaultIPv4 127.0.0.1 -defaultIPv6 '' >dns.log 2>&1 &
      PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 nohup pebble -config pebble.json -dnsserver 127.0.0.1:8053 >pebble.log 2>&1 &
      timeout 20 bash -c 'until curl -sk -o root.pem https://localhost:15000/roots/0; do sleep 0.2; done'`);
    authority = await outside('cat /opt/world/root.pem');
  };
  /** Runs one command of the document where the one before it left the shell. */
  const run = async (line: string) => {
    const command = line.replaceAll('<repository>', '/srv/repository.git').replaceAll('school.example', DOMAIN);
    if (command === 'reboot') {
      expect((await podman('restart', '--time', '60', machine)).code).toBe(0);
      await started();
      await named();
      return '';
    }
    const { code, output } = await inside(`${command}\ncode=$?; pwd > /tmp/folder; exit $code`);
    if (code !== 0) throw new Error(`"${line}" ended with ${code}:\n${output}`);
    folder = (await inside('cat /tmp/folder')).output.trim();
    return output;
  };
  const runAll = async (heading: string) => {
    const outputs: Record<string, string> = {};
    for (const command of commandsBelow(heading)) outputs[command] = await run(command);
    return outputs;
  };
  const call = (path: string, options: { method?: string; token?: string; body?: object } = {}): Promise<{ status: number; text: string; release: string }> =>
    new Promise((done, fail) => {
      const outgoing = request({ host: address, port: 443, path, method: options.method ?? 'GET', servername: NAME, ca: authority, agent: false, headers: { host: NAME, ...(options.token ? { authorization: `Bearer ${options.token}` } : {}), ...(options.body ? { 'content-type': 'application/json' } : {}) } }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => done({ status: response.statusCode ?? 0, text, release: String(response.headers['x-gloria-release']).split(';')[0]! }));
      });
      outgoing.on('error', fail);
      outgoing.end(options.body && JSON.stringify(options.body));
    });
  const token = () => sessionToken({ issuer: `https://clerk.${DOMAIN}`, organization: ORGANIZATION, clerkUser: 'user_agus', privateKey, authorizedParty: `https://app.${DOMAIN}` });

  beforeAll(async () => {
    const built = spawnSync(process.execPath, [join(root, 'scripts/image.mjs'), '--machine'], { cwd: root, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(built.stderr);
    const { image, environment: found } = JSON.parse(built.stdout.trim().split('\n').at(-1)!) as { image: string; environment: Record<string, string> };
    environment = found;
    // The repository an operator clones: this commit as v1.0.0, and a next release after it.
    const repository = join(work, 'repository.git');
    const git = (...args: string[]) => {
      const { status, stderr } = spawnSync('git', ['-c', 'user.name=Gloria', '-c', 'user.email=gloria@localhost', ...args], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
    };
    git('clone', '--quiet', root, join(work, 'author'));
    git('-C', join(work, 'author'), 'tag', 'v1.0.0');
    git('-C', join(work, 'author'), 'commit', '--quiet', '--allow-empty', '-m', 'the next release');
    git('-C', join(work, 'author'), 'tag', 'v1.1.0');
    git('clone', '--quiet', '--bare', join(work, 'author'), repository);
    const { code, output } = await podman('run', '--detach', '--name', machine, '--hostname', 'gloria', '--systemd=always', '--shm-size', '256m', '--volume', `${repository}:/srv/repository.git:ro`, image, '/sbin/init');
    if (code !== 0) throw new Error(output);
    await started();
    await outside(`git config --system --add safe.directory '*'; mkdir -p /opt/world; cd /opt/world
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=endpoint CA' -addext keyUsage=critical,keyCertSign
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=localhost
      openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nextendedKeyUsage=serverAuth\\n') -out cert.pem
      cp ca.pem /usr/local/share/ca-certificates/endpoint.crt; update-ca-certificates
      echo '{"pebble":{"listenAddress":"127.0.0.1:14000","managementListenAddress":"127.0.0.1:15000","certificate":"cert.pem","privateKey":"key.pem","httpPort":80,"tlsPort":443,"ocspResponderURL":"","externalAccountBindingRequired":false}}' > pebble.json`);
    await named();
    await startAuthority();
    await store.start((await podman('inspect', machine, '--format', '{{.NetworkSettings.Gateway}}')).output.trim());
  }, 900_000);
  afterAll(async () => {
    await podman('rm', '--force', '--time', '1', machine);
    store.stop();
    rmSync(work, { recursive: true, force: true });
  }, 60_000);

  it('is prepared, and prepared again without a change', async () => {
    await runAll('### 1. Node and the kit');
    const prepared = await runAll('### 2. Prepare the host');
    expect(Object.values(prepared)[0]).toContain('Prepared.');
    const state = () => outside('cd /; cat /srv/gloria/{host.conf,app.env,backup.env} /etc/pgbackrest.conf /etc/redis/users.acl /etc/nginx/nginx.conf /etc/systemd/system/gloria* /srv/gloria/tls/cert.pem; sudo -u postgres pgbackrest --stanza=gloria info --output=json | grep -o \'"label":"[^"]*"\'');
    const before = await state();
    await runAll('### 2. Prepare the host');
    expect(await state()).toBe(before);
    // The world outside: where the authority and the bucket are, and what Clerk's dashboard shows.
    await outside('printf "ACME_SERVER=https://localhost:14000/dir\\nTLS_CA=/opt/world/root.pem\\n" >> /srv/gloria/host.conf');
    const variables = { CLERK_ISSUER: `https://clerk.${DOMAIN}`, CLERK_JWT_KEY: publicKey.trim().replace(/\n/g, '\\\\n'), CLERK_AUTHORIZED_PARTIES: `https://app.${DOMAIN}`, CORS_ORIGINS: `https://app.${DOMAIN}` };
    for (const [name, value] of Object.entries(variables)) await outside(`sed -i "s#^${name}=.*#${name}='${value}'#" /srv/gloria/app.env`);
    const recipient = await outside('age-keygen -o /opt/world/identity 2>&1 | sed "s/Public key: //"; chmod 644 /opt/world/identity');
    const bucket = { BACKUP_AGE_RECIPIENTS: recipient, BACKUP_S3_ENDPOINT: store.endpoint, BACKUP_S3_ACCESS_KEY_ID: store.accessKeyId, BACKUP_S3_SECRET_ACCESS_KEY: store.secretAccessKey };
    for (const [name, value] of Object.entries(bucket)) await outside(`sed -i "s#^${name}=.*#${name}=${value}#" /srv/gloria/backup.env`);
  }, 600_000);

  it('gets a certificate, deploys, and is served over TLS', async () => {
    await runAll('### 4. Certificate');
    const start = Date.now();
    const outputs = await runAll('### 5. Deploy');
    const [plan, deployed, verified] = Object.values(outputs);
    expect(plan).toMatch(/nothing (was|is) changed|dry/i);
    expect(deployed).toContain('v1.0.0');
    expect(verified).toContain('✔');
    expect((await call('/health/live')).status).toBe(200);
    // Details are for operators, who come from elsewhere.
    expect((await call('/health/ready')).status).toBe(404);
    expect((await call('/api/v1/me')).status).toBe(401);
    recordDrill('clean-machine', { deploySeconds: (Date.now() - start) / 1000 });
  }, 600_000);

  it('has a foundation whose administrator signs in', async () => {
    const [, created] = Object.values(await runAll('### 6. The foundation'));
    const { code } = JSON.parse(created!.slice(created!.indexOf('{'))) as { code: string };
    expect((await call('/api/v1/people', { token: token() })).status).toBe(403);
    const linked = await call('/api/v1/me/link', { method: 'POST', token: token(), body: { code } });
    expect([linked.status < 300, linked.text]).toEqual([true, expect.any(String)]);
    expect(await call('/api/v1/me', { token: token() })).toMatchObject({ status: 200, text: expect.stringContaining('Agus Wibowo') });
  }, 120_000);

  it('is backed up, comes back after a reboot, and what was backed up can be restored', async () => {
    const outputs = await runAll('### 7. Prove it');
    expect(outputs['sudo -iu gloria kit/scripts/backup.sh list']).toMatch(/\d{4}-\d\d-\d\d/);
    expect(outputs['sudo -u postgres pgbackrest --stanza=gloria info']).toMatch(/status: ok[\s\S]*full backup/);
    expect([...store.objects.keys()].some((key) => key.startsWith('production/'))).toBe(true);
    expect((await inside('systemctl list-units --failed --no-legend --plain')).output.trim()).toBe('');
    expect(await outside('systemctl list-timers --all --no-legend | grep -o "gloria-[a-z-]*.timer" | sort')).toBe('gloria-backup.timer\ngloria-certificate.timer\ngloria-pgbackrest-full.timer\ngloria-pgbackrest-incr.timer');
    expect((await call('/api/v1/me', { token: token() })).status).toBe(200);
    // The machine that holds the private key, here the same one with a database server.
    await outside(`cd /; sudo -u postgres psql -qc "CREATE ROLE elsewhere SUPERUSER LOGIN PASSWORD 'elsewhere'"; sed 's#^BACKUP_AGE_IDENTITY_FILE=.*#BACKUP_AGE_IDENTITY_FILE=/opt/world/identity#; s#^BACKUP_VERIFY_DATABASE_URL=.*#BACKUP_VERIFY_DATABASE_URL=postgresql://elsewhere:elsewhere@127.0.0.1:5432/postgres#' /srv/gloria/backup.env > /opt/world/backup.env; chown gloria /opt/world/backup.env; chmod 600 /opt/world/backup.env`);
    expect(await outside('sudo -u gloria BACKUP_ENV_FILE=/opt/world/backup.env /srv/gloria/kit/scripts/backup.sh verify')).toMatch(/✔ restored and equal: .* rows in \d+ tables/);
  }, 300_000);

  it('takes the next release, and the way back', async () => {
    const before = (await call('/health/live')).release;
    const outputs = await runAll('## The next release');
    expect(Object.values(outputs)[0]).toContain('The kit is at v1.1.0.');
    expect(Object.values(outputs)[2]).toContain('v1.0.0');
    expect((await call('/health/live')).release).toBe(before);
    expect((await call('/api/v1/me', { token: token() })).status).toBe(200);
  }, 600_000);

  it('turns its logs, and its database can be recovered as far as the archive reaches', async () => {
    expect(await outside('logrotate -f /etc/logrotate.d/gloria; ls /var/log/gloria')).toMatch(/nginx-access\.log\.1|nginx-access\.log-/);
    expect((await call('/api/v1/me', { token: token() })).status).toBe(200);
    expect(await outside('grep -c /api/v1/me /var/log/gloria/nginx-access.log')).not.toBe('0');
    await outside('/srv/gloria/kit/scripts/maintenance.sh on; /srv/gloria/kit/scripts/recover-database.sh --latest; /srv/gloria/kit/scripts/maintenance.sh off');
    expect(await outside('sudo -iu gloria kit/scripts/verify-deployment.sh --deadline 60')).toContain('✔');
    expect(await call('/api/v1/me', { token: token() })).toMatchObject({ status: 200, text: expect.stringContaining('Agus Wibowo') });
  }, 300_000);
});
