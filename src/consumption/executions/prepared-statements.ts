/** Prepared statements by API and by PREPARE, EXECUTE and DEALLOCATE. */
import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { Reader } from '../changes/parse/reader.ts';
import type { PreparedStatements } from '../contract.ts';
import { authorizeWorkgroup, PRIMARY_WORKGROUP } from './access.ts';
import type { ExecutionDeps } from './deps.ts';
import { preparedMissing, preparedProcedures } from './prepared-store.ts';

/** **Source**: Athena, "Service quotas" and `StatementName`. */
const MOST = 1_000;
const NAME = /^[A-Za-z_][A-Za-z0-9_@:]{0,255}$/;

/** Statements kept under names. **Errors**: `invalid_argument`, `already_exists`, `not_found`, `access_denied`. */
export function preparedStatements(deps: ExecutionDeps): PreparedStatements {
  const placed = async (context: RequestContext, action: string, workgroup = PRIMARY_WORKGROUP) => {
    await authorizeWorkgroup(deps, context, `athena:${action}`, workgroup);
    return { accountId: context.accountId, workgroup };
  };
  return {
    async put(context, { name, sql, description, workgroup, mode }) {
      assertName(name);
      if (sql.trim() === '') throw new LochError('invalid_argument', 'A prepared statement has a text.');
      const action = mode === 'update' ? 'UpdatePreparedStatement' : 'CreatePreparedStatement';
      const place = await placed(context, action, workgroup);
      const entry = { ...place, name, sql, description: description ?? null, mode, limit: MOST };
      await deps.store.write(preparedProcedures.put, entry);
    },
    async get(context, name, workgroup) {
      const place = await placed(context, 'GetPreparedStatement', workgroup);
      const known = await deps.store.read(preparedProcedures.get, { ...place, name });
      if (known === undefined) throw preparedMissing(name);
      return known;
    },
    async list(context, { workgroup, after = '', limit = 50 }) {
      const place = await placed(context, 'ListPreparedStatements', workgroup);
      return deps.store.read(preparedProcedures.list, { ...place, after, limit });
    },
    async delete(context, name, workgroup) {
      const place = await placed(context, 'DeletePreparedStatement', workgroup);
      await deps.store.write(preparedProcedures.remove, { ...place, name });
    },
  };
}

function assertName(name: string): void {
  if (NAME.test(name)) return;
  throw new LochError(
    'invalid_argument',
    `\`${name}\` is no name for a prepared statement: it begins with a letter or underscore, then up to 255 letters, digits, _, @ and :.`,
    { context: { argument: 'StatementName' } },
  );
}

/** A statement about prepared statements. */
export type PreparedCommand =
  | { readonly kind: 'prepare'; readonly name: string; readonly sql: string }
  | { readonly kind: 'deallocate'; readonly name: string }
  | { readonly kind: 'execute'; readonly name: string; readonly values: readonly string[] };

/** `PREPARE p FROM …`, `EXECUTE p [USING …]`, `DEALLOCATE PREPARE p`; undefined for anything else. **Errors**: `syntax_error`. */
export function preparedCommand(text: string): PreparedCommand | undefined {
  const reader = new Reader(text);
  if (reader.accept('prepare')) {
    const name = reader.written();
    reader.expect('from');
    return { kind: 'prepare', name, sql: reader.rest() };
  }
  if (reader.accept('deallocate', 'prepare')) {
    const name = reader.written();
    reader.end();
    return { kind: 'deallocate', name };
  }
  if (!reader.accept('execute')) return undefined;
  const name = reader.written();
  const values: string[] = [];
  if (reader.accept('using')) {
    do values.push(reader.textUntil(','));
    while (reader.accept(','));
  }
  reader.end();
  return { kind: 'execute', name, values };
}
