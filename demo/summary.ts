import type { JobRun } from '../src/processing/contract.ts';
import { expectedFlaws, type SourceName } from './data/index.ts';
import type { Lake } from './lake.ts';

/** What cleaning made of one source. rowsIn = committed + rejected + duplicates. */
export interface SourceCounts {
  readonly sent: number;
  readonly rowsIn: number;
  readonly committed: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly rejectedByRule: Readonly<Record<string, number>>;
  readonly reconciles: boolean;
}

/** The outcome of a demo, as its last line of JSON. **Units**: milliseconds by layer, MiB of memory. */
export interface Summary {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly sources: Readonly<Record<string, SourceCounts>>;
  readonly scale: number;
  readonly seconds: number;
  readonly layers: Readonly<Record<string, number>>;
  readonly curated: Readonly<Record<string, { readonly rows: number; readonly hash: string }>>;
  readonly analyst: { readonly rows: number; readonly regions: readonly string[] };
  readonly audit: { readonly analyst: number; readonly root: number };
  readonly restarts: number;
  readonly peakRssMiB: number;
}

/**
 * Adds up the runs of each source and checks them: every row that came in is committed, rejected or a duplicate. Without
 * a repeat, exactly what was sent came in.
 */
export function reconcile(
  sent: Readonly<Record<string, number>>,
  runs: Readonly<Record<string, readonly JobRun[]>>,
  undisturbed: boolean,
): Pick<Summary, 'ok' | 'problems' | 'sources'> {
  const problems: string[] = [];
  const sources: Record<string, SourceCounts> = {};
  for (const [source, rowsSent] of Object.entries(sent)) {
    const counts = (runs[source] ?? []).flatMap((run) => (run.counts === undefined ? [] : [run.counts]));
    const total = (pick: (count: (typeof counts)[number]) => number) =>
      counts.reduce((sum, count) => sum + pick(count), 0);
    const rejectedByRule: Record<string, number> = {};
    for (const count of counts) {
      for (const [rule, rows] of Object.entries(count.rejectedByRule))
        rejectedByRule[rule] = (rejectedByRule[rule] ?? 0) + rows;
    }
    const rowsIn = total((count) => count.rowsIn);
    const committed = total((count) => count.rowsCommitted);
    const rejected = total((count) => count.rowsRejected);
    const duplicates = total((count) => count.rowsDuplicate);
    const reconciles =
      rowsIn === committed + rejected + duplicates && rowsIn >= rowsSent && (!undisturbed || rowsIn === rowsSent);
    if (!reconciles) {
      problems.push(
        `${source}: sent ${rowsSent}, in ${rowsIn} = committed ${committed} + rejected ${rejected} + duplicates ${duplicates} does not hold`,
      );
    }
    sources[source] = { sent: rowsSent, rowsIn, committed, rejected, duplicates, rejectedByRule, reconciles };
  }
  return { ok: problems.length === 0, problems, sources };
}

/** Whether a first run committed, rejected and dropped exactly what the generator planted. */
export function matchesPlan(sources: Summary['sources'], scale: number): string[] {
  const expected = expectedFlaws(scale);
  return Object.entries(sources).flatMap(([source, counts]) => {
    const plan = expected[source as SourceName];
    const rejected = Object.values(plan.rejected).reduce((a, b) => a + b, 0);
    const duplicates = plan.duplicates.exact + plan.duplicates.corrected;
    const same =
      counts.committed === plan.committed && counts.rejected === rejected && counts.duplicates === duplicates;
    return same
      ? []
      : [
          `${source}: ${counts.committed}/${counts.rejected}/${counts.duplicates}, planted ${plan.committed}/${rejected}/${duplicates} (committed/rejected/duplicates)`,
        ];
  });
}

/** The summary for a person, with what to try next. */
export function renderSummary(summary: Summary, lake: Lake): string {
  const lines = ['source         rows in  committed  rejected  duplicates'];
  for (const [source, counts] of Object.entries(summary.sources)) {
    const cells = [counts.rowsIn, counts.committed, counts.rejected, counts.duplicates];
    const why = Object.entries(counts.rejectedByRule)
      .map(([rule, rows]) => `${rule} ${rows}`)
      .join(', ');
    lines.push(
      `${source.padEnd(13)}${cells.map((cell, i) => String(cell).padStart([9, 11, 10, 12][i]!)).join('')}${counts.reconciles ? '' : '  DOES NOT RECONCILE'}${why === '' ? '' : `   (${why})`}`,
    );
  }
  lines.push('');
  for (const [table, { rows, hash }] of Object.entries(summary.curated))
    lines.push(`curated.${table}: ${rows} rows, hash ${hash.slice(0, 16)}`);
  lines.push(
    `time: ${Object.entries(summary.layers)
      .map(([layer, ms]) => `${layer} ${(ms / 1000).toFixed(1)} s`)
      .join(', ')}; ${summary.seconds} s in all, at most ${summary.peakRssMiB} MiB`,
  );
  if (summary.problems.length > 0) lines.push('', ...summary.problems);
  const data = lake.data;
  lines.push(
    '',
    'Try next:',
    `  ./loch query --data ${data} "SELECT region, count(*) AS leads FROM curated.cd_leads GROUP BY region ORDER BY 2 DESC"`,
    `  eval "$(./loch env --data ${data})" && aws glue get-tables --database-name curated`,
    `  ./loch console --data ${data}`,
    `Console: ${lake.server.consoleUrl}`,
    '',
  );
  return `${lines.join('\n')}\n`;
}
