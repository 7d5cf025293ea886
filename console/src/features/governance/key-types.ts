/** A key as `GET /keys` tells it; see KeyInfo on the server. */
export interface Key {
  readonly keyId: string;
  readonly arn: string;
  readonly spec: string;
  readonly usage: string;
  readonly origin: string;
  readonly manager: 'CUSTOMER' | 'AWS';
  readonly state: 'Enabled' | 'Disabled' | 'PendingImport' | 'PendingDeletion';
  readonly description: string;
  readonly createdAt: number;
  readonly deletionAt?: number;
  readonly aliases: readonly string[];
  readonly rotation: { readonly enabled: boolean; readonly periodDays: number; readonly nextAt?: number };
  readonly lastUsedAt?: number;
  readonly lastUsedFor?: string;
}

/** A key that is there, and why nothing more is told of it. */
export interface RefusedKey {
  readonly keyId: string;
  readonly arn: string;
  readonly refused: string;
}

/** What could no more be read without a key; see KeyImpact on the server. */
export interface KeyImpact {
  readonly buckets: readonly {
    readonly bucket: string;
    readonly versions: number;
    readonly bytes: number;
    readonly cut: boolean;
    readonly isDefault: boolean;
  }[];
  readonly hidden: number;
}

const STATES: Readonly<Record<Key['state'], readonly [words: string, tone: string]>> = {
  Enabled: ['enabled', 'good'],
  Disabled: ['disabled', 'wait'],
  PendingImport: ['waits for its material', 'wait'],
  PendingDeletion: ['waits for its deletion', 'bad'],
};

/** A state in words, with its colour. */
export const stateOf = (key: Key): readonly [words: string, tone: string] => STATES[key.state];

/** Whether Loch can give the key new material: symmetric, and made here. */
export const canRotate = (key: Key): boolean => key.spec === 'SYMMETRIC_DEFAULT' && key.origin === 'AWS_KMS';

/** What is told of a key's rotation. */
export function rotationOf(key: Key): string {
  if (key.manager === 'AWS') return 'by Loch';
  if (!canRotate(key)) return 'not possible';
  return key.rotation.enabled ? `every ${key.rotation.periodDays} days` : 'off';
}
