/** The page docs/reference/s3-conformance.md out of the tests of the public suite's cases. */
import { readConformanceCases } from './s3-conformance-cases.ts';

/** The pinned commit of https://github.com/ceph/s3-tests that `npm run test:s3-conformance` runs. */
export const SUITE_COMMIT = '10d46f4e338eba328d40bad2c39d0177d4e0a34c';

export function renderConformance(): string {
  const { held, notHeld } = readConformanceCases();
  const all = new Set([...held.values()].flat());
  const lines = [
    '# S3 conformance',
    '',
    'The cases of the public suite [ceph/s3-tests](https://github.com/ceph/s3-tests) (functional, S3 part) whose behaviour Loch',
    'holds, each tried by a test of its own name in `test/acceptance/s3`, and those that do not hold, with the reason. Generated',
    'from the titles of these tests and `test/acceptance/s3/not-held.json` by `npm run docs`.',
    '',
    `Held: **${all.size}** cases. Not held: ${notHeld.reduce((sum, { cases }) => sum + cases.length, 0)}.`,
    '',
    '## Running the suite itself',
    '',
    '```sh',
    `git clone https://github.com/ceph/s3-tests && git -C s3-tests checkout ${SUITE_COMMIT.slice(0, 12)}`,
    'npm run test:s3-conformance -- s3-tests',
    '```',
    '',
    'The command checks the commit of the folder (`--commit SHA` takes another), starts a Loch of its own with the settings such',
    'suites expect (`s3.default_object_ownership=ObjectWriter`, `s3.default_public_access_block=false`,',
    '`s3.lifecycle_day_seconds=10`), seeds two accounts and three users, writes the configuration, makes a Python environment with',
    "the suite's requirements in the test cache, runs the suite without the cases that fail on Amazon S3 itself, and compares the",
    'outcome with this page: a case that is held here and fails there ends it with an error.',
    '',
    '## Not held',
    '',
    '| cases | why |',
    '| --- | --- |',
    ...notHeld.map(({ cases, why }) => `| ${cases.map((name) => `\`${name}\``).join(' ')} | ${why} |`),
    '',
    '## Held',
  ];
  for (const [file, names] of held) {
    lines.push('', `### ${file} (${names.length})`, '', names.map((name) => `\`${name}\``).join(' '));
  }
  return `${lines.join('\n')}\n`;
}
