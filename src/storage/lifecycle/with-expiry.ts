import type { BucketSettings, LifecycleConfiguration, ObjectAccess, ObjectHead } from '../contract.ts';
import { compileLifecycle, type LifecycleEvaluator } from './evaluate.ts';

/** `access` whose heads of current versions say when lifecycle rules will remove them. */
export function withExpiry(access: ObjectAccess, settings: BucketSettings, dayMs: number): ObjectAccess {
  // Settings hand out one object as long as nothing changes: rules are compiled once for each change.
  const compiled = new WeakMap<LifecycleConfiguration, LifecycleEvaluator>();
  const told = async (head: ObjectHead): Promise<ObjectHead> => {
    const rules = await settings.get(head.bucket, 'lifecycle');
    if (rules === undefined) return head;
    const evaluator = compiled.get(rules) ?? compileLifecycle(rules, dayMs);
    compiled.set(rules, evaluator);
    const { key, size, lastModified, attributes } = head;
    const expiry = evaluator.expiryOf({ key, size, lastModified, tags: attributes.tags ?? {} });
    return expiry === undefined ? head : { ...head, expiry };
  };
  return {
    ...access,
    putObject: async (...args) => told(await access.putObject(...args)),
    copyObject: async (...args) => told(await access.copyObject(...args)),
    completeUpload: async (...args) => told(await access.completeUpload(...args)),
    async headObject(context, name, options) {
      const head = await access.headObject(context, name, options);
      return options?.versionId === undefined ? told(head) : head;
    },
    async getObject(context, name, options) {
      const read = await access.getObject(context, name, options);
      if (options?.versionId !== undefined) return read;
      try {
        return { ...read, head: await told(read.head) };
      } catch (error) {
        read.body.destroy();
        throw error;
      }
    },
  };
}
