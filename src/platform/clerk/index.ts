import { Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { DevelopmentIssuer } from './development-issuer';
import { type KeySource, RemoteKeys, SessionTokenVerifier, singleKey } from './session-token';

export { DevelopmentIssuer } from './development-issuer';
export { type KeySource, type SessionClaims, SessionTokenVerifier, TokenRefused } from './session-token';

/** Injection token: where the public keys of session tokens come from. */
export const SIGNING_KEYS = Symbol('SIGNING_KEYS');
/** Injection token: the development issuer, or null where Clerk issues. */
export const DEVELOPMENT_ISSUER = Symbol('DEVELOPMENT_ISSUER');

@Global()
@Module({
  providers: [
    {
      provide: DEVELOPMENT_ISSUER,
      inject: [CONFIG],
      useFactory: ({ identity }: Config) =>
        identity.kind === 'development' ? new DevelopmentIssuer(identity.issuer, identity.authorizedParties[0] ?? '', identity.keyDir) : null,
    },
    { provide: SIGNING_KEYS, inject: [CONFIG, DEVELOPMENT_ISSUER], useFactory: ({ identity }: Config, issuer: DevelopmentIssuer | null) => keysFor(identity, issuer) },
    {
      provide: SessionTokenVerifier,
      inject: [CONFIG, SIGNING_KEYS],
      useFactory: ({ identity }: Config, keys: KeySource) => new SessionTokenVerifier({ issuer: identity.issuer, authorizedParties: identity.authorizedParties, keys }),
    },
  ],
  exports: [SessionTokenVerifier, SIGNING_KEYS, DEVELOPMENT_ISSUER],
})
export class ClerkModule {}

function keysFor(identity: Config['identity'], issuer: DevelopmentIssuer | null): KeySource {
  if (identity.kind === 'development') {
    if (!issuer) throw new Error('the development issuer is missing');
    return singleKey(issuer.publicKeyPem);
  }
  if (identity.jwtKey) return singleKey(identity.jwtKey);
  if (!identity.secretKey) throw new Error('neither CLERK_JWT_KEY nor CLERK_SECRET_KEY');
  return new RemoteKeys({ apiUrl: identity.apiUrl, secretKey: identity.secretKey });
}
