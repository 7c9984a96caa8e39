import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Stored {
  content: Buffer;
  at: Date;
  lockedUntil: Date | null;
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
/** RFC 3986, as signature version 4 wants it. */
const encode = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * A local HTTP server that speaks as much S3 as backups need and believes nobody: signatures (AWS Signature Version 4) and
 * content hashes are verified, If-None-Match and object lock are kept. Objects can be reached and spoilt by tests.
 */
export class FakeS3 {
  readonly objects = new Map<string, Stored>();
  private readonly uploads = new Map<string, { key: string; parts: Map<number, Buffer>; lockedUntil: Date | null }>();
  readonly accessKeyId = `AK${randomBytes(8).toString('hex').toUpperCase()}`;
  readonly secretAccessKey = randomBytes(20).toString('hex');
  /** Answers 503 to so many requests to come. */
  failNext = 0;
  private server: Server | null = null;
  endpoint = '';

  constructor(readonly bucket: string) {}

  /** @param address where it listens: loopback, or a container's bridge */
  async start(address = '127.0.0.1'): Promise<this> {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.answer(request, Buffer.concat(chunks), response));
    });
    await new Promise<void>((done) => this.server!.listen(0, address, done));
    this.endpoint = `http://${address}:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  stop(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private answer(request: IncomingMessage, raw: Buffer, response: ServerResponse): void {
    const fail = (status: number, code: string) => response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
    if (this.failNext > 0) {
      this.failNext -= 1;
      return void fail(503, 'SlowDown');
    }
    const url = new URL(request.url ?? '/', this.endpoint);
    const refusal = this.verify(request, url, raw);
    if (refusal) return void fail(403, refusal);
    const body = String(request.headers['content-encoding']).includes('aws-chunked') ? dechunk(raw) : raw;
    const [, bucket, ...rest] = url.pathname.split('/');
    if (bucket !== this.bucket) return void fail(404, 'NoSuchBucket');
    const key = rest.map(decodeURIComponent).join('/');
    const { method } = request;
    const lockedUntil = request.headers['x-amz-object-lock-retain-until-date'] ? new Date(String(request.headers['x-amz-object-lock-retain-until-date'])) : null;
    const object = this.objects.get(key);
    const xml = (text: string) => response.writeHead(200, { 'content-type': 'application/xml' }).end(`<?xml version="1.0" encoding="UTF-8"?>${text}`);

    if (method === 'GET' && key === '') return void xml(this.list(url));
    if (method === 'POST' && url.searchParams.has('uploads')) {
      const id = randomBytes(8).toString('hex');
      this.uploads.set(id, { key, parts: new Map(), lockedUntil });
      return void xml(`<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    const upload = this.uploads.get(url.searchParams.get('uploadId') ?? '');
    if (method === 'PUT' && upload) {
      upload.parts.set(Number(url.searchParams.get('partNumber')), body);
      return void response.writeHead(200, { etag: `"${createHash('md5').update(body).digest('hex')}"` }).end();
    }
    if (method === 'POST' && upload) {
      if (request.headers['if-none-match'] === '*' && this.objects.has(upload.key)) return void fail(412, 'PreconditionFailed');
      this.objects.set(upload.key, { content: Buffer.concat([...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part)), at: new Date(), lockedUntil: upload.lockedUntil });
      this.uploads.delete(url.searchParams.get('uploadId') ?? '');
      return void xml(`<CompleteMultipartUploadResult><Key>${upload.key}</Key><ETag>"multi"</ETag></CompleteMultipartUploadResult>`);
    }
    if (method === 'PUT') {
      if (request.headers['if-none-match'] === '*' && object) return void fail(412, 'PreconditionFailed');
      this.objects.set(key, { content: body, at: new Date(), lockedUntil });
      return void response.writeHead(200, { etag: `"${createHash('md5').update(body).digest('hex')}"` }).end();
    }
    if (!object) return method === 'DELETE' ? void response.writeHead(204).end() : void (method === 'HEAD' ? response.writeHead(404).end() : fail(404, 'NoSuchKey'));
    if (method === 'HEAD') return void response.writeHead(200, { 'content-length': object.content.length, 'last-modified': object.at.toUTCString() }).end();
    if (method === 'GET') return void response.writeHead(200, { 'content-length': object.content.length }).end(object.content);
    if (method === 'DELETE') {
      if (object.lockedUntil && object.lockedUntil > new Date()) return void fail(403, 'AccessDenied');
      this.objects.delete(key);
      return void response.writeHead(204).end();
    }
    fail(405, 'MethodNotAllowed');
  }

  private list(url: URL): string {
    const prefix = url.searchParams.get('prefix') ?? '';
    const after = url.searchParams.get('continuation-token') ?? '';
    const all = [...this.objects].filter(([key]) => key.startsWith(prefix) && key > after).sort(([a], [b]) => (a < b ? -1 : 1));
    // Short pages, so that whoever reads only the first is found out.
    const page = all.slice(0, 3);
    const contents = page.map(([key, { content, at }]) => `<Contents><Key>${key}</Key><Size>${content.length}</Size><LastModified>${at.toISOString()}</LastModified></Contents>`).join('');
    return `<ListBucketResult><Name>${this.bucket}</Name><IsTruncated>${all.length > page.length}</IsTruncated>${all.length > page.length ? `<NextContinuationToken>${page.at(-1)![0]}</NextContinuationToken>` : ''}${contents}</ListBucketResult>`;
  }

  /** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; the code of what is wrong, or null. */
  private verify(request: IncomingMessage, url: URL, body: Buffer): string | null {
    const match = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(request.headers.authorization ?? '');
    if (!match) return 'AccessDenied';
    const [, keyId, day, region, signed, signature] = match as unknown as [string, string, string, string, string, string];
    if (keyId !== this.accessKeyId) return 'InvalidAccessKeyId';
    const time = String(request.headers['x-amz-date']);
    const age = Date.now() - Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    if (!(Math.abs(age) < 15 * 60_000)) return 'RequestTimeTooSkewed';
    const payload = String(request.headers['x-amz-content-sha256']);
    if (/^[0-9a-f]{64}$/.test(payload) && payload !== sha256(body)) return 'XAmzContentSHA256Mismatch';
    const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join('&');
    const path = url.pathname.split('/').map((part) => encode(decodeURIComponent(part))).join('/');
    const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`).join('');
    const canonical = [request.method, path, query, headers, signed, payload].join('\n');
    const scope = `${day}/${region}/s3/aws4_request`;
    const key = hmac(hmac(hmac(hmac(`AWS4${this.secretAccessKey}`, day), region), 's3'), 'aws4_request');
    const expected = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n'));
    return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch';
  }
}

/** aws-chunked: hexadecimal size and extensions, data, …, a zero chunk and trailers. */
function dechunk(raw: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = raw.indexOf('\r\n', at);
    const size = parseInt(raw.subarray(at, end).toString(), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(raw.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
