/**
 * The use-cases of connections.
 *
 * Invariants
 * - A definition lies sealed under its name: no property of it stands in the clear in any file.
 * - Secrets leave only to who may get the connection and did not ask for them to be hidden.
 */
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { Secret, type SecretSealer } from '../../core/secret.ts';
import { storeCall } from '../../metadata/contract.ts';
import { glueAllows } from '../databases/access.ts';
import type { CatalogParts } from '../databases/parts.ts';
import { removeTags } from '../settings/tags.ts';
import type { ConnectionInput, ConnectionProbe, ConnectionRecord, Connections } from './contract.ts';
import { openJdbc } from './jdbc-url.ts';
import connectionStore, { connectionMissing, type ConnectionRow } from './store.ts';

const SECRET_KEY = /PASSWORD|_TOKEN$|CLIENT_SECRET/;
const MOST_PROPERTIES = 100;
const BATCH = 200;

export interface ConnectionParts
  extends Pick<CatalogParts, 'store' | 'policy' | 'names' | 'clock' | 'accountId' | 'region'> {
  readonly sealer: SecretSealer;
  readonly probe?: ConnectionProbe | undefined;
}

const purposeOf = (name: string) => `catalog-connection ${name}`;

function check(input: ConnectionInput): ConnectionInput {
  const refuse = (problem: string) =>
    new LochError('invalid_argument', problem, { context: { connection: input.name.slice(0, 255) } });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  const odd = /[\u0000-\u001f\u007f]/.test(input.name);
  if (input.name.length === 0 || input.name.length > 255 || odd) {
    throw refuse('The `Name` of a connection must have 1 to 255 characters, none of them a control character.');
  }
  if ((input.description?.length ?? 0) > 2048) {
    throw refuse(`The \`Description\` of connection \`${input.name}\` is longer than 2048 characters.`);
  }
  if ((input.matchCriteria?.length ?? 0) > 10) {
    throw refuse(`\`MatchCriteria\` of connection \`${input.name}\` has more than 10 entries.`);
  }
  const maps = [input.properties, input.sparkProperties, input.athenaProperties, input.pythonProperties];
  for (const map of maps) {
    const entries = Object.entries(map ?? {});
    if (entries.length > MOST_PROPERTIES) {
      throw refuse(`Connection \`${input.name}\` has ${entries.length} properties; the limit is ${MOST_PROPERTIES}.`);
    }
    const long = entries.find(([key, value]) => key.length > 255 || value.length > 2048);
    if (long !== undefined) {
      throw refuse(
        `Property \`${long[0].slice(0, 60)}\` of connection \`${input.name}\` is too long: 255 characters for a key, 2048 for a value.`,
      );
    }
  }
  if (input.type === 'JDBC' && input.properties.JDBC_CONNECTION_URL === undefined) {
    throw refuse(`Connection \`${input.name}\` of type JDBC needs the property JDBC_CONNECTION_URL.`);
  }
  return input;
}

const withoutSecrets = (properties: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(properties).filter(([key]) => !SECRET_KEY.test(key)));

const onlySecrets = (properties: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(properties).filter(([key]) => SECRET_KEY.test(key)));

/** Opens the use-cases. */
export function openConnections(parts: ConnectionParts): Connections {
  const { store, sealer } = parts;
  const { procedures } = connectionStore;
  const arnOf = (name: string) => glueArn(parts.region, parts.accountId, `connection/${name}`);
  const allow = async (context: RequestContext, action: string, name: string) => {
    for (const resource of [glueArn(parts.region, parts.accountId, 'catalog'), arnOf(name)]) {
      await parts.policy.authorize(context, { action: `glue:${action}`, resource });
    }
  };
  const recordOf = (row: ConnectionRow): ConnectionRecord => ({
    ...(JSON.parse(sealer.open(row.sealed, purposeOf(row.name)).reveal()) as Omit<ConnectionInput, 'name' | 'type'>),
    name: row.name,
    type: row.type,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  });
  const shown = (record: ConnectionRecord, hide: boolean): ConnectionRecord =>
    hide ? { ...record, properties: withoutSecrets(record.properties) } : record;
  const rowOf = (context: RequestContext, input: ConnectionInput, at: number): ConnectionRow => {
    const { name, type, ...rest } = input;
    const sealed = sealer.seal(new Secret(JSON.stringify(rest)), purposeOf(name));
    return { name, type, sealed, created_at: at, updated_at: at, updated_by: context.principal.arn };
  };
  const find = async (name: string): Promise<ConnectionRecord> => {
    const row = await store.read(procedures.connection, { name });
    if (row === undefined) throw connectionMissing(name);
    return recordOf(row);
  };

  const connections: Connections = {
    async create(context, input) {
      check(input);
      await allow(context, 'CreateConnection', input.name);
      const row = rowOf(context, input, parts.clock.now());
      await store.write(procedures.insertConnection, row);
      return recordOf(row);
    },
    async update(context, name, input) {
      await allow(context, 'UpdateConnection', name);
      const before = await find(name);
      const next = check({
        ...input,
        name,
        properties: { ...onlySecrets(before.properties), ...input.properties },
      });
      const { created_at: _, ...row } = rowOf(context, next, parts.clock.now());
      await store.write(procedures.changeConnection, row);
    },
    async delete(context, name) {
      await allow(context, 'DeleteConnection', name);
      await store.transact([storeCall(procedures.removeConnection, { name }), removeTags(arnOf(name))]);
    },
    async get(context, name, { hideSecrets }) {
      await allow(context, 'GetConnection', name);
      return shown(await find(name), hideSecrets);
    },
    async list(context, query) {
      await parts.policy.authorize(context, {
        action: 'glue:GetConnections',
        resource: glueArn(parts.region, parts.accountId, 'catalog'),
      });
      const found: ConnectionRecord[] = [];
      let after = query.after;
      for (;;) {
        const rows = await store.read(procedures.connections, {
          limit: BATCH,
          ...(after === undefined ? {} : { after }),
        });
        for (const row of rows) {
          if (found.length >= query.limit) return found;
          if (query.type !== undefined && row.type !== query.type) continue;
          if (!(await glueAllows(parts, context, 'GetConnections', `connection/${row.name}`))) continue;
          const record = recordOf(row);
          const wanted = query.matchCriteria ?? [];
          if (!wanted.every((word) => record.matchCriteria?.includes(word))) continue;
          found.push(shown(record, query.hideSecrets));
        }
        if (rows.length < BATCH) return found;
        after = rows.at(-1)!.name;
      }
    },
    async open(context, name) {
      const record = await connections.get(context, name, { hideSecrets: false });
      return { record, ...openJdbc(record) };
    },
    async test(context, connection) {
      const isNamed = !('properties' in connection);
      await allow(context, 'TestConnection', connection.name);
      const opened = isNamed ? await connections.open(context, connection.name) : openJdbc(connection);
      if (parts.probe === undefined) {
        throw new LochError(
          'unsupported',
          `This Loch has no drivers: connection \`${connection.name}\` cannot be tested.`,
        );
      }
      await parts.probe({ engine: opened.engine, url: opened.url }, context.signal);
    },
  };
  return connections;
}
