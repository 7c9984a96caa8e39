import { Injectable } from '@nestjs/common';
import { systemActor } from '../../access';
import { Database } from '../../platform/database';
import type { PostmarkReportInput } from './notifications.dto';
import { addressHash } from './suppressions';

/** Addresses that are not mailed any more, as the provider reports them. */
@Injectable()
export class SuppressionsService {
  constructor(private readonly database: Database) {}

  /** Takes a report about a mail of ours; what is about none changes nothing. May come again. */
  async take({ RecordType, Email, Recipient, Type, Inactive, SuppressSending, SuppressionReason, Metadata }: PostmarkReportInput): Promise<void> {
    const address = Email ?? Recipient;
    const foundationId = Metadata?.foundation;
    if (!address || !foundationId) return;
    const [stops, lifts] = [
      RecordType === 'SpamComplaint' || (RecordType === 'Bounce' && Inactive === true) || (RecordType === 'SubscriptionChange' && SuppressSending === true),
      RecordType === 'SubscriptionChange' && SuppressSending === false,
    ];
    if (!stops && !lifts) return;
    await this.database.withTenant(systemActor('postmark', foundationId), async (tx) => {
      if ((await tx.foundation.count()) === 0) return;
      const hash = addressHash(address);
      if (lifts) await tx.mailSuppression.deleteMany({ where: { addressHash: hash } });
      else await tx.mailSuppression.createMany({ data: { foundationId, addressHash: hash, reason: Type ?? SuppressionReason ?? RecordType }, skipDuplicates: true });
    });
  }
}
