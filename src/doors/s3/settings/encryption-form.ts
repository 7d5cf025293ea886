import { LochError } from '../../../core/errors.ts';
import { childText, type XmlElement } from '../xml.ts';
import type { SettingForm } from './setting-form.ts';

const RULE = 'ApplyServerSideEncryptionByDefault';

/** The XML of a bucket's default encryption. */
export const encryptionForm: SettingForm<'encryption'> = {
  kind: 'encryption',
  root: 'ServerSideEncryptionConfiguration',
  absent: 'ServerSideEncryptionConfigurationNotFoundError',
  write: ({ algorithm, keyId, bucketKey }) => ({
    Rule: { [RULE]: { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId }, BucketKeyEnabled: bucketKey ?? false },
  }),
  read(document) {
    const [rule, ...more] = document.children.filter(({ name }) => name === 'Rule');
    const applied = rule?.children.find(({ name }) => name === RULE);
    if (rule === undefined || applied === undefined || more.length > 0) {
      throw new LochError('malformed_request', `The configuration holds exactly one Rule with ${RULE}.`);
    }
    refuseBlocked(rule);
    const algorithm = childText(applied, 'SSEAlgorithm');
    const keyId = childText(applied, 'KMSMasterKeyID');
    const bucketKey = childText(rule, 'BucketKeyEnabled')?.toLowerCase() === 'true';
    if (algorithm === 'aws:kms:dsse') {
      throw new LochError('unsupported', 'Loch does not have dual-layer encryption (aws:kms:dsse). Use aws:kms.');
    }
    if (algorithm === 'AES256') {
      if (keyId === undefined) return { algorithm };
      throw new LochError('malformed_request', 'KMSMasterKeyID goes with SSEAlgorithm aws:kms only.');
    }
    if (algorithm === 'aws:kms') return { algorithm, bucketKey, ...(keyId === undefined ? {} : { keyId }) };
    throw new LochError('malformed_request', `SSEAlgorithm is \`${algorithm ?? ''}\`. Known: AES256, aws:kms.`);
  },
};

/** Blocking of encryption types is not done: asking for it must not look as if it were. */
function refuseBlocked(rule: XmlElement): void {
  const blocked = rule.children.find(({ name }) => name === 'BlockedEncryptionTypes');
  const types = blocked?.children.map(({ text }) => text).filter((text) => text !== 'NONE') ?? [];
  if (types.length === 0) return;
  throw new LochError(
    'unsupported',
    'BlockedEncryptionTypes is not supported. Refuse encryption types by a bucket policy.',
  );
}
