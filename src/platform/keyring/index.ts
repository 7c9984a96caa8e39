import { Global, Module } from '@nestjs/common';
import { CONFIG, type Config } from '../config';
import { Keyring } from './keyring';

export { Keyring, mac, sameMac, seal, unseal } from './keyring';

@Global()
@Module({
  providers: [{ provide: Keyring, inject: [CONFIG], useFactory: (config: Config) => new Keyring(config.keyring.dir, config.keyring.rootKey) }],
  exports: [Keyring],
})
export class KeyringModule {}
