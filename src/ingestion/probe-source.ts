import { LochError } from '../core/errors.ts';
import type { ConnectionProbe } from '../catalog/contract.ts';
import { postgresConnector } from './connectors/postgres/connector.ts';

/** Connects to a source, looks at it once and lets go. **Errors**: `source_failed`; `unsupported` without a driver. */
export const probeSource: ConnectionProbe = async ({ engine, url }) => {
  if (engine !== 'postgresql') {
    throw new LochError('unsupported', `There is no driver for ${engine} here. Known: postgresql.`, {
      context: { engine },
    });
  }
  const snapshot = await postgresConnector.openSnapshot(url);
  await snapshot.close();
};
