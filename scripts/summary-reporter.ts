import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Ends a test run with every skipped test and its reason, every test that needed another try, and one line of counts. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skipped: string[] = [];
    const unsteady: string[] = [];
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (test.diagnostic()?.flaky === true) unsteady.push(`  ${module.relativeModuleId} > ${test.fullName}`);
        if (result.state === 'passed' || result.state === 'failed') counts[result.state]++;
        else {
          counts.skipped++;
          skipped.push(`  ${module.relativeModuleId} > ${test.fullName}: ${reasonOf(test)}`);
        }
      }
    }
    if (skipped.length > 0) process.stdout.write(`\nSkipped, and why:\n${skipped.join('\n')}\n`);
    if (unsteady.length > 0)
      process.stdout.write(`\nPassed on a second try only; each wants a look:\n${unsteady.join('\n')}\n`);
    process.stdout.write(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}

/** The note of `skip(reason)`, else what the name of the suite says in parentheses. */
function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === 'skipped' && result.note !== undefined) return result.note;
  return /\(([^)]*skipped[^)]*)\)/.exec(test.fullName)?.[1] ?? 'no reason given';
}
