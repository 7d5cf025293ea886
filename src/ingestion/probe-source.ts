import type { ConnectionProbe } from '../catalog/contract.ts';
import { postgresConnector } from './connectors/postgres/connector.ts';

/** Connects to a source, looks at it once and lets go. **Errors**: `source_failed`; `unsupported` without a driver. */
export const probeSource: ConnectionProbe = async ({ engine, url }) => {
  if (engine === 'mysql') {
    const { probeMysql } = await import('./connectors/mysql/describe-tables.ts');
    return probeMysql(url);
  }
  const snapshot = await postgresConnector.openSnapshot(url);
  await snapshot.close();
};
