import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { Keyring, seal, unseal } from '../../platform/keyring';

const PURPOSE = 'webhook-secrets';

export interface SealedSecrets {
  id: string;
  keyId: string;
  secret: Uint8Array;
  formerSecret: Uint8Array | null;
  formerUntil: Date | null;
}

/** What requests are signed with: 32 random bytes an endpoint, stored sealed under a key of the keyring. */
@Injectable()
export class WebhookSecrets {
  constructor(private readonly keyring: Keyring) {}

  /** A new one, as text and as it is stored. */
  async make(id: string): Promise<{ text: string; sealed: Uint8Array<ArrayBuffer>; keyId: string }> {
    const { kid, bytes } = await this.keyring.current(PURPOSE);
    const secret = randomBytes(32);
    return { text: `whsec_${secret.toString('base64')}`, sealed: new Uint8Array(seal(bytes, id, secret)), keyId: kid };
  }

  /** Signatures of a body (Standard Webhooks 1.0), one under each secret that holds. */
  async sign(endpoint: SealedSecrets, messageId: string, at: Date, body: string): Promise<string> {
    const key = await this.keyOf(endpoint.keyId);
    const held = [endpoint.secret, ...(endpoint.formerSecret && endpoint.formerUntil! > at ? [endpoint.formerSecret] : [])];
    return held.map((sealed) => new Webhook(unseal(key, endpoint.id, Buffer.from(sealed)).toString('base64')).sign(messageId, at, body)).join(' ');
  }

  /** A secret sealed under whichever key, sealed under another one. */
  async resealed(endpoint: Pick<SealedSecrets, 'id' | 'keyId' | 'secret'>, keyId: string): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(seal(await this.keyOf(keyId), endpoint.id, unseal(await this.keyOf(endpoint.keyId), endpoint.id, Buffer.from(endpoint.secret))));
  }

  private async keyOf(kid: string): Promise<Buffer> {
    const key = await this.keyring.find(PURPOSE, kid);
    if (!key) throw new Error(`the key ${PURPOSE} ${kid} is gone`);
    return key.bytes;
  }
}
