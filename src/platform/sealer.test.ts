import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import { createSealer } from './sealer.ts';

const sealer = createSealer(randomBytes(32));

it('opens what it sealed, for the same purpose only', () => {
  const sealed = sealer.seal(new Secret('s3cr3t-välue'), 'access-key');
  expect(sealer.open(sealed, 'access-key').reveal()).toBe('s3cr3t-välue');
  expect(() => sealer.open(sealed, 'source-password')).toThrow(/does not open/);
});

it('refuses bytes that were changed, and another key', () => {
  const sealed = Buffer.from(sealer.seal(new Secret('x'), 'p'));
  sealed[sealed.length - 1]! ^= 1;
  expect(() => sealer.open(sealed, 'p')).toThrow(/does not open/);
  expect(() => createSealer(randomBytes(32)).open(sealer.seal(new Secret('x'), 'p'), 'p')).toThrow(/master\.key/);
});

it('never prints a secret', () => {
  const secret = new Secret('hunter2');
  expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain('hunter2');
});
