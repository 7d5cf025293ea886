/** Ends of flows as keys of the graph, and OpenLineage's names of them. */
import { createHash } from 'node:crypto';
import { formatS3Uri, parseS3Uri } from '../../storage/contract.ts';
import type { LineageEnd } from './contract.ts';

/** The key of an end: the same text for the same thing. */
export function keyOf(end: LineageEnd): string {
  switch (end.kind) {
    case 'table':
      return `table:${end.database.toLowerCase()}.${end.table.toLowerCase()}`;
    case 'objects':
      return `objects:s3://${end.bucket}/${end.prefix.replace(/\/+$/, '')}`;
    case 'dataset':
      return `dataset:${JSON.stringify([end.namespace, end.name])}`;
    case 'query':
      return `query:${JSON.stringify([end.principal, digestOf(end.statement)])}`;
  }
}

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 24);

/** The end of a key; the text of a query is not in its key. */
export function endOf(key: string): LineageEnd {
  const [kind] = key.split(':', 1);
  const rest = key.slice(kind!.length + 1);
  if (kind === 'table') {
    const dot = rest.indexOf('.');
    return { kind: 'table', database: rest.slice(0, dot), table: rest.slice(dot + 1) };
  }
  if (kind === 'objects') {
    const { bucket, key: prefix } = parseS3Uri(rest);
    return { kind: 'objects', bucket, prefix };
  }
  const [namespace = '', name = ''] = JSON.parse(rest) as string[];
  if (kind === 'query') return { kind: 'query', principal: namespace, statement: '' };
  return { kind: 'dataset', namespace, name };
}

/** A name for a person. */
export function nameOf(end: LineageEnd): string {
  switch (end.kind) {
    case 'table':
      return `${end.database}.${end.table}`;
    case 'objects':
      return formatS3Uri({ bucket: end.bucket, key: end.prefix });
    case 'dataset':
      return `${end.namespace}/${end.name}`;
    case 'query':
      return `query of ${end.principal.split(':').at(-1)!}`;
  }
}

/** OpenLineage's dataset of an end. **Source**: OpenLineage, "Naming Conventions": S3, AWS Glue. */
export function datasetOf(
  end: LineageEnd,
  place: { readonly region: string; readonly accountId: string },
): { readonly namespace: string; readonly name: string } {
  switch (end.kind) {
    case 'table':
      return {
        namespace: `arn:aws:glue:${place.region}:${place.accountId}`,
        name: `table/${end.database}/${end.table}`,
      };
    case 'objects':
      return { namespace: `s3://${end.bucket}`, name: end.prefix };
    case 'dataset':
      return { namespace: end.namespace, name: end.name };
    case 'query':
      return { namespace: `loch:${place.region}:${place.accountId}`, name: keyOf(end) };
  }
}

/** The end that an OpenLineage dataset is here. */
export function endOfDataset({ namespace, name }: { readonly namespace: string; readonly name: string }): LineageEnd {
  const table = /^table\/([^/]+)\/([^/]+)$/.exec(name);
  if (namespace.startsWith('arn:aws:glue:') && table !== null) {
    return { kind: 'table', database: table[1]!.toLowerCase(), table: table[2]!.toLowerCase() };
  }
  const bucket = /^s3[an]?:\/\/([^/]+)\/?$/.exec(namespace)?.[1];
  return bucket === undefined
    ? { kind: 'dataset', namespace, name }
    : { kind: 'objects', bucket, prefix: name.replace(/^\/+/, '') };
}
