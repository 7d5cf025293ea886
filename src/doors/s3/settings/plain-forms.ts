/** The XML forms of the small settings. */
import { LochError } from '../../../core/errors.ts';
import { childText, type XmlElement } from '../xml.ts';
import type { SettingForm } from './setting-form.ts';
import { readTagSet, tagSetRecord } from './tag-set.ts';

const MAX_BUCKET_TAGS = 50;

export const taggingForm: SettingForm<'tagging'> = {
  kind: 'tagging',
  root: 'Tagging',
  absent: 'NoSuchTagSet',
  write: ({ tags }) => tagSetRecord(tags),
  read: (document) => ({ tags: readTagSet(document, MAX_BUCKET_TAGS) }),
  putStatus: 204,
};

const flag = (document: XmlElement, name: string): boolean => {
  const text = childText(document, name) ?? 'false';
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  throw new LochError('malformed_request', `${name} is \`${text}\`. Known: true, false.`);
};

export const publicAccessBlockForm: SettingForm<'publicAccessBlock'> = {
  kind: 'publicAccessBlock',
  root: 'PublicAccessBlockConfiguration',
  absent: 'NoSuchPublicAccessBlockConfiguration',
  write: (value) => ({
    BlockPublicAcls: value.blockPublicAcls,
    IgnorePublicAcls: value.ignorePublicAcls,
    BlockPublicPolicy: value.blockPublicPolicy,
    RestrictPublicBuckets: value.restrictPublicBuckets,
  }),
  read: (document) => ({
    blockPublicAcls: flag(document, 'BlockPublicAcls'),
    ignorePublicAcls: flag(document, 'IgnorePublicAcls'),
    blockPublicPolicy: flag(document, 'BlockPublicPolicy'),
    restrictPublicBuckets: flag(document, 'RestrictPublicBuckets'),
  }),
};

/** What object ownership can be. */
export const OWNERSHIPS = ['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter'] as const;

/** One of the known texts. **Errors**: `malformed_request`. */
export function oneOf<T extends string>(what: string, known: readonly T[], text: string | undefined): T {
  const found = known.find((name) => name === text);
  if (found !== undefined) return found;
  throw new LochError('malformed_request', `${what} is \`${text ?? ''}\`. Known: ${known.join(', ')}.`);
}

export const ownershipForm: SettingForm<'ownership'> = {
  kind: 'ownership',
  root: 'OwnershipControls',
  absent: 'OwnershipControlsNotFoundError',
  write: ({ objectOwnership }) => ({ Rule: { ObjectOwnership: objectOwnership } }),
  read(document) {
    const [rule, ...more] = document.children.filter(({ name }) => name === 'Rule');
    if (rule === undefined || more.length > 0) {
      throw new LochError('malformed_request', 'OwnershipControls holds exactly one Rule.');
    }
    return { objectOwnership: oneOf('ObjectOwnership', OWNERSHIPS, childText(rule, 'ObjectOwnership')) };
  },
};

export const requestPaymentForm: SettingForm<'requestPayment'> = {
  kind: 'requestPayment',
  root: 'RequestPaymentConfiguration',
  absent: { Payer: 'BucketOwner' },
  write: ({ payer }) => ({ Payer: payer }),
  read: (document) => ({ payer: oneOf('Payer', ['BucketOwner', 'Requester'], childText(document, 'Payer')) }),
};

export const abacForm: SettingForm<'abac'> = {
  kind: 'abac',
  root: 'AbacStatus',
  absent: { Status: 'Disabled' },
  write: ({ status }) => ({ Status: status }),
  read: (document) => ({ status: oneOf('Status', ['Enabled', 'Disabled'], childText(document, 'Status')) }),
};

export const accelerateForm: SettingForm<'accelerate'> = {
  kind: 'accelerate',
  root: 'AccelerateConfiguration',
  absent: {},
  write: ({ status }) => ({ Status: status }),
  read(document) {
    const status = oneOf('Status', ['Enabled', 'Suspended'], childText(document, 'Status'));
    if (status === 'Suspended') return { status };
    throw new LochError('unsupported', 'Loch has no edge locations: transfer acceleration can be Suspended only.', {
      context: { operation: 'PutBucketAccelerateConfiguration' },
    });
  },
};
