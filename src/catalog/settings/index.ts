import { createHash } from 'node:crypto';
import { glueArn } from '../../core/arn.ts';
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { CatalogParts } from '../databases/parts.ts';
import type { CatalogPolicy, CatalogSettings } from './contract.ts';
import type { PolicyCache } from './policy-cache.ts';
import settingsStore, { POLICY } from './store.ts';

const LONGEST_POLICY = 10_240;
const IMPORT = 'import';

/** **Errors**: `malformed_policy` saying what is wrong. */
function checkDocument(document: string): void {
  const refuse = (problem: string) =>
    new LochError('malformed_policy', `The resource policy cannot be taken: ${problem}.`);
  if (Buffer.byteLength(document) > LONGEST_POLICY) throw refuse(`it is longer than ${LONGEST_POLICY} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(document);
  } catch {
    throw refuse('it is not JSON');
  }
  const statements = (parsed as { Statement?: unknown } | null)?.Statement;
  const list = Array.isArray(statements) ? statements : [statements];
  for (const statement of list) {
    if (statement === null || typeof statement !== 'object') throw refuse('it has no `Statement`');
    const { Effect, Principal, Action, Resource } = statement as Readonly<Record<string, unknown>>;
    if (Effect !== 'Allow' && Effect !== 'Deny') throw refuse('the `Effect` of a statement must be Allow or Deny');
    if (Principal === undefined) throw refuse('a statement has no `Principal`');
    if (Action === undefined || Resource === undefined) throw refuse('a statement needs `Action` and `Resource`');
  }
}

/** The use-cases of the catalog's settings. */
export function settingsUseCases(
  parts: Pick<CatalogParts, 'store' | 'policy' | 'clock' | 'accountId' | 'region'>,
  cache: PolicyCache | undefined,
): CatalogSettings {
  const { procedures } = settingsStore;
  const allow = (context: RequestContext, action: string) =>
    parts.policy.authorize(context, {
      action: `glue:${action}`,
      resource: glueArn(parts.region, parts.accountId, 'catalog'),
    });
  const find = async (): Promise<CatalogPolicy | undefined> => {
    const value = await parts.store.read(procedures.setting, { name: POLICY });
    return value === undefined ? undefined : (JSON.parse(value) as CatalogPolicy);
  };
  return {
    authorize: allow,
    async putPolicy(context, input) {
      checkDocument(input.document);
      cache?.parse(input.document);
      await allow(context, 'PutResourcePolicy');
      const put = await parts.store.write(procedures.putPolicy, {
        ...input,
        hash: createHash('sha256').update(input.document).digest('base64'),
        at: parts.clock.now(),
      });
      cache?.forget();
      return put;
    },
    async policy(context) {
      await allow(context, 'GetResourcePolicy');
      const found = await find();
      if (found === undefined) throw new LochError('not_found', 'The catalog has no resource policy.');
      return found;
    },
    async policies(context) {
      await allow(context, 'GetResourcePolicies');
      const found = await find();
      return found === undefined ? [] : [found];
    },
    async deletePolicy(context, expectedHash) {
      await allow(context, 'DeleteResourcePolicy');
      await parts.store.write(procedures.deletePolicy, expectedHash === undefined ? {} : { expectedHash });
      cache?.forget();
    },
    async importStatus(context) {
      await allow(context, 'GetCatalogImportStatus');
      const value = await parts.store.read(procedures.setting, { name: IMPORT });
      return value === undefined ? undefined : (JSON.parse(value) as { at: number; by: string });
    },
    async noteImport(context) {
      await allow(context, 'ImportCatalogToGlue');
      const value = JSON.stringify({ at: parts.clock.now(), by: context.principal.arn });
      await parts.store.write(procedures.putSetting, { name: IMPORT, value });
    },
  };
}
