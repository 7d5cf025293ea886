import { join } from 'node:path';
import type { MetadataStore } from '../metadata/contract.ts';
import { DirectoryPlace, lakeIdOf, type TierOptions } from '../storage/index.ts';
import type { Config } from './config.ts';
import type { DataDirectory } from './data-directory.ts';
import { type S3Place, s3PlaceOf } from './s3-place.ts';

/** The colder places of objects, as the configuration names them; those of a service without asking it anything. */
export async function tierOptions(deps: {
  readonly store: MetadataStore;
  readonly data: Pick<DataDirectory, 'tiersDirectory'>;
  readonly config: Config;
  readonly warn: (text: string) => void;
}): Promise<TierOptions> {
  const { data, config, warn } = deps;
  const { tiers, s3, store } = config.storage;
  const inService = async (name: string, place: S3Place) => {
    const { RemoteTier } = await import('../storage/stores/s3/remote-tier.ts');
    return new RemoteTier({ ...place, name, lake: () => lakeIdOf(deps.store) });
  };
  /** Beside the objects: in the data directory, or below the prefix of the service that has them. */
  const beside = (name: string) => {
    if (store === 'local') return new DirectoryPlace(name, join(data.tiersDirectory, name));
    const place = s3PlaceOf(s3, 'storage.s3', 'storage.store', () => undefined);
    return inService(name, { ...place, prefix: `${place.prefix}tiers/${name}/` });
  };
  const place = async (name: 'cold' | 'archive') => {
    const where = tiers[name];
    if (where === 'none') return {};
    if (where === '') return { [name]: await beside(name) };
    if (where !== 's3') return { [name]: new DirectoryPlace(name, where) };
    const settings = `storage.tiers.${name}_s3` as const;
    const found = s3PlaceOf(tiers[`${name}_s3`], settings, `storage.tiers.${name}`, warn);
    return { [name]: await inService(name, found) };
  };
  return {
    ...(await place('cold')),
    ...(await place('archive')),
    restored: await beside('restored'),
    dayMs: config.s3.lifecycle_day_seconds * 1000,
  };
}
