/**
 * Access to a table's files for engines: credentials lent for exactly these, or signatures made here.
 *
 * Invariants
 * - A loan is in the audit trail, with table, folder and verbs, before the client has it; no trail, no loan.
 */
import type { LentAccess } from '../../catalog/contract.ts';
import { isLochError } from '../../core/errors.ts';
import type { TableName } from '../../governance/contract.ts';
import { levelsOfDatabase } from './namespace-name.ts';
import { CATALOG, type IcebergAnswer, type IcebergRequest, tableOf } from './request.ts';

type Config = Readonly<Record<string, string>>;

/** What a loaded table says of access to its files. */
export interface Delegation {
  readonly config: Config;
  readonly 'storage-credentials'?: readonly { readonly prefix: string; readonly config: Config }[];
}

const MECHANISMS = 'x-iceberg-access-delegation';

/** Where and how files are read, and by what right as far as the client asked for one. */
export async function delegation(
  request: IcebergRequest,
  name: TableName,
  location: string,
  staged?: 'staged',
): Promise<Delegation> {
  const asked = mechanismsOf(request);
  const config = fileConfig(request);
  // Nothing can be signed for a table that is not there yet, so its maker gets credentials either way.
  if (asked.has('vended-credentials') || (asked.has('remote-signing') && staged !== undefined)) {
    const lent = await lendOrNothing(request, name, staged === undefined ? undefined : location);
    if (lent !== undefined) {
      const own = lentConfig(request, name, lent);
      return { config: { ...config, ...own }, 'storage-credentials': [{ prefix: prefixOf(lent), config: own }] };
    }
  }
  return asked.has('remote-signing') && staged === undefined
    ? { config: { ...config, ...signerConfig(name) } }
    : { config };
}

function mechanismsOf({ headers }: IcebergRequest): ReadonlySet<string> {
  const value = headers[MECHANISMS];
  const text = Array.isArray(value) ? value.join(',') : (value ?? '');
  return new Set(text.split(',').map((each) => each.trim().toLowerCase()));
}

/** Who may know a table without reading it loads it without credentials. */
async function lendOrNothing(
  request: IcebergRequest,
  name: TableName,
  location: string | undefined,
): Promise<LentAccess | undefined> {
  try {
    return await lend(request, name, location);
  } catch (error) {
    if (isLochError(error, 'access_denied', 'unsupported')) return undefined;
    throw error;
  }
}

async function lend(request: IcebergRequest, name: TableName, location?: string): Promise<LentAccess> {
  const lent = await request.catalog.lendAccess(request.context, name, {
    seconds: request.settings.loanSeconds,
    ...(location === undefined ? {} : { location }),
  });
  await recordLoan(request, name, lent, 'GetDataAccess');
  return lent;
}

/** Puts a loan or signature in the trail. */
export async function recordLoan(
  { audit, context }: IcebergRequest,
  name: TableName,
  lent: LentAccess,
  eventName: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await audit.recordManagement(context, {
    eventSource: 'lakeformation.amazonaws.com',
    eventName,
    readOnly: true,
    requestParameters: {
      table: `${name.database}.${name.table}`,
      prefix: prefixOf(lent),
      verbs: lent.verbs,
      ...more,
    },
    // Object reads are joined to it by the key.
    responseElements: { accessKeyId: lent.accessKeyId, expiration: new Date(lent.expiresAt).toISOString() },
    resources: [{ type: 'AWS::Glue::Table', name: `${name.database}.${name.table}` }],
  });
}

/** `GET …/credentials`: a fresh loan. **Errors**: `access_denied` for who may neither read nor write all of the table. */
export async function loadCredentials(request: IcebergRequest): Promise<IcebergAnswer> {
  const name = tableOf(request);
  const lent = await lend(request, name);
  return {
    status: 200,
    body: { 'storage-credentials': [{ prefix: prefixOf(lent), config: lentConfig(request, name, lent) }] },
    headers: { 'cache-control': 'no-store' },
  };
}

const prefixOf = (lent: LentAccess): string => `s3://${lent.bucket}/${lent.prefix}`;

/** Where files are read. */
export function fileConfig({ settings }: Pick<IcebergRequest, 'settings'>): Config {
  return {
    's3.endpoint': settings.s3Endpoint(),
    's3.path-style-access': 'true',
    's3.region': settings.region,
    'client.region': settings.region,
  };
}

function lentConfig(request: IcebergRequest, name: TableName, lent: LentAccess): Config {
  return {
    ...fileConfig(request),
    's3.access-key-id': lent.accessKeyId,
    's3.secret-access-key': lent.secret.reveal(),
    's3.session-token': lent.sessionToken.reveal(),
    's3.session-token-expires-at-ms': String(lent.expiresAt),
    'client.refresh-credentials-endpoint': `${tableRoute(name)}/credentials`,
  };
}

function signerConfig(name: TableName): Config {
  const endpoint = `${tableRoute(name)}/sign`;
  return {
    's3.remote-signing-enabled': 'true',
    'signer.endpoint': endpoint,
    's3.signer.endpoint': endpoint,
    's3.signer': 'S3V4RestSigner',
  };
}

function tableRoute({ database, table }: TableName): string {
  const namespace = levelsOfDatabase(database).map(encodeURIComponent).join('%1F');
  return `v1/${CATALOG}/namespaces/${namespace}/tables/${encodeURIComponent(table)}`;
}
