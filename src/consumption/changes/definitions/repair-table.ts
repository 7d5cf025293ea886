/**
 * MSCK REPAIR TABLE: folders `key=value` under a table's place as its partitions. It adds and never removes; begun again
 * it goes on where it was, since what is there stays.
 */
import { LochError } from '../../../core/errors.ts';
import type { TableRecord } from '../../../catalog/contract.ts';
import { parseS3Uri } from '../../../storage/contract.ts';
import { type ChangeDeps, type ChangeRun, fullName, tableName } from '../deps.ts';
import type { DefinitionStatement } from '../statements.ts';

const BATCH = 500;

interface Found {
  readonly values: string[];
  readonly location: string;
  readonly parameters: Record<string, string>;
}

/** Lines that say what was added and what was passed over. **Errors**: `unsupported` for an Iceberg table. */
export async function repairTable(
  deps: ChangeDeps,
  run: ChangeRun,
  statement: Extract<DefinitionStatement, { kind: 'repair_table' }>,
): Promise<readonly string[]> {
  const name = tableName(run, statement.table);
  const { record } = await deps.catalog.resolveTable(run.context, name);
  await deps.policy.authorizeTable(run.context, name, 'ALTER');
  if (record.format === 'iceberg' || record.partitionKeys.length === 0) {
    throw new LochError(
      'unsupported',
      `MSCK REPAIR does not apply to \`${fullName(name)}\`: ${record.format === 'iceberg' ? 'an Iceberg table knows its partitions from its metadata' : 'it has no partition keys'}.`,
      { context: { table: fullName(name) } },
    );
  }
  if (!record.storage.location.startsWith('s3://')) {
    throw new LochError(
      'unsupported',
      `\`${fullName(name)}\` lies at \`${record.storage.location}\`; MSCK REPAIR takes s3:// places.`,
      {
        context: { location: record.storage.location },
      },
    );
  }
  const known = await knownPartitions(deps, run, name);
  const lines: string[] = [];
  let batch: Found[] = [];
  const flush = async () => {
    if (batch.length > 0) await deps.catalog.createPartitions(run.context, name, batch, { ifNotExists: true });
    batch = [];
  };
  for await (const found of partitionFolders(deps, run, record, (skipped) => lines.push(`Skipped: ${skipped}`))) {
    if (known.has(JSON.stringify(found.values))) continue;
    known.add(JSON.stringify(found.values));
    const text = record.partitionKeys.map((key, i) => `${key.name}=${found.values[i]!}`).join('/');
    lines.push(`Repair: Added partition to metastore ${record.name}:${text}`);
    batch.push(found);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  return lines;
}

async function knownPartitions(
  deps: ChangeDeps,
  run: ChangeRun,
  name: Parameters<typeof fullName>[0],
): Promise<Set<string>> {
  const known = new Set<string>();
  let after: readonly string[] | undefined;
  do {
    const page = await deps.catalog.listPartitions(run.context, name, {
      limit: 1000,
      ...(after === undefined ? {} : { after }),
    });
    for (const { values } of page) known.add(JSON.stringify(values));
    after = page.length < 1000 ? undefined : page.at(-1)!.values;
  } while (after !== undefined);
  return known;
}

/** Folders of as many levels as the table has keys, each named by its key in any case. */
async function* partitionFolders(
  deps: ChangeDeps,
  run: ChangeRun,
  record: TableRecord,
  skip: (folder: string) => void,
): AsyncGenerator<Found> {
  const { bucket, key } = parseS3Uri(record.storage.location);
  const root = key.replace(/\/+$/, '');
  const keys = record.partitionKeys.map(({ name }) => name);
  async function* level(prefix: string, values: readonly string[]): AsyncGenerator<Found> {
    run.signal.throwIfAborted();
    if (values.length === keys.length) {
      yield { values: [...values], location: `s3://${bucket}/${prefix}`, parameters: {} };
      return;
    }
    let startAfter: string | undefined;
    do {
      const page = await deps.objects.list(bucket, {
        prefix,
        delimiter: '/',
        maxKeys: 1000,
        ...(startAfter === undefined ? {} : { startAfter }),
      });
      for (const folder of page.commonPrefixes) {
        const segment = folder.slice(prefix.length).replace(/\/$/, '');
        const at = segment.indexOf('=');
        if (/^[._]/.test(segment)) continue;
        if (at > 0 && segment.slice(0, at).toLowerCase() === keys[values.length]) {
          yield* level(folder, [...values, decoded(segment.slice(at + 1))]);
        } else skip(`s3://${bucket}/${folder} (expected ${keys[values.length]}=…)`);
      }
      startAfter = page.next;
    } while (startAfter !== undefined);
  }
  yield* level(root === '' ? '' : `${root}/`, []);
}

/** Hive escapes single bytes; what is no escape stays. */
const decoded = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
