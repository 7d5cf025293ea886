import { describe, expect, it } from 'vitest';
import { readLifecycle, renderLifecycle } from '../../doors/s3/settings/lifecycle-form.ts';
import { parseXml, renderXml } from '../../doors/s3/xml.ts';
import { checkLifecycle } from './check-rules.ts';
import { compileLifecycle, type VersionFacts } from './evaluate.ts';

const DAY = 86_400_000;
const at = (text: string) => Date.parse(text);

function configured(rules: string) {
  const configuration = readLifecycle(parseXml(`<LifecycleConfiguration>${rules}</LifecycleConfiguration>`));
  checkLifecycle(configuration);
  return configuration;
}

const rule = (content: string, id = 'r') => `<Rule><ID>${id}</ID><Status>Enabled</Status>${content}</Rule>`;
const everything = '<Filter/>';
const refusal = (rules: string): string => {
  try {
    configured(rules);
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
};

describe('a lifecycle configuration', () => {
  it('comes back as it was written, in each of its forms', () => {
    const document = renderXml('LifecycleConfiguration', {
      Rule: [
        { ID: 'old', Prefix: 'logs/', Status: 'Enabled', Expiration: { Days: 7 } },
        {
          ID: 'and',
          Filter: { And: { Prefix: 'a/', Tag: [{ Key: 'k', Value: 'v' }], ObjectSizeGreaterThan: 5 } },
          Status: 'Disabled',
          Transition: [
            { Days: 30, StorageClass: 'STANDARD_IA' },
            { Days: 90, StorageClass: 'GLACIER' },
          ],
        },
        {
          ID: 'all',
          Filter: {},
          Status: 'Enabled',
          Expiration: { ExpiredObjectDeleteMarker: true },
          NoncurrentVersionExpiration: { NoncurrentDays: 60, NewerNoncurrentVersions: 3 },
          NoncurrentVersionTransition: [{ NoncurrentDays: 31, StorageClass: 'ONEZONE_IA' }],
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 },
        },
        {
          ID: 'date',
          Filter: { Tag: [{ Key: 'k', Value: '' }] },
          Status: 'Enabled',
          Expiration: { Date: '2030-01-01T00:00:00.000Z' },
        },
      ],
    });
    const read = readLifecycle(parseXml(document));
    checkLifecycle(read);
    expect(renderXml('LifecycleConfiguration', renderLifecycle(read))).toBe(document);
  });

  it('gives a rule without an id one of its own', () => {
    const { rules } = configured(
      '<Rule><Prefix/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>',
    );
    expect(rules[0]!.id).not.toBe('');
  });

  const expires = '<Expiration><Days>1</Days></Expiration>';
  const to = (days: number, storageClass: string) =>
    `<Transition><Days>${days}</Days><StorageClass>${storageClass}</StorageClass></Transition>`;
  it.each([
    ['no rule', '', 'malformed_request'],
    [
      'more than 1,000 rules',
      Array.from({ length: 1001 }, (_, i) => rule(everything + expires, `r${i}`)).join(''),
      'malformed_request',
    ],
    ['1,000 rules', Array.from({ length: 1000 }, (_, i) => rule(everything + expires, `r${i}`)).join(''), 'accepted'],
    ['an id of 256 characters', rule(everything + expires, 'a'.repeat(256)), 'invalid_argument'],
    ['an id of 255 characters', rule(everything + expires, 'a'.repeat(255)), 'accepted'],
    ['one id twice', rule(everything + expires) + rule(everything + expires), 'invalid_argument'],
    ['a status in lower case', `<Rule><Filter/><Status>enabled</Status>${expires}</Rule>`, 'malformed_request'],
    ['neither filter nor prefix', rule(expires), 'malformed_request'],
    ['filter and prefix', rule(`<Filter/><Prefix>a</Prefix>${expires}`), 'malformed_request'],
    [
      'two conditions without And',
      rule(`<Filter><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></Filter>${expires}`),
      'malformed_request',
    ],
    ['no action', rule(everything), 'missing_argument'],
    ['zero days', rule(`${everything}<Expiration><Days>0</Days></Expiration>`), 'invalid_argument'],
    ['days that are no number', rule(`${everything}<Expiration><Days>one</Days></Expiration>`), 'malformed_request'],
    [
      'days and a date of expiration',
      rule(`${everything}<Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration>`),
      'malformed_request',
    ],
    [
      'a date that is not midnight',
      rule(`${everything}<Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>`),
      'invalid_argument',
    ],
    ['a date that is none', rule(`${everything}<Expiration><Date>20200101</Date></Expiration>`), 'malformed_request'],
    [
      'a marker rule with tags',
      rule(
        '<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>',
      ),
      'missing_argument',
    ],
    [
      'an abort rule with tags',
      rule(
        '<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
      ),
      'missing_argument',
    ],
    [
      'one tag twice',
      rule(
        `<Filter><And><Tag><Key>k</Key><Value>1</Value></Tag><Tag><Key>k</Key><Value>2</Value></Tag></And></Filter>${expires}`,
      ),
      'missing_argument',
    ],
    [
      'sizes that exclude each other',
      rule(
        `<Filter><And><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>${expires}`,
      ),
      'missing_argument',
    ],
    ['an unknown class', rule(everything + to(30, 'FROZEN')), 'malformed_request'],
    ['a move to STANDARD', rule(everything + to(30, 'STANDARD')), 'malformed_request'],
    ['STANDARD_IA before thirty days', rule(everything + to(29, 'STANDARD_IA')), 'invalid_argument'],
    ['GLACIER at once', rule(everything + to(0, 'GLACIER')), 'accepted'],
    [
      'a colder class before a warmer one',
      rule(everything + to(90, 'STANDARD_IA') + to(60, 'GLACIER')),
      'invalid_argument',
    ],
    [
      'a month in STANDARD_IA left out',
      rule(everything + to(30, 'STANDARD_IA') + to(45, 'GLACIER')),
      'invalid_argument',
    ],
    ['a month in STANDARD_IA', rule(everything + to(30, 'STANDARD_IA') + to(60, 'GLACIER')), 'accepted'],
    ['one class twice', rule(everything + to(30, 'GLACIER') + to(60, 'GLACIER')), 'missing_argument'],
    [
      'expiration before the move',
      rule(`${everything}${to(60, 'GLACIER')}<Expiration><Days>60</Days></Expiration>`),
      'invalid_argument',
    ],
    [
      'days mixed with dates',
      rule(`${everything}${to(60, 'GLACIER')}<Expiration><Date>2030-01-01</Date></Expiration>`),
      'missing_argument',
    ],
    [
      'noncurrent versions after zero days',
      rule(
        `${everything}<NoncurrentVersionExpiration><NoncurrentDays>0</NoncurrentDays></NoncurrentVersionExpiration>`,
      ),
      'invalid_argument',
    ],
    [
      '101 newer versions',
      rule(
        `${everything}<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>101</NewerNoncurrentVersions></NoncurrentVersionExpiration>`,
      ),
      'invalid_argument',
    ],
    [
      'zero days to an abort',
      rule(
        `${everything}<AbortIncompleteMultipartUpload><DaysAfterInitiation>0</DaysAfterInitiation></AbortIncompleteMultipartUpload>`,
      ),
      'invalid_argument',
    ],
  ])('answers %s as S3 does', (_, rules, outcome) => {
    expect(refusal(rules)).toBe(outcome);
  });
});

const facts = (change: Partial<VersionFacts> = {}): VersionFacts => ({
  key: 'logs/a',
  size: 1_000_000,
  tags: {},
  storageClass: 'STANDARD',
  lastModified: at('2024-01-15T10:30:00Z'),
  deleteMarker: false,
  alone: true,
  ...change,
});

describe('the evaluator of lifecycle rules', () => {
  const expiring = (days: number) =>
    configured(rule(`<Prefix>logs/</Prefix><Expiration><Days>${days}</Days></Expiration>`));

  it('counts whole days from the write and rounds up to the next midnight UTC', () => {
    const evaluator = compileLifecycle(expiring(3));
    expect(evaluator.expiryOf(facts())).toEqual({ at: at('2024-01-19T00:00:00Z'), rule: 'r' });
    expect(evaluator.decide(facts(), at('2024-01-18T23:59:59Z'))).toBeUndefined();
    expect(evaluator.decide(facts(), at('2024-01-19T00:00:00Z'))).toEqual({ kind: 'expire', rule: 'r' });
    expect(evaluator.decide(facts({ key: 'other' }), at('2034-01-19T00:00:00Z'))).toBeUndefined();
  });

  it('takes days of any length for suites that do not wait', () => {
    const evaluator = compileLifecycle(expiring(2), 10_000);
    expect(evaluator.expiryOf(facts({ lastModified: 100_001 }))?.at).toBe(130_000);
  });

  it('applies a date to every object from that day on', () => {
    const evaluator = compileLifecycle(configured(rule('<Filter/><Expiration><Date>2024-02-01</Date></Expiration>')));
    expect(evaluator.decide(facts(), at('2024-01-31T23:00:00Z'))).toBeUndefined();
    expect(evaluator.decide(facts({ lastModified: at('2025-01-01') }), at('2025-01-02'))?.kind).toBe('expire');
  });

  it('asks all conditions of a filter', () => {
    const evaluator = compileLifecycle(
      configured(
        rule(
          '<Filter><And><Prefix>logs/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><ObjectSizeGreaterThan>10</ObjectSizeGreaterThan><ObjectSizeLessThan>20</ObjectSizeLessThan></And></Filter><Expiration><Days>1</Days></Expiration>',
        ),
      ),
    );
    const late = at('2024-03-01');
    const fits = { tags: { k: 'v', more: 'x' }, size: 15 };
    expect(evaluator.decide(facts(fits), late)?.kind).toBe('expire');
    for (const off of [{ tags: {} }, { tags: { k: 'w' } }, { size: 10 }, { size: 20 }, { key: 'log/a' }]) {
      expect(evaluator.decide(facts({ ...fits, ...off }), late)).toBeUndefined();
    }
  });

  it('moves to the coldest class that is due, never to a warmer one, and leaves small objects alone', () => {
    const moves = rule(
      '<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition><Transition><Days>90</Days><StorageClass>GLACIER</StorageClass></Transition>',
    );
    const evaluator = compileLifecycle(configured(moves));
    const begin = facts().lastModified;
    const to = (change: Partial<VersionFacts>, days: number) => {
      const action = evaluator.decide(facts(change), begin + days * DAY + DAY);
      return action?.kind === 'transition' ? action.storageClass : action?.kind;
    };
    expect(to({}, 28)).toBeUndefined();
    expect(to({}, 30)).toBe('STANDARD_IA');
    expect(to({ storageClass: 'STANDARD_IA' }, 89)).toBeUndefined();
    expect(to({}, 90)).toBe('GLACIER');
    expect(to({ storageClass: 'DEEP_ARCHIVE' }, 400)).toBeUndefined();
    expect(to({ size: 131_071 }, 90)).toBeUndefined();
    const varies = compileLifecycle({ ...configured(moves), minimumSize: 'varies_by_storage_class' });
    expect(varies.decide(facts({ size: 5 }), begin + 91 * DAY)).toMatchObject({ storageClass: 'GLACIER' });
  });

  it('removes rather than moves when both are due', () => {
    const evaluator = compileLifecycle(
      configured(
        rule('<Filter/><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>', 'move') +
          rule('<Filter/><Expiration><Days>1</Days></Expiration>', 'end'),
      ),
    );
    expect(evaluator.decide(facts(), at('2025-01-01'))).toEqual({ kind: 'expire', rule: 'end' });
  });

  it('keeps the newest noncurrent versions, and counts their days from their successor', () => {
    const evaluator = compileLifecycle(
      configured(
        rule(
          '<Filter/><NoncurrentVersionExpiration><NoncurrentDays>10</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>',
        ),
      ),
    );
    const since = at('2024-02-01T00:00:00Z');
    const decide = (newer: number, now: number) =>
      evaluator.decide(facts({ noncurrent: { since, newer }, alone: false }), now);
    expect(decide(2, since + 10 * DAY)).toEqual({ kind: 'remove-version', rule: 'r' });
    expect(decide(2, since + 10 * DAY - 1)).toBeUndefined();
    expect(decide(1, since + 400 * DAY)).toBeUndefined();
    expect(evaluator.decide(facts(), since + 400 * DAY)).toBeUndefined();
  });

  it('removes a delete marker only when nothing is behind it', () => {
    const evaluator = compileLifecycle(
      configured(rule('<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>')),
    );
    const marker = facts({ deleteMarker: true, size: 0 });
    expect(evaluator.decide(marker, marker.lastModified)).toEqual({ kind: 'remove-marker', rule: 'r' });
    expect(evaluator.decide({ ...marker, alone: false }, at('2030-01-01'))).toBeUndefined();
  });

  it('acts by last access only where accesses are known', () => {
    const evaluator = compileLifecycle(
      configured(
        rule(
          '<Filter/><Transition><DaysSinceLastAccess>60</DaysSinceLastAccess><StorageClass>STANDARD_IA</StorageClass></Transition>',
        ),
      ),
    );
    const now = at('2024-12-01');
    expect(evaluator.decide(facts(), now)).toBeUndefined();
    expect(evaluator.decide(facts({ lastAccess: at('2024-11-20') }), now)).toBeUndefined();
    expect(evaluator.decide(facts({ lastAccess: at('2024-09-01') }), now)).toMatchObject({ kind: 'transition' });
  });

  it('finds the rules of a key among a thousand prefixes', () => {
    const rules = Array.from({ length: 1000 }, (_, i) =>
      rule(`<Prefix>p${i}/</Prefix><Expiration><Days>1</Days></Expiration>`, `r${i}`),
    ).join('');
    const evaluator = compileLifecycle(configured(rules));
    expect(evaluator.expiryOf(facts({ key: 'p77/x' }))?.rule).toBe('r77');
    expect(evaluator.expiryOf(facts({ key: 'p1000/x' }))).toBeUndefined();
  });

  it('aborts uploads by prefix and age', () => {
    const evaluator = compileLifecycle(
      configured(
        rule(
          '<Prefix>up/</Prefix><AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload>',
        ),
      ),
    );
    expect(evaluator.abortOf('up/x', at('2024-01-01T05:00:00Z'))).toEqual({ at: at('2024-01-04'), rule: 'r' });
    expect(evaluator.abortOf('down/x', 0)).toBeUndefined();
  });
});
