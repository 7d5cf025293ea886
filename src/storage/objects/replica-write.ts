/** Writes that say that they replicate a version of another store: what they need, and what they become. */
import type { PutOptions } from '../contract.ts';

/** The IAM action that a write needs. */
export const putAction = (options: PutOptions | undefined): 's3:PutObject' | 's3:ReplicateObject' =>
  options?.replica === undefined ? 's3:PutObject' : 's3:ReplicateObject';

/** The options of a write, which says of a replica that it is one. */
export function asReplica<O extends PutOptions>(options: O): O {
  if (options.replica === undefined) return options;
  return {
    ...options,
    operation: 'ReplicateObject',
    attributes: { ...options.attributes, replicationStatus: 'REPLICA' },
  };
}
