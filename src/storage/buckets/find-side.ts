import type { FindSide } from '../../governance/contract.ts';
import { bucketSide, type SideDeps } from './bucket-side.ts';

/**
 * The sides of S3's resources, for the policy: engines, crawlers and deliveries ask about objects as well, and what a
 * bucket denies holds for them too.
 */
export function createSideFinder(deps: Omit<SideDeps, 'policy'>): FindSide {
  return async (context, { action, resource }) => {
    const bucket = /^arn:aws:s3:::([^/*?]+)/.exec(resource)?.[1];
    if (bucket === undefined || !action.startsWith('s3:')) return undefined;
    return bucketSide(deps, context, bucket, action);
  };
}
