import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'demo/**/*.test.ts', 'scripts/**/*.test.ts'],
    pool: 'forks',
    reporters: [['default', { summary: false }], './scripts/summary-reporter.ts'],
    maxWorkers: 2,
    // Real servers, browsers and kills meet a busy machine: CI tries a test twice, and the summary names each that needed it.
    retry: process.env.CI === 'true' ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
