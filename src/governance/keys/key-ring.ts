/**
 * Keys in memory: rows, policies and unsealed material, read once and forgotten on every change.
 *
 * Invariants
 * - A committed change of a key empties its place before the call that made it is answered: a disabled key stops at once.
 * - What time alone brings (deletion, expiry) is judged by the clock whenever a key is looked at, not only by the sweep.
 */
import { hkdfSync } from 'node:crypto';
import type { RequestContext } from '../../core/caller.ts';
import { formatArn } from '../../core/arn.ts';
import type { Clock } from '../../core/clock.ts';
import { Secret, type SecretSealer } from '../../core/secret.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import { type PolicyDocument, parsePolicyDocument } from '../identity/evaluate/policy-document.ts';
import { type KeyGrant, type KeyInfo, type KeySpec, type KeyState, type KeyUsage, keyFailure } from './contract.ts';
import { algorithmsOf } from './crypto/specs.ts';
import keyStore, { type StoredKey } from './store.ts';
import type { GrantRow, MaterialRow } from './store/tables.ts';

const { procedures } = keyStore;
const CAPACITY = 2_000;
const DEFAULT_ROTATION_DAYS = 365;

/** A key ready for use. */
export interface KnownKey {
  readonly info: Omit<KeyInfo, 'state' | 'expiresAt' | 'materialId' | 'lastUsedAt' | 'lastUsedFor'>;
  readonly stored: StoredKey;
  readonly policy: PolicyDocument;
  readonly grants: readonly KeyGrant[];
  /** Unsealed on first use. */
  readonly opened: Map<string, Uint8Array>;
}

export interface KeyRing {
  /** A key by id, ARN, alias or alias ARN. **Errors**: `NotFoundException`, `InvalidArnException`. */
  find(context: { readonly accountId: string }, name: string): Promise<KnownKey>;
  /** The same by id alone; undefined when it is gone. */
  byId(keyId: string): Promise<KnownKey | undefined>;
  stateOf(key: KnownKey): KeyState;
  infoOf(key: KnownKey): KeyInfo;
  /** The material new uses take. **Errors**: `DisabledException`, `KMSInvalidStateException`. */
  current(key: KnownKey): { readonly materialId: string; readonly material: Uint8Array; readonly row: MaterialRow };
  /** An older or the current material, to decrypt. **Errors**: as `current`; `undefined` for one the key never had. */
  material(key: KnownKey, materialId: string): Uint8Array | undefined;
  seal(keyId: string, materialId: string, material: Uint8Array): Uint8Array;
  close(): void;
}

/** An id for material that tells nothing of it: the same bytes give the same id for the same key. */
export const materialIdOf = (keyId: string, material: Uint8Array): string =>
  Buffer.from(hkdfSync('sha256', material, keyId, 'loch-kms-material-id', 32)).toString('hex');

const purposeOf = (keyId: string, materialId: string): string => `kms-material:${keyId}:${materialId}`;

/** `arn:aws:kms:<region>:<account>:key/<id>` and its kin. */
export const kmsArn = (region: string, accountId: string, resource: string): string =>
  formatArn({ service: 'kms', region, accountId, resource });

/** A stored grant as it is told. */
export function grantOf(row: GrantRow, keyArn: string): KeyGrant {
  return {
    grantId: row.grant_id,
    keyId: row.key_id,
    keyArn,
    ...(row.name === null ? {} : { name: row.name }),
    grantee: row.grantee,
    ...(row.retiring === null ? {} : { retiring: row.retiring }),
    operations: JSON.parse(row.operations),
    ...(row.constraints === null ? {} : { constraints: JSON.parse(row.constraints) }),
    issuer: row.issuer,
    createdAt: row.created_at,
  };
}

/** Opens the ring over the store. */
export function openKeyRing(deps: {
  readonly store: MetadataStore;
  readonly sealer: SecretSealer;
  readonly clock: Clock;
  readonly region: string;
}): KeyRing {
  const { store, sealer, clock, region } = deps;
  const keys = new Map<string, KnownKey>();
  let generation = 0;
  const stop = store.onCommitted((events) => {
    for (const event of events) {
      if (event.name !== 'governanceKeyChanged') continue;
      generation++;
      keys.delete(event.payload.keyId);
    }
  });

  const byId = async (keyId: string): Promise<KnownKey | undefined> => {
    const known = keys.get(keyId);
    if (known !== undefined) return gone(known, clock) ? undefined : known;
    const started = generation;
    const stored = await store.read(procedures.key, { keyId });
    if (stored === undefined) return undefined;
    const key = knownKey(stored, region);
    if (gone(key, clock)) return undefined;
    if (started === generation) {
      if (keys.size >= CAPACITY) keys.delete(keys.keys().next().value as string);
      keys.set(keyId, key);
    }
    return key;
  };

  const resolve = async (accountId: string, name: string): Promise<string> => {
    const asked = readName(name, accountId, region);
    if ('keyId' in asked) return asked.keyId;
    const target = await store.read(procedures.aliasTarget, { account: asked.accountId, name: asked.alias });
    if (target !== undefined) return target;
    throw keyFailure('NotFoundException', `Alias ${kmsArn(region, asked.accountId, asked.alias)} is not found.`);
  };

  const open = (key: KnownKey, row: MaterialRow): Uint8Array | undefined => {
    const known = key.opened.get(row.material_id);
    if (known !== undefined) return known;
    if (row.sealed === null) return undefined;
    const text = sealer.open(row.sealed, purposeOf(row.key_id, row.material_id)).reveal();
    const material = Buffer.from(text, 'base64');
    key.opened.set(row.material_id, material);
    return material;
  };

  const usable = (row: MaterialRow): boolean =>
    row.sealed !== null && (row.expires_at === null || row.expires_at > clock.now());

  const stateOf = (key: KnownKey): KeyState => {
    const { row, materials } = key.stored;
    if (row.deletion_at !== null) return 'PendingDeletion';
    // One missing material makes an imported key wait: what it encrypted would not open.
    const whole =
      materials.length > 0 && materials.every((one) => (one.current === 0 && one.cause === 'NEW') || usable(one));
    if (row.origin === 'EXTERNAL' && !whole) return 'PendingImport';
    return row.enabled === 1 ? 'Enabled' : 'Disabled';
  };

  const assertUsable = (key: KnownKey): void => {
    const state = stateOf(key);
    if (state === 'Enabled') return;
    if (state === 'Disabled')
      throw keyFailure('DisabledException', `${key.info.arn} is disabled.`, { context: { key: key.info.arn } });
    const what = state === 'PendingDeletion' ? 'pending deletion' : 'pending import';
    throw keyFailure('KMSInvalidStateException', `${key.info.arn} is ${what}.`, { context: { key: key.info.arn } });
  };

  return {
    byId,
    stateOf,
    async find(context, name) {
      const keyId = await resolve(context.accountId, name);
      const key = await byId(keyId);
      if (key !== undefined && key.stored.row.manager !== 'LOCH') return key;
      throw keyFailure(
        'NotFoundException',
        `Key '${kmsArn(region, context.accountId, `key/${keyId}`)}' does not exist.`,
      );
    },
    infoOf(key) {
      const current = key.stored.materials.find((one) => one.current === 1);
      const { use } = key.stored;
      return {
        ...key.info,
        state: stateOf(key),
        ...(current === undefined ? {} : { materialId: current.material_id }),
        ...(current?.expires_at == null ? {} : { expiresAt: current.expires_at }),
        ...(use === undefined ? {} : { lastUsedAt: use.at, lastUsedFor: use.operation }),
      };
    },
    current(key) {
      assertUsable(key);
      const row = key.stored.materials.find((one) => one.current === 1)!;
      return { materialId: row.material_id, material: open(key, row)!, row };
    },
    material(key, materialId) {
      assertUsable(key);
      const row = key.stored.materials.find((one) => one.material_id === materialId);
      return row === undefined ? undefined : open(key, row);
    },
    seal: (keyId, materialId, material) =>
      sealer.seal(new Secret(Buffer.from(material).toString('base64')), purposeOf(keyId, materialId)),
    close: stop,
  };
}

const gone = (key: KnownKey, clock: Clock): boolean =>
  key.stored.row.deletion_at !== null && key.stored.row.deletion_at <= clock.now();

function knownKey(stored: StoredKey, region: string): KnownKey {
  const { row } = stored;
  const arn = kmsArn(region, row.account_id, `key/${row.key_id}`);
  const spec = row.spec as KeySpec;
  const usage = row.usage as KeyUsage;
  return {
    stored,
    policy: parsePolicyDocument(row.policy, 'resource'),
    grants: stored.grants.map((grant) => grantOf(grant, arn)),
    opened: new Map(),
    info: {
      keyId: row.key_id,
      arn,
      accountId: row.account_id,
      spec,
      usage,
      algorithms: algorithmsOf(spec, usage),
      origin: row.origin as KeyInfo['origin'],
      manager: row.manager === 'AWS' ? 'AWS' : 'CUSTOMER',
      enabled: row.enabled === 1,
      description: row.description,
      createdAt: row.created_at,
      ...(row.deletion_at === null ? {} : { deletionAt: row.deletion_at }),
      tags: JSON.parse(row.tags),
      aliases: stored.aliases,
      rotation: {
        enabled: row.rotation_next !== null,
        periodDays: row.rotation_days ?? DEFAULT_ROTATION_DAYS,
        ...(row.rotation_next === null ? {} : { nextAt: row.rotation_next }),
      },
    },
  };
}

type AskedName = { readonly keyId: string } | { readonly alias: string; readonly accountId: string };

/** **Errors**: `InvalidArnException`, `NotFoundException` for what can be no key. */
function readName(name: string, accountId: string, region: string): AskedName {
  if (name.startsWith('alias/')) return { alias: name, accountId };
  if (!name.startsWith('arn:')) return { keyId: name };
  const [, service, arnRegion, account, resource] = /^arn:aws:([^:]*):([^:]*):(\d{12}):(.+)$/.exec(name) ?? [];
  if (service !== 'kms' || resource === undefined || account === undefined) {
    throw keyFailure('InvalidArnException', `\`${name}\` is no ARN of a key or alias.`, { context: { arn: name } });
  }
  if (arnRegion !== region) {
    throw keyFailure(
      'InvalidArnException',
      `Invalid region ${arnRegion} in \`${name}\`: the keys of this lake are in ${region}.`,
    );
  }
  if (resource.startsWith('key/')) return { keyId: resource.slice(4) };
  if (resource.startsWith('alias/')) return { alias: resource, accountId: account };
  throw keyFailure('InvalidArnException', `\`${name}\` is no ARN of a key or alias.`, { context: { arn: name } });
}
