/**
 * An object store that marks what is to be replicated: a version that a rule of its bucket covers says PENDING from the
 * transaction on that makes it, whoever writes it. The consumer of the outbox goes by that mark.
 */
import { isLochError } from '../../core/errors.ts';
import type { BucketSettings, ObjectStore, PutOptions, VersionName } from '../contract.ts';
import type { ReplicationStatus } from '../versions.ts';
import type { ReplicationConfiguration } from './configuration.ts';
import { matchRules } from './match-rules.ts';

/** Changes of a version that its replicas follow. */
const FOLLOWED: ReadonlySet<string> = new Set([
  'PutObjectTagging',
  'DeleteObjectTagging',
  'PutObjectAcl',
  'PutObjectRetention',
  'PutObjectLegalHold',
]);

/** Whether replicas follow a change that bears this name. */
export const isFollowed = (operation: string): boolean => FOLLOWED.has(operation);

/** `inner` with marks. The settings are asked late: they stand on the store. */
export function markingStore<Store extends ObjectStore>(
  inner: Store,
  settings: () => Pick<BucketSettings, 'get'> | undefined,
): Store {
  const configured = async (bucket: string): Promise<ReplicationConfiguration | undefined> =>
    settings()?.get(bucket, 'replication');

  const marked = async <O extends PutOptions>(
    bucket: string,
    key: string,
    options: O,
    tagsOfSource?: () => Promise<Readonly<Record<string, string>>>,
  ): Promise<O> => {
    if (options.attributes?.replicationStatus !== undefined) return options;
    const configuration = await configured(bucket);
    if (configuration === undefined) return options;
    const tags = options.attributes?.tags ?? (await tagsOfSource?.()) ?? {};
    const encryption = options.attributes?.encryption?.algorithm;
    if (matchRules(configuration, { key, tags, encryption }).length === 0) return options;
    return { ...options, attributes: { ...options.attributes, replicationStatus: 'PENDING' as const } };
  };

  const put: ObjectStore['put'] = async (bucket, key, body, options = {}) =>
    inner.put(bucket, key, body, await marked(bucket, key, options));

  const copy: ObjectStore['copy'] = async (from, to, options = {}) =>
    inner.copy(
      from,
      to,
      await marked(to.bucket, to.key, options, async () => (await headOf(from))?.attributes.tags ?? {}),
    );

  const createUpload: ObjectStore['createUpload'] = async (bucket, key, options = {}) =>
    inner.createUpload(bucket, key, await marked(bucket, key, options));

  const headOf = async ({ bucket, key, versionId }: VersionName) => {
    try {
      return await inner.head(bucket, key, versionId === undefined ? {} : { versionId });
    } catch (error) {
      // Whoever writes or changes it is told by the store.
      if (isLochError(error) && error.kind === 'user') return undefined;
      throw error;
    }
  };

  const updateAttributes: ObjectStore['updateAttributes'] = async (name, change, options = {}) => {
    if (!isFollowed(options.operation ?? '') || (await configured(name.bucket)) === undefined) {
      return inner.updateAttributes(name, change, options);
    }
    const status: ReplicationStatus | undefined = (await headOf(name))?.attributes.replicationStatus;
    const follows = status !== undefined && status !== 'REPLICA';
    return inner.updateAttributes(name, follows ? { ...change, replicationStatus: 'PENDING' } : change, options);
  };

  const overrides: Partial<ObjectStore> = { put, copy, createUpload, updateAttributes };
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(overrides, name)) return overrides[name as keyof ObjectStore];
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
