// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written so.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileArnPattern, matchesArn } from './arn-pattern.ts';
import { compilePattern, matchesPattern } from './pattern.ts';

const none = () => undefined;
const matches = (pattern: string, name: string, values: (key: string) => string | undefined = none) =>
  matchesPattern(compilePattern(pattern, { variables: true, wildcards: true }), name, values);
const arnMatches = (pattern: string, arn: string, values: (key: string) => string | undefined = none) =>
  matchesArn(compileArnPattern(pattern, { variables: true }), arn, values);

const tricky = fc.string({
  unit: fc.constantFrom('a', 'b', '*', '?', '.', '/', '$', '{', '}', '[', '\\', '𝛼'),
  maxLength: 8,
});

it('agrees with a plain recursive matcher on any pattern and name', () => {
  const slow = (pattern: string[], name: string[]): boolean => {
    const [head, ...rest] = pattern;
    if (head === undefined) return name.length === 0;
    if (head === '*') return slow(rest, name) || (name.length > 0 && slow(pattern, name.slice(1)));
    return name.length > 0 && (head === '?' || head === name[0]) && slow(rest, name.slice(1));
  };
  fc.assert(
    fc.property(tricky, tricky, (pattern, name) => {
      const compiled = compilePattern(pattern, { variables: false, wildcards: true });
      expect(matchesPattern(compiled, name, none)).toBe(slow([...pattern], [...name]));
    }),
    { numRuns: 2_000 },
  );
});

it('never lets wildcards in a resource’s own name widen a policy', () => {
  fc.assert(
    fc.property(tricky, tricky, (own, other) => {
      const policyText = own.replace(/[*?$]/g, 'x');
      expect(matches(policyText, other)).toBe(policyText === other);
      expect(matches('a*', own)).toBe(own.startsWith('a'));
    }),
    { numRuns: 1_000 },
  );
  expect(arnMatches('arn:aws:glue:us-east-1:1:table/sales/orders', 'arn:aws:glue:us-east-1:1:table/*/*')).toBe(false);
  expect(arnMatches('arn:aws:glue:us-east-1:1:table/sales/*', 'arn:aws:glue:us-east-1:1:table/*/*')).toBe(false);
  expect(arnMatches('arn:aws:glue:*:1:table/*/*', 'arn:aws:glue:us-east-1:1:table/*/*')).toBe(true);
});

it('takes a variable’s value literally, whatever stands in it', () => {
  const named = (name: string) => (key: string) => (key === 'aws:username' ? name : undefined);
  expect(matches('home/${aws:username}/*', 'home/ada/x', named('ada'))).toBe(true);
  expect(matches('home/${aws:username}/*', 'home/grace/x', named('*'))).toBe(false);
  expect(matches('home/${aws:username}/*', 'home/*/x', named('*'))).toBe(true);
  expect(matches('home/${aws:username}/*', 'home/${aws:username}/x', none)).toBe(false);
  expect(matches("home/${aws:username, 'guest'}", 'home/guest', none)).toBe(true);
  expect(matches('${*}${?}${$}', '*?$', none)).toBe(true);
  expect(matches('${*}', 'abc', none)).toBe(false);
});

it('leaves variables as plain text where the policy’s version has none', () => {
  const pattern = compilePattern('${aws:username}', { variables: false, wildcards: true });
  expect(matchesPattern(pattern, 'ada', () => 'ada')).toBe(false);
  expect(matchesPattern(pattern, '${aws:username}', () => 'ada')).toBe(true);
});

it('matches each part of an ARN for itself', () => {
  expect(arnMatches('arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket/a/b:c')).toBe(true);
  expect(arnMatches('arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket')).toBe(false);
  expect(arnMatches('arn:aws:s3:::bucket*', 'arn:aws:s3:::bucket-of-somebody/x')).toBe(true);
  expect(arnMatches('arn:aws:*:user/ada', 'arn:aws:iam::1:user/ada')).toBe(false);
  expect(arnMatches('arn:aws:iam::1:*', 'arn:aws:iam::2:user/ada')).toBe(false);
  expect(arnMatches('arn:aws:sqs', 'arn:aws:sqs:r:1:queue')).toBe(true);
  expect(arnMatches('*', 'anything')).toBe(true);
  expect(arnMatches('arn:aws:s3:::*', '*')).toBe(false);
  expect(arnMatches('arn:aws:s3:::${aws:username}/*', 'arn:aws:s3:::ada/x', () => 'ada')).toBe(true);
});

it('stays fast on patterns made to be slow', () => {
  const started = process.cpuUsage().user;
  expect(matches(`${'*a'.repeat(200)}b`, 'a'.repeat(5_000))).toBe(false);
  expect(process.cpuUsage().user - started).toBeLessThan(3_000_000);
});
