import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { FILE_BODY, FileStore } from '../../src/modules/files';
import { CONFIG, type Config } from '../../src/platform/config';
import { Keyring } from '../../src/platform/keyring';
import { aFoundation, aReimbursement, startApp, type TestApp, type World } from '../support/app';
import { connected } from '../support/database';
import { root } from '../support/documents';
import { Flows } from '../support/workflow';

const PDF: Buffer = Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\nCANARY-7f3a\n');

/** A ZIP of stored parts, as office documents are; nothing reads further than their names. */
function zipped(names: string[]): Buffer {
  return Buffer.concat(
    names.map((name) => {
      const head = Buffer.alloc(30);
      head.writeUInt32LE(0x04034b50, 0);
      head.writeUInt16LE(20, 4);
      head.writeUInt32LE(4, 18);
      head.writeUInt32LE(4, 22);
      head.writeUInt16LE(name.length, 26);
      return Buffer.concat([head, Buffer.from(name), Buffer.from('<a/>')]);
    }),
  );
}

interface Sent {
  id: string;
  name: string;
  contentType: string;
  bytes: number;
  sha256: string;
}

describe('files', () => {
  let testApp: TestApp;
  let world: World;
  let dir: string;
  beforeAll(async () => {
    testApp = await startApp();
    world = await aFoundation(testApp);
    dir = testApp.app.get<Config>(CONFIG).storageDir;
  });
  afterAll(() => testApp.close());

  const sent = async (by: string, name = 'receipt.pdf', bytes: Buffer = PDF) => (await world.as(by).sends(name, bytes).expect(201)).body as Sent;
  const stored = () => (existsSync(dir) ? readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name)) : []);
  const photo = (width: number, height: number) => sharp({ create: { width, height, channels: 3, background: '#336699' } });

  it('come back byte for byte, and only to who may read them', async () => {
    const file = await sent('siti', 'Kuitansi März.PDF');
    expect(file).toMatchObject({ name: 'Kuitansi März.pdf', contentType: 'application/pdf', bytes: PDF.length });
    const { body, headers } = await world.as('siti').downloads(file.id).expect(200);
    expect((body as Buffer).equals(PDF)).toBe(true);
    expect(headers).toMatchObject({ 'content-type': 'application/pdf', 'content-length': String(PDF.length), 'x-content-type-options': 'nosniff', 'content-disposition': `attachment; filename="Kuitansi M_rz.pdf"; filename*=UTF-8''Kuitansi%20M%C3%A4rz.pdf` });
    for (const other of ['joko', 'dewi']) {
      expect(await world.as(other).get(`/files/${file.id}`)).toBeProblem(404, 'NOT_FOUND');
      expect(await world.as(other).get(`/files/${file.id}/content`)).toBeProblem(404, 'NOT_FOUND');
      expect(await world.as(other).delete(`/files/${file.id}`)).toBeProblem(404, 'NOT_FOUND');
    }
    const elsewhere = await aFoundation(testApp);
    expect(await elsewhere.as('siti').get(`/files/${file.id}`)).toBeProblem(404, 'NOT_FOUND');
    await world.as('siti').delete(`/files/${file.id}`).expect(204);
    expect(await world.as('siti').get(`/files/${file.id}`)).toBeProblem(404, 'NOT_FOUND');
    expect(stored().filter((path) => path.endsWith(file.id))).toEqual([]);
    const { body: events } = await world.as('hendra').get(`/audit/events?targetId=${file.id}`).expect(200);
    expect((events.items as { action: string }[]).map(({ action }) => action)).toEqual(expect.arrayContaining(['file.stored', 'file.removed']));
  });

  it('are what they are by their content, whatever they are called', async () => {
    for (const [name, bytes] of [['a.pdf', Buffer.from('<html><script>alert(1)</script></html>')], ['a.pdf', Buffer.from('MZ\x90\x00'.repeat(40))], ['a.docx', zipped(['x.txt', 'y.txt'])], ['a.pdf', Buffer.alloc(0)], ['a.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')]] as const) {
      expect(await world.as('siti').sends(name, bytes)).toBeProblem(415, 'FILE_TYPE_UNSUPPORTED');
    }
    const names = ['[Content_Types].xml', 'word/document.xml'];
    expect((await sent('siti', 'letter.pdf', zipped(names))).name).toBe('letter.docx');
    expect((await sent('siti', '..\\..\\etc/.\u202epassed.exe', PDF)).name).toBe('passed.pdf');
    expect((await sent('siti', `${'é'.repeat(300)}.pdf`, PDF)).name).toBe(`${'é'.repeat(120)}.pdf`);
  });

  it('that are pictures are upright, of a size a page needs, and tell nothing of where they were taken', async () => {
    const taken = await photo(5_000, 2_500).withExif({ IFD0: { Copyright: 'CANARY-gps', Orientation: '6' }, IFD3: { GPSLatitude: '6/1 12/1 0/1' } }).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect((await sharp(taken).metadata()).exif).toBeDefined();
    const file = await sent('siti', 'photo.png', taken);
    expect([file.name, file.contentType]).toEqual(['photo.jpg', 'image/jpeg']);
    const { body } = await world.as('siti').downloads(file.id).expect(200);
    const { width, height, exif, orientation } = await sharp(body as Buffer).metadata();
    expect({ width, height, exif, orientation }).toEqual({ width: 1_800, height: 3_600, exif: undefined, orientation: undefined });
    for (const format of ['png', 'webp'] as const) expect((await sent('siti', 'x', await photo(20, 10).toFormat(format).toBuffer())).contentType).toBe(`image/${format}`);
    // Many at once are no harm; one that fails does not hold up the next.
    const many = await Promise.all([taken, taken.subarray(0, taken.length / 2), taken, taken].map((bytes) => world.as('siti').sends('x.jpg', bytes)));
    expect(many.map(({ status }) => status)).toEqual([201, 422, 201, 201]);
    // Half a picture, and one that unpacks to a hundred million pixels.
    expect(await world.as('siti').sends('half.jpg', taken.subarray(0, taken.length / 2))).toBeProblem(422, 'FILE_UNREADABLE');
    expect(await world.as('siti').sends('bomb.png', await photo(10_000, 10_000).png({ compressionLevel: 9 }).toBuffer())).toBeProblem(422, 'FILE_UNREADABLE');
  });

  it('have a limit that nginx, the application and its description share, and leave nothing where they are refused', async () => {
    const before = stored().length;
    const rows = () => connected(testApp.database.adminUrl, async (client) => (await client.query<{ n: number }>('SELECT count(*)::int AS n FROM stored_file WHERE bytes IS NULL')).rows[0]!.n);
    const most = Buffer.concat([PDF, Buffer.alloc(FILE_BODY.limitBytes - PDF.length)]);
    const { id } = await sent('putu', 'most.pdf', most);
    expect(await world.as('putu').sends('more.pdf', Buffer.concat([most, Buffer.alloc(1)]))).toBeProblem(413, 'BODY_TOO_LARGE');
    expect(await world.as('putu').sends('much-more.pdf', Buffer.concat([most, Buffer.alloc(3_000_000)]))).toBeProblem(413, 'BODY_TOO_LARGE');
    expect([stored().length - before, await rows()]).toEqual([1, 0]);
    await world.as('putu').delete(`/files/${id}`).expect(204);
    const nginx = Number(/location = \/api\/v1\/files \{[\s\S]*?client_max_body_size (\d+)k;/.exec(readFileSync(join(root, 'nginx/nginx.conf.template'), 'utf8'))![1]) * 1024;
    expect(nginx / FILE_BODY.limitBytes).toBeGreaterThan(1);
    expect(nginx / FILE_BODY.limitBytes).toBeLessThan(1.01);
    expect(readFileSync(join(root, 'docs/openapi.json'), 'utf8')).toContain(`at most ${FILE_BODY.limitBytes / 1024 / 1024} MiB`);
  });

  it('that are cut off on their way leave nothing, and hold nobody up', async () => {
    const before = stored();
    const whole = await photo(3_000, 3_000).jpeg().toBuffer();
    const { port } = (testApp.app.getHttpServer() as Server).address() as AddressInfo;
    const broken = request({ port, host: '127.0.0.1', path: '/api/v1/files', method: 'POST', headers: { authorization: `Bearer ${world.token('putu')}`, 'content-type': 'multipart/form-data; boundary=b', 'content-length': '5000000' } });
    broken.on('error', () => undefined);
    broken.write('--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n');
    broken.write(Buffer.concat([whole, Buffer.alloc(100_000)]));
    const rows = async () => (await connected(testApp.database.adminUrl, (client) => client.query('SELECT 1 FROM stored_file WHERE bytes IS NULL'))).rowCount;
    while ((await rows()) === 0) await pause(20);
    broken.destroy();
    expect((await sent('putu', 'a.jpg', whole)).contentType).toBe('image/jpeg');
    while ((await rows()) !== 0) await pause(20);
    expect(stored()).toHaveLength(before.length + 1);
  });

  it('refuse what is no form with one file in it', async () => {
    const { http } = testApp;
    const authorization = `Bearer ${world.token('siti')}`;
    const form = (type: string, body: string) => http.post('/api/v1/files').set({ authorization, 'content-type': type }).send(body);
    expect(await world.as('siti').post('/files', {})).toBeProblem(400, 'REQUEST_INVALID');
    expect(await form('application/pdf', 'x')).toBeProblem(415, 'CONTENT_TYPE_UNSUPPORTED');
    expect(await form('multipart/form-data', 'x')).toBeProblem(400, 'REQUEST_MALFORMED');
    expect(await form('multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4 cut')).toBeProblem(400, 'REQUEST_MALFORMED');
    expect(await form('multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="other"; filename="a.pdf"\r\n\r\n%PDF-1.4\r\n--b--\r\n')).toBeProblem(400, 'REQUEST_INVALID');
    expect(await form('multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n')).toBeProblem(400, 'REQUEST_INVALID');
    expect(await http.post('/api/v1/files').attach('file', PDF, 'a.pdf')).toBeProblem(401, 'AUTH_TOKEN_MISSING');
  });

  it('sent again under the same key are one', async () => {
    const send = () => world.as('siti').sends('a.pdf', PDF, { 'idempotency-key': 'file-sent-twice' });
    const [first, second] = [(await send().expect(201)).body as Sent, (await send().expect(201)).body as Sent];
    expect(second).toEqual(first);
    expect(stored().filter((path) => path.endsWith(first.id))).toHaveLength(1);
  });

  it('are no use to who has the disk, and not given where somebody changed them or their key is gone', async () => {
    const bytes = Buffer.concat([PDF, Buffer.alloc(200_000, 'CANARY-7f3a')]);
    const file = await sent('lina', 'receipt.pdf', bytes);
    const [path] = stored().filter((each) => each.endsWith(file.id));
    const kept = readFileSync(path!);
    expect([kept.length, kept.includes('CANARY'), kept.includes('%PDF')]).toEqual([bytes.length, false, false]);
    writeFileSync(path!, Buffer.concat([kept.subarray(0, -1), Buffer.from([kept.at(-1)! ^ 1])]));
    expect((await world.as('lina').get(`/files/${file.id}/content`)).status).toBe(500);
    // Somebody else's file in its place.
    const other = await sent('lina', 'other.pdf', bytes);
    writeFileSync(path!, readFileSync(stored().find((each) => each.endsWith(other.id))!));
    expect((await world.as('lina').get(`/files/${file.id}/content`)).status).toBe(500);
    await testApp.app.get(Keyring).destroy(`person.${(await world.ids()).person('lina')}`);
    expect(await world.as('lina').get(`/files/${other.id}/content`)).toBeProblem(410, 'FILE_ERASED');
  });

  it('that belong to nothing are few, and gone after a day', async () => {
    const [old, attached, fresh] = [await sent('eko'), await sent('eko'), await sent('eko')];
    await world.as('eko').post('/workflow/instances', { definition: 'reimbursement', files: [attached.id] }).expect(201);
    await connected(testApp.database.adminUrl, (client) => client.query(`UPDATE stored_file SET created_at = now() - interval '25 hours 1 minute' WHERE id = ANY($1::uuid[])`, [[old.id, attached.id]]));
    const { body: request } = await world.as('eko').post('/workflow/instances', { definition: 'reimbursement' }).expect(201);
    expect(await world.as('eko').post(`/workflow/instances/${request.id}/attachments`, { file: old.id })).toBeProblem(409, 'FILE_ATTACHED');
    await testApp.app.get(FileStore).expire();
    expect((await Promise.all([old, attached, fresh].map(({ id }) => world.as('eko').get(`/files/${id}/content`)))).map(({ status }) => status)).toEqual([404, 200, 200]);
    expect(stored().filter((path) => path.endsWith(old.id))).toEqual([]);
    for (let n = 1; n < 50; n += 1) await sent('eko');
    expect(await world.as('eko').sends('a.pdf', PDF)).toBeProblem(409, 'FILES_TOO_MANY');
  });

  describe('of a request', () => {
    it('are read by whoever may read it, and by nobody else', async () => {
      const file = await sent('siti');
      const { body: request } = await world.as('siti').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: aReimbursement(), files: [file.id] }).expect(201);
      const { body } = await world.as('joko').get(`/workflow/instances/${request.id}/attachments`).expect(200);
      expect(body.items).toEqual([file]);
      expect(((await world.as('joko').downloads(file.id).expect(200)).body as Buffer).equals(PDF)).toBe(true);
      expect(await world.as('fitri').get(`/files/${file.id}/content`)).toBeProblem(404, 'NOT_FOUND');
      expect(await world.as('fitri').get(`/workflow/instances/${request.id}/attachments`)).toBeProblem(404, 'NOT_FOUND');
      const ids = await world.ids();
      await world.as('siti').post(`/workflow/instances/${request.id}/watchers`, { person: ids.person('fitri') }).expect(201);
      await world.as('fitri').downloads(file.id).expect(200);
      const { body: events } = await world.as('hendra').get(`/audit/events?targetId=${request.id}&action=workflow.attached`).expect(200);
      expect((events.items as { after: object }[]).map(({ after }) => after)).toEqual([{ fileId: file.id }]);
    });

    it('are one’s own, belong to one request, and stay once it is submitted', async () => {
      const file = await sent('siti');
      const { body: request } = await world.as('siti').post('/workflow/instances', { definition: 'leave', form: { kind: 'unpaid', from: '2027-03-01', until: '2027-03-02', reason: 'Family' } }).expect(201);
      const path = `/workflow/instances/${request.id}/attachments`;
      expect(await world.as('siti').post(path, { file: (await sent('joko')).id })).toBeProblem(404, 'NOT_FOUND');
      expect((await world.as('siti').post(path, { file: file.id }).expect(201)).body).toEqual(file);
      expect(await world.as('siti').post(path, { file: file.id })).toBeProblem(409, 'FILE_ATTACHED');
      expect(await world.as('siti').delete(`/files/${file.id}`)).toBeProblem(409, 'FILE_ATTACHED');
      await world.as('siti').delete(`${path}/${file.id}`).expect(204);
      expect((await world.as('siti').get(path).expect(200)).body.items).toEqual([]);
      await world.as('siti').post(path, { file: file.id }).expect(201);
      await world.as('siti').post(`/workflow/instances/${request.id}/submit`, {}).expect(200);
      expect(await world.as('siti').delete(`${path}/${file.id}`)).toBeProblem(409, 'WORKFLOW_STATE');
      // Whoever is asked may add to it, not take from it; who has no part in it may not add.
      const note = await sent('joko');
      await world.as('joko').post(path, { file: note.id }).expect(201);
      expect(await world.as('joko').delete(`${path}/${file.id}`)).toBeProblem(403, 'WORKFLOW_NO_PART');
      expect(await world.as('hendra').post(path, { file: (await sent('hendra')).id })).toBeProblem(403, 'WORKFLOW_NO_PART');
    });

    it('come with a comment', async () => {
      const flows = await Flows.of(world);
      const request = await flows.filed({ a: flows.step('done', 'lina') });
      const [own, others] = [await sent('lina'), await sent('joko')];
      const says = (by: string, files: string[]) => world.as(by).post(`/workflow/instances/${request.id}/comments`, { body: 'The invoice', files });
      expect(await says('lina', [others.id])).toBeProblem(404, 'NOT_FOUND');
      expect((await says('lina', [own.id]).expect(201)).body).toMatchObject({ body: 'The invoice', files: [{ id: own.id, name: 'receipt.pdf' }] });
      expect(await says('lina', [own.id])).toBeProblem(409, 'FILE_ATTACHED');
      await says('siti', []).expect(201);
      const { items } = (await world.as('siti').get(`/workflow/instances/${request.id}/comments`).expect(200)).body as { items: { files: { id: string }[] }[] };
      expect(items.map(({ files }) => files.map(({ id }) => id))).toEqual([[own.id], []]);
      expect((await world.as('siti').downloads(own.id)).status).toBe(200);
    });

    it('are asked for by definitions: so many, of these kinds, by whoever files it', async () => {
      const flows = await Flows.of(world);
      const document = { ...flows.document({ a: flows.step('done', 'lina') }), attachments: { atLeast: 2, contentTypes: ['application/pdf'] } };
      await world.as('dewi').post('/workflow/definitions', { document }).expect(201);
      const [one, picture, two] = [await sent('siti'), await sent('siti', 'a.png', await photo(10, 10).png().toBuffer()), await sent('siti')];
      const files = (ids: string[]) => world.as('siti').post('/workflow/instances', { definition: document.key, submit: true, form: {}, files: ids });
      const refused = await files([one.id, picture.id]);
      expect(refused).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
      expect(refused.body.errors).toEqual([{ pointer: '#/files', code: 'required', detail: 'at least 2 files of application/pdf' }]);
      // What was refused has kept nothing.
      const { body } = await files([one.id, two.id, picture.id]).expect(201);
      expect(body.state).toBe('running');
      expect(await world.as('dewi').post('/workflow/definitions', { document: { ...document, attachments: { atLeast: 1, contentTypes: ['text/html'] } } })).toBeProblem(422, 'WORKFLOW_DEFINITION_INVALID');
    });

    it('are twenty at most, and a request that is refused keeps none', async () => {
      const files = await Promise.all(Array.from({ length: 21 }, () => sent('maya')));
      expect(await world.as('maya').post('/workflow/instances', { definition: 'reimbursement', submit: true, form: {}, files: [files[0]!.id] })).toBeProblem(422, 'WORKFLOW_FORM_INVALID');
      const { body: request } = await world.as('maya').post('/workflow/instances', { definition: 'reimbursement', form: aReimbursement(), files: files.slice(0, 18).map(({ id }) => id) }).expect(201);
      const answers = await Promise.all(files.slice(18).map(({ id }) => world.as('maya').post(`/workflow/instances/${request.id}/attachments`, { file: id })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 409]);
      expect((await world.as('maya').get(`/workflow/instances/${request.id}/attachments`).expect(200)).body.items).toHaveLength(20);
    });
  });
});
