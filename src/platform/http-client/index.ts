import { lookup as dnsLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { Agent, request } from 'undici';
import { CONFIG, type Config } from '../config';

/** From the first byte sent to the last received: a server that drips holds nobody up for longer. */
const WHOLE_MS = 15_000;

export class AddressRefused extends Error {
  constructor(readonly address: string) {
    super(`the address ${address} is not one outgoing requests may reach`);
    this.name = 'AddressRefused';
  }
}

export interface OutboundResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** At most `maxBytes`; a longer body is an error. */
  body: Buffer;
}

/** Whether an address may be reached: public unicast, or inside a network allowed on purpose. */
export function isReachable(address: string, allowedCidrs: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  return isWithin(address, allowedCidrs) || ipaddr.process(address).range() === 'unicast';
}

/** Whether an address lies in one of the networks; IPv4 mapped into IPv6 counts as IPv4. */
export function isWithin(address: string, cidrs: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return cidrs.some((cidr) => {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    return network.kind() === parsed.kind() && parsed.match(network, bits);
  });
}

/**
 * Requests to addresses other people chose (webhooks). The address is judged where it is connected to, after every
 * name look-up, so that neither a redirect (never followed) nor a name that changes its address gets past the guard.
 */
@Injectable()
export class OutboundHttp implements OnApplicationShutdown {
  /** How long a request may take in all. */
  readonly wholeMs: number = WHOLE_MS;
  private readonly agent: Agent;

  constructor(@Inject(CONFIG) config: Pick<Config, 'outboundAllowedCidrs'>) {
    const allowed = config.outboundAllowedCidrs;
    const lookup: LookupFunction = (host, options, done) => {
      dnsLookup(host, { ...options, all: true }, (error, addresses) => {
        if (error) return done(error, '', 0);
        const refused = addresses.find(({ address }) => !isReachable(address, allowed));
        if (refused) return done(new AddressRefused(refused.address), '', 0);
        if (options.all) return done(null, addresses as never, 0);
        done(null, addresses[0]!.address, addresses[0]!.family);
      });
    };
    this.agent = new Agent({ connect: { lookup, timeout: 3_000 }, headersTimeout: 10_000, bodyTimeout: 10_000, connections: 10 });
    this.allowed = allowed;
  }

  private readonly allowed: readonly string[];

  /** Sends one request; rejects with AddressRefused before anything is sent to a refused address. */
  async send(url: string, options: { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: string; maxBytes?: number }): Promise<OutboundResponse> {
    const target = new URL(url);
    if (target.protocol !== 'https:' && target.protocol !== 'http:') throw new AddressRefused(target.protocol);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    // An address written literally is not looked up, so it is judged here.
    if (isIP(host) && !isReachable(host, this.allowed)) throw new AddressRefused(host);
    const response = await request(target, { method: options.method, headers: options.headers, body: options.body, dispatcher: this.agent, signal: AbortSignal.timeout(this.wholeMs) });
    const limit = options.maxBytes ?? 64 * 1024;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) {
        response.body.destroy();
        throw new Error(`the answer is larger than ${limit} bytes`);
      }
      chunks.push(chunk);
    }
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
}

@Global()
@Module({ providers: [OutboundHttp], exports: [OutboundHttp] })
export class OutboundHttpModule {}
