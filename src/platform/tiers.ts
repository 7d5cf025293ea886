import { join } from 'node:path';
import { DirectoryPlace, type TierOptions } from '../storage/index.ts';
import type { Config } from './config.ts';
import type { DataDirectory } from './data-directory.ts';

/** The colder places of objects, as the configuration names them. */
export function tierOptions(data: Pick<DataDirectory, 'tiersDirectory'>, config: Config): TierOptions {
  const inData = (name: string) => join(data.tiersDirectory, name);
  const place = (name: 'cold' | 'archive') => {
    const directory = config.storage.tiers[name];
    if (directory === 'none') return {};
    return { [name]: new DirectoryPlace(name, directory === '' ? inData(name) : directory) };
  };
  return {
    ...place('cold'),
    ...place('archive'),
    restored: new DirectoryPlace('restored', inData('restored')),
    dayMs: config.s3.lifecycle_day_seconds * 1000,
  };
}
