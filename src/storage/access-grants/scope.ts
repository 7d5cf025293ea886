/** Scopes of grants: `s3://bucket/prefix*` for all that begins so, without the star for one object. */
import { LochError } from '../../core/errors.ts';
import type { GrantPermission } from './contract-types.ts';

/** Whether all of `target` lies in `scope`, letter for letter. */
export function covers(scope: string, target: string): boolean {
  if (!scope.endsWith('*')) return scope === target;
  return target.startsWith(scope.slice(0, -1));
}

/** The scope of a grant below a location. **Errors**: `invalid_argument`. */
export function grantScope(location: string, subPrefix: string | undefined, isObject: boolean): string {
  const root = location.replace(/\*$/, '');
  // `s3://bucket` has its keys below a slash, and so keeps other buckets that begin with its name apart.
  const base = /^s3:\/\/[^/]+$/.test(root) ? `${root}/` : root;
  const inner = subPrefix ?? '*';
  const scope = base + inner;
  if (isObject && scope.endsWith('*')) throw invalid('A grant of an object names it, without a star at its end.');
  const whole = isObject || scope.endsWith('*') ? scope : `${scope}*`;
  if (!/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/.+/s.test(whole)) {
    throw invalid(
      `\`${whole}\` names no bucket: a grant below \`${location}\` needs an S3SubPrefix of BUCKET/PREFIX*.`,
    );
  }
  return whole;
}

/** **Errors**: `invalid_argument`. */
export function assertLocation(scope: string): void {
  if (/^s3:\/\/$/.test(scope) || /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*\*?)?$/s.test(scope)) return;
  throw invalid(`\`${scope}\` is no scope of a location. Known: s3://, s3://BUCKET, s3://BUCKET/PREFIX*.`);
}

const invalid = (message: string): LochError =>
  new LochError('invalid_argument', message, { context: { s3_code: 'InvalidRequest' } });

/** Letters that policies would take for more than themselves. */
const literal = (text: string): string => text.replaceAll(/[$*?]/g, (letter) => `\${${letter}}`);

const READS = ['GetObject', 'GetObjectVersion', 'GetObjectAcl', 'GetObjectVersionAcl', 'ListMultipartUploadParts'];
const WRITES = [
  'PutObject',
  'PutObjectAcl',
  'PutObjectVersionAcl',
  'DeleteObject',
  'DeleteObjectVersion',
  'AbortMultipartUpload',
];

/** The session policy that opens a scope and nothing else. */
export function policyOf(scope: string, permission: GrantPermission): string {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(scope) ?? [];
  const open = rest.endsWith('*');
  const prefix = open ? rest.slice(0, -1) : rest;
  const actions = [...(permission === 'WRITE' ? [] : READS), ...(permission === 'READ' ? [] : WRITES)];
  const below = `${literal(prefix)}${open ? '*' : ''}`;
  const statements: object[] = [
    {
      Effect: 'Allow',
      Action: actions.map((action) => `s3:${action}`),
      Resource: `arn:aws:s3:::${literal(bucket)}/${below}`,
    },
    { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: '*' },
  ];
  if (permission !== 'WRITE') {
    statements.push({
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:ListBucketVersions'],
      Resource: `arn:aws:s3:::${literal(bucket)}`,
      Condition: { StringLike: { 's3:prefix': [below] } },
    });
  }
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}
