import type { ExecutionDeps } from './deps.ts';
import { executionProcedures } from './store.ts';

const DAY_MS = 86_400_000;
/** How long results are kept. */
export const RESULT_DAYS = 30;
/** How long the record of a query is kept. **Source**: Athena, query history. */
const HISTORY_DAYS = 45;
const AT_ONCE = 500;

/** Removes the results that are older than the rule allows. Returns how many. Run again after a crash: it repeats. */
export async function expireResults(deps: ExecutionDeps): Promise<number> {
  const now = deps.clock.now();
  let removed = 0;
  for (;;) {
    const old = await deps.store.read(executionProcedures.resultsBefore, {
      before: now - RESULT_DAYS * DAY_MS,
      limit: AT_ONCE,
    });
    for (const { result } of old) if (result !== undefined) await deps.objects.delete(result.bucket, result.key);
    await deps.store.write(executionProcedures.forget, {
      ids: old.map(({ execution }) => execution.id),
      forgetBefore: now - HISTORY_DAYS * DAY_MS,
    });
    removed += old.length;
    if (old.length < AT_ONCE) return removed;
  }
}
