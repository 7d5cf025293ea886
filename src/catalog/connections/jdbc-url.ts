import { LochError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import type { ConnectionInput, OpenedConnection } from './contract.ts';

const PORTS = { postgresql: '5432', mysql: '3306' } as const;

/**
 * A JDBC connection as the address that drivers take. **Errors**: `unsupported` naming the type or the database;
 * `invalid_argument` for an address that cannot be read. None repeats the address: it may hold a password.
 */
export function openJdbc(connection: ConnectionInput): Pick<OpenedConnection, 'engine' | 'url'> {
  const { properties, name } = connection;
  const text = properties.JDBC_CONNECTION_URL;
  if (connection.type !== 'JDBC' || text === undefined) {
    throw new LochError(
      'unsupported',
      `Connection \`${name}\` of type ${connection.type} cannot be used by Loch itself: only JDBC connections with a JDBC_CONNECTION_URL can.`,
      { context: { connection: name } },
    );
  }
  const [, scheme = '', rest = ''] = /^jdbc:([a-z0-9]+):\/\/(.+)$/i.exec(text) ?? [];
  const engine = scheme === 'postgresql' ? 'postgresql' : /^(mysql|mariadb)$/.test(scheme) ? 'mysql' : undefined;
  if (engine === undefined) {
    throw new LochError(
      'unsupported',
      `Connection \`${name}\` is for \`${scheme || 'an unknown database'}\`; Loch has drivers for postgresql and mysql. Write jdbc:postgresql://host:port/database.`,
      { context: { connection: name } },
    );
  }
  let url: URL;
  try {
    url = new URL(`http://${rest}`);
  } catch {
    throw new LochError(
      'invalid_argument',
      `The JDBC_CONNECTION_URL of connection \`${name}\` cannot be read. Write jdbc:${engine}://host:port/database.`,
      { context: { connection: name } },
    );
  }
  const user = properties.USERNAME ?? url.searchParams.get('user') ?? '';
  const password = properties.PASSWORD ?? url.searchParams.get('password') ?? '';
  const login = user === '' ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
  const tls = properties.JDBC_ENFORCE_SSL === 'true' ? '?sslmode=require' : '';
  const port = url.port === '' ? PORTS[engine] : url.port;
  return {
    engine,
    url: new Secret(
      `${engine === 'mysql' ? 'mysql' : 'postgres'}://${login}${url.hostname}:${port}${url.pathname}${tls}`,
    ),
  };
}
